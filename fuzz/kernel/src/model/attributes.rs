// SPDX-License-Identifier: MIT
//! Checks the attributes of a request as the kernel checks them against the
//! policy: strictly, in their order, up to the first fault.

use nix::libc::{EINVAL, ERANGE};

use super::{PID_MAX_LIMIT, Refusal};
use crate::wire::{Attributes, NLA_F_NESTED, NLA_TYPE_MASK, u32_at, u64_at};
use taskdiag::abi;

/// An attribute of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) kind: u16,
    /// Offset of the attribute in the message.
    pub(super) at: u32,
    pub(super) value: &'a [u8],
}

/// The attributes before the first one that the policy rejects.
#[derive(Debug, Default)]
pub(super) struct Parsed<'a> {
    found: Vec<Found<'a>>,
    /// The fault of the attribute that the policy rejects.
    pub(super) fault: Option<Refusal>,
}

impl<'a> Parsed<'a> {
    /// Returns the last attribute of this type, which is the effective one.
    pub(super) fn last(&self, kind: u16) -> Option<&Found<'a>> {
        self.found.iter().rev().find(|found| found.kind == kind)
    }

    fn counts(&self, found: &Found<'_>) -> bool {
        self.last(found.kind)
            .is_some_and(|last| last.at == found.at)
    }

    /// Returns the faults of the effective attributes' values.
    pub(super) fn last_faults(&self) -> impl Iterator<Item = Refusal> {
        self.found
            .iter()
            .filter(|found| self.counts(found))
            .flat_map(value_faults)
    }

    /// Returns the fault against the policy, which is reported before all others.
    pub(super) fn faults(&self) -> impl Iterator<Item = Refusal> {
        self.fault.iter().cloned()
    }
}

/// Parses the attributes of a message. They begin at `begin`.
pub(super) fn parse(message: &[u8], begin: usize) -> Parsed<'_> {
    let mut parsed = Parsed::default();
    let mut iter = Attributes::new(message.get(begin..).unwrap_or_default());
    for attribute in iter.by_ref() {
        let found = Found {
            kind: attribute.kind & NLA_TYPE_MASK,
            at: (begin + attribute.at) as u32,
            value: attribute.value,
        };
        let errno = if attribute.kind & NLA_F_NESTED != 0 {
            Some(EINVAL)
        } else {
            policy_error(found.kind, found.value)
        };
        if let Some(errno) = errno {
            parsed.fault = Some(Refusal::at(errno, found.at));
            return parsed;
        }
        parsed.found.push(found);
    }
    if !iter.rest().is_empty() {
        parsed.fault = Some(Refusal::plain(EINVAL));
    }
    parsed
}

/// Returns the errno for an attribute that does not conform to the policy.
fn policy_error(kind: u16, value: &[u8]) -> Option<i32> {
    let len = value.len();
    let (valid, errno) = match kind {
        abi::TASK_DIAG_CMD_ATTR_GET => (len == size_of::<abi::TaskDiagPid>(), ERANGE),
        abi::TASK_DIAG_CMD_ATTR_PIDNS_FD
        | abi::TASK_DIAG_CMD_ATTR_PIDFD
        | abi::TASK_DIAG_CMD_ATTR_PROC_FD
        | abi::TASK_DIAG_CMD_ATTR_UID => (len == 4, EINVAL),
        abi::TASK_DIAG_CMD_ATTR_STATES => {
            let known = (1 << (u32::from(abi::TASK_DIAG_IDLE) + 1)) - 1;
            let states = u32_at(value, 0).unwrap_or_default();
            (len == 4 && states & !known == 0, EINVAL)
        }
        abi::TASK_DIAG_CMD_ATTR_CGROUP | abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS => (len == 8, EINVAL),
        abi::TASK_DIAG_CMD_ATTR_COMM => {
            let name = value.strip_suffix(&[0]).unwrap_or(value);
            (len > 0 && name.len() < abi::TASK_DIAG_COMM_LEN, ERANGE)
        }
        abi::TASK_DIAG_CMD_ATTR_PIDS => (true, EINVAL),
        _ => (false, EINVAL),
    };
    (!valid).then_some(errno)
}

/// Returns the fault of an invalid value that conforms to the policy.
fn value_faults(found: &Found<'_>) -> Option<Refusal> {
    let value = found.value;
    let fault = match found.kind {
        abi::TASK_DIAG_CMD_ATTR_STATES => u32_at(value, 0) == Some(0),
        abi::TASK_DIAG_CMD_ATTR_COMM => {
            let name = value.strip_suffix(&[0]).unwrap_or(value);
            name.is_empty() || name.contains(&0)
        }
        abi::TASK_DIAG_CMD_ATTR_PIDS => {
            let mut pids = value.chunks_exact(4).filter_map(|pid| u32_at(pid, 0));
            value.is_empty()
                || value.len() % 4 != 0
                || pids.any(|pid| !(1..=PID_MAX_LIMIT).contains(&pid))
        }
        abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS => {
            u64_at(value, 0).is_some_and(|flags| flags >= abi::TASK_DIAG_VMA_SEALED << 1)
        }
        _ => false,
    };
    fault.then(|| Refusal::at(EINVAL, found.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attribute that no request has: the one after the last filter.
    const UNKNOWN: u16 = abi::TASK_DIAG_ATTR_FILTERS + abi::TASK_DIAG_FILTER_MAX + 1;

    fn errnos(kind: u16, value: &[u8]) -> Vec<i32> {
        let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let parsed = parse(&bytes, 0);
        parsed
            .faults()
            .chain(parsed.last_faults())
            .map(|fault| fault.errno)
            .collect()
    }

    #[test]
    fn lengths_must_match_the_policy() {
        assert_eq!(errnos(abi::TASK_DIAG_CMD_ATTR_GET, &[0; 24]), []);
        assert_eq!(errnos(abi::TASK_DIAG_CMD_ATTR_GET, &[0; 25]), [ERANGE]);
        assert_eq!(errnos(abi::TASK_DIAG_CMD_ATTR_UID, &[0; 4]), []);
        assert_eq!(errnos(abi::TASK_DIAG_CMD_ATTR_UID, &[0; 8]), [EINVAL]);
        assert_eq!(errnos(abi::TASK_DIAG_CMD_ATTR_PIDFD, &[0; 3]), [EINVAL]);
        assert_eq!(errnos(abi::TASK_DIAG_CMD_ATTR_CGROUP, &[0; 8]), []);
        assert_eq!(errnos(abi::TASK_DIAG_CMD_ATTR_CGROUP, &[0; 4]), [EINVAL]);
        assert_eq!(errnos(abi::TASK_DIAG_CMD_ATTR_PROC_FD, &[0; 4]), []);
        assert_eq!(errnos(abi::TASK_DIAG_CMD_ATTR_PROC_FD, &[0; 8]), [EINVAL]);
        for kind in [
            abi::TASK_DIAG_ATTR_UNSPEC,
            abi::TASK_DIAG_MSG,
            abi::TASK_DIAG_ABSENT,
            abi::TASK_DIAG_ATTR_FILTERS - 1,
            UNKNOWN,
            abi::TASK_DIAG_BASE,
            abi::TASK_DIAG_ATTR_MAX + 1,
        ] {
            assert_eq!(errnos(kind, &[0; 4]), [EINVAL], "{kind}");
        }
    }

    #[test]
    fn comm_must_have_1_to_15_bytes() {
        let comm = |value: &[u8]| errnos(abi::TASK_DIAG_CMD_ATTR_COMM, value);
        assert_eq!(comm(b"fifteen-bytes-x"), []);
        assert_eq!(comm(b"fifteen-bytes-x\0"), []);
        assert_eq!(comm(b"sixteen-bytes-xx"), [ERANGE]);
        assert_eq!(comm(b""), [ERANGE]);
        assert_eq!(comm(b"\0"), [EINVAL]);
        assert_eq!(comm(b"a\0b"), [EINVAL]);
    }

    #[test]
    fn pids_must_be_a_list_of_valid_pids() {
        let pids = |value: &[u8]| errnos(abi::TASK_DIAG_CMD_ATTR_PIDS, value);
        assert_eq!(pids(&[1, 0, 0, 0]), []);
        assert_eq!(pids(&[]), [EINVAL]);
        assert_eq!(pids(&[1, 0, 0, 0, 1]), [EINVAL]);
        assert_eq!(pids(&[0; 4]), [EINVAL]);
        assert_eq!(pids(&[0xff; 4]), [EINVAL]);
    }

    #[test]
    fn masks_must_have_only_known_bits() {
        let states = |mask: u32| errnos(abi::TASK_DIAG_CMD_ATTR_STATES, &mask.to_ne_bytes());
        let all = (1 << (abi::TASK_DIAG_IDLE + 1)) - 1;
        assert_eq!(states(all), []);
        assert_eq!(states(all + 1), [EINVAL]);
        assert_eq!(states(0), [EINVAL]);
        let flags = |mask: u64| errnos(abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS, &mask.to_ne_bytes());
        assert_eq!(flags(abi::TASK_DIAG_VMA_SEALED), []);
        assert_eq!(flags(abi::TASK_DIAG_VMA_SEALED << 1), [EINVAL]);
    }

    #[test]
    fn parsing_ends_at_the_first_fault() {
        let attribute = |kind: u16| [8, 0, kind as u8, 0, 1, 0, 0, 0];
        let bytes = [
            attribute(abi::TASK_DIAG_CMD_ATTR_UID),
            attribute(UNKNOWN),
            attribute(abi::TASK_DIAG_CMD_ATTR_PIDFD),
        ]
        .concat();
        let parsed = parse(&bytes, 0);
        assert_eq!(parsed.fault, Some(Refusal::at(EINVAL, 8)));
        assert!(parsed.last(abi::TASK_DIAG_CMD_ATTR_UID).is_some());
        assert!(parsed.last(abi::TASK_DIAG_CMD_ATTR_PIDFD).is_none());
    }
}
