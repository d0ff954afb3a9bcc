// SPDX-License-Identifier: MIT
//! A model of the protocol: the valid replies to the bytes of a request.
//!
//! Interprets the bytes as specified by `docs/protocol.md` and netlink. Depends on
//! the bytes and the [`Environment`]; must not depend on the case. Pure.

mod attributes;
pub(crate) mod control;
mod environment;
mod get;
pub(crate) mod mount;

use std::ops::Range;

use nix::libc::{EINVAL, ENOENT, EOPNOTSUPP, ESRCH};

use crate::case::Transport;
use crate::wire::{
    GENL_HEADER, GENL_MAX_ID, HEADER, Header, NLM_F_ACK, NLM_F_DUMP, NLM_F_ECHO, NLM_F_REQUEST,
    NLMSG_MIN_TYPE, align,
};
pub(crate) use environment::{Environment, Features, Opened, PID_MAX_LIMIT, PidNs, Presence};
use get::request_message;
pub(crate) use mount::{HidePid, Level, Mount, Visibility};
use taskdiag::abi;

/// A valid request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) strategy: u64,
    pub(crate) show: u64,
    /// The task that the strategy refers to; 0: any, or unknown.
    pub(crate) pid: u32,
    /// The pid namespace of the reply.
    pub(crate) pid_ns: PidNs,
    /// The request has `NLM_F_DUMP`.
    pub(crate) dump: bool,
    /// Bits of the filters. The model does not know which tasks match them.
    pub(crate) filters: u64,
    /// The tasks of the reply that the caller may not ptrace.
    pub(crate) visibility: Visibility,
    /// The pids of the last `TASK_DIAG_CMD_ATTR_PIDS`.
    pub(crate) pids: Option<Vec<u32>>,
    /// The mask of the last `TASK_DIAG_CMD_ATTR_STATES`.
    pub(crate) states: Option<u32>,
}

impl Query {
    /// Whether the request is for all tasks of the namespace.
    pub(crate) fn is_for_all(&self) -> bool {
        is_for_all(self.strategy)
    }

    /// Whether not all tasks of the strategy are reported.
    pub(crate) const fn is_filtered(&self) -> bool {
        self.filters != 0
    }

    /// Whether the request can report a task of which only the pid is known. Neither
    /// its relatives nor its threads are known, and filters cannot match it.
    pub(crate) fn selects_listed(&self, is_leader: bool) -> bool {
        let needs_pid_only = 1 << abi::TASK_DIAG_FILTER_PIDS | 1 << abi::TASK_DIAG_FILTER_VMA_FLAGS;
        is_leader
            && (self.is_for_all() || self.strategy == abi::TASK_DIAG_DUMP_ONE)
            && self.filters & !needs_pid_only == 0
    }

    /// Whether the rows are about processes, not about threads.
    pub(crate) fn is_for_processes(&self) -> bool {
        matches!(
            self.strategy,
            abi::TASK_DIAG_DUMP_ALL
                | abi::TASK_DIAG_DUMP_CHILDREN
                | abi::TASK_DIAG_DUMP_DESCENDANTS
        )
    }
}

const fn is_for_all(strategy: u64) -> bool {
    matches!(
        strategy,
        abi::TASK_DIAG_DUMP_ALL | abi::TASK_DIAG_DUMP_ALL_THREAD
    )
}

/// An error that is a valid reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) errno: i32,
    /// Offset in the message of the attribute at fault, if it is known.
    pub(crate) at: Option<u32>,
}

impl Refusal {
    pub(crate) const fn plain(errno: i32) -> Self {
        Self { errno, at: None }
    }

    const fn at(errno: i32, at: u32) -> Self {
        Self {
            errno,
            at: Some(at),
        }
    }

    /// The task does not exist or is not visible.
    pub(crate) const fn no_such_task() -> Self {
        Self::plain(ESRCH)
    }
}

/// The valid replies to a message: rows, the features, or one of the refusals. If
/// the message has none of these, an acknowledgement or no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    pub(crate) header: Header,
    /// Position of the message in the datagram.
    pub(crate) range: Range<usize>,
    pub(crate) query: Option<Query>,
    /// The message is a valid `TASK_DIAG_CMD_FEATURES`.
    pub(crate) features: bool,
    pub(crate) refusals: Vec<Refusal>,
    /// The message requests an acknowledgement.
    pub(crate) wants_ack: bool,
}

/// The expected replies to a datagram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) messages: Vec<Expectation>,
    /// The expectation is incomplete: two messages have the same sequence number,
    /// or a message is for another family.
    pub(crate) ambiguous: bool,
}

/// Returns the expected replies to one `sendmsg()` of these bytes.
pub(crate) fn expect(bytes: &[u8], environment: &dyn Environment) -> Expected {
    let mut expected = Expected::default();
    let mut at = 0;
    while let Some(header) = bytes.get(at..).and_then(Header::read) {
        let len = header.len as usize;
        if len < HEADER || len > bytes.len() - at {
            break;
        }
        let range = at..at + len;
        let message = &bytes[range.clone()];
        let mut features = false;
        let (query, refusals) = if header.flags & NLM_F_REQUEST == 0 || header.kind < NLMSG_MIN_TYPE
        {
            (None, Vec::new())
        } else if header.kind != environment.family() {
            expected.ambiguous |= header.kind <= GENL_MAX_ID;
            (None, vec![Refusal::plain(ENOENT)])
        } else if message.get(HEADER) == Some(&abi::TASK_DIAG_CMD_FEATURES) {
            let refusals = features_message(message, header.flags);
            features = refusals.is_empty();
            (None, refusals)
        } else {
            family_message(message, header.flags, environment)
        };
        expected.ambiguous |= expected
            .messages
            .iter()
            .any(|other| other.header.seq == header.seq);
        expected.messages.push(Expectation {
            header,
            range,
            query,
            features,
            refusals,
            wants_ack: header.flags & NLM_F_ACK != 0,
        });
        at += align(len);
    }
    expected
}

/// Returns the expected reply to one `write()` of these bytes. They contain at
/// least a header.
pub(crate) fn expect_of_file(bytes: &[u8], environment: &dyn Environment) -> Expected {
    let Some(header) = Header::read(bytes) else {
        return Expected::default();
    };
    let mut features = false;
    let (query, refusals) =
        if header.len as usize != bytes.len() || header.flags & NLM_F_REQUEST == 0 {
            // The kernel checks these first.
            (None, vec![Refusal::plain(EINVAL)])
        } else {
            match header
                .kind
                .checked_sub(abi::TASK_DIAG_NLMSG_BASE)
                .and_then(|command| u8::try_from(command).ok())
            {
                Some(abi::TASK_DIAG_CMD_GET) => {
                    request_message(bytes, HEADER, header.flags, environment)
                }
                Some(abi::TASK_DIAG_CMD_FEATURES) if bytes.len() == HEADER => {
                    features = true;
                    (None, Vec::new())
                }
                command => {
                    let errno = match command {
                        Some(abi::TASK_DIAG_CMD_FEATURES) => EINVAL,
                        _ => EOPNOTSUPP,
                    };
                    let mut refusals = vec![Refusal::plain(errno)];
                    refusals.extend(attributes::parse(bytes, HEADER).faults());
                    (None, refusals)
                }
            }
        };
    Expected {
        messages: vec![Expectation {
            header,
            range: 0..bytes.len(),
            query,
            features,
            refusals,
            wants_ack: false,
        }],
        ambiguous: false,
    }
}

/// Returns the expected replies to bytes sent through a transport.
pub(crate) fn expect_through(
    transport: Transport,
    bytes: &[u8],
    environment: &dyn Environment,
) -> Expected {
    match transport {
        Transport::Socket => expect(bytes, environment),
        Transport::File => expect_of_file(bytes, environment),
    }
}

/// Returns the faults of a `TASK_DIAG_CMD_FEATURES`, which must have no attributes
/// and must not be a dump.
fn features_message(message: &[u8], flags: u16) -> Vec<Refusal> {
    let refusal = match check_headers(message, flags) {
        Err(refusal) => refusal,
        Ok(()) if flags & NLM_F_DUMP == NLM_F_DUMP => Refusal::plain(EOPNOTSUPP),
        Ok(()) if message.len() > HEADER + GENL_HEADER => Refusal::plain(EINVAL),
        Ok(()) => return Vec::new(),
    };
    vec![refusal]
}

fn family_message(
    message: &[u8],
    flags: u16,
    environment: &dyn Environment,
) -> (Option<Query>, Vec<Refusal>) {
    if let Err(refusal) = check_headers(message, flags) {
        return (None, vec![refusal]);
    }
    request_message(message, HEADER + GENL_HEADER, flags, environment)
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

/// Returns the name of a strategy, for error messages.
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
mod tests;
