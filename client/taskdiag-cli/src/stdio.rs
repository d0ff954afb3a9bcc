// SPDX-License-Identifier: MIT
//! Standard output, and messages on standard error.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};

/// Room for what a full receive buffer of tasks comes to in most formats.
pub(crate) const OUTPUT_BUFFER: usize = 64 * 1024;

/// Standard output, written in large pieces, and the width of the terminal if
/// it is one.
pub(crate) fn open_stdout() -> (BufWriter<StdoutLock<'static>>, Option<usize>) {
    let stdout = io::stdout();
    let width = stdout
        .is_terminal()
        .then(|| terminal_size::terminal_size_of(&stdout))
        .flatten()
        .map(|(width, _)| usize::from(width.0));
    let out = BufWriter::with_capacity(OUTPUT_BUFFER, stdout.lock());
    (out, width)
}

/// Tells the user something that is not part of the output.
pub(crate) fn print_message(what: fmt::Arguments<'_>) {
    // A closed standard error is no reason to panic.
    let _ = writeln!(io::stderr(), "taskdiag-cli: {what}");
}
