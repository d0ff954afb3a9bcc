// SPDX-License-Identifier: MIT
//! Tasks that come and go: a process that forks others, which exit, take new
//! names, start threads, leave orphans, and run programs.

use std::io;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use nix::sys::prctl;
use nix::unistd::{execv, setsid};

use crate::process::{Child, User};
use crate::shared::Shared;

/// Between two of them, in lifetimes: so that there is time left for requests
/// where there is one processor, however slow it is.
const PAUSE_FACTOR: u32 = 6;
/// At least and at most.
const PAUSE: RangeInclusive<Duration> = Duration::from_millis(2)..=Duration::from_millis(200);

/// A life.
#[derive(Clone, Copy, Debug)]
enum Lifecycle {
    Short,
    Renamed,
    Threaded,
    WithOrphan,
    InSession,
    Exec,
    /// Another thread than the first runs a program.
    ExecByThread,
}

/// In turn.
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

/// Starts a storm, of this user's.
pub(super) fn start(user: Option<User>, shared: &'static Shared) -> io::Result<Child> {
    let storm = Child::fork(move || {
        if let Err(error) = user.map_or(Ok(()), User::switch) {
            eprintln!("taskdiag-fuzz: the storm: {error}");
            return 1;
        }
        for lifecycle in LIFECYCLES.into_iter().cycle() {
            if shared.stop_storm.load(Relaxed) {
                break;
            }
            let begun = Instant::now();
            // There may be too many processes for a moment.
            if let Ok(child) = Child::fork(move || run(lifecycle)) {
                let pid = child.pid();
                if child.wait().is_ok() {
                    shared.just_exited.store(pid, Relaxed);
                    shared.storm_tasks.fetch_add(1, Relaxed);
                }
            }
            sleep((PAUSE_FACTOR * begun.elapsed()).clamp(*PAUSE.start(), *PAUSE.end()));
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

/// Comes back only if there is no such program.
fn exec() {
    let _ = execv(c"/bin/true", &[c"true"]);
}
