// SPDX-License-Identifier: MIT
//! What it costs to be told of processes that begin, run a program and end:
//! by the proc connector, of everything or of some of it, and by a pidfd each.
//!
//! All processes are there before the first of them goes on, as a pidfd can
//! only be had of one that is there.

mod listener;
mod lives;

use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::sys::resource::UsageWho;
use taskdiag::events::Events;

use self::listener::{Heard, Listener};
use self::lives::Lives;
use crate::clock;
use crate::error::{Error, Result};
use crate::facts::Question;
use crate::outcome::{Raw, Record, kernel};

/// What records of this are called, instead of processes or threads.
pub(crate) const KIND: &str = "lives";

#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// How many processes live
    #[arg(long, default_value_t = 8_000)]
    lives: usize,
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
const LISTENERS: [(&str, Way); 6] = [
    ("nobody", Way::Nobody),
    (
        "fork, exec, exit",
        Way::Connector(Events::FORK.union(Events::EXEC).union(Events::EXIT)),
    ),
    (
        "fork, exit",
        Way::Connector(Events::FORK.union(Events::EXIT)),
    ),
    ("exit", Way::Connector(Events::EXIT)),
    ("nonzero-exit", Way::Connector(Events::NONZERO_EXIT)),
    ("pidfds, epoll", Way::Pidfds),
];

/// Their names, in that order.
pub(crate) fn listeners() -> impl Iterator<Item = &'static str> {
    LISTENERS.iter().map(|(name, _)| *name)
}

/// How they listen.
#[derive(Clone, Copy)]
enum Way {
    Nobody,
    Connector(Events),
    Pidfds,
}

impl Way {
    /// How much there is to be heard of so many lives that end well.
    fn expected(self, lives: usize) -> Heard {
        let of = |told: bool| if told { lives } else { 0 };
        match self {
            Self::Nobody => Heard::default(),
            Self::Connector(events) => Heard {
                forks: of(events.contains(Events::FORK)),
                execs: of(events.contains(Events::EXEC)),
                exits: of(events.contains(Events::EXIT)),
            },
            Self::Pidfds => Heard {
                exits: lives,
                ..Heard::default()
            },
        }
    }
}

/// What a round has come to.
struct Round {
    heard: Heard,
    /// What the listener took.
    listening: u64,
    /// What everybody took, the listener too.
    all: u64,
    receives: u64,
}

impl Plan {
    /// Measures each listener, and shows it; fails if one has not heard what
    /// there was to be heard.
    pub(crate) fn carry_out(&self) -> Result<()> {
        let mut raw = Raw::open(&self.out)?;
        let program = Program::copy(&self.program)?;
        let mut failures = 0;
        for (name, way) in LISTENERS {
            for number in 0..self.rounds {
                let round = self.round(way, &program.0)?;
                let expected = way.expected(self.lives);
                if round.heard == expected {
                    self.show(name, &round);
                    self.write(&mut raw, name, number, &round)?;
                } else {
                    eprintln!(
                        "  {name:18} NOT COUNTED: {:?} and not {expected:?}",
                        round.heard
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

    fn round(&self, way: Way, program: &CStr) -> Result<Round> {
        let before = everybody()?;
        let listener = Listener::start(way)?;
        let lives = Lives::start(self.lives, program)?;
        listener.tell_of(lives.pids())?;
        let pids = lives.go_on()?;
        let listened = listener.finish(&pids)?;
        Ok(Round {
            heard: listened.heard,
            listening: listened.ns,
            all: everybody()? - before,
            receives: listened.receives,
        })
    }

    fn show(&self, name: &str, round: &Round) {
        let a_life = |ns: u64| ns / (self.lives as u64).max(1);
        eprintln!(
            "  {name:18} {:>7} ns a life to listen, {:>9} in all, {} receives",
            a_life(round.listening),
            a_life(round.all),
            round.receives
        );
    }

    fn write(&self, raw: &mut Raw, name: &str, number: usize, round: &Round) -> Result<()> {
        let Heard {
            forks,
            execs,
            exits,
        } = round.heard;
        let figures = [
            (Question::Listening, round.listening),
            (Question::Lives, round.all),
        ];
        for (question, ns) in figures {
            raw.write(&Record {
                machine: self.machine.clone(),
                kernel: kernel()?,
                kind: KIND.to_owned(),
                population: self.lives as u64,
                rival: name.to_owned(),
                question,
                tasks: self.lives as u64,
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
fn everybody() -> Result<u64> {
    Ok(clock::ns_of(UsageWho::RUSAGE_SELF)? + clock::ns_of(UsageWho::RUSAGE_CHILDREN)?)
}
