// SPDX-License-Identifier: MIT
//! What the jobs of the command have in common: whom they ask, where they write,
//! and what they say beside their output.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};

use nix::libc;
use taskdiag::{AnyTransport, Client, Error, Features, Request, TaskRef, Way};

use crate::exit::Failure;

/// Room for what a full receive buffer of tasks comes to in most formats.
pub(crate) const OUTPUT_BUFFER: usize = 64 * 1024;

/// Finds whom to ask. Who has not said to read /proc is told what that costs.
pub(crate) fn connect(way: Option<Way>) -> Result<Client<AnyTransport>, Error> {
    if let Some(way) = way {
        return Client::connect_by(way);
    }
    let client = Client::connect_any()?;
    if client.transport().way().is_slow() {
        say(format_args!("{SLOW}"));
    }
    Ok(client)
}

const SLOW: &str = "\
the running kernel has no task_diag: reading /proc instead, at
several system calls a task. A kernel with task_diag answers in one request for
all; scripts/install of its sources gives this one the module. With --transport
procfs this goes without saying.";

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

/// What failed. A kernel that refuses a request is asked what it can do: it may
/// be older than this command.
pub(crate) fn failure(error: Error, request: &Request) -> Failure {
    let lacking = match error.errno() {
        Some(libc::EINVAL | libc::EOPNOTSUPP) => Client::connect_any()
            .and_then(|mut client| client.features())
            .map(|features| features.lacking(request))
            .unwrap_or_default(),
        _ => Features::default(),
    };
    if lacking.is_empty() {
        Failure::request(error, request)
    } else {
        Failure::Lacking(lacking)
    }
}

/// Says that something is missing, where that is so.
pub(crate) fn tell_if_cut(task: TaskRef<'_>) {
    if task.cut() {
        log::warn!(
            "process {}: its memory went away while it was told of; the rest is missing",
            task.tgid()
        );
    }
}

/// Tells the user something that is not part of the output.
pub(crate) fn say(what: fmt::Arguments<'_>) {
    // A closed standard error is no reason to panic.
    let _ = writeln!(io::stderr(), "taskdiag-cli: {what}");
}
