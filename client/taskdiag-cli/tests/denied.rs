// SPDX-License-Identifier: MIT
//! Tasks and groups that another user may read: all that its `/proc` shows, and the
//! groups that it may not read are marked as denied.
//!
//! Starts the command as another user, in a mount namespace of its own, so it needs root.

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use common::text;

/// Transports of a kernel with task_diag.
const OF_KERNEL: [&str; 3] = ["netlink", "file", "procfs"];

/// Runs a command as uid 65534, in a mount namespace whose `/proc` has these options;
/// `None` if the caller may not mount it.
fn run_as_nobody(options: &str, command: &[&str]) -> Option<Output> {
    let script = format!(
        "mount -t proc -o {options} proc /proc || exit 77
         exec setpriv --reuid 65534 --regid 65534 --clear-groups -- \"$@\""
    );
    let output = Command::new("unshare")
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            &script,
            "sh",
        ])
        .args(command)
        .stdin(Stdio::null())
        .output()
        .expect("unshare starts");
    let is_root = nix::unistd::geteuid().is_root();
    (is_root && output.status.code() != Some(77)).then_some(output)
}

/// Runs taskdiag-cli like [`run_as_nobody`].
fn cli_as_nobody(options: &str, words: &[&str]) -> Option<Output> {
    let program = env!("CARGO_BIN_EXE_taskdiag-cli");
    assert!(Path::new(program).exists());
    run_as_nobody(options, &[&[program], words].concat())
}

fn check_denied_groups(transport: &str) {
    let run = |words: &[&str]| {
        let all = [&["--transport", transport], words].concat();
        cli_as_nobody("hidepid=off", &all).map(|output| {
            assert_eq!(output.status.code(), Some(1), "{transport}: {words:?}");
            (text(output.stdout), text(output.stderr))
        })
    };
    let Some((out, error)) = run(&["--pid", "1", "--show", "base,files", "--format", "ndjson"])
    else {
        return;
    };
    assert_eq!(
        error,
        "taskdiag-cli: cannot read files of process 1: permission denied\n"
    );
    let row: Value = serde_json::from_str(&out).expect("one object");
    assert_eq!(row["fds"], Value::Null, "{row}");
    assert_eq!(row["denied"], serde_json::json!(["files"]), "{row}");
    assert!(row["nofile"].is_u64() && row["comm"].is_string(), "{row}");

    let columns = ["--pid", "1", "-o", "pid,fds,fd_socket", "--no-headers"];
    let (out, _) = run(&columns).expect("mounted before");
    assert_eq!(out.split_whitespace().collect::<Vec<_>>(), ["1", "-", "-"]);
    let (out, _) = run(&[&columns[..], &["--format", "csv"]].concat()).expect("mounted before");
    assert_eq!(out, "1,,\n");

    for option in ["--maps", "--smaps"] {
        let (out, error) = run(&[option, "1"]).expect("mounted before");
        assert_eq!(out, "");
        assert!(
            error.ends_with(" of process 1: permission denied\n"),
            "{error}"
        );
    }
    let words = ["--pid", "1", "-o", "pid,comm,vm_path", "--format", "ndjson"];
    let (out, _) = run(&words).expect("mounted before");
    let row: Value = serde_json::from_str(&out).expect("the row stays");
    assert_eq!((&row["pid"], &row["vm_path"]), (&1.into(), &Value::Null));
    assert_eq!(row["denied"], serde_json::json!(["vma"]), "{row}");
}

#[test]
fn denied_groups_are_marked_over_procfs() {
    check_denied_groups("procfs");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn denied_groups_are_marked_over_every_transport() {
    OF_KERNEL.into_iter().for_each(check_denied_groups);
}

/// Processes that end or begin during the test are in one of both lists only.
fn check_listed_processes(transport: &str) {
    let options = "hidepid=noaccess";
    let listed = || -> Option<BTreeSet<u64>> {
        let output = run_as_nobody(options, &["ls", "/proc"])?;
        let pids = text(output.stdout);
        Some(pids.lines().filter_map(|name| name.parse().ok()).collect())
    };
    let Some(before) = listed() else {
        return;
    };
    let words = ["--transport", transport, "--all", "--format", "ndjson"];
    let output = cli_as_nobody(options, &words).expect("mounted before");
    assert!(output.status.success(), "{output:?}");
    let after = listed().expect("mounted before");
    let expected = &before & &after;

    let rows = text(output.stdout);
    let rows = rows
        .lines()
        .map(|row| serde_json::from_str(row).expect("an object"));
    let rows: Vec<Value> = rows.collect();
    let pids: BTreeSet<_> = rows.iter().filter_map(|row| row["pid"].as_u64()).collect();
    assert!(expected.is_subset(&pids), "{transport}: {pids:?}");
    let hidden = rows.iter().filter(|row| row["comm"].is_null());
    assert!(hidden.clone().any(|row| row["pid"] == 1), "{transport}");
    for row in hidden {
        assert_eq!(row["denied"], serde_json::json!(["base"]), "{transport}");
    }

    // The row is the only one, and has no field.
    let words = ["--transport", transport, "--pid", "1", "-o", "pid,comm,fds"];
    let output = cli_as_nobody(options, &words).expect("mounted before");
    assert_eq!(output.status.code(), Some(1), "{transport}: {output:?}");
    let out = text(output.stdout);
    let cells: Vec<_> = out.lines().flat_map(str::split_whitespace).collect();
    assert_eq!(cells, ["PID", "COMMAND", "FDS", "1", "-", "-"]);

    // Trees, sort keys and the filter of pids accept such rows.
    for more in [
        &["--tree"][..],
        &["--sort", "-comm"],
        &["--filter", "pid=1"],
    ] {
        let words = [&["--transport", transport, "--all"], more].concat();
        let output = cli_as_nobody(options, &words).expect("mounted before");
        assert!(output.status.success(), "{transport}: {output:?}");
        let out = text(output.stdout);
        let has_init = |line: &str| line.split_whitespace().next() == Some("1");
        assert!(out.lines().any(has_init), "{transport}, {more:?}: {out}");
    }
}

#[test]
fn listed_processes_have_a_row_over_procfs() {
    check_listed_processes("procfs");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn listed_processes_have_a_row_over_every_transport() {
    OF_KERNEL.into_iter().for_each(check_listed_processes);
}

/// Checks that a user sees the processes that its `/proc` lists, and no other. Without a
/// transport, the command selects one.
fn check_processes(options: &str, transport: Option<&str>) {
    let pids = |command: &[&str]| -> Option<BTreeSet<u64>> {
        let output = run_as_nobody(options, command)?;
        assert!(output.status.success(), "{command:?}: {output:?}");
        assert_eq!(text(output.stderr), "", "{command:?}");
        let words = text(output.stdout);
        Some(
            words
                .split_whitespace()
                .filter_map(|word| word.parse().ok())
                .collect(),
        )
    };
    let Some(before) = pids(&["ls", "/proc"]) else {
        return;
    };
    let mut command = vec![env!("CARGO_BIN_EXE_taskdiag-cli"), "--all", "-o", "pid"];
    command.extend(transport.iter().flat_map(|name| ["--transport", *name]));
    let shown = pids(&command).expect("mounted before");
    let after = pids(&["ls", "/proc"]).expect("mounted before");
    let missing: BTreeSet<_> = before.intersection(&after).collect();
    let missing: Vec<_> = missing
        .into_iter()
        .filter(|pid| !shown.contains(pid))
        .collect();
    assert!(missing.is_empty(), "{options}, {transport:?}: {missing:?}");
    assert_eq!(
        shown.contains(&1),
        before.contains(&1),
        "{options}, {transport:?}"
    );
}

const MOUNTS: [&str; 6] = [
    "hidepid=off",
    "hidepid=noaccess",
    "hidepid=invisible",
    "hidepid=ptraceable",
    "hidepid=invisible,gid=65534",
    "hidepid=noaccess,gid=65534",
];

#[test]
fn user_sees_the_processes_of_its_procfs() {
    for options in MOUNTS {
        check_processes(options, Some("procfs"));
        check_processes(options, None);
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn user_sees_the_processes_of_its_procfs_over_every_transport() {
    for options in MOUNTS {
        for transport in OF_KERNEL {
            check_processes(options, Some(transport));
        }
        check_processes(options, None);
    }
}

/// The init of a pid namespace that a user has created, with a procfs of its own.
#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn scope_pid_lists_the_container_of_a_user_without_capabilities() {
    for transport in [&OF_KERNEL[..], &["auto"]].concat() {
        let program = env!("CARGO_BIN_EXE_taskdiag-cli");
        let script = format!(
            "unshare --user --map-root-user --pid --fork --mount-proc sleep 1000 &
             until init=$(pgrep -P $! sleep); do :; done
             {program} --all --tree -o pid,comm --no-headers --scope-pid $init \
                 --transport {transport} &&
             {program} ps -e -o pid,comm --no-headers --scope-pid $init --transport {transport}
             status=$?
             kill -9 $init
             exit $status"
        );
        let Some(output) = run_as_nobody("hidepid=off", &["sh", "-c", &script]) else {
            return;
        };
        assert!(output.status.success(), "{transport}: {output:?}");
        let out = text(output.stdout);
        let words: Vec<_> = out.split_whitespace().collect();
        assert_eq!(words, ["1", "sleep", "1", "sleep"], "{transport}");
    }
}
