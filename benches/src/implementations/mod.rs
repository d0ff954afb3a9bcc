// SPDX-License-Identifier: MIT
//! The implementations, and the table of their queries.

mod bpf;
mod command;
mod library;
mod procfs_crate;
mod procfs_maps;
mod procfs_text;
mod raw;
mod taskstats;

use taskdiag::Show;

use crate::comparison::{Comparison, compare};
use crate::error::{Error, Result};
use crate::outcome::Outcome;
use crate::task_fields::Query;
use crate::task_pool::Kind;

pub(crate) use procfs_maps::MapsText;
pub(crate) use procfs_text::ProcfsText;
pub(crate) use raw::request;

/// An implementation of one query.
pub(crate) struct Implementation {
    pub(crate) name: &'static str,
    pub(crate) query: Query,
    pub(crate) method: Method,
    /// The pools that it is measured with.
    pub(crate) scope: Scope,
}

/// The code that lists the tasks.
#[derive(Clone, Copy)]
pub(crate) enum Method {
    Raw(Show),
    /// As an unprivileged user, to which the tasks of the pool are not visible.
    RawUnprivileged(Show),
    Library(Show),
    ProcfsText,
    ProcfsCrate,
    Bpf,
    Taskstats,
    ProcmapQuery,
    /// A whole program, from fork to exit.
    Command(&'static [&'static str]),
    /// A program that measures itself.
    Psutil,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Pools of processes and of threads.
    Threads,
    /// Pools of processes, of any size.
    Processes,
    /// Pools of at most [`MAX_SMALL_POOL`] processes. The cost per process is the same
    /// for larger pools.
    SmallPools,
    /// One pool of [`GROUP_POOL`] processes, to measure the cost of a group.
    Group,
}

/// The largest pool for implementations that take too long with more tasks.
const MAX_SMALL_POOL: usize = 10_000;
/// The size of the pool with which the cost of each group is measured.
pub(crate) const GROUP_POOL: usize = 1_000;

impl Implementation {
    /// Whether it is measured with a pool of this kind and size.
    pub(crate) fn applies_to(&self, kind: Kind, tasks: usize) -> bool {
        match self.scope {
            Scope::Threads => true,
            Scope::Processes => kind == Kind::Processes,
            Scope::SmallPools => kind == Kind::Processes && tasks <= MAX_SMALL_POOL,
            Scope::Group => kind == Kind::Processes && tasks == GROUP_POOL,
        }
    }

    /// Lists the tasks in this process.
    pub(crate) fn run(&self, kind: Kind, comparison: &Comparison) -> Result<Outcome> {
        match self.method {
            Method::Raw(show) => compare(comparison, || raw::Raw::new(kind, show, self.query)),
            Method::RawUnprivileged(show) => compare(comparison, || {
                drop_privileges()?;
                raw::Raw::new(kind, show, self.query)
            }),
            Method::Library(show) => compare(comparison, || library::Library::new(kind, show)),
            Method::ProcfsText if self.query == Query::Vma => compare(comparison, MapsText::new),
            Method::ProcfsText => compare(comparison, || ProcfsText::new(kind, self.query)),
            Method::ProcfsCrate => compare(comparison, || Ok(procfs_crate::ProcfsCrate)),
            Method::Bpf if self.query == Query::Vma => compare(comparison, bpf::Mappings::new),
            Method::Bpf => compare(comparison, || bpf::Tasks::new(kind)),
            Method::Taskstats => compare(comparison, taskstats::Taskstats::new),
            Method::ProcmapQuery => compare(comparison, procfs_maps::ProcmapQuery::new),
            Method::Command(words) => command::run(words, comparison),
            Method::Psutil => command::psutil(comparison),
        }
    }
}

/// Switches this process to the user nobody.
fn drop_privileges() -> Result<()> {
    use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
    let (uid, gid) = (Uid::from_raw(65534), Gid::from_raw(65534));
    setgroups(&[])
        .and_then(|()| setresgid(gid, gid, gid))
        .and_then(|()| setresuid(uid, uid, uid))
        .map_err(Error::io("switching to the user nobody"))
}

/// `Show::BASE` and `Show::CRED`.
pub(crate) const BASE_CRED: Show = Show::BASE.union(Show::CRED);
const BASE_CRED_STAT: Show = BASE_CRED.union(Show::STAT);

const fn implementation(
    name: &'static str,
    query: Query,
    method: Method,
    scope: Scope,
) -> Implementation {
    Implementation {
        name,
        query,
        method,
        scope,
    }
}

/// All implementations, in the order of the tables.
pub(crate) const IMPLEMENTATIONS: &[Implementation] = &[
    implementation(
        "task_diag, raw socket",
        Query::BaseCred,
        Method::Raw(BASE_CRED),
        Scope::Threads,
    ),
    implementation(
        "task_diag, library",
        Query::BaseCred,
        Method::Library(BASE_CRED),
        Scope::Threads,
    ),
    implementation(
        "BPF task iterator",
        Query::BaseCred,
        Method::Bpf,
        Scope::Threads,
    ),
    implementation(
        "procfs by hand",
        Query::BaseCred,
        Method::ProcfsText,
        Scope::Threads,
    ),
    implementation(
        "procfs crate",
        Query::BaseCred,
        Method::ProcfsCrate,
        Scope::SmallPools,
    ),
    implementation(
        "task_diag, raw socket",
        Query::BaseCredStat,
        Method::Raw(BASE_CRED_STAT),
        Scope::SmallPools,
    ),
    implementation(
        "task_diag, library",
        Query::BaseCredStat,
        Method::Library(BASE_CRED_STAT),
        Scope::SmallPools,
    ),
    implementation(
        "procfs by hand",
        Query::BaseCredStat,
        Method::ProcfsText,
        Scope::SmallPools,
    ),
    implementation(
        "task_diag, raw socket",
        Query::Base,
        Method::Raw(Show::BASE),
        Scope::Processes,
    ),
    implementation(
        "procfs by hand",
        Query::Base,
        Method::ProcfsText,
        Scope::SmallPools,
    ),
    implementation(
        "task_diag, raw socket",
        Query::Names,
        Method::Raw(BASE_CRED),
        Scope::SmallPools,
    ),
    implementation(
        "taskstats, pid by pid",
        Query::Names,
        Method::Taskstats,
        Scope::SmallPools,
    ),
    implementation("psutil", Query::Names, Method::Psutil, Scope::SmallPools),
    implementation(
        "taskdiag-cli ps",
        Query::Pids,
        Method::Command(&["taskdiag-cli", "ps", "ax", "-o", "pid,ppid"]),
        Scope::Processes,
    ),
    implementation(
        "ps ax -o pid,ppid",
        Query::Pids,
        Method::Command(&["ps", "ax", "-o", "pid,ppid"]),
        Scope::Processes,
    ),
    implementation(
        "ps aux",
        Query::Aux,
        Method::Command(&["ps", "aux"]),
        Scope::SmallPools,
    ),
    implementation(
        "task_diag, raw socket",
        Query::Vma,
        Method::Raw(Show::BASE.union(Show::VMA)),
        Scope::SmallPools,
    ),
    implementation(
        "task_diag, library",
        Query::Vma,
        Method::Library(Show::BASE.union(Show::VMA)),
        Scope::SmallPools,
    ),
    implementation(
        "BPF task_vma iterator",
        Query::Vma,
        Method::Bpf,
        Scope::SmallPools,
    ),
    implementation(
        "PROCMAP_QUERY",
        Query::Vma,
        Method::ProcmapQuery,
        Scope::SmallPools,
    ),
    implementation(
        "maps by hand",
        Query::Vma,
        Method::ProcfsText,
        Scope::SmallPools,
    ),
    implementation(
        "task_diag, raw socket",
        Query::Hidden,
        Method::RawUnprivileged(BASE_CRED),
        Scope::Processes,
    ),
    implementation(
        "pids only",
        Query::Groups,
        Method::Raw(Show::empty()),
        Scope::Group,
    ),
    implementation("base", Query::Groups, Method::Raw(Show::BASE), Scope::Group),
    implementation("cred", Query::Groups, Method::Raw(Show::CRED), Scope::Group),
    implementation("stat", Query::Groups, Method::Raw(Show::STAT), Scope::Group),
    implementation(
        "ident",
        Query::Groups,
        Method::Raw(Show::IDENT),
        Scope::Group,
    ),
    implementation("ns", Query::Groups, Method::Raw(Show::NS), Scope::Group),
    implementation(
        "files",
        Query::Groups,
        Method::Raw(Show::FILES),
        Scope::Group,
    ),
    implementation(
        "cgroup",
        Query::Groups,
        Method::Raw(Show::CGROUP),
        Scope::Group,
    ),
    implementation(
        "cmdline",
        Query::Groups,
        Method::Raw(Show::CMDLINE),
        Scope::Group,
    ),
    implementation(
        "paths",
        Query::Groups,
        Method::Raw(Show::PATHS),
        Scope::Group,
    ),
    implementation(
        "environ",
        Query::Groups,
        Method::Raw(Show::ENVIRON),
        Scope::Group,
    ),
    implementation("vma", Query::Groups, Method::Raw(Show::VMA), Scope::Group),
    implementation(
        "vma_stat",
        Query::Groups,
        Method::Raw(Show::VMA_STAT),
        Scope::Group,
    ),
];
