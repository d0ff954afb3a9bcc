// SPDX-License-Identifier: MIT
//! The state of `/proc`: whether it is a procfs, and whether it is a whole one.

use std::fmt;
use std::path::Path;

use nix::sys::statfs::{PROC_SUPER_MAGIC, statfs};

/// The state of `/proc`, which decides whether its files can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProcState {
    /// A procfs with all files of the kernel.
    Whole,
    /// A procfs that is mounted with `subset=pid`: it has the files of processes only,
    /// and not `/proc/task-diag`.
    PidSubset,
    /// Another file system, or an empty directory.
    NotMounted,
}

impl ProcState {
    /// Examines `/proc`.
    #[must_use]
    pub fn read() -> Self {
        Self::at(Path::new("/proc"))
    }

    fn at(path: &Path) -> Self {
        match statfs(path) {
            Ok(proc) if proc.filesystem_type() == PROC_SUPER_MAGIC => {
                // A file that every kernel has.
                match path.join("uptime").exists() {
                    true => Self::Whole,
                    false => Self::PidSubset,
                }
            }
            _ => Self::NotMounted,
        }
    }

    /// Returns the reason that files of `/proc` are missing, with a remedy; `None` for
    /// a whole procfs.
    #[must_use]
    pub const fn problem(self) -> Option<&'static str> {
        match self {
            Self::Whole => None,
            Self::PidSubset => Some("/proc is mounted with subset=pid, which hides it"),
            Self::NotMounted => Some("no procfs is mounted on /proc"),
        }
    }
}

impl fmt::Display for ProcState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "procfs",
            Self::PidSubset => "procfs with subset=pid",
            Self::NotMounted => "not mounted",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_of_another_file_system_is_not_mounted() {
        assert_eq!(ProcState::at(Path::new("/dev")), ProcState::NotMounted);
        assert_eq!(
            ProcState::at(Path::new("/does/not/exist")),
            ProcState::NotMounted
        );
        assert_eq!(
            ProcState::NotMounted.problem(),
            Some("no procfs is mounted on /proc")
        );
    }

    #[test]
    fn proc_of_this_host_is_whole() {
        assert_eq!(ProcState::read(), ProcState::Whole);
        assert_eq!(ProcState::Whole.problem(), None);
    }
}
