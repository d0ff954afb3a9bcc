// SPDX-License-Identifier: MIT
//! A model of the protocol: the valid replies to the bytes of a request.
//!
//! Interprets the bytes as specified by `docs/protocol.md` and netlink. Depends on
//! the bytes and the [`Environment`]; must not depend on the case. Pure.

mod attributes;
pub(crate) mod control;

use std::ops::Range;

use nix::libc::{EBADF, EINVAL, ENOENT, EOPNOTSUPP, EPERM, ESRCH};

use crate::case::Transport;
use crate::groups::{self, GROUPS};
use crate::wire::{
    GENL_HEADER, GENL_MAX_ID, HEADER, Header, NLM_F_ACK, NLM_F_DUMP, NLM_F_ECHO, NLM_F_REQUEST,
    NLMSG_MIN_TYPE, align, u32_at, u64_at,
};
use attributes::Found;
use taskdiag::abi;

/// The largest number a task can have: `PID_MAX_LIMIT`.
pub(crate) const PID_MAX_LIMIT: u32 = 4 * 1024 * 1024;

/// Whether a request finds the task with a pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// The task exists for the whole run and is visible.
    Present,
    /// During the whole run no task with the pid exists or none is visible.
    Absent,
    Unsure,
}

/// A pid namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PidNs {
    /// The pid namespace of the run and of most of its processes.
    Outer,
    /// The pid namespace of the contained processes, a child of [`Self::Outer`].
    Child,
    /// The pid namespace of a process that performs a case in new namespaces, a
    /// child of [`Self::Outer`].
    Inner,
    /// Any of these namespaces.
    Unknown,
}

impl PidNs {
    /// Whether the namespace equals `other` or is a descendant of it.
    const fn is_within(self, other: Self) -> bool {
        matches!(
            (self, other),
            (_, Self::Outer) | (Self::Child, Self::Child) | (Self::Inner, Self::Inner)
        )
    }
}

/// The object that a descriptor number refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// No open file, or one that is opened with `O_PATH`.
    Nothing,
    /// Neither a task nor a pid namespace.
    Other,
    /// A pidfd of the task with this pid in [`PidNs::Outer`].
    Task(u32),
    /// A pidfd of a task that has been reaped.
    EndedTask,
    PidNamespace(PidNs),
    Unsure,
}

/// Supported features: fields of `struct task_diag_features`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    pub(crate) groups: u64,
    pub(crate) strategies: u64,
    pub(crate) filters: u64,
    pub(crate) options: u64,
    /// Supported flags of memory mappings.
    pub(crate) vma_flags: u64,
    pub(crate) recv_min: u32,
}

/// The sender of a request, and the tasks and descriptors that it can name.
pub(crate) trait Environment {
    /// The family id.
    fn family(&self) -> u16;
    fn features(&self) -> Features;
    /// The pid namespace of a request without `TASK_DIAG_CMD_ATTR_PIDNS_FD`.
    fn pid_ns(&self) -> PidNs;
    /// Whether the sender has `CAP_SYS_ADMIN` over every pid namespace.
    fn may_enter_any_pid_ns(&self) -> bool;
    /// Whether a request finds the task with this pid in a pid namespace.
    fn presence(&self, pid_ns: PidNs, pid: u32) -> Presence;
    /// Returns the pid in a pid namespace of the task with pid `outer` in
    /// [`PidNs::Outer`], if the task has one and is visible.
    fn translate(&self, pid_ns: PidNs, outer: u32) -> (Presence, Option<u32>);
    fn opened(&self, number: u32) -> Opened;
    /// Whether a user id is valid in the sender's user namespace.
    fn has_uid(&self, uid: u32) -> Option<bool>;
    /// Whether the process that the request names as its source may have ended.
    fn source_may_be_gone(&self) -> bool;
}

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
    /// The request has filters. The model does not know which tasks match them.
    pub(crate) filtered: bool,
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

/// Faults of a request, of which the kernel reports one.
#[derive(Debug, Default)]
struct Faults {
    /// Faults with which the request cannot succeed.
    certain: Vec<Refusal>,
    /// Errors of a request that may also succeed.
    possible: Vec<Refusal>,
}

impl Faults {
    /// Returns the query, unless a fault is certain, and the possible errors.
    fn resolve(self, query: Query) -> (Option<Query>, Vec<Refusal>) {
        let query = self.certain.is_empty().then_some(query);
        let mut refusals = self.certain;
        refusals.extend(self.possible);
        (query, refusals)
    }
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

/// Returns the query and the possible errors of a `TASK_DIAG_CMD_GET`. Its
/// attributes begin at `begin`.
fn request_message(
    message: &[u8],
    begin: usize,
    flags: u16,
    environment: &dyn Environment,
) -> (Option<Query>, Vec<Refusal>) {
    let parsed = attributes::parse(message, begin);
    if parsed.fault.is_some() {
        return (None, parsed.faults().collect());
    }
    let dump = flags & NLM_F_DUMP == NLM_F_DUMP;
    let mut faults = Faults {
        certain: Vec::new(),
        possible: Vec::new(),
    };
    faults.certain.extend(parsed.last_faults());
    if environment.source_may_be_gone() {
        faults.possible.push(Refusal::no_such_task());
    }
    let Some(get) = parsed.last(abi::TASK_DIAG_CMD_ATTR_GET) else {
        faults.certain.push(Refusal::plain(EINVAL));
        let refusals = faults.certain.into_iter().chain(faults.possible);
        return (None, refusals.collect());
    };

    let mut query = read_request(get, dump, environment, &mut faults);
    check_filters(&parsed, &mut query, environment, &mut faults);
    find_pid_ns(&parsed, &mut query, environment, &mut faults);
    find_task(&parsed, get, &mut query, environment, &mut faults);
    if query.filtered && query.strategy == abi::TASK_DIAG_DUMP_ONE {
        faults.possible.push(Refusal::no_such_task());
    }
    faults.resolve(query)
}

/// Checks `TASK_DIAG_CMD_ATTR_GET`.
fn read_request(
    get: &Found<'_>,
    dump: bool,
    environment: &dyn Environment,
    faults: &mut Faults,
) -> Query {
    let request = get.value;
    let query = Query {
        show: u64_at(request, 0).unwrap_or_default(),
        strategy: u64_at(request, 8).unwrap_or_default(),
        pid: u32_at(request, 16).unwrap_or_default(),
        pid_ns: environment.pid_ns(),
        dump,
        filtered: false,
        pids: None,
        states: None,
    };
    let features = environment.features();
    let mut fault = |errno| faults.certain.push(Refusal::at(errno, get.at));
    if u32_at(request, 20) != Some(0) {
        fault(EINVAL);
    }
    if query.show & !groups::known() != 0 {
        fault(EINVAL);
    }
    if query.show & groups::known() & !features.groups != 0 {
        fault(EOPNOTSUPP);
    }
    if !dump
        && GROUPS
            .iter()
            .any(|group| query.show & (1 << group.bit) != 0 && group.is_long())
    {
        fault(EINVAL);
    }
    if query.strategy > abi::TASK_DIAG_DUMP_MAX {
        fault(EINVAL);
    } else if features.strategies & (1 << query.strategy) == 0 {
        fault(EOPNOTSUPP);
    }
    if !dump && query.strategy != abi::TASK_DIAG_DUMP_ONE {
        fault(EINVAL);
    }
    query
}

fn check_filters(
    parsed: &attributes::Parsed<'_>,
    query: &mut Query,
    environment: &dyn Environment,
    faults: &mut Faults,
) {
    let supported = environment.features().filters;
    for filter in 0..=abi::TASK_DIAG_FILTER_MAX {
        let Some(found) = parsed.last(abi::TASK_DIAG_ATTR_FILTERS + filter) else {
            continue;
        };
        query.filtered = true;
        let mut fault = |errno| faults.certain.push(Refusal::at(errno, found.at));
        if supported & (1 << filter) == 0 {
            fault(EOPNOTSUPP);
        }
        match found.kind {
            abi::TASK_DIAG_CMD_ATTR_UID => {
                match u32_at(found.value, 0).map(|uid| environment.has_uid(uid)) {
                    Some(Some(true)) | None => {}
                    Some(Some(false)) => fault(EINVAL),
                    Some(None) => faults.possible.push(Refusal::at(EINVAL, found.at)),
                }
            }
            // The model does not know which cgroups exist.
            abi::TASK_DIAG_CMD_ATTR_CGROUP => {
                faults.possible.push(Refusal::at(ENOENT, found.at));
            }
            abi::TASK_DIAG_CMD_ATTR_STATES => query.states = u32_at(found.value, 0),
            abi::TASK_DIAG_CMD_ATTR_PIDS => {
                query.pids = Some(
                    found
                        .value
                        .chunks_exact(4)
                        .filter_map(|pid| u32_at(pid, 0))
                        .collect(),
                );
            }
            abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS => {
                let needs = abi::TASK_DIAG_SHOW_VMA | abi::TASK_DIAG_SHOW_VMA_STAT;
                if query.show & needs == 0 {
                    fault(EINVAL);
                }
                let flags = u64_at(found.value, 0).unwrap_or_default();
                if flags & !environment.features().vma_flags != 0 {
                    fault(EOPNOTSUPP);
                }
            }
            _ => {}
        }
    }
}

/// Checks `TASK_DIAG_CMD_ATTR_PIDNS_FD`.
fn find_pid_ns(
    parsed: &attributes::Parsed<'_>,
    query: &mut Query,
    environment: &dyn Environment,
    faults: &mut Faults,
) {
    let Some(found) = parsed.last(abi::TASK_DIAG_CMD_ATTR_PIDNS_FD) else {
        return;
    };
    if environment.features().options & abi::TASK_DIAG_OPTION_PIDNS_FD == 0 {
        faults.certain.push(Refusal::at(EOPNOTSUPP, found.at));
    }
    let mut fault = |errno| faults.certain.push(Refusal::at(errno, found.at));
    match environment.opened(u32_at(found.value, 0).unwrap_or_default()) {
        Opened::Nothing => fault(EBADF),
        Opened::Other | Opened::Task(_) | Opened::EndedTask => fault(EINVAL),
        Opened::PidNamespace(pid_ns) => {
            if !pid_ns.is_within(environment.pid_ns()) && !environment.may_enter_any_pid_ns() {
                fault(EPERM);
            }
            query.pid_ns = pid_ns;
        }
        Opened::Unsure => {
            query.pid_ns = PidNs::Unknown;
            let refusals = [EBADF, EINVAL, EPERM].map(|errno| Refusal::at(errno, found.at));
            faults.possible.extend(refusals);
        }
    }
}

/// Checks the task that the strategy refers to, by pid or by pidfd.
fn find_task(
    parsed: &attributes::Parsed<'_>,
    get: &Found<'_>,
    query: &mut Query,
    environment: &dyn Environment,
    faults: &mut Faults,
) {
    let Some(found) = parsed.last(abi::TASK_DIAG_CMD_ATTR_PIDFD) else {
        if query.is_for_all() || query.strategy > abi::TASK_DIAG_DUMP_MAX {
            return;
        }
        if !(1..=PID_MAX_LIMIT).contains(&query.pid) {
            faults.certain.push(Refusal::at(EINVAL, get.at));
            return;
        }
        let no_such_task = Refusal::at(ESRCH, get.at);
        match environment.presence(query.pid_ns, query.pid) {
            Presence::Present => {}
            Presence::Absent => faults.certain.push(no_such_task),
            Presence::Unsure => faults.possible.push(no_such_task),
        }
        return;
    };

    if environment.features().options & abi::TASK_DIAG_OPTION_PIDFD == 0 {
        faults.certain.push(Refusal::at(EOPNOTSUPP, found.at));
    }
    if query.pid != 0 || query.is_for_all() {
        faults.certain.push(Refusal::at(EINVAL, found.at));
    }
    query.pid = 0;
    match environment.opened(u32_at(found.value, 0).unwrap_or_default()) {
        Opened::Nothing | Opened::Other | Opened::PidNamespace(_) => {
            faults.certain.push(Refusal::at(EBADF, found.at));
        }
        Opened::EndedTask => faults.certain.push(Refusal::no_such_task()),
        Opened::Task(outer) => {
            let (presence, pid) = environment.translate(query.pid_ns, outer);
            query.pid = pid.unwrap_or_default();
            match presence {
                Presence::Present => {}
                Presence::Absent => faults.certain.push(Refusal::no_such_task()),
                Presence::Unsure => faults.possible.push(Refusal::no_such_task()),
            }
        }
        Opened::Unsure => {
            faults.possible.push(Refusal::at(EBADF, found.at));
            faults.possible.push(Refusal::no_such_task());
        }
    }
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
mod tests {
    use super::*;
    use crate::case::{Attribute, Descriptor, Length, Message, Value};
    use crate::encode::datagram;
    use crate::encode::tests::{FixedRoles, request};
    use nix::libc::ERANGE;

    /// A world with process 1 and without process 2. Descriptors below 5 are
    /// closed, 5 is a pidfd of process 1, 6 a pidfd of a process that has been
    /// reaped, 7 the child pid namespace, 8 a file.
    struct Empty {
        privileged: bool,
        pid_ns: PidNs,
    }

    const OUTER: Empty = Empty {
        privileged: true,
        pid_ns: PidNs::Outer,
    };

    impl Environment for Empty {
        fn family(&self) -> u16 {
            0x1d
        }
        fn features(&self) -> Features {
            Features {
                groups: 0x63,
                strategies: 0x3f,
                filters: 0x3d,
                options: 3,
                vma_flags: 0xff,
                recv_min: 8192,
            }
        }
        fn pid_ns(&self) -> PidNs {
            self.pid_ns
        }
        fn may_enter_any_pid_ns(&self) -> bool {
            self.privileged
        }
        fn presence(&self, _: PidNs, pid: u32) -> Presence {
            match pid {
                1 => Presence::Present,
                2 => Presence::Absent,
                _ => Presence::Unsure,
            }
        }
        fn translate(&self, pid_ns: PidNs, outer: u32) -> (Presence, Option<u32>) {
            match pid_ns {
                PidNs::Outer => (self.presence(pid_ns, outer), Some(outer)),
                _ => (Presence::Absent, None),
            }
        }
        fn opened(&self, number: u32) -> Opened {
            match number {
                5 => Opened::Task(1),
                6 => Opened::EndedTask,
                7 => Opened::PidNamespace(PidNs::Child),
                8 => Opened::Other,
                9 => Opened::PidNamespace(PidNs::Outer),
                _ => Opened::Nothing,
            }
        }
        fn has_uid(&self, uid: u32) -> Option<bool> {
            Some(uid != u32::MAX)
        }
        fn source_may_be_gone(&self) -> bool {
            false
        }
    }

    fn expect_one_in(environment: &Empty, message: Message) -> Expectation {
        let bytes = datagram(Transport::Socket, &[message], &[], &FixedRoles);
        let expected = expect(&bytes, environment);
        assert!(!expected.ambiguous);
        assert_eq!(expected.messages.len(), 1);
        expected.messages[0].clone()
    }

    fn expect_one(message: Message) -> Expectation {
        expect_one_in(&OUTER, message)
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

    fn other(kind: u16, value: &[u8]) -> Attribute {
        Attribute {
            kind,
            len: Length::True,
            value: Value::Bytes(value.to_vec()),
        }
    }

    fn faults(expectation: &Expectation) -> Vec<(i32, Option<u32>)> {
        assert_eq!(expectation.query, None);
        expectation
            .refusals
            .iter()
            .map(|refusal| (refusal.errno, refusal.at))
            .collect()
    }

    #[test]
    fn valid_dump_brings_rows() {
        let expectation = expect_one(request(abi::TASK_DIAG_DUMP_ALL, 0));
        assert_eq!(
            expectation.query,
            Some(Query {
                strategy: 0,
                show: 3,
                pid: 0,
                pid_ns: PidNs::Outer,
                dump: true,
                filtered: false,
                pids: None,
                states: None,
            })
        );
        assert!(expectation.refusals.is_empty());
    }

    #[test]
    fn absent_task_is_refused() {
        let absent = expect_one(request(abi::TASK_DIAG_DUMP_CHILDREN, 2));
        assert_eq!(faults(&absent), [(ESRCH, Some(20))]);

        let unsure = expect_one(request(abi::TASK_DIAG_DUMP_THREAD, 3));
        assert!(unsure.query.is_some());
        assert_eq!(unsure.refusals.len(), 1);
    }

    #[test]
    fn each_fault_of_the_request_is_found() {
        let one = |errno| [(errno, Some(20))];
        let show = |bits| edit(0, 0, move |message| fields(message).show_flags = bits);
        assert_eq!(
            faults(&edit(0, 0, |message| fields(message).reserved = 1)),
            one(EINVAL)
        );
        assert_eq!(faults(&show(0x400)), one(EINVAL));
        assert_eq!(faults(&show(0x18)), one(EOPNOTSUPP));
        assert_eq!(
            faults(&edit(1, 1, |message| {
                message.flags = NLM_F_REQUEST;
                fields(message).show_flags = 0x20;
            })),
            one(EINVAL)
        );
        assert!(
            edit(1, 1, |message| {
                message.flags = NLM_F_REQUEST;
                fields(message).show_flags = abi::TASK_DIAG_SHOW_FILES;
            })
            .query
            .is_some()
        );
        assert_eq!(faults(&edit(7, 0, |_| ())), one(EINVAL));
        assert_eq!(faults(&edit(1, 0, |_| ())), one(EINVAL));
        assert_eq!(
            faults(&edit(0, 0, |message| fields(message).off = -4)),
            one(ERANGE)
        );
        assert_eq!(
            faults(&edit(2, 1, |message| message.flags = NLM_F_REQUEST)),
            one(EINVAL)
        );
        assert_eq!(
            faults(&edit(0, 0, |message| message.attributes.clear())),
            [(EINVAL, None)]
        );
    }

    #[test]
    fn headers_are_checked_strictly() {
        let errno = |expectation: Expectation| expectation.refusals[0].errno;
        assert_eq!(errno(edit(0, 0, |message| message.reserved = 1)), EINVAL);
        assert_eq!(errno(edit(0, 0, |message| message.flags |= 0x400)), EINVAL);
        assert_eq!(errno(edit(0, 0, |message| message.flags = 0x101)), EINVAL);
        assert_eq!(errno(edit(0, 0, |message| message.cmd = 3)), EOPNOTSUPP);
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
        for kind in [0, 2, 5, 16, 64, 0x3fff, crate::wire::NLA_F_NESTED | 1] {
            let expectation = edit(0, 0, |message| {
                message.attributes.push(other(kind, &[0; 4]));
            });
            assert_eq!(errno(expectation), EINVAL, "{kind:#x}");
        }
        assert_eq!(errno(edit(0, 0, |message| message.cut = 1)), EINVAL);
        // NLA_F_NET_BYTEORDER is not checked.
        let expectation = edit(0, 0, |message| {
            message.attributes[0].kind |= crate::wire::NLA_F_NET_BYTEORDER;
        });
        assert!(expectation.query.is_some());
    }

    #[test]
    fn filters_are_checked() {
        let filter =
            |kind, value: &[u8]| edit(0, 0, |message| message.attributes.push(other(kind, value)));
        let at = Some(48);
        assert!(
            filter(abi::TASK_DIAG_CMD_ATTR_UID, &[0; 4])
                .query
                .is_some_and(|query| query.filtered)
        );
        assert_eq!(
            faults(&filter(abi::TASK_DIAG_CMD_ATTR_UID, &[0xff; 4])),
            [(EINVAL, at)]
        );
        // The features do not include the filter.
        let cgroup = filter(abi::TASK_DIAG_CMD_ATTR_CGROUP, &[1; 8]);
        assert!(faults(&cgroup).contains(&(EOPNOTSUPP, at)));
        // The request has neither VMA nor VMA_STAT.
        assert_eq!(
            faults(&filter(abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS, &[0; 8])),
            [(EINVAL, at)]
        );
    }

    fn with_option(
        environment: &Empty,
        strategy: u64,
        pid: u32,
        kind: u16,
        number: u32,
    ) -> Expectation {
        let mut message = request(strategy, pid);
        message.attributes.push(other(kind, &number.to_ne_bytes()));
        expect_one_in(environment, message)
    }

    #[test]
    fn pidfd_names_the_task() {
        let kind = abi::TASK_DIAG_CMD_ATTR_PIDFD;
        let one = |pid, number| with_option(&OUTER, abi::TASK_DIAG_DUMP_ONE, pid, kind, number);
        assert_eq!(one(0, 5).query.map(|query| query.pid), Some(1));
        assert_eq!(faults(&one(1, 5)), [(EINVAL, Some(48))]);
        assert_eq!(faults(&one(0, 4)), [(EBADF, Some(48))]);
        assert_eq!(faults(&one(0, 7)), [(EBADF, Some(48))]);
        assert_eq!(faults(&one(0, 8)), [(EBADF, Some(48))]);
        assert_eq!(faults(&one(0, 6)), [(ESRCH, None)]);
        let all = with_option(&OUTER, abi::TASK_DIAG_DUMP_ALL, 0, kind, 5);
        assert_eq!(faults(&all), [(EINVAL, Some(48))]);
    }

    #[test]
    fn pid_namespace_is_own_or_below_or_needs_a_capability() {
        let kind = abi::TASK_DIAG_CMD_ATTR_PIDNS_FD;
        let all = |environment: &Empty, number| {
            with_option(environment, abi::TASK_DIAG_DUMP_ALL, 0, kind, number)
        };
        let inner = |privileged| Empty {
            privileged,
            pid_ns: PidNs::Inner,
        };
        let pid_ns = |expectation: Expectation| expectation.query.map(|query| query.pid_ns);
        assert_eq!(pid_ns(all(&OUTER, 7)), Some(PidNs::Child));
        assert_eq!(pid_ns(all(&inner(true), 7)), Some(PidNs::Child));
        assert_eq!(faults(&all(&inner(false), 7)), [(EPERM, Some(48))]);
        assert_eq!(faults(&all(&inner(false), 9)), [(EPERM, Some(48))]);
        assert_eq!(faults(&all(&OUTER, 4)), [(EBADF, Some(48))]);
        assert_eq!(faults(&all(&OUTER, 5)), [(EINVAL, Some(48))]);
        assert_eq!(faults(&all(&OUTER, 8)), [(EINVAL, Some(48))]);
    }

    #[test]
    fn descriptors_are_encoded_as_numbers() {
        let mut message = request(abi::TASK_DIAG_DUMP_ONE, 0);
        message.attributes.push(Attribute {
            kind: abi::TASK_DIAG_CMD_ATTR_PIDFD,
            len: Length::True,
            value: Value::Descriptor(Descriptor::OwnTask),
        });
        assert_eq!(expect_one(message).query.map(|query| query.pid), Some(1));
    }

    #[test]
    fn message_without_request_flag_is_no_request() {
        let expectation = edit(0, 0, |message| message.flags = NLM_F_ACK);
        assert_eq!(expectation.query, None);
        assert!(expectation.refusals.is_empty());
        assert!(expectation.wants_ack);
    }

    #[test]
    fn wrong_length_ends_the_datagram() {
        let mut first = request(0, 0);
        first.len = Length::Is(15);
        let bytes = datagram(Transport::Socket, &[first, request(0, 0)], &[], &FixedRoles);
        assert!(expect(&bytes, &OUTER).messages.is_empty());
    }

    #[test]
    fn twins_are_vague() {
        let bytes = datagram(
            Transport::Socket,
            &[request(0, 0), request(0, 0)],
            &[],
            &FixedRoles,
        );
        assert!(expect(&bytes, &OUTER).ambiguous);
    }

    fn written(messages: &[Message], tail: &[u8]) -> Expectation {
        let bytes = datagram(Transport::File, messages, tail, &FixedRoles);
        expect_of_file(&bytes, &OUTER).messages.remove(0)
    }

    #[test]
    fn file_takes_one_whole_request() {
        let whole = written(&[request(0, 0)], &[]);
        assert!(whole.query.is_some() && whole.refusals.is_empty());
        let einval = [(EINVAL, None)];
        assert_eq!(faults(&written(&[request(0, 0)], &[1])), einval);
        assert_eq!(
            faults(&written(&[request(0, 0), request(0, 0)], &[])),
            einval
        );
        let mut short = request(0, 0);
        short.len = Length::Off(-4);
        assert_eq!(faults(&written(&[short], &[])), einval);
        let mut unasked = request(0, 0);
        unasked.flags = NLM_F_DUMP;
        assert_eq!(faults(&written(&[unasked], &[])), einval);
    }

    #[test]
    fn file_has_the_commands_of_the_family() {
        let command = |cmd| {
            let mut message = request(0, 0);
            message.cmd = cmd;
            message
        };
        assert_eq!(faults(&written(&[command(3)], &[])), [(EOPNOTSUPP, None)]);
        assert_eq!(faults(&written(&[command(2)], &[])), [(EINVAL, None)]);
        let mut features = command(2);
        features.attributes.clear();
        assert!(written(&[features], &[]).features);
    }
}
