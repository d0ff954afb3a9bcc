// SPDX-License-Identifier: MIT
//! The attributes of a received row: where its groups begin, and the layouts of
//! the fast path.

use std::mem::offset_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Absent, Cgroup, NsPids, Paths, Sched, Task, Vma, VmaStat};
use crate::abi::{self, TaskDiagAbsent, TaskDiagBase, TaskDiagCreds, TaskDiagStat};
use crate::netlink::{Attributes, Exactly, Malformed, read};
use crate::show::Show;

/// Offsets of the first BASE, CRED and STAT among a task's attributes, or
/// [`NOWHERE`].
///
/// Offsets rather than slices: a task is moved more often than it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Groups {
    pub(super) base: u32,
    pub(super) cred: u32,
    pub(super) stat: u32,
}

/// BASE and CRED, one behind the other: the most frequent row.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct BaseAndCred {
    pub(super) base: Exactly<TaskDiagBase>,
    pub(super) cred: Exactly<TaskDiagCreds>,
}

impl BaseAndCred {
    /// Splits these attributes into BASE and CRED, if they begin with those, and the
    /// rest.
    #[inline]
    pub(super) fn begin(attributes: &[u8]) -> Option<(&Self, &[u8])> {
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
pub(super) const NOWHERE: u32 = u32::MAX;

impl Groups {
    pub(super) const NONE: Self = Self {
        base: NOWHERE,
        cred: NOWHERE,
        stat: NOWHERE,
    };

    pub(super) const BASE_AND_CRED: Self = Self {
        base: offset_of!(BaseAndCred, base) as u32,
        cred: offset_of!(BaseAndCred, cred) as u32,
        stat: NOWHERE,
    };

    pub(super) const BASE_CRED_AND_STAT: Self = Self {
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
        abi::TASK_DIAG_PATHS => Paths::check(value),
        abi::TASK_DIAG_SCHED => Sched::read(value).map(drop),
        abi::TASK_DIAG_NSPID => NsPids::check(value),
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
pub(super) fn find_base(
    built: Option<&Task>,
    attributes: &[u8],
    at: u32,
) -> Option<Exactly<TaskDiagBase>> {
    match built {
        Some(task) => Some(Exactly::holding(task.base?.into())),
        None => find(attributes, at),
    }
}

#[inline(never)]
pub(super) fn find_cred(
    built: Option<&Task>,
    attributes: &[u8],
    at: u32,
) -> Option<Exactly<TaskDiagCreds>> {
    match built {
        Some(task) => Some(Exactly::holding(task.cred?.into())),
        None => find(attributes, at),
    }
}

#[inline(never)]
pub(super) fn find_stat(
    built: Option<&Task>,
    attributes: &[u8],
    at: u32,
) -> Option<Exactly<TaskDiagStat>> {
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
pub(super) struct OfKind<'a> {
    pub(super) attributes: Attributes<'a>,
    pub(super) kind: u16,
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
