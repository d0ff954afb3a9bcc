// SPDX-License-Identifier: MIT
//! What rivals tell, in a form that can be compared: of a task, and of an area
//! of a process's memory.

use std::fmt;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, transmute_ref};

/// A tick of the clock that procfs counts processor time in, in nanoseconds.
pub(crate) const TICK: u64 = 10_000_000;

/// The facts of a task. What a rival does not tell stays 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub(crate) struct TaskFields {
    /// Inheritable, permitted, effective, bounding set, ambient.
    pub(crate) caps: [u64; 5],
    pub(crate) stat: Stat,
    pub(crate) comm: [u8; 16],
    pub(crate) pid: u32,
    pub(crate) tgid: u32,
    pub(crate) ppid: u32,
    pub(crate) tpid: u32,
    pub(crate) sid: u32,
    pub(crate) pgid: u32,
    /// Real, effective, saved, for files.
    pub(crate) uids: [u32; 4],
    pub(crate) gids: [u32; 4],
    pub(crate) securebits: u32,
    pub(crate) no_new_privs: u32,
    /// As `task_diag_base::state`.
    pub(crate) state: u32,
    pub(crate) pad: u32,
}

/// Times and sizes: of what procfs has in `stat` and `status` a good part, of
/// every kind some.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub(crate) struct Stat {
    /// Nanoseconds, as the two that follow.
    pub(crate) utime: u64,
    pub(crate) stime: u64,
    pub(crate) start_time: u64,
    pub(crate) min_flt: u64,
    pub(crate) maj_flt: u64,
    pub(crate) vsize: u64,
    pub(crate) rss_anon: u64,
    pub(crate) rss_file: u64,
    pub(crate) nvcsw: u64,
    pub(crate) nivcsw: u64,
    pub(crate) nice: i64,
    pub(crate) num_threads: u64,
}

/// An area of a process's memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping<'a> {
    pub(crate) pid: u32,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// `PROT_READ` and so on, as in the first three letters of `maps`.
    pub(crate) prot: u32,
    pub(crate) pgoff: u64,
    pub(crate) ino: u64,
    pub(crate) dev_major: u32,
    pub(crate) dev_minor: u32,
    pub(crate) name: &'a [u8],
}

/// An area with all that can be compared of it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub(crate) struct MappingRow {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) pgoff: u64,
    pub(crate) ino: u64,
    /// Of the name of a file; not every rival has the others.
    pub(crate) name_hash: u64,
    pub(crate) dev: [u32; 2],
    pub(crate) pid: u32,
    pub(crate) prot: u32,
}

impl From<&Mapping<'_>> for MappingRow {
    fn from(mapping: &Mapping<'_>) -> Self {
        Self {
            start: mapping.start,
            end: mapping.end,
            // A number without a meaning where there is no file.
            pgoff: if mapping.ino == 0 { 0 } else { mapping.pgoff },
            ino: mapping.ino,
            name_hash: if mapping.name.starts_with(b"/") {
                hash(mapping.name)
            } else {
                0
            },
            dev: [mapping.dev_major, mapping.dev_minor],
            pid: mapping.pid,
            prot: mapping.prot,
        }
    }
}

impl TaskFields {
    /// All of them, to add up or to compare.
    #[inline(always)]
    pub(crate) const fn words(&self) -> &[u64; size_of::<Self>() / size_of::<u64>()] {
        transmute_ref!(self)
    }
}

impl MappingRow {
    /// The vsyscall page is no area of the process.
    pub(crate) const fn is_vsyscall_page(&self) -> bool {
        self.start >= 1 << 63
    }
}

/// FNV-1a: the same in every process.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Which facts a rival is asked for, and so is compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Query {
    /// Number, and number of the parent.
    Pids,
    /// Number, parent, name, real user and group: what taskstats knows of.
    Names,
    /// What `/proc/PID/stat` has of `task_diag_base`.
    Base,
    /// All of `task_diag_base` and `task_diag_creds`.
    BaseCred,
    /// And times and sizes.
    BaseCredStat,
    /// Whatever `ps aux` shows; compared by number.
    Aux,
    /// The areas of all processes.
    Vma,
    /// Any other set of groups; compared by number.
    Groups,
    /// Tasks that the caller may not see.
    Hidden,
    /// To be told of events: what whoever listens takes.
    Listener,
    /// Likewise: what all take, who makes the events among them.
    Lifecycles,
}

impl fmt::Display for Query {
    /// As in the raw data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl Query {
    /// The facts that this question is about, the others 0.
    pub(crate) fn select(self, all: &TaskFields) -> TaskFields {
        let number = TaskFields {
            pid: all.pid,
            ..TaskFields::default()
        };
        let numbers = TaskFields {
            ppid: all.ppid,
            ..number
        };
        match self {
            Self::Aux
            | Self::Vma
            | Self::Groups
            | Self::Hidden
            | Self::Listener
            | Self::Lifecycles => number,
            Self::Pids => numbers,
            Self::Names => TaskFields {
                comm: all.comm,
                uids: [all.uids[0], 0, 0, 0],
                gids: [all.gids[0], 0, 0, 0],
                ..numbers
            },
            Self::Base => TaskFields {
                sid: all.sid,
                pgid: all.pgid,
                state: all.state,
                comm: all.comm,
                ..numbers
            },
            Self::BaseCred => TaskFields {
                stat: Stat::default(),
                ..*all
            },
            Self::BaseCredStat => TaskFields {
                stat: all.stat.in_ticks(),
                ..*all
            },
        }
    }
}

impl Stat {
    /// How often it was put on a processor: whoever has run says more than
    /// before.
    pub(crate) const fn switches(&self) -> [u64; 2] {
        [self.nvcsw, self.nivcsw]
    }

    /// What only grows, or stays.
    pub(crate) const fn counters(self) -> Self {
        Self {
            vsize: 0,
            rss_anon: 0,
            rss_file: 0,
            nice: 0,
            num_threads: 0,
            ..self
        }
    }

    pub(crate) const fn words(&self) -> &[u64; size_of::<Self>() / size_of::<u64>()] {
        transmute_ref!(self)
    }

    /// As exact as procfs is.
    fn in_ticks(self) -> Self {
        Self {
            utime: self.utime / TICK,
            stime: self.stime / TICK,
            start_time: self.start_time / TICK,
            ..self
        }
    }
}
