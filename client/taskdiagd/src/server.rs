// SPDX-License-Identifier: MIT
//! Lets clients in, each with a thread of its own, until it is told to stop.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use log::{info, warn};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{ReceiveTimeout, SendTimeout, SndBuf};
use nix::sys::time::{TimeVal, TimeValLike};
use rustix::net::{SocketFlags, accept_with};

use crate::crowd::{Crowd, Guest, Limits};
use crate::error::{Error, Result, io};
use crate::listener::Listener;
use crate::peer::Peer;
use crate::session::{House, Session};

/// How often it is said that there are too many.
const COMPLAINTS: Duration = Duration::from_secs(10);

/// A session calls nothing deep, and holds what is large elsewhere.
const STACK: usize = 256 * 1024;
/// Room for what a client has not read yet, in bytes: two datagrams. The kernel
/// counts twice as much for its own.
const SEND_BUFFER: usize = 64 * 1024;

/// Those who were turned away, and when that was last said.
#[derive(Debug, Default)]
struct Complaints {
    since: Option<Instant>,
    unsaid: u64,
}

impl Complaints {
    /// Says it, unless that was done just before.
    fn add(&mut self, why: &Error) {
        if self.since.is_some_and(|since| since.elapsed() < COMPLAINTS) {
            self.unsaid += 1;
            return;
        }
        warn!("{why}");
        if self.unsaid > 0 {
            warn!("{} more were turned away before", self.unsaid);
        }
        *self = Self {
            since: Some(Instant::now()),
            unsaid: 0,
        };
    }
}

/// Serves until a signal comes, or the source fails for good.
pub(crate) fn serve(
    listener: &Listener,
    house: &Arc<House>,
    limits: &Limits,
    signals: &SignalFd,
) -> Result<()> {
    let crowd = Arc::new(Crowd::default());
    let mut complaints = Complaints::default();
    let failed = house.source.table().map(|table| table.failed());
    loop {
        let ready = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = vec![ready(signals.as_fd()), ready(listener.socket.as_fd())];
        fds.extend(failed.map(ready));
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            polled => polled.map_err(io("cannot wait for clients"))?,
        };
        let is_ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(true)).collect();
        if is_ready[0] {
            info!("told to stop");
            return Ok(());
        }
        if is_ready.get(2).copied().unwrap_or_default() {
            return house
                .source
                .table()
                .map_or(Ok(()), |table| Err(table.why_failed()));
        }
        if is_ready[1] {
            if let Some(socket) = let_in(&listener.socket)? {
                begin(socket, house, &crowd, limits).unwrap_or_else(|why| complaints.add(&why));
            }
        }
    }
}

/// Lets the next one in, if that is possible for the moment.
fn let_in(listener: &OwnedFd) -> Result<Option<OwnedFd>> {
    match accept_with(listener, SocketFlags::CLOEXEC) {
        Ok(socket) => Ok(Some(socket)),
        Err(errno) => bear(Errno::from_raw(errno.raw_os_error())).map(|()| None),
    }
}

/// What is wrong with a client, or for the moment, ends no daemon.
fn bear(errno: Errno) -> Result<()> {
    match errno {
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => {
            warn!("cannot let a client in: {errno}");
            // It waits, and would have this tried over and over.
            thread::sleep(Duration::from_millis(100));
            Ok(())
        }
        Errno::EINTR | Errno::EAGAIN | Errno::ECONNABORTED => Ok(()),
        errno => Err(io("cannot let clients in")(errno)),
    }
}

/// Gives it a thread. What is wrong with one client concerns no other.
fn begin(socket: OwnedFd, house: &Arc<House>, crowd: &Arc<Crowd>, limits: &Limits) -> Result<()> {
    let peer = Peer::of(&socket)?;
    let place = crowd.enter(Guest::of(&peer, &house.home), limits);
    let place = place.ok_or_else(|| peer.too_many())?;
    let patience = TimeVal::seconds(limits.patience.into());
    // Until it has asked what it is answered, see Session::receive().
    setsockopt(&socket, ReceiveTimeout, &patience)
        .and_then(|()| setsockopt(&socket, SendTimeout, &patience))
        .map_err(io("cannot limit a client's time"))?;
    setsockopt(&socket, SndBuf, &SEND_BUFFER).map_err(io("cannot limit a client's room"))?;
    let session = Session {
        socket,
        peer,
        house: Arc::clone(house),
    };
    let serve = move || {
        session.run();
        // Only now: the socket and all that was held for it have gone.
        drop(session);
        drop(place);
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
