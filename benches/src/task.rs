// SPDX-License-Identifier: MIT
//! Starting tasks that share this process's memory.

use nix::errno::Errno;
use nix::libc::{self, c_int, c_void};
use nix::unistd::Pid;

use crate::error::{Error, Result};

/// What a task needs of a stack that calls the kernel and no more.
pub(crate) const STACK: usize = 4096;

/// What a task does, given one pointer.
pub(crate) type Run = extern "C" fn(*mut c_void) -> c_int;

/// Starts a task with these flags of `clone()` besides.
///
/// # Safety
///
/// The stack and whatever is behind the argument have to live as long as the
/// task does, and `run` must need nothing of libc that is a thread's own.
pub(crate) unsafe fn start(
    run: Run,
    argument: *mut c_void,
    flags: c_int,
    stack: &mut [u8],
) -> Result<Pid> {
    let top = stack.as_mut_ptr_range().end.cast();
    // SAFETY: the task has a stack of its own, and the caller says the rest.
    let pid = unsafe { libc::clone(run, top, libc::CLONE_VM | flags, argument) };
    let pid = Errno::result(pid).map_err(Error::io("clone"))?;
    Ok(Pid::from_raw(pid))
}
