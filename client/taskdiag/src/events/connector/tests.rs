// SPDX-License-Identifier: MIT
//! Decoding and ordering of datagrams that are composed here like the kernel's.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use proptest::prelude::*;

use super::message::{Command, Content, decode, encode};
use super::probe::Probe;
use super::queue::EventQueue;
use super::with_implied;
use crate::error::Error;
use crate::events::{Event, EventKind, Events, Lost};
use crate::task::Comm;

const FORK: u32 = 0x1;
const EXEC: u32 = 0x2;
const COMM: u32 = 0x200;
const EXIT: u32 = 0x8000_0000;

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// Returns a connector datagram: `struct nlmsghdr`, `struct cn_msg` and `struct
/// proc_event`.
fn datagram(what: u32, cpu: u32, seq: u32, ack: u32, data: &[u8]) -> Vec<u8> {
    let mut event = words(&[what, cpu]);
    event.extend(1_000_000_007_u64.to_ne_bytes());
    event.extend(data);
    event.resize(40, 0);
    let mut message = words(&[1, 1, seq, ack]);
    message.extend(40_u16.to_ne_bytes());
    message.extend(0_u16.to_ne_bytes());
    message.extend(event);
    let mut bytes = words(&[76]);
    bytes.extend(3_u16.to_ne_bytes());
    bytes.extend(0_u16.to_ne_bytes());
    bytes.extend(words(&[seq, 0]));
    bytes.extend(message);
    bytes
}

fn exit(cpu: u32, seq: u32, status: u32) -> Vec<u8> {
    datagram(EXIT, cpu, seq, 0, &words(&[8, 7, status, 17, 5, 4]))
}

fn kind(what: u32, data: &[u8]) -> EventKind {
    let message = decode(&datagram(what, 3, 9, 0, data)).unwrap();
    assert_eq!((message.cpu, message.seq), (3, 9));
    let Content::Event(event) = message.content else {
        panic!("not an event: {message:?}");
    };
    assert_eq!(event.cpu, Some(3));
    assert_eq!(event.time, Duration::from_nanos(1_000_000_007));
    event.kind
}

#[test]
fn each_kind_of_event_is_decoded() {
    let of = |what, data: &[u32]| kind(what, &words(data));
    let (pid, tgid) = (8, 7);
    let (parent_pid, parent_tgid) = (5, 4);
    assert_eq!(
        of(FORK, &[5, 4, 8, 7]),
        EventKind::Fork {
            pid,
            tgid,
            parent_pid,
            parent_tgid
        }
    );
    assert_eq!(of(EXEC, &[8, 7]), EventKind::Exec { pid, tgid });
    let (ruid, euid) = (1000, 0);
    assert_eq!(
        of(0x4, &[8, 7, 1000, 0]),
        EventKind::Uid {
            pid,
            tgid,
            ruid,
            euid
        }
    );
    let (rgid, egid) = (1000, u32::MAX);
    assert_eq!(
        of(0x40, &[8, 7, 1000, u32::MAX]),
        EventKind::Gid {
            pid,
            tgid,
            rgid,
            egid
        }
    );
    assert_eq!(of(0x80, &[8, 7]), EventKind::Sid { pid, tgid });
    assert_eq!(
        of(0x100, &[8, 7, 2, 1]),
        EventKind::Ptrace {
            pid,
            tgid,
            tracer_pid: 2,
            tracer_tgid: 1
        }
    );
    let name = [&words(&[8, 7])[..], b"a name\0rubbish..."].concat();
    let comm = Comm::new(b"a name");
    assert_eq!(kind(COMM, &name[..24]), EventKind::Comm { pid, tgid, comm });
    assert_eq!(
        of(0x4000_0000, &[8, 7, 5, 4]),
        EventKind::Coredump {
            pid,
            tgid,
            parent_pid,
            parent_tgid
        }
    );
    for (raw, exit_signal) in [(0, 17), (3 << 8, -1), (0x80 | 11, 17)] {
        assert_eq!(
            of(EXIT, &[8, 7, raw, exit_signal as u32, 5, 4]),
            EventKind::Exit {
                pid,
                tgid,
                status: ExitStatus::from_raw(raw as i32),
                exit_signal,
                parent_pid,
                parent_tgid
            }
        );
    }
}

#[test]
fn commands_are_encoded_as_the_kernel_expects() {
    let head = |len: u16| {
        let mut bytes = words(&[16 + 20 + u32::from(len)]);
        bytes.extend(3_u16.to_ne_bytes());
        bytes.extend(0_u16.to_ne_bytes());
        bytes.extend(words(&[0, 0, 1, 1, 0, 4711]));
        bytes.extend(len.to_ne_bytes());
        bytes.extend(0_u16.to_ne_bytes());
        bytes
    };
    let plain = |operation| [head(4), words(&[operation])].concat();
    assert_eq!(encode(Command::Listen, 4711), plain(1));
    assert_eq!(encode(Command::Ignore, 4711), plain(2));
    let choice = Command::ListenTo(Events::EXIT | Events::EXEC);
    assert_eq!(
        encode(choice, 4711),
        [head(8), words(&[1, 0x8000_0002])].concat()
    );
}

#[test]
fn acknowledgement_has_the_number_of_its_command() {
    let ack = |number: u32, errno| decode(&datagram(0, 1, 2, number, &words(&[errno])));
    let what = ack(4712, 0).unwrap().content;
    let (command, errno) = (4711, 0);
    assert_eq!(what, Content::Ack { command, errno });
    let what = ack(0, 22).unwrap().content;
    let (command, errno) = (u32::MAX, 22);
    assert_eq!(what, Content::Ack { command, errno });
}

#[test]
fn event_of_unknown_kind_is_counted_and_dropped() {
    let message = decode(&datagram(0x400, 1, 2, 0, &[])).unwrap();
    assert_eq!(message.content, Content::Unknown);
    let mut queue = EventQueue::new(Events::all(), 10, true);
    for seq in 0..3 {
        queue.datagram(&datagram(0x400, 1, seq, 0, &[]));
    }
    queue.datagram(&exit(1, 3, 0));
    assert_eq!(reported(&mut queue), ["exit"]);
}

#[test]
fn message_of_another_connector_is_an_error() {
    let good = exit(0, 0, 0);
    for (at, what) in [(4, "kind"), (16, "idx"), (20, "val"), (32, "length")] {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        assert!(decode(&bytes).is_err(), "another {what}");
    }
    for len in 0..good.len() {
        let mut cut = good[..len].to_vec();
        assert!(decode(&cut).is_err(), "{len} bytes");
        if let Some(said) = cut.get_mut(..4) {
            said.copy_from_slice(&(len as u32).to_ne_bytes());
            assert!(decode(&cut).is_err(), "{len} bytes that say so");
        }
    }
    let negative = datagram(EXEC, 0, 0, 0, &words(&[-1_i32 as u32, 1]));
    assert!(decode(&negative).is_err());
}

/// Returns short names of the queued events.
fn reported(queue: &mut EventQueue) -> Vec<String> {
    std::iter::from_fn(|| queue.next())
        .map(|told| match told {
            Err(Error::Decode { .. }) => "error".to_owned(),
            Err(error) => panic!("{error}"),
            Ok(Event { kind, cpu, .. }) => match (kind, cpu) {
                (EventKind::Lost(Lost::Overflow), None) => "overflow".to_owned(),
                (EventKind::Lost(Lost::DeliveryStopped), None) => "stopped".to_owned(),
                (EventKind::Lost(Lost::Gap { events }), Some(cpu)) => {
                    format!("{events} of {cpu}")
                }
                (kind, _) => kind.events().to_string(),
            },
        })
        .collect()
}

#[test]
fn gaps_are_counted_per_cpu() {
    let mut queue = EventQueue::new(Events::all(), 10, true);
    for (cpu, seq) in [
        (0, 7),
        (1, 100),
        (0, 8),
        (1, 103),
        (1, 104),
        (0, 9),
        (0, 11),
    ] {
        queue.datagram(&exit(cpu, seq, 0));
    }
    assert_eq!(
        reported(&mut queue),
        [
            "exit", "exit", "exit", "2 of 1", "exit", "exit", "exit", "1 of 0", "exit"
        ]
    );
}

#[test]
fn sequence_numbers_wrap_to_zero() {
    let mut queue = EventQueue::new(Events::all(), 10, true);
    for seq in [u32::MAX - 1, u32::MAX, 0, 2] {
        queue.datagram(&exit(0, seq, 0));
    }
    assert_eq!(
        reported(&mut queue),
        ["exit", "exit", "exit", "1 of 0", "exit"]
    );
}

#[test]
fn gap_of_the_kernel_s_filter_is_not_a_loss() {
    let mut queue = EventQueue::new(Events::EXIT, 10, false);
    assert!(!queue.counts_losses());
    for seq in [0, 5, 17] {
        queue.datagram(&exit(0, seq, 0));
    }
    assert_eq!(reported(&mut queue), ["exit", "exit", "exit"]);
}

#[test]
fn event_filtered_here_is_counted() {
    let mut queue = EventQueue::new(Events::NONZERO_EXIT, 10, true);
    for (seq, status) in [(0, 0), (1, 9), (2, 0), (4, 0), (5, 1 << 8)] {
        queue.datagram(&exit(0, seq, status));
    }
    assert_eq!(
        reported(&mut queue),
        ["nonzero-exit,exit", "1 of 0", "nonzero-exit,exit"]
    );
}

#[test]
fn overflow_is_reported_when_it_is_over() {
    let mut queue = EventQueue::new(Events::all(), 10, false);
    queue.datagram(&exit(0, 0, 0));
    queue.overrun();
    queue.datagram(&exit(0, 1, 0));
    assert_eq!(reported(&mut queue), ["exit", "exit"]);
    queue.drained();
    assert_eq!(reported(&mut queue), ["overflow"]);
    queue.drained();
    assert!(reported(&mut queue).is_empty());
}

#[test]
fn next_overflow_ends_the_previous_one() {
    let mut queue = EventQueue::new(Events::all(), 10, false);
    queue.overrun();
    queue.datagram(&exit(0, 0, 0));
    queue.overrun();
    assert_eq!(reported(&mut queue), ["exit", "overflow"]);
    queue.drained();
    assert_eq!(reported(&mut queue), ["overflow"]);
}

#[test]
fn gap_of_earlier_loss_does_not_end_an_overflow() {
    let mut queue = EventQueue::new(Events::all(), 10, true);
    queue.datagram(&exit(0, 0, 0));
    queue.overrun();
    queue.datagram(&exit(0, 4, 0));
    queue.datagram(&exit(0, 5, 0));
    assert_eq!(reported(&mut queue), ["exit", "3 of 0", "exit", "exit"]);
    queue.drained();
    assert_eq!(reported(&mut queue), ["overflow"]);
}

#[test]
fn overflow_is_reported_after_one_buffer_of_messages() {
    let mut queue = EventQueue::new(Events::all(), 3, true);
    queue.overrun();
    for seq in 0..5 {
        queue.datagram(&exit(0, seq, 0));
    }
    assert_eq!(
        reported(&mut queue),
        ["exit", "exit", "exit", "exit", "overflow", "exit"]
    );
}

/// Sends a probe, adds the datagrams and drains; returns the events except
/// comm.
fn probed(queue: &mut EventQueue, datagrams: &[Vec<u8>]) -> Vec<String> {
    queue.probe(Probe::for_thread(8));
    for datagram in datagrams {
        queue.datagram(datagram);
    }
    let mut before = reported(queue);
    queue.drained();
    before.retain(|told| told != "comm");
    before.extend(reported(queue));
    before
}

#[test]
fn missing_probe_or_acknowledged_command_is_a_stopped_delivery() {
    let mut queue = EventQueue::new(Events::all(), 10, true);
    let comm = |pid| datagram(COMM, pid, 0, 0, &words(&[pid, 7]));
    let ack = datagram(0, 1, 0, 4712, &words(&[0]));

    queue.drained();
    assert!(reported(&mut queue).is_empty());
    assert!(probed(&mut queue, &[comm(8)]).is_empty());
    assert_eq!(probed(&mut queue, &[]), ["stopped"]);
    // An event of another thread, and one from before the probe.
    assert_eq!(probed(&mut queue, &[comm(7)]), ["stopped"]);
    let mut queue = EventQueue::new(Events::all(), 10, true);
    queue.datagram(&comm(8));
    assert_eq!(reported(&mut queue), ["comm"]);
    assert_eq!(probed(&mut queue, &[]), ["stopped"]);

    // A command was acknowledged: reported once.
    let mut queue = EventQueue::new(Events::all(), 10, true);
    queue.datagram(&ack);
    queue.drained();
    assert!(reported(&mut queue).is_empty());
    assert_eq!(probed(&mut queue, &[comm(8)]), ["stopped"]);
    let mut again = comm(8);
    let seq = 16 + 8;
    again[seq] = 1;
    assert!(probed(&mut queue, &[again]).is_empty());

    // An overflow explains the missing probe.
    queue.overrun();
    assert_eq!(probed(&mut queue, &[]), ["overflow"]);
}

#[test]
fn probe_lost_in_overflow_is_not_a_stopped_delivery() {
    let exits = |count| -> Vec<_> { (0..count).map(|seq| exit(0, seq, 0)).collect() };
    // The overflow is reported when the buffer has been read, or at the next
    // one.
    let mut queue = EventQueue::new(Events::all(), 1, true);
    queue.overrun();
    assert_eq!(probed(&mut queue, &exits(2)), ["exit", "exit", "overflow"]);
    queue.overrun();
    queue.probe(Probe::for_thread(8));
    queue.overrun();
    queue.drained();
    assert_eq!(reported(&mut queue), ["overflow", "overflow"]);
    // The next probe is expected again.
    assert_eq!(probed(&mut queue, &[]), ["stopped"]);
}

#[test]
fn malformed_datagram_does_not_end_the_queue() {
    let mut queue = EventQueue::new(Events::all(), 10, true);
    queue.datagram(b"not a datagram");
    queue.datagram(&exit(0, 1, 0));
    assert_eq!(reported(&mut queue), ["error", "exit"]);
}

#[test]
fn exit_implies_nonzero_exit() {
    assert_eq!(
        with_implied(Events::EXIT),
        Events::EXIT | Events::NONZERO_EXIT
    );
    assert_eq!(with_implied(Events::NONZERO_EXIT), Events::NONZERO_EXIT);
    let all = Events::all() - Events::NONZERO_EXIT;
    assert!(with_implied(all).is_all());
    assert_eq!(with_implied(Events::from_bits_retain(0x401)), Events::FORK);
}

proptest! {
    #[test]
    fn no_bytes_make_decode_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn no_modified_datagram_makes_decode_panic(
        at in 0_usize..76,
        bytes in proptest::collection::vec(any::<u8>(), 1..20),
        cut in 0_usize..=76,
        what in any::<u32>(),
    ) {
        let mut datagram = datagram(what, 0, 0, 0, &[]);
        for (to, from) in datagram[at..].iter_mut().zip(bytes) {
            *to = from;
        }
        let _ = decode(&datagram[..cut]);
    }

    /// Each missing number is counted once, on any CPU.
    #[test]
    fn each_missing_number_is_counted_once(kept in proptest::collection::vec((0_u32..4, any::<bool>()), 1..200)) {
        let mut queue = EventQueue::new(Events::all(), 10, true);
        let mut seq = [0; 4];
        let mut begun = [false; 4];
        let mut missing = [0; 4];
        let mut expected = 0;
        for (cpu, kept) in kept {
            let index = cpu as usize;
            if kept {
                queue.datagram(&exit(cpu, seq[index], 0));
                expected += std::mem::take(&mut missing[index]);
                begun[index] = true;
            } else if begun[index] {
                missing[index] += 1;
            }
            seq[index] += 1;
        }
        let mut counted = 0;
        while let Some(event) = queue.next() {
            if let EventKind::Lost(Lost::Gap { events }) = event.unwrap().kind {
                counted += events;
            }
        }
        prop_assert_eq!(counted, expected);
    }
}
