// SPDX-License-Identifier: MIT
//! The answering side: messages as the transaction file gives them, put together
//! for whoever answers in the kernel's place.

use std::io::{self, Read};

use netlink_packet_core::{NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_MULTIPART, NLMSG_DONE, NLMSG_ERROR};
use nix::libc;
use zerocopy::IntoBytes;

use crate::abi::{self, TaskDiagAbsent, TaskDiagFeatures, TaskDiagMsg};
use crate::netlink::align;
use crate::pid::Pid;
use crate::task::Absent;

/// `enum nlmsgerr_attrs`.
const ATTR_MSG: u16 = 1;
const ATTR_OFFS: u16 = 2;
const ATTR_MISS_TYPE: u16 = 5;

/// `struct nlmsghdr`, and `struct nlattr`.
pub(crate) const HEADER: usize = 16;
pub(crate) const ATTRIBUTE: usize = 4;
/// An attribute is no longer than this, its header included.
pub(crate) const ATTRIBUTE_MAX: usize = u16::MAX as usize;

/// Room that a row leaves for the attribute ABSENT in its last message.
pub(crate) const ABSENT_ROOM: usize = ATTRIBUTE + size_of::<TaskDiagAbsent>();

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) errno: i32,
    pub(crate) text: String,
    pub(crate) blame: Blame,
}

/// The attribute at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    Nothing,
    At(u32),
    Missing(u16),
}

impl Refusal {
    pub(crate) fn new(errno: i32, text: impl Into<String>, blame: Blame) -> Self {
        Self {
            errno,
            text: text.into(),
            blame,
        }
    }

    pub(crate) fn invalid(text: impl Into<String>, blame: Blame) -> Self {
        Self::new(libc::EINVAL, text, blame)
    }

    pub(crate) fn no_such_task(blame: Blame) -> Self {
        Self::new(libc::ESRCH, "pid: no such task", blame)
    }

    /// There was such a task when the request came.
    pub(crate) fn gone() -> Self {
        Self::no_such_task(Blame::Nothing)
    }
}

/// The options that name a task or a namespace by a descriptor of the sender.
pub(crate) const DESCRIPTORS: [u16; 2] = [
    abi::TASK_DIAG_CMD_ATTR_PIDNS_FD,
    abi::TASK_DIAG_CMD_ATTR_PIDFD,
];

/// Whether it is the type of such an option.
pub(crate) fn is_descriptor(kind: u16) -> bool {
    DESCRIPTORS.contains(&kind)
}

/// Refuses such an option: descriptors reach the kernel only.
pub(crate) fn no_descriptors(kind: u16, by: &str, blame: Blame) -> Refusal {
    let name = abi::attribute_name(kind).unwrap_or("descriptor");
    let text = format!("{name}: not supported by {by}");
    Refusal::new(libc::EOPNOTSUPP, text, blame)
}

/// A message, whole or being put together. Its memory is kept for the next.
#[derive(Debug, Default)]
pub(crate) struct Message {
    bytes: Vec<u8>,
    /// How long it may become.
    pub(crate) limit: usize,
    /// The header of the request that is answered.
    request: [u8; HEADER],
}

impl Message {
    /// Forgets everything: another request is to be answered.
    pub(crate) fn answer_to(&mut self, request: &[u8]) {
        self.bytes.clear();
        self.request = *request.first_chunk().unwrap_or(&[0; HEADER]);
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it says which task it is about, and no more.
    pub(crate) fn is_bare_row(&self) -> bool {
        self.bytes.len() == HEADER + ATTRIBUTE + size_of::<TaskDiagMsg>()
    }

    /// How much longer it may become.
    pub(crate) fn room(&self) -> usize {
        self.limit.saturating_sub(self.bytes.len())
    }

    fn begin(&mut self, kind: u16, flags: u16) {
        self.bytes.clear();
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        // Sequence and port number.
        self.bytes.extend(&self.request[8..]);
    }

    /// Begins a message about a task.
    pub(crate) fn begin_row(&mut self, (pid, tgid): (Pid, Pid), multi: bool, flags: u32) {
        let kind = abi::task_diag_nlmsg(abi::TASK_DIAG_CMD_GET);
        self.begin(kind, if multi { NLM_F_MULTIPART } else { 0 });
        self.put(
            abi::TASK_DIAG_MSG,
            TaskDiagMsg { pid, tgid, flags }.as_bytes(),
        );
    }

    /// Marks the message about a task: the next message continues its row.
    pub(crate) fn continue_row(&mut self) {
        let at = HEADER + ATTRIBUTE + std::mem::offset_of!(TaskDiagMsg, flags);
        if let Some(flags) = self.bytes[at..].first_chunk_mut() {
            let marked = u32::from_ne_bytes(*flags) | abi::TASK_DIAG_FLAG_MORE;
            *flags = marked.to_ne_bytes();
        }
    }

    /// Appends the groups that the row lacks, if there are any.
    pub(crate) fn put_absent(&mut self, absent: Absent) {
        if !absent.is_empty() {
            self.put(
                abi::TASK_DIAG_ABSENT,
                TaskDiagAbsent::from(absent).as_bytes(),
            );
        }
    }

    /// Puts an attribute.
    pub(crate) fn put(&mut self, kind: u16, value: &[u8]) {
        let at = self.open(kind);
        self.append(value);
        self.close(at);
    }

    /// Begins an attribute, and tells where.
    pub(crate) fn open(&mut self, kind: u16) -> usize {
        let at = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend(kind.to_ne_bytes());
        at
    }

    /// Goes on with an attribute.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Goes on with an attribute by what is read, so many bytes at most, and
    /// tells how many these were.
    pub(crate) fn append_from(&mut self, from: &mut impl Read, most: usize) -> io::Result<usize> {
        let begin = self.bytes.len();
        let read = from.take(most as u64).read_to_end(&mut self.bytes);
        if read.is_err() {
            self.bytes.truncate(begin);
        }
        read
    }

    /// The length so far of the attribute that begins there.
    pub(crate) fn len_from(&self, at: usize) -> usize {
        self.bytes.len() - at
    }

    /// Ends the attribute that begins there.
    pub(crate) fn close(&mut self, at: usize) {
        // Whoever puts one minds ATTRIBUTE_MAX.
        let len = (self.bytes.len() - at) as u16;
        self.bytes[at..at + 2].copy_from_slice(&len.to_ne_bytes());
        self.bytes.resize(align(self.bytes.len()), 0);
    }

    /// Forgets everything from there on.
    pub(crate) fn truncate(&mut self, at: usize) {
        self.bytes.truncate(at);
    }

    /// Ends the message.
    pub(crate) fn end(&mut self) {
        let len = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&len.to_ne_bytes());
    }

    pub(crate) fn put_features(&mut self, features: &TaskDiagFeatures) {
        self.begin(abi::task_diag_nlmsg(abi::TASK_DIAG_CMD_FEATURES), 0);
        self.put(abi::TASK_DIAG_FEATURES, features.as_bytes());
        self.end();
    }

    /// Puts the message of this command that has these attributes.
    pub(crate) fn put_plain(&mut self, cmd: u8, attributes: &[u8]) {
        self.begin(abi::task_diag_nlmsg(cmd), 0);
        self.append(attributes);
        self.end();
    }

    /// Sets flags of the message's, once it has ended.
    pub(crate) fn add_flags(&mut self, flags: u16) {
        let begun = u16::from_ne_bytes([self.bytes[6], self.bytes[7]]);
        self.bytes[6..8].copy_from_slice(&(begun | flags).to_ne_bytes());
    }

    /// Puts the end of an answer, and why it is cut short, if it is.
    pub(crate) fn put_done(&mut self, refusal: Option<&Refusal>) {
        match refusal {
            None => {
                self.begin(NLMSG_DONE, NLM_F_MULTIPART);
                self.append(&[0; 4]);
            }
            Some(refusal) => {
                self.begin(NLMSG_DONE, NLM_F_MULTIPART | NLM_F_ACK_TLVS);
                self.append(&(-refusal.errno).to_ne_bytes());
                self.put_reason(refusal);
            }
        }
        self.end();
    }

    /// Puts why a request is refused.
    pub(crate) fn put_refusal(&mut self, refusal: &Refusal) {
        self.begin(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS);
        self.append(&(-refusal.errno).to_ne_bytes());
        let request = self.request;
        self.append(&request);
        self.put_reason(refusal);
        self.end();
    }

    fn put_reason(&mut self, refusal: &Refusal) {
        if !refusal.text.is_empty() {
            let at = self.open(ATTR_MSG);
            self.append(refusal.text.as_bytes());
            self.append(&[0]);
            self.close(at);
        }
        match refusal.blame {
            Blame::Nothing => {}
            Blame::At(offset) => self.put(ATTR_OFFS, &offset.to_ne_bytes()),
            Blame::Missing(kind) => self.put(ATTR_MISS_TYPE, &u32::from(kind).to_ne_bytes()),
        }
    }
}
