// SPDX-License-Identifier: MIT
//! The generic netlink socket of the family, watched by the runtime.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

use tokio::io::unix::AsyncFd;

use super::transport::AsyncTransport;
use super::transport::watched::{poll_read, poll_write, watch};
use crate::datagram;
use crate::error::Result;
use crate::netlink::Framing;
use crate::opener::Opener;
use crate::request::{Options, Scope};
use crate::socket::Socket;
use crate::visibility::{self, Visibility};

/// A generic netlink socket.
#[derive(Debug)]
pub(super) struct AsyncSocket {
    fd: AsyncFd<OwnedFd>,
    port: u32,
    family: u16,
    /// As that of [`Socket`].
    proc: Option<OwnedFd>,
    opener: Opener,
}

impl AsyncSocket {
    /// Opens a socket and resolves the family. This does not wait: the kernel
    /// handles the request within sendmsg(2).
    pub(super) fn connect(buffer: &mut [u8]) -> Result<Self> {
        Self::watch(Socket::connect(buffer)?)
    }

    fn watch(socket: Socket) -> Result<Self> {
        let (fd, port, family, proc, opener) = socket.into_parts();
        Ok(Self {
            fd: watch(fd)?,
            port,
            family,
            proc,
            opener,
        })
    }
}

impl AsyncTransport for AsyncSocket {
    fn framing(&self) -> Framing {
        self.family.into()
    }

    fn port(&self) -> u32 {
        self.port
    }

    fn proc_mount(&self) -> Option<BorrowedFd<'_>> {
        self.proc.as_ref().map(AsFd::as_fd)
    }

    fn visibility(&self, options: Options) -> Visibility {
        visibility::of_kernel(options, self.proc_mount())
    }

    fn has_other_opener(&self) -> bool {
        self.opener.has_changed()
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        request: &[u8],
        scope: Scope,
    ) -> Poll<Result<()>> {
        poll_write(&self.fd, cx, |fd| {
            datagram::send(fd.as_raw_fd(), request, scope)
        })
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
        poll_read(&self.fd, cx, |fd| datagram::receive(fd.as_raw_fd(), buffer))
    }

    /// Opens another socket: the kernel ends an unfinished dump only when its
    /// socket is closed.
    fn poll_reset(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<()>> {
        let socket = Socket::open(buffer).and_then(Self::watch)?;
        // The next request may already contain the number of the mount's descriptor.
        let proc = self.proc.take();
        *self = Self { proc, ..socket };
        Poll::Ready(Ok(()))
    }
}
