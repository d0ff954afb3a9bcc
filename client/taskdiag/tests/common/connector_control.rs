// SPDX-License-Identifier: MIT
//! Stops the delivery of the proc connector to all listeners, and restores it.

use neli::consts::connector::CnMsgIdx;
use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use neli::utils::Groups;
use nix::libc;

const NOBODY: libc::uid_t = 65534;
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;
/// An unknown operation.
const UNKNOWN: u32 = 3;
/// More than the number of listeners, including those that other tests have
/// left.
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

/// Stops the delivery, as a user without capabilities. The kernel counts
/// listeners: it subtracts one for each "ignore" after another operation of the
/// same socket, whether that socket had subscribed or not.
pub(crate) fn stop_delivery() {
    let thread = std::thread::spawn(|| {
        // SAFETY: it takes three integers and changes only this thread.
        let result = unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
        assert_eq!(result, 0);
        let socket = open();
        for _ in 0..MORE_THAN_LISTENERS {
            send_command(&socket, UNKNOWN);
            send_command(&socket, IGNORE);
        }
    });
    thread.join().unwrap();
}

/// Restores the delivery: a socket that is closed without "ignore" is counted
/// forever.
pub(crate) fn restore_delivery() {
    for _ in 0..=MORE_THAN_LISTENERS {
        send_command(&open(), LISTEN);
    }
}
