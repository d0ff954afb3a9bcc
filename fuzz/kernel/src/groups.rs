// SPDX-License-Identifier: MIT
//! The attribute groups: their numbers and layouts.
//!
//! A test compares [`GROUPS`] with the groups in the header. The running kernel
//! reports the groups that it supports.

use taskdiag::abi;

/// The layout of a group's attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One structure of this size.
    Structure(usize),
    /// A structure of this size, followed by a string.
    WithString(usize),
    /// A structure of this size, followed by bitmaps whose length is constant.
    WithBitmaps(usize),
    /// Structures of this size, at least one.
    Array(usize),
    /// Any bytes, in any number of messages.
    Bytes,
    /// Records of at least this size that begin with their length, in any number
    /// of messages.
    Mappings(usize),
    /// Up to three records of at least this size that begin with their length, each
    /// with a path, in any number of messages.
    Paths(usize),
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
        !matches!(
            self.shape,
            Shape::Structure(..) | Shape::WithBitmaps(..) | Shape::Array(..)
        )
    }
}

/// A group in the first message of every row.
const fn fixed(bit: u16, name: &'static str, size: usize) -> Group {
    Group {
        bit,
        name,
        shape: Shape::Structure(size),
        always: true,
    }
}

/// A group that is appended to a row, and can be absent.
const fn optional(bit: u16, name: &'static str, shape: Shape) -> Group {
    Group {
        bit,
        name,
        shape,
        always: false,
    }
}

/// All groups, in the order of their bits.
pub(crate) const GROUPS: &[Group] = &[
    fixed(
        abi::TASK_DIAG_GROUP_BASE,
        "BASE",
        size_of::<abi::TaskDiagBase>(),
    ),
    fixed(
        abi::TASK_DIAG_GROUP_CRED,
        "CRED",
        size_of::<abi::TaskDiagCreds>(),
    ),
    fixed(
        abi::TASK_DIAG_GROUP_STAT,
        "STAT",
        size_of::<abi::TaskDiagStat>(),
    ),
    optional(
        abi::TASK_DIAG_GROUP_VMA,
        "VMA",
        Shape::Mappings(size_of::<abi::TaskDiagVma>()),
    ),
    optional(
        abi::TASK_DIAG_GROUP_VMA_STAT,
        "VMA_STAT",
        Shape::Mappings(size_of::<abi::TaskDiagVmaStat>()),
    ),
    optional(abi::TASK_DIAG_GROUP_CMDLINE, "CMDLINE", Shape::Bytes),
    optional(
        abi::TASK_DIAG_GROUP_FILES,
        "FILES",
        Shape::Structure(size_of::<abi::TaskDiagFiles>()),
    ),
    fixed(
        abi::TASK_DIAG_GROUP_IDENT,
        "IDENT",
        size_of::<abi::TaskDiagIdent>(),
    ),
    fixed(abi::TASK_DIAG_GROUP_NS, "NS", size_of::<abi::TaskDiagNs>()),
    optional(
        abi::TASK_DIAG_GROUP_CGROUP,
        "CGROUP",
        Shape::WithString(size_of::<abi::TaskDiagCgroup>()),
    ),
    fixed(abi::TASK_DIAG_GROUP_IO, "IO", size_of::<abi::TaskDiagIo>()),
    fixed(
        abi::TASK_DIAG_GROUP_SIGNALS,
        "SIGNALS",
        size_of::<abi::TaskDiagSignals>(),
    ),
    fixed(
        abi::TASK_DIAG_GROUP_LIMITS,
        "LIMITS",
        size_of::<abi::TaskDiagLimits>(),
    ),
    fixed(
        abi::TASK_DIAG_GROUP_OOM,
        "OOM",
        size_of::<abi::TaskDiagOom>(),
    ),
    optional(
        abi::TASK_DIAG_GROUP_PATHS,
        "PATHS",
        Shape::Paths(size_of::<abi::TaskDiagPath>()),
    ),
    optional(abi::TASK_DIAG_GROUP_ENVIRON, "ENVIRON", Shape::Bytes),
    Group {
        bit: abi::TASK_DIAG_GROUP_SCHED,
        name: "SCHED",
        shape: Shape::WithBitmaps(size_of::<abi::TaskDiagSched>()),
        always: true,
    },
    optional(
        abi::TASK_DIAG_GROUP_NSPID,
        "NSPID",
        Shape::Array(size_of::<abi::TaskDiagNspid>()),
    ),
];

/// Returns the bits of the groups that can be absent.
pub(crate) fn appended() -> u64 {
    GROUPS
        .iter()
        .filter(|group| !group.always)
        .fold(0, |bits, group| bits | 1 << group.bit)
}

/// Returns the bits of all groups.
pub(crate) fn known() -> u64 {
    GROUPS.iter().fold(0, |bits, group| bits | 1 << group.bit)
}

/// The groups that every kernel supports.
pub(crate) const PLAIN: u64 = abi::TASK_DIAG_SHOW_BASE | abi::TASK_DIAG_SHOW_CRED;

/// Returns the group with this attribute.
pub(crate) fn of_attribute(kind: u16) -> Option<&'static Group> {
    GROUPS
        .iter()
        .find(|group| abi::TASK_DIAG_ATTR_GROUPS + group.bit == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../include/uapi/linux/taskdiag.h"
    );

    #[test]
    fn groups_match_the_header() {
        let header = std::fs::read_to_string(HEADER).unwrap();
        let names: Vec<&str> = header
            .lines()
            .filter_map(|line| line.strip_prefix("\tTASK_DIAG_GROUP_"))
            .filter_map(|line| line.split_once(','))
            .map(|(name, _)| name)
            .collect();
        let known: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
        assert_eq!(known, names);
        for (bit, group) in (0..).zip(GROUPS) {
            assert_eq!(group.bit, bit, "{}", group.name);
        }
        assert_eq!(GROUPS.len(), usize::from(abi::TASK_DIAG_GROUP_MAX) + 1);
    }
}
