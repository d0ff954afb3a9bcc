// SPDX-License-Identifier: MIT
//! Interface between a source of events and its readers.

use std::time::Duration;

use super::Event;
use crate::error::Result;

/// A source of events.
///
/// ```
/// use std::time::Duration;
/// use taskdiag::events::{Event, EventKind, EventSource, Lost};
///
/// /// A source that has lost every event.
/// struct AllLost;
///
/// impl EventSource for AllLost {
///     fn next_event(&mut self, _: Option<Duration>) -> taskdiag::Result<Option<Event>> {
///         let lost = EventKind::Lost(Lost::Overflow);
///         Ok(Some(Event::new(Duration::ZERO, None, lost)))
///     }
/// }
///
/// let first = AllLost.events().next();
/// assert!(first.is_some_and(|event| event.is_ok_and(|event| event.is_lost())));
/// ```
pub trait EventSource {
    /// Returns the next event, or `None` if `timeout` has passed without one.
    ///
    /// Without a timeout this waits without a limit. With [`Duration::ZERO`] it
    /// does not wait, and returns an event only if one is queued.
    ///
    /// A loss is reported after all events received before it, and when no
    /// further events are being lost. So a reader that lists all processes on
    /// [`EventKind::Lost`](super::EventKind::Lost) misses nothing.
    ///
    /// # Errors
    ///
    /// The errors of the source. The next call continues after any of them.
    fn next_event(&mut self, timeout: Option<Duration>) -> Result<Option<Event>>;

    /// Makes sure that every earlier event, or its loss, is reported before
    /// [`Self::next_event`] finds no further event.
    ///
    /// For sources whose delivery can stop without notice. The default does
    /// nothing.
    ///
    /// # Errors
    ///
    /// The errors of the source, if it cannot find out.
    fn probe(&mut self) -> Result<()> {
        Ok(())
    }

    /// Returns an endless iterator that waits for each event.
    fn events(&mut self) -> impl Iterator<Item = Result<Event>>
    where
        Self: Sized,
    {
        std::iter::from_fn(|| self.next_event(None).transpose())
    }
}

impl<S: EventSource + ?Sized> EventSource for &mut S {
    fn next_event(&mut self, timeout: Option<Duration>) -> Result<Option<Event>> {
        (**self).next_event(timeout)
    }

    fn probe(&mut self) -> Result<()> {
        (**self).probe()
    }
}

impl<S: EventSource + ?Sized> EventSource for Box<S> {
    fn next_event(&mut self, timeout: Option<Duration>) -> Result<Option<Event>> {
        (**self).next_event(timeout)
    }

    fn probe(&mut self) -> Result<()> {
        (**self).probe()
    }
}
