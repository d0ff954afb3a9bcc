// SPDX-License-Identifier: MIT
//! Errors of the kernel with their extended acknowledgements.
//!
//! Reads the payloads of `NLMSG_ERROR` and `NLMSG_DONE`; does no I/O.

use netlink_packet_core::{NLM_F_ACK_TLVS, NLM_F_CAPPED};
use nix::libc;

use super::framing::Framing;
use super::parse::{Attributes, Header, align, read};
use crate::error::{BadAttr, KernelError};

/// `enum nlmsgerr_attrs`.
const ATTR_MSG: u16 = 1;
const ATTR_OFFS: u16 = 2;
const ATTR_MISS_TYPE: u16 = 5;

/// Returns the error of an `NLMSG_ERROR`; `None` if it is an acknowledgement.
#[must_use]
pub fn from_error(flags: u16, payload: &[u8]) -> Option<KernelError> {
    let code = read_code(payload)?;
    let request = payload.get(4..).unwrap_or_default();
    let repeated = if flags & NLM_F_CAPPED != 0 {
        size_of::<Header>()
    } else {
        // The length of the request may exceed the payload: no attributes follow then.
        align((read::<u32>(request) as usize).min(request.len()))
    };
    Some(from_parts(code, flags, request.get(repeated..)))
}

/// Returns the error of an `NLMSG_DONE`; `None` if the dump succeeded.
#[must_use]
pub fn from_done(flags: u16, payload: &[u8]) -> Option<KernelError> {
    // A code of zero or above is a success, and so is a payload without a code.
    let code = read_code(payload).filter(|&code| code < 0)?;
    Some(from_parts(code, flags, payload.get(4..)))
}

/// Returns the code at the start of a payload, unless it is 0.
fn read_code(payload: &[u8]) -> Option<i32> {
    let code = i32::from_ne_bytes(*payload.first_chunk()?);
    (code != 0).then_some(code)
}

fn from_parts(code: i32, flags: u16, tlvs: Option<&[u8]>) -> KernelError {
    // i32::MIN has no absolute value. The kernel never sends it.
    let mut error = KernelError::new(code.checked_abs().unwrap_or(libc::EPROTO));
    if flags & NLM_F_ACK_TLVS == 0 {
        return error;
    }
    // The kernel sets the flag even if the attributes did not fit. Malformed
    // attributes are ignored, because the error number is valid without them.
    for (kind, value) in Attributes::new(tlvs.unwrap_or_default()).map_while(Result::ok) {
        match kind {
            ATTR_MSG => {
                let text = value.split(|&byte| byte == 0).next().unwrap_or_default();
                error.message = Some(String::from_utf8_lossy(text).into_owned());
            }
            ATTR_OFFS => {
                error.attribute = Some(BadAttr {
                    offset: Some(read(value)),
                    kind: None,
                    missing: false,
                });
            }
            ATTR_MISS_TYPE => {
                let kind = read::<u32>(value);
                error.attribute = Some(BadAttr {
                    offset: None,
                    kind: u16::try_from(kind).ok(),
                    missing: true,
                });
            }
            _ => {}
        }
    }
    error
}

impl KernelError {
    /// Sets the type of the attribute at fault, found by its offset in the request.
    pub(crate) fn locate(&mut self, request: &[u8], framing: Framing) {
        let Some(attribute) = &mut self.attribute else {
            return;
        };
        let Some(offset) = attribute.offset else {
            return;
        };
        let headers = size_of::<Header>() + framing.inner_header();
        let mut walk = Attributes::new(request.get(headers..).unwrap_or_default());
        while let Some(Ok((kind, _))) = walk.next() {
            let end = request.len() - walk.rest().len();
            if (offset as usize) < end {
                attribute.kind = (offset as usize >= headers).then_some(kind);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi;

    const GENL: Framing = Framing::Genl { family: 0x1d };

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((4 + value.len() as u16).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(align(bytes.len()), 0);
        bytes
    }

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut bytes = (20 + attributes.len() as u32).to_ne_bytes().to_vec();
        bytes.resize(20, 0);
        bytes.extend(attributes);
        bytes
    }

    fn error(code: i32, request: &[u8], tlvs: &[u8]) -> Vec<u8> {
        [&code.to_ne_bytes()[..], request, tlvs].concat()
    }

    #[test]
    fn error_with_text_and_offset_has_message_and_attribute() {
        let request = request(&attribute(abi::TASK_DIAG_CMD_ATTR_GET, &[0; 24]));
        let tlvs = [
            attribute(ATTR_MSG, b"pid: no such task\0"),
            attribute(ATTR_OFFS, &20u32.to_ne_bytes()),
        ]
        .concat();
        let payload = error(-libc::ESRCH, &request, &tlvs);
        let mut error = from_error(NLM_F_ACK_TLVS, &payload).unwrap();
        error.locate(&request, GENL);
        assert_eq!(error.errno, libc::ESRCH);
        assert_eq!(error.message.as_deref(), Some("pid: no such task"));
        assert_eq!(
            error.attribute.unwrap().name(),
            Some("TASK_DIAG_CMD_ATTR_GET")
        );
        assert_eq!(
            error.to_string(),
            "No such process (os error 3): pid: no such task \
             (attribute TASK_DIAG_CMD_ATTR_GET at byte 20)"
        );
    }

    #[test]
    fn capped_error_has_message_behind_the_request_header() {
        let request = request(&attribute(abi::TASK_DIAG_CMD_ATTR_GET, &[0; 24]));
        let payload = error(-22, &request[..16], &attribute(ATTR_MSG, b"no\0"));
        let error = from_error(NLM_F_ACK_TLVS | NLM_F_CAPPED, &payload).unwrap();
        assert_eq!(error.message.as_deref(), Some("no"));
    }

    #[test]
    fn error_with_missing_attribute_has_its_name() {
        let tlvs = attribute(ATTR_MISS_TYPE, &1u32.to_ne_bytes());
        let mut error =
            from_error(NLM_F_ACK_TLVS, &error(-libc::EINVAL, &request(&[]), &tlvs)).unwrap();
        error.locate(&request(&[]), GENL);
        assert_eq!(
            error.to_string(),
            "Invalid argument (os error 22) (attribute TASK_DIAG_CMD_ATTR_GET is missing)"
        );
    }

    #[test]
    fn offset_within_an_attribute_returns_its_type() {
        let request = request(&[attribute(1, &[0; 24]), attribute(77, &[0; 5])].concat());
        let kind_at = |offset| {
            let mut error = from_parts(-22, 0, None);
            error.attribute = Some(BadAttr {
                offset: Some(offset),
                kind: None,
                missing: false,
            });
            error.locate(&request, GENL);
            error.attribute.unwrap().kind
        };
        assert_eq!(kind_at(0), None);
        assert_eq!(kind_at(20), Some(1));
        assert_eq!(kind_at(47), Some(1));
        assert_eq!(kind_at(48), Some(77));
        assert_eq!(kind_at(60), None);
        assert_eq!(kind_at(u32::MAX), None);
    }

    #[test]
    fn done_with_negative_code_returns_error() {
        assert_eq!(from_done(0, &[]), None);
        assert_eq!(from_done(0, &0i32.to_ne_bytes()), None);
        assert_eq!(from_done(0, &168i32.to_ne_bytes()), None);
        let payload = [
            &(-1i32).to_ne_bytes()[..],
            &attribute(ATTR_MSG, b"only the process that asked may read on\0"),
        ]
        .concat();
        let error = from_done(NLM_F_ACK_TLVS, &payload).unwrap();
        assert_eq!(error.errno, libc::EPERM);
        assert_eq!(
            error.message.as_deref(),
            Some("only the process that asked may read on")
        );
        // The flag is set, but the attributes are missing.
        let error = from_done(NLM_F_ACK_TLVS, &payload[..4]).unwrap();
        assert_eq!((error.errno, error.message), (libc::EPERM, None));
    }

    #[test]
    fn code_without_absolute_value_returns_eproto() {
        let error = from_error(0, &i32::MIN.to_ne_bytes()).unwrap();
        assert_eq!(error.errno, libc::EPROTO);
        assert_eq!(from_error(0, &0i32.to_ne_bytes()), None);
    }
}
