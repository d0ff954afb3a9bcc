// SPDX-License-Identifier: MIT
//! Receives the events of processes, on a thread of its own.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::event::epoll;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use taskdiag::events::{Connector, ConnectorOptions, Event, EventKind, EventSource};

use super::ListenMethod;
use super::processes::fork_and_exit;
use crate::clock;
use crate::error::{Error, Result};

/// Size of the receive buffer, which must hold all events.
const RECEIVE_BUFFER: usize = 64 << 20;
/// Exit status of the last process. No other process exits with it.
const LAST_STATUS: i32 = 77;
/// Timeout for one event.
const TIMEOUT: Duration = Duration::from_secs(600);
/// Maximum number of exits per epoll_wait().
const BATCH: usize = 64;

/// Number of events received for processes of the round.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct EventCounts {
    pub(super) forks: usize,
    pub(super) execs: usize,
    pub(super) exits: usize,
}

/// The result of listening.
pub(super) struct ListenResult {
    pub(super) counts: EventCounts,
    pub(super) ns: u64,
    pub(super) receives: u64,
}

pub(super) struct Listener {
    method: ListenMethod,
    pids: Sender<Vec<u32>>,
    ready: Receiver<()>,
    thread: JoinHandle<Result<ThreadResult>>,
}

/// The result of the listening thread.
#[derive(Default)]
struct ThreadResult {
    ns: u64,
    receives: u64,
    events: Vec<EventKind>,
    ended: usize,
}

impl Listener {
    /// Starts to listen.
    pub(super) fn start(method: ListenMethod) -> Result<Self> {
        let (pid_sender, pid_receiver) = channel();
        let (ready_sender, ready) = channel();
        let thread = thread::spawn(move || {
            let start = clock::thread_cpu_ns()?;
            let result = match method {
                ListenMethod::None => Ok(ThreadResult::default()),
                ListenMethod::Connector(events) => {
                    follow(ConnectorOptions::new(events), &ready_sender)
                }
                ListenMethod::Pidfds => poll(&pid_receiver, &ready_sender),
            }?;
            Ok(ThreadResult {
                ns: clock::thread_cpu_ns()? - start,
                ..result
            })
        });
        let listener = Self {
            method,
            pids: pid_sender,
            ready,
            thread,
        };
        if let ListenMethod::Connector(_) = method {
            listener.await_ready()?;
        }
        Ok(listener)
    }

    /// Passes the processes to listen to. They all exist.
    pub(super) fn watch(&self, pids: Vec<u32>) -> Result<()> {
        if let ListenMethod::Pidfds = self.method {
            self.pids.send(pids).map_err(Error::failed)?;
            self.await_ready()?;
        }
        Ok(())
    }

    /// Stops listening after all processes have exited. Counts the events of these pids.
    pub(super) fn finish(self, pids: &[u32]) -> Result<ListenResult> {
        if let ListenMethod::Connector(_) = self.method {
            fork_and_exit(LAST_STATUS)?;
        }
        let result = join(self.thread)?;
        let pids: HashSet<u32> = pids.iter().copied().collect();
        let mut counts = EventCounts {
            exits: result.ended,
            ..EventCounts::default()
        };
        for event in &result.events {
            let of_ours = event.task().is_some_and(|(pid, _)| pids.contains(&pid));
            match event {
                EventKind::Fork { .. } if of_ours => counts.forks += 1,
                EventKind::Exec { .. } if of_ours => counts.execs += 1,
                EventKind::Exit { .. } if of_ours => counts.exits += 1,
                EventKind::Lost(lost) => return Err(Error::failed(format!("lost: {lost:?}"))),
                _ => {}
            }
        }
        Ok(ListenResult {
            counts,
            ns: result.ns,
            receives: result.receives,
        })
    }

    fn await_ready(&self) -> Result<()> {
        // If the thread has ended instead, joining it returns the error.
        let _ = self.ready.recv();
        Ok(())
    }
}

fn join(thread: JoinHandle<Result<ThreadResult>>) -> Result<ThreadResult> {
    let panicked = |_| Error::failed("the listener panicked");
    thread.join().map_err(panicked)?
}

/// Receives events of the proc connector until the last process has exited.
fn follow(options: ConnectorOptions, ready: &Sender<()>) -> Result<ThreadResult> {
    let mut connector: Connector = options
        .buffer(RECEIVE_BUFFER)
        .listen()
        .map_err(Error::missing)?;
    let _ = ready.send(());
    let mut result = ThreadResult::default();
    loop {
        let event = connector.next_event(Some(TIMEOUT)).map_err(Error::failed)?;
        let Event { kind, .. } =
            event.ok_or_else(|| Error::failed("timed out waiting for an event"))?;
        result.events.push(kind);
        if matches!(kind, EventKind::Exit { status, .. } if status.code() == Some(LAST_STATUS)) {
            result.receives = connector.receives();
            return Ok(result);
        }
    }
}

/// Waits on one pidfd per process until all processes have exited.
fn poll(pids: &Receiver<Vec<u32>>, ready: &Sender<()>) -> Result<ThreadResult> {
    let pids = pids.recv().map_err(Error::failed)?;
    let mut pidfds = Pidfds::open(&pids)?;
    let _ = ready.send(());
    let mut result = ThreadResult::default();
    while result.ended < pids.len() {
        result.ended += pidfds.wait()?;
        result.receives += 1;
    }
    Ok(result)
}

/// The pidfds of the processes that have not exited.
struct Pidfds {
    epoll: OwnedFd,
    open: Vec<Option<OwnedFd>>,
}

impl Pidfds {
    fn open(pids: &[u32]) -> Result<Self> {
        raise_descriptor_limit(pids.len())?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(Error::io("epoll"))?;
        let mut open = Vec::with_capacity(pids.len());
        for (at, pid) in pids.iter().enumerate() {
            let pid = Pid::from_raw(*pid as i32).ok_or_else(|| Error::failed("invalid pid"))?;
            let pidfd = pidfd_open(pid, PidfdFlags::empty()).map_err(Error::io("pidfd_open"))?;
            let which = epoll::EventData::new_u64(at as u64);
            epoll::add(&epoll, &pidfd, which, epoll::EventFlags::IN).map_err(Error::io("epoll"))?;
            open.push(Some(pidfd));
        }
        Ok(Self { epoll, open })
    }

    /// Waits until processes have exited, and closes their pidfds.
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

/// Raises `RLIMIT_NOFILE` if this process may not open this number of descriptors.
fn raise_descriptor_limit(descriptors: usize) -> Result<()> {
    let wanted = descriptors as u64 + 100;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(Error::io("getrlimit"))?;
    if soft >= wanted {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted)).map_err(Error::io("setrlimit"))
}
