// SPDX-License-Identifier: MIT
//! Errors of requests.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{self, Command};

use crate::common::{NOBODY, error_message, text};
use crate::free_pid;

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn rejected_request_exits_with_1_and_a_reason() {
    let unused = free_pid();
    for strategy in ["--pid", "--children", "--threads", "--descendants"] {
        assert_eq!(
            error_message(&[strategy, &unused]),
            format!("taskdiag-cli: process {unused}: not found, or not visible to you\n")
        );
    }
    // A pid beyond the limit of the kernel does not exist either.
    assert_eq!(
        error_message(&["--pid", "99999999"]),
        "taskdiag-cli: process 99999999: not found, or not visible to you\n"
    );
    let text = error_message(&["--pid", "1", "--filter", "uid=65534"]);
    assert_eq!(
        text,
        "taskdiag-cli: process 1: not found, not visible to you, or excluded by --filter\n"
    );
    let text = error_message(&["--all", "--filter", "cgroup=18446744073709551615"]);
    assert!(
        text.starts_with("taskdiag-cli: the kernel rejected the request: "),
        "{text}"
    );
    assert!(text.contains("TASK_DIAG_CMD_ATTR_CGROUP"), "{text}");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn absent_task_and_denied_scope_are_named_to_a_user() {
    // The build directory may be inaccessible to other users.
    let copy = format!("/tmp/taskdiag-cli.{}", process::id());
    fs::copy(env!("CARGO_BIN_EXE_taskdiag-cli"), &copy).expect("a copy");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("our copy");
    let as_nobody = |words: &[&str]| {
        Command::new(&copy)
            .args(words)
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY)
            .output()
            .expect("the copy starts")
    };

    // The mount of /proc shows all processes to all users.
    let absent = free_pid();
    for strategy in ["--pid", "--threads"] {
        let output = as_nobody(&[strategy, &absent]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(
            text(output.stderr),
            format!("taskdiag-cli: process {absent}: not found, or not visible to you\n")
        );
        assert!(as_nobody(&[strategy, "1"]).status.success());
    }
    let output = as_nobody(&["--all", "--columns", "user", "--no-headers"]);
    let users: BTreeSet<String> = text(output.stdout).lines().map(str::to_owned).collect();
    assert!(
        users.contains("nobody") && users.contains("root"),
        "{users:?}"
    );

    let output = as_nobody(&["--all", "--scope-pid", "1"]);
    assert_eq!(output.status.code(), Some(1));
    let error_message = text(output.stderr);
    assert!(error_message.contains("CAP_SYS_ADMIN"), "{error_message}");
    fs::remove_file(&copy).expect("our copy");
}
