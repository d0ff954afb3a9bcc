// SPDX-License-Identifier: MIT
//! The process that performs a case, as far as it affects the replies: its ids,
//! its user, and the known tasks.

use crate::case::{Descriptor, Id, Role};
use crate::descriptors::Descriptors;
use crate::encode::Roles;
use crate::known_tasks::KnownTasks;
use crate::model::control::Sender;
use crate::model::{
    Environment, Features, Level, Mount, Opened, PidNs, Presence, Query, Visibility,
};

/// Known tasks of the pid namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// The test tasks that run for the whole run.
    KnownTasks,
    /// None. Only pids that no task can have are known.
    Nothing,
    /// The process is the only one in its pid namespace.
    Alone,
}

/// The process that performs a case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    pub(crate) family: u16,
    /// Features that the kernel reported.
    pub(crate) features: Features,
    pub(crate) sender: Sender,
    pub(crate) parent: u32,
    pub(crate) just_exited: u32,
    pub(crate) known_tasks: &'a KnownTasks,
    pub(crate) knowledge: Knowledge,
    pub(crate) descriptors: &'a Descriptors,
    /// The pid namespace of requests through the transport of the case.
    pub(crate) pid_ns: PidNs,
    /// The procfs mount that contains the transaction file of the case.
    pub(crate) mount: Option<Mount>,
    /// The opener of the socket or file has the credentials of the process.
    pub(crate) is_opener: bool,
    /// The group of the process, and of the opener, in the user namespace of the run.
    pub(crate) group: u32,
    /// Processes of root are visible to the process.
    pub(crate) sees_root: bool,
}

impl Roles for Caller<'_> {
    fn family(&self) -> u16 {
        self.family
    }

    fn pid(&self, role: Role) -> u32 {
        fn nth<T>(from: &[T], index: u8) -> Option<&T> {
            from.get(usize::from(index) % from.len().max(1))
        }
        let process = |index| nth(&self.known_tasks.permanent, index);
        // A process role without a process gets a pid that no task has.
        let number = match role {
            Role::Pid(number) => Some(number),
            Role::Own => Some(self.sender.tgid),
            Role::Parent => Some(self.parent),
            Role::Permanent(index) => process(index).map(|process| process.pid),
            Role::PermanentThread(index, thread) => {
                process(index).and_then(|process| nth(&process.threads, thread).copied())
            }
            Role::PermanentChild(index, child) => {
                process(index).and_then(|process| nth(&process.children, child).copied())
            }
            Role::Zombie => nth(&self.known_tasks.zombies, 0).copied(),
            Role::Contained(index) => nth(&self.known_tasks.contained, index).copied(),
            Role::JustExited => Some(self.just_exited),
            Role::Free => None,
        };
        number.unwrap_or_else(|| self.known_tasks.free())
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

impl Caller<'_> {
    /// Returns the level of tasks that the process may not ptrace, if it is known.
    pub(crate) fn level_of_others(&self, visibility: Visibility) -> Option<Level> {
        visibility.level(&[self.group])
    }

    /// Returns the level of processes of root, if it is known.
    pub(crate) fn level_of_root(&self, visibility: Visibility) -> Option<Level> {
        if self.sees_root {
            Some(Level::Full)
        } else {
            self.level_of_others(visibility)
        }
    }

    /// Whether a process with this pid exists that a message can name as its source.
    pub(crate) fn existence(&self, pid: u32) -> Presence {
        self.known_tasks.existence(pid)
    }

    /// Returns the view of the process that a message names as its source.
    pub(crate) fn environment_of(&self, source: u32) -> SourceView<'_> {
        let own = source == self.sender.tgid;
        let certain = own || self.existence(source) == Presence::Present;
        SourceView {
            caller: self,
            pid_ns: if own {
                self.pid_ns
            } else if !certain {
                PidNs::Unknown
            } else if self.known_tasks.contained.contains(&source) {
                PidNs::Child
            } else {
                PidNs::Outer
            },
            source_may_be_gone: !certain,
        }
    }
}

/// The known tasks, as seen by the source of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceView<'a> {
    caller: &'a Caller<'a>,
    /// The pid namespace of requests without `TASK_DIAG_CMD_ATTR_PIDNS_FD`.
    pid_ns: PidNs,
    source_may_be_gone: bool,
}

impl Environment for SourceView<'_> {
    fn family(&self) -> u16 {
        self.caller.family
    }

    fn features(&self) -> Features {
        self.caller.features
    }

    fn pid_ns(&self) -> PidNs {
        self.pid_ns
    }

    fn mount(&self) -> Option<Mount> {
        self.caller.mount
    }

    fn has_credentials_of_opener(&self) -> bool {
        self.caller.is_opener
    }

    fn may_enter_any_pid_ns(&self) -> bool {
        self.caller.sees_root
    }

    fn presence(&self, query: &Query, pid: u32) -> Presence {
        let pid_ns = query.pid_ns;
        let known_tasks = self.caller.known_tasks;
        let own = pid_ns == self.caller.pid_ns && pid == self.caller.sender.tgid;
        match (pid_ns, self.caller.knowledge) {
            (_, Knowledge::Nothing) | (PidNs::Unknown, _) => self.presence_of_unknown(pid),
            (PidNs::Child, _) => {
                let level = self.caller.level_of_root(query.visibility);
                known_tasks.presence_in_child(query, pid, level)
            }
            _ if own => Presence::Present,
            (PidNs::Inner, Knowledge::Alone) => Presence::Absent,
            (PidNs::Outer, Knowledge::KnownTasks) => {
                let others = self.caller.level_of_others(query.visibility);
                known_tasks.presence(query, pid, others)
            }
            _ => self.presence_of_unknown(pid),
        }
    }

    fn translate(&self, query: &Query, outer: u32) -> (Presence, Option<u32>) {
        match query.pid_ns {
            PidNs::Outer => (self.presence(query, outer), Some(outer)),
            PidNs::Child => match self.caller.known_tasks.number_in_child(outer) {
                Some(pid) => (self.presence(query, pid), Some(pid)),
                None => (Presence::Absent, None),
            },
            // This process is the only one in the namespace that has a pidfd.
            PidNs::Inner if self.caller.knowledge == Knowledge::Alone => {
                match self.caller.descriptors.is_own(outer) {
                    true => (Presence::Present, Some(1)),
                    false => (Presence::Absent, None),
                }
            }
            PidNs::Inner | PidNs::Unknown => (Presence::Unsure, None),
        }
    }

    fn opened(&self, number: u32) -> Opened {
        self.caller.descriptors.opened(number)
    }

    fn has_uid(&self, uid: u32) -> Option<bool> {
        match uid {
            u32::MAX => Some(false),
            _ if self.caller.knowledge == Knowledge::KnownTasks => Some(true),
            _ => None,
        }
    }

    fn source_may_be_gone(&self) -> bool {
        self.source_may_be_gone
    }
}

impl SourceView<'_> {
    fn presence_of_unknown(&self, pid: u32) -> Presence {
        if pid >= self.caller.known_tasks.pid_max {
            Presence::Absent
        } else {
            Presence::Unsure
        }
    }
}
