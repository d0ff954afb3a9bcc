// SPDX-License-Identifier: MIT
//! Which of the events one wants to be told of.

use std::fmt;
use std::str::FromStr;

use crate::name_list;

bitflags::bitflags! {
    /// A set of kinds of events; the bits are those of `<linux/cn_proc.h>`.
    ///
    /// Reads and shows itself as a list of names:
    ///
    /// ```
    /// use taskdiag::events::Events;
    ///
    /// let events: Events = "fork,nonzero-exit".parse()?;
    /// assert_eq!(events, Events::FORK | Events::NONZERO_EXIT);
    /// assert_eq!(events.to_string(), "fork,nonzero-exit");
    /// # Ok::<(), taskdiag::events::ParseEventsError>(())
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Events: u32 {
        /// A process or thread begins.
        const FORK = 0x0000_0001;
        /// A process runs another program.
        const EXEC = 0x0000_0002;
        /// A task changes its real or effective user id.
        const UID = 0x0000_0004;
        /// A task changes its real or effective group id.
        const GID = 0x0000_0040;
        /// A process begins a session.
        const SID = 0x0000_0080;
        /// A tracer comes or goes.
        const PTRACE = 0x0000_0100;
        /// A task is given another name; that by `execve()` is not told.
        const COMM = 0x0000_0200;
        /// A process or thread ends with a status that is not 0. Adds nothing
        /// where [`Self::EXIT`] is wanted.
        const NONZERO_EXIT = 0x2000_0000;
        /// A process dumps core.
        const COREDUMP = 0x4000_0000;
        /// A process or thread ends.
        const EXIT = 0x8000_0000;
    }
}

/// A word that names no kind of events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown event {word:?}; the events are {}", Events::all())]
pub struct ParseEventsError {
    word: String,
}

impl FromStr for Events {
    type Err = ParseEventsError;

    /// Reads a list of names between commas, in any case; the empty string is
    /// the empty set.
    fn from_str(list: &str) -> Result<Self, Self::Err> {
        name_list::read(&list.replace('-', "_")).map_err(|word| ParseEventsError {
            word: word.replace('_', "-"),
        })
    }
}

impl fmt::Display for Events {
    /// Names between commas; bits that have no name as one hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Underscored<'a>(&'a Events);

        impl fmt::Display for Underscored<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                name_list::write(self.0, f)
            }
        }

        f.write_str(&Underscored(self).to_string().replace('_', "-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_as_it_is_shown() {
        for (_, event) in Events::all().iter_names() {
            assert_eq!(event.to_string().parse(), Ok(event));
        }
        assert_eq!("".parse(), Ok(Events::empty()));
        assert_eq!(" EXIT , fork".parse(), Ok(Events::EXIT | Events::FORK));
    }

    #[test]
    fn a_word_that_is_no_kind_is_named_among_those_that_are() {
        let error = "fork,bad-luck".parse::<Events>().unwrap_err().to_string();
        assert!(error.starts_with("unknown event \"bad-luck\""), "{error}");
        assert!(error.contains("nonzero-exit"), "{error}");
    }
}
