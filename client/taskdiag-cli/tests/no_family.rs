// SPDX-License-Identifier: MIT
//! Output of the command with a kernel that does not have task_diag. These tests
//! fail with a kernel that has it; for such kernels there is `tests/kernel/`.

use std::fs;

use assert_cmd::Command;

const REMEDY: &str = "\
taskdiag-cli: the running kernel has no TASKDIAG family: a kernel that is built
with CONFIG_TASKDIAG, or the module task_diag, is required

Run one of these commands in the source directory of task_diag. The first one
installs the module for the running kernel. The second one boots a kernel with
task_diag and runs this command in it.

    scripts/install
    scripts/run taskdiag-cli --all
";

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
}

#[test]
fn every_format_prints_the_remedy() {
    for format in ["table", "json", "ndjson", "csv"] {
        command()
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
            .stderr(REMEDY);
    }
}

#[test]
fn every_strategy_prints_the_remedy() {
    for line in [
        &["--all-threads"][..],
        &["--pid", "1"],
        &["--children", "1"],
        &["--threads", "1", "--sort", "-tid"],
    ] {
        command()
            .args(["--transport", "netlink"])
            .args(line)
            .assert()
            .code(1)
            .stdout("")
            .stderr(REMEDY);
    }
}

#[test]
fn scripts_of_the_remedy_exist() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    for name in ["scripts/install", "scripts/run"] {
        assert!(fs::exists(format!("{root}/{name}")).is_ok_and(|exists| exists));
    }
}

#[test]
fn missing_transaction_file_is_reported() {
    command()
        .args(["--transport", "file", "--all"])
        .assert()
        .code(1)
        .stdout("")
        .stderr(
            "taskdiag-cli: cannot open /proc/task-diag: the running kernel does not have it; \
             load the module task_diag, or boot a kernel built with CONFIG_TASKDIAG_PROC\n",
        );
}

#[test]
fn variable_selects_the_transport() {
    let me = std::process::id().to_string();
    let with = |value: &str, words: &[&str]| {
        let mut command = command();
        command.env("TASKDIAG_TRANSPORT", value);
        command.args(words).assert()
    };
    let words = ["--pid", &me, "-o", "pid", "--no-headers", "--stats"];
    let stats = with("procfs", &words).code(0).get_output().stderr.clone();
    assert!(String::from_utf8_lossy(&stats).ends_with("transport: procfs\n"));
    with("", &words).code(0);
    let netlink = with("netlink", &["features"]).code(1);
    netlink.stderr(REMEDY);
    with("netlink", &["features", "--transport", "procfs"]).code(0);
    with("netlink", &["ps", &me]).code(1);
    with("pigeon", &words).code(2).stdout("").stderr(
        "taskdiag-cli: invalid value \"pigeon\" of TASKDIAG_TRANSPORT: expected auto, netlink, \
         file, daemon or procfs\n",
    );
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let me = std::process::id().to_string();
    for words in [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["watch", "--help"],
        &["doctor", "--help"],
        &["doctor"],
        &["ps", &me],
        &["--pid", &me],
        &["--maps", &me],
        &["features", "--transport", "procfs"],
    ] {
        for (target, cause) in [
            (">/dev/full", "No space left on device (os error 28)"),
            (">&-", "Bad file descriptor (os error 9)"),
        ] {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("\"$@\" {target}"), "sh"]);
            shell.arg(env!("CARGO_BIN_EXE_taskdiag-cli")).args(words);
            let expected = format!("taskdiag-cli: cannot write the output: {cause}\n");
            shell.assert().code(1).stderr(expected);
        }
    }
}

/// Runs the command with these arguments, and returns its output and its messages.
fn run(words: &[&str]) -> (String, String) {
    let output = command().args(words).output().expect("the command starts");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = |bytes| String::from_utf8(bytes).expect("the command writes UTF-8");
    (text(output.stdout), text(output.stderr))
}

#[test]
fn fallback_to_procfs_is_silent_without_a_terminal() {
    let me = std::process::id().to_string();
    let words = ["--pid", &me, "--columns", "pid,comm,uid", "--no-headers"];
    let (row, messages) = run(&words);
    let mut fields = row.split_whitespace();
    assert_eq!(fields.next(), Some(&me[..]), "{row}");
    // The notice is printed on terminals only.
    assert_eq!(messages, "");

    let with_transport = [&words[..], &["--transport", "procfs"]].concat();
    assert_eq!(run(&with_transport), (row, String::new()));
    let with_stats = [&with_transport[..], &["--stats"]].concat();
    let (_, stats) = run(&with_stats);
    assert!(
        stats.contains("tasks: 1,") && stats.ends_with("transport: procfs\n"),
        "{stats}"
    );
}

#[test]
fn procfs_transport_lists_tasks_and_mappings() {
    let (rows, _) = run(&["--all", "--show", "base,cred", "--transport", "procfs"]);
    assert!(rows.lines().count() > 2, "{rows}");
    let (maps, _) = run(&[
        "--maps",
        &std::process::id().to_string(),
        "--transport",
        "procfs",
    ]);
    assert!(maps.contains("[stack]"), "{maps}");
}

/// The process sees a procfs of its pid namespace at its /proc.
#[test]
fn scope_pid_lists_the_procfs_mount_of_the_process() {
    let me = std::process::id().to_string();
    let transport = ["--transport", "procfs", "--scope-pid", &me];
    for words in [
        &["--all", "-o", "pid", "--tree"][..],
        &["ps", "-e", "-o", "pid"],
        &["--pid", &me, "-o", "pid"],
    ] {
        let output = command().args(words).args(transport).output();
        let output = output.expect("the command starts");
        assert!(output.status.success(), "{words:?}: {output:?}");
        let out = String::from_utf8(output.stdout).expect("digits");
        assert!(out.lines().any(|line| line.trim() == me), "{out}");
    }
}

/// A daemon has a procfs of its own only, and netlink is not available.
#[test]
fn scope_pid_needs_a_procfs_mount_or_netlink() {
    let me = std::process::id().to_string();
    command()
        .args(["--all", "--transport", "netlink", "--scope-pid", &me])
        .assert()
        .code(1)
        .stdout("")
        .stderr(REMEDY);
}

#[test]
fn doctor_reports_missing_parts_and_a_remedy() {
    let doctor = |words: &[&str]| {
        let output = command()
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
    let property = |what: &str| {
        let line = text.lines().find(|line| line.starts_with(what));
        line.expect(what)[what.len()..].trim_start().to_owned()
    };
    assert!(property("netlink").starts_with("no: "), "{text}");
    assert!(property("file").starts_with("no: "), "{text}");
    assert_eq!(property("auto"), "procfs: several system calls per task");
    assert!(property("remedy").starts_with("scripts/run taskdiag-cli --all"));

    let object: serde_json::Value = serde_json::from_str(&doctor(&["--json"])).expect("JSON");
    assert_eq!(object["auto"], "procfs");
    assert_eq!(object["features"], serde_json::Value::Null);
}

#[test]
fn subcommands_accept_the_transport_option() {
    for words in [
        &["features", "--transport", "netlink"][..],
        &["ps", "ax", "--transport", "netlink"],
    ] {
        command()
            .args(words)
            .assert()
            .code(1)
            .stdout("")
            .stderr(REMEDY);
    }
    let (features, messages) = run(&["features", "--transport", "procfs"]);
    assert!(features.starts_with("groups      base,cred"), "{features}");
    assert_eq!(messages, "");
    let (rows, messages) = run(&["ps", "ax", "--transport", "procfs"]);
    assert!(rows.lines().count() > 2, "{rows}");
    assert_eq!(messages, "");
}
