// SPDX-License-Identifier: MIT
//! Processes that begin, change and end, told as it happens.
//!
//! What tells of events is an [`EventSource`], and what it tells an [`Event`].
//! Events are hints rather than a record: they may be lost, which is an event
//! as well ([`EventKind::Lost`]), and a number in one may belong to another
//! task by the time it is read.

mod connector;
mod event;
mod kinds;
mod source;
#[cfg(feature = "tokio")]
mod stream;

pub use crate::error::NoEvents;
pub use connector::{Connector, ConnectorOptions, EVENT_BUFFER, FilteredBy};
pub use event::{Event, EventKind, Lost};
pub use kinds::{Events, ParseEventsError};
pub use source::EventSource;
#[cfg(feature = "tokio")]
pub use stream::EventStream;
