// SPDX-License-Identifier: MIT
//! Creates pools of many cheap tasks.
//!
//! All tasks of a pool share one address space, so that 100,000 tasks fit into a few
//! GiB. Implementations read the structures of each task, or its memory mappings, of
//! which each task has as many as this program. The tasks sleep until they are
//! killed.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::libc::{self, c_int, c_void};
use nix::sys::signal::Signal;

use crate::error::{Error, Result};
use crate::task;

/// Number of tasks that have started, in their shared memory.
static ASLEEP: AtomicUsize = AtomicUsize::new(0);

/// Printed when all tasks have started.
const READY: &[u8] = b"ready";

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Processes,
    Threads,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Processes => "processes",
            Self::Threads => "threads",
        }
    }

    const fn flags(self) -> c_int {
        const SHARED: c_int = libc::CLONE_FS | libc::CLONE_FILES;
        match self {
            Self::Processes => SHARED | libc::SIGCHLD,
            Self::Threads => SHARED | libc::CLONE_SIGHAND | libc::CLONE_THREAD,
        }
    }
}

/// A pool of tasks. Dropping this ends them.
pub(crate) struct TaskPool {
    child: Child,
    /// Closing this ends the pool.
    stdin: Option<ChildStdin>,
}

impl TaskPool {
    /// Starts a process that creates the tasks, and waits until all have started.
    pub(crate) fn start(kind: Kind, tasks: usize) -> Result<Self> {
        let mut child = Command::new("/proc/self/exe")
            .args(["task-pool", "--kind", kind.name()])
            .arg(tasks.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::io("starting a task pool"))?;
        let stdin = child.stdin.take();
        // The tasks inherit the write end, so the pipe has no end of file.
        let mut ready = [0; READY.len()];
        if let Some(mut stdout) = child.stdout.take() {
            stdout
                .read_exact(&mut ready)
                .map_err(Error::io(format!("starting {tasks} {}", kind.name())))?;
        }
        Ok(Self { child, stdin })
    }

    /// Pid of the process whose children or threads the tasks are.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for TaskPool {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if let Err(error) = self.child.wait() {
            eprintln!("bench: cannot reap the task pool: {error}");
        }
    }
}

/// Runs the process of the pool: creates the tasks, reports that they have started,
/// and ends them when its standard input is closed.
pub(crate) fn run(kind: Kind, tasks: usize) -> Result<()> {
    let mut stacks = vec![0; tasks * task::STACK];
    let mut children = Vec::with_capacity(tasks);
    for stack in stacks.chunks_exact_mut(task::STACK) {
        // SAFETY: the stack exists as long as this process, and sleep() uses only its
        // stack.
        children.push(unsafe { task::start(sleep, null_mut(), kind.flags(), stack) }?);
    }
    while ASLEEP.load(Ordering::Relaxed) < tasks {
        thread::sleep(Duration::from_millis(1));
    }
    io::stdout()
        .write_all(READY)
        .and_then(|()| io::stdout().flush())
        .map_err(Error::io("reporting that the tasks have started"))?;
    io::stdin()
        .read_to_end(&mut Vec::new())
        .map_err(Error::io("waiting for the end of the pool"))?;
    if kind == Kind::Processes {
        for child in children {
            // kill() fails if the process has already been reaped.
            let _ = nix::sys::signal::kill(child, Signal::SIGKILL);
            let _ = nix::sys::wait::waitpid(child, None);
        }
    }
    std::process::exit(0);
}

extern "C" fn sleep(_: *mut c_void) -> c_int {
    // A thread sets the signal of the whole process, with the same effect.
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    ASLEEP.fetch_add(1, Ordering::Relaxed);
    loop {
        nix::unistd::pause();
    }
}
