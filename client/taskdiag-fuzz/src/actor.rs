// SPDX-License-Identifier: MIT
//! Who performs a case, as far as it matters to what comes back: which process
//! of which user, and what it knows of the others.

use crate::case::{Id, Who};
use crate::encode::Cast;
use crate::model::control::Sender;
use crate::model::{Fate, World};
use crate::roster::Roster;

/// What is known of the tasks that can be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// Whatever the roster knows.
    Roster,
    /// Only which numbers there cannot be.
    Nothing,
    /// That there is nobody else.
    Alone,
}

/// Who performs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor<'a> {
    pub(crate) family: u16,
    /// The groups that the kernel says it has.
    pub(crate) groups: u64,
    pub(crate) sender: Sender,
    pub(crate) parent: u32,
    pub(crate) just_exited: u32,
    pub(crate) roster: &'a Roster,
    pub(crate) knowledge: Knowledge,
}

impl Cast for Actor<'_> {
    fn family(&self) -> u16 {
        self.family
    }

    fn number(&self, who: Who) -> u32 {
        fn nth<T>(from: &[T], index: u8) -> Option<&T> {
            from.get(usize::from(index) % from.len().max(1))
        }
        let pillar = |index| nth(&self.roster.pillars, index);
        // Where there is nobody for a part, it is played by nobody.
        let number = match who {
            Who::Number(number) => Some(number),
            Who::Own => Some(self.sender.tgid),
            Who::Parent => Some(self.parent),
            Who::Pillar(index) => pillar(index).map(|pillar| pillar.pid),
            Who::PillarThread(index, thread) => {
                pillar(index).and_then(|pillar| nth(&pillar.threads, thread).copied())
            }
            Who::PillarChild(index, child) => {
                pillar(index).and_then(|pillar| nth(&pillar.children, child).copied())
            }
            Who::Zombie => nth(&self.roster.zombies, 0).copied(),
            Who::Contained(index) => nth(&self.roster.contained, index).copied(),
            Who::JustExited => Some(self.just_exited),
            Who::Free => None,
        };
        number.unwrap_or_else(|| self.roster.free())
    }

    fn uid(&self, id: Id) -> u32 {
        match id {
            Id::Own => self.sender.uid,
            Id::Number(number) => number,
        }
    }

    fn gid(&self, id: Id) -> u32 {
        match id {
            Id::Own => self.sender.gid,
            Id::Number(number) => number,
        }
    }
}

impl Actor<'_> {
    /// Whether there is a process with this number, to speak for.
    pub(crate) fn existence(&self, pid: u32) -> Fate {
        self.roster.existence(pid)
    }

    /// The world as seen from the process that a message is said to be from.
    pub(crate) fn world_of(&self, source: u32) -> Seen<'_> {
        let contained = self.roster.contained.contains(&source);
        let certain = source == self.sender.tgid || self.existence(source) == Fate::Here;
        Seen {
            actor: self,
            knowledge: if certain && !contained {
                self.knowledge
            } else {
                Knowledge::Nothing
            },
            source_may_be_gone: !certain,
        }
    }
}

/// The world as seen from somewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    actor: &'a Actor<'a>,
    pub(crate) knowledge: Knowledge,
    source_may_be_gone: bool,
}

impl World for Seen<'_> {
    fn family(&self) -> u16 {
        self.actor.family
    }

    fn groups(&self) -> u64 {
        self.actor.groups
    }

    fn fate(&self, pid: u32) -> Fate {
        let own = pid == self.actor.sender.tgid;
        match self.knowledge {
            Knowledge::Roster if own => Fate::Here,
            Knowledge::Roster => self.actor.roster.fate(pid),
            Knowledge::Alone if own => Fate::Here,
            Knowledge::Alone => Fate::Absent,
            Knowledge::Nothing if pid >= self.actor.roster.pid_max => Fate::Absent,
            Knowledge::Nothing => Fate::Unsure,
        }
    }

    fn source_may_be_gone(&self) -> bool {
        self.source_may_be_gone
    }
}
