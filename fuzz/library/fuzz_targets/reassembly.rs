// SPDX-License-Identifier: MIT
//! The reassembly turns any datagrams into tasks and an end, or into an error. The result
//! does not depend on the distribution of messages over datagrams.
//!
//! The input is a sequence of datagrams, each preceded by its length in two bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use taskdiag::reassembly::{Event, Reassembly};
use taskdiag::{Error, Show, Task, TaskRef};

/// `sizeof(struct nlmsghdr)`.
const HEADER: usize = 16;
/// The family id, if the first message is a control message of netlink.
const FAMILY: u16 = 0x1d;
/// Smaller types are control messages of netlink.
const MIN_TYPE: u16 = 16;

/// The end of a reply.
#[derive(Clone, Debug)]
enum End {
    /// The reply is not complete.
    Open,
    Success,
    /// The error that the kernel reported.
    Refused(String),
    /// The bytes are not a valid reply.
    Unreadable,
}

impl PartialEq for End {
    /// Of several errors, any one may be reported.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Open, Self::Open) | (Self::Success, Self::Success) => true,
            (Self::Refused(this), Self::Refused(that)) => this == that,
            (Self::Unreadable, Self::Unreadable | Self::Refused(_))
            | (Self::Refused(_), Self::Unreadable) => true,
            _ => false,
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let datagrams = datagrams(bytes);
    let Some((family, seq, port)) = datagrams.iter().find_map(|datagram| address(datagram)) else {
        return;
    };
    let whole = read(&mut Reassembly::new(family, seq, port), &datagrams);

    // A reassembly can be used again.
    let mut reassembly = Reassembly::new(family, seq, port);
    read(&mut reassembly, &datagrams);
    reassembly.restart(family, seq, port);
    assert_eq!(read(&mut reassembly, &datagrams), whole);

    // Compared with a request, rows may be rejected. Both whole rows and pieces must be
    // readable.
    reassembly.restart(family, seq, port);
    reassembly.request(Show::BASE | Show::STAT | Show::CMDLINE | Show::VMA);
    reassembly.accept_forwarded(true);
    read(&mut reassembly, &datagrams);
    reassembly.restart(family, seq, port);
    reassembly.request(Show::BASE | Show::FILES | Show::CGROUP);
    read_pieces(&mut reassembly, &datagrams);

    let single: Vec<_> = datagrams
        .iter()
        .flat_map(|datagram| messages(datagram))
        .collect();
    assert_eq!(
        read(&mut Reassembly::new(family, seq, port), &single),
        whole
    );
});

/// Splits the input into datagrams. The last one may be shorter than its length.
fn datagrams(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut datagrams = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let len = usize::from(u16::from_le_bytes(*len)).min(rest.len());
        let (datagram, remaining) = rest.split_at(len);
        datagrams.push(datagram);
        bytes = remaining;
    }
    datagrams
}

/// Returns the family id, sequence number and port of the first message.
fn address(datagram: &[u8]) -> Option<(u16, u32, u32)> {
    let word = |at: usize| Some(u32::from_ne_bytes(*datagram.get(at..)?.first_chunk()?));
    let kind = u16::from_ne_bytes(*datagram.get(4..)?.first_chunk()?);
    let family = if kind < MIN_TYPE { FAMILY } else { kind };
    Some((family, word(8)?, word(12)?))
}

/// Splits a datagram into messages. Malformed bytes stay in one piece.
fn messages(datagram: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    let mut rest = datagram;
    while let Some(len) = rest.first_chunk() {
        let len = u32::from_ne_bytes(*len) as usize;
        let aligned = len.saturating_add(3) & !3;
        if len < HEADER || aligned >= rest.len() {
            break;
        }
        let (message, remaining) = rest.split_at(aligned);
        messages.push(message);
        rest = remaining;
    }
    messages.push(rest);
    messages
}

/// Reads all datagrams. Returns the tasks, the end, and whether the dump was
/// interrupted.
fn read(reassembly: &mut Reassembly, datagrams: &[&[u8]]) -> (Vec<Task>, End, bool) {
    let mut tasks = Vec::new();
    let mut end = End::Open;
    for datagram in datagrams {
        let mut feed = reassembly.feed(datagram);
        loop {
            match feed.next() {
                Ok(Event::Task(task)) => {
                    assert_eq!(end, End::Open, "a task after the end");
                    assert!(!task.is_continuation() && !task.has_more(), "an open row");
                    tasks.push(owned(task));
                }
                Ok(Event::More) => break,
                Ok(Event::End) => {
                    if end == End::Open {
                        end = End::Success;
                    }
                    break;
                }
                Err(error) => {
                    assert_eq!(end, End::Open, "an error after the end");
                    end = describe(&error);
                }
            }
        }
    }
    // The position of the first malformed byte may differ.
    let interrupted = end != End::Unreadable && reassembly.interrupted();
    (tasks, end, interrupted)
}

/// Reads all datagrams piece by piece. A row begins only after the end of the previous
/// row.
fn read_pieces(reassembly: &mut Reassembly, datagrams: &[&[u8]]) {
    let mut open = None;
    for datagram in datagrams {
        let mut feed = reassembly.feed(datagram);
        loop {
            match feed.next_piece() {
                Ok(Event::Task(piece)) => {
                    assert_eq!(piece.is_continuation(), open.is_some());
                    assert!(open.is_none_or(|pid| pid == piece.pid()));
                    open = piece.has_more().then_some(piece.pid());
                    owned(piece);
                }
                Ok(Event::More) => break,
                // Without a previous error, no row is open at the end.
                Ok(Event::End) => {
                    assert_eq!(open, None);
                    return;
                }
                Err(_) => return,
            }
        }
    }
}

fn describe(error: &Error) -> End {
    // Format the error, to fuzz its Display and Debug as well.
    let text = format!("{error} {error:?}");
    match error {
        Error::Decode { .. } => End::Unreadable,
        _ => End::Refused(text),
    }
}

/// Calls all accessors of a task.
fn owned(task: TaskRef<'_>) -> Task {
    let owned = task.to_owned();
    assert_eq!((owned.pid, owned.tgid), (task.pid(), task.tgid()));
    assert_eq!(owned.base, task.base());
    assert_eq!(owned.cred, task.cred());
    assert_eq!(owned.absent, task.absent());
    if let (Some(cgroup), Some(view)) = (&owned.cgroup, task.cgroup()) {
        assert_eq!(cgroup.deleted, view.deleted);
    }
    assert_eq!(owned.paths, task.paths());
    assert_eq!(owned.environ, task.environ());
    let _ = owned.absent.to_string();
    for (kind, value) in task.attributes() {
        if let Some(bit) = kind.checked_sub(taskdiag::abi::TASK_DIAG_ATTR_GROUPS) {
            assert!(task.group(bit).is_some(), "{kind} of {} bytes", value.len());
        }
    }
    if let Some(base) = owned.base {
        let _ = (
            base.comm.to_string(),
            base.comm.to_string_lossy(),
            base.state.letter(),
        );
    }
    if let Some(cred) = owned.cred {
        let _ = cred.cap_effective.map(|set| set.to_string());
    }
    owned
}
