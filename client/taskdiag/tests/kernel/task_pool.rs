// SPDX-License-Identifier: MIT
//! Processes to be found: they do nothing until they are killed.

use std::collections::BTreeSet;

use nix::sched::sched_yield;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pause};

use crate::procfs;

/// Children of this process, gone when it is dropped.
#[derive(Debug)]
pub(crate) struct TaskPool(Vec<Pid>);

impl TaskPool {
    pub(crate) fn new(size: usize) -> Self {
        let mut pool = Self(Vec::with_capacity(size));
        for _ in 0..size {
            pool.0.push(spawn());
        }
        // Until they sleep they change.
        for pid in pool.pids() {
            while procfs::status(pid)["State"][0] != "S" {
                sched_yield().unwrap();
            }
        }
        pool
    }

    pub(crate) fn pids(&self) -> BTreeSet<u32> {
        self.0.iter().map(|pid| number(*pid)).collect()
    }
}

impl Drop for TaskPool {
    fn drop(&mut self) {
        for &pid in &self.0 {
            // What fails here is gone already.
            let _ = kill(pid, Signal::SIGKILL);
        }
        for &pid in &self.0 {
            let _ = waitpid(pid, None);
        }
    }
}

/// The number of a process that was just there and is no more.
pub(crate) fn free_pid() -> u32 {
    let one = TaskPool::new(1);
    number(one.0[0])
}

fn number(pid: Pid) -> u32 {
    pid.as_raw().try_into().unwrap()
}

fn spawn() -> Pid {
    // SAFETY: the child calls pause() and nothing else, which may be called
    // after a fork of whatever number of threads.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => loop {
            pause();
        },
    }
}
