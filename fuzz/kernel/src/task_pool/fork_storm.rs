// SPDX-License-Identifier: MIT
//! The fork storm: a process forks children, which change their name, start threads,
//! leave orphans, call execve() and exit.

use std::io;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use nix::sys::prctl;
use nix::unistd::{execv, setsid};

use crate::process::{Child, User};
use crate::shared::Shared;

/// Length of the pause between two children, in lifetimes of the previous child. The
/// pause leaves time for requests on a slow machine with one processor.
const PAUSE_FACTOR: u32 = 6;
/// Minimum and maximum length of the pause.
const PAUSE: RangeInclusive<Duration> = Duration::from_millis(2)..=Duration::from_millis(200);

/// The actions of a child before it exits.
#[derive(Clone, Copy, Debug)]
enum Lifecycle {
    Short,
    Renamed,
    Threaded,
    WithOrphan,
    InSession,
    Exec,
    /// A thread that is not the leader calls execve().
    ExecByThread,
}

/// The lifecycles of the children, used cyclically.
const LIFECYCLES: [Lifecycle; 16] = [
    Lifecycle::Short,
    Lifecycle::Renamed,
    Lifecycle::Short,
    Lifecycle::Threaded,
    Lifecycle::Short,
    Lifecycle::WithOrphan,
    Lifecycle::InSession,
    Lifecycle::Short,
    Lifecycle::Renamed,
    Lifecycle::Threaded,
    Lifecycle::Exec,
    Lifecycle::Short,
    Lifecycle::WithOrphan,
    Lifecycle::Threaded,
    Lifecycle::Short,
    Lifecycle::ExecByThread,
];

/// Starts a fork storm, as `user` if there is one.
pub(super) fn start(user: Option<User>, shared: &'static Shared) -> io::Result<Child> {
    let storm = Child::fork(move || {
        if let Err(error) = user.map_or(Ok(()), User::switch) {
            eprintln!("taskdiag-fuzz: cannot switch the fork storm to the user: {error}");
            return 1;
        }
        for lifecycle in LIFECYCLES.into_iter().cycle() {
            if shared.stop_storm.load(Relaxed) {
                break;
            }
            let start = Instant::now();
            // fork() may fail while too many processes exist.
            if let Ok(child) = Child::fork(move || run(lifecycle)) {
                let pid = child.pid();
                if child.wait().is_ok() {
                    shared.just_exited.store(pid, Relaxed);
                    shared.storm_tasks.fetch_add(1, Relaxed);
                }
            }
            sleep((PAUSE_FACTOR * start.elapsed()).clamp(*PAUSE.start(), *PAUSE.end()));
        }
        0
    })?;
    Ok(storm)
}

fn run(lifecycle: Lifecycle) -> u8 {
    match lifecycle {
        Lifecycle::Short => {}
        Lifecycle::Renamed => {
            for name in [c"one name", c"another name", c"\xfe\xfd)"] {
                let _ = prctl::set_name(name);
                thread::yield_now();
            }
        }
        Lifecycle::Threaded => {
            let threads: Vec<_> = (0..3)
                .filter_map(|_| thread::Builder::new().spawn(thread::yield_now).ok())
                .collect();
            for thread in threads {
                let _ = thread.join();
            }
        }
        Lifecycle::WithOrphan => {
            let _ = Child::fork(|| {
                thread::yield_now();
                0
            });
        }
        Lifecycle::InSession => {
            let _ = setsid();
            thread::yield_now();
        }
        Lifecycle::Exec => exec(),
        Lifecycle::ExecByThread => {
            if let Ok(thread) = thread::Builder::new().spawn(exec) {
                let _ = thread.join();
            }
        }
    }
    0
}

/// Executes a program. Returns only if execve() fails.
fn exec() {
    let _ = execv(c"/bin/true", &[c"true"]);
}
