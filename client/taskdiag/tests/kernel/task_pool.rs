// SPDX-License-Identifier: MIT
//! Processes that sleep until they are killed, for tests to find.

use std::collections::BTreeSet;

use nix::sched::sched_yield;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pause};

use crate::procfs;

/// Children of this process, killed and reaped by drop().
#[derive(Debug)]
pub(crate) struct TaskPool(Vec<Pid>);

impl TaskPool {
    pub(crate) fn new(size: usize) -> Self {
        let mut pool = Self(Vec::with_capacity(size));
        for _ in 0..size {
            pool.0.push(spawn());
        }
        // Their fields change until they sleep.
        for pid in pool.pids() {
            while procfs::status(pid)["State"][0] != "S" {
                sched_yield().unwrap();
            }
        }
        pool
    }

    pub(crate) fn pids(&self) -> BTreeSet<u32> {
        self.0.iter().map(|pid| pid_number(*pid)).collect()
    }
}

impl Drop for TaskPool {
    fn drop(&mut self) {
        for &pid in &self.0 {
            // An error means that the process is gone already.
            let _ = kill(pid, Signal::SIGKILL);
        }
        for &pid in &self.0 {
            let _ = waitpid(pid, None);
        }
    }
}

/// Returns a pid that was just freed.
pub(crate) fn free_pid() -> u32 {
    let one = TaskPool::new(1);
    pid_number(one.0[0])
}

fn pid_number(pid: Pid) -> u32 {
    pid.as_raw().try_into().unwrap()
}

fn spawn() -> Pid {
    // SAFETY: the child only calls pause(), which is async-signal-safe.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => loop {
            pause();
        },
    }
}
