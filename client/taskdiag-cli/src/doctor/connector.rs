// SPDX-License-Identifier: MIT
//! The proc connector, which tells of processes that begin and end
//! (`CONFIG_PROC_EVENTS`).

use serde::Serialize;
use taskdiag::Error;
use taskdiag::events::{self, Events, FilteredBy};

/// Whether events of processes can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Connector {
    /// Why they cannot.
    pub(super) why_not: Option<String>,
    /// Whether the kernel lets a listener choose among them.
    pub(super) filter: bool,
}

impl Connector {
    /// Listens for a moment, to what hardly ever happens.
    pub(super) fn find() -> Self {
        let listening = events::Connector::listen(Events::COREDUMP);
        Self {
            filter: listening
                .as_ref()
                .is_ok_and(|connector| connector.filtered_by() == FilteredBy::Kernel),
            why_not: listening.err().map(|error| match error {
                Error::NoEvents(why) => why.to_string(),
                error => error.to_string(),
            }),
        }
    }
}
