// SPDX-License-Identifier: MIT
//! What the connector tells whom, and what it does not: the table in
//! docs/events.md.

use std::os::fd::AsRawFd as _;

use nix::libc;
use nix::sys::socket::{MsgFlags, recv};
use taskdiag::events::{Connector, ConnectorOptions, EventKind, Events, FilteredBy, NoEvents};
use taskdiag::{Error, Result};

use crate::children::Child;
use crate::{exits, listen, of_process, queued, serialize};

const NOBODY: libc::uid_t = 65534;

/// Does this on a thread that is changed before, and serialize in that.
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

/// Makes this thread nobody's; the others stay what they are.
fn become_nobody() -> std::io::Result<()> {
    // SAFETY: it takes three numbers, and nothing here goes by the user of
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

fn reason(listening: Result<Connector>) -> Option<NoEvents> {
    match listening {
        Err(Error::NoEvents(why)) => Some(why),
        Err(error) => panic!("{error}"),
        Ok(_) => None,
    }
}

/// Linux 6.6 brought the filter, and lets everybody listen.
fn is_recent() -> bool {
    listen(Events::EXIT).filtered_by() == FilteredBy::Kernel
}

#[test]
#[ignore = "needs the proc connector"]
fn nobody_is_told_of_root_s_processes() {
    let _serial = serialize();
    if !is_recent() {
        let why = on_a_thread(become_nobody, || reason(Connector::listen(Events::all())));
        assert_eq!(why, Some(NoEvents::NeedsNetAdmin));
        return;
    }
    let mut connector = on_a_thread(become_nobody, || Connector::listen(Events::EXIT).unwrap());
    let child = Child::fork(|| 3);
    let pid = child.pid();
    child.wait();
    let told = exits(&queued(&mut connector));
    assert_eq!(told.get(&pid), Some(&(3 << 8)));
}

#[test]
#[ignore = "needs the proc connector"]
fn nobody_gets_the_buffer_that_root_gets() {
    let _serial = serialize();
    if !is_recent() {
        let why = on_a_thread(become_nobody, || reason(Connector::listen(Events::all())));
        assert_eq!(why, Some(NoEvents::NeedsNetAdmin));
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
    assert_eq!(on_a_thread(become_nobody, large), 2 * max);
    assert_eq!(large(), 128 << 20);
}

#[test]
#[ignore = "needs the proc connector"]
fn another_network_namespace_is_told_nothing() {
    let _serial = serialize();
    let why = on_a_thread(leave_network, || reason(Connector::listen(Events::all())));
    assert_eq!(why, Some(NoEvents::NetNamespace));
}

/// The sequence numbers that messages have, as they come in.
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
fn what_the_kernel_leaves_out_has_a_number_all_the_same() {
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
fn a_process_that_is_reaped_is_not_told_of() {
    let _serial = serialize();
    let mut connector = listen(Events::all());
    let child = Child::fork(|| 0);
    let pid = child.pid();
    let mut life = Vec::new();
    while !life
        .iter()
        .any(|kind| matches!(kind, EventKind::Exit { .. }))
    {
        life = [life, of_process(&queued(&mut connector), pid)].concat();
    }
    child.wait();
    assert_eq!(of_process(&queued(&mut connector), pid), []);
}

#[test]
#[ignore = "needs the proc connector"]
fn a_group_of_one_s_own_is_not_told() {
    let _serial = serialize();
    let mut connector = listen(Events::all());
    let child = Child::fork(|| {
        nix::unistd::setpgid(nix::unistd::Pid::from_raw(0), nix::unistd::Pid::from_raw(0)).unwrap();
        0
    });
    let pid = child.pid();
    child.wait();
    let words: Vec<_> = of_process(&queued(&mut connector), pid)
        .iter()
        .map(|kind| kind.events().to_string())
        .collect();
    assert_eq!(words, ["fork", "exit"]);
}
