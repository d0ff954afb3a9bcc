// SPDX-License-Identifier: MIT
//! What any user can do to all who listen to the proc connector.
//!
//! A program of its own, and ignored unless asked for: whoever listens beside
//! it hears nothing meanwhile. `scripts/test client` runs it in the booted
//! kernel, after the others.

use std::process::Command;
use std::time::Duration;

use neli::consts::connector::CnMsgIdx;
use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use neli::utils::Groups;
use nix::libc;
use taskdiag::events::{Connector, EventSource as _, Events, FilteredBy};

const NOBODY: libc::uid_t = 65534;
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;
/// An operation that there is not.
const NONE: u32 = 3;

fn open() -> NlSocket {
    let group = Groups::new_groups(&[CnMsgIdx::Proc.into()]);
    NlSocket::connect(NlFamily::Connector, None, group).unwrap()
}

fn order(socket: &NlSocket, operation: u32) {
    // struct nlmsghdr, struct cn_msg and the operation.
    let words = [40, 3, 0, 0, 1, 1, 0, 0, 4, operation];
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    assert_eq!(socket.send(&bytes, Msg::empty()).unwrap(), 40);
}

/// Whether a listener is told that a process lives and ends.
fn hears(connector: &mut Connector) -> bool {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let pid = child.id();
    let next = || connector.next_event(Some(Duration::ZERO)).unwrap();
    std::iter::from_fn(next).any(|event| event.tgid() == Some(pid))
}

#[test]
#[ignore = "needs a kernel of its own"]
fn any_user_can_silence_the_connector() {
    let mut connector = Connector::listen(Events::all()).unwrap();
    assert_eq!(
        connector.filtered_by(),
        FilteredBy::Kernel,
        "this is of Linux 6.6 and later"
    );
    assert!(hears(&mut connector));

    // The kernel counts listeners: one less for each that ignores from now on
    // and did not before, whether it had listened or not.
    let nobodys = std::thread::spawn(|| {
        // SAFETY: it takes three numbers, and this thread alone becomes
        // another user's.
        let result = unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
        assert_eq!(result, 0);
        let socket = open();
        for _ in 0..100 {
            order(&socket, NONE);
            order(&socket, IGNORE);
        }
    });
    nobodys.join().unwrap();
    assert!(!hears(&mut connector));
    // Nothing tells the listener; who begins to listen now is told.
    let late = Connector::listen(Events::all()).unwrap_err().to_string();
    assert!(late.contains("did not acknowledge"), "{late}");

    // Who goes without a word counts for ever, which mends it.
    for _ in 0..200 {
        order(&open(), LISTEN);
    }
    assert!(hears(&mut connector));
}
