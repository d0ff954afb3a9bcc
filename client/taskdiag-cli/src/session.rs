// SPDX-License-Identifier: MIT
//! What the jobs of the command have in common: whom they ask, where they write,
//! and what they say beside their output.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};

use nix::libc;
use taskdiag::{AnySource, Client, Error, Features, Request, Show, TaskRef, TransportKind};

use crate::exit::Failure;

/// Room for what a full receive buffer of tasks comes to in most formats.
pub(crate) const OUTPUT_BUFFER: usize = 64 * 1024;

/// Finds whom to ask. Who has not said to read /proc is told what that costs.
pub(crate) fn connect(way: Option<TransportKind>) -> Result<Client<AnySource>, Error> {
    if let Some(way) = way {
        return Client::connect_over(way);
    }
    let client = Client::connect_any()?;
    if client.source().kind().is_slow() {
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
pub(crate) fn failure(error: Error, request: &Request<'static>) -> Failure {
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

/// The rows of a run that lack groups.
#[derive(Debug, Default)]
pub(crate) struct Incomplete {
    rows: u64,
    gone: Show,
    denied: Show,
    busy: Show,
    limit: Show,
}

impl Incomplete {
    /// Counts the row, or the last piece of a row, if it lacks groups that the
    /// task has.
    pub(crate) fn note(&mut self, task: TaskRef<'_>) {
        let absent = task.absent();
        if !absent.lost().is_empty() {
            self.rows += 1;
            self.gone |= absent.gone;
            self.denied |= absent.denied;
            self.busy |= absent.busy;
            self.limit |= absent.limit;
        }
    }

    /// The warning, if there is something to warn of.
    fn warning(&self) -> Option<String> {
        let reasons = [
            ("the task ended or called execve()", self.gone),
            ("permission denied", self.denied),
            ("the task was busy", self.busy),
            ("too large", self.limit),
        ];
        let reasons: Vec<String> = reasons
            .into_iter()
            .filter(|(_, groups)| !groups.is_empty())
            .map(|(reason, groups)| format!("{groups}: {reason}"))
            .collect();
        let rows = match self.rows {
            0 => return None,
            1 => "1 row is incomplete".to_owned(),
            rows => format!("{rows} rows are incomplete"),
        };
        Some(format!("warning: {rows} ({})", reasons.join("; ")))
    }

    /// Warns once, if any row was incomplete.
    pub(crate) fn warn(&self) {
        if let Some(warning) = self.warning() {
            say(format_args!("{warning}"));
        }
    }
}

/// Tells the user something that is not part of the output.
pub(crate) fn say(what: fmt::Arguments<'_>) {
    // A closed standard error is no reason to panic.
    let _ = writeln!(io::stderr(), "taskdiag-cli: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warning_counts_rows_and_lists_groups_by_reason() {
        let mut incomplete = Incomplete::default();
        assert_eq!(incomplete.warning(), None);
        let masks = |masks: [u64; 5]| {
            let header = [44u16.to_ne_bytes(), 5u16.to_ne_bytes()].concat();
            let masks = masks.map(u64::to_ne_bytes).concat();
            [header, masks].concat()
        };
        let mut note = |attributes: &[u8]| {
            incomplete.note(TaskRef::new(1, 1, attributes).expect("attributes"));
            incomplete.warning()
        };
        // Mappings of a thread are in the row of its leader.
        assert_eq!(note(&masks([0, 0, 0, 0, 0b11 << 3])), None);
        assert_eq!(
            note(&masks([0, 1 << 6, 0, 0, 0])).as_deref(),
            Some("warning: 1 row is incomplete (files: permission denied)")
        );
        assert_eq!(
            note(&masks([1 << 5, 1 << 8, 1 << 3, 1 << 9, 0])).as_deref(),
            Some(
                "warning: 2 rows are incomplete (cmdline: the task ended or called execve(); \
                 files,ns: permission denied; vma: the task was busy; cgroup: too large)"
            )
        );
    }
}
