// SPDX-License-Identifier: MIT
//! Making tasks, many and cheaply.
//!
//! All of them share one memory, so that 100,000 fit into a few GiB; what is
//! measured looks at each task's own structures, or at each task's areas, which
//! are as many as this program has. They sleep until they are killed.

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

/// How many have gone to sleep, in the memory that they share.
static ASLEEP: AtomicUsize = AtomicUsize::new(0);

/// What says that the tasks are there.
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

/// Tasks that are there until this is dropped.
pub(crate) struct TaskPool {
    child: Child,
    /// Its end is the population's.
    life: Option<ChildStdin>,
}

impl TaskPool {
    /// Starts a process that makes them, and waits until they are there.
    pub(crate) fn start(kind: Kind, tasks: usize) -> Result<Self> {
        let mut child = Command::new("/proc/self/exe")
            .args(["task-pool", "--kind", kind.name()])
            .arg(tasks.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::io("starting a population"))?;
        let life = child.stdin.take();
        // Its tasks have the other end as well, so there is no end to wait for.
        let mut ready = [0; READY.len()];
        if let Some(mut stdout) = child.stdout.take() {
            stdout
                .read_exact(&mut ready)
                .map_err(Error::io(format!("making {tasks} {}", kind.name())))?;
        }
        Ok(Self { child, life })
    }

    /// Pid of the process whose children or threads the tasks are.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for TaskPool {
    fn drop(&mut self) {
        drop(self.life.take());
        if let Err(error) = self.child.wait() {
            eprintln!("bench: the population does not end: {error}");
        }
    }
}

/// The process that has the tasks: makes them, says so, and ends them when its
/// standard input does.
pub(crate) fn run(kind: Kind, tasks: usize) -> Result<()> {
    let mut stacks = vec![0; tasks * task::STACK];
    let mut children = Vec::with_capacity(tasks);
    for stack in stacks.chunks_exact_mut(task::STACK) {
        // SAFETY: the stack lives as long as this process, and sleep() has no
        // use for anything but its stack.
        children.push(unsafe { task::start(sleep, null_mut(), kind.flags(), stack) }?);
    }
    while ASLEEP.load(Ordering::Relaxed) < tasks {
        thread::sleep(Duration::from_millis(1));
    }
    io::stdout()
        .write_all(READY)
        .and_then(|()| io::stdout().flush())
        .map_err(Error::io("saying that the tasks are there"))?;
    io::stdin()
        .read_to_end(&mut Vec::new())
        .map_err(Error::io("waiting for the end"))?;
    if kind == Kind::Processes {
        for child in children {
            // One that cannot be killed has gone already.
            let _ = nix::sys::signal::kill(child, Signal::SIGKILL);
            let _ = nix::sys::wait::waitpid(child, None);
        }
    }
    std::process::exit(0);
}

extern "C" fn sleep(_: *mut c_void) -> c_int {
    // Its own, or a thread's with the whole process.
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    ASLEEP.fetch_add(1, Ordering::Relaxed);
    loop {
        nix::unistd::pause();
    }
}
