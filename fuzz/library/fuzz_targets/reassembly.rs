// SPDX-License-Identifier: MIT
//! The reassembly: any datagrams are tasks and an end, or an error; and it does
//! not matter how messages are spread over datagrams.
//!
//! The input is a sequence of datagrams, each behind its length in two bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use taskdiag::reassembly::{Event, Reassembly};
use taskdiag::{Error, Show, Task, TaskRef};

/// `sizeof(struct nlmsghdr)`.
const HEADER: usize = 16;
/// The family's number, where the first message is none of the family's.
const FAMILY: u16 = 0x1d;
/// Types below are netlink's own.
const MIN_TYPE: u16 = 16;

/// How an answer ended.
#[derive(Clone, Debug)]
enum End {
    /// There is more to come.
    Open,
    Well,
    /// What the kernel said.
    Refused(String),
    /// These were not the bytes of an answer.
    Unreadable,
}

impl PartialEq for End {
    /// Of several faults, which one is told is nobody's business.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Open, Self::Open) | (Self::Well, Self::Well) => true,
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

    // One that has been used before is as good as new.
    let mut reassembly = Reassembly::new(family, seq, port);
    read(&mut reassembly, &datagrams);
    reassembly.restart(family, seq, port);
    assert_eq!(read(&mut reassembly, &datagrams), whole);

    // Held against a request, rows may be refused; the whole ones, and the pieces,
    // are looked at all the same.
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

/// Cuts the input into datagrams; the last one may be shorter than it says.
fn datagrams(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut datagrams = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let len = usize::from(u16::from_le_bytes(*len)).min(rest.len());
        let (datagram, behind) = rest.split_at(len);
        datagrams.push(datagram);
        bytes = behind;
    }
    datagrams
}

/// The answer that the first message is part of.
fn address(datagram: &[u8]) -> Option<(u16, u32, u32)> {
    let word = |at: usize| Some(u32::from_ne_bytes(*datagram.get(at..)?.first_chunk()?));
    let kind = u16::from_ne_bytes(*datagram.get(4..)?.first_chunk()?);
    let family = if kind < MIN_TYPE { FAMILY } else { kind };
    Some((family, word(8)?, word(12)?))
}

/// Cuts a datagram into its messages. What is none stays in one piece.
fn messages(datagram: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    let mut rest = datagram;
    while let Some(len) = rest.first_chunk() {
        let len = u32::from_ne_bytes(*len) as usize;
        let aligned = len.saturating_add(3) & !3;
        if len < HEADER || aligned >= rest.len() {
            break;
        }
        let (message, behind) = rest.split_at(aligned);
        messages.push(message);
        rest = behind;
    }
    messages.push(rest);
    messages
}

/// Reads all of them: the tasks that came out, and how it ended.
fn read(reassembly: &mut Reassembly, datagrams: &[&[u8]]) -> (Vec<Task>, End, bool) {
    let mut tasks = Vec::new();
    let mut end = End::Open;
    for datagram in datagrams {
        let mut feed = reassembly.feed(datagram);
        loop {
            match feed.next() {
                Ok(Event::Task(task)) => {
                    assert_eq!(end, End::Open, "a task behind the end");
                    assert!(!task.goes_on() && !task.has_more(), "an open row");
                    tasks.push(owned(task));
                }
                Ok(Event::More) => break,
                Ok(Event::End) => {
                    if end == End::Open {
                        end = End::Well;
                    }
                    break;
                }
                Err(error) => {
                    assert_eq!(end, End::Open, "an error behind the end");
                    end = describe(&error);
                }
            }
        }
    }
    // How far was read into what cannot be read is nobody's business either.
    let interrupted = end != End::Unreadable && reassembly.interrupted();
    (tasks, end, interrupted)
}

/// Reads all of them piece by piece: a row begins where the previous one ended.
fn read_pieces(reassembly: &mut Reassembly, datagrams: &[&[u8]]) {
    let mut open = None;
    for datagram in datagrams {
        let mut feed = reassembly.feed(datagram);
        loop {
            match feed.next_piece() {
                Ok(Event::Task(piece)) => {
                    assert_eq!(piece.goes_on(), open.is_some());
                    assert!(open.is_none_or(|pid| pid == piece.pid()));
                    open = piece.has_more().then_some(piece.pid());
                    owned(piece);
                }
                Ok(Event::More) => break,
                // Without an error before, no row is open at the end.
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
    // All of its texts are to be made, too.
    let text = format!("{error} {error:?}");
    match error {
        Error::Decode { .. } => End::Unreadable,
        _ => End::Refused(text),
    }
}

/// Looks at a task in every way there is.
fn owned(task: TaskRef<'_>) -> Task {
    let owned = task.to_owned();
    assert_eq!((owned.pid, owned.tgid), (task.pid(), task.tgid()));
    assert_eq!(owned.base, task.base());
    assert_eq!(owned.cred, task.cred());
    assert_eq!(owned.absent, task.absent());
    if let (Some(cgroup), Some(view)) = (&owned.cgroup, task.cgroup()) {
        assert_eq!(cgroup.deleted, view.deleted);
    }
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
        let _ = cred.cap_effective.to_string();
    }
    owned
}
