// SPDX-License-Identifier: MIT
//! Sets of capabilities, and the names of capabilities in
//! `<linux/capability.h>`.

use std::fmt;

use crate::abi::TaskDiagCaps;

/// Names of the capabilities, by number.
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// A capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability(u8);

impl Capability {
    /// Returns the number of the capability, which is its bit in a [`CapSet`].
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Returns the name, such as `cap_kill`; `None` if it is newer than this crate.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        NAMES.get(usize::from(self.0)).copied()
    }
}

impl fmt::Display for Capability {
    /// Writes the name, or `cap_N` for capability N without a name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "cap_{}", self.0),
        }
    }
}

/// A set of capabilities: bit N is capability N.
///
/// ```
/// use taskdiag::CapSet;
///
/// assert_eq!(CapSet(0b10_0001).to_string(), "cap_chown,cap_kill");
/// assert_eq!(CapSet(0).to_string(), "none");
/// assert_eq!(CapSet::ALL.to_string(), "all");
/// assert_eq!(CapSet(CapSet::ALL.0 & !1).to_string(), "all,-cap_chown");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CapSet(
    /// The bits of the set.
    pub u64,
);

impl CapSet {
    /// Every capability with a name.
    pub const ALL: Self = Self((1 << NAMES.len()) - 1);

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the set contains the capability with this number.
    #[must_use]
    pub const fn contains(self, number: u8) -> bool {
        number < 64 && self.0 >> number & 1 == 1
    }

    /// Returns the capabilities of the set in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        (0..64).filter(move |&n| self.contains(n)).map(Capability)
    }
}

impl fmt::Display for CapSet {
    /// Writes names, separated by commas, and `none` for the empty set. A set
    /// that lacks only a few capabilities is written as `all` and each missing
    /// one with a minus.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let lacking = Self(Self::ALL.0 & !self.0);
        let (mut separator, listed) = if lacking.iter().count() <= NAMES.len() / 4 {
            f.write_str("all")?;
            for capability in lacking.iter() {
                write!(f, ",-{capability}")?;
            }
            (",", Self(self.0 & !Self::ALL.0))
        } else {
            ("", *self)
        };
        for capability in listed.iter() {
            write!(f, "{separator}{capability}")?;
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for CapSet {
    /// Deserializes a list of names, as [`Capability`] shows them.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        names.iter().try_fold(Self::default(), |set, name| {
            let number = (0..64).find(|&number| Capability(number).to_string() == **name);
            match number {
                Some(number) => Ok(Self(set.0 | 1 << number)),
                None => Err(serde::de::Error::custom(format!(
                    "unknown capability {name:?}"
                ))),
            }
        })
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for CapSet {
    /// Serializes a list of names.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|capability| capability.to_string()))
    }
}

impl From<TaskDiagCaps> for CapSet {
    #[inline]
    fn from(caps: TaskDiagCaps) -> Self {
        Self(u64::from(caps.cap[1]) << 32 | u64::from(caps.cap[0]))
    }
}

impl From<CapSet> for TaskDiagCaps {
    fn from(set: CapSet) -> Self {
        // The low word and the high word.
        Self {
            cap: [set.0 as u32, (set.0 >> 32) as u32],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_low_then_high() {
        let caps = TaskDiagCaps {
            cap: [1 << 21, 1 << (38 - 32)],
        };
        let set = CapSet::from(caps);
        assert_eq!(set.to_string(), "cap_sys_admin,cap_perfmon");
        assert_eq!(TaskDiagCaps::from(set), caps);
    }

    #[test]
    fn capabilities_without_a_name_are_displayed() {
        assert_eq!(CapSet(1 << 41 | 1).to_string(), "cap_chown,cap_41");
        assert_eq!(CapSet(CapSet::ALL.0 | 1 << 63).to_string(), "all,cap_63");
    }
}
