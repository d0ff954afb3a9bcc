// SPDX-License-Identifier: MIT
//! The numbers of tasks, as they are given.

use taskdiag::Pid;

/// The greatest that there could be.
pub(crate) const MAX: Pid = i32::MAX.unsigned_abs();

/// A pid is what could be one; whether it is, is for the kernel to say.
pub(crate) fn parse(word: &str) -> Option<Pid> {
    let pid = word.parse().ok()?;
    (1..=MAX).contains(&pid).then_some(pid)
}

/// Likewise, for an option.
pub(crate) fn parse_arg(word: &str) -> Result<Pid, String> {
    parse(word).ok_or_else(|| format!("a PID is a number from 1 to {MAX}"))
}
