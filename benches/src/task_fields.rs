// SPDX-License-Identifier: MIT
//! The data of an implementation in a form that can be compared: fields of tasks and
//! of memory mappings.

use std::fmt;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, transmute_ref};

/// Length of a clock tick, the unit of times in procfs, in nanoseconds.
pub(crate) const TICK: u64 = 10_000_000;

/// The fields of a task. Fields that an implementation does not report are 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub(crate) struct TaskFields {
    /// Inheritable, permitted, effective, bounding and ambient capabilities.
    pub(crate) caps: [u64; 5],
    pub(crate) stat: Stat,
    pub(crate) comm: [u8; 16],
    pub(crate) pid: u32,
    pub(crate) tgid: u32,
    pub(crate) ppid: u32,
    pub(crate) tpid: u32,
    pub(crate) sid: u32,
    pub(crate) pgid: u32,
    /// Real, effective, saved and filesystem user ids.
    pub(crate) uids: [u32; 4],
    pub(crate) gids: [u32; 4],
    pub(crate) securebits: u32,
    pub(crate) no_new_privs: u32,
    /// A value of `task_diag_base::state`.
    pub(crate) state: u32,
    pub(crate) pad: u32,
}

/// Times and sizes: some fields of each kind from `stat` and `status` of procfs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub(crate) struct Stat {
    /// Nanoseconds, like `stime` and `start_time`.
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

/// A memory mapping of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping<'a> {
    pub(crate) pid: u32,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// `PROT_READ`, `PROT_WRITE` and `PROT_EXEC`: the first three letters in `maps`.
    pub(crate) prot: u32,
    pub(crate) pgoff: u64,
    pub(crate) ino: u64,
    pub(crate) dev_major: u32,
    pub(crate) dev_minor: u32,
    pub(crate) name: &'a [u8],
}

/// The fields of a memory mapping that all implementations report.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub(crate) struct MappingRow {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) pgoff: u64,
    pub(crate) ino: u64,
    /// Hash of the name, if the mapping is of a file. Not all implementations report
    /// other names.
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
            // Undefined for a mapping without a file.
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
    /// Returns all fields as words, to add up or to compare.
    #[inline(always)]
    pub(crate) const fn words(&self) -> &[u64; size_of::<Self>() / size_of::<u64>()] {
        transmute_ref!(self)
    }
}

impl MappingRow {
    /// Whether this is the vsyscall page, which is not a mapping of the process.
    pub(crate) const fn is_vsyscall_page(&self) -> bool {
        self.start >= 1 << 63
    }
}

/// FNV-1a, which returns the same hash in every process.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// The fields that an implementation is measured with and compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Query {
    /// Pid, and pid of the parent.
    Pids,
    /// Pid, parent, name, real user and group: the fields of taskstats.
    Names,
    /// The fields of `task_diag_base` that `/proc/PID/stat` contains.
    Base,
    /// All of `task_diag_base` and `task_diag_creds`.
    BaseCred,
    /// `task_diag_base`, `task_diag_creds`, times and sizes.
    BaseCredStat,
    /// The columns of `ps aux`; compared by pid.
    Aux,
    /// The memory mappings of all processes.
    Vma,
    /// Any other set of groups; compared by pid.
    Groups,
    /// Tasks that the caller may not see.
    Hidden,
    /// Process events: cost of the listener.
    Listener,
    /// Process events: cost of the listener and of the processes.
    Lifecycles,
}

impl fmt::Display for Query {
    /// Prints the name that the raw data contain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl Query {
    /// Returns the fields of this query. All other fields are 0.
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
    /// Returns the numbers of context switches, which increase whenever the task runs.
    pub(crate) const fn switches(&self) -> [u64; 2] {
        [self.nvcsw, self.nivcsw]
    }

    /// Returns the fields that never decrease. All other fields are 0.
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

    /// Returns times in clock ticks, the resolution of procfs.
    fn in_ticks(self) -> Self {
        Self {
            utime: self.utime / TICK,
            stime: self.stime / TICK,
            start_time: self.start_time / TICK,
            ..self
        }
    }
}
