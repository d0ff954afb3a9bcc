// SPDX-License-Identifier: MIT
//! What about tasks: the groups of facts, and their names.

use std::fmt;
use std::str::FromStr;

use crate::abi;
use crate::name_list;

bitflags::bitflags! {
    /// What about the tasks: a set of groups of facts.
    ///
    /// A kernel may be built without a group; asking for such a one fails with
    /// `EOPNOTSUPP`, and the error names the group. An empty set asks for the
    /// tasks' numbers only.
    ///
    /// Reads and shows itself as a list of names:
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
        /// Who the task is: [`crate::Base`].
        const BASE = abi::TASK_DIAG_SHOW_BASE;
        /// Its credentials: [`crate::Cred`].
        const CRED = abi::TASK_DIAG_SHOW_CRED;
        /// Its times and sizes: [`crate::Stat`].
        const STAT = abi::TASK_DIAG_SHOW_STAT;
        /// The areas of its memory: [`crate::Vma`].
        const VMA = abi::TASK_DIAG_SHOW_VMA;
        /// What is there of these: [`crate::VmaStat`].
        const VMA_STAT = abi::TASK_DIAG_SHOW_VMA_STAT;
        /// Its arguments: [`crate::Cmdline`].
        const CMDLINE = abi::TASK_DIAG_SHOW_CMDLINE;
        /// Its open files, counted: [`crate::Files`].
        const FILES = abi::TASK_DIAG_SHOW_FILES;
        /// What tells it from a later one with its number: [`crate::Ident`].
        const IDENT = abi::TASK_DIAG_SHOW_IDENT;
        /// Its namespaces: [`crate::Ns`].
        const NS = abi::TASK_DIAG_SHOW_NS;
        /// Its cgroup: [`crate::Cgroup`].
        const CGROUP = abi::TASK_DIAG_SHOW_CGROUP;
    }
}

impl Show {
    /// The groups that the kernel tells in a dump only, as they may outgrow a
    /// message.
    pub const NEEDS_DUMP: Self = Self::VMA
        .union(Self::VMA_STAT)
        .union(Self::CMDLINE)
        .union(Self::CGROUP);
}

/// A word that names no group of facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown group {word:?}; the groups are {}", Show::all())]
pub struct ParseShowError {
    word: String,
}

impl FromStr for Show {
    type Err = ParseShowError;

    /// Reads a list of names between commas, in any case; the empty string is
    /// the empty set.
    fn from_str(list: &str) -> Result<Self, Self::Err> {
        name_list::read(list).map_err(|word| ParseShowError {
            word: word.to_owned(),
        })
    }
}

impl fmt::Display for Show {
    /// Names between commas; bits that have no name as one hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name_list::write(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn show_reads_what_it_writes() {
        for bits in 0..=Show::all().bits() {
            let show = Show::from_bits(bits).unwrap();
            assert_eq!(show.to_string().parse(), Ok(show));
        }
        assert_eq!(" Base , CRED ".parse(), Ok(Show::BASE | Show::CRED));
    }

    #[test]
    fn show_says_which_word_is_wrong() {
        let error = "base,creds".parse::<Show>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown group \"creds\"; the groups are \
             base,cred,stat,vma,vma_stat,cmdline,files,ident,ns,cgroup"
        );
        assert!("base,,cred".parse::<Show>().is_err());
    }

    #[test]
    fn show_keeps_bits_without_a_name() {
        let show = Show::BASE | Show::from_bits_retain(1 << 40);
        assert_eq!(show.to_string(), "base,0x10000000000");
    }
}
