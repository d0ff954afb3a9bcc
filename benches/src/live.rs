// SPDX-License-Identifier: MIT
//! Compares the cost of a live table of processes with the cost of reading all of
//! procfs once per second.
//!
//! Counts the CPU time of the follower in the kernel and in user space. The cost of
//! creating an event is charged to the task that forks or exits, and not counted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::prctl::set_name;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};
use taskdiag::{Live, Show};

use crate::clock::thread_cpu_ns;
use crate::error::{Error, Result};
use crate::implementations::ProcfsText;
use crate::source::{Source, Sum};
use crate::task_fields::Query;
use crate::task_pool::{Kind, TaskPool};

/// Changes of a child: fork, new name, zombie, reaped.
const CHANGES_PER_CHILD: u32 = 4;
/// Minimum ratio of the cost of reading procfs to the cost of the table.
const MIN_RATIO: u64 = 50;

#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// Number of processes
    #[arg(long, default_value_t = 10_000)]
    tasks: usize,
    /// Number of changes per second
    #[arg(long, default_value_t = 100)]
    changes: u32,
    /// Follow the changes for S seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

impl Plan {
    /// Measures and prints both costs.
    ///
    /// # Errors
    ///
    /// Fails if the table costs more than one part in [`MIN_RATIO`].
    pub(crate) fn run(&self) -> Result<()> {
        let pool = TaskPool::start(Kind::Processes, self.tasks)?;
        let scan = scan()?;
        let followed = self.follow()?;
        drop(pool);

        let per_second = followed.cost / self.seconds.max(1);
        println!("procfs, stat and status of all, once: {scan} ns");
        println!("a live table, per second: {per_second} ns, {followed:?}");
        println!("one part in {}", scan / per_second.max(1));
        if per_second * MIN_RATIO > scan {
            return Err(Error::failed(format!(
                "the live table costs more than one part in {MIN_RATIO}"
            )));
        }
        Ok(())
    }

    fn follow(&self) -> Result<Followed> {
        let start = thread_cpu_ns()?;
        let mut live = Live::follow(Show::BASE | Show::CRED).map_err(Error::failed)?;
        live.poll(Some(Duration::ZERO)).map_err(Error::failed)?;
        let first = thread_cpu_ns()? - start;
        let before = live.stats();

        let over = AtomicBool::new(false);
        let cost = thread::scope(|scope| {
            let changes = scope.spawn(|| self.make_changes(&over));
            let cost = self.listen(&mut live);
            over.store(true, Ordering::Relaxed);
            changes
                .join()
                .map_err(|_| Error::failed("the thread that makes changes panicked"))??;
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

    /// Follows changes for the configured time. Returns the CPU time that this took.
    fn listen<T, E>(&self, live: &mut Live<T, E>) -> Result<u64>
    where
        T: taskdiag::live::TaskSource,
        E: taskdiag::events::EventSource,
    {
        let start = thread_cpu_ns()?;
        let end = Instant::now() + Duration::from_secs(self.seconds);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            live.poll(Some(left)).map_err(Error::failed)?;
            if left.is_zero() {
                return Ok(thread_cpu_ns()? - start);
            }
        }
    }

    /// Forks children one after another. Each exists long enough for all of its changes
    /// to be observed.
    fn make_changes(&self, over: &AtomicBool) -> Result<()> {
        let interval = Duration::from_secs(1) * CHANGES_PER_CHILD / self.changes.max(1);
        while !over.load(Ordering::Relaxed) {
            let next = Instant::now() + interval;
            run_child(interval * 3 / 4)?;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        Ok(())
    }
}

/// Forks a child that changes its name after a third of `time`, exits after two
/// thirds, and is then a zombie.
fn run_child(time: Duration) -> Result<()> {
    let part = time / 3;
    // SAFETY: the child only sleeps, changes its name and exits, all of which are
    // allowed after a fork() of a process with several threads.
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
            // SAFETY: _exit() takes an integer and does not return.
            unsafe { libc::_exit(0) }
        }
    }
}

/// The result of following.
#[derive(Debug)]
#[allow(dead_code, reason = "printed with Debug")]
struct Followed {
    /// Nanoseconds, without the first list.
    cost: u64,
    /// Nanoseconds of the first list.
    first: u64,
    changes: u64,
    events: u64,
    questions: u64,
    asked: u64,
}

/// Returns the cost of reading `stat` and `status` of all processes, in nanoseconds.
fn scan() -> Result<u64> {
    let mut procfs = ProcfsText::new(Kind::Processes, Query::BaseCredStat)?;
    // The first dump fills the caches.
    procfs.dump(&mut Sum::default())?;
    let start = thread_cpu_ns()?;
    procfs.dump(&mut Sum::default())?;
    Ok(thread_cpu_ns()? - start)
}
