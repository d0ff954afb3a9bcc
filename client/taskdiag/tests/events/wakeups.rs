// SPDX-License-Identifier: MIT
//! The experiment that the kernel's filter was made for: thousands of
//! processes that begin, run a program and end, and listeners who want to know
//! of all of that, or of some.

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

/// How many processes.
const MANY: usize = 8_000;
/// How many pidfds are waited for at a time: there may be no more descriptors.
const BATCH: usize = 500;
/// Room for all that happens.
const ROOM: usize = 64 << 20;

/// What listening came to.
struct Cost {
    /// How many of the processes' ends were told.
    ends: usize,
    events: usize,
    receives: u64,
    /// How often the listener slept, by its own count and by the kernel's.
    waits: u64,
    switches: i64,
    /// How often it was the time that woke it.
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

/// Starts a process that ends well, and at once.
fn start() -> std::process::Child {
    Command::new("/bin/true").spawn().unwrap()
}

/// Has so many processes live, and waits for their ends with a pidfd each:
/// their numbers, and how many descriptors the kernel looked at.
fn lives(count: usize) -> (Vec<u32>, usize) {
    let (mut lived, mut looked_at) = (Vec::new(), 0);
    while lived.len() < count {
        let batch = BATCH.min(count - lived.len());
        let mut children: Vec<_> = std::iter::repeat_with(start).take(batch).collect();
        looked_at += await_ends(children.iter().map(|child| pidfd(child.id())).collect());
        for child in &mut children {
            assert!(child.wait().unwrap().success());
            lived.push(child.id());
        }
    }
    (lived, looked_at)
}

fn await_ends(mut open: Vec<OwnedFd>) -> usize {
    let mut looked_at = 0;
    while !open.is_empty() {
        let mut fds: Vec<_> = open
            .iter()
            .map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN))
            .collect();
        looked_at += fds.len();
        poll(&mut fds, PollTimeout::NONE).unwrap();
        let ended: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap()).collect();
        let mut ended = ended.into_iter();
        open.retain(|_| ended.next() == Some(false));
    }
    looked_at
}

/// Listens on a thread of its own until it is told who lived.
fn listen(events: Events, by: FilteredBy) -> (Sender<Vec<u32>>, JoinHandle<Cost>) {
    let (tell, told) = channel();
    let options = ConnectorOptions::new(events).buffer(ROOM).filtered_by(by);
    let connector = options.listen().unwrap();
    assert_eq!(connector.filtered_by(), by, "this needs Linux 6.6");
    (tell, thread::spawn(move || follow(connector, &told)))
}

fn follow(mut connector: Connector, told: &Receiver<Vec<u32>>) -> Cost {
    let before = switches();
    let mut heard: Vec<Event> = Vec::new();
    let mut timeouts = 0;
    let lived = loop {
        match connector.next_event(Some(LONG)).unwrap() {
            Some(event) => heard.push(event),
            None => timeouts += 1,
        }
        if let Ok(lived) = told.try_recv() {
            break lived;
        }
    };
    let switches = switches() - before;
    let next = || connector.next_event(Some(Duration::ZERO)).unwrap();
    heard.extend(std::iter::from_fn(next));
    assert!(!heard.iter().any(Event::is_lost));
    let ended = exits(&heard);
    Cost {
        ends: lived.iter().filter(|pid| ended.contains_key(pid)).count(),
        events: heard.len(),
        receives: connector.receives(),
        waits: connector.waits(),
        switches,
        timeouts,
    }
}

fn pidfd(pid: u32) -> OwnedFd {
    // SAFETY: it takes two numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: it is a new descriptor, and nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd as i32) }
}

#[test]
#[ignore = "needs the proc connector"]
fn what_is_received_is_what_is_wanted() {
    let _serial = serialize();
    let two = Events::FORK | Events::EXIT;
    let listeners = [
        ("three kinds", two | Events::EXEC, FilteredBy::Kernel),
        ("two", two, FilteredBy::Kernel),
        ("one", Events::EXIT, FilteredBy::Kernel),
        ("the bad", Events::NONZERO_EXIT, FilteredBy::Kernel),
        ("one, filtered here", Events::EXIT, FilteredBy::Client),
    ]
    .map(|(what, events, by)| (what, listen(events, by)));
    let (lived, looked_at) = lives(MANY);
    for (_, (tell, _)) in &listeners {
        tell.send(lived.clone()).unwrap();
    }
    // One more, and badly, to be heard by all after they were told.
    Child::fork(|| 1).wait();
    let costs = listeners.map(|(what, (_, listener))| {
        let cost = listener.join().unwrap();
        println!("{what}: {cost}");
        // It is told when it wakes, and sleeps for no other reason.
        let reasons = cost.receives + cost.timeouts + 1;
        assert!(cost.waits <= reasons, "{what}: {cost}");
        cost
    });
    let [three, two, one, bad, client] = costs;

    for (cost, kinds) in [(&three, 3), (&two, 2), (&one, 1), (&bad, 0)] {
        assert_eq!(cost.receives, cost.events as u64, "{cost}");
        assert!(cost.events > kinds * MANY, "{cost}");
        assert_eq!(cost.ends, if kinds == 0 { 0 } else { MANY });
    }
    // Whatever else the machine does, nobody else has as many.
    assert!(two.receives >= one.receives + MANY as u64);
    assert!(three.receives >= two.receives + MANY as u64);
    assert!(bad.receives < one.receives - MANY as u64 + 1);
    assert_eq!(client.ends, MANY);
    assert!(client.receives >= 3 * MANY as u64, "{client}");
    println!("pidfds: {MANY} descriptors, {looked_at} looked at");
    assert!(looked_at >= MANY);
}

#[test]
#[ignore = "needs the proc connector"]
fn forks_and_execs_wake_nobody_who_waits_for_bad_exits() {
    let _serial = serialize();
    let mut connector = Connector::listen(Events::NONZERO_EXIT).unwrap();
    assert_eq!(
        connector.filtered_by(),
        FilteredBy::Kernel,
        "this needs Linux 6.6"
    );
    let sleeper = thread::spawn(move || {
        let before = switches();
        let event = connector.next_event(Some(LONG)).unwrap();
        let counts = (connector.receives(), connector.waits());
        (event, counts, switches() - before)
    });
    lives(200);
    Child::fork(|| 1).wait();
    let (event, counts, switches) = sleeper.join().unwrap();
    println!("{switches} voluntary switches");
    // Whoever ends badly first: one receive, and one sleep before it.
    let status = exits(event.as_slice());
    assert!(status.values().all(|&status| status != 0), "{status:?}");
    assert_eq!(counts, (1, 1));
}
