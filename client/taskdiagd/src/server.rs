// SPDX-License-Identifier: MIT
//! Lets clients in, each with a thread of its own, until it is told to stop.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use log::{info, warn};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{SendTimeout, SndBuf};
use nix::sys::time::{TimeVal, TimeValLike};
use rustix::net::{SocketFlags, accept_with};

use crate::error::{Error, Result, io};
use crate::listener::Listener;
use crate::peer::Peer;
use crate::session::{House, Session};

/// A session calls nothing deep, and holds what is large elsewhere.
const STACK: usize = 256 * 1024;
/// Room for what a client has not read yet, in bytes: two datagrams. The kernel
/// counts twice as much for its own.
const SEND_BUFFER: usize = 64 * 1024;

/// How much clients may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many of them there may be.
    pub(crate) clients: usize,
    /// How many of them may be one user's, other than root.
    pub(crate) clients_of_user: usize,
    /// How long one may leave its answer unread, in seconds.
    pub(crate) patience: u32,
}

/// How many clients there are, by their users.
#[derive(Debug, Default)]
struct Crowd(Mutex<HashMap<u32, usize>>);

/// A client's place in the crowd, which is free again when this is dropped.
#[derive(Debug)]
struct Place {
    crowd: Arc<Crowd>,
    uid: u32,
}

impl Crowd {
    /// Takes a place; `None` if there is none left.
    fn enter(self: &Arc<Self>, uid: u32, limits: &Limits) -> Option<Place> {
        let mut crowd = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = crowd.values().sum();
        let of_user = crowd.get(&uid).copied().unwrap_or_default();
        let full = all >= limits.clients || (uid != 0 && of_user >= limits.clients_of_user);
        if full {
            return None;
        }
        crowd.insert(uid, of_user + 1);
        Some(Place {
            crowd: Arc::clone(self),
            uid,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut crowd = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        match crowd.get_mut(&self.uid) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(crowd.remove(&self.uid)),
        }
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
                .map_or(Ok(()), |table| table.why_failed());
        }
        if is_ready[1] {
            let_in(&listener.socket, house, &crowd, limits)?;
        }
    }
}

/// Lets the next one in.
fn let_in(
    listener: &OwnedFd,
    house: &Arc<House>,
    crowd: &Arc<Crowd>,
    limits: &Limits,
) -> Result<()> {
    let socket = match accept_with(listener, SocketFlags::CLOEXEC) {
        Ok(socket) => socket,
        Err(errno) => return bear(Errno::from_raw(errno.raw_os_error())),
    };
    let begun = begin(socket, house, crowd, limits);
    if let Err(error) = begun {
        warn!("a client is turned away: {error}");
    }
    Ok(())
}

/// What is wrong with a client, or for the moment, ends no daemon.
fn bear(errno: Errno) -> Result<()> {
    match errno {
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => {
            warn!("cannot let a client in: {errno}");
            // It waits, and would have this tried over and over.
            thread::sleep(std::time::Duration::from_millis(100));
            Ok(())
        }
        Errno::EINTR | Errno::EAGAIN | Errno::ECONNABORTED => Ok(()),
        errno => Err(io("cannot let clients in")(errno)),
    }
}

fn begin(socket: OwnedFd, house: &Arc<House>, crowd: &Arc<Crowd>, limits: &Limits) -> Result<()> {
    let peer = Peer::of(&socket)?;
    let Some(place) = crowd.enter(peer.uid, limits) else {
        warn!("{peer}: turned away, as there are too many");
        return Ok(());
    };
    let patience = TimeVal::seconds(limits.patience.into());
    setsockopt(&socket, SendTimeout, &patience).map_err(io("cannot limit a client's time"))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_cannot_take_everybodys_place() {
        let limits = Limits {
            clients: 5,
            clients_of_user: 2,
            patience: 1,
        };
        let crowd = Arc::new(Crowd::default());
        let mut places: Vec<_> = (0..2).map(|_| crowd.enter(7, &limits).unwrap()).collect();
        assert!(crowd.enter(7, &limits).is_none());
        places.extend((0..3).map(|_| crowd.enter(0, &limits).unwrap()));
        assert!(crowd.enter(8, &limits).is_none(), "there are five");
        places.remove(0);
        assert!(crowd.enter(7, &limits).is_some());
        places.clear();
        assert!(crowd.0.lock().unwrap().is_empty());
    }
}
