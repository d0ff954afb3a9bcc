// SPDX-License-Identifier: MIT
//! The groups of facts: what there is a number for, and how each one looks.
//!
//! The one table to extend when the family learns another group. Which of them
//! the running kernel has it says itself.

use std::mem::offset_of;

use taskdiag::abi;

/// How the attribute of a group looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One structure of this size, with four bytes of padding at this place of
    /// it, if there are any.
    Structure(usize, Option<usize>),
    /// Such a structure with a text behind it.
    Text(usize, Option<usize>),
    /// Any bytes, in any number of messages.
    Pieces,
    /// Structures of at least this size that say how long they are, likewise.
    Areas(usize),
}

/// A group of facts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) bit: u16,
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// Every task has it.
    pub(crate) always: bool,
}

impl Group {
    /// It has no fixed size, and may take more than one message.
    pub(crate) const fn is_long(&self) -> bool {
        !matches!(self.shape, Shape::Structure(..))
    }
}

const fn every(bit: u16, name: &'static str, size: usize, pad: Option<usize>) -> Group {
    Group {
        bit,
        name,
        shape: Shape::Structure(size, pad),
        always: true,
    }
}

const fn some(bit: u16, name: &'static str, shape: Shape) -> Group {
    Group {
        bit,
        name,
        shape,
        always: false,
    }
}

pub(crate) const GROUPS: &[Group] = &[
    every(
        abi::TASK_DIAG_GROUP_BASE,
        "BASE",
        size_of::<abi::TaskDiagBase>(),
        None,
    ),
    every(
        abi::TASK_DIAG_GROUP_CRED,
        "CRED",
        size_of::<abi::TaskDiagCreds>(),
        None,
    ),
    every(
        abi::TASK_DIAG_GROUP_STAT,
        "STAT",
        size_of::<abi::TaskDiagStat>(),
        Some(offset_of!(abi::TaskDiagStat, pad)),
    ),
    some(
        abi::TASK_DIAG_GROUP_VMA,
        "VMA",
        Shape::Areas(size_of::<abi::TaskDiagVma>()),
    ),
    some(
        abi::TASK_DIAG_GROUP_VMA_STAT,
        "VMA_STAT",
        Shape::Areas(size_of::<abi::TaskDiagVmaStat>()),
    ),
    some(abi::TASK_DIAG_GROUP_CMDLINE, "CMDLINE", Shape::Pieces),
    some(
        abi::TASK_DIAG_GROUP_FILES,
        "FILES",
        Shape::Structure(
            size_of::<abi::TaskDiagFiles>(),
            Some(offset_of!(abi::TaskDiagFiles, pad)),
        ),
    ),
    every(
        abi::TASK_DIAG_GROUP_IDENT,
        "IDENT",
        size_of::<abi::TaskDiagIdent>(),
        Some(offset_of!(abi::TaskDiagIdent, pad)),
    ),
    every(
        abi::TASK_DIAG_GROUP_NS,
        "NS",
        size_of::<abi::TaskDiagNs>(),
        None,
    ),
    some(
        abi::TASK_DIAG_GROUP_CGROUP,
        "CGROUP",
        Shape::Text(
            size_of::<abi::TaskDiagCgroup>(),
            Some(offset_of!(abi::TaskDiagCgroup, pad)),
        ),
    ),
];

/// The bits of all groups there are a number for.
pub(crate) fn known() -> u64 {
    GROUPS.iter().fold(0, |bits, group| bits | 1 << group.bit)
}

/// Those that every kernel has.
pub(crate) const PLAIN: u64 = abi::TASK_DIAG_SHOW_BASE | abi::TASK_DIAG_SHOW_CRED;

/// The group with this attribute.
pub(crate) fn of_attribute(kind: u16) -> Option<&'static Group> {
    GROUPS
        .iter()
        .find(|group| abi::TASK_DIAG_ATTR_GROUPS + group.bit == kind)
}
