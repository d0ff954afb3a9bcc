// SPDX-License-Identifier: MIT
//! The groups of facts: what the running kernel is expected to know.
//!
//! The one table to extend when the family learns another group.

use taskdiag::abi;

/// A group of facts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) bit: u16,
    pub(crate) name: &'static str,
    /// The length of its structure; `None` where the kernel has no filler.
    pub(crate) size: Option<usize>,
}

pub(crate) const GROUPS: &[Group] = &[
    Group {
        bit: abi::TASK_DIAG_GROUP_BASE,
        name: "BASE",
        size: Some(size_of::<abi::TaskDiagBase>()),
    },
    Group {
        bit: abi::TASK_DIAG_GROUP_CRED,
        name: "CRED",
        size: Some(size_of::<abi::TaskDiagCreds>()),
    },
    Group {
        bit: abi::TASK_DIAG_GROUP_STAT,
        name: "STAT",
        size: None,
    },
    Group {
        bit: abi::TASK_DIAG_GROUP_VMA,
        name: "VMA",
        size: None,
    },
    Group {
        bit: abi::TASK_DIAG_GROUP_VMA_STAT,
        name: "VMA_STAT",
        size: None,
    },
];

/// The bits of all groups there are a number for.
pub(crate) fn known() -> u64 {
    GROUPS.iter().fold(0, |bits, group| bits | 1 << group.bit)
}

/// The bits of the groups that can be had.
pub(crate) fn filled() -> u64 {
    GROUPS
        .iter()
        .filter(|group| group.size.is_some())
        .fold(0, |bits, group| bits | 1 << group.bit)
}
