// SPDX-License-Identifier: MIT
//! The groups that a row lacks, with the reason.

use std::fmt;

use crate::abi::TaskDiagAbsent;
use crate::show::Show;

/// The groups that a row lacks, by reason.
///
/// Each group of the request is either complete in a row or in one of these
/// sets. A group in a set may be present in part: the first arguments, the
/// first memory mappings. Bits without a name are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Absent {
    /// The task has ended, or has called `execve`, since its row was begun.
    pub gone: Show,
    /// The caller may see the task but may not read these groups.
    pub denied: Show,
    /// Another task held a lock or a page for too long, or a signal interrupted
    /// the caller.
    pub busy: Show,
    /// The task has more than the kernel reports per task.
    pub limit: Show,
    /// Reported only in the row of the thread group's leader: memory mappings
    /// in rows of its other threads.
    pub leader: Show,
    /// A file of procfs is not in the form of Linux: that of a sandbox or of another
    /// kernel, or empty. The values that it lacks are not known.
    pub unknown: Show,
}

impl Absent {
    /// Returns all of the groups.
    #[must_use]
    pub const fn groups(&self) -> Show {
        self.lost().union(self.leader)
    }

    /// Returns the groups that the task has and the row lacks: all sets except
    /// [`Self::leader`].
    #[must_use]
    pub const fn lost(&self) -> Show {
        self.gone
            .union(self.denied)
            .union(self.busy)
            .union(self.limit)
            .union(self.unknown)
    }

    /// Whether the row lacks no group.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.groups().is_empty()
    }

    /// Returns the sets that are not empty, each with its name.
    pub fn reasons(&self) -> impl Iterator<Item = (&'static str, Show)> + use<> {
        [
            ("gone", self.gone),
            ("denied", self.denied),
            ("busy", self.busy),
            ("limit", self.limit),
            ("leader", self.leader),
            ("unknown", self.unknown),
        ]
        .into_iter()
        .filter(|(_, groups)| !groups.is_empty())
    }
}

impl From<TaskDiagAbsent> for Absent {
    fn from(absent: TaskDiagAbsent) -> Self {
        Self {
            gone: Show::from_bits_retain(absent.gone),
            denied: Show::from_bits_retain(absent.denied),
            busy: Show::from_bits_retain(absent.busy),
            limit: Show::from_bits_retain(absent.limit),
            leader: Show::from_bits_retain(absent.leader),
            unknown: Show::empty(),
        }
    }
}

impl From<Absent> for TaskDiagAbsent {
    /// The structure has no unknown groups: they are gone.
    fn from(absent: Absent) -> Self {
        Self {
            gone: absent.gone.union(absent.unknown).bits(),
            denied: absent.denied.bits(),
            busy: absent.busy.bits(),
            limit: absent.limit.bits(),
            leader: absent.leader.bits(),
        }
    }
}

/// Writes for example `gone: cmdline; denied: files,ns`.
impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (reason, groups) in self.reasons() {
            write!(f, "{separator}{reason}: {groups}")?;
            separator = "; ";
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Absent {
    /// Deserializes the map that is serialized; a missing reason has no groups.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;

        #[derive(Default, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        struct Lists {
            gone: String,
            denied: String,
            busy: String,
            limit: String,
            leader: String,
            unknown: String,
        }

        let parse = |list: &str| {
            crate::name_list::read_all_bits::<Show>(list)
                .map_err(|word| D::Error::custom(format!("unknown group {word:?}")))
        };
        let lists = Lists::deserialize(deserializer)?;
        Ok(Self {
            gone: parse(&lists.gone)?,
            denied: parse(&lists.denied)?,
            busy: parse(&lists.busy)?,
            limit: parse(&lists.limit)?,
            leader: parse(&lists.leader)?,
            unknown: parse(&lists.unknown)?,
        })
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Absent {
    /// Serializes a map from each reason with groups to the names of these.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.reasons()
                .map(|(reason, groups)| (reason, groups.to_string())),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_lists_each_reason_with_its_groups() {
        let absent = Absent {
            gone: Show::CMDLINE,
            denied: Show::FILES | Show::NS,
            limit: Show::VMA,
            ..Absent::default()
        };
        assert_eq!(
            absent.to_string(),
            "gone: cmdline; denied: files,ns; limit: vma"
        );
        assert_eq!(Absent::default().to_string(), "");
        assert_eq!(
            absent.lost(),
            Show::CMDLINE | Show::FILES | Show::NS | Show::VMA
        );
        assert!(!absent.is_empty() && Absent::default().is_empty());
    }

    #[test]
    fn leader_groups_are_not_lost() {
        let absent = Absent {
            leader: Show::VMA,
            ..Absent::default()
        };
        assert_eq!((absent.groups(), absent.lost()), (Show::VMA, Show::empty()));
    }
}
