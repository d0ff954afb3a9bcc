// SPDX-License-Identifier: MIT
//! The part of a task's row that a procfs mount shows to a process that may not
//! ptrace the task.

use super::PidNs;

/// The mount option `hidepid=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HidePid {
    Off,
    NoAccess,
    Invisible,
    Ptraceable,
}

impl HidePid {
    /// Returns the value of the mount option.
    pub(crate) const fn value(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::NoAccess => "noaccess",
            Self::Invisible => "invisible",
            Self::Ptraceable => "ptraceable",
        }
    }

    /// Returns the option with this value, which may be a number.
    pub(crate) fn of_value(value: &str) -> Option<Self> {
        Some(match value {
            "off" | "0" => Self::Off,
            "noaccess" | "1" => Self::NoAccess,
            "invisible" | "2" => Self::Invisible,
            "ptraceable" | "4" => Self::Ptraceable,
            _ => return None,
        })
    }
}

/// A procfs mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) pid_ns: PidNs,
    pub(crate) hide_pid: HidePid,
    /// `gid=`, in the user namespace of the run.
    pub(crate) gid: u32,
}

/// The part of a task's row that a process may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing.
    Hidden,
    /// Its pid.
    Listed,
    /// The groups that files of procfs show to every user.
    Readable,
    /// All groups.
    Full,
}

/// The rule that applies to tasks that the caller may not ptrace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// Such tasks are hidden, as with `hidepid=ptraceable`.
    Strict,
    /// The options of a mount decide.
    ByMount(Mount),
    /// Any of these rules.
    Unknown,
}

impl Visibility {
    /// Returns the rule for a request that belongs to a mount, with pids in `pid_ns`.
    pub(super) fn of(mount: Mount, pid_ns: PidNs) -> Self {
        if pid_ns.is_within(mount.pid_ns) {
            Self::ByMount(mount)
        } else if pid_ns == PidNs::Unknown {
            Self::Unknown
        } else {
            Self::Strict
        }
    }

    /// Returns the level of tasks that the caller may not ptrace, if it is known.
    /// `groups`: the groups of the sender, the reader and the opener.
    pub(crate) fn level(self, groups: &[u32]) -> Option<Level> {
        let mount = match self {
            Self::Strict => return Some(Level::Hidden),
            Self::ByMount(mount) => mount,
            Self::Unknown => return None,
        };
        let others = match mount.hide_pid {
            HidePid::Off => return Some(Level::Readable),
            HidePid::Ptraceable => return Some(Level::Hidden),
            HidePid::NoAccess => Level::Listed,
            HidePid::Invisible => Level::Hidden,
        };
        let members = groups.iter().all(|group| *group == mount.gid);
        Some(if members { Level::Readable } else { others })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visibility(hide_pid: HidePid) -> Visibility {
        Visibility::ByMount(Mount {
            pid_ns: PidNs::Child,
            hide_pid,
            gid: 5,
        })
    }

    #[test]
    fn options_of_the_mount_determine_the_level() {
        let level = |hide_pid, groups: &[u32]| visibility(hide_pid).level(groups).unwrap();
        assert_eq!(level(HidePid::Off, &[6]), Level::Readable);
        assert_eq!(level(HidePid::NoAccess, &[6]), Level::Listed);
        assert_eq!(level(HidePid::Invisible, &[6]), Level::Hidden);
        assert_eq!(level(HidePid::Ptraceable, &[6]), Level::Hidden);
        assert_eq!(level(HidePid::NoAccess, &[5]), Level::Readable);
        assert_eq!(level(HidePid::Invisible, &[5]), Level::Readable);
        assert_eq!(level(HidePid::Ptraceable, &[5]), Level::Hidden);
        // The sender, the reader and the opener must be members.
        assert_eq!(level(HidePid::NoAccess, &[5, 6]), Level::Listed);
        assert_eq!(Visibility::Strict.level(&[5]), Some(Level::Hidden));
        assert_eq!(Visibility::Unknown.level(&[5]), None);
    }

    #[test]
    fn mount_of_another_namespace_has_no_effect() {
        let Visibility::ByMount(mount) = visibility(HidePid::Off) else {
            unreachable!("visibility() returns a mount");
        };
        let of = |pid_ns| Visibility::of(mount, pid_ns);
        assert_eq!(of(PidNs::Child), visibility(HidePid::Off));
        assert_eq!(of(PidNs::Outer), Visibility::Strict);
        assert_eq!(of(PidNs::Inner), Visibility::Strict);
        assert_eq!(of(PidNs::Unknown), Visibility::Unknown);
    }

    #[test]
    fn values_of_hidepid_are_read() {
        for hide_pid in [
            HidePid::Off,
            HidePid::NoAccess,
            HidePid::Invisible,
            HidePid::Ptraceable,
        ] {
            assert_eq!(HidePid::of_value(hide_pid.value()), Some(hide_pid));
        }
        assert_eq!(HidePid::of_value("2"), Some(HidePid::Invisible));
        assert_eq!(HidePid::of_value("3"), None);
    }
}
