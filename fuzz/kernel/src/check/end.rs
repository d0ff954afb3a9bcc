// SPDX-License-Identifier: MIT
//! The end of a reply: an error, an acknowledgement, or the end of a dump, and
//! their extended acknowledgements.

use nix::errno::Errno;
use nix::libc::{EAGAIN, EBUSY, EMSGSIZE, ENOBUFS, EPERM, ESRCH};

use super::{Checker, Rights, SentRequest};
use crate::case::Transport;
use crate::model::Refusal;
use crate::wire::{
    Attributes, HEADER, Header, NLA_TYPE_MASK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP,
    NLM_F_MULTI, NLMSGERR_ATTR_MISS_TYPE, NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS,
    NLMSGERR_ATTR_POLICY, align, u32_at,
};
use taskdiag::abi;

impl Checker {
    pub(super) fn error(
        &mut self,
        index: usize,
        header: Header,
        payload: &[u8],
    ) -> Result<(), String> {
        let code = u32_at(payload, 0).ok_or("the message has no error code")? as i32;
        let end = self.check_repeated(index, header, code, payload)?;
        let extended = self.extended_ack(header.flags, &payload[end..])?;
        if code == 0 {
            return self.ack(index);
        }

        let errno = code.wrapping_neg();
        self.counts.errnos.push(errno);
        if self.link.lossy && matches!(errno, ENOBUFS | EAGAIN) {
            // The dump continues when the receive buffer has been read.
            self.lost = true;
            return Ok(());
        }
        let dump_before = self.requests[..index].iter().any(SentRequest::is_dump);
        let request = &mut self.requests[index];
        if request.failed || request.ended || !request.pids.is_empty() {
            return Err(format!("an error after the end: {}", name(errno)));
        }
        request.failed = true;
        let flags = request.expectation.header.flags;
        if errno == EBUSY && dump_before && flags & NLM_F_DUMP == NLM_F_DUMP {
            return Ok(());
        }
        check_error(&request.expectation.refusals, errno, extended.as_ref())
    }

    fn ack(&mut self, index: usize) -> Result<(), String> {
        let unsure = self.is_unsure();
        let request = &mut self.requests[index];
        let refusals = &request.expectation.refusals;
        let expected = match &request.expectation.query {
            // The acknowledgement follows the row. A dump ends with NLMSG_DONE.
            Some(query) => !query.dump && (!request.pids.is_empty() || unsure),
            None => refusals.is_empty(),
        };
        if !expected || !request.expectation.wants_ack || request.acked {
            return Err(format!("an acknowledgement, expected {refusals:?}"));
        }
        request.acked = true;
        self.counts.acks += 1;
        Ok(())
    }

    /// Checks the copy of the request in an error. Returns the end of the copy.
    fn check_repeated(
        &self,
        index: usize,
        header: Header,
        code: i32,
        payload: &[u8],
    ) -> Result<usize, String> {
        let file = self.link.transport == Transport::File;
        let capped = code == 0 || self.link.cap_ack || file;
        let flags = if capped { NLM_F_CAPPED } else { 0 };
        if header.flags & !NLM_F_ACK_TLVS != flags {
            return Err(format!("an error message with flags {:#x}", header.flags));
        }
        let sent = &self.requests[index].bytes;
        let len = if capped { HEADER } else { sent.len() };
        let end = 4 + align(len);
        let Some(repeated) = payload.get(4..end) else {
            return Err("the error repeats too few bytes of the request".to_owned());
        };
        if repeated[..len] != sent[..len] || repeated[len..].iter().any(|byte| *byte != 0) {
            return Err("the error repeats other bytes than the request".to_owned());
        }
        Ok(end)
    }

    pub(super) fn done(
        &mut self,
        index: usize,
        header: Header,
        payload: &[u8],
        rights: &Rights<'_>,
    ) -> Result<(), String> {
        if header.flags & !NLM_F_ACK_TLVS != NLM_F_MULTI {
            return Err(format!("NLMSG_DONE with flags {:#x}", header.flags));
        }
        let code = u32_at(payload, 0).ok_or("the message has no error code")? as i32;
        let extended = self.extended_ack(header.flags, &payload[4..])?;
        let request = &mut self.requests[index];
        let Some(query) = request.expectation.query.clone().filter(|query| query.dump) else {
            return Err(format!(
                "NLMSG_DONE, expected {:?}",
                request.expectation.refusals
            ));
        };
        if request.ended || request.failed {
            return Err("a second NLMSG_DONE".to_owned());
        }
        request.ended = true;
        self.counts.dones += 1;
        if code == 0 {
            request.end_row(self.changed)?;
            let certain = query.strategy == abi::TASK_DIAG_DUMP_ONE && !query.is_filtered();
            if certain && request.pids.is_empty() && !self.truncated {
                return Err("NLMSG_DONE without the requested row".to_owned());
            }
            return Ok(());
        }
        let errno = code.wrapping_neg();
        self.counts.errnos.push(errno);
        request.failed = true;
        match rights {
            // Only the process that sent the request may read its rows.
            Rights::None if errno == EPERM => Ok(()),
            // The kernel makes rows of a file when they are read.
            _ if errno == ESRCH && self.changed && request.pids.is_empty() => Ok(()),
            // The reader's buffer is smaller than a message can be.
            _ if errno == EMSGSIZE && self.link.small_buffer => Ok(()),
            _ => check_error(&request.expectation.refusals, errno, extended.as_ref()),
        }
    }

    /// Reads the extended acknowledgement. Returns `None` if the socket did not
    /// request it or the buffer had no space for it.
    fn extended_ack(&self, flags: u16, tlvs: &[u8]) -> Result<Option<Extended>, String> {
        let announced = flags & NLM_F_ACK_TLVS != 0;
        if announced && !self.link.ext_ack {
            return Err("an extended acknowledgement that was not requested".to_owned());
        }
        if !announced && !tlvs.is_empty() {
            return Err("unexpected bytes after the message".to_owned());
        }
        let missing = !self.link.ext_ack || (announced && tlvs.is_empty());
        (!missing).then(|| Extended::read(tlvs)).transpose()
    }
}

fn check_error(
    refusals: &[Refusal],
    errno: i32,
    extended: Option<&Extended>,
) -> Result<(), String> {
    let same_attribute = |refusal: &Refusal, extended: &Extended| {
        // The error for a task that ended after the check names no attribute.
        refusal.at.is_none()
            || refusal.at == extended.at
            || (errno == ESRCH && extended.at.is_none())
    };
    let fits = |refusal: &Refusal| {
        refusal.errno == errno && extended.is_none_or(|extended| same_attribute(refusal, extended))
    };
    if refusals.iter().any(fits) {
        return Ok(());
    }
    Err(format!(
        "{} {extended:?}, expected {refusals:?}",
        name(errno)
    ))
}

/// Contents of an extended acknowledgement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extended {
    text: Option<String>,
    at: Option<u32>,
}

impl Extended {
    fn read(tlvs: &[u8]) -> Result<Self, String> {
        let mut extended = Self::default();
        let mut attributes = Attributes::new(tlvs);
        for attribute in attributes.by_ref() {
            let value = attribute.value;
            match attribute.kind & NLA_TYPE_MASK {
                NLMSGERR_ATTR_MSG => {
                    let Some((0, text)) = value.split_last() else {
                        return Err(
                            "the text of the extended acknowledgement has no NUL".to_owned()
                        );
                    };
                    if !text.iter().all(|byte| (b' '..=b'~').contains(byte)) {
                        return Err(format!(
                            "the text of the extended acknowledgement is not printable: {text:02x?}"
                        ));
                    }
                    extended.text = Some(String::from_utf8_lossy(text).into_owned());
                }
                NLMSGERR_ATTR_OFFS if value.len() == 4 => extended.at = u32_at(value, 0),
                NLMSGERR_ATTR_MISS_TYPE if value.len() == 4 => {}
                NLMSGERR_ATTR_POLICY => {}
                kind => {
                    let len = value.len();
                    return Err(format!(
                        "unexpected attribute {kind} of {len} bytes in the extended acknowledgement"
                    ));
                }
            }
        }
        if attributes.rest().is_empty() {
            Ok(extended)
        } else {
            Err("the extended acknowledgement is truncated".to_owned())
        }
    }
}

pub(super) fn name(errno: i32) -> String {
    format!("{:?}", Errno::from_raw(errno))
}
