// SPDX-License-Identifier: MIT
//! Starts tasks that share this process's memory.

use nix::errno::Errno;
use nix::libc::{self, c_int, c_void};
use nix::unistd::Pid;

use crate::error::{Error, Result};

/// Stack size of a task that only makes system calls.
pub(crate) const STACK: usize = 4096;

/// The function that a task runs, with one argument.
pub(crate) type Run = extern "C" fn(*mut c_void) -> c_int;

/// Starts a task with `CLONE_VM` and these flags of `clone()`.
///
/// # Safety
///
/// The stack and the object that the argument points to must outlive the task. `run`
/// must not use thread-local data of libc.
pub(crate) unsafe fn start(
    run: Run,
    argument: *mut c_void,
    flags: c_int,
    stack: &mut [u8],
) -> Result<Pid> {
    let top = stack.as_mut_ptr_range().end.cast();
    // SAFETY: the task has a stack of its own; the caller guarantees the rest.
    let pid = unsafe { libc::clone(run, top, libc::CLONE_VM | flags, argument) };
    let pid = Errno::result(pid).map_err(Error::io("clone"))?;
    Ok(Pid::from_raw(pid))
}
