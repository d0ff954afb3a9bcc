// SPDX-License-Identifier: MIT
//! The numbers of tasks, as they are given.

use taskdiag::Pid;

/// The greatest that there could be.
pub(crate) const GREATEST: Pid = i32::MAX.unsigned_abs();

/// A pid is what could be one; whether it is, is for the kernel to say.
pub(crate) fn read(word: &str) -> Option<Pid> {
    let pid = word.parse().ok()?;
    (1..=GREATEST).contains(&pid).then_some(pid)
}

/// Likewise, for an option.
pub(crate) fn pid(word: &str) -> Result<Pid, String> {
    read(word).ok_or_else(|| format!("a PID is a number from 1 to {GREATEST}"))
}
