// SPDX-License-Identifier: MIT
//! What it costs to keep a table of processes by events, as against reading
//! all of procfs once a second.
//!
//! Counts what the follower does, in the kernel and outside. That the kernel
//! makes an event is paid by whoever forks or ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::prctl::set_name;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};
use taskdiag::{Live, Show};

use crate::clock::own_ns;
use crate::error::{Error, Result};
use crate::facts::Question;
use crate::population::{Kind, Population};
use crate::rivals::ProcfsText;
use crate::source::{Source, Sum};

/// What a process goes through: it begins, has another name, is a zombie, gone.
const CHANGES_A_LIFE: u32 = 4;
/// A table may cost one part in so many of what reading procfs costs.
const PARTS: u64 = 50;

#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// How many processes there are
    #[arg(long, default_value_t = 10_000)]
    tasks: usize,
    /// How many changes a second
    #[arg(long, default_value_t = 100)]
    changes: u32,
    /// How long to follow them
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

impl Plan {
    /// Measures both, tells them, and fails if the table costs too much.
    pub(crate) fn carry_out(&self) -> Result<()> {
        let population = Population::start(Kind::Processes, self.tasks)?;
        let scan = scan()?;
        let followed = self.follow()?;
        drop(population);

        let a_second = followed.cost / self.seconds.max(1);
        println!("procfs, stat and status of all, once: {scan} ns");
        println!("a live table, a second: {a_second} ns, {followed:?}");
        println!("one part in {}", scan / a_second.max(1));
        if a_second * PARTS > scan {
            return Err(Error::failed(format!("more than one part in {PARTS}")));
        }
        Ok(())
    }

    fn follow(&self) -> Result<Followed> {
        let begun = own_ns()?;
        let mut live = Live::follow(Show::BASE | Show::CRED).map_err(Error::failed)?;
        live.poll(Some(Duration::ZERO)).map_err(Error::failed)?;
        let first = own_ns()? - begun;
        let before = live.stats();

        let over = AtomicBool::new(false);
        let cost = thread::scope(|scope| {
            let lives = scope.spawn(|| self.make_changes(&over));
            let cost = self.listen(&mut live);
            over.store(true, Ordering::Relaxed);
            lives.join().map_err(|_| Error::failed("no changes"))??;
            cost
        })?;
        let stats = live.stats();
        Ok(Followed {
            cost,
            first,
            changes: stats.changes - before.changes,
            events: stats.events - before.events,
            questions: stats.requests - before.requests,
            asked: stats.requested - before.requested,
        })
    }

    /// Follows for so long, and tells how much time that took on a processor.
    fn listen<T, E>(&self, live: &mut Live<T, E>) -> Result<u64>
    where
        T: taskdiag::live::TaskSource,
        E: taskdiag::events::EventSource,
    {
        let begun = own_ns()?;
        let end = Instant::now() + Duration::from_secs(self.seconds);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            live.poll(Some(left)).map_err(Error::failed)?;
            if left.is_zero() {
                return Ok(own_ns()? - begun);
            }
        }
    }

    /// Processes, one after another, that live long enough to be seen at each
    /// of their changes.
    fn make_changes(&self, over: &AtomicBool) -> Result<()> {
        let life = Duration::from_secs(1) * CHANGES_A_LIFE / self.changes.max(1);
        while !over.load(Ordering::Relaxed) {
            let next = Instant::now() + life;
            live_and_die(life * 3 / 4)?;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        Ok(())
    }
}

/// Has a name of its own for a while, and is a zombie for a while.
fn live_and_die(time: Duration) -> Result<()> {
    let part = time / 3;
    // SAFETY: the child sleeps, takes a name and ends, which may be done after
    // a fork of whatever number of threads.
    match unsafe { fork() }.map_err(Error::io("fork"))? {
        ForkResult::Parent { child } => {
            thread::sleep(time);
            waitpid(child, None).map_err(Error::io("wait"))?;
            Ok(())
        }
        ForkResult::Child => {
            thread::sleep(part);
            let _ = set_name(c"another");
            thread::sleep(part);
            // SAFETY: it takes a number, and does not return.
            unsafe { libc::_exit(0) }
        }
    }
}

/// What following has come to.
#[derive(Debug)]
#[allow(dead_code, reason = "it is shown")]
struct Followed {
    /// Nanoseconds, but for the first list.
    cost: u64,
    /// Those of the first list.
    first: u64,
    changes: u64,
    events: u64,
    questions: u64,
    asked: u64,
}

/// What it costs to read `stat` and `status` of all processes, in nanoseconds.
fn scan() -> Result<u64> {
    let mut procfs = ProcfsText::new(Kind::Processes, Question::BaseCredStat)?;
    // The first finds nothing in the caches.
    procfs.dump(&mut Sum::default())?;
    let begun = own_ns()?;
    procfs.dump(&mut Sum::default())?;
    Ok(own_ns()? - begun)
}
