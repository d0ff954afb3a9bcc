// SPDX-License-Identifier: MIT
//! A task: a borrowed view ([`TaskRef`]). The owned form, [`Task`], is in
//! `task/owned.rs`.
//!
//! Parses attributes in place. Each attribute group has a file in `task/`. Must
//! not depend on messages, transports and sources.

mod absent;
mod base;
#[cfg(feature = "serde")]
mod bytes;
mod cgroup;
mod cmdline;
mod cred;
mod environ;
mod files;
mod ident;
mod io;
mod layout;
mod limits;
mod ns;
mod nspid;
mod number_set;
mod oom;
mod owned;
mod paths;
mod records;
mod sched;
mod signals;
mod stat;
mod vma;
mod vma_stat;

use std::fmt;

use zerocopy::FromBytes;

use crate::abi::{self, TaskDiagStat};
use crate::daemon_protocol;
use crate::error::Result;
use crate::netlink::{Attributes, Exactly, Malformed, read};
use crate::pid::Pid;
use crate::show::Show;

pub(crate) use layout::{
    BaseAndCred, BaseCredAndStat, FastAttributes, Groups, absent_in, groups_in,
};
use layout::{NOWHERE, OfKind, find_base, find_cred, find_stat};

pub use absent::Absent;
pub use base::{Base, Comm, State};
pub use cgroup::Cgroup;
pub use cmdline::Cmdline;
pub use cred::Cred;
pub use environ::Environ;
pub use files::{FileCounts, Files};
pub use ident::Ident;
pub use io::Io;
pub use limits::{Limit, Limits};
pub use ns::Ns;
pub use nspid::{NsPid, NsPids};
pub use number_set::{NumberSet, ParseNumberSetError};
pub use oom::Oom;
pub use owned::Task;
pub use paths::{Paths, TaskPath};
pub use sched::{IoPriority, Sched};
pub use signals::Signals;
pub use stat::{Memory, Stat};
pub use vma::{Vma, VmaFlags, Vmas};
pub use vma_stat::{VmaStat, VmaStats};

/// Declares a public structure with the fields of a structure of the ABI, and the
/// conversion from it.
macro_rules! mirror {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident: $abi:ident {
            $($(#[$field_attribute:meta])* $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_attribute])* pub $field: $type,)*
        }

        impl From<$abi> for $name {
            #[inline]
            fn from(from: $abi) -> Self {
                Self { $($field: from.$field,)* }
            }
        }
    };
}
use mirror;

/// A view of one task: of the attributes received about it, or of a [`Task`].
///
/// A view of received attributes borrows the receive buffer. It decodes a group
/// when the caller reads that group, and allocates nothing.
#[derive(Clone, Copy)]
pub struct TaskRef<'a> {
    /// The received attributes; empty if `built` is set.
    attributes: &'a [u8],
    pid: Pid,
    tgid: Pid,
    /// `TASK_DIAG_FLAG_*`.
    flags: u32,
    /// The first attributes, if they are BASE and CRED of the known length.
    usual: Option<&'a BaseAndCred>,
    groups: Groups,
    /// The task that the source built, if it received no attributes.
    built: Option<&'a Task>,
}

impl<'a> TaskRef<'a> {
    /// Views the attributes that follow `TASK_DIAG_MSG`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Decode`] if these are not attributes to the last byte.
    pub fn new(pid: Pid, tgid: Pid, attributes: &'a [u8]) -> Result<Self> {
        Ok(Self::view(pid, tgid, 0, attributes)?)
    }

    /// Views the row of a message without flags.
    #[inline(always)]
    pub(crate) fn fast<A: FastAttributes>(pid: Pid, tgid: Pid, attributes: &'a A) -> Self {
        Self {
            attributes: attributes.as_bytes(),
            pid,
            tgid,
            flags: 0,
            usual: Some(attributes.base_and_cred()),
            groups: A::PLACES,
            built: None,
        }
    }

    /// Views any attributes.
    #[inline]
    pub(crate) fn view(
        pid: Pid,
        tgid: Pid,
        flags: u32,
        attributes: &'a [u8],
    ) -> Result<Self, Malformed> {
        let (usual, groups) = match BaseAndCred::begin(attributes) {
            Some((usual, [])) => (Some(usual), Groups::BASE_AND_CRED),
            other => (other.map(|(usual, _)| usual), Groups::find(attributes)?),
        };
        Ok(Self {
            attributes,
            pid,
            tgid,
            flags,
            usual,
            groups,
            built: None,
        })
    }

    /// Views a task that was built. `flags` are `TASK_DIAG_FLAG_*`.
    pub(crate) fn built(task: &'a Task, flags: u32) -> Self {
        Self {
            attributes: &[],
            pid: task.pid,
            tgid: task.tgid,
            flags: match task.cached {
                true => flags | daemon_protocol::FLAG_CACHED,
                false => flags,
            },
            usual: None,
            groups: Groups::NONE,
            built: Some(task),
        }
    }

    /// The pid of the task.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// The pid of its process: the thread group leader.
    #[must_use]
    pub const fn tgid(&self) -> Pid {
        self.tgid
    }

    /// Its pids, state and name, if they were requested.
    // Inlined: the task and the result would otherwise be written to memory and
    // read again. By reference until the end: fields that the caller ignores are
    // not read.
    #[inline(always)]
    #[must_use]
    pub fn base(&self) -> Option<Base> {
        let copy;
        let base = match self.usual {
            Some(usual) => &usual.base,
            None => {
                copy = find_base(self.built, self.attributes, self.groups.base)?;
                &copy
            }
        };
        Some(base.value().into())
    }

    /// Its credentials, if they were requested.
    #[inline(always)]
    #[must_use]
    pub fn cred(&self) -> Option<Cred> {
        let copy;
        let cred = match self.usual {
            Some(usual) => &usual.cred,
            None => {
                copy = find_cred(self.built, self.attributes, self.groups.cred)?;
                &copy
            }
        };
        Some(Cred::decode(cred))
    }

    /// Its times and sizes, if they were requested.
    #[inline(always)]
    #[must_use]
    pub fn stat(&self) -> Option<Stat> {
        let at = self.groups.stat as usize;
        let attributes = self.attributes.get(at..).unwrap_or_default();
        let copy;
        let stat = match Exactly::<TaskDiagStat>::ref_from_prefix(attributes) {
            Ok((stat, _)) if stat.is(abi::TASK_DIAG_STAT) => stat,
            _ => {
                copy = find_stat(self.built, self.attributes, self.groups.stat)?;
                &copy
            }
        };
        Some(stat.value().into())
    }

    /// Its memory mappings, if they were requested; see [`Self::absent`].
    #[must_use]
    pub fn vmas(&self) -> Option<Vmas<'a>> {
        if let Some(task) = self.built {
            return task.vmas.as_deref().map(Vmas::built);
        }
        self.group(abi::TASK_DIAG_GROUP_VMA)?;
        Some(Vmas::new(self.of_kind(abi::TASK_DIAG_VMA)))
    }

    /// Memory use of the mappings, if it was requested; see [`Self::absent`].
    #[must_use]
    pub fn vma_stats(&self) -> Option<VmaStats<'a>> {
        if let Some(task) = self.built {
            return task.vma_stats.as_deref().map(VmaStats::built);
        }
        self.group(abi::TASK_DIAG_GROUP_VMA_STAT)?;
        Some(VmaStats::new(self.of_kind(abi::TASK_DIAG_VMA_STAT)))
    }

    /// Its command line, if it was requested. Borrowed, unless it was received in
    /// several attributes.
    #[must_use]
    pub fn cmdline(&self) -> Option<Cmdline<'a>> {
        if let Some(task) = self.built {
            return Some(Cmdline::from(task.cmdline.as_ref()?.as_bytes()));
        }
        let mut pieces = self.of_kind(abi::TASK_DIAG_CMDLINE);
        let mut cmdline = Cmdline::from(pieces.next()?);
        pieces.for_each(|piece| cmdline.add(piece));
        Some(cmdline)
    }

    /// The number of its open files, if it was requested.
    #[must_use]
    pub fn files(&self) -> Option<Files> {
        if let Some(task) = self.built {
            return task.files;
        }
        Some(read::<abi::TaskDiagFiles>(self.group(abi::TASK_DIAG_GROUP_FILES)?).into())
    }

    /// The fields that distinguish it from later tasks with its pid, if they were
    /// requested.
    #[must_use]
    pub fn ident(&self) -> Option<Ident> {
        if let Some(task) = self.built {
            return task.ident;
        }
        Some(read::<abi::TaskDiagIdent>(self.group(abi::TASK_DIAG_GROUP_IDENT)?).into())
    }

    /// Its namespaces, if they were requested.
    #[must_use]
    pub fn ns(&self) -> Option<Ns> {
        if let Some(task) = self.built {
            return task.ns;
        }
        Some(read::<abi::TaskDiagNs>(self.group(abi::TASK_DIAG_GROUP_NS)?).into())
    }

    /// Its cgroup, if it was requested.
    #[must_use]
    pub fn cgroup(&self) -> Option<Cgroup<'a>> {
        if let Some(task) = self.built {
            return task.cgroup.as_ref().map(Cgroup::borrowed);
        }
        Cgroup::read(self.group(abi::TASK_DIAG_GROUP_CGROUP)?).ok()
    }

    /// Its input and output, if it was requested.
    #[must_use]
    pub fn io(&self) -> Option<Io> {
        if let Some(task) = self.built {
            return task.io;
        }
        Some(read::<abi::TaskDiagIo>(self.group(abi::TASK_DIAG_GROUP_IO)?).into())
    }

    /// Its signals, if they were requested.
    #[must_use]
    pub fn signals(&self) -> Option<Signals> {
        if let Some(task) = self.built {
            return task.signals;
        }
        Some(read::<abi::TaskDiagSignals>(self.group(abi::TASK_DIAG_GROUP_SIGNALS)?).into())
    }

    /// Its resource limits, if they were requested.
    #[must_use]
    pub fn limits(&self) -> Option<Limits> {
        if let Some(task) = self.built {
            return task.limits;
        }
        Some(read::<abi::TaskDiagLimits>(self.group(abi::TASK_DIAG_GROUP_LIMITS)?).into())
    }

    /// Its order for the OOM killer, if it was requested.
    #[must_use]
    pub fn oom(&self) -> Option<Oom> {
        if let Some(task) = self.built {
            return task.oom;
        }
        Some(read::<abi::TaskDiagOom>(self.group(abi::TASK_DIAG_GROUP_OOM)?).into())
    }

    /// Its program and directories, if they were requested.
    #[must_use]
    pub fn paths(&self) -> Option<Paths<'a>> {
        if let Some(task) = self.built {
            return task.paths.as_ref().map(Paths::borrowed);
        }
        let mut pieces = self.of_kind(abi::TASK_DIAG_PATHS);
        let mut paths = Paths::read(pieces.next()?);
        pieces.for_each(|piece| paths.add(Paths::read(piece)));
        Some(paths)
    }

    /// Its environment, if it was requested. Borrowed, unless it was received in
    /// several attributes.
    #[must_use]
    pub fn environ(&self) -> Option<Environ<'a>> {
        if let Some(task) = self.built {
            return Some(Environ::from(task.environ.as_ref()?.as_bytes()));
        }
        let mut pieces = self.of_kind(abi::TASK_DIAG_ENVIRON);
        let mut environ = Environ::from(pieces.next()?);
        pieces.for_each(|piece| environ.add(piece));
        Some(environ)
    }

    /// Its scheduling, if it was requested.
    #[must_use]
    pub fn sched(&self) -> Option<Sched<'a>> {
        if let Some(task) = self.built {
            return task.sched.as_ref().map(Sched::borrowed);
        }
        Sched::read(self.group(abi::TASK_DIAG_GROUP_SCHED)?).ok()
    }

    /// Its pids in each pid namespace, if they were requested, from the namespace of the
    /// request down to the innermost one.
    #[must_use]
    pub fn nspids(&self) -> Option<NsPids<'a>> {
        if let Some(task) = self.built {
            return task.nspids.as_deref().map(NsPids::built);
        }
        self.group(abi::TASK_DIAG_GROUP_NSPID).map(NsPids::new)
    }

    /// The groups that the row lacks, with the reason. Each requested group is
    /// either complete or in one of these sets.
    ///
    /// Of a piece that [`crate::Dump::next_piece`] returns: empty, except in the
    /// last piece of an incomplete row.
    #[must_use]
    pub fn absent(&self) -> Absent {
        match self.usual {
            // BASE and CRED are its only attributes.
            Some(_) if self.attributes.len() == size_of::<BaseAndCred>() => Absent::default(),
            _ => match self.built {
                Some(task) => task.absent,
                None => absent_in(self.attributes).unwrap_or_default(),
            },
        }
    }

    /// The groups of these that the row neither has nor lists as absent.
    #[inline]
    pub(crate) fn missing(&self, requested: Show) -> Show {
        let usual = match self.usual {
            Some(_) => BaseAndCred::GROUPS,
            None => Show::empty(),
        };
        let rest = requested.difference(usual);
        match rest.is_empty() {
            true => rest,
            false => self.missing_of(rest),
        }
    }

    #[inline(never)]
    fn missing_of(&self, requested: Show) -> Show {
        let there = match self.groups.stat {
            NOWHERE => Show::empty(),
            _ => Show::STAT,
        };
        let rest = requested.difference(there);
        if rest.is_empty() {
            return rest;
        }
        rest.difference(groups_in(self.attributes))
            .difference(self.absent().groups())
    }

    /// Whether it is a cached row, kept current by events: its state is not
    /// known, and fields without events (process group, tracer, capabilities,
    /// secure bits) have the values of the last read. Always false for rows of the
    /// kernel: see [`crate::daemon_protocol`].
    #[must_use]
    pub const fn is_cached(&self) -> bool {
        self.flags & daemon_protocol::FLAG_CACHED != 0
    }

    /// Whether this piece continues the row of the previous piece. Always false,
    /// except for pieces that [`crate::Dump::next_piece`] returns.
    #[must_use]
    pub const fn is_continuation(&self) -> bool {
        self.flags & abi::TASK_DIAG_FLAG_CONT != 0
    }

    /// Whether the next piece continues the row of this piece. Always false,
    /// except for pieces that [`crate::Dump::next_piece`] returns.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.flags & abi::TASK_DIAG_FLAG_MORE != 0
    }

    /// The bytes of the group with this bit in [`crate::Show`] (BASE is 0), as
    /// received; the first, where a group came in several attributes. `None` for a
    /// task that was built instead of received, as [`crate::Procfs`] does.
    #[must_use]
    pub fn group(&self, bit: u16) -> Option<&'a [u8]> {
        let wanted = abi::TASK_DIAG_ATTR_GROUPS.checked_add(bit)?;
        self.of_kind(wanted).next()
    }

    /// Its attributes.
    pub(crate) const fn as_bytes(&self) -> &'a [u8] {
        self.attributes
    }

    const fn of_kind(&self, kind: u16) -> OfKind<'a> {
        OfKind {
            attributes: Attributes::new(self.attributes),
            kind,
        }
    }

    /// Every attribute that was received with the task, in order, as its type and
    /// its bytes; padding is left out. None for a task that was built.
    pub fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        // Groups::find() parsed them to the last byte, so there is no error.
        Attributes::new(self.attributes)
            .map_while(Result::ok)
            .filter(|&(kind, _)| kind != abi::TASK_DIAG_PAD)
    }

    /// A copy that outlives the receive buffer.
    #[must_use]
    pub fn to_owned(&self) -> Task {
        if let Some(task) = self.built {
            return task.clone();
        }
        let mut task = Task {
            pid: self.pid,
            tgid: self.tgid,
            cached: self.is_cached(),
            ..Task::default()
        };
        for (kind, value) in self.attributes() {
            task.add(kind, value);
        }
        task
    }
}

impl<'a> From<&'a Task> for TaskRef<'a> {
    fn from(task: &'a Task) -> Self {
        Self::built(task, 0)
    }
}

impl fmt::Debug for TaskRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskRef")
            .field("pid", &self.pid)
            .field("tgid", &self.tgid)
            .field("base", &self.base())
            .field("cred", &self.cred())
            .finish_non_exhaustive()
    }
}
