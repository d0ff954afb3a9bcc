// SPDX-License-Identifier: MIT
//! The socket below netlink-proto: tokio says when, [`crate::socket`] does it.
//!
//! netlink-proto's own socket cuts a datagram that is too long and says
//! nothing, and cannot send credentials; hence another. What goes wrong here
//! is kept, for netlink-proto only logs it.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use netlink_proto::sys::{AsyncSocket, SocketAddr};
use tokio::io::unix::AsyncFd;

use crate::error::{Error, Result};
use crate::receiver::RECEIVE_BUFFER;
use crate::request::Scope;
use crate::socket;

/// What a dump needs of its socket beyond what netlink-proto does.
pub(super) trait Link: AsyncSocket {
    /// Sends from now on as seen from there.
    fn set_scope(&mut self, scope: Scope);

    /// How many datagrams, and bytes, have been received.
    fn received(&mut self) -> (u64, u64);

    /// What made it close, if something did.
    fn fault(&mut self) -> Option<Error>;
}

/// A generic netlink socket on tokio.
#[derive(Debug)]
pub(super) struct TokioLink {
    fd: AsyncFd<netlink_sys::Socket>,
    scope: Scope,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    buffer: Box<[u8]>,
    receives: u64,
    bytes: u64,
    fault: Option<Error>,
}

impl TokioLink {
    /// Nothing in here can panic half-way, so there is no poison to mind.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what would block as tokio wants it told, and keeps what fails.
    fn attempt<T>(&self, act: impl FnOnce(RawFd, &mut State) -> Result<T>) -> io::Result<T> {
        let mut state = self.state();
        act(self.fd.get_ref().as_raw_fd(), &mut state).map_err(|error| match error {
            Error::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock => source,
            error => {
                let told = io::Error::other(error.to_string());
                state.fault = Some(error);
                told
            }
        })
    }

    fn poll_receive<T>(
        &self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&[u8]) -> T,
    ) -> Poll<io::Result<T>> {
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(cx))?;
            let received = guard.try_io(|_| {
                self.attempt(|fd, state| {
                    let len = socket::receive(fd, &mut state.buffer)?;
                    state.receives += 1;
                    state.bytes += len as u64;
                    Ok(take(&state.buffer[..len]))
                })
            });
            if let Ok(received) = received {
                return Poll::Ready(received);
            }
        }
    }
}

impl Link for TokioLink {
    fn set_scope(&mut self, scope: Scope) {
        self.scope = scope;
    }

    fn received(&mut self) -> (u64, u64) {
        let state = self.state();
        (state.receives, state.bytes)
    }

    fn fault(&mut self) -> Option<Error> {
        self.state().fault.take()
    }
}

impl AsyncSocket for TokioLink {
    fn socket_ref(&self) -> &netlink_sys::Socket {
        self.fd.get_ref()
    }

    fn socket_mut(&mut self) -> &mut netlink_sys::Socket {
        self.fd.get_mut()
    }

    fn new(protocol: isize) -> io::Result<Self> {
        let socket = netlink_sys::Socket::new(protocol)?;
        socket.set_non_blocking(true)?;
        socket.set_ext_ack(true)?;
        // Nobody but the kernel may send to it.
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self {
            fd: socket::register(socket)?,
            scope: Scope::Own,
            state: Mutex::new(State {
                buffer: vec![0; RECEIVE_BUFFER].into_boxed_slice(),
                receives: 0,
                bytes: 0,
                fault: None,
            }),
        })
    }

    fn poll_send(&self, cx: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.fd.poll_write_ready(cx))?;
            let sent =
                guard.try_io(|_| self.attempt(|fd, _| socket::send(fd, message, self.scope)));
            if let Ok(sent) = sent {
                return Poll::Ready(sent.map(|()| message.len()));
            }
        }
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        message: &[u8],
        _kernel: &SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, message)
    }

    fn poll_recv<B: BufMut>(&self, cx: &mut Context<'_>, buffer: &mut B) -> Poll<io::Result<()>> {
        self.poll_receive(cx, |datagram| buffer.put_slice(datagram))
    }

    fn poll_recv_from<B: BufMut>(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut B,
    ) -> Poll<io::Result<SocketAddr>> {
        self.poll_recv(cx, buffer)
            .map_ok(|()| SocketAddr::new(0, 0))
    }

    fn poll_recv_from_full(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Vec<u8>, SocketAddr)>> {
        self.poll_receive(cx, <[u8]>::to_vec)
            .map_ok(|datagram| (datagram, SocketAddr::new(0, 0)))
    }
}
