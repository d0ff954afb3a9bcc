// SPDX-License-Identifier: MIT
//! Properties and restrictions of the connector: the table in docs/events.md.

use std::os::fd::AsRawFd as _;

use nix::libc;
use nix::sys::socket::{MsgFlags, recv};
use taskdiag::events::{Connector, ConnectorOptions, EventKind, Events, FilteredBy, NoEvents};
use taskdiag::{Error, Result};

use crate::children::Child;
use crate::{exits, listen, of_process, queued, serialize};

const NOBODY: libc::uid_t = 65534;

/// Calls `act` on a thread of its own, after `change`.
fn on_a_thread<T: Send + 'static>(
    change: fn() -> std::io::Result<()>,
    act: impl FnOnce() -> T + Send + 'static,
) -> T {
    let thread = std::thread::spawn(move || {
        change().unwrap();
        act()
    });
    thread.join().unwrap()
}

/// Changes the user of this thread only.
fn become_unprivileged() -> std::io::Result<()> {
    // SAFETY: it takes three integers, and nothing here depends on the user of
    // another thread.
    let result = unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
    match result {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn leave_network() -> std::io::Result<()> {
    Ok(nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)?)
}

fn no_events(listening: Result<Connector>) -> Option<NoEvents> {
    match listening {
        Err(Error::NoEvents(reason)) => Some(reason),
        Err(error) => panic!("{error}"),
        Ok(_) => None,
    }
}

/// Linux 6.6 introduced the filter, and no longer requires a capability.
fn has_filter() -> bool {
    listen(Events::EXIT).filtered_by() == FilteredBy::Kernel
}

#[test]
#[ignore = "needs the proc connector"]
fn unprivileged_listener_receives_events_of_root() {
    let _serial = serialize();
    if !has_filter() {
        let reason = on_a_thread(become_unprivileged, || {
            no_events(Connector::listen(Events::all()))
        });
        assert_eq!(reason, Some(NoEvents::NeedsNetAdmin));
        return;
    }
    let mut connector = on_a_thread(become_unprivileged, || {
        Connector::listen(Events::EXIT).unwrap()
    });
    let child = Child::fork(|| 3);
    let pid = child.pid();
    child.wait();
    let statuses = exits(&queued(&mut connector));
    assert_eq!(statuses.get(&pid), Some(&(3 << 8)));
}

#[test]
#[ignore = "needs the proc connector"]
fn buffer_of_unprivileged_listener_is_limited_to_rmem_max() {
    let _serial = serialize();
    if !has_filter() {
        let reason = on_a_thread(become_unprivileged, || {
            no_events(Connector::listen(Events::all()))
        });
        assert_eq!(reason, Some(NoEvents::NeedsNetAdmin));
        return;
    }
    let large = || {
        ConnectorOptions::new(Events::EXIT)
            .buffer(64 << 20)
            .listen()
            .unwrap()
            .buffer()
    };
    let max = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
    let max: usize = max.trim().parse().unwrap();
    assert_eq!(on_a_thread(become_unprivileged, large), 2 * max);
    assert_eq!(large(), 128 << 20);
}

#[test]
#[ignore = "needs the proc connector"]
fn other_network_namespace_receives_no_events() {
    let _serial = serialize();
    let reason = on_a_thread(leave_network, || {
        no_events(Connector::listen(Events::all()))
    });
    assert_eq!(reason, Some(NoEvents::NetNamespace));
}

/// Returns the sequence numbers of the queued messages.
fn sequence(connector: &Connector) -> Vec<u32> {
    let mut buffer = [0; 512];
    let next = || {
        let len = recv(connector.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT).ok()?;
        assert!(len >= 16);
        Some(u32::from_ne_bytes(buffer[8..12].try_into().unwrap()))
    };
    std::iter::from_fn(next).collect()
}

#[test]
#[ignore = "needs the proc connector"]
fn filtered_event_has_a_sequence_number() {
    let _serial = serialize();
    let filtered = listen(Events::EXIT);
    if filtered.filtered_by() == FilteredBy::Client {
        return;
    }
    for _ in 0..20 {
        Child::fork(|| 0).wait();
    }
    let numbers = sequence(&filtered);
    assert!(numbers.len() >= 20);
    let steps = numbers.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    // A fork lies between two exits.
    assert!(steps.clone().any(|step| step != 1), "{numbers:?}");
}

#[test]
#[ignore = "needs the proc connector"]
fn reaping_causes_no_event() {
    let _serial = serialize();
    let mut connector = listen(Events::all());
    let child = Child::fork(|| 0);
    let pid = child.pid();
    let mut events = Vec::new();
    while !events
        .iter()
        .any(|kind| matches!(kind, EventKind::Exit { .. }))
    {
        events = [events, of_process(&queued(&mut connector), pid)].concat();
    }
    child.wait();
    assert_eq!(of_process(&queued(&mut connector), pid), []);
}

#[test]
#[ignore = "needs the proc connector"]
fn setpgid_causes_no_event() {
    let _serial = serialize();
    let mut connector = listen(Events::all());
    let child = Child::fork(|| {
        nix::unistd::setpgid(nix::unistd::Pid::from_raw(0), nix::unistd::Pid::from_raw(0)).unwrap();
        0
    });
    let pid = child.pid();
    child.wait();
    let kinds: Vec<_> = of_process(&queued(&mut connector), pid)
        .iter()
        .map(|kind| kind.events().to_string())
        .collect();
    assert_eq!(kinds, ["fork", "exit"]);
}
