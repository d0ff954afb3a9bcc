// SPDX-License-Identifier: MIT
//! Sets of attribute groups, and the names of the groups.

use std::fmt;
use std::str::FromStr;

use crate::abi;
use crate::name_list;

bitflags::bitflags! {
    /// A set of attribute groups of tasks.
    ///
    /// A kernel may be built without a group. A request for that group fails
    /// with `EOPNOTSUPP`, and the error names it. A request for the empty set
    /// reports only pid and thread group id of each task.
    ///
    /// Its text form is a list of names:
    ///
    /// ```
    /// use taskdiag::Show;
    ///
    /// let show: Show = "base,cred".parse()?;
    /// assert_eq!(show, Show::BASE | Show::CRED);
    /// assert_eq!(show.to_string(), "base,cred");
    /// # Ok::<(), taskdiag::ParseShowError>(())
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Show: u64 {
        /// Pids, state and name: [`crate::Base`].
        const BASE = abi::TASK_DIAG_SHOW_BASE;
        /// Credentials: [`crate::Cred`].
        const CRED = abi::TASK_DIAG_SHOW_CRED;
        /// Times and memory sizes: [`crate::Stat`].
        const STAT = abi::TASK_DIAG_SHOW_STAT;
        /// Memory mappings: [`crate::Vma`].
        const VMA = abi::TASK_DIAG_SHOW_VMA;
        /// Memory use per mapping: [`crate::VmaStat`].
        const VMA_STAT = abi::TASK_DIAG_SHOW_VMA_STAT;
        /// Arguments: [`crate::Cmdline`].
        const CMDLINE = abi::TASK_DIAG_SHOW_CMDLINE;
        /// Number of open files: [`crate::Files`].
        const FILES = abi::TASK_DIAG_SHOW_FILES;
        /// Identity, which distinguishes a task from later ones with its pid:
        /// [`crate::Ident`].
        const IDENT = abi::TASK_DIAG_SHOW_IDENT;
        /// Namespaces: [`crate::Ns`].
        const NS = abi::TASK_DIAG_SHOW_NS;
        /// Cgroup: [`crate::Cgroup`].
        const CGROUP = abi::TASK_DIAG_SHOW_CGROUP;
        /// Input and output: [`crate::Io`].
        const IO = abi::TASK_DIAG_SHOW_IO;
        /// Signals: [`crate::Signals`].
        const SIGNALS = abi::TASK_DIAG_SHOW_SIGNALS;
        /// Resource limits: [`crate::Limits`].
        const LIMITS = abi::TASK_DIAG_SHOW_LIMITS;
        /// Order in which the OOM killer chooses: [`crate::Oom`].
        const OOM = abi::TASK_DIAG_SHOW_OOM;
        /// Program, current directory and root directory: [`crate::Paths`].
        const PATHS = abi::TASK_DIAG_SHOW_PATHS;
        /// Environment: [`crate::Environ`].
        const ENVIRON = abi::TASK_DIAG_SHOW_ENVIRON;
        /// Scheduling: [`crate::Sched`].
        const SCHED = abi::TASK_DIAG_SHOW_SCHED;
        /// Pids in each pid namespace: [`crate::NsPid`].
        const NSPID = abi::TASK_DIAG_SHOW_NSPID;
    }
}

impl Show {
    /// The groups that only a dump reports, because they can exceed a message.
    pub const NEEDS_DUMP: Self = Self::VMA
        .union(Self::VMA_STAT)
        .union(Self::CMDLINE)
        .union(Self::CGROUP)
        .union(Self::PATHS)
        .union(Self::ENVIRON);
}

/// Error of parsing [`Show`]: a word is not the name of a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown group {word:?}; the groups are {}", Show::all())]
pub struct ParseShowError {
    word: String,
}

impl FromStr for Show {
    type Err = ParseShowError;

    /// Parses names, separated by commas and in any case; the empty string is
    /// the empty set.
    fn from_str(list: &str) -> Result<Self, Self::Err> {
        name_list::read(list).map_err(|word| ParseShowError {
            word: word.to_owned(),
        })
    }
}

impl fmt::Display for Show {
    /// Writes names, separated by commas; the bits without a name follow as one
    /// hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name_list::write(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displayed_set_is_parsed_unchanged() {
        for bits in 0..=Show::all().bits() {
            let show = Show::from_bits(bits).unwrap();
            assert_eq!(show.to_string().parse(), Ok(show));
        }
        assert_eq!(" Base , CRED ".parse(), Ok(Show::BASE | Show::CRED));
    }

    #[test]
    fn unknown_group_is_named_in_the_error() {
        let error = "base,creds".parse::<Show>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown group \"creds\"; the groups are \
             base,cred,stat,vma,vma_stat,cmdline,files,ident,ns,cgroup,io,signals,limits,oom,\
             paths,environ,sched,nspid"
        );
        assert!("base,,cred".parse::<Show>().is_err());
    }

    #[test]
    fn display_shows_bits_without_a_name() {
        let show = Show::BASE | Show::from_bits_retain(1 << 40);
        assert_eq!(show.to_string(), "base,0x10000000000");
    }
}
