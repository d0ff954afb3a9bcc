// SPDX-License-Identifier: MIT
//! Events as a stream, on tokio.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::io::unix::AsyncFd;

use super::{Connector, Event, EventSource as _};
use crate::error::{Error, Result};
use crate::sys;

/// An endless stream of the events of a [`Connector`].
///
/// ```no_run
/// use futures_util::StreamExt;
/// use taskdiag::events::{Connector, Events};
///
/// # async fn example() -> taskdiag::Result<()> {
/// let mut events = Connector::listen(Events::EXIT)?.into_stream()?;
/// while let Some(event) = events.next().await {
///     println!("{:?}", event?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EventStream(AsyncFd<Connector>);

impl Connector {
    /// Converts the connector into a stream, driven by the current runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the runtime cannot watch the descriptor.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O enabled.
    pub fn into_stream(self) -> Result<EventStream> {
        sys::register_connector(self)
            .map(EventStream)
            .map_err(|source| Error::Io {
                context: "cannot register the connector with the runtime",
                source,
            })
    }
}

impl Stream for EventStream {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let fd = &mut self.get_mut().0;
        loop {
            let mut guard = match ready!(fd.poll_read_ready_mut(cx)) {
                Ok(guard) => guard,
                Err(source) => {
                    let context = "cannot wait for events";
                    return Poll::Ready(Some(Err(Error::Io { context, source })));
                }
            };
            let next = guard.get_inner_mut().next_event(Some(Duration::ZERO));
            if let Some(next) = next.transpose() {
                return Poll::Ready(Some(next));
            }
            guard.clear_ready();
        }
    }
}

impl AsRef<Connector> for EventStream {
    fn as_ref(&self) -> &Connector {
        self.0.get_ref()
    }
}
