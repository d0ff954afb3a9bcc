// SPDX-License-Identifier: MIT
//! Accepts clients, each with a thread of its own, until a signal arrives.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use log::{info, warn};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{ReceiveTimeout, SendTimeout, SndBuf};
use nix::sys::time::{TimeVal, TimeValLike};
use rustix::net::{SocketFlags, accept_with};

use crate::error::{Error, Result, io};
use crate::limits::{ClientId, ConnectionLimits, Limits};
use crate::listener::Listener;
use crate::peer::Peer;
use crate::session::{Session, Shared};

/// Minimum time between two warnings about rejected clients.
const WARNINGS: Duration = Duration::from_secs(10);

/// Stack of a session, which has no deep calls and its buffers on the heap.
const STACK: usize = 256 * 1024;
/// Length in bytes of the queue of datagrams that a client has not read: two datagrams.
/// The kernel doubles the value for its own data structures.
const SEND_BUFFER: usize = 64 * 1024;

/// Limits the rate of warnings about rejected clients.
#[derive(Debug, Default)]
struct Rejections {
    last_warning: Option<Instant>,
    /// Rejections since then.
    suppressed: u64,
}

impl Rejections {
    /// Logs the error, unless a warning was logged shortly before.
    fn add(&mut self, error: &Error) {
        if self
            .last_warning
            .is_some_and(|time| time.elapsed() < WARNINGS)
        {
            self.suppressed += 1;
            return;
        }
        warn!("{error}");
        if self.suppressed > 0 {
            warn!("{} more clients were rejected before", self.suppressed);
        }
        *self = Self {
            last_warning: Some(Instant::now()),
            suppressed: 0,
        };
    }
}

/// Serves until a signal arrives, or the source fails permanently.
pub(crate) fn serve(
    listener: &Listener,
    shared: &Arc<Shared>,
    limits: &Limits,
    signals: &SignalFd,
) -> Result<()> {
    let counts = Arc::new(ConnectionLimits::default());
    let mut rejections = Rejections::default();
    let failed = shared.source.table().map(|table| table.failed());
    loop {
        let ready = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = vec![ready(signals.as_fd()), ready(listener.socket.as_fd())];
        fds.extend(failed.map(ready));
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            polled => polled.map_err(io("cannot wait for clients"))?,
        };
        let is_ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(true)).collect();
        if is_ready[0] && stops(signals)? {
            info!("stopping after a signal");
            return Ok(());
        }
        if is_ready.get(2).copied().unwrap_or_default() {
            return shared
                .source
                .table()
                .map_or(Ok(()), |table| Err(table.failure()));
        }
        if is_ready[1] {
            if let Some(socket) = accept(&listener.socket)? {
                start(socket, shared, &counts, limits)
                    .unwrap_or_else(|error| rejections.add(&error));
            }
        }
    }
}

/// Reads a signal, and returns whether it ends the daemon.
fn stops(signals: &SignalFd) -> Result<bool> {
    let signal = signals.read_signal().map_err(io("cannot read a signal"))?;
    let hangup = signal.is_some_and(|signal| signal.ssi_signo == libc::SIGHUP as u32);
    if hangup {
        info!("ignoring SIGHUP: the daemon has no configuration to reload");
    }
    Ok(!hangup)
}

/// Accepts the next client. `None` after an error that is not permanent.
fn accept(listener: &OwnedFd) -> Result<Option<OwnedFd>> {
    match accept_with(listener, SocketFlags::CLOEXEC) {
        Ok(socket) => Ok(Some(socket)),
        Err(errno) => tolerate(Errno::from_raw(errno.raw_os_error())).map(|()| None),
    }
}

/// Ignores errors of a client, and shortages.
fn tolerate(errno: Errno) -> Result<()> {
    match errno {
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => {
            warn!("cannot accept a client: {errno}");
            // The client is still waiting, so that poll() would return at once.
            thread::sleep(Duration::from_millis(100));
            Ok(())
        }
        Errno::EINTR | Errno::EAGAIN | Errno::ECONNABORTED => Ok(()),
        errno => Err(io("cannot accept clients")(errno)),
    }
}

/// Starts the session of a client. An error concerns this client only.
fn start(
    socket: OwnedFd,
    shared: &Arc<Shared>,
    counts: &Arc<ConnectionLimits>,
    limits: &Limits,
) -> Result<()> {
    let peer = Peer::of(&socket)?;
    let slot = counts.acquire(ClientId::of(&peer, &shared.home), limits);
    let slot = slot.ok_or_else(|| peer.too_many())?;
    let timeout = TimeVal::seconds(limits.timeout.into());
    // Session::reply() clears the receive timeout after the first permitted request.
    setsockopt(&socket, ReceiveTimeout, &timeout)
        .and_then(|()| setsockopt(&socket, SendTimeout, &timeout))
        .map_err(io("cannot set the timeouts of a client"))?;
    setsockopt(&socket, SndBuf, &SEND_BUFFER)
        .map_err(io("cannot set the send buffer of a client"))?;
    let mut session = Session {
        socket,
        peer,
        shared: Arc::clone(shared),
        mount: None,
    };
    let serve = move || {
        session.run();
        // The slot is free when the resources of the session are.
        drop(session);
        drop(slot);
    };
    let thread = thread::Builder::new()
        .name("client".into())
        .stack_size(STACK);
    match thread.spawn(serve) {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Io {
            context: "cannot start a thread",
            source,
        }),
    }
}
