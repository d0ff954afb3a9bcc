// SPDX-License-Identifier: MIT
//! What it costs to be told of processes that begin, run a program and end:
//! by the proc connector, of everything or of some of it, and by a pidfd each.
//!
//! All processes are there before the first of them goes on, as a pidfd can
//! only be had of one that is there.

mod listener;
mod processes;

use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::sys::resource::UsageWho;
use taskdiag::events::Events;

use self::listener::{EventCounts, Listener};
use self::processes::Processes;
use crate::clock;
use crate::error::{Error, Result};
use crate::outcome::{Raw, Record, kernel};
use crate::task_fields::Query;

/// What records of this are called, instead of processes or threads.
pub(crate) const KIND: &str = "lifecycles";

#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// How many processes live
    #[arg(long, default_value_t = 8_000)]
    processes: usize,
    /// How often, with each listener
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// What they run
    #[arg(long, default_value = "/bin/true")]
    program: PathBuf,
    /// What to call this machine
    #[arg(long, default_value = "native")]
    machine: String,
    /// A CSV file to add the raw data to
    out: PathBuf,
}

/// Who listens, in the order of the table.
const LISTENERS: [(&str, ListenMethod); 6] = [
    ("no listener", ListenMethod::None),
    (
        "fork, exec, exit",
        ListenMethod::Connector(Events::FORK.union(Events::EXEC).union(Events::EXIT)),
    ),
    (
        "fork, exit",
        ListenMethod::Connector(Events::FORK.union(Events::EXIT)),
    ),
    ("exit", ListenMethod::Connector(Events::EXIT)),
    (
        "nonzero-exit",
        ListenMethod::Connector(Events::NONZERO_EXIT),
    ),
    ("pidfds, epoll", ListenMethod::Pidfds),
];

/// Their names, in that order.
pub(crate) fn listeners() -> impl Iterator<Item = &'static str> {
    LISTENERS.iter().map(|(name, _)| *name)
}

/// How they listen.
#[derive(Clone, Copy)]
enum ListenMethod {
    None,
    Connector(Events),
    Pidfds,
}

impl ListenMethod {
    /// How much there is to be heard of so many lives that end well.
    fn expected(self, processes: usize) -> EventCounts {
        let of = |reported: bool| if reported { processes } else { 0 };
        match self {
            Self::None => EventCounts::default(),
            Self::Connector(events) => EventCounts {
                forks: of(events.contains(Events::FORK)),
                execs: of(events.contains(Events::EXEC)),
                exits: of(events.contains(Events::EXIT)),
            },
            Self::Pidfds => EventCounts {
                exits: processes,
                ..EventCounts::default()
            },
        }
    }
}

/// What a round has come to.
struct Round {
    counts: EventCounts,
    /// What the listener took.
    listener_ns: u64,
    /// What everybody took, the listener too.
    total_ns: u64,
    receives: u64,
}

impl Plan {
    /// Measures each listener, and shows it; fails if one has not heard what
    /// there was to be heard.
    pub(crate) fn run(&self) -> Result<()> {
        let mut raw = Raw::open(&self.out)?;
        let program = Program::copy(&self.program)?;
        let mut failures = 0;
        for (name, method) in LISTENERS {
            for number in 0..self.rounds {
                let round = self.round(method, &program.0)?;
                let expected = method.expected(self.processes);
                if round.counts == expected {
                    self.show(name, &round);
                    self.write(&mut raw, name, number, &round)?;
                } else {
                    eprintln!(
                        "  {name:18} NOT COUNTED: {:?} and not {expected:?}",
                        round.counts
                    );
                    failures += 1;
                }
            }
        }
        match failures {
            0 => Ok(()),
            n => Err(Error::failed(format!("{n} rounds could not be counted"))),
        }
    }

    fn round(&self, method: ListenMethod, program: &CStr) -> Result<Round> {
        let before = total_cpu_ns()?;
        let listener = Listener::start(method)?;
        let processes = Processes::start(self.processes, program)?;
        listener.watch(processes.pids())?;
        let pids = processes.run_all()?;
        let result = listener.finish(&pids)?;
        Ok(Round {
            counts: result.counts,
            listener_ns: result.ns,
            total_ns: total_cpu_ns()? - before,
            receives: result.receives,
        })
    }

    fn show(&self, name: &str, round: &Round) {
        let per_process = |ns: u64| ns / (self.processes as u64).max(1);
        eprintln!(
            "  {name:18} {:>7} ns a life to listen, {:>9} in all, {} receives",
            per_process(round.listener_ns),
            per_process(round.total_ns),
            round.receives
        );
    }

    fn write(&self, raw: &mut Raw, name: &str, number: usize, round: &Round) -> Result<()> {
        let EventCounts {
            forks,
            execs,
            exits,
        } = round.counts;
        let figures = [
            (Query::Listener, round.listener_ns),
            (Query::Lifecycles, round.total_ns),
        ];
        for (query, ns) in figures {
            raw.write(&Record {
                machine: self.machine.clone(),
                kernel: kernel()?,
                kind: KIND.to_owned(),
                pool: self.processes as u64,
                implementation: name.to_owned(),
                query,
                tasks: self.processes as u64,
                rows: (forks + execs + exits) as u64,
                round: number,
                ns,
                setup_ns: 0,
                receives: round.receives,
                memory_kib: 0,
            })?;
        }
        Ok(())
    }
}

/// Where reading it takes no more than memory does; gone when it is dropped.
struct Program(CString);

impl Program {
    fn copy(from: &Path) -> Result<Self> {
        let name = format!("taskdiag-bench-life-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::copy(from, &path).map_err(Error::io(from.display().to_string()))?;
        let path = CString::new(path.into_os_string().into_vec());
        path.map(Self).map_err(Error::failed)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It is a temporary file, and may have been removed as such.
        let _ = fs::remove_file(OsStr::from_bytes(self.0.as_bytes()));
    }
}

/// What this process and all of its children have taken.
fn total_cpu_ns() -> Result<u64> {
    Ok(clock::cpu_ns(UsageWho::RUSAGE_SELF)? + clock::cpu_ns(UsageWho::RUSAGE_CHILDREN)?)
}
