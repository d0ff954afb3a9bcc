// SPDX-License-Identifier: MIT
//! Processes that something happens to.

use std::ffi::CStr;

use nix::libc;
use nix::unistd::{ForkResult, Pid, execv, fork};

/// A program that ends at once, and well.
const TRUE: &CStr = c"/bin/true";

/// A child of this process.
#[derive(Debug)]
pub(crate) struct Child(Pid);

impl Child {
    /// Begins one, which does this and ends with that code. It may do only
    /// what a child of many threads may.
    pub(crate) fn fork(act: impl FnOnce() -> i32) -> Self {
        // SAFETY: the child makes system calls and ends, and allocates nothing.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => Self(child),
            ForkResult::Child => {
                let code = act();
                // SAFETY: ends the process, and that is all.
                unsafe { libc::_exit(code) }
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.as_raw().try_into().unwrap()
    }

    /// Waits for its end; the status.
    pub(crate) fn wait(self) -> i32 {
        let mut status = 0;
        // SAFETY: the address is that of an int.
        let pid = unsafe { libc::waitpid(self.0.as_raw(), &raw mut status, 0) };
        assert_eq!(pid, self.0.as_raw());
        status
    }
}

/// Runs another program; does not return if that succeeds.
pub(crate) fn exec() -> i32 {
    let _ = execv(TRUE, &[TRUE]);
    127
}
