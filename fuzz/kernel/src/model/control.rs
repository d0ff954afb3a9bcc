// SPDX-License-Identifier: MIT
//! The expected result of `sendmsg()` with control messages on a netlink socket, as
//! specified by unix(7) and netlink(7).

use nix::libc::{EINVAL, EPERM, ESRCH};

use super::Presence;
use crate::encode::CONTROL_HEADER;
use crate::wire::{u32_at, u64_at};

const SOL_SOCKET: u32 = 1;
const SCM_CREDENTIALS: u32 = 2;
/// `sizeof(struct ucred)`.
const CREDENTIALS: usize = 12;

/// The process that sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    pub(crate) tgid: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The process may name any process, user and group: it has `CAP_SYS_ADMIN`,
    /// `CAP_SETUID` and `CAP_SETGID`.
    pub(crate) privileged: bool,
}

/// The expected result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ControlOutcome {
    /// Pid of the process that is the source of the message, unless sending must fail.
    pub(crate) source: Option<u32>,
    /// The valid errors.
    pub(crate) errnos: Vec<i32>,
}

impl ControlOutcome {
    /// Adds an error. Sending must fail with it or with one of the previous errors.
    fn refused(mut self, errno: i32) -> Self {
        self.source = None;
        self.errnos.push(errno);
        self
    }
}

/// Returns the expected result of sending control messages. `presence` returns whether
/// a process with a pid exists.
pub(crate) fn expect(
    control: &[u8],
    sender: &Sender,
    presence: &dyn Fn(u32) -> Presence,
) -> ControlOutcome {
    let mut outcome = ControlOutcome {
        source: Some(sender.tgid),
        errnos: Vec::new(),
    };
    let mut rest = control;
    while let (Some(len), Some(level), Some(kind)) =
        (u64_at(rest, 0), u32_at(rest, 8), u32_at(rest, 12))
    {
        if len < CONTROL_HEADER as u64 || len > rest.len() as u64 {
            return outcome.refused(EINVAL);
        }
        let len = len as usize;
        if level == SOL_SOCKET {
            if kind != SCM_CREDENTIALS || len != CONTROL_HEADER + CREDENTIALS {
                return outcome.refused(EINVAL);
            }
            match expect_credentials(&rest[CONTROL_HEADER..len], sender, presence) {
                Err(errno) => return outcome.refused(errno),
                Ok((pid, certain)) => {
                    outcome.source = Some(pid);
                    if !certain {
                        outcome.errnos.push(ESRCH);
                    }
                }
            }
        }
        rest = rest.get(len.next_multiple_of(8)..).unwrap_or_default();
    }
    outcome
}

/// Returns the pid in the credentials, and whether the process certainly exists.
fn expect_credentials(
    credentials: &[u8],
    sender: &Sender,
    presence: &dyn Fn(u32) -> Presence,
) -> Result<(u32, bool), i32> {
    let (Some(pid), Some(uid), Some(gid)) = (
        u32_at(credentials, 0),
        u32_at(credentials, 4),
        u32_at(credentials, 8),
    ) else {
        return Err(EINVAL);
    };
    if uid == u32::MAX || gid == u32::MAX {
        return Err(EINVAL);
    }
    let own = pid == sender.tgid;
    let itself = own && uid == sender.uid && gid == sender.gid;
    if !itself && !sender.privileged {
        return Err(EPERM);
    }
    if own {
        return Ok((pid, true));
    }
    match presence(pid) {
        Presence::Present => Ok((pid, true)),
        Presence::Absent => Err(ESRCH),
        Presence::Unsure => Ok((pid, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::IntoBytes;

    const ROOT: Sender = Sender {
        tgid: 10,
        uid: 0,
        gid: 0,
        privileged: true,
    };
    const USER: Sender = Sender {
        tgid: 10,
        uid: 1000,
        gid: 1000,
        privileged: false,
    };

    fn presence(pid: u32) -> Presence {
        match pid {
            1 => Presence::Present,
            2 => Presence::Absent,
            _ => Presence::Unsure,
        }
    }

    fn message(level: u32, kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = (16 + data.len() as u64).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn credentials(pid: u32, uid: u32, gid: u32) -> Vec<u8> {
        message(1, 2, [pid, uid, gid].as_bytes())
    }

    fn errno(control: &[u8], sender: &Sender) -> i32 {
        let outcome = expect(control, sender, &presence);
        assert_eq!(outcome.source, None);
        outcome.errnos[0]
    }

    fn source(control: &[u8], sender: &Sender) -> u32 {
        expect(control, sender, &presence).source.unwrap()
    }

    #[test]
    fn without_credentials_the_source_is_the_sender() {
        assert_eq!(source(&[], &USER), 10);
        // Fewer bytes than a header are ignored.
        assert_eq!(source(&[1; 15], &USER), 10);
        // Messages of other levels are ignored.
        assert_eq!(source(&message(270, 2, &[]), &USER), 10);
    }

    #[test]
    fn only_privileged_sender_may_name_another_source() {
        assert_eq!(source(&credentials(1, 5, 5), &ROOT), 1);
        assert_eq!(source(&credentials(10, 1000, 1000), &USER), 10);
        assert_eq!(errno(&credentials(1, 1000, 1000), &USER), EPERM);
        assert_eq!(errno(&credentials(10, 0, 1000), &USER), EPERM);
        assert_eq!(errno(&credentials(10, 1000, 0), &USER), EPERM);
    }

    #[test]
    fn named_source_must_exist() {
        assert_eq!(errno(&credentials(2, 0, 0), &ROOT), ESRCH);
        assert_eq!(
            expect(&credentials(3, 0, 0), &ROOT, &presence).errnos,
            [ESRCH]
        );
        assert_eq!(errno(&credentials(1, u32::MAX, 0), &ROOT), EINVAL);
    }

    #[test]
    fn malformed_control_message_is_refused() {
        assert_eq!(errno(&message(1, 2, &[0; 8]), &ROOT), EINVAL);
        assert_eq!(errno(&message(1, 1, &[0; 4]), &ROOT), EINVAL);
        assert_eq!(errno(&credentials(1, 0, 0)[..27], &ROOT), EINVAL);
        let mut long = credentials(1, 0, 0);
        long[0] = 33;
        assert_eq!(errno(&long, &ROOT), EINVAL);
    }

    #[test]
    fn errors_accumulate_up_to_the_first_certain_one() {
        let control = [credentials(3, 0, 0), message(1, 1, &[0; 4])].concat();
        let outcome = expect(&control, &ROOT, &presence);
        assert_eq!(
            (outcome.source, outcome.errnos),
            (None, vec![ESRCH, EINVAL])
        );
    }

    #[test]
    fn last_credentials_are_effective() {
        let control = [credentials(1, 0, 0), credentials(10, 0, 0)].concat();
        assert_eq!(source(&control, &ROOT), 10);
    }
}
