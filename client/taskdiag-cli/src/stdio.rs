// SPDX-License-Identifier: MIT
//! Standard output, and messages on standard error.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::libc;

/// Size of the output buffer: in most formats it holds the rows of a full receive
/// buffer.
pub(crate) const OUTPUT_BUFFER: usize = 64 * 1024;

/// Whether standard output was closed when the process was started. The runtime of
/// Rust opens `/dev/null` in its place, so output would vanish without an error.
static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

extern "C" fn note_closed_stdout() {
    // SAFETY: F_GETFD reads the flags of a descriptor, or fails if it is closed.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    WAS_CLOSED.store(flags < 0, Ordering::Relaxed);
}

/// Runs before the runtime.
// SAFETY: the section contains pointers to functions that the loader calls, and the
// function neither allocates nor depends on the runtime.
#[used]
#[unsafe(link_section = ".init_array")]
static NOTE_CLOSED_STDOUT: extern "C" fn() = note_closed_stdout;

/// Standard output. Writing fails if it was closed when the process was started.
#[derive(Debug)]
pub(crate) struct Stdout(StdoutLock<'static>);

impl io::Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match WAS_CLOSED.load(Ordering::Relaxed) {
            true => Err(io::Error::from_raw_os_error(libc::EBADF)),
            false => self.0.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Returns buffered standard output, and the width of the terminal if standard
/// output is one.
pub(crate) fn open_stdout() -> (BufWriter<Stdout>, Option<usize>) {
    let stdout = io::stdout();
    let width = stdout
        .is_terminal()
        .then(|| terminal_size::terminal_size_of(&stdout))
        .flatten()
        .map(|(width, _)| usize::from(width.0));
    let out = BufWriter::with_capacity(OUTPUT_BUFFER, Stdout(stdout.lock()));
    (out, width)
}

/// Prints a message with the name of the command on standard error.
pub(crate) fn print_message(message: fmt::Arguments<'_>) {
    // Ignore the error: standard error may be closed.
    let _ = writeln!(io::stderr(), "taskdiag-cli: {message}");
}
