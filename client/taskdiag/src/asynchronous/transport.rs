// SPDX-License-Identifier: MIT
//! The interface between the asynchronous client and a transport.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::task::{Context, Poll};

use crate::error::Result;
use crate::netlink::Framing;
use crate::request::{Options, Scope};
use crate::visibility::Visibility;

/// Delivers requests to the implementation that replies, and returns the replies.
///
/// The asynchronous form of [`Transport`](crate::Transport). A call that returns
/// [`Poll::Pending`] has registered the waker, and loses nothing if the future is
/// dropped then: the next call of the same function continues. The transport of the
/// daemon, for example, may have begun a new connection.
pub trait AsyncTransport: fmt::Debug + Send {
    /// Returns the framing of requests and replies.
    fn framing(&self) -> Framing;

    /// Returns the port number that replies are addressed to.
    fn port(&self) -> u32;

    /// Whether a program between the kernel and the client may add flags of its
    /// own to rows: see [`crate::daemon_protocol`].
    fn forwards(&self) -> bool {
        false
    }

    /// As [`Transport::proc_mount`](crate::Transport::proc_mount).
    fn proc_mount(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// As [`Transport::visibility`](crate::Transport::visibility).
    fn visibility(&self, _options: Options) -> Visibility {
        Visibility::Unknown
    }

    /// As [`Transport::has_other_opener`](crate::Transport::has_other_opener).
    fn has_other_opener(&self) -> bool {
        false
    }

    /// Sends a request in this scope.
    fn poll_send(&mut self, cx: &mut Context<'_>, request: &[u8], scope: Scope)
    -> Poll<Result<()>>;

    /// Receives one datagram and returns its length. A datagram that does not fit
    /// the buffer is an error, and so is the loss of an earlier one.
    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>>;

    /// Discards the rest of an unfinished reply, so that none of it is received
    /// any longer. May use the buffer to receive into.
    fn poll_reset(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<()>>;
}

impl<T: AsyncTransport + ?Sized> AsyncTransport for Box<T> {
    fn framing(&self) -> Framing {
        (**self).framing()
    }

    fn port(&self) -> u32 {
        (**self).port()
    }

    fn forwards(&self) -> bool {
        (**self).forwards()
    }

    fn proc_mount(&self) -> Option<BorrowedFd<'_>> {
        (**self).proc_mount()
    }

    fn visibility(&self, options: Options) -> Visibility {
        (**self).visibility(options)
    }

    fn has_other_opener(&self) -> bool {
        (**self).has_other_opener()
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        request: &[u8],
        scope: Scope,
    ) -> Poll<Result<()>> {
        (**self).poll_send(cx, request, scope)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
        (**self).poll_receive(cx, buffer)
    }

    fn poll_reset(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<()>> {
        (**self).poll_reset(cx, buffer)
    }
}

/// A non-blocking descriptor that the runtime watches.
#[cfg(any(feature = "netlink", feature = "daemon"))]
pub(super) mod watched {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::task::{Context, Poll, ready};

    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    use tokio::io::unix::AsyncFd;

    use crate::error::{Error, Result};
    use crate::sys;

    /// Makes a descriptor non-blocking and registers it with the runtime.
    pub(in super::super) fn watch(fd: OwnedFd) -> Result<AsyncFd<OwnedFd>> {
        let failed = |source| Error::Io {
            context: "cannot register the socket with the runtime",
            source,
        };
        // Sockets have no status flags other than O_NONBLOCK that are in use here.
        fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| failed(errno.into()))?;
        sys::register(fd).map_err(failed)
    }

    /// Calls `read` when the descriptor is readable, until it does not fail with
    /// `EAGAIN`.
    pub(in super::super) fn poll_read<R>(
        fd: &AsyncFd<OwnedFd>,
        cx: &mut Context<'_>,
        mut read: impl FnMut(&OwnedFd) -> Result<R>,
    ) -> Poll<Result<R>> {
        loop {
            let mut guard = ready!(fd.poll_read_ready(cx)).map_err(wait_failed)?;
            match read(fd.get_ref()) {
                Err(error) if would_block(&error) => guard.clear_ready(),
                result => return Poll::Ready(result),
            }
        }
    }

    /// Calls `write` when the descriptor is writable, until it does not fail with
    /// `EAGAIN`.
    pub(in super::super) fn poll_write<R>(
        fd: &AsyncFd<OwnedFd>,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&OwnedFd) -> Result<R>,
    ) -> Poll<Result<R>> {
        loop {
            let mut guard = ready!(fd.poll_write_ready(cx)).map_err(wait_failed)?;
            match write(fd.get_ref()) {
                Err(error) if would_block(&error) => guard.clear_ready(),
                result => return Poll::Ready(result),
            }
        }
    }

    fn would_block(error: &Error) -> bool {
        matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock)
    }

    fn wait_failed(source: io::Error) -> Error {
        Error::Io {
            context: "cannot wait for the socket",
            source,
        }
    }
}
