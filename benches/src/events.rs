// SPDX-License-Identifier: MIT
//! Measures the cost of receiving the events of processes that start, call
//! execve() and exit: all or some events of the proc connector, or one pidfd per
//! process.
//!
//! All processes exist before the first of them calls execve(), because a pidfd
//! can only be opened for an existing process.

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

/// The kind of these records, in place of processes or threads.
pub(crate) const KIND: &str = "lifecycles";

#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// Number of processes
    #[arg(long, default_value_t = 8_000)]
    processes: usize,
    /// Number of rounds per listener
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Program that the processes execute
    #[arg(long, default_value = "/bin/true")]
    program: PathBuf,
    /// Record this name for the machine
    #[arg(long, default_value = "native")]
    machine: String,
    /// Append the raw data to this CSV file
    out: PathBuf,
}

/// The listeners, in the order of the table.
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

/// Returns the names of the listeners, in the order of the table.
pub(crate) fn listeners() -> impl Iterator<Item = &'static str> {
    LISTENERS.iter().map(|(name, _)| *name)
}

/// How a listener receives events.
#[derive(Clone, Copy)]
enum ListenMethod {
    None,
    Connector(Events),
    Pidfds,
}

impl ListenMethod {
    /// Returns the number of events for this number of processes that exit with
    /// status 0.
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

/// The result of a round.
struct Round {
    counts: EventCounts,
    /// CPU time of the listener.
    listener_ns: u64,
    /// CPU time of all processes and of the listener.
    total_ns: u64,
    receives: u64,
}

impl Plan {
    /// Measures each listener and prints its cost.
    ///
    /// # Errors
    ///
    /// Fails if a listener did not receive exactly the expected events.
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
                        "  {name:18} NOT COUNTED: {:?}, expected {expected:?}",
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
            "  {name:18} {:>7} ns per process to listen, {:>9} in total, {} receives",
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

/// A copy of the program in a temporary directory, so that reading it costs no I/O.
/// Dropping this removes the copy.
struct Program(CString);

impl Program {
    fn copy(from: &Path) -> Result<Self> {
        let name = format!("taskdiag-bench-program-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::copy(from, &path).map_err(Error::io(from.display().to_string()))?;
        let path = CString::new(path.into_os_string().into_vec());
        path.map(Self).map_err(Error::failed)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The temporary file may have been removed already.
        let _ = fs::remove_file(OsStr::from_bytes(self.0.as_bytes()));
    }
}

/// Returns the CPU time of this process and its reaped children.
fn total_cpu_ns() -> Result<u64> {
    Ok(clock::cpu_ns(UsageWho::RUSAGE_SELF)? + clock::cpu_ns(UsageWho::RUSAGE_CHILDREN)?)
}
