// SPDX-License-Identifier: MIT
//! Requests and replies that are forwarded.

use std::collections::VecDeque;

use nix::libc;
use proptest::prelude::*;
use taskdiag::netlink::{TaskDiagAttr, TaskDiagMessage, encode};
use taskdiag::reassembly::{Event, Reassembly};
use taskdiag::{Client, Error, Features, Request, Show, Strategy as Which};

use super::*;

const FAMILY: u16 = 0x1d;
const DUMP: u16 = 0x301;

/// A transport that records requests and returns recorded replies.
#[derive(Debug, Default)]
struct Recorded {
    requests: Vec<Vec<u8>>,
    replies: VecDeque<Vec<u8>>,
}

impl Transport for Recorded {
    fn framing(&self) -> Framing {
        Framing::Genl { family: FAMILY }
    }

    fn port(&self) -> u32 {
        99
    }

    fn send(&mut self, request: &[u8], _: Scope) -> Result<()> {
        self.requests.push(request.to_owned());
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let reply = self.replies.pop_front().ok_or(Error::Overrun)?;
        buffer[..reply.len()].copy_from_slice(&reply);
        Ok(reply.len())
    }

    fn reset(&mut self, _: &mut [u8]) -> Result<()> {
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
    let request = Request::new(Which::All).show(Show::empty());
    encode(TaskDiagMessage::from(&request), Framing::Plain, seq, DUMP).unwrap()
}

/// Forwards a request, which has these replies.
fn relay(request: &[u8], replies: &[Vec<u8>]) -> Result<Relay<Recorded>, Refusal> {
    let recorded = Recorded {
        replies: replies.iter().cloned().collect(),
        ..Recorded::default()
    };
    let request = RequestMessage::parse(request)?;
    Ok(Relay::send(recorded, &request, Options::PROC_FD).unwrap())
}

#[test]
fn request_over_netlink_has_a_generic_netlink_header() {
    let relay = relay(&request(5), &[]).unwrap();
    let message = Request::new(Which::All).show(Show::empty());
    let framing = Framing::Genl { family: FAMILY };
    let expected = encode(TaskDiagMessage::from(&message), framing, 5, DUMP).unwrap();
    assert_eq!(relay.transport.requests, [expected]);
}

#[test]
fn reply_over_netlink_is_translated_to_that_of_the_file() {
    let done = message(NLMSG_DONE, NLM_F_MULTIPART | NLM_F_DUMP_INTR, &[0; 4]);
    let replies = [[row(3), row(4)].concat(), [row(5), done].concat()];
    let mut relay = relay(&request(7), &replies).unwrap();
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
}

/// A transport that returns one datagram, as the client of the daemon receives it.
#[derive(Debug)]
struct Canned(Vec<u8>);

impl Transport for Canned {
    fn framing(&self) -> Framing {
        Framing::Plain
    }

    fn port(&self) -> u32 {
        0
    }

    fn send(&mut self, request: &[u8], _: Scope) -> Result<()> {
        self.0[ADDRESS].copy_from_slice(&request[ADDRESS]);
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        buffer[..self.0.len()].copy_from_slice(&self.0);
        Ok(self.0.len())
    }

    fn reset(&mut self, _: &mut [u8]) -> Result<()> {
        Ok(())
    }
}

/// Returns the error that a client reports which receives this datagram.
fn client_error(datagram: Vec<u8>, request: &Request<'_>) -> KernelError {
    let mut client = Client::with_transport(Canned(datagram), RECEIVE_BUFFER);
    match client.dump(request).unwrap().next().map(drop) {
        Err(Error::Kernel(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn translated_error_has_the_same_attribute() {
    let text = b"pid: wrong\0\0";
    let payload = [
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
    let replies = [message(NLMSG_ERROR, 0x300, &payload)];
    let mut relay = relay(&request(7), &replies).unwrap();
    let datagram = relay.receive().unwrap().unwrap().to_owned();
    assert!(relay.receive().unwrap().is_none());
    let all = Request::new(Which::All).show(Show::empty());
    let error = client_error(datagram, &all);
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

/// The transport itself selects the mount, with a descriptor of the daemon.
#[test]
fn mount_is_removed_and_offsets_of_errors_are_those_of_the_request() {
    let get = TaskDiagAttr::Get(abi::TaskDiagPid::default());
    let mounts = [TaskDiagAttr::ProcFd(3), TaskDiagAttr::ProcFd(4)];
    let [first, second] = mounts;
    let uid = TaskDiagAttr::FilterUid(5);
    let with = TaskDiagMessage::get(vec![first, get.clone(), second, uid.clone()]);
    let without = TaskDiagMessage::get(vec![get, uid]);
    let bytes = encode(with, Framing::Plain, 5, DUMP).unwrap();
    for framing in [Framing::Genl { family: FAMILY }, Framing::Plain] {
        let request = RequestMessage::parse(&bytes).unwrap();
        let (forwarded, removed) = frame(&request, framing);
        let expected = encode(without.clone(), framing, 5, DUMP).unwrap();
        assert_eq!(forwarded, expected);
        let added = match framing {
            Framing::Genl { .. } => 4,
            _ => 0,
        };
        let offsets = Offsets {
            added,
            removed: &removed,
        };
        // The attribute GET has 28 bytes.
        for (offset, original) in [(0, 0), (16, 24), (44, 60)] {
            let offset = if offset == 0 { 0 } else { offset + added };
            assert_eq!(offsets.convert(offset), original, "{framing:?}");
        }
    }
    assert_eq!(
        RequestMessage::parse(&bytes).unwrap().proc_fd().unwrap(),
        Some((4, Fault::At(52)))
    );
}

/// A client would read an acknowledgement as an empty reply.
#[test]
fn acknowledgement_is_not_forwarded() {
    for payload in [&[0; 20][..], &[]] {
        let replies = [message(NLMSG_ERROR, 0x100, payload)];
        let mut relay = relay(&request(7), &replies).unwrap();
        assert!(matches!(relay.receive(), Err(Error::Decode { .. })));
        assert!(relay.receive().unwrap().is_none());
    }
}

/// A descriptor of the client is not one of the daemon.
#[test]
fn descriptor_is_refused_and_the_option_is_not_a_feature() {
    use std::os::fd::AsFd;
    let stdin = std::io::stdin();
    let all = || Request::new(Which::All);
    for (request, kind) in [
        (
            all().pidns_fd(stdin.as_fd()),
            abi::TASK_DIAG_CMD_ATTR_PIDNS_FD,
        ),
        (all().pidfd(stdin.as_fd()), abi::TASK_DIAG_CMD_ATTR_PIDFD),
    ] {
        let bytes = encode(TaskDiagMessage::from(&request), Framing::Plain, 7, DUMP).unwrap();
        let refusal = relay(&bytes, &[]).unwrap_err();
        let error = client_error(crate::message::refusal(&bytes, &refusal), &request);
        assert_eq!(error.errno, libc::EOPNOTSUPP);
        assert_eq!(error.attribute.unwrap().kind, Some(kind));
    }

    let mut features = abi::TaskDiagFeatures::default();
    (features.groups, features.options, features.recv_min) = (1, 7, 8192);
    let mut message = TaskDiagMessage::features();
    message.attributes = vec![TaskDiagAttr::Pad(0), TaskDiagAttr::Features(features)];
    let reply = encode(message, FAMILY, 77, 0).unwrap();
    let request = encode(TaskDiagMessage::features(), Framing::Plain, 7, 1).unwrap();
    let mut relay = relay(&request, &[reply]).unwrap();
    let datagram = relay.receive().unwrap().unwrap().to_owned();
    let mut client = Client::with_transport(Canned(datagram), RECEIVE_BUFFER);
    features.options = abi::TASK_DIAG_OPTION_PROC_FD;
    assert_eq!(client.features().unwrap(), Features::from(features));
}

proptest! {
    /// Netlink does not reply to bytes that are not a request, so that the client would
    /// wait forever.
    #[test]
    fn request_that_netlink_would_not_reply_to_is_refused(
        bytes: Vec<u8>,
        kind in 0u16..0x20,
        flags: u16,
        payload: Vec<u8>,
    ) {
        for request in [bytes, message(kind, flags, &payload)] {
            match relay(&request, &[]) {
                Ok(relay) => {
                    let [forwarded] = &relay.transport.requests[..] else {
                        panic!("{:?}", relay.transport);
                    };
                    prop_assert_eq!(u16::from_ne_bytes([forwarded[4], forwarded[5]]), FAMILY);
                    prop_assert_eq!(forwarded[6] & 5, 1);
                    let len = u32::from_ne_bytes(*forwarded.first_chunk().unwrap());
                    prop_assert_eq!(len as usize, forwarded.len());
                }
                Err(refusal) => {
                    let message = crate::message::refusal(&request, &refusal);
                    prop_assert!(message.len() > 20);
                }
            }
        }
    }

    #[test]
    fn any_reply_is_translated_without_a_panic(
        replies: Vec<Vec<u8>>,
        kind: u16,
        flags: u16,
        payload: Vec<u8>,
    ) {
        let mut replies = replies;
        replies.retain(|reply| reply.len() < 1000);
        replies.push(message(kind, flags, &payload));
        replies.push(message(FAMILY, flags, &payload));
        let mut relay = relay(&request(7), &replies).unwrap();
        while let Ok(Some(_)) = relay.receive() {}
    }
}
