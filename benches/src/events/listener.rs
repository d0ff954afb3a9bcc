// SPDX-License-Identifier: MIT
//! Who listens, on a thread of its own.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::event::epoll;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use taskdiag::events::{Connector, ConnectorOptions, Event, EventKind, EventSource};

use super::Way;
use super::lives::end_with;
use crate::clock;
use crate::error::{Error, Result};

/// Room for all that happens.
const ROOM: usize = 64 << 20;
/// What the last process ends with, which nobody else does.
const LAST: i32 = 77;
/// Nothing takes that long.
const LONG: Duration = Duration::from_secs(600);
/// Ends that are taken in at a time.
const BATCH: usize = 64;

/// How often processes of the round were told of.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) forks: usize,
    pub(super) execs: usize,
    pub(super) exits: usize,
}

/// What listening has come to.
pub(super) struct Listened {
    pub(super) heard: Heard,
    pub(super) ns: u64,
    pub(super) receives: u64,
}

pub(super) struct Listener {
    way: Way,
    pids: Sender<Vec<u32>>,
    ready: Receiver<()>,
    thread: JoinHandle<Result<Took>>,
}

/// What the thread says at its end.
struct Took {
    ns: u64,
    receives: u64,
    events: Vec<EventKind>,
    ended: usize,
}

impl Listener {
    /// Listens from now on.
    pub(super) fn start(way: Way) -> Result<Self> {
        let (tell, told) = channel();
        let (say, ready) = channel();
        let thread = thread::spawn(move || {
            let begun = clock::own_ns()?;
            let took = match way {
                Way::Nobody => Ok(Took::nothing()),
                Way::Connector(events) => follow(ConnectorOptions::new(events), &say),
                Way::Pidfds => poll(&told, &say),
            }?;
            Ok(Took {
                ns: clock::own_ns()? - begun,
                ..took
            })
        });
        let listener = Self {
            way,
            pids: tell,
            ready,
            thread,
        };
        if let Way::Connector(_) = way {
            listener.await_ready()?;
        }
        Ok(listener)
    }

    /// These processes are there.
    pub(super) fn tell_of(&self, pids: Vec<u32>) -> Result<()> {
        if let Way::Pidfds = self.way {
            self.pids.send(pids).map_err(Error::failed)?;
            self.await_ready()?;
        }
        Ok(())
    }

    /// All that happened has happened, to these.
    pub(super) fn finish(self, pids: &[u32]) -> Result<Listened> {
        if let Way::Connector(_) = self.way {
            end_with(LAST)?;
        }
        let took = join(self.thread)?;
        let pids: HashSet<u32> = pids.iter().copied().collect();
        let mut heard = Heard {
            exits: took.ended,
            ..Heard::default()
        };
        for event in &took.events {
            let of_ours = event.task().is_some_and(|(pid, _)| pids.contains(&pid));
            match event {
                EventKind::Fork { .. } if of_ours => heard.forks += 1,
                EventKind::Exec { .. } if of_ours => heard.execs += 1,
                EventKind::Exit { .. } if of_ours => heard.exits += 1,
                EventKind::Lost(lost) => return Err(Error::failed(format!("lost: {lost:?}"))),
                _ => {}
            }
        }
        Ok(Listened {
            heard,
            ns: took.ns,
            receives: took.receives,
        })
    }

    fn await_ready(&self) -> Result<()> {
        // If the thread has ended instead, it says why when it is joined.
        let _ = self.ready.recv();
        Ok(())
    }
}

fn join(thread: JoinHandle<Result<Took>>) -> Result<Took> {
    let panicked = |_| Error::failed("the listener panicked");
    thread.join().map_err(panicked)?
}

impl Took {
    const fn nothing() -> Self {
        Self {
            ns: 0,
            receives: 0,
            events: Vec::new(),
            ended: 0,
        }
    }
}

/// By the proc connector, until the last process has ended.
fn follow(options: ConnectorOptions, ready: &Sender<()>) -> Result<Took> {
    let mut connector: Connector = options.buffer(ROOM).listen().map_err(Error::missing)?;
    let _ = ready.send(());
    let mut took = Took::nothing();
    loop {
        let event = connector.next_event(Some(LONG)).map_err(Error::failed)?;
        let Event { kind, .. } = event.ok_or_else(|| Error::failed("nothing is told"))?;
        took.events.push(kind);
        if matches!(kind, EventKind::Exit { status, .. } if status.code() == Some(LAST)) {
            took.receives = connector.receives();
            return Ok(took);
        }
    }
}

/// By a descriptor a process, until all have ended.
fn poll(pids: &Receiver<Vec<u32>>, ready: &Sender<()>) -> Result<Took> {
    let pids = pids.recv().map_err(Error::failed)?;
    let mut pidfds = Pidfds::open(&pids)?;
    let _ = ready.send(());
    let mut took = Took::nothing();
    while took.ended < pids.len() {
        took.ended += pidfds.wait()?;
        took.receives += 1;
    }
    Ok(took)
}

/// A descriptor of each process that has not ended.
struct Pidfds {
    epoll: OwnedFd,
    open: Vec<Option<OwnedFd>>,
}

impl Pidfds {
    fn open(pids: &[u32]) -> Result<Self> {
        make_room(pids.len())?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(Error::io("epoll"))?;
        let mut open = Vec::with_capacity(pids.len());
        for (at, pid) in pids.iter().enumerate() {
            let pid = Pid::from_raw(*pid as i32).ok_or_else(|| Error::failed("an odd number"))?;
            let pidfd = pidfd_open(pid, PidfdFlags::empty()).map_err(Error::io("pidfd_open"))?;
            let which = epoll::EventData::new_u64(at as u64);
            epoll::add(&epoll, &pidfd, which, epoll::EventFlags::IN).map_err(Error::io("epoll"))?;
            open.push(Some(pidfd));
        }
        Ok(Self { epoll, open })
    }

    /// Waits until some have ended, and closes theirs.
    fn wait(&mut self) -> Result<usize> {
        let mut ended = Vec::with_capacity(BATCH);
        let buffer = rustix::buffer::spare_capacity(&mut ended);
        epoll::wait(&self.epoll, buffer, None).map_err(Error::io("epoll"))?;
        let closed = ended.iter().filter(|event| {
            let at = event.data.u64() as usize;
            self.open.get_mut(at).and_then(Option::take).is_some()
        });
        Ok(closed.count())
    }
}

/// Lets this process have so many descriptors.
fn make_room(descriptors: usize) -> Result<()> {
    let wanted = descriptors as u64 + 100;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(Error::io("getrlimit"))?;
    if soft >= wanted {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted)).map_err(Error::io("setrlimit"))
}
