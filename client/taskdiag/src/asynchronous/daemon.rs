// SPDX-License-Identifier: MIT
//! The socket of the daemon, watched by the runtime.

use std::future::Future;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use log::debug;
use nix::errno::Errno;
use tokio::io::unix::AsyncFd;
use tokio::task::{JoinHandle, spawn_blocking};

use super::transport::AsyncTransport;
use super::transport::watched::{poll_read, poll_write, watch};
use crate::error::{Error, Result};
use crate::netlink::Framing;
use crate::opener::Opener;
use crate::request::{Options, Scope};
use crate::transport::daemon::{
    Daemon, ProcMount, is_disconnected, receive_datagram, send_datagram,
};
use crate::visibility::Visibility;

/// A connection to the daemon.
#[derive(Debug)]
pub(super) struct AsyncDaemon {
    fd: AsyncFd<OwnedFd>,
    path: PathBuf,
    mount: ProcMount,
    opener: Opener,
    /// The next connection, while it is being made.
    connecting: Option<JoinHandle<Result<Daemon>>>,
}

impl AsyncDaemon {
    /// Calls `connect` on a thread for blocking calls: the daemon may need time to
    /// accept the connection.
    pub(super) async fn connect(
        connect: impl FnOnce() -> Result<Daemon> + Send + 'static,
    ) -> Result<Self> {
        Self::new(joined(spawn_blocking(connect).await)?)
    }

    fn new(daemon: Daemon) -> Result<Self> {
        let (fd, path, mount) = daemon.into_parts();
        Ok(Self {
            fd: watch(fd)?,
            path,
            mount,
            opener: Opener::current(),
            connecting: None,
        })
    }

    /// Connects again. A call after a dropped future continues with the same
    /// attempt.
    fn poll_connect(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let connecting = match &mut self.connecting {
            Some(connecting) => connecting,
            none @ None => {
                let path = self.path.clone();
                let mount = self.mount.try_clone().map_err(connect_failed)?;
                none.insert(spawn_blocking(move || Daemon::connect_with(&path, mount)))
            }
        };
        let connected = ready!(Pin::new(connecting).poll(cx));
        self.connecting = None;
        let (fd, _, mount) = joined(connected)?.into_parts();
        self.fd = watch(fd)?;
        self.opener = Opener::current();
        // The next request may already contain the number of the mount's descriptor.
        if self.mount.root().is_none() || mount.root().is_none() {
            self.mount = mount;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&self, cx: &mut Context<'_>, request: &[u8]) -> Poll<Result<()>> {
        poll_write(&self.fd, cx, |fd| {
            send_datagram(fd, request).map_err(|errno| Error::Io {
                context: "cannot send the request",
                source: errno.into(),
            })
        })
    }
}

impl AsyncTransport for AsyncDaemon {
    fn framing(&self) -> Framing {
        Framing::Plain
    }

    /// The reply repeats the port number of the request, which is 0.
    fn port(&self) -> u32 {
        0
    }

    /// Rows may be cached rows of the daemon.
    fn forwards(&self) -> bool {
        true
    }

    fn proc_mount(&self) -> Option<BorrowedFd<'_>> {
        self.mount.root()
    }

    fn visibility(&self, options: Options) -> Visibility {
        self.mount.visibility(options)
    }

    fn has_other_opener(&self) -> bool {
        self.opener.has_changed()
    }

    /// Sends the request, on a new connection if the daemon has been restarted.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        request: &[u8],
        scope: Scope,
    ) -> Poll<Result<()>> {
        if let Scope::Process(pid) = scope {
            let asked = "the daemon";
            return Poll::Ready(Err(Error::ScopeNeedsNetlink { pid, asked }));
        }
        if self.connecting.is_none() {
            match ready!(self.poll_write(cx, request)) {
                Err(Error::Io { source, .. }) if is_hang_up(&source) => {
                    debug!("the daemon has closed the connection: connecting again");
                }
                sent => return Poll::Ready(sent),
            }
        }
        ready!(self.poll_connect(cx))?;
        self.poll_write(cx, request)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
        poll_read(&self.fd, cx, |fd| receive_datagram(fd, buffer))
    }

    /// Connects again: the daemon discards an unread reply when its connection is
    /// closed.
    fn poll_reset(&mut self, cx: &mut Context<'_>, _buffer: &mut [u8]) -> Poll<Result<()>> {
        self.poll_connect(cx)
    }
}

fn is_hang_up(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    errno.is_some_and(is_disconnected)
}

/// Returns the result of a blocking call. Its thread is only lost to a runtime
/// that shuts down.
fn joined(result: Result<Result<Daemon>, tokio::task::JoinError>) -> Result<Daemon> {
    result.unwrap_or_else(|error| Err(connect_failed(io::Error::other(error))))
}

fn connect_failed(source: io::Error) -> Error {
    Error::Io {
        context: "cannot connect to the daemon",
        source,
    }
}
