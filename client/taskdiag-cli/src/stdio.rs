// SPDX-License-Identifier: MIT
//! Standard output, and messages on standard error.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};

/// Size of the output buffer: in most formats it holds the rows of a full receive
/// buffer.
pub(crate) const OUTPUT_BUFFER: usize = 64 * 1024;

/// Returns buffered standard output, and the width of the terminal if standard
/// output is one.
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

/// Prints a message with the name of the command on standard error.
pub(crate) fn print_message(message: fmt::Arguments<'_>) {
    // Ignore the error: standard error may be closed.
    let _ = writeln!(io::stderr(), "taskdiag-cli: {message}");
}
