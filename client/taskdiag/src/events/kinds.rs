// SPDX-License-Identifier: MIT
//! Kinds of events, and sets of them.

use std::fmt;
use std::str::FromStr;

use crate::name_list;

bitflags::bitflags! {
    /// A set of kinds of events, with the bits of `<linux/cn_proc.h>`.
    ///
    /// Its text form is a list of names:
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
        /// A process or thread starts.
        const FORK = 0x0000_0001;
        /// A process calls `execve()`.
        const EXEC = 0x0000_0002;
        /// A task changes its real or effective user id.
        const UID = 0x0000_0004;
        /// A task changes its real or effective group id.
        const GID = 0x0000_0040;
        /// A process creates a session.
        const SID = 0x0000_0080;
        /// A tracer attaches or detaches.
        const PTRACE = 0x0000_0100;
        /// The name of a task is set; not sent for the name that `execve()`
        /// sets.
        const COMM = 0x0000_0200;
        /// A process or thread ends with a status other than 0. Redundant with
        /// [`Self::EXIT`].
        const NONZERO_EXIT = 0x2000_0000;
        /// A process dumps core.
        const COREDUMP = 0x4000_0000;
        /// A process or thread ends.
        const EXIT = 0x8000_0000;
    }
}

/// Error of parsing [`Events`]: a word is not the name of a kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown event {word:?}; the events are {}", Events::all())]
pub struct ParseEventsError {
    word: String,
}

impl FromStr for Events {
    type Err = ParseEventsError;

    /// Parses names, separated by commas and in any case; the empty string is
    /// the empty set.
    fn from_str(list: &str) -> Result<Self, Self::Err> {
        name_list::read(&list.replace('-', "_")).map_err(|word| ParseEventsError {
            word: word.replace('_', "-"),
        })
    }
}

impl fmt::Display for Events {
    /// Writes names, separated by commas; the bits without a name follow as one
    /// hexadecimal number.
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
    fn displayed_kind_is_parsed_unchanged() {
        for (_, event) in Events::all().iter_names() {
            assert_eq!(event.to_string().parse(), Ok(event));
        }
        assert_eq!("".parse(), Ok(Events::empty()));
        assert_eq!(" EXIT , fork".parse(), Ok(Events::EXIT | Events::FORK));
    }

    #[test]
    fn unknown_kind_is_named_in_the_error() {
        let error = "fork,bad-luck".parse::<Events>().unwrap_err().to_string();
        assert!(error.starts_with("unknown event \"bad-luck\""), "{error}");
        assert!(error.contains("nonzero-exit"), "{error}");
    }
}
