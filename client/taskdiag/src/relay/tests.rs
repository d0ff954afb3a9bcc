// SPDX-License-Identifier: MIT
//! What comes of requests and answers on their way.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::netlink::{TaskDiagMessage, encode};
use crate::reassembly::{Event, Reassembly};
use crate::{Request, Show, Strategy};

const FAMILY: u16 = 0x1d;
const DUMP: u16 = 0x301;

/// The family, as far as it is recorded.
#[derive(Debug, Default)]
struct Recorded {
    asked: Vec<Vec<u8>>,
    answers: VecDeque<Vec<u8>>,
    resets: u32,
}

impl Transport for Recorded {
    fn framing(&self) -> Framing {
        Framing::Genl { family: FAMILY }
    }

    fn port(&self) -> u32 {
        99
    }

    fn send(&mut self, request: &[u8], _: Scope) -> Result<()> {
        self.asked.push(request.to_owned());
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let answer = self.answers.pop_front().ok_or(Error::Overrun)?;
        buffer[..answer.len()].copy_from_slice(&answer);
        Ok(answer.len())
    }

    fn reset(&mut self, _: &mut [u8]) -> Result<()> {
        self.resets += 1;
        Ok(())
    }
}

fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let len = 16 + payload.len() as u32;
    let head = [
        &len.to_ne_bytes()[..],
        &kind.to_ne_bytes(),
        &flags.to_ne_bytes(),
    ]
    .concat();
    [
        &head,
        &77u32.to_ne_bytes()[..],
        &99u32.to_ne_bytes(),
        payload,
    ]
    .concat()
}

fn row(pid: u32) -> Vec<u8> {
    let genl = [abi::TASK_DIAG_CMD_GET, 1, 0, 0];
    let attribute = [&16u16.to_ne_bytes()[..], &abi::TASK_DIAG_MSG.to_ne_bytes()].concat();
    let numbers = [pid, pid, 0].map(u32::to_ne_bytes).concat();
    message(
        FAMILY,
        NLM_F_MULTIPART,
        &[&genl[..], &attribute, &numbers].concat(),
    )
}

fn request(seq: u32) -> Vec<u8> {
    let request = Request::new(Strategy::All).show(Show::empty());
    encode(TaskDiagMessage::from(&request), Framing::Plain, seq, DUMP)
}

fn relay(answers: &[Vec<u8>]) -> Relay<Recorded> {
    Relay::new(Recorded {
        answers: answers.iter().cloned().collect(),
        ..Recorded::default()
    })
}

#[test]
fn a_request_gets_the_header_of_the_family() {
    let mut relay = relay(&[]);
    relay.ask(&request(5), Scope::Own).unwrap();
    let of_family = Request::new(Strategy::All).show(Show::empty());
    let framing = Framing::Genl { family: FAMILY };
    let expected = encode(TaskDiagMessage::from(&of_family), framing, 5, DUMP);
    assert_eq!(relay.transport.asked, [expected]);
}

#[test]
fn an_answer_is_that_of_the_file() {
    let done = message(NLMSG_DONE, NLM_F_MULTIPART | NLM_F_DUMP_INTR, &[0; 4]);
    let mut relay = relay(&[[row(3), row(4)].concat(), [row(5), done].concat()]);
    relay.ask(&request(7), Scope::Own).unwrap();
    let mut reassembly = Reassembly::new(Framing::Plain, 7, 0);
    let mut pids = Vec::new();
    while let Some(datagram) = relay.receive().unwrap() {
        let mut feed = reassembly.feed(datagram);
        while let Event::Task(task) = feed.next().unwrap() {
            pids.push(task.pid());
        }
    }
    assert_eq!(pids, [3, 4, 5]);
    assert!(reassembly.interrupted());
    // All of it was read, so nothing has to be dropped for the next.
    relay.ask(&request(8), Scope::Own).unwrap();
    assert_eq!(relay.transport.resets, 0);
    relay.ask(&request(9), Scope::Own).unwrap();
    assert_eq!(relay.transport.resets, 1);
}

#[test]
fn an_error_points_at_the_same_attribute() {
    let text = b"pid: wrong\0\0";
    let said = [
        &(-22i32).to_ne_bytes()[..],
        &[0; 16],
        &15u16.to_ne_bytes(),
        &1u16.to_ne_bytes(),
        text,
        &8u16.to_ne_bytes(),
        &2u16.to_ne_bytes(),
        &20u32.to_ne_bytes(),
    ]
    .concat();
    let mut relay = relay(&[message(NLMSG_ERROR, 0x300, &said)]);
    let request = request(7);
    relay.ask(&request, Scope::Own).unwrap();
    let datagram = relay.receive().unwrap().unwrap().to_owned();
    assert!(relay.receive().unwrap().is_none());
    let mut reassembly = Reassembly::new(Framing::Plain, 7, 0);
    let error = reassembly.feed(&datagram).next().map(drop);
    let Err(Error::Kernel(mut error)) = error else {
        panic!("{error:?}");
    };
    error.locate(&request, Framing::Plain);
    let at = error.attribute.unwrap();
    assert_eq!(
        (error.errno, error.message.as_deref()),
        (22, Some("pid: wrong"))
    );
    assert_eq!(
        (at.offset, at.kind),
        (Some(16), Some(abi::TASK_DIAG_CMD_ATTR_GET))
    );
}

/// A descriptor of the client is not one of the daemon.
#[test]
fn descriptors_are_refused_and_not_announced() {
    use std::os::fd::AsFd;
    let stdin = std::io::stdin();
    let all = || Request::new(Strategy::All);
    for (asked, kind) in [
        (
            all().pidns_fd(stdin.as_fd()),
            abi::TASK_DIAG_CMD_ATTR_PIDNS_FD,
        ),
        (all().pidfd(stdin.as_fd()), abi::TASK_DIAG_CMD_ATTR_PIDFD),
    ] {
        let request = encode(TaskDiagMessage::from(&asked), Framing::Plain, 7, DUMP);
        let mut relay = relay(&[]);
        relay.ask(&request, Scope::Own).unwrap();
        assert!(relay.transport.asked.is_empty());
        let datagram = relay.receive().unwrap().unwrap().to_owned();
        let mut reassembly = Reassembly::new(Framing::Plain, 7, 0);
        let Err(Error::Kernel(mut error)) = reassembly.feed(&datagram).next().map(drop) else {
            panic!("not refused");
        };
        error.locate(&request, Framing::Plain);
        assert_eq!(error.errno, libc::EOPNOTSUPP);
        assert_eq!(error.attribute.unwrap().kind, Some(kind));
    }

    let features = abi::TaskDiagFeatures {
        groups: 1,
        options: 3,
        recv_min: 8192,
        ..Default::default()
    };
    let attribute = crate::netlink::TaskDiagAttr::Features(features);
    let mut told = TaskDiagMessage::features();
    told.attributes = vec![crate::netlink::TaskDiagAttr::Pad(0), attribute];
    let answer = encode(told, FAMILY, 77, 0);
    let mut relay = relay(&[answer]);
    let request = encode(TaskDiagMessage::features(), Framing::Plain, 7, 1);
    relay.ask(&request, Scope::Own).unwrap();
    let datagram = relay.receive().unwrap().unwrap().to_owned();
    let mut reassembly = Reassembly::new(Framing::Plain, 7, 0);
    let read = reassembly.features(&datagram).unwrap().unwrap();
    let expected = abi::TaskDiagFeatures {
        options: 0,
        ..features
    };
    assert_eq!(read, expected);
}

proptest! {
    /// Netlink is silent about what is no request, so nobody waits for its
    /// answer.
    #[test]
    fn what_netlink_would_not_answer_is_refused(
        bytes: Vec<u8>,
        kind in 0u16..0x20,
        flags: u16,
        payload: Vec<u8>,
    ) {
        for request in [bytes, message(kind, flags, &payload)] {
            let mut relay = relay(&[]);
            relay.ask(&request, Scope::Own).unwrap();
            match relay.transport.asked.pop() {
                Some(asked) => {
                    prop_assert_eq!(u16::from_ne_bytes([asked[4], asked[5]]), FAMILY);
                    prop_assert_eq!(asked[6] & 5, 1);
                    let len = u32::from_ne_bytes(*asked.first_chunk().unwrap());
                    prop_assert_eq!(len as usize, asked.len());
                }
                None => {
                    prop_assert!(relay.receive().unwrap().is_some_and(|said| said.len() > 20));
                    prop_assert!(relay.receive().unwrap().is_none());
                }
            }
        }
    }

    #[test]
    fn no_answer_makes_it_panic(answers: Vec<Vec<u8>>, kind: u16, flags: u16, payload: Vec<u8>) {
        let mut answers = answers;
        answers.retain(|answer| answer.len() < 1000);
        answers.push(message(kind, flags, &payload));
        answers.push(message(FAMILY, flags, &payload));
        let mut relay = relay(&answers);
        relay.ask(&request(7), Scope::Own).unwrap();
        while let Ok(Some(_)) = relay.receive() {}
    }
}
