// SPDX-License-Identifier: MIT
//! Clients whose process changes its credentials.

use std::process::Command;

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use taskdiag::{Client, Request, Show, Strategy, TransportKind};

const USER: u32 = 65534;

/// Set in a process of its own for a test, which changes the credentials.
const ALONE: &str = "TASKDIAG_TEST_ALONE";

/// Runs a test again in a process of its own. Returns false in that process.
fn runs_elsewhere(name: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return false;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", name])
        .env(ALONE, "")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains(" 1 passed; 0 failed;"), "{output:?}");
    true
}

const KINDS: [TransportKind; 2] = [TransportKind::Netlink, TransportKind::File];

/// Whether a dump succeeds, and reports the namespaces of init.
fn reads_namespaces_of_init(client: &mut Client<taskdiag::AnySource>) -> bool {
    let request = Request::new(Strategy::All).show(Show::BASE | Show::NS);
    let mut dump = client.dump(&request).unwrap();
    let tasks: Vec<_> = dump.tasks().map(Result::unwrap).collect();
    // The mount shows BASE of all processes.
    let init = tasks.iter().find(|task| task.pid == 1).unwrap();
    assert!(init.base.is_some());
    init.ns.is_some()
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn client_that_drops_privileges_gets_reply_of_user() {
    if runs_elsewhere("credentials::client_that_drops_privileges_gets_reply_of_user") {
        return;
    }
    let mut clients = KINDS.map(|kind| Client::connect_over(kind).unwrap());
    for client in &mut clients {
        assert!(reads_namespaces_of_init(client));
    }
    let (uid, gid) = (Uid::from_raw(USER), Gid::from_raw(USER));
    setgroups(&[]).unwrap();
    setresgid(gid, gid, gid).unwrap();
    setresuid(uid, uid, uid).unwrap();
    for client in &mut clients {
        assert!(!reads_namespaces_of_init(client), "{client:?}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn client_that_gains_privileges_gets_reply_of_root() {
    if runs_elsewhere("credentials::client_that_gains_privileges_gets_reply_of_root") {
        return;
    }
    let (root, uid) = (Uid::from_raw(0), Uid::from_raw(USER));
    setresuid(root, uid, root).unwrap();
    let mut clients = KINDS.map(|kind| Client::connect_over(kind).unwrap());
    for client in &mut clients {
        assert!(!reads_namespaces_of_init(client));
    }
    setresuid(root, root, root).unwrap();
    for client in &mut clients {
        assert!(reads_namespaces_of_init(client), "{client:?}");
    }
}
