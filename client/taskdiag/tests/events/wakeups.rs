// SPDX-License-Identifier: MIT
//! Cost of listening: thousands of processes that start, call execve() and
//! exit, and listeners to all or some of these events.

use std::fmt;
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use taskdiag::events::{Connector, ConnectorOptions, Event, EventSource as _, Events, FilteredBy};

use crate::children::Child;
use crate::{LONG, exits, serialize};

/// Number of processes.
const PROCESSES: usize = 8_000;
/// Pidfds polled at a time, limited by the number of descriptors.
const BATCH: usize = 500;
/// Space for all events.
const BUFFER: usize = 64 << 20;

/// Cost of a listener.
struct Cost {
    /// Exits of the processes that it received.
    ends: usize,
    events: usize,
    receives: u64,
    /// Sleeps, as counted by the listener and by the kernel.
    waits: u64,
    switches: i64,
    /// Wake-ups by the timeout.
    timeouts: u64,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ends,
            events,
            receives,
            waits,
            switches,
            ..
        } = self;
        write!(
            f,
            "{ends} ends, {events} events, {receives} receives, {waits} waits, {switches} switches"
        )
    }
}

fn switches() -> i64 {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    usage.voluntary_context_switches()
}

/// Starts a process that exits at once, with status 0.
fn start() -> std::process::Child {
    Command::new("/bin/true").spawn().unwrap()
}

/// Runs this many processes and waits for each exit with a pidfd. Returns their
/// pids and the number of descriptors that the kernel polled.
fn run_processes(count: usize) -> (Vec<u32>, usize) {
    let (mut pids, mut polled) = (Vec::new(), 0);
    while pids.len() < count {
        let batch = BATCH.min(count - pids.len());
        let mut children: Vec<_> = std::iter::repeat_with(start).take(batch).collect();
        polled += await_ends(children.iter().map(|child| pidfd(child.id())).collect());
        for child in &mut children {
            assert!(child.wait().unwrap().success());
            pids.push(child.id());
        }
    }
    (pids, polled)
}

fn await_ends(mut open: Vec<OwnedFd>) -> usize {
    let mut polled = 0;
    while !open.is_empty() {
        let mut fds: Vec<_> = open
            .iter()
            .map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN))
            .collect();
        polled += fds.len();
        poll(&mut fds, PollTimeout::NONE).unwrap();
        let ended: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap()).collect();
        let mut ended = ended.into_iter();
        open.retain(|_| ended.next() == Some(false));
    }
    polled
}

/// Listens on a thread of its own until it receives the pids of the processes.
fn listen(events: Events, by: FilteredBy) -> (Sender<Vec<u32>>, JoinHandle<Cost>) {
    let (sender, receiver) = channel();
    let options = ConnectorOptions::new(events).buffer(BUFFER).filtered_by(by);
    let connector = options.listen().unwrap();
    assert_eq!(connector.filtered_by(), by, "requires Linux 6.6");
    (sender, thread::spawn(move || follow(connector, &receiver)))
}

fn follow(mut connector: Connector, receiver: &Receiver<Vec<u32>>) -> Cost {
    let before = switches();
    let mut events: Vec<Event> = Vec::new();
    let mut timeouts = 0;
    let pids = loop {
        match connector.next_event(Some(LONG)).unwrap() {
            Some(event) => events.push(event),
            None => timeouts += 1,
        }
        if let Ok(pids) = receiver.try_recv() {
            break pids;
        }
    };
    let switches = switches() - before;
    let next = || connector.next_event(Some(Duration::ZERO)).unwrap();
    events.extend(std::iter::from_fn(next));
    assert!(!events.iter().any(Event::is_lost));
    let ended = exits(&events);
    Cost {
        ends: pids.iter().filter(|pid| ended.contains_key(pid)).count(),
        events: events.len(),
        receives: connector.receives(),
        waits: connector.waits(),
        switches,
        timeouts,
    }
}

fn pidfd(pid: u32) -> OwnedFd {
    // SAFETY: it takes two integers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the descriptor is new and has no other owner.
    unsafe { OwnedFd::from_raw_fd(fd as i32) }
}

#[test]
#[ignore = "needs the proc connector"]
fn listener_receives_only_the_selected_kinds() {
    let _serial = serialize();
    let two = Events::FORK | Events::EXIT;
    let listeners = [
        ("three kinds", two | Events::EXEC, FilteredBy::Kernel),
        ("two", two, FilteredBy::Kernel),
        ("one", Events::EXIT, FilteredBy::Kernel),
        ("non-zero exits", Events::NONZERO_EXIT, FilteredBy::Kernel),
        (
            "one, filtered by the client",
            Events::EXIT,
            FilteredBy::Client,
        ),
    ]
    .map(|(name, events, by)| (name, listen(events, by)));
    let (pids, polled) = run_processes(PROCESSES);
    for (_, (sender, _)) in &listeners {
        sender.send(pids.clone()).unwrap();
    }
    // One more exit, with an error, wakes all listeners after they have the
    // pids.
    Child::fork(|| 1).wait();
    let costs = listeners.map(|(name, (_, listener))| {
        let cost = listener.join().unwrap();
        println!("{name}: {cost}");
        // A listener checks for the pids when it wakes, and sleeps for no other
        // reason.
        let reasons = cost.receives + cost.timeouts + 1;
        assert!(cost.waits <= reasons, "{name}: {cost}");
        cost
    });
    let [three, two, one, nonzero, client] = costs;

    for (cost, kinds) in [(&three, 3), (&two, 2), (&one, 1), (&nonzero, 0)] {
        assert_eq!(cost.receives, cost.events as u64, "{cost}");
        assert!(cost.events > kinds * PROCESSES, "{cost}");
        assert_eq!(cost.ends, if kinds == 0 { 0 } else { PROCESSES });
    }
    // No other program of the host starts as many processes.
    assert!(two.receives >= one.receives + PROCESSES as u64);
    assert!(three.receives >= two.receives + PROCESSES as u64);
    assert!(nonzero.receives < one.receives - PROCESSES as u64 + 1);
    assert_eq!(client.ends, PROCESSES);
    assert!(client.receives >= 3 * PROCESSES as u64, "{client}");
    println!("pidfds: {PROCESSES} descriptors, {polled} polled");
    assert!(polled >= PROCESSES);
}

#[test]
#[ignore = "needs the proc connector"]
fn forks_and_execs_do_not_wake_a_listener_to_nonzero_exits() {
    let _serial = serialize();
    let mut connector = Connector::listen(Events::NONZERO_EXIT).unwrap();
    assert_eq!(
        connector.filtered_by(),
        FilteredBy::Kernel,
        "requires Linux 6.6"
    );
    let sleeper = thread::spawn(move || {
        let before = switches();
        let event = connector.next_event(Some(LONG)).unwrap();
        let counts = (connector.receives(), connector.waits());
        (event, counts, switches() - before)
    });
    run_processes(200);
    Child::fork(|| 1).wait();
    let (event, counts, switches) = sleeper.join().unwrap();
    println!("{switches} voluntary switches");
    // The first process that fails: one receive, after one sleep.
    let status = exits(event.as_slice());
    assert!(status.values().all(|&status| status != 0), "{status:?}");
    assert_eq!(counts, (1, 1));
}
