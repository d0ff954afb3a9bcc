// SPDX-License-Identifier: MIT
//! The reply to a request of the asynchronous client.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::transport::AsyncTransport;
use crate::error::Result;
use crate::reassembly::{Reassembly, Row, Step};
use crate::receiver::{Reply, Stats};
use crate::request::Features;
use crate::task::{Task, TaskRef};

/// A reply being read; the asynchronous form of [`Dump`](crate::Dump).
///
/// A dump that is dropped before its end leaves the client usable.
#[derive(Debug)]
pub struct AsyncDump<'a, T = Box<dyn AsyncTransport>> {
    pub(super) transport: &'a mut T,
    pub(super) reply: Reply<'a>,
}

impl<'a, T: AsyncTransport> AsyncDump<'a, T> {
    /// Returns the next task; `None` at the end and after an error.
    ///
    /// The task is borrowed from the receive buffer. Nothing is allocated for it.
    /// If the future is dropped, the next call continues where it stopped.
    ///
    /// # Errors
    ///
    /// As [`Dump::next`](crate::Dump::next).
    pub async fn next(&mut self) -> Result<Option<TaskRef<'_>>> {
        let row = poll_fn(|cx| self.poll_find(cx, Reassembly::step)).await?;
        match row {
            Some(row) => self.reply.task(row).map(Some),
            None => Ok(None),
        }
    }

    /// Returns the next message about a task as it is received; see
    /// [`Dump::next_piece`](crate::Dump::next_piece).
    ///
    /// If the future is dropped, the next call continues where it stopped. If a future
    /// of [`Self::next`] was dropped within a row, the next piece has all data of that
    /// row that was received before, and may be longer than one datagram.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub async fn next_piece(&mut self) -> Result<Option<TaskRef<'_>>> {
        let row = poll_fn(|cx| self.poll_find(cx, Reassembly::step_piece)).await?;
        match row {
            Some(row) => self.reply.piece(row).map(Some),
            None => Ok(None),
        }
    }

    /// Returns a stream of the remaining tasks in their owned form.
    ///
    /// ```no_run
    /// use futures_util::TryStreamExt;
    /// use taskdiag::asynchronous::AsyncClient;
    /// use taskdiag::{Request, Strategy, Task};
    ///
    /// # async fn example() -> taskdiag::Result<()> {
    /// let mut client = AsyncClient::connect().await?;
    /// let mut dump = client.dump(&Request::new(Strategy::All)).await?;
    /// let tasks: Vec<Task> = dump.tasks().try_collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn tasks(&mut self) -> Tasks<'_, 'a, T> {
        Tasks(self)
    }

    /// Returns the statistics so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.reply.stats()
    }

    /// Returns the features that the reply contains.
    pub(super) async fn features(mut self) -> Result<Features> {
        loop {
            poll_fn(|cx| self.poll_receive(cx)).await?;
            if let Some(features) = self.reply.features() {
                return features;
            }
        }
    }

    /// Receives datagrams until one contains a row, or a piece of a row.
    fn poll_find(
        &mut self,
        cx: &mut Context<'_>,
        step: impl Fn(&mut Reassembly, &[u8]) -> Result<Step>,
    ) -> Poll<Result<Option<Row>>> {
        loop {
            match self.reply.step(&step)? {
                Step::Task(row) => return Poll::Ready(Ok(Some(row))),
                Step::More => ready!(self.poll_receive(cx))?,
                Step::End => return Poll::Ready(Ok(None)),
            }
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let buffer = self.reply.receive_buffer();
        let received = ready!(self.transport.poll_receive(cx, buffer));
        Poll::Ready(self.reply.received(received))
    }
}

/// The remaining tasks of a dump in their owned form. Nothing follows an error.
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct Tasks<'d, 'a, T = Box<dyn AsyncTransport>>(&'d mut AsyncDump<'a, T>);

impl<T: AsyncTransport> Stream for Tasks<'_, '_, T> {
    type Item = Result<Task>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let dump = &mut *self.get_mut().0;
        let task = match ready!(dump.poll_find(cx, Reassembly::step)) {
            Ok(Some(row)) => dump.reply.task(row).map(|task| task.to_owned()),
            Ok(None) => return Poll::Ready(None),
            Err(error) => Err(error),
        };
        Poll::Ready(Some(task))
    }
}
