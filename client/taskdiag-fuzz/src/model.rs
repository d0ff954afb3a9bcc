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
    /// The groups that the kernel says it has.
    fn groups(&self) -> u64;
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
    /// There are filters beside it: who passes them is not told here.
    pub(crate) filtered: bool,
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
            abi::TASK_DIAG_DUMP_ALL
                | abi::TASK_DIAG_DUMP_CHILDREN
                | abi::TASK_DIAG_DUMP_DESCENDANTS
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

/// What may be answered to a message: rows, what the kernel can tell, one of the
/// refusals, or, where there is none of these, an acknowledgement or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    pub(crate) header: Header,
    /// Where the message lies.
    pub(crate) place: Range<usize>,
    pub(crate) query: Option<Query>,
    /// It is `TASK_DIAG_CMD_FEATURES`, and in order.
    pub(crate) features: bool,
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
        let message = &bytes[place.clone()];
        let (query, refusals) = if header.flags & NLM_F_REQUEST == 0 || header.kind < NLMSG_MIN_TYPE
        {
            (None, Vec::new())
        } else if header.kind != world.family() {
            expected.vague |= header.kind <= GENL_MAX_ID;
            (None, vec![Refusal::plain(ENOENT)])
        } else if asks_for_features(message) {
            (None, features_message(message, header.flags))
        } else {
            family_message(message, header.flags, world)
        };
        let features = header.flags & NLM_F_REQUEST != 0
            && header.kind == world.family()
            && asks_for_features(message)
            && refusals.is_empty();
        expected.vague |= expected
            .messages
            .iter()
            .any(|other| other.header.seq == header.seq);
        expected.messages.push(Expectation {
            header,
            place,
            query,
            features,
            refusals,
        });
        at += align(len);
    }
    expected
}

fn asks_for_features(message: &[u8]) -> bool {
    message.get(HEADER) == Some(&abi::TASK_DIAG_CMD_FEATURES)
}

/// What is wrong with a request that has no attributes and is no dump.
fn features_message(message: &[u8], flags: u16) -> Vec<Refusal> {
    let refusal = match check_headers(message, flags) {
        Err(refusal) => refusal,
        Ok(()) if flags & NLM_F_DUMP == NLM_F_DUMP => Refusal::plain(EOPNOTSUPP),
        Ok(()) if message.len() > HEADER + GENL_HEADER => Refusal::plain(EINVAL),
        Ok(()) => return Vec::new(),
    };
    vec![refusal]
}

fn family_message(message: &[u8], flags: u16, world: &dyn World) -> (Option<Query>, Vec<Refusal>) {
    match check_headers(message, flags).and_then(|()| find_request(message)) {
        Err(refusal) => (None, vec![refusal]),
        Ok(found) => {
            let dump = flags & NLM_F_DUMP == NLM_F_DUMP;
            let (mut query, mut refusals) = request_in_order(found.request, dump, world);
            for refusal in &mut refusals {
                refusal.at = Some(found.at as u32);
            }
            if let Some(query) = &mut query {
                query.filtered = found.filtered;
            }
            if found.filtered {
                // Whether a filter is in order, the selftests look at.
                refusals.extend([EINVAL, ENOENT, EOPNOTSUPP].map(Refusal::plain));
                refusals.push(Refusal::no_such_task());
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
    if ![abi::TASK_DIAG_CMD_GET, abi::TASK_DIAG_CMD_FEATURES].contains(&cmd) {
        return Err(Refusal::plain(EOPNOTSUPP));
    }
    Ok(())
}

/// The attributes of a request.
struct Found<'a> {
    /// Where the one of the request itself begins in the message.
    at: usize,
    request: &'a [u8],
    filtered: bool,
}

/// Finds the request's attribute, of which the last one counts, and filters.
fn find_request(message: &[u8]) -> Result<Found<'_>, Refusal> {
    const BEGIN: usize = HEADER + GENL_HEADER;

    let mut found = None;
    let mut filtered = false;
    let mut walk = Attributes::new(&message[BEGIN..]);
    for attribute in walk.by_ref() {
        if attribute.kind & NLA_F_NESTED != 0 {
            return Err(Refusal::plain(EINVAL));
        }
        match attribute.kind & NLA_TYPE_MASK {
            abi::TASK_DIAG_CMD_ATTR_GET => {
                found = Some((BEGIN + attribute.at, attribute.value));
            }
            abi::TASK_DIAG_CMD_ATTR_UID..=abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS => filtered = true,
            _ => return Err(Refusal::plain(EINVAL)),
        }
    }
    if !walk.rest().is_empty() {
        return Err(Refusal::plain(EINVAL));
    }
    let (at, request) =
        found.ok_or_else(|| Refusal::says(EINVAL, "TASK_DIAG_CMD_ATTR_GET is missing"))?;
    Ok(Found {
        at,
        request,
        filtered,
    })
}

fn request_in_order(
    request: &[u8],
    dump: bool,
    world: &dyn World,
) -> (Option<Query>, Vec<Refusal>) {
    match read_request(request, dump, world.groups()) {
        Err(refusal) => (None, vec![refusal]),
        Ok(query) if query.is_for_all() => (Some(query), Vec::new()),
        Ok(query) => match world.fate(query.pid) {
            Fate::Here => (Some(query), Vec::new()),
            Fate::Absent => (None, vec![Refusal::no_such_task()]),
            Fate::Unsure => (Some(query), vec![Refusal::no_such_task()]),
        },
    }
}

fn read_request(request: &[u8], dump: bool, groups: u64) -> Result<Query, Refusal> {
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
        filtered: false,
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
        if query.show & !groups & (1 << group.bit) != 0 {
            let text = format!("show_flags: no group {} in this kernel", group.name);
            return Err(Refusal::says(EOPNOTSUPP, text));
        }
        if query.show & (1 << group.bit) != 0 && group.is_long() && !dump {
            let text = format!("show_flags: {} needs NLM_F_DUMP", group.name);
            return Err(Refusal::says(EINVAL, text));
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
        abi::TASK_DIAG_DUMP_DESCENDANTS => "DESCENDANTS",
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
        fn groups(&self) -> u64 {
            0x23
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
                dump: true,
                filtered: false
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
            text(edit(0, 0, |message| fields(message).show_flags = 0x400)),
            (EINVAL, "show_flags: unknown bits 0x400".to_owned())
        );
        assert_eq!(
            text(edit(0, 0, |message| fields(message).show_flags = 0x18)),
            (
                EOPNOTSUPP,
                "show_flags: no group VMA in this kernel".to_owned()
            )
        );
        assert_eq!(
            text(edit(1, 1, |message| {
                message.flags = NLM_F_REQUEST;
                fields(message).show_flags = 0x20;
            })),
            (EINVAL, "show_flags: CMDLINE needs NLM_F_DUMP".to_owned())
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
