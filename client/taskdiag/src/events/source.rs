// SPDX-License-Identifier: MIT
//! The contract between what tells of events and what follows them.

use std::time::Duration;

use super::Event;
use crate::error::Result;

/// What tells of events, one after another.
///
/// ```
/// use std::time::Duration;
/// use taskdiag::events::{Event, EventKind, EventSource, Lost};
///
/// /// A source that has lost everything.
/// struct Forgetful;
///
/// impl EventSource for Forgetful {
///     fn next_event(&mut self, _: Option<Duration>) -> taskdiag::Result<Option<Event>> {
///         let lost = EventKind::Lost(Lost::Overflow);
///         Ok(Some(Event::new(Duration::ZERO, None, lost)))
///     }
/// }
///
/// let first = Forgetful.events().next();
/// assert!(first.is_some_and(|event| event.is_ok_and(|event| event.is_lost())));
/// ```
pub trait EventSource {
    /// The next event; `None` when `timeout` has passed without one.
    ///
    /// Without a timeout this waits for as long as it takes. With
    /// [`Duration::ZERO`] it does not wait at all: it gives what is there
    /// already.
    ///
    /// What was lost is told when all that was received before it has been
    /// given, and at a moment when nothing is being lost any more: who takes
    /// stock anew on [`EventKind::Lost`](super::EventKind::Lost) misses
    /// nothing.
    ///
    /// # Errors
    ///
    /// The source's own; it can be asked again after any of them.
    fn next_event(&mut self, timeout: Option<Duration>) -> Result<Option<Event>>;

    /// Has it told, or a loss, whatever has happened before this call, by the
    /// time [`Self::next_event`] finds nothing more. For sources that may fall
    /// silent without knowing; those that cannot need do nothing.
    ///
    /// # Errors
    ///
    /// The source's own, if it cannot find out.
    fn probe(&mut self) -> Result<()> {
        Ok(())
    }

    /// The events, without end; each is waited for.
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
