// SPDX-License-Identifier: MIT
//! The attribute groups: their numbers and layouts.
//!
//! A new group of the family is added to [`GROUPS`]. The running kernel reports
//! which groups it supports.

use taskdiag::abi;

/// The layout of a group's attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One structure of this size.
    Structure(usize),
    /// A structure of this size, followed by a string.
    Text(usize),
    /// Any bytes, in any number of messages.
    Pieces,
    /// Records of at least this size that begin with their length, in any number
    /// of messages.
    Mappings(usize),
}

/// An attribute group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) bit: u16,
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// The group is in the first message of every row. Other groups are appended,
    /// and can be absent.
    pub(crate) always: bool,
}

impl Group {
    /// Whether the group has no fixed size, so that requests for it need
    /// `NLM_F_DUMP`.
    pub(crate) const fn is_long(&self) -> bool {
        !matches!(self.shape, Shape::Structure(..))
    }
}

const fn every(bit: u16, name: &'static str, size: usize) -> Group {
    Group {
        bit,
        name,
        shape: Shape::Structure(size),
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
    ),
    every(
        abi::TASK_DIAG_GROUP_CRED,
        "CRED",
        size_of::<abi::TaskDiagCreds>(),
    ),
    every(
        abi::TASK_DIAG_GROUP_STAT,
        "STAT",
        size_of::<abi::TaskDiagStat>(),
    ),
    some(
        abi::TASK_DIAG_GROUP_VMA,
        "VMA",
        Shape::Mappings(size_of::<abi::TaskDiagVma>()),
    ),
    some(
        abi::TASK_DIAG_GROUP_VMA_STAT,
        "VMA_STAT",
        Shape::Mappings(size_of::<abi::TaskDiagVmaStat>()),
    ),
    some(abi::TASK_DIAG_GROUP_CMDLINE, "CMDLINE", Shape::Pieces),
    some(
        abi::TASK_DIAG_GROUP_FILES,
        "FILES",
        Shape::Structure(size_of::<abi::TaskDiagFiles>()),
    ),
    every(
        abi::TASK_DIAG_GROUP_IDENT,
        "IDENT",
        size_of::<abi::TaskDiagIdent>(),
    ),
    every(abi::TASK_DIAG_GROUP_NS, "NS", size_of::<abi::TaskDiagNs>()),
    some(
        abi::TASK_DIAG_GROUP_CGROUP,
        "CGROUP",
        Shape::Text(size_of::<abi::TaskDiagCgroup>()),
    ),
];

/// Returns the bits of the groups that can be absent.
pub(crate) fn appended() -> u64 {
    GROUPS
        .iter()
        .filter(|group| !group.always)
        .fold(0, |bits, group| bits | 1 << group.bit)
}

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
