// SPDX-License-Identifier: MIT
//! Processes that begin together, and then run a program and end.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc::{self, c_int, c_void};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe, write};

use crate::error::{Error, Result};
use crate::task;

/// Processes that wait. Until they run their program they share this process's
/// memory: a copy each would be paid by whoever listens, too, who is in it.
pub(super) struct Processes {
    pids: Vec<Pid>,
    /// Each goes on when it has a byte of this.
    go: OwnedFd,
    /// Theirs, as long as they live.
    stacks: Vec<u8>,
    instructions: Box<Instructions>,
}

/// What they are to do.
struct Instructions {
    wait: OwnedFd,
    program: CString,
}

impl Processes {
    /// So many, which are going to run this.
    pub(super) fn start(count: usize, program: &CStr) -> Result<Self> {
        let (wait, go) = pipe().map_err(Error::io("pipe"))?;
        let program = program.to_owned();
        let mut processes = Self {
            pids: Vec::with_capacity(count),
            go,
            stacks: vec![0; count * task::STACK],
            instructions: Box::new(Instructions { wait, program }),
        };
        let instructions = (&raw mut *processes.instructions).cast();
        for stack in processes.stacks.chunks_exact_mut(task::STACK) {
            // SAFETY: stacks and order are kept until all processes have ended,
            // and live() needs nothing but them.
            processes
                .pids
                .push(unsafe { task::start(run, instructions, libc::SIGCHLD, stack) }?);
        }
        Ok(processes)
    }

    pub(super) fn pids(&self) -> Vec<u32> {
        let pid = |pid: &Pid| pid.as_raw().unsigned_abs();
        self.pids.iter().map(pid).collect()
    }

    /// Has them run their program, and waits until all have ended well: their
    /// pids.
    pub(super) fn run_all(mut self) -> Result<Vec<u32>> {
        let pids = self.pids();
        let bytes = vec![0; pids.len()];
        let sent = write(&self.go, &bytes).map_err(Error::io("waking processes"))?;
        if sent < bytes.len() {
            return Err(Error::failed(
                "a pipe does not hold a byte for each process",
            ));
        }
        while let Some(pid) = self.pids.pop() {
            match waitpid(pid, None).map_err(Error::io("wait"))? {
                WaitStatus::Exited(_, 0) => {}
                status => return Err(Error::failed(format!("a process ended with {status:?}"))),
            }
        }
        Ok(pids)
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for pid in &self.pids {
            // One that cannot be killed has gone already.
            let _ = kill(*pid, Signal::SIGKILL);
            let _ = waitpid(*pid, None);
        }
    }
}

extern "C" fn run(instructions: *mut c_void) -> c_int {
    // SAFETY: it is what start() gave, and stays until this has ended.
    let instructions = unsafe { &*instructions.cast::<Instructions>() };
    let program = instructions.program.as_ptr();
    let arguments = [program, std::ptr::null()];
    let mut byte = 0_u8;
    // SAFETY: the byte is there to be written, and the program and its
    // arguments are strings that end, as does the list of these.
    unsafe {
        libc::read(instructions.wait.as_raw_fd(), (&raw mut byte).cast(), 1);
        libc::execv(program, arguments.as_ptr());
        libc::_exit(127)
    }
}

/// A process that ends with this code.
pub(super) fn fork_and_exit(code: i32) -> Result<()> {
    // SAFETY: the child ends at once.
    match unsafe { fork() }.map_err(Error::io("fork"))? {
        ForkResult::Parent { child } => {
            waitpid(child, None).map_err(Error::io("wait"))?;
            Ok(())
        }
        // SAFETY: it takes a pid, and does not return.
        ForkResult::Child => unsafe { libc::_exit(code) },
    }
}
