// SPDX-License-Identifier: MIT
//! The subcommands `features` and `doctor`.

use serde_json::{Value, json};

use crate::common::output_of;

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn kernel_supports_every_known_feature() {
    let text = output_of(&["features"]);
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(
        text.contains("\noptions     pidns_fd,pidfd,proc_fd\n"),
        "{text}"
    );
    // The supported flags depend on the configuration of the kernel.
    let (flags, others): (Vec<_>, Vec<_>) = text
        .lines()
        .partition(|line| line.starts_with("vma_flags   read,write,"));
    assert_eq!(flags.len(), 1, "{text}");
    let missing = |line: &&str| line.contains("not in this kernel");
    assert!(!others.iter().any(missing), "{text}");
    let object: Value = serde_json::from_str(&output_of(&["features", "--json"])).expect("JSON");
    assert_eq!(object["groups"][0], "base");
    assert!(
        object["filters"]
            .as_array()
            .is_some_and(|filters| filters.contains(&json!("uid")))
    );
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn doctor_reports_the_family() {
    let text = output_of(&["doctor"]);
    for line in [
        "netlink     yes",
        "auto        netlink: one request for all tasks",
    ] {
        assert!(text.lines().any(|other| other == line), "{text}");
    }
    let object: Value = serde_json::from_str(&output_of(&["doctor", "--json"])).expect("JSON");
    assert_eq!(object["netlink"]["available"], true);
    assert_eq!(object["features"]["groups"][0], "base");
    assert_eq!(object["caller"]["uid"], 0);
    assert_eq!(object["caller"]["cap_sys_ptrace"], true);
    let missing = object["missing"].as_array().expect("a list");
    assert!(
        !missing.iter().any(|item| item != "proc connector"),
        "{text}"
    );
}
