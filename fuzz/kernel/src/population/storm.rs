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
const CALM: u32 = 6;
/// At least and at most.
const PAUSE: RangeInclusive<Duration> = Duration::from_millis(2)..=Duration::from_millis(200);

/// A life.
#[derive(Clone, Copy, Debug)]
enum Life {
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
const LIVES: [Life; 16] = [
    Life::Short,
    Life::Renamed,
    Life::Short,
    Life::Threaded,
    Life::Short,
    Life::WithOrphan,
    Life::InSession,
    Life::Short,
    Life::Renamed,
    Life::Threaded,
    Life::Exec,
    Life::Short,
    Life::WithOrphan,
    Life::Threaded,
    Life::Short,
    Life::ExecByThread,
];

/// Starts a storm, of this user's.
pub(super) fn raise(user: Option<User>, shared: &'static Shared) -> io::Result<Child> {
    let storm = Child::fork(move || {
        if let Err(error) = user.map_or(Ok(()), User::become_it) {
            eprintln!("taskdiag-fuzz: the storm: {error}");
            return 1;
        }
        for life in LIVES.into_iter().cycle() {
            if shared.calm.load(Relaxed) {
                break;
            }
            let begun = Instant::now();
            // There may be too many processes for a moment.
            if let Ok(child) = Child::fork(move || live(life)) {
                let pid = child.pid();
                if child.wait().is_ok() {
                    shared.just_exited.store(pid, Relaxed);
                    shared.storm.fetch_add(1, Relaxed);
                }
            }
            sleep((CALM * begun.elapsed()).clamp(*PAUSE.start(), *PAUSE.end()));
        }
        0
    })?;
    Ok(storm)
}

fn live(life: Life) -> u8 {
    match life {
        Life::Short => {}
        Life::Renamed => {
            for name in [c"one name", c"another name", c"\xfe\xfd)"] {
                let _ = prctl::set_name(name);
                thread::yield_now();
            }
        }
        Life::Threaded => {
            let threads: Vec<_> = (0..3)
                .filter_map(|_| thread::Builder::new().spawn(thread::yield_now).ok())
                .collect();
            for thread in threads {
                let _ = thread.join();
            }
        }
        Life::WithOrphan => {
            let _ = Child::fork(|| {
                thread::yield_now();
                0
            });
        }
        Life::InSession => {
            let _ = setsid();
            thread::yield_now();
        }
        Life::Exec => exec(),
        Life::ExecByThread => {
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
