// SPDX-License-Identifier: MIT
//! Builds the messages of a reply, in the form of `/proc/task-diag`.

use netlink_packet_core::{NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_MULTIPART, NLMSG_DONE, NLMSG_ERROR};
use nix::libc;
use taskdiag::abi::{self, TaskDiagAbsent, TaskDiagFeatures, TaskDiagMsg};
use taskdiag::netlink::{ATTRIBUTE_MAX, Attributes, Header, align};
use taskdiag::{Absent, Error, KernelError, Pid, RECEIVE_BUFFER};
use zerocopy::IntoBytes;

// enum nlmsgerr_attrs
const ATTR_MSG: u16 = 1;
const ATTR_OFFS: u16 = 2;
const ATTR_MISS_TYPE: u16 = 5;

/// Length of a message header.
pub(crate) const HEADER: usize = size_of::<Header>();
/// Length of an attribute header.
pub(crate) const ATTRIBUTE: usize = 4;
/// The maximum length of a message in bytes: that of the kernel.
const MESSAGE_MAX: usize = RECEIVE_BUFFER;
// An attribute that fits into a message has a valid length.
const _: () = assert!(MESSAGE_MAX <= ATTRIBUTE_MAX);
/// Length of the attribute ABSENT, which the last message of a row may need.
const ABSENT: usize = ATTRIBUTE + size_of::<TaskDiagAbsent>();

/// The reason that a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) errno: i32,
    pub(crate) text: String,
    pub(crate) fault: Fault,
}

/// The attribute at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The attribute at this offset in the request.
    At(u32),
    /// The request lacks an attribute of this type.
    Missing(u16),
}

impl Refusal {
    pub(crate) fn new(errno: i32, text: impl Into<String>, fault: Fault) -> Self {
        Self {
            errno,
            text: text.into(),
            fault,
        }
    }

    pub(crate) fn invalid(text: impl Into<String>, fault: Fault) -> Self {
        Self::new(libc::EINVAL, text, fault)
    }

    /// The refusal of a request whose strategy names a task that the client may not
    /// see.
    pub(crate) fn no_such_task(request: &[u8]) -> Self {
        let offset = offset_of(abi::TASK_DIAG_CMD_ATTR_GET, request);
        let fault = offset.map_or(Fault::None, Fault::At);
        Self::new(libc::ESRCH, "pid: no such task", fault)
    }

    /// The refusal of a request by the library, which reports the type of the
    /// attribute at fault, but not its offset.
    pub(crate) fn of_source(error: Error, request: &[u8]) -> Self {
        match error {
            Error::Kernel(KernelError {
                errno,
                message,
                attribute,
                ..
            }) => {
                let kind = attribute.and_then(|attribute| attribute.kind);
                let offset = kind.and_then(|kind| offset_of(kind, request));
                let fault = offset.map_or(Fault::None, Fault::At);
                Self::new(errno, message.unwrap_or_default(), fault)
            }
            error => Self::new(
                error.errno().unwrap_or(libc::EIO),
                error.to_string(),
                Fault::None,
            ),
        }
    }
}

/// Returns the offset of the last attribute of this type in a request.
fn offset_of(kind: u16, request: &[u8]) -> Option<u32> {
    let mut attributes = Attributes::new(request.get(HEADER..)?);
    let mut offset = None;
    loop {
        let at = HEADER + attributes.at();
        match attributes.next() {
            Some(Ok((found, _))) if found == kind => offset = u32::try_from(at).ok(),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return offset,
        }
    }
}

/// A message, complete or being built. Its memory is reused for the next message.
#[derive(Debug, Default)]
pub(crate) struct Message {
    bytes: Vec<u8>,
    /// The header of the request.
    request: [u8; HEADER],
}

impl Message {
    /// Builds messages of the reply to this request.
    pub(crate) fn replying_to(request: &[u8]) -> Self {
        Self {
            bytes: Vec::new(),
            request: *request.first_chunk().unwrap_or(&[0; HEADER]),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns how many bytes can be appended to a row's message.
    pub(crate) fn room(&self) -> usize {
        (MESSAGE_MAX - ABSENT).saturating_sub(self.bytes.len())
    }

    fn begin(&mut self, kind: u16, flags: u16) {
        self.bytes.clear();
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        // Sequence and port number.
        self.bytes.extend(&self.request[8..]);
    }

    /// Begins a message of a row. `flags` are `TASK_DIAG_FLAG_*`.
    pub(crate) fn begin_row(&mut self, (pid, tgid): (Pid, Pid), is_dump: bool, flags: u32) {
        let kind = abi::task_diag_nlmsg(abi::TASK_DIAG_CMD_GET);
        self.begin(kind, if is_dump { NLM_F_MULTIPART } else { 0 });
        let mut msg = TaskDiagMsg::default();
        (msg.pid, msg.tgid, msg.flags) = (pid, tgid, flags);
        self.put(abi::TASK_DIAG_MSG, msg.as_bytes());
    }

    /// Sets the flag that the next message continues the row.
    pub(crate) fn set_more(&mut self) {
        let at = HEADER + ATTRIBUTE + std::mem::offset_of!(TaskDiagMsg, flags);
        if let Some(flags) = self.bytes[at..].first_chunk_mut() {
            let more = u32::from_ne_bytes(*flags) | abi::TASK_DIAG_FLAG_MORE;
            *flags = more.to_ne_bytes();
        }
    }

    /// Appends the groups that the row lacks, if there are any.
    pub(crate) fn put_absent(&mut self, absent: Absent) {
        if !absent.is_empty() {
            let absent = TaskDiagAbsent::from(absent);
            self.put(abi::TASK_DIAG_ABSENT, absent.as_bytes());
        }
    }

    /// Appends an attribute.
    pub(crate) fn put(&mut self, kind: u16, value: &[u8]) {
        // The value is limited by the message, or by the caller.
        let len = (ATTRIBUTE + value.len()) as u16;
        self.bytes.extend(len.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(value);
        self.bytes.resize(align(self.bytes.len()), 0);
    }

    /// Sets the length of the message.
    pub(crate) fn end(&mut self) {
        let len = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&len.to_ne_bytes());
    }

    pub(crate) fn set_features(&mut self, features: &TaskDiagFeatures) {
        self.begin(abi::task_diag_nlmsg(abi::TASK_DIAG_CMD_FEATURES), 0);
        self.put(abi::TASK_DIAG_FEATURES, features.as_bytes());
        self.end();
    }

    /// Builds the message of this command that has these attributes.
    pub(crate) fn set_plain(&mut self, cmd: u8, attributes: &[u8]) {
        self.begin(abi::task_diag_nlmsg(cmd), 0);
        self.bytes.extend(attributes);
        self.end();
    }

    /// Adds flags to the header.
    pub(crate) fn add_flags(&mut self, flags: u16) {
        let before = u16::from_ne_bytes([self.bytes[6], self.bytes[7]]);
        self.bytes[6..8].copy_from_slice(&(before | flags).to_ne_bytes());
    }

    /// Builds the end of a dump. A refusal is the reason that the dump is incomplete.
    pub(crate) fn set_done(&mut self, refusal: Option<&Refusal>) {
        match refusal {
            None => {
                self.begin(NLMSG_DONE, NLM_F_MULTIPART);
                self.bytes.extend([0; 4]);
            }
            Some(refusal) => {
                self.begin(NLMSG_DONE, NLM_F_MULTIPART | NLM_F_ACK_TLVS);
                self.bytes.extend((-refusal.errno).to_ne_bytes());
                self.put_reason(refusal);
            }
        }
        self.end();
    }

    /// Builds the message of a refused request.
    pub(crate) fn set_refusal(&mut self, refusal: &Refusal) {
        self.begin(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS);
        self.bytes.extend((-refusal.errno).to_ne_bytes());
        let request = self.request;
        self.bytes.extend(request);
        self.put_reason(refusal);
        self.end();
    }

    fn put_reason(&mut self, refusal: &Refusal) {
        if !refusal.text.is_empty() {
            let text = [refusal.text.as_bytes(), &[0]].concat();
            self.put(ATTR_MSG, &text);
        }
        match refusal.fault {
            Fault::None => {}
            Fault::At(offset) => self.put(ATTR_OFFS, &offset.to_ne_bytes()),
            Fault::Missing(kind) => self.put(ATTR_MISS_TYPE, &u32::from(kind).to_ne_bytes()),
        }
    }
}

/// Returns the message that refuses a request.
pub(crate) fn refusal(request: &[u8], refusal: &Refusal) -> Vec<u8> {
    let mut message = Message::replying_to(request);
    message.set_refusal(refusal);
    message.bytes
}
