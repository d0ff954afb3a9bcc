// SPDX-License-Identifier: MIT
//! A task: a borrowed view of what was received about it, and the owned form.
//!
//! Pure: reads attributes from bytes, knows neither messages nor sockets. Each
//! group of facts has a file of its own below.

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
use crate::netlink::{Attributes, Exactly, Malformed};
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

/// Declares the form for users of a structure of the ABI that has the same
/// fields, and how it is made of that.
macro_rules! mirror {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident: $abi:ident {
            $($(#[$field_attribute:meta])* $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
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

/// Reads a structure as the ABI says: what is missing from a shorter one is
/// zero, what a longer one has more is left out.
#[inline]
pub(crate) fn read<T: FromBytes + IntoBytes>(bytes: &[u8]) -> T {
    match T::read_from_prefix(bytes) {
        Ok((value, _)) => value,
        Err(_) => read_short(bytes),
    }
}

#[cold]
fn read_short<T: FromBytes + IntoBytes>(bytes: &[u8]) -> T {
    let mut value = T::new_zeroed();
    value.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
    value
}

/// What was received about one task, borrowed from the receive buffer.
///
/// Nothing is decoded until it is asked for, and nothing is allocated.
#[derive(Clone, Copy)]
pub struct TaskRef<'a> {
    attributes: &'a [u8],
    pid: Pid,
    tgid: Pid,
    /// `TASK_DIAG_FLAG_*`.
    flags: u32,
    /// If the attributes begin so.
    usual: Option<&'a BaseAndCred>,
    groups: Groups,
}

/// Where the groups that this crate decodes begin among a task's attributes,
/// or [`NOWHERE`]; the first, where one comes more than once.
///
/// Numbers rather than slices: a task is moved more often than it is looked
/// at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Groups {
    base: u32,
    cred: u32,
    stat: u32,
}

/// What is asked for most, and so comes as one: BASE and CRED.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct BaseAndCred {
    base: Exactly<TaskDiagBase>,
    cred: Exactly<TaskDiagCreds>,
}

impl BaseAndCred {
    /// It, if these attributes begin with it, and those behind it.
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

/// Whether these attributes are STAT alone.
#[inline]
fn is_stat(attributes: &[u8]) -> bool {
    Exactly::<TaskDiagStat>::ref_from_bytes(attributes)
        .is_ok_and(|stat| stat.is(abi::TASK_DIAG_STAT))
}

/// No attribute begins there: it takes four bytes to begin one.
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

    /// Walks the attributes, to the last byte.
    #[inline]
    pub(crate) fn find(attributes: &[u8]) -> Result<Self, Malformed> {
        match BaseAndCred::begin(attributes) {
            Some((_, [])) => Ok(Self::BASE_AND_CRED),
            Some((_, behind)) if is_stat(behind) => Ok(Self::BASE_CRED_AND_STAT),
            Some(_) => Self::BASE_AND_CRED.search(attributes, size_of::<BaseAndCred>()),
            None => Self::NONE.search(attributes, 0),
        }
    }

    /// And whatever there is from here on.
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
                Some((kind, value)) => look_into(kind, value)?,
            }
        }
    }
}

/// Looks at what has a structure of its own inside, so that everything a task
/// hands out can be read.
fn look_into(kind: u16, value: &[u8]) -> Result<(), Malformed> {
    match kind {
        abi::TASK_DIAG_VMA => Vma::check(value),
        abi::TASK_DIAG_VMA_STAT => VmaStat::check(value),
        abi::TASK_DIAG_CGROUP => Cgroup::read(value).map(drop),
        _ => Ok(()),
    }
}

/// Reads the attribute that begins there, if one does: a copy, as it may be
/// longer or shorter than this crate knows it.
#[inline(never)]
fn find<T: FromBytes + IntoBytes>(attributes: &[u8], at: u32) -> Option<Exactly<T>> {
    let mut walk = Attributes::new_at(attributes, at as usize);
    let (_, value) = walk.next()?.ok()?;
    Some(Exactly::holding(read(value)))
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
            // They have been walked to the last byte, so there is no error.
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
        })
    }

    /// The number of the task (thread).
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// The number of its process.
    #[must_use]
    pub const fn tgid(&self) -> Pid {
        self.tgid
    }

    /// Who the task is, if that was asked for.
    // Would otherwise be written to memory to be returned, and the task as well.
    // By reference until the end, so that what nobody looks at is not read.
    #[inline(always)]
    #[must_use]
    pub fn base(&self) -> Option<Base> {
        let copy;
        let base = match self.usual {
            Some(usual) => &usual.base,
            None => {
                copy = find::<TaskDiagBase>(self.attributes, self.groups.base)?;
                &copy
            }
        };
        Some(base.value().into())
    }

    /// Its credentials, if they were asked for.
    #[inline(always)]
    #[must_use]
    pub fn cred(&self) -> Option<Cred> {
        let copy;
        let cred = match self.usual {
            Some(usual) => &usual.cred,
            None => {
                copy = find::<TaskDiagCreds>(self.attributes, self.groups.cred)?;
                &copy
            }
        };
        Some(cred.value().into())
    }

    /// Its times and sizes, if they were asked for.
    #[inline(always)]
    #[must_use]
    pub fn stat(&self) -> Option<Stat> {
        let attributes = self.attributes.get(self.groups.stat as usize..)?;
        let copy;
        let stat = match Exactly::<TaskDiagStat>::ref_from_prefix(attributes) {
            Ok((stat, _)) if stat.is(abi::TASK_DIAG_STAT) => stat,
            _ => {
                copy = find::<TaskDiagStat>(attributes, 0)?;
                &copy
            }
        };
        Some(stat.value().into())
    }

    /// Its memory mappings, if they were requested; see [`Self::absent`].
    #[must_use]
    pub fn vmas(&self) -> Option<Vmas<'a>> {
        self.group(abi::TASK_DIAG_GROUP_VMA)?;
        Some(Vmas::new(self.of_kind(abi::TASK_DIAG_VMA)))
    }

    /// Memory use of the mappings, if it was requested; see [`Self::absent`].
    #[must_use]
    pub fn vma_stats(&self) -> Option<VmaStats<'a>> {
        self.group(abi::TASK_DIAG_GROUP_VMA_STAT)?;
        Some(VmaStats::new(self.of_kind(abi::TASK_DIAG_VMA_STAT)))
    }

    /// Its arguments, if they were asked for. Borrowed, but for long ones that
    /// came in several pieces.
    #[must_use]
    pub fn cmdline(&self) -> Option<Cmdline<'a>> {
        let mut pieces = self.of_kind(abi::TASK_DIAG_CMDLINE);
        let mut cmdline = Cmdline::from(pieces.next()?);
        pieces.for_each(|piece| cmdline.add(piece));
        Some(cmdline)
    }

    /// Its open files, counted, if that was asked for.
    #[must_use]
    pub fn files(&self) -> Option<Files> {
        Some(read::<abi::TaskDiagFiles>(self.group(abi::TASK_DIAG_GROUP_FILES)?).into())
    }

    /// What tells it from a later one with its number, if that was asked for.
    #[must_use]
    pub fn ident(&self) -> Option<Ident> {
        Some(read::<abi::TaskDiagIdent>(self.group(abi::TASK_DIAG_GROUP_IDENT)?).into())
    }

    /// Its namespaces, if they were asked for.
    #[must_use]
    pub fn ns(&self) -> Option<Ns> {
        Some(read::<abi::TaskDiagNs>(self.group(abi::TASK_DIAG_GROUP_NS)?).into())
    }

    /// Its cgroup, if that was asked for.
    #[must_use]
    pub fn cgroup(&self) -> Option<Cgroup<'a>> {
        Cgroup::read(self.group(abi::TASK_DIAG_GROUP_CGROUP)?).ok()
    }

    /// The groups that the row lacks, with the reason. Each requested group is
    /// either complete or in one of these sets.
    ///
    /// Of a piece that [`crate::Dump::next_piece`] returns: empty, except in the
    /// last piece of an incomplete row.
    #[must_use]
    pub fn absent(&self) -> Absent {
        // Rows that begin and end in the usual form have no other attributes.
        match self.usual {
            Some(_) if self.attributes.len() == size_of::<BaseAndCred>() => Absent::default(),
            _ => absent_in(self.attributes).unwrap_or_default(),
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
    /// received; the first, where a group came in several attributes.
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

    /// Every attribute that came with the task, in order, as its type and its
    /// bytes; padding is left out.
    pub fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        // They have been walked to the last byte, so there is no error.
        Attributes::new(self.attributes)
            .map_while(Result::ok)
            .filter(|&(kind, _)| kind != abi::TASK_DIAG_PAD)
    }

    /// A copy that outlives the receive buffer.
    #[must_use]
    pub fn to_owned(&self) -> Task {
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
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Task {
    /// The number of the task (thread).
    pub pid: Pid,
    /// The number of its process.
    pub tgid: Pid,
    /// Who it is, if that was asked for.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub base: Option<Base>,
    /// Its credentials, if they were asked for.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cred: Option<Cred>,
    /// Its times and sizes, if they were asked for.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub stat: Option<Stat>,
    /// What tells it from a later one with its number, if that was asked for.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub ident: Option<Ident>,
    /// Its namespaces, if they were asked for.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub ns: Option<Ns>,
    /// Its cgroup, if that was asked for.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cgroup: Option<Cgroup<'static>>,
    /// Its open files, counted, if that was asked for.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub files: Option<Files>,
    /// Its arguments, if they were asked for.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cmdline: Option<Cmdline<'static>>,
    /// The areas of its memory, if they were asked for.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub vmas: Option<Vec<Vma<'static>>>,
    /// What is there of the areas, if that was asked for.
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
    /// Adds an attribute. Of a group with one structure the first counts; the
    /// others, and what is not known, are kept as they are.
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
                // It has been looked at when the task was received.
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

/// Bytes as text, with U+FFFD for what is not UTF-8.
#[cfg(feature = "serde")]
fn lossy<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}

#[cfg(feature = "serde")]
fn lossy_option<S: serde::Serializer>(
    bytes: &Option<std::borrow::Cow<'_, [u8]>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => lossy(bytes, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "serde")]
    use super::*;

    #[cfg(feature = "serde")]
    #[test]
    fn a_task_is_serialised_for_people() {
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
}
