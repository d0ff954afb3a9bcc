// SPDX-License-Identifier: MIT
//! Parses the request messages of clients.
//!
//! A request may consist of any bytes. A request that netlink would not reply to is
//! refused, and so is one that refers to a descriptor, except that of a procfs mount.

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};
use nix::libc;
use taskdiag::abi::{self, TaskDiagPid};
use taskdiag::netlink::{Attributes, Header};
use taskdiag::{Filters, Mode, Pid, Request, Show, States, Strategy, VmaFlags};
use zerocopy::FromBytes;

use crate::message::{Fault, HEADER, Refusal};

/// A message with one of the commands of the family.
#[derive(Debug)]
pub(crate) struct RequestMessage<'a> {
    pub(crate) header: Header,
    /// The bytes of the message, without those that follow it.
    pub(crate) bytes: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) cmd: u8,
}

impl<'a> RequestMessage<'a> {
    /// Parses the header, and checks that the message is a request without descriptors
    /// of namespaces and tasks: a descriptor of the client is another file in the daemon,
    /// or none.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let malformed = |_| Refusal::invalid("nlmsg_len: no message", Fault::None);
        let (header, payload, _) = Header::split(bytes).map_err(malformed)?;
        if header.flags & NLM_F_REQUEST == 0 {
            let text = "nlmsg_flags: NLM_F_REQUEST is missing";
            return Err(Refusal::invalid(text, Fault::None));
        }
        let kind = header.kind;
        let cmd = [abi::TASK_DIAG_CMD_GET, abi::TASK_DIAG_CMD_FEATURES]
            .into_iter()
            .find(|&cmd| kind == abi::task_diag_nlmsg(cmd))
            .ok_or_else(|| {
                let text = format!("nlmsg_type: unknown type {kind}");
                Refusal::new(libc::EOPNOTSUPP, text, Fault::None)
            })?;
        let request = Self {
            header,
            bytes: &bytes[..HEADER + payload.len()],
            payload,
            cmd,
        };
        request.refuse_descriptors()?;
        Ok(request)
    }

    fn refuse_descriptors(&self) -> Result<(), Refusal> {
        for attribute in self.attributes() {
            match attribute {
                Ok((kind, Attribute { fault, .. })) if is_descriptor(kind) => {
                    let name = abi::attribute_name(kind).unwrap_or("descriptor");
                    let text = format!("{name}: not supported by the daemon");
                    return Err(Refusal::new(libc::EOPNOTSUPP, text, fault));
                }
                Ok(_) => {}
                // decode(), or the kernel, refuses malformed attributes.
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Returns the number of the client's descriptor of a procfs mount, and the location
    /// of the attribute.
    pub(crate) fn proc_fd(&self) -> Result<Option<(u32, Fault)>, Refusal> {
        let mut last = None;
        // decode(), or the kernel, refuses malformed attributes.
        for (kind, attribute) in self.attributes().map_while(Result::ok) {
            if kind == abi::TASK_DIAG_CMD_ATTR_PROC_FD {
                last = Some((attribute.u32("proc_fd")?, attribute.fault));
            }
        }
        Ok(last)
    }

    /// Returns the attributes without those that name a procfs mount, and the offsets in
    /// the result at which one was removed.
    pub(crate) fn without_proc_fd(&self) -> (Vec<u8>, Vec<usize>) {
        let mut rest = Vec::with_capacity(self.payload.len());
        let mut removed = Vec::new();
        let mut attributes = Attributes::new(self.payload);
        let mut from = 0;
        while let Some(attribute) = attributes.next() {
            let to = attributes.at().min(self.payload.len());
            match attribute {
                Ok((abi::TASK_DIAG_CMD_ATTR_PROC_FD, _)) => removed.push(rest.len()),
                _ => rest.extend(&self.payload[from..to]),
            }
            from = to;
        }
        (rest, removed)
    }

    /// Iterates over the attributes and their types.
    fn attributes(&self) -> impl Iterator<Item = Result<(u16, Attribute<'a>), Refusal>> {
        let mut attributes = Attributes::new(self.payload);
        std::iter::from_fn(move || {
            let fault = Fault::At((HEADER + attributes.at()) as u32);
            Some(match attributes.next()? {
                Ok((kind, value)) => Ok((kind, Attribute { value, fault })),
                Err(_) => {
                    let text = "bytes leftover after parsing attributes";
                    Err(Refusal::invalid(text, Fault::None))
                }
            })
        })
    }

    /// Decodes the attributes. The library checks the values.
    ///
    /// # Errors
    ///
    /// The refusals that come before the checks of the library, in the kernel's order:
    /// those of the netlink policy and of fields that must be 0.
    pub(crate) fn decode(&self) -> Result<Query, Refusal> {
        let mut given = Given {
            is_empty: true,
            ..Given::default()
        };
        for attribute in self.attributes() {
            let (kind, attribute) = attribute?;
            // ClientMount has evaluated it.
            if kind != abi::TASK_DIAG_CMD_ATTR_PROC_FD {
                given.set(kind, attribute)?;
                given.is_empty = false;
            }
        }
        match self.cmd {
            abi::TASK_DIAG_CMD_GET => {
                let is_dump = self.header.flags & NLM_F_DUMP == NLM_F_DUMP;
                given.decode(is_dump)
            }
            _ if given.is_empty => Ok(Query::Features),
            _ => {
                let text = "attributes: there are none";
                Err(Refusal::invalid(text, Fault::None))
            }
        }
    }
}

/// A decoded request.
#[derive(Debug)]
pub(crate) enum Query {
    Features,
    Tasks(Request<'static>, Mode),
    /// A value is invalid that no [`Request`] can have. The request has the values that
    /// the kernel checks before that one, so a refusal of the library comes first.
    Refused(Request<'static>, Mode, Refusal),
}

fn is_descriptor(kind: u16) -> bool {
    kind == abi::TASK_DIAG_CMD_ATTR_PIDNS_FD || kind == abi::TASK_DIAG_CMD_ATTR_PIDFD
}

/// An attribute of a request.
#[derive(Clone, Copy, Debug)]
struct Attribute<'a> {
    value: &'a [u8],
    /// Where it is.
    fault: Fault,
}

impl<'a> Attribute<'a> {
    /// Returns the value if it has this length.
    fn sized<const N: usize>(self, name: &str) -> Result<[u8; N], Refusal> {
        self.value.try_into().map_err(|_| {
            let text = format!("{name}: {} bytes instead of {N}", self.value.len());
            Refusal::invalid(text, self.fault)
        })
    }

    fn u32(self, name: &str) -> Result<u32, Refusal> {
        self.sized(name).map(u32::from_ne_bytes)
    }

    fn u64(self, name: &str) -> Result<u64, Refusal> {
        self.sized(name).map(u64::from_ne_bytes)
    }

    /// Checks the value as the kernel's netlink policy does.
    fn check_policy(self, kind: u16) -> Result<(), Refusal> {
        match kind {
            abi::TASK_DIAG_CMD_ATTR_GET if self.value.len() != size_of::<TaskDiagPid>() => {
                let text = format!(
                    "struct task_diag_pid: {} bytes instead of {}",
                    self.value.len(),
                    size_of::<TaskDiagPid>()
                );
                Err(Refusal::new(libc::ERANGE, text, self.fault))
            }
            abi::TASK_DIAG_CMD_ATTR_UID => self.u32("uid").map(drop),
            abi::TASK_DIAG_CMD_ATTR_CGROUP => self.u64("cgroup").map(drop),
            abi::TASK_DIAG_CMD_ATTR_STATES => {
                let states = States::from_bits_retain(self.u32("states")?);
                match states.difference(States::all()).bits() {
                    0 => Ok(()),
                    unknown => {
                        let text = format!("states: unknown bits 0x{unknown:x}");
                        Err(Refusal::invalid(text, self.fault))
                    }
                }
            }
            abi::TASK_DIAG_CMD_ATTR_COMM => {
                let max = abi::TASK_DIAG_COMM_LEN - 1;
                let len = self.value.strip_suffix(b"\0").unwrap_or(self.value).len();
                match len > max || self.value.is_empty() {
                    true => {
                        let text = format!("comm: {len} bytes instead of 1 to {max}");
                        Err(Refusal::new(libc::ERANGE, text, self.fault))
                    }
                    false => Ok(()),
                }
            }
            abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS => self.u64("vma_flags").map(drop),
            _ => Ok(()),
        }
    }

    /// Returns the prefix of a name, which may end with a NUL.
    fn comm(self) -> Result<Vec<u8>, Refusal> {
        match self.value {
            b"\0" => Err(Refusal::invalid("comm: empty", self.fault)),
            value => Ok(value.strip_suffix(b"\0").unwrap_or(value).to_vec()),
        }
    }

    fn pids(self) -> Result<Vec<Pid>, Refusal> {
        let pids = self.value.chunks_exact(size_of::<Pid>());
        if !pids.remainder().is_empty() {
            let text = format!("pids: {} bytes are not a list of u32", self.value.len());
            return Err(Refusal::invalid(text, self.fault));
        }
        let pids = pids.filter_map(|pid| Some(Pid::from_ne_bytes(*pid.first_chunk()?)));
        Ok(pids.collect())
    }
}

/// The attributes of a request by type. Of several with one type the last counts.
#[derive(Debug, Default)]
struct Given<'a> {
    is_empty: bool,
    get: Option<Attribute<'a>>,
    uid: Option<Attribute<'a>>,
    cgroup: Option<Attribute<'a>>,
    states: Option<Attribute<'a>>,
    comm: Option<Attribute<'a>>,
    pids: Option<Attribute<'a>>,
    vma_flags: Option<Attribute<'a>>,
}

impl<'a> Given<'a> {
    fn set(&mut self, kind: u16, attribute: Attribute<'a>) -> Result<(), Refusal> {
        let field = match kind {
            abi::TASK_DIAG_CMD_ATTR_GET => &mut self.get,
            abi::TASK_DIAG_CMD_ATTR_UID => &mut self.uid,
            abi::TASK_DIAG_CMD_ATTR_CGROUP => &mut self.cgroup,
            abi::TASK_DIAG_CMD_ATTR_STATES => &mut self.states,
            abi::TASK_DIAG_CMD_ATTR_COMM => &mut self.comm,
            abi::TASK_DIAG_CMD_ATTR_PIDS => &mut self.pids,
            abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS => &mut self.vma_flags,
            _ => {
                let text = "Unknown attribute type";
                return Err(Refusal::invalid(text, attribute.fault));
            }
        };
        attribute.check_policy(kind)?;
        *field = Some(attribute);
        Ok(())
    }

    fn decode(&self, is_dump: bool) -> Result<Query, Refusal> {
        let Some(get) = self.get else {
            let fault = Fault::Missing(abi::TASK_DIAG_CMD_ATTR_GET);
            let text = "TASK_DIAG_CMD_ATTR_GET is missing";
            return Err(Refusal::invalid(text, fault));
        };
        let Ok(pid) = TaskDiagPid::read_from_bytes(get.value) else {
            let text = format!(
                "struct task_diag_pid: {} bytes instead of {}",
                get.value.len(),
                size_of::<TaskDiagPid>()
            );
            return Err(Refusal::new(libc::ERANGE, text, get.fault));
        };
        if pid.reserved != 0 {
            return Err(Refusal::invalid("reserved: must be 0", get.fault));
        }
        let mode = if is_dump { Mode::Dump } else { Mode::Get };
        // A strategy that is valid in both modes.
        let mut request = Request::new(Strategy::One(1));
        request.show = Show::from_bits_retain(pid.show_flags);
        let result = self.set_filters(&mut request.filters).and_then(|()| {
            request.strategy = strategy(&pid).ok_or_else(|| {
                let text = format!("dump_strategy: unknown strategy {}", pid.dump_strategy);
                Refusal::invalid(text, get.fault)
            })?;
            Ok(())
        });
        Ok(match result {
            Ok(()) => Query::Tasks(request, mode),
            Err(refusal) => Query::Refused(request, mode, refusal),
        })
    }

    /// Sets the filters in the order of their numbers, until one is invalid.
    fn set_filters(&self, filters: &mut Filters) -> Result<(), Refusal> {
        if let Some(uid) = self.uid {
            filters.uid = Some(uid.u32("uid")?);
        }
        if let Some(cgroup) = self.cgroup {
            filters.cgroup = Some(cgroup.u64("cgroup")?);
        }
        if let Some(states) = self.states {
            filters.states = Some(States::from_bits_retain(states.u32("states")?));
        }
        if let Some(comm) = self.comm {
            filters.comm = Some(comm.comm()?);
        }
        if let Some(pids) = self.pids {
            filters.pids = Some(pids.pids()?);
        }
        if let Some(flags) = self.vma_flags {
            filters.vma_flags = Some(VmaFlags::from_bits_retain(flags.u64("vma_flags")?));
        }
        Ok(())
    }
}

fn strategy(pid: &TaskDiagPid) -> Option<Strategy> {
    Some(match pid.dump_strategy {
        abi::TASK_DIAG_DUMP_ALL => Strategy::All,
        abi::TASK_DIAG_DUMP_ONE => Strategy::One(pid.pid),
        abi::TASK_DIAG_DUMP_CHILDREN => Strategy::Children(pid.pid),
        abi::TASK_DIAG_DUMP_THREAD => Strategy::Threads(pid.pid),
        abi::TASK_DIAG_DUMP_ALL_THREAD => Strategy::AllThreads,
        abi::TASK_DIAG_DUMP_DESCENDANTS => Strategy::Descendants(pid.pid),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use taskdiag::netlink::{TaskDiagMessage, encode};
    use taskdiag::{Framing, Mode, Request, Show, VmaFlags};

    use super::{NLM_F_DUMP, NLM_F_REQUEST, Query, RequestMessage, States, Strategy as Which};

    const DUMP: u16 = NLM_F_REQUEST | NLM_F_DUMP;

    #[test]
    fn encoded_request_is_decoded() {
        let mut request = Request::new(Which::Children(7))
            .show(Show::BASE | Show::CMDLINE)
            .uid(1)
            .cgroup(2)
            .states(States::ZOMBIE)
            .comm(b"x")
            .pids([3, 4])
            .vma_flags(VmaFlags::EXEC);
        let bytes = encode(TaskDiagMessage::from(&request), Framing::Plain, 1, DUMP).unwrap();
        let query = RequestMessage::parse(&bytes).unwrap().decode().unwrap();
        assert!(matches!(query, Query::Tasks(decoded, Mode::Dump) if decoded == request));

        request.show = Show::BASE;
        let bytes = encode(TaskDiagMessage::from(&request), Framing::Plain, 1, 1).unwrap();
        let query = RequestMessage::parse(&bytes).unwrap().decode().unwrap();
        assert!(matches!(query, Query::Tasks(decoded, Mode::Get) if decoded == request));

        let bytes = encode(TaskDiagMessage::features(), Framing::Plain, 1, 1).unwrap();
        let query = RequestMessage::parse(&bytes).unwrap().decode().unwrap();
        assert!(matches!(query, Query::Features));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_a_panic(
            bytes: Vec<u8>,
            attributes: Vec<u8>,
            kind in 0x10u16..0x14,
        ) {
            let mut message = (16 + attributes.len() as u32).to_ne_bytes().to_vec();
            message.extend(kind.to_ne_bytes());
            message.extend(DUMP.to_ne_bytes());
            message.extend([0; 8]);
            message.extend(attributes);
            for request in [bytes, message] {
                let _ = RequestMessage::parse(&request).and_then(|request| request.decode());
            }
        }
    }
}
