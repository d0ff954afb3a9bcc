// SPDX-License-Identifier: MIT
//! The tasks and groups that a transport shows, compared with procfs.
//!
//! Depends on the files of `/proc/self` only; must not depend on transports.

use std::fmt;

#[cfg(feature = "daemon")]
pub(crate) use check::of_daemon;
#[cfg(feature = "netlink")]
pub(crate) use check::of_kernel;

/// The tasks and groups that a client receives, compared with those that the caller can
/// read in its `/proc`: see [`Client::visibility`](crate::Client::visibility).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Visibility {
    /// All tasks and groups that the procfs mount shows to the caller.
    Complete,
    /// Only tasks that the caller may access with ptrace, as in a procfs mounted with
    /// `hidepid=ptraceable`. The caller's own procfs may show more.
    PtraceOnly(Restriction),
    /// The source does not report it.
    Unknown,
}

impl Visibility {
    /// Returns the reason why the source may show less than procfs.
    #[must_use]
    pub const fn restriction(self) -> Option<Restriction> {
        match self {
            Self::PtraceOnly(restriction) => Some(restriction),
            Self::Complete | Self::Unknown => None,
        }
    }
}

/// The reason of [`Visibility::PtraceOnly`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Restriction {
    /// The kernel part has no
    /// [`TASK_DIAG_OPTION_PROC_FD`](crate::abi::TASK_DIAG_OPTION_PROC_FD).
    OldKernel,
    /// The administrator or a security module requires it:
    /// [`TASK_DIAG_OPTION_STRICT`](crate::abi::TASK_DIAG_OPTION_STRICT).
    Strict,
    /// `/proc` is not a procfs of the caller's pid namespace.
    NoProc,
    /// The daemon does not apply the options of procfs mounts: it is older than this
    /// library, or forwards requests over netlink.
    Daemon,
}

impl fmt::Display for Restriction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OldKernel => {
                "the running version of task_diag does not apply the options of procfs mounts"
            }
            Self::Strict => "kernel.task_diag_strict or a security module requires it",
            Self::NoProc => "/proc is not a procfs of this pid namespace",
            Self::Daemon => "the running taskdiagd does not apply the options of procfs mounts",
        })
    }
}

/// Decides whether the rule of `hidepid=ptraceable` hides anything from the caller.
#[cfg(any(feature = "netlink", feature = "daemon"))]
mod check {
    use std::fs;
    use std::io;
    use std::os::fd::{AsRawFd, BorrowedFd};

    use log::debug;
    use nix::libc;

    use super::{Restriction, Visibility};
    use crate::caps::CapSet;
    use crate::request::Options;

    /// Number of the capability that permits access to all tasks.
    const CAP_SYS_PTRACE: u8 = 19;

    /// The link to the initial user namespace: `PROC_USER_INIT_INO`.
    const INITIAL_USER_NS: &str = "user:[4026531837]";

    /// Returns the visibility over a transport of the kernel with these options, for
    /// requests that belong to this procfs mount.
    #[cfg(feature = "netlink")]
    pub(crate) fn of_kernel(options: Options, proc: Option<BorrowedFd<'_>>) -> Visibility {
        of_options(options, proc, Restriction::OldKernel)
    }

    /// Returns the visibility over a daemon with these options, for requests that belong
    /// to this procfs mount.
    #[cfg(feature = "daemon")]
    pub(crate) fn of_daemon(options: Options, proc: Option<BorrowedFd<'_>>) -> Visibility {
        of_options(options, proc, Restriction::Daemon)
    }

    /// `without` is the restriction of a transport without [`Options::PROC_FD`].
    fn of_options(
        options: Options,
        proc: Option<BorrowedFd<'_>>,
        without: Restriction,
    ) -> Visibility {
        let restriction = match proc {
            _ if !options.contains(Options::PROC_FD) => without,
            _ if options.contains(Options::STRICT) => Restriction::Strict,
            Some(_) => return Visibility::Complete,
            None => Restriction::NoProc,
        };
        restricted(restriction, proc)
    }

    fn restricted(restriction: Restriction, proc: Option<BorrowedFd<'_>>) -> Visibility {
        match hides_nothing(proc) {
            Ok(true) => Visibility::Complete,
            Ok(false) => Visibility::PtraceOnly(restriction),
            Err(error) => {
                debug!("cannot read the credentials of the caller: {error}");
                Visibility::PtraceOnly(restriction)
            }
        }
    }

    /// Whether the mount shows no more than the rule does.
    fn hides_nothing(proc: Option<BorrowedFd<'_>>) -> io::Result<bool> {
        let caller = Caller::read()?;
        if caller.may_see_all() {
            return Ok(true);
        }
        let Some(proc) = proc else {
            return Ok(false);
        };
        let fdinfo = fs::read_to_string(format!("/proc/self/fdinfo/{}", proc.as_raw_fd()))?;
        let mounts = fs::read("/proc/self/mountinfo")?;
        let mounts = String::from_utf8_lossy(&mounts);
        // A mount of another mount namespace is not listed.
        let options = field(&fdinfo, "mnt_id").and_then(|id| options_of(&mounts, id));
        Ok(options.is_some_and(|options| hides_as_much(options, &caller.groups)))
    }

    /// The credentials of the calling thread.
    #[derive(Debug, Default)]
    struct Caller {
        capabilities: CapSet,
        /// The group id for file access, and the supplementary groups.
        groups: Vec<u32>,
        no_new_privs: bool,
    }

    impl Caller {
        fn read() -> io::Result<Self> {
            let status = fs::read("/proc/thread-self/status")?;
            Ok(Self::parse(&String::from_utf8_lossy(&status)))
        }

        fn parse(status: &str) -> Self {
            let numbers = |name| {
                let words = field(status, name)
                    .into_iter()
                    .flat_map(str::split_whitespace);
                words.filter_map(|word| word.parse().ok())
            };
            let capabilities = field(status, "CapEff");
            Self {
                capabilities: CapSet(
                    capabilities.map_or(0, |bits| u64::from_str_radix(bits, 16).unwrap_or(0)),
                ),
                groups: numbers("Gid").skip(3).chain(numbers("Groups")).collect(),
                // Unknown before Linux 4.10.
                no_new_privs: field(status, "NoNewPrivs") != Some("0"),
            }
        }

        /// Whether it passes the access check for every task.
        fn may_see_all(&self) -> bool {
            self.capabilities.contains(CAP_SYS_PTRACE)
                && fs::read_link("/proc/self/ns/user")
                    .is_ok_and(|link| link.to_str() == Some(INITIAL_USER_NS))
                && !is_confined()
                && !(self.no_new_privs && has_landlock())
        }
    }

    /// Whether a security module with labels may confine the caller.
    fn is_confined() -> bool {
        match fs::read("/proc/thread-self/attr/current") {
            Ok(label) => label.trim_ascii_end() != b"unconfined" && !label.is_empty(),
            Err(error) => !matches!(
                error.raw_os_error(),
                Some(libc::ENOENT | libc::EINVAL | libc::EOPNOTSUPP)
            ),
        }
    }

    /// Whether the kernel has Landlock. It is assumed if the list cannot be read.
    fn has_landlock() -> bool {
        match fs::read_to_string("/sys/kernel/security/lsm") {
            Ok(modules) => modules.trim().split(',').any(|name| name == "landlock"),
            Err(_) => true,
        }
    }

    /// Returns the value of a line `NAME:\tVALUE`.
    fn field<'a>(lines: &'a str, name: &str) -> Option<&'a str> {
        let mut lines = lines.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(value.trim())
    }

    /// Returns the options of the file system of the mount with this id.
    fn options_of<'a>(mountinfo: &'a str, id: &str) -> Option<&'a str> {
        let mut lines = mountinfo.lines();
        let line = lines.find(|line| line.split(' ').next() == Some(id))?;
        let (_, file_system) = line.split_once(" - ")?;
        file_system.split(' ').nth(2)
    }

    /// Whether a procfs with these options hides all tasks that the rule hides.
    fn hides_as_much(options: &str, groups: &[u32]) -> bool {
        let value = |name: &str| {
            let mut options = options.split(',');
            options.find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
        };
        let gid = value("gid").and_then(|gid| gid.parse().ok()).unwrap_or(0);
        match value("hidepid") {
            Some("ptraceable" | "4") => true,
            Some("invisible" | "2") => !groups.contains(&gid),
            _ => false,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn credentials_are_those_of_status() {
            let status = "Name:\tx\nGid:\t1\t2\t3\t4\nGroups:\t5 6 \nNoNewPrivs:\t0\n\
                          CapEff:\t0000000000080000\n";
            let caller = Caller::parse(status);
            assert_eq!(caller.groups, [4, 5, 6]);
            assert!(caller.capabilities.contains(CAP_SYS_PTRACE) && !caller.no_new_privs);
            let caller = Caller::parse("Name:\tx\n");
            assert!(caller.no_new_privs && caller.groups.is_empty());
        }

        #[test]
        fn options_of_a_mount_are_found_by_its_id() {
            let mounts = "22 1 0:21 / /proc rw shared:5 - proc proc rw,hidepid=2\n\
                          222 1 0:22 / /mnt rw - proc proc rw\n";
            assert_eq!(options_of(mounts, "22"), Some("rw,hidepid=2"));
            assert_eq!(options_of(mounts, "222"), Some("rw"));
            assert_eq!(options_of(mounts, "2"), None);
        }

        #[test]
        fn only_ptraceable_and_invisible_hide_as_much() {
            for (options, groups, expected) in [
                ("rw", &[][..], false),
                ("rw,hidepid=noaccess", &[], false),
                ("rw,hidepid=ptraceable,gid=5", &[5], true),
                ("rw,hidepid=4", &[0], true),
                ("rw,hidepid=invisible", &[7], true),
                // The group of the option gid= is 0 by default.
                ("rw,hidepid=invisible", &[7, 0], false),
                ("rw,hidepid=2,gid=7", &[7], false),
                ("rw,hidepid=2,gid=7", &[0], true),
            ] {
                assert_eq!(hides_as_much(options, groups), expected, "{options}");
            }
        }
    }
}
