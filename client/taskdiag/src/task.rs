// SPDX-License-Identifier: MIT
//! A task: a borrowed view ([`TaskRef`]) and the owned form ([`Task`]).
//!
//! Parses attributes in place. Each attribute group has a file in `task/`. Must
//! not depend on messages, transports and sources.

mod absent;
mod base;
mod cgroup;
mod cmdline;
mod cred;
mod files;
mod ident;
mod ns;
mod records;
mod stat;
mod vma;
mod vma_stat;

use std::fmt;
use std::mem::offset_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::abi::{self, TaskDiagAbsent, TaskDiagBase, TaskDiagCreds, TaskDiagStat};
use crate::daemon_protocol;
use crate::error::Result;
use crate::netlink::{Attributes, Exactly, Malformed, read};
use crate::pid::Pid;
use crate::show::Show;

pub use absent::Absent;
pub use base::{Base, Comm, State};
pub use cgroup::Cgroup;
pub use cmdline::Cmdline;
pub use cred::Cred;
pub use files::{FileCounts, Files};
pub use ident::Ident;
pub use ns::Ns;
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

/// Offsets of the first BASE, CRED and STAT among a task's attributes, or
/// [`NOWHERE`].
///
/// Offsets rather than slices: a task is moved more often than it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Groups {
    base: u32,
    cred: u32,
    stat: u32,
}

/// BASE and CRED, one behind the other: the most frequent row.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct BaseAndCred {
    base: Exactly<TaskDiagBase>,
    cred: Exactly<TaskDiagCreds>,
}

impl BaseAndCred {
    /// Splits these attributes into BASE and CRED, if they begin with those, and the
    /// rest.
    #[inline]
    fn begin(attributes: &[u8]) -> Option<(&Self, &[u8])> {
        let (this, behind) = Self::ref_from_prefix(attributes).ok()?;
        this.is_sound().then_some((this, behind))
    }
}

/// The attributes of a row on the fast path: these groups, in this order, and no
/// other attribute.
pub(crate) trait FastAttributes:
    FromBytes + IntoBytes + Immutable + KnownLayout + 'static
{
    const GROUPS: Show;
    const PLACES: Groups;

    /// Whether each attribute has its type and length.
    fn is_sound(&self) -> bool;

    fn base_and_cred(&self) -> &BaseAndCred;
}

impl FastAttributes for BaseAndCred {
    const GROUPS: Show = Show::BASE.union(Show::CRED);
    const PLACES: Groups = Groups::BASE_AND_CRED;

    #[inline(always)]
    fn is_sound(&self) -> bool {
        self.base.is(abi::TASK_DIAG_BASE) && self.cred.is(abi::TASK_DIAG_CRED)
    }

    #[inline(always)]
    fn base_and_cred(&self) -> &BaseAndCred {
        self
    }
}

/// BASE, CRED and STAT.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct BaseCredAndStat {
    base_and_cred: BaseAndCred,
    stat: Exactly<TaskDiagStat>,
}

impl FastAttributes for BaseCredAndStat {
    const GROUPS: Show = BaseAndCred::GROUPS.union(Show::STAT);
    const PLACES: Groups = Groups::BASE_CRED_AND_STAT;

    #[inline(always)]
    fn is_sound(&self) -> bool {
        self.base_and_cred.is_sound() && self.stat.is(abi::TASK_DIAG_STAT)
    }

    #[inline(always)]
    fn base_and_cred(&self) -> &BaseAndCred {
        &self.base_and_cred
    }
}

/// Whether STAT is the only one of these attributes.
#[inline]
fn is_stat(attributes: &[u8]) -> bool {
    Exactly::<TaskDiagStat>::ref_from_bytes(attributes)
        .is_ok_and(|stat| stat.is(abi::TASK_DIAG_STAT))
}

/// The offset of an attribute that is not there: no attribute begins in the last
/// four bytes.
const NOWHERE: u32 = u32::MAX;

impl Groups {
    const NONE: Self = Self {
        base: NOWHERE,
        cred: NOWHERE,
        stat: NOWHERE,
    };

    const BASE_AND_CRED: Self = Self {
        base: offset_of!(BaseAndCred, base) as u32,
        cred: offset_of!(BaseAndCred, cred) as u32,
        stat: NOWHERE,
    };

    const BASE_CRED_AND_STAT: Self = Self {
        stat: size_of::<BaseAndCred>() as u32,
        ..Self::BASE_AND_CRED
    };

    /// Parses all attributes, to the last byte.
    #[inline]
    pub(crate) fn find(attributes: &[u8]) -> Result<Self, Malformed> {
        match BaseAndCred::begin(attributes) {
            Some((_, [])) => Ok(Self::BASE_AND_CRED),
            Some((_, behind)) if is_stat(behind) => Ok(Self::BASE_CRED_AND_STAT),
            Some(_) => Self::BASE_AND_CRED.search(attributes, size_of::<BaseAndCred>()),
            None => Self::NONE.search(attributes, 0),
        }
    }

    /// Searches the attributes from this offset on.
    #[inline(never)]
    fn search(mut self, attributes: &[u8], from: usize) -> Result<Self, Malformed> {
        let mut absent = false;
        if attributes.len() > NOWHERE as usize {
            return Err(Malformed("a task of 4 GiB and more"));
        }
        let mut walk = Attributes::new_at(attributes, from);
        loop {
            let at = walk.at() as u32;
            match walk.next().transpose()? {
                None => return Ok(self),
                Some((abi::TASK_DIAG_BASE, _)) if self.base == NOWHERE => self.base = at,
                Some((abi::TASK_DIAG_CRED, _)) if self.cred == NOWHERE => self.cred = at,
                Some((abi::TASK_DIAG_STAT, _)) if self.stat == NOWHERE => self.stat = at,
                Some((abi::TASK_DIAG_ABSENT, _)) if absent => {
                    return Err(Malformed("a row with TASK_DIAG_ABSENT twice"));
                }
                Some((abi::TASK_DIAG_ABSENT, _)) => absent = true,
                Some((kind, value)) => check_inside(kind, value)?,
            }
        }
    }
}

/// Checks the structure inside an attribute, so that every accessor of a task
/// succeeds.
fn check_inside(kind: u16, value: &[u8]) -> Result<(), Malformed> {
    match kind {
        abi::TASK_DIAG_VMA => Vma::check(value),
        abi::TASK_DIAG_VMA_STAT => VmaStat::check(value),
        abi::TASK_DIAG_CGROUP => Cgroup::read(value).map(drop),
        _ => Ok(()),
    }
}

/// Reads the attribute at this offset, if there is one. A copy: its length may
/// differ from that of the structure.
#[inline(never)]
fn find<T: FromBytes + IntoBytes>(attributes: &[u8], at: u32) -> Option<Exactly<T>> {
    let mut walk = Attributes::new_at(attributes, at as usize);
    let (_, value) = walk.next()?.ok()?;
    Some(Exactly::holding(read(value)))
}

// The fields of a TaskRef by value: a reference would force the task into memory, also
// on the fast path.

#[inline(never)]
fn find_base(built: Option<&Task>, attributes: &[u8], at: u32) -> Option<Exactly<TaskDiagBase>> {
    match built {
        Some(task) => Some(Exactly::holding(task.base?.into())),
        None => find(attributes, at),
    }
}

#[inline(never)]
fn find_cred(built: Option<&Task>, attributes: &[u8], at: u32) -> Option<Exactly<TaskDiagCreds>> {
    match built {
        Some(task) => Some(Exactly::holding(task.cred?.into())),
        None => find(attributes, at),
    }
}

#[inline(never)]
fn find_stat(built: Option<&Task>, attributes: &[u8], at: u32) -> Option<Exactly<TaskDiagStat>> {
    match built {
        Some(task) => Some(Exactly::holding(task.stat?.into())),
        None => find(attributes, at),
    }
}

/// The groups that have an attribute there.
pub(crate) fn groups_in(attributes: &[u8]) -> Show {
    let kinds = Attributes::new(attributes).map_while(Result::ok);
    let bits = kinds.filter_map(|(kind, _)| {
        let group = kind.checked_sub(abi::TASK_DIAG_ATTR_GROUPS)?;
        1u64.checked_shl(group.into())
    });
    Show::from_bits_retain(bits.fold(0, |all, bit| all | bit))
}

/// Reads the attribute ABSENT, if there is one.
pub(crate) fn absent_in(attributes: &[u8]) -> Option<Absent> {
    let attributes = Attributes::new(attributes);
    let mut values = OfKind {
        attributes,
        kind: abi::TASK_DIAG_ABSENT,
    };
    Some(read::<TaskDiagAbsent>(values.next()?).into())
}

/// The values of the attributes of one type.
#[derive(Clone, Debug)]
struct OfKind<'a> {
    attributes: Attributes<'a>,
    kind: u16,
}

impl<'a> Iterator for OfKind<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Groups::find() parsed them to the last byte, so there is no error.
            let (kind, value) = self.attributes.next()?.ok()?;
            if kind == self.kind {
                return Some(value);
            }
        }
    }
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
        Some(cred.value().into())
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

/// A task, owned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default)
)]
#[non_exhaustive]
pub struct Task {
    /// The pid of the task.
    pub pid: Pid,
    /// The pid of its process: the thread group leader.
    pub tgid: Pid,
    /// Its pids, state and name, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub base: Option<Base>,
    /// Its credentials, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cred: Option<Cred>,
    /// Its times and sizes, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub stat: Option<Stat>,
    /// The fields that distinguish it from later tasks with its pid, if they were
    /// requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub ident: Option<Ident>,
    /// Its namespaces, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub ns: Option<Ns>,
    /// Its cgroup, if it was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cgroup: Option<Cgroup<'static>>,
    /// The number of its open files, if it was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub files: Option<Files>,
    /// Its command line, if it was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cmdline: Option<Cmdline<'static>>,
    /// Its memory mappings, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub vmas: Option<Vec<Vma<'static>>>,
    /// Memory use of the mappings, if it was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub vma_stats: Option<Vec<VmaStat>>,
    /// The groups that the row lacks, with the reason.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Absent::is_empty"))]
    pub absent: Absent,
    /// Whether it is a cached row, kept current by events: see
    /// [`TaskRef::is_cached`].
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "std::ops::Not::not"))]
    pub cached: bool,
    /// The attributes this crate does not decode, as received: type and bytes.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub other: Vec<(u16, Vec<u8>)>,
}

impl Task {
    /// Adds an attribute. Only the first one of a group with a single structure is
    /// decoded; further ones and unknown attributes are stored as received.
    fn add(&mut self, kind: u16, value: &[u8]) {
        match kind {
            abi::TASK_DIAG_BASE if self.base.is_none() => {
                self.base = Some(read::<TaskDiagBase>(value).into());
            }
            abi::TASK_DIAG_CRED if self.cred.is_none() => {
                self.cred = Some(read::<TaskDiagCreds>(value).into());
            }
            abi::TASK_DIAG_STAT if self.stat.is_none() => {
                self.stat = Some(read::<TaskDiagStat>(value).into());
            }
            abi::TASK_DIAG_FILES if self.files.is_none() => {
                self.files = Some(read::<abi::TaskDiagFiles>(value).into());
            }
            abi::TASK_DIAG_IDENT if self.ident.is_none() => {
                self.ident = Some(read::<abi::TaskDiagIdent>(value).into());
            }
            abi::TASK_DIAG_NS if self.ns.is_none() => {
                self.ns = Some(read::<abi::TaskDiagNs>(value).into());
            }
            abi::TASK_DIAG_CGROUP if self.cgroup.is_none() => {
                // It was checked when the task was received.
                self.cgroup = Cgroup::read(value).ok().map(Cgroup::into_owned);
            }
            abi::TASK_DIAG_ABSENT => self.absent = read::<TaskDiagAbsent>(value).into(),
            abi::TASK_DIAG_CMDLINE => self.cmdline.get_or_insert_default().add(value),
            abi::TASK_DIAG_VMA => {
                let vmas = Vma::all(value).map(Vma::into_owned);
                self.vmas.get_or_insert_default().extend(vmas);
            }
            abi::TASK_DIAG_VMA_STAT => {
                let stats = VmaStat::all(value);
                self.vma_stats.get_or_insert_default().extend(stats);
            }
            _ => self.other.push((kind, value.to_vec())),
        }
    }
}

/// Serialises bytes as text, with U+FFFD for bytes that are not UTF-8.
#[cfg(feature = "serde")]
mod lossy_option {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Cow<'_, [u8]>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_some(&String::from_utf8_lossy(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, 'a, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Cow<'a, [u8]>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.map(|text| Cow::Owned(text.into_bytes())))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "serde")]
    use super::*;

    #[cfg(feature = "serde")]
    #[test]
    fn state_name_and_capabilities_are_serialised_as_text() {
        let task = Task {
            pid: 7,
            tgid: 7,
            base: Some(Base {
                state: State::Zombie,
                comm: Comm::new(b"sh\n\xff"),
                ..Base::default()
            }),
            cred: Some(Cred {
                cap_effective: crate::CapSet(0b10_0001),
                ..Cred::default()
            }),
            ..Task::default()
        };
        let json = serde_json::to_value(&task).unwrap();
        assert_eq!(json["base"]["state"], "Z");
        assert_eq!(json["base"]["comm"], "sh\n\u{fffd}");
        assert_eq!(
            json["cred"]["cap_effective"],
            serde_json::json!(["cap_chown", "cap_kill"])
        );
        assert_eq!(json.get("other"), None);
        let none = serde_json::to_value(Task::default()).unwrap();
        assert_eq!(none, serde_json::json!({"pid": 0, "tgid": 0}));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serialized_task_is_deserialized_unchanged() {
        let task = Task {
            pid: 7,
            tgid: 7,
            base: Some(Base {
                state: State::TraceStop,
                comm: Comm::new(b"a b"),
                ..Base::default()
            }),
            cred: Some(Cred {
                cap_effective: crate::CapSet(0b10_0001 | 1 << 63),
                cap_bset: crate::CapSet::ALL,
                ..Cred::default()
            }),
            stat: Some(Stat {
                start_time: u64::MAX,
                memory: Some(Memory::default()),
                exit_code: Some(-1),
                ..Stat::default()
            }),
            ident: Some(Ident::default()),
            ns: Some(Ns {
                mnt: Some(3),
                ..Ns::default()
            }),
            cgroup: Some(Cgroup {
                path: Some(b"/a".into()),
                ..Cgroup::default()
            }),
            files: Some(Files {
                counts: Some(FileCounts::default()),
                ..Files::default()
            }),
            cmdline: Some(Cmdline::from(&b"sh\0-c\0\0"[..])),
            vmas: Some(vec![
                Vma {
                    flags: VmaFlags::READ | VmaFlags::DELETED,
                    name: Some(b"[heap]".into()),
                    ..Vma::default()
                },
                Vma::default(),
            ]),
            vma_stats: Some(vec![VmaStat::default()]),
            absent: Absent {
                gone: Show::CMDLINE | Show::from_bits_retain(1 << 40),
                denied: Show::NS,
                ..Absent::default()
            },
            other: vec![(99, vec![1, 2])],
            ..Task::default()
        };
        for task in [task, Task::default()] {
            let json = serde_json::to_string(&task).unwrap();
            assert_eq!(serde_json::from_str::<Task>(&json).unwrap(), task, "{json}");
        }
        assert!(serde_json::from_str::<Task>(r#"{"absent": {"denied": "nothing"}}"#).is_err());
        assert!(serde_json::from_str::<State>(r#""q""#).is_err());
    }
}
