// SPDX-License-Identifier: MIT
//! The reply to a request of the blocking client.

use crate::error::Result;
use crate::features::Features;
use crate::netlink::GenlInner;
use crate::reassembly::{Reassembly, Row, Step};
use crate::receiver::{Reply, Stats};
use crate::task::{BaseAndCred, BaseCredAndStat, Task, TaskRef};
use crate::transport::{DefaultTransport, Transport};

/// A reply being read.
///
/// A dump that is dropped before its end leaves the client usable: the next
/// request opens a new socket. Until then the kernel keeps the rest of the reply.
#[derive(Debug)]
pub struct Dump<'a, T = DefaultTransport> {
    pub(crate) transport: &'a mut T,
    pub(crate) reply: Reply<'a>,
}

impl<T: Transport> Dump<'_, T> {
    /// Returns the next task; `None` at the end and after an error.
    ///
    /// The task is borrowed from the receive buffer. Nothing is allocated for it.
    ///
    /// # Errors
    ///
    /// - [`Error::Kernel`](crate::Error::Kernel) if the kernel refuses the request,
    ///   or fails while it replies; more tasks may exist than were returned.
    /// - [`Error::Overrun`](crate::Error::Overrun) and
    ///   [`Error::Truncated`](crate::Error::Truncated) if a part of the reply is
    ///   lost.
    /// - [`Error::Decode`](crate::Error::Decode) if the reply violates the protocol.
    /// - [`Error::Io`](crate::Error::Io) if a system call fails.
    #[expect(
        clippy::should_implement_trait,
        reason = "the task borrows from the buffer, which the item of an Iterator cannot"
    )]
    // Inlined so that the task stays in registers.
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<TaskRef<'_>>> {
        // Views the row only after the branch: a task that each step returned would
        // borrow the reply in the branches without a task, too.
        if let Some(row) = self.reply.step_exact::<GenlInner, BaseAndCred>() {
            return self.reply.exact_task(row).map(Some);
        }
        if let Some(row) = self.reply.step_exact::<GenlInner, BaseCredAndStat>() {
            return self.reply.exact_task(row).map(Some);
        }
        let row = match self.reply.step_fast::<GenlInner>() {
            Some(row) => row,
            None => match self.find(Reassembly::step)? {
                Some(row) => row,
                None => return Ok(None),
            },
        };
        self.reply.task(row).map(Some)
    }

    /// Returns the next message about a task as it is received. This limits the
    /// memory for tasks with many memory mappings or long command lines.
    ///
    /// The row of a task consists of pieces, each at most one datagram long.
    /// [`TaskRef::goes_on`] is set in every piece of a row except the first, and
    /// [`TaskRef::has_more`] in every piece except the last.
    /// [`TaskRef::vmas`], [`TaskRef::vma_stats`] and [`TaskRef::cmdline`] may be
    /// spread over several pieces; [`TaskRef::files`] and [`TaskRef::cgroup`] are
    /// in exactly one piece, [`TaskRef::absent`] is in the last, and the other
    /// groups are in the first.
    ///
    /// Calls of [`Self::next`] and of this function may be mixed: after a piece,
    /// [`Self::next`] skips the rest of the row.
    ///
    /// ```no_run
    /// use taskdiag::{Client, Request, Show, Strategy};
    ///
    /// let mut client = Client::connect()?;
    /// let request = Request::new(Strategy::All).show(Show::VMA);
    /// let mut dump = client.dump(&request)?;
    /// while let Some(piece) = dump.next_piece()? {
    ///     if !piece.goes_on() {
    ///         println!("{}:", piece.pid());
    ///     }
    ///     for vma in piece.vmas().into_iter().flatten() {
    ///         println!("  {vma:?}");
    ///     }
    /// }
    /// # Ok::<(), taskdiag::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::next`]. A row is incomplete if an error follows a piece with
    /// [`TaskRef::has_more`].
    pub fn next_piece(&mut self) -> Result<Option<TaskRef<'_>>> {
        let Some(row) = self.find(Reassembly::step_piece)? else {
            return Ok(None);
        };
        self.reply.piece(row).map(Some)
    }

    /// Calls `f` with every remaining task, and returns the statistics.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn for_each(mut self, mut f: impl FnMut(TaskRef<'_>)) -> Result<Stats> {
        while let Some(task) = self.next()? {
            f(task);
        }
        Ok(self.stats())
    }

    /// Returns an iterator over the remaining tasks in their owned form. Nothing
    /// follows an error.
    pub fn tasks(&mut self) -> impl Iterator<Item = Result<Task>> {
        std::iter::from_fn(|| match self.next() {
            Ok(task) => task.map(|task| Ok(task.to_owned())),
            Err(error) => Some(Err(error)),
        })
    }

    /// Returns the statistics so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.reply.stats()
    }

    /// Returns the features that the reply contains.
    pub(crate) fn features(mut self) -> Result<Features> {
        loop {
            self.receive()?;
            if let Some(features) = self.reply.features() {
                return features;
            }
        }
    }

    /// Receives datagrams until one contains a row, or a piece of a row.
    #[cold]
    fn find(
        &mut self,
        step: impl Fn(&mut Reassembly, &[u8]) -> Result<Step>,
    ) -> Result<Option<Row>> {
        loop {
            match self.reply.step(&step)? {
                Step::Task(row) => return Ok(Some(row)),
                Step::More => self.receive()?,
                Step::End => return Ok(None),
            }
        }
    }

    fn receive(&mut self) -> Result<()> {
        let received = self.transport.receive(self.reply.receive_buffer());
        self.reply.received(received)
    }
}
