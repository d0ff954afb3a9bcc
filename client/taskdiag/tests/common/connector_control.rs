// SPDX-License-Identifier: MIT
//! Silences the proc connector for all who listen, and ends that again.

use neli::consts::connector::CnMsgIdx;
use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use neli::utils::Groups;
use nix::libc;

const NOBODY: libc::uid_t = 65534;
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;
/// An operation that there is not.
const UNKNOWN: u32 = 3;
/// More than ever listen, with those that other tests have left behind.
const MORE_THAN_LISTENERS: u32 = 1000;

fn open() -> NlSocket {
    let group = Groups::new_groups(&[CnMsgIdx::Proc.into()]);
    NlSocket::connect(NlFamily::Connector, None, group).unwrap()
}

fn send_command(socket: &NlSocket, operation: u32) {
    // struct nlmsghdr, struct cn_msg and the operation.
    let words = [40, 3, 0, 0, 1, 1, 0, 0, 4, operation];
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    assert_eq!(socket.send(&bytes, Msg::empty()).unwrap(), 40);
}

/// As a user that may do nothing. The kernel counts listeners: one less for
/// each that ignores from now on and did not before, whether it had listened
/// or not.
pub(crate) fn stop_delivery() {
    let nobodys = std::thread::spawn(|| {
        // SAFETY: it takes three numbers, and this thread alone becomes
        // another user's.
        let result = unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
        assert_eq!(result, 0);
        let socket = open();
        for _ in 0..MORE_THAN_LISTENERS {
            send_command(&socket, UNKNOWN);
            send_command(&socket, IGNORE);
        }
    });
    nobodys.join().unwrap();
}

/// Who goes without a word counts for ever, which mends it.
pub(crate) fn restore_delivery() {
    for _ in 0..=MORE_THAN_LISTENERS {
        send_command(&open(), LISTEN);
    }
}
