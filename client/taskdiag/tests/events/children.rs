// SPDX-License-Identifier: MIT
//! Child processes that cause events.

use std::ffi::CStr;

use nix::libc;
use nix::unistd::{ForkResult, Pid, execv, fork};

/// A program that exits at once, with status 0.
const TRUE: &CStr = c"/bin/true";

/// A child of this process.
#[derive(Debug)]
pub(crate) struct Child(Pid);

impl Child {
    /// Forks a child that calls `act` and exits with its result. `act` may
    /// only call async-signal-safe functions, as the parent has several threads.
    pub(crate) fn fork(act: impl FnOnce() -> i32) -> Self {
        // SAFETY: the child makes system calls and exits, and allocates
        // nothing.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => Self(child),
            ForkResult::Child => {
                let code = act();
                // SAFETY: it ends the process.
                unsafe { libc::_exit(code) }
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.as_raw().try_into().unwrap()
    }

    /// Waits for the exit and returns the status.
    pub(crate) fn wait(self) -> i32 {
        let mut status = 0;
        // SAFETY: the pointer refers to an int.
        let pid = unsafe { libc::waitpid(self.0.as_raw(), &raw mut status, 0) };
        assert_eq!(pid, self.0.as_raw());
        status
    }
}

/// Calls execve(); returns only if that fails.
pub(crate) fn exec() -> i32 {
    let _ = execv(TRUE, &[TRUE]);
    127
}
