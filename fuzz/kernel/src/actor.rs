// SPDX-License-Identifier: MIT
//! The process that performs a case, as far as it affects the replies: its ids,
//! its user, and the known tasks.

use crate::case::{Descriptor, Id, Who};
use crate::descriptors::Descriptors;
use crate::encode::Cast;
use crate::model::control::Sender;
use crate::model::{Fate, Features, Opened, Space, World};
use crate::roster::Roster;

/// Known tasks of the pid namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// The tasks of the roster.
    Roster,
    /// None. Only pids that no task can have are known.
    Nothing,
    /// The process is the only one in its pid namespace.
    Alone,
}

/// The process that performs a case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor<'a> {
    pub(crate) family: u16,
    /// Features that the kernel reported.
    pub(crate) features: Features,
    pub(crate) sender: Sender,
    pub(crate) parent: u32,
    pub(crate) just_exited: u32,
    pub(crate) roster: &'a Roster,
    pub(crate) knowledge: Knowledge,
    pub(crate) descriptors: &'a Descriptors,
    /// The pid namespace of requests through the transport of the case.
    pub(crate) space: Space,
    /// The process may see root's processes.
    pub(crate) sees_root: bool,
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
        // A process role without a process gets a pid that no task has.
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

    fn descriptor(&self, descriptor: Descriptor) -> u32 {
        self.descriptors.number(descriptor)
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
    /// Whether a process with this pid exists that a message can name as its source.
    pub(crate) fn existence(&self, pid: u32) -> Fate {
        self.roster.existence(pid)
    }

    /// Returns the view of the process that a message names as its source.
    pub(crate) fn world_of(&self, source: u32) -> Seen<'_> {
        let own = source == self.sender.tgid;
        let certain = own || self.existence(source) == Fate::Here;
        Seen {
            actor: self,
            space: if own {
                self.space
            } else if !certain {
                Space::Unknown
            } else if self.roster.contained.contains(&source) {
                Space::Child
            } else {
                Space::Outer
            },
            source_may_be_gone: !certain,
        }
    }
}

/// The known tasks, as seen by the source of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    actor: &'a Actor<'a>,
    /// The pid namespace of requests without `TASK_DIAG_CMD_ATTR_PIDNS_FD`.
    space: Space,
    source_may_be_gone: bool,
}

impl World for Seen<'_> {
    fn family(&self) -> u16 {
        self.actor.family
    }

    fn features(&self) -> Features {
        self.actor.features
    }

    fn space(&self) -> Space {
        self.space
    }

    fn may_enter_any_space(&self) -> bool {
        self.actor.sees_root
    }

    fn fate(&self, space: Space, pid: u32) -> Fate {
        let own = space == self.actor.space && pid == self.actor.sender.tgid;
        match (space, self.actor.knowledge) {
            (_, Knowledge::Nothing) | (Space::Unknown, _) => self.fate_unknown(pid),
            (Space::Child, _) => self.actor.roster.fate_in_child(pid, self.actor.sees_root),
            _ if own => Fate::Here,
            (Space::Inner, Knowledge::Alone) => Fate::Absent,
            (Space::Outer, Knowledge::Roster) => self.actor.roster.fate(pid),
            _ => self.fate_unknown(pid),
        }
    }

    fn translate(&self, space: Space, outer: u32) -> (Fate, Option<u32>) {
        match space {
            Space::Outer => (self.fate(space, outer), Some(outer)),
            Space::Child => match self.actor.roster.number_in_child(outer) {
                Some(pid) => (self.fate(space, pid), Some(pid)),
                None => (Fate::Absent, None),
            },
            // This process is the only one in the namespace that has a pidfd.
            Space::Inner if self.actor.knowledge == Knowledge::Alone => {
                match self.actor.descriptors.is_own(outer) {
                    true => (Fate::Here, Some(1)),
                    false => (Fate::Absent, None),
                }
            }
            Space::Inner | Space::Unknown => (Fate::Unsure, None),
        }
    }

    fn opened(&self, number: u32) -> Opened {
        self.actor.descriptors.opened(number)
    }

    fn has_uid(&self, uid: u32) -> Option<bool> {
        match uid {
            u32::MAX => Some(false),
            _ if self.actor.knowledge == Knowledge::Roster => Some(true),
            _ => None,
        }
    }

    fn source_may_be_gone(&self) -> bool {
        self.source_may_be_gone
    }
}

impl Seen<'_> {
    fn fate_unknown(&self, pid: u32) -> Fate {
        if pid >= self.actor.roster.pid_max {
            Fate::Absent
        } else {
            Fate::Unsure
        }
    }
}
