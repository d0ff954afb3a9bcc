// SPDX-License-Identifier: MIT
//! Processes that start together, and then call execve() and exit.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc::{self, c_int, c_void};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe, write};

use crate::error::{Error, Result};
use crate::task;

/// Processes that wait. They share this process's memory until they call execve():
/// copies would also add to the cost of the listener, which runs in this process.
pub(super) struct Processes {
    pids: Vec<Pid>,
    /// Each process continues after it has read a byte from this pipe.
    go: OwnedFd,
    /// Stacks of the processes, kept until all have exited.
    stacks: Vec<u8>,
    instructions: Box<Instructions>,
}

/// Arguments of the processes.
struct Instructions {
    wait: OwnedFd,
    program: CString,
}

impl Processes {
    /// Starts this number of processes, which will execute `program`.
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
            // and run() uses only them.
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

    /// Lets the processes call execve(), and waits until all have exited with status 0.
    /// Returns their pids.
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
                status => return Err(Error::failed(format!("a process exited with {status:?}"))),
            }
        }
        Ok(pids)
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for pid in &self.pids {
            // kill() fails if the process has already been reaped.
            let _ = kill(*pid, Signal::SIGKILL);
            let _ = waitpid(*pid, None);
        }
    }
}

extern "C" fn run(instructions: *mut c_void) -> c_int {
    // SAFETY: start() passed this pointer, and keeps the value until this process
    // has exited.
    let instructions = unsafe { &*instructions.cast::<Instructions>() };
    let program = instructions.program.as_ptr();
    let arguments = [program, std::ptr::null()];
    let mut byte = 0_u8;
    // SAFETY: `byte` is writable; the program is a NUL-terminated string, and its
    // arguments are a NULL-terminated list of such strings.
    unsafe {
        libc::read(instructions.wait.as_raw_fd(), (&raw mut byte).cast(), 1);
        libc::execv(program, arguments.as_ptr());
        libc::_exit(127)
    }
}

/// Forks a process that exits with this status, and reaps it.
pub(super) fn fork_and_exit(code: i32) -> Result<()> {
    // SAFETY: the child only calls _exit().
    match unsafe { fork() }.map_err(Error::io("fork"))? {
        ForkResult::Parent { child } => {
            waitpid(child, None).map_err(Error::io("wait"))?;
            Ok(())
        }
        // SAFETY: it takes a pid, and does not return.
        ForkResult::Child => unsafe { libc::_exit(code) },
    }
}
