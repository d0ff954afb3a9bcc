// SPDX-License-Identifier: MIT
//! Errors of requests.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{self, Command};

use crate::common::{NOBODY, complaint, text};
use crate::free_pid;

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn rejected_request_exits_with_1_and_a_reason() {
    let nobody = free_pid();
    for strategy in ["--pid", "--children", "--threads", "--descendants"] {
        assert_eq!(
            complaint(&[strategy, &nobody]),
            format!("taskdiag-cli: no process {nobody} (or it is not visible to you)\n")
        );
    }
    // A number beyond the largest is nobody's either.
    assert_eq!(
        complaint(&["--pid", "99999999"]),
        "taskdiag-cli: no process 99999999 (or it is not visible to you)\n"
    );
    let text = complaint(&["--pid", "1", "--filter", "uid=65534"]);
    assert_eq!(
        text,
        "taskdiag-cli: no process 1 (or it is not visible to you, or the filters do not hold \
         for it)\n"
    );
    let text = complaint(&["--all", "--filter", "cgroup=18446744073709551615"]);
    assert!(
        text.starts_with("taskdiag-cli: the kernel refused: "),
        "{text}"
    );
    assert!(text.contains("TASK_DIAG_CMD_ATTR_CGROUP"), "{text}");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn invisible_and_absent_tasks_get_the_same_error() {
    // Where this was built may be closed to others.
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

    let absent = free_pid();
    for (strategy, pid) in [("--pid", "1"), ("--threads", "1"), ("--pid", &absent)] {
        let output = as_nobody(&[strategy, pid]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(
            text(output.stderr),
            format!("taskdiag-cli: no process {pid} (or it is not visible to you)\n")
        );
    }
    let output = as_nobody(&["--all", "--columns", "user", "--no-headers"]);
    let users: BTreeSet<String> = text(output.stdout).lines().map(str::to_owned).collect();
    assert_eq!(users, BTreeSet::from(["nobody".to_owned()]));

    let output = as_nobody(&["--all", "--scope-pid", "1"]);
    assert_eq!(output.status.code(), Some(1));
    let complaint = text(output.stderr);
    assert!(complaint.contains("CAP_SYS_ADMIN"), "{complaint}");
    fs::remove_file(&copy).expect("our copy");
}
