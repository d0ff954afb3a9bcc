// SPDX-License-Identifier: MIT
//! The proc connector, which delivers process events (`CONFIG_PROC_EVENTS`).

use serde::Serialize;
use taskdiag::Error;
use taskdiag::events::{self, Events, FilteredBy};

/// Whether process events are available.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Connector {
    /// The error, if process events are not available.
    pub(super) reason: Option<String>,
    /// Whether the kernel filters events per listener.
    pub(super) filter: bool,
}

impl Connector {
    /// Subscribes for a moment to a rare event.
    pub(super) fn probe() -> Self {
        let connector = events::Connector::listen(Events::COREDUMP);
        Self {
            filter: connector
                .as_ref()
                .is_ok_and(|connector| connector.filtered_by() == FilteredBy::Kernel),
            reason: connector.err().map(|error| match error {
                Error::NoEvents(reason) => reason.to_string(),
                error => error.to_string(),
            }),
        }
    }
}
