// SPDX-License-Identifier: MIT
//! Parses pids.

use taskdiag::Pid;

/// The largest value of a pid in the ABI.
pub(crate) const MAX: Pid = i32::MAX.unsigned_abs();

/// A word that is not a pid, for messages that have to quote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid PID {0:?}: expected a number from 1 to {MAX}")]
pub(crate) struct PidError(String);

/// Parses a possible pid; the kernel decides whether the task exists.
pub(crate) fn parse(word: &str) -> Result<Pid, PidError> {
    word.parse()
        .ok()
        .filter(|pid| (1..=MAX).contains(pid))
        .ok_or_else(|| PidError(word.to_owned()))
}

/// Parses the value of an option; clap quotes the word in its message.
pub(crate) fn parse_arg(word: &str) -> Result<Pid, String> {
    parse(word).map_err(|_| format!("expected a number from 1 to {MAX}"))
}
