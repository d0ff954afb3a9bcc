// SPDX-License-Identifier: MIT
//! The protocol, once more: what has to come back for the bytes that are sent.
//!
//! Reads the bytes as `docs/protocol.md` and netlink say they are read, and
//! knows nothing of the case they were made for. Pure.

pub(crate) mod control;

use std::ops::Range;

use nix::libc::{EINVAL, ENOENT, EOPNOTSUPP, ESRCH};

use crate::groups::{self, GROUPS};
use crate::wire::{
    Attributes, GENL_HEADER, GENL_MAX_ID, HEADER, Header, NLA_F_NESTED, NLA_TYPE_MASK, NLM_F_ACK,
    NLM_F_DUMP, NLM_F_ECHO, NLM_F_REQUEST, NLMSG_MIN_TYPE, align, u32_at, u64_at,
};
use taskdiag::abi;

/// The largest number a task can have: `PID_MAX_LIMIT`.
const PID_MAX_LIMIT: u32 = 4 * 1024 * 1024;

/// What is known of the task with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is there, stays, and may be seen.
    Here,
    /// There is none, or none that may be seen, and that stays so.
    Absent,
    Unsure,
}

/// Where a request is made from, and what is there.
pub(crate) trait World {
    /// The family's number.
    fn family(&self) -> u16;
    /// What is known of the task with that number, as seen from the namespace
    /// that the request is made for.
    fn fate(&self, pid: u32) -> Fate;
    /// The process that the request names as its source may have gone.
    fn source_may_be_gone(&self) -> bool;
}

/// A request that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) strategy: u64,
    pub(crate) show: u64,
    pub(crate) pid: u32,
    /// With `NLM_F_DUMP`.
    pub(crate) dump: bool,
}

impl Query {
    /// Asks for everything there is in the namespace.
    pub(crate) fn is_for_all(&self) -> bool {
        matches!(
            self.strategy,
            abi::TASK_DIAG_DUMP_ALL | abi::TASK_DIAG_DUMP_ALL_THREAD
        )
    }

    /// The rows are about processes, not about threads.
    pub(crate) fn is_for_processes(&self) -> bool {
        matches!(
            self.strategy,
            abi::TASK_DIAG_DUMP_ALL | abi::TASK_DIAG_DUMP_CHILDREN
        )
    }
}

/// An error that is a right answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) errno: i32,
    /// Its text, where it is the family's to choose.
    pub(crate) text: Option<String>,
    /// Where in the message the attribute at fault is, where that is certain.
    pub(crate) at: Option<u32>,
}

impl Refusal {
    fn plain(errno: i32) -> Self {
        Self {
            errno,
            text: None,
            at: None,
        }
    }

    fn says(errno: i32, text: impl Into<String>) -> Self {
        Self {
            text: Some(text.into()),
            ..Self::plain(errno)
        }
    }

    /// There is no such task, or none that may be seen.
    pub(crate) fn no_such_task() -> Self {
        Self::says(ESRCH, "pid: no such task")
    }
}

/// What may be answered to a message: rows, one of the refusals, or, where
/// there is neither, an acknowledgement or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    pub(crate) header: Header,
    /// Where the message lies.
    pub(crate) place: Range<usize>,
    pub(crate) query: Option<Query>,
    pub(crate) refusals: Vec<Refusal>,
}

impl Expectation {
    /// An acknowledgement was asked for.
    pub(crate) fn wants_ack(&self) -> bool {
        self.header.flags & NLM_F_ACK != 0
    }
}

/// What has to come back for a datagram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) messages: Vec<Expectation>,
    /// Not all of it can be told: two messages have one sequence number, or
    /// one is for another family.
    pub(crate) vague: bool,
}

/// What has to come back for these bytes.
pub(crate) fn expect(bytes: &[u8], world: &dyn World) -> Expected {
    let mut expected = Expected::default();
    let mut at = 0;
    while let Some(header) = bytes.get(at..).and_then(Header::read) {
        let len = header.len as usize;
        if len < HEADER || len > bytes.len() - at {
            break;
        }
        let place = at..at + len;
        let (query, refusals) = if header.flags & NLM_F_REQUEST == 0 || header.kind < NLMSG_MIN_TYPE
        {
            (None, Vec::new())
        } else if header.kind == world.family() {
            family_message(&bytes[place.clone()], header.flags, world)
        } else {
            expected.vague |= header.kind <= GENL_MAX_ID;
            (None, vec![Refusal::plain(ENOENT)])
        };
        expected.vague |= expected
            .messages
            .iter()
            .any(|other| other.header.seq == header.seq);
        expected.messages.push(Expectation {
            header,
            place,
            query,
            refusals,
        });
        at += align(len);
    }
    expected
}

fn family_message(message: &[u8], flags: u16, world: &dyn World) -> (Option<Query>, Vec<Refusal>) {
    match check_headers(message, flags).and_then(|()| find_request(message)) {
        Err(refusal) => (None, vec![refusal]),
        Ok((at, request)) => {
            let dump = flags & NLM_F_DUMP == NLM_F_DUMP;
            let (query, mut refusals) = request_in_order(request, dump, world);
            for refusal in &mut refusals {
                refusal.at = Some(at as u32);
            }
            if world.source_may_be_gone() {
                refusals.push(Refusal::says(ESRCH, "SCM_CREDENTIALS: no such process"));
            }
            (query, refusals)
        }
    }
}

fn check_headers(message: &[u8], flags: u16) -> Result<(), Refusal> {
    let Some(&[cmd, _version, reserved_low, reserved_high]) = message
        .get(HEADER..)
        .and_then(|rest| rest.first_chunk::<GENL_HEADER>())
    else {
        return Err(Refusal::plain(EINVAL));
    };
    if (reserved_low, reserved_high) != (0, 0) {
        return Err(Refusal::plain(EINVAL));
    }
    let dump = if flags & NLM_F_DUMP == NLM_F_DUMP {
        NLM_F_DUMP
    } else {
        0
    };
    if flags & !(NLM_F_REQUEST | NLM_F_ACK | NLM_F_ECHO | dump) != 0 {
        return Err(Refusal::plain(EINVAL));
    }
    if cmd != abi::TASK_DIAG_CMD_GET {
        return Err(Refusal::plain(EOPNOTSUPP));
    }
    Ok(())
}

/// The request's attribute and where it begins in the message.
fn find_request(message: &[u8]) -> Result<(usize, &[u8]), Refusal> {
    const BEGIN: usize = HEADER + GENL_HEADER;

    let mut found = None;
    let mut walk = Attributes::new(&message[BEGIN..]);
    for attribute in walk.by_ref() {
        if attribute.kind & NLA_TYPE_MASK != abi::TASK_DIAG_CMD_ATTR_GET
            || attribute.kind & NLA_F_NESTED != 0
        {
            return Err(Refusal::plain(EINVAL));
        }
        // The last one counts.
        found = Some((BEGIN + attribute.at, attribute.value));
    }
    if !walk.rest().is_empty() {
        return Err(Refusal::plain(EINVAL));
    }
    found.ok_or_else(|| Refusal::says(EINVAL, "TASK_DIAG_CMD_ATTR_GET is missing"))
}

fn request_in_order(
    request: &[u8],
    dump: bool,
    world: &dyn World,
) -> (Option<Query>, Vec<Refusal>) {
    match read_request(request, dump) {
        Err(refusal) => (None, vec![refusal]),
        Ok(query) if query.is_for_all() => (Some(query), Vec::new()),
        Ok(query) => match world.fate(query.pid) {
            Fate::Here => (Some(query), Vec::new()),
            Fate::Absent => (None, vec![Refusal::no_such_task()]),
            Fate::Unsure => (Some(query), vec![Refusal::no_such_task()]),
        },
    }
}

fn read_request(request: &[u8], dump: bool) -> Result<Query, Refusal> {
    if request.len() != size_of::<abi::TaskDiagPid>() {
        let text = format!(
            "struct task_diag_pid: {} bytes instead of 24",
            request.len()
        );
        return Err(Refusal::says(EINVAL, text));
    }
    let query = Query {
        show: u64_at(request, 0).unwrap_or_default(),
        strategy: u64_at(request, 8).unwrap_or_default(),
        pid: u32_at(request, 16).unwrap_or_default(),
        dump,
    };
    if u32_at(request, 20) != Some(0) {
        return Err(Refusal::says(EINVAL, "reserved: must be 0"));
    }
    let unknown = query.show & !groups::known();
    if unknown != 0 {
        let text = format!("show_flags: unknown bits {unknown:#x}");
        return Err(Refusal::says(EINVAL, text));
    }
    for group in GROUPS {
        if query.show & (1 << group.bit) != 0 && group.size.is_none() {
            let text = format!("show_flags: no group {} in this kernel", group.name);
            return Err(Refusal::says(EOPNOTSUPP, text));
        }
    }
    if query.strategy > abi::TASK_DIAG_DUMP_MAX {
        let text = format!("dump_strategy: unknown strategy {}", query.strategy);
        return Err(Refusal::says(EINVAL, text));
    }
    if !dump && query.strategy != abi::TASK_DIAG_DUMP_ONE {
        return Err(Refusal::says(EINVAL, "dump_strategy: needs NLM_F_DUMP"));
    }
    if !query.is_for_all() && !(1..=PID_MAX_LIMIT).contains(&query.pid) {
        return Err(Refusal::says(EINVAL, "pid: not the number of a task"));
    }
    Ok(query)
}

/// The command of a message of the family, for messages to people.
pub(crate) fn strategy_name(strategy: u64) -> &'static str {
    match strategy {
        abi::TASK_DIAG_DUMP_ALL => "ALL",
        abi::TASK_DIAG_DUMP_ONE => "ONE",
        abi::TASK_DIAG_DUMP_CHILDREN => "CHILDREN",
        abi::TASK_DIAG_DUMP_THREAD => "THREAD",
        abi::TASK_DIAG_DUMP_ALL_THREAD => "ALL_THREAD",
        _ => "no strategy",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Attribute, Length, Message, Value};
    use crate::encode::datagram;
    use crate::encode::tests::{Puppets, request};

    struct Empty;

    impl World for Empty {
        fn family(&self) -> u16 {
            0x1d
        }
        fn fate(&self, pid: u32) -> Fate {
            match pid {
                1 => Fate::Here,
                2 => Fate::Absent,
                _ => Fate::Unsure,
            }
        }
        fn source_may_be_gone(&self) -> bool {
            false
        }
    }

    fn expect_one(message: Message) -> Expectation {
        let expected = expect(&datagram(&[message], &[], &Puppets), &Empty);
        assert!(!expected.vague);
        assert_eq!(expected.messages.len(), 1);
        expected.messages[0].clone()
    }

    fn edit(strategy: u64, pid: u32, change: impl FnOnce(&mut Message)) -> Expectation {
        let mut message = request(strategy, pid);
        change(&mut message);
        expect_one(message)
    }

    fn fields(message: &mut Message) -> &mut crate::case::Request {
        match &mut message.attributes[0].value {
            Value::Request(request) => request,
            _ => unreachable!("request() makes one"),
        }
    }

    #[test]
    fn a_sound_dump_brings_rows() {
        let expectation = expect_one(request(abi::TASK_DIAG_DUMP_ALL, 0));
        assert_eq!(
            expectation.query,
            Some(Query {
                strategy: 0,
                show: 3,
                pid: 0,
                dump: true
            })
        );
        assert!(expectation.refusals.is_empty());
    }

    #[test]
    fn who_is_not_there_is_refused() {
        let absent = expect_one(request(abi::TASK_DIAG_DUMP_CHILDREN, 2));
        assert_eq!(absent.query, None);
        assert_eq!(
            absent.refusals[0].text.as_deref(),
            Some("pid: no such task")
        );
        assert_eq!(absent.refusals[0].at, Some(20));

        let unsure = expect_one(request(abi::TASK_DIAG_DUMP_THREAD, 3));
        assert!(unsure.query.is_some());
        assert_eq!(unsure.refusals.len(), 1);
    }

    #[test]
    fn each_fault_is_named() {
        let text = |expectation: Expectation| {
            assert_eq!(expectation.query, None);
            let refusal = expectation.refusals.into_iter().next().unwrap();
            (refusal.errno, refusal.text.unwrap())
        };
        assert_eq!(
            text(edit(0, 0, |message| fields(message).reserved = 1)),
            (EINVAL, "reserved: must be 0".to_owned())
        );
        assert_eq!(
            text(edit(0, 0, |message| fields(message).show_flags = 0x40)),
            (EINVAL, "show_flags: unknown bits 0x40".to_owned())
        );
        assert_eq!(
            text(edit(0, 0, |message| fields(message).show_flags = 0x18)),
            (
                EOPNOTSUPP,
                "show_flags: no group VMA in this kernel".to_owned()
            )
        );
        assert_eq!(
            text(edit(7, 0, |_| ())),
            (EINVAL, "dump_strategy: unknown strategy 7".to_owned())
        );
        assert_eq!(
            text(edit(1, 0, |_| ())),
            (EINVAL, "pid: not the number of a task".to_owned())
        );
        assert_eq!(
            text(edit(0, 0, |message| fields(message).off = -4)),
            (
                EINVAL,
                "struct task_diag_pid: 20 bytes instead of 24".to_owned()
            )
        );
        assert_eq!(
            text(edit(2, 0, |message| message.flags = NLM_F_REQUEST)),
            (EINVAL, "dump_strategy: needs NLM_F_DUMP".to_owned())
        );
        assert_eq!(
            text(edit(0, 0, |message| message.attributes.clear())),
            (EINVAL, "TASK_DIAG_CMD_ATTR_GET is missing".to_owned())
        );
    }

    #[test]
    fn headers_are_checked_strictly() {
        let errno = |expectation: Expectation| expectation.refusals[0].errno;
        assert_eq!(errno(edit(0, 0, |message| message.reserved = 1)), EINVAL);
        assert_eq!(errno(edit(0, 0, |message| message.flags |= 0x400)), EINVAL);
        assert_eq!(errno(edit(0, 0, |message| message.flags = 0x101)), EINVAL);
        assert_eq!(errno(edit(0, 0, |message| message.cmd = 2)), EOPNOTSUPP);
        assert_eq!(errno(edit(0, 0, |message| message.cut = 29)), EINVAL);
        assert_eq!(
            errno(edit(0, 0, |message| message.kind =
                crate::case::Kind::Number(2000))),
            ENOENT
        );
        assert!(edit(0, 0, |message| message.version = 9).query.is_some());
    }

    #[test]
    fn attributes_are_checked_strictly() {
        let errno = |expectation: Expectation| expectation.refusals[0].errno;
        let other = |kind| Attribute {
            kind,
            len: Length::True,
            value: Value::Bytes(vec![0; 4]),
        };
        for kind in [0, 2, 16, 0x3fff, NLA_F_NESTED | 1] {
            let expectation = edit(0, 0, |message| message.attributes.push(other(kind)));
            assert_eq!(errno(expectation), EINVAL, "{kind:#x}");
        }
        assert_eq!(errno(edit(0, 0, |message| message.cut = 1)), EINVAL);
        // The byte order of what has none is nobody's business.
        let expectation = edit(0, 0, |message| {
            message.attributes[0].kind |= crate::wire::NLA_F_NET_BYTEORDER;
        });
        assert!(expectation.query.is_some());
    }

    #[test]
    fn no_request_is_no_request() {
        let expectation = edit(0, 0, |message| message.flags = NLM_F_ACK);
        assert_eq!(expectation.query, None);
        assert!(expectation.refusals.is_empty());
        assert!(expectation.wants_ack());
    }

    #[test]
    fn a_wrong_length_ends_the_datagram() {
        let mut first = request(0, 0);
        first.len = Length::Is(15);
        let bytes = datagram(&[first, request(0, 0)], &[], &Puppets);
        assert!(expect(&bytes, &Empty).messages.is_empty());
    }

    #[test]
    fn twins_are_vague() {
        let bytes = datagram(&[request(0, 0), request(0, 0)], &[], &Puppets);
        assert!(expect(&bytes, &Empty).vague);
    }
}
