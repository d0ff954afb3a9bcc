// SPDX-License-Identifier: MIT
//! What the user sees where the kernel has no task_diag, as on almost every
//! machine. On one that has it these tests fail, and `kernel.rs` is for it.

use std::fs;

use assert_cmd::Command;

const ADVICE: &str = "\
taskdiag-cli: the running kernel has no TASKDIAG family to ask.

It takes a kernel that is built with CONFIG_TASKDIAG, or has task_diag as a
module. In the sources of task_diag, the first of these gives the running kernel
the module, the second boots a kernel and runs this command in it:

    scripts/install
    scripts/run taskdiag-cli --all
";

#[test]
fn the_user_is_told_what_to_do() {
    for format in ["table", "json", "ndjson", "csv"] {
        Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
            .args([
                "--transport",
                "netlink",
                "--all",
                "--show",
                "base,cred",
                "--stats",
                "--format",
                format,
            ])
            .assert()
            .code(1)
            .stdout("")
            .stderr(ADVICE);
    }
}

#[test]
fn whatever_is_asked() {
    for line in [
        &["--all-threads"][..],
        &["--pid", "1"],
        &["--children", "1"],
        &["--threads", "1", "--sort", "-tid"],
    ] {
        Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
            .args(["--transport", "netlink"])
            .args(line)
            .assert()
            .code(1)
            .stdout("")
            .stderr(ADVICE);
    }
}

#[test]
fn and_it_is_where_the_advice_says() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    for name in ["scripts/install", "scripts/run"] {
        assert!(fs::exists(format!("{root}/{name}")).is_ok_and(|exists| exists));
    }
}

#[test]
fn a_file_that_is_not_there_is_told_of() {
    Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
        .args(["--transport", "file", "--all"])
        .assert()
        .code(1)
        .stdout("")
        .stderr(
            "taskdiag-cli: cannot open /proc/task-diag: the running kernel does not have it; \
             load the module task_diag, or boot a kernel built with CONFIG_TASKDIAG_PROC\n",
        );
}

/// The command with these words: what it writes, and what it says beside that.
fn run(words: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
        .args(words)
        .output()
        .expect("the command starts");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = |bytes| String::from_utf8(bytes).expect("the command writes UTF-8");
    (text(output.stdout), text(output.stderr))
}

#[test]
fn procfs_answers_and_the_user_is_told_what_it_costs() {
    let me = std::process::id().to_string();
    let words = ["--pid", &me, "--columns", "pid,comm,uid", "--no-headers"];
    let (row, said) = run(&words);
    let mut fields = row.split_whitespace();
    assert_eq!(fields.next(), Some(&me[..]), "{row}");
    assert!(said.starts_with("taskdiag-cli: the running kernel has no task_diag"));
    assert_eq!(said.matches("taskdiag-cli:").count(), 1);

    let knowing = [&words[..], &["--transport", "procfs"]].concat();
    assert_eq!(run(&knowing), (row, String::new()));
    let counting = [&knowing[..], &["--stats"]].concat();
    let (_, stats) = run(&counting);
    assert!(
        stats.contains("tasks: 1,") && stats.ends_with("by: procfs\n"),
        "{stats}"
    );
}

#[test]
fn everything_is_shown_that_procfs_has() {
    let (rows, _) = run(&["--all", "--show", "base,cred", "--transport", "procfs"]);
    assert!(rows.lines().count() > 2, "{rows}");
    let (areas, _) = run(&[
        "--maps",
        &std::process::id().to_string(),
        "--transport",
        "procfs",
    ]);
    assert!(areas.contains("[stack]"), "{areas}");
}

#[test]
fn another_namespace_is_not_for_procfs() {
    let me = std::process::id().to_string();
    Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
        .args(["--all", "--transport", "procfs", "--scope-pid", &me])
        .assert()
        .code(1)
        .stdout("")
        .stderr(format!(
            "taskdiag-cli: cannot use the pid namespace of process {me}: \
             procfs does not support it; connect over netlink\n"
        ));
}

#[test]
fn the_doctor_tells_what_is_missing_and_how_to_get_it() {
    let doctor = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
            .arg("doctor")
            .args(words)
            .assert()
            .code(1)
            .stderr("")
            .get_output()
            .clone();
        String::from_utf8(output.stdout).expect("the command writes UTF-8")
    };
    let text = doctor(&[]);
    let fact = |what: &str| {
        let line = text.lines().find(|line| line.starts_with(what));
        line.expect(what)[what.len()..].trim_start().to_owned()
    };
    assert!(fact("netlink").starts_with("no: "), "{text}");
    assert!(fact("file").starts_with("no: "), "{text}");
    assert_eq!(fact("auto"), "procfs: several system calls a task");
    assert!(fact("get it").starts_with("scripts/run taskdiag-cli --all"));

    let object: serde_json::Value = serde_json::from_str(&doctor(&["--json"])).expect("JSON");
    assert_eq!(object["auto"], "procfs");
    assert_eq!(object["features"], serde_json::Value::Null);
}

#[test]
fn every_command_can_be_told_how_to_ask() {
    for words in [
        &["features", "--transport", "netlink"][..],
        &["ps", "ax", "--transport", "netlink"],
    ] {
        Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
            .args(words)
            .assert()
            .code(1)
            .stdout("")
            .stderr(ADVICE);
    }
    let (features, said) = run(&["features", "--transport", "procfs"]);
    assert!(features.starts_with("groups      base,cred"), "{features}");
    assert_eq!(said, "");
    let (rows, said) = run(&["ps", "ax", "--transport", "procfs"]);
    assert!(rows.lines().count() > 2, "{rows}");
    assert_eq!(said, "");
}
