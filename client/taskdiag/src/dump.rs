// SPDX-License-Identifier: MIT
//! The reply to a request of the blocking client.

use std::fmt;

use crate::error::Result;
use crate::receiver::Stats;
#[cfg(feature = "netlink")]
use crate::socket::Socket;
#[cfg(feature = "netlink")]
use crate::source::NetlinkSource;
use crate::source::{Reply, Source};
use crate::task::{Task, TaskRef};

/// A reply being read.
///
/// A dump that is dropped before its end leaves the client usable: the next request
/// over netlink opens a new socket. Until then the kernel keeps the rest of the reply.
///
/// The type parameter has the same default as that of [`Client`](crate::Client).
pub struct Dump<
    'a,
    #[cfg(feature = "netlink")] S: Source + 'a = NetlinkSource<Socket>,
    #[cfg(not(feature = "netlink"))] S: Source + 'a,
> {
    pub(crate) reply: S::Reply<'a>,
}

impl<S: Source> fmt::Debug for Dump<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dump").field(&self.reply).finish()
    }
}

impl<S: Source> Dump<'_, S> {
    /// Returns the next task; `None` at the end and after an error.
    ///
    /// The task is borrowed from the receive buffer. Over netlink, nothing is allocated
    /// for it.
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
        self.reply.next()
    }

    /// Returns the next piece of a task, such as a message as it is received. This
    /// limits the memory for tasks with many memory mappings or long command lines.
    ///
    /// The row of a task consists of pieces, each about one datagram long at most.
    /// [`TaskRef::is_continuation`] is set in every piece of a row except the first, and
    /// [`TaskRef::has_more`] in every piece except the last.
    /// [`TaskRef::vmas`], [`TaskRef::vma_stats`], [`TaskRef::cmdline`],
    /// [`TaskRef::environ`] and [`TaskRef::paths`] may be spread over several pieces;
    /// [`TaskRef::files`] and [`TaskRef::cgroup`] are in exactly one piece,
    /// [`TaskRef::absent`] is in the last, and the other groups are in the first.
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
    ///     if !piece.is_continuation() {
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
        self.reply.next_piece()
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
}
