// SPDX-License-Identifier: MIT
//! The rivals, and the table of what each is asked.

mod bpf;
mod command;
mod library;
mod procfs_areas;
mod procfs_crate;
mod procfs_text;
mod raw;
mod taskstats;

use taskdiag::Show;

use crate::contest::{Contest, compete};
use crate::error::{Error, Result};
use crate::facts::Question;
use crate::outcome::Outcome;
use crate::population::Kind;

pub(crate) use procfs_areas::MapsText;
pub(crate) use procfs_text::ProcfsText;

/// One way to ask one question.
pub(crate) struct Rival {
    pub(crate) name: &'static str,
    pub(crate) question: Question,
    pub(crate) way: Way,
    /// What it can list, and what of that is worth the time.
    pub(crate) reach: Reach,
}

/// How it is done.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    Raw(Show),
    /// As somebody who may see none of the population.
    RawUnseeing(Show),
    Library(Show),
    ProcfsText,
    ProcfsCrate,
    Bpf,
    Taskstats,
    ProcmapQuery,
    /// A program, from its start to its end.
    Command(&'static [&'static str]),
    /// A program that measures itself.
    Psutil,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Processes, and threads as well.
    Threads,
    /// Processes, in any number.
    Processes,
    /// Processes, as long as the figure does not depend on their number.
    Some,
    /// A group's cost: at one population.
    Group,
}

/// The largest population for what takes too long to be asked about more.
const SOME: usize = 10_000;
/// The population that the cost of each group is taken at.
pub(crate) const GROUP: usize = 1_000;

impl Rival {
    /// Whether it is asked about so many tasks.
    pub(crate) fn takes_part(&self, kind: Kind, tasks: usize) -> bool {
        match self.reach {
            Reach::Threads => true,
            Reach::Processes => kind == Kind::Processes,
            Reach::Some => kind == Kind::Processes && tasks <= SOME,
            Reach::Group => kind == Kind::Processes && tasks == GROUP,
        }
    }

    /// Lists the tasks in this process.
    pub(crate) fn run(&self, kind: Kind, contest: &Contest) -> Result<Outcome> {
        match self.way {
            Way::Raw(show) => compete(contest, || raw::Raw::new(kind, show, self.question)),
            Way::RawUnseeing(show) => compete(contest, || {
                become_nobody()?;
                raw::Raw::new(kind, show, self.question)
            }),
            Way::Library(show) => compete(contest, || library::Library::new(kind, show)),
            Way::ProcfsText if self.question == Question::Areas => compete(contest, MapsText::new),
            Way::ProcfsText => compete(contest, || ProcfsText::new(kind, self.question)),
            Way::ProcfsCrate => compete(contest, || Ok(procfs_crate::ProcfsCrate)),
            Way::Bpf if self.question == Question::Areas => compete(contest, bpf::Areas::new),
            Way::Bpf => compete(contest, || bpf::Tasks::new(kind)),
            Way::Taskstats => compete(contest, taskstats::Taskstats::new),
            Way::ProcmapQuery => compete(contest, procfs_areas::ProcmapQuery::new),
            Way::Command(words) => command::run(words, contest),
            Way::Psutil => command::psutil(contest),
        }
    }
}

/// For the rest of this process.
fn become_nobody() -> Result<()> {
    use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
    let (uid, gid) = (Uid::from_raw(65534), Gid::from_raw(65534));
    setgroups(&[])
        .and_then(|()| setresgid(gid, gid, gid))
        .and_then(|()| setresuid(uid, uid, uid))
        .map_err(Error::io("becoming nobody"))
}

const BASE_CRED: Show = Show::BASE.union(Show::CRED);
const BASE_CRED_STAT: Show = BASE_CRED.union(Show::STAT);

const fn rival(name: &'static str, question: Question, way: Way, reach: Reach) -> Rival {
    Rival {
        name,
        question,
        way,
        reach,
    }
}

/// All of them, in the order of the tables.
pub(crate) const RIVALS: &[Rival] = &[
    rival(
        "task_diag, raw socket",
        Question::BaseCred,
        Way::Raw(BASE_CRED),
        Reach::Threads,
    ),
    rival(
        "task_diag, library",
        Question::BaseCred,
        Way::Library(BASE_CRED),
        Reach::Threads,
    ),
    rival(
        "BPF task iterator",
        Question::BaseCred,
        Way::Bpf,
        Reach::Threads,
    ),
    rival(
        "procfs by hand",
        Question::BaseCred,
        Way::ProcfsText,
        Reach::Threads,
    ),
    rival(
        "procfs crate",
        Question::BaseCred,
        Way::ProcfsCrate,
        Reach::Some,
    ),
    rival(
        "task_diag, raw socket",
        Question::BaseCredStat,
        Way::Raw(BASE_CRED_STAT),
        Reach::Some,
    ),
    rival(
        "task_diag, library",
        Question::BaseCredStat,
        Way::Library(BASE_CRED_STAT),
        Reach::Some,
    ),
    rival(
        "procfs by hand",
        Question::BaseCredStat,
        Way::ProcfsText,
        Reach::Some,
    ),
    rival(
        "task_diag, raw socket",
        Question::Base,
        Way::Raw(Show::BASE),
        Reach::Processes,
    ),
    rival(
        "procfs by hand",
        Question::Base,
        Way::ProcfsText,
        Reach::Some,
    ),
    rival(
        "task_diag, raw socket",
        Question::Names,
        Way::Raw(BASE_CRED),
        Reach::Some,
    ),
    rival(
        "taskstats, pid by pid",
        Question::Names,
        Way::Taskstats,
        Reach::Some,
    ),
    rival("psutil", Question::Names, Way::Psutil, Reach::Some),
    rival(
        "taskdiag-cli ps",
        Question::Numbers,
        Way::Command(&["taskdiag-cli", "ps", "ax", "-o", "pid,ppid"]),
        Reach::Processes,
    ),
    rival(
        "ps ax -o pid,ppid",
        Question::Numbers,
        Way::Command(&["ps", "ax", "-o", "pid,ppid"]),
        Reach::Processes,
    ),
    rival(
        "ps aux",
        Question::Aux,
        Way::Command(&["ps", "aux"]),
        Reach::Some,
    ),
    rival(
        "task_diag, raw socket",
        Question::Areas,
        Way::Raw(Show::BASE.union(Show::VMA)),
        Reach::Some,
    ),
    rival(
        "task_diag, library",
        Question::Areas,
        Way::Library(Show::BASE.union(Show::VMA)),
        Reach::Some,
    ),
    rival(
        "BPF task_vma iterator",
        Question::Areas,
        Way::Bpf,
        Reach::Some,
    ),
    rival(
        "PROCMAP_QUERY",
        Question::Areas,
        Way::ProcmapQuery,
        Reach::Some,
    ),
    rival(
        "maps by hand",
        Question::Areas,
        Way::ProcfsText,
        Reach::Some,
    ),
    rival(
        "task_diag, raw socket",
        Question::Hidden,
        Way::RawUnseeing(BASE_CRED),
        Reach::Processes,
    ),
    rival(
        "numbers alone",
        Question::Groups,
        Way::Raw(Show::empty()),
        Reach::Group,
    ),
    rival("base", Question::Groups, Way::Raw(Show::BASE), Reach::Group),
    rival("cred", Question::Groups, Way::Raw(Show::CRED), Reach::Group),
    rival("stat", Question::Groups, Way::Raw(Show::STAT), Reach::Group),
    rival(
        "ident",
        Question::Groups,
        Way::Raw(Show::IDENT),
        Reach::Group,
    ),
    rival("ns", Question::Groups, Way::Raw(Show::NS), Reach::Group),
    rival(
        "files",
        Question::Groups,
        Way::Raw(Show::FILES),
        Reach::Group,
    ),
    rival(
        "cgroup",
        Question::Groups,
        Way::Raw(Show::CGROUP),
        Reach::Group,
    ),
    rival(
        "cmdline",
        Question::Groups,
        Way::Raw(Show::CMDLINE),
        Reach::Group,
    ),
    rival("vma", Question::Groups, Way::Raw(Show::VMA), Reach::Group),
    rival(
        "vma_stat",
        Question::Groups,
        Way::Raw(Show::VMA_STAT),
        Reach::Group,
    ),
];
