// SPDX-License-Identifier: MIT
//! Events of processes: start, change and end.
//!
//! An [`EventSource`] delivers [`Event`]s. They are hints and not a record:
//! events may be lost, which is an event as well ([`EventKind::Lost`]), and a
//! pid in an event may belong to another task when the event is read.

mod connector;
mod event;
mod kinds;
mod process_handle;
mod source;
#[cfg(feature = "tokio")]
mod stream;

pub use crate::error::NoEvents;
pub use connector::{Connector, ConnectorOptions, EVENT_BUFFER, FilteredBy};
pub use event::{Event, EventKind, Lost};
pub use kinds::{Events, ParseEventsError};
pub use process_handle::ProcessHandle;
pub use source::EventSource;
#[cfg(feature = "tokio")]
pub use stream::EventStream;
