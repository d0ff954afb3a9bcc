// SPDX-License-Identifier: MIT
//! Tasks that strategies, filters and scopes list, against procfs.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt as _;
use std::process::{self, Command};

use serde_json::{Value, json};

use crate::common::{
    NOBODY, Sleeper, await_that, error_message, kill_all, numbers, objects, output_of, procfs,
    with_threads,
};
use crate::free_pid;

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn all_lists_every_process_once() {
    let _sleeper = Sleeper::start(&mut Sleeper::shell());
    let before = procfs::processes();
    let table = output_of(&["--all", "--show", "base,cred"]);
    let after = procfs::processes();

    let mut lines = table.lines();
    let headers: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    assert_eq!(
        headers,
        [
            "USER", "GROUP", "PID", "PPID", "PGID", "SID", "S", "COMMAND", "CAPS"
        ]
    );
    let pids: Vec<u32> = lines
        .map(|line| line.split_whitespace().nth(2)?.parse().ok())
        .collect::<Option<_>>()
        .expect("a pid in the third column");
    let shown: BTreeSet<u32> = pids.iter().copied().collect();
    assert_eq!(shown.len(), pids.len(), "a process is listed twice");
    let stayed: BTreeSet<u32> = before.intersection(&after).copied().collect();
    assert!(stayed.is_subset(&shown), "{:?}", stayed.difference(&shown));

    let init = table.lines().find(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("root") && words.nth(1) == Some("1")
    });
    assert!(init.is_some(), "{table}");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn each_strategy_lists_its_tasks() {
    let me = process::id();
    let pid = me.to_string();
    let (first, second) = (
        Sleeper::start(&mut Sleeper::shell()),
        Sleeper::start(&mut Sleeper::shell()),
    );

    let one = objects(&["--pid", &first.pid().to_string()]);
    assert_eq!(numbers(&one, "pid"), [first.pid()]);
    assert_eq!(numbers(&one, "ppid"), [me]);
    assert_eq!(one[0]["state"], "S");

    let children = objects(&["--children", &pid, "--columns", "pid,ppid,comm"]);
    for child in [&first, &second] {
        let expected = json!({ "pid": child.pid(), "ppid": me, "comm": "sh" });
        assert!(children.contains(&expected), "{children:?}");
    }
    assert!(numbers(&children, "ppid").iter().all(|&ppid| ppid == me));

    let childless = first.pid().to_string();
    assert_eq!(
        output_of(&["--children", &childless, "--columns", "pid"]),
        "PID\n"
    );

    with_threads(
        3,
        |_| (),
        || {
            // Other tests in this process start and end threads meanwhile.
            let before = procfs::threads(me);
            let threads = objects(&["--threads", &pid]);
            let all = objects(&["--all-threads", "--columns", "pid,tid"]);
            let after = procfs::threads(me);

            let stayed: BTreeSet<u32> = before.intersection(&after).copied().collect();
            assert!(stayed.len() >= 4);
            assert!(numbers(&threads, "pid").iter().all(|&pid| pid == me));
            let shown: BTreeSet<u32> = numbers(&threads, "tid").into_iter().collect();
            assert!(stayed.is_subset(&shown));

            let ours: BTreeSet<u32> = numbers(&all, "tid")
                .into_iter()
                .zip(numbers(&all, "pid"))
                .filter_map(|(tid, pid)| (pid == me).then_some(tid))
                .collect();
            assert!(stayed.is_subset(&ours));
            assert!(numbers(&all, "pid").contains(&1));
            let tids = numbers(&all, "tid");
            assert_eq!(tids.iter().collect::<BTreeSet<_>>().len(), tids.len());
        },
    );
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn descendants_can_be_shown_as_a_tree() {
    let mut command = Command::new("sh");
    command.args(["-c", "(sleep 1000; :) & echo; read never"]);
    let parent = Sleeper::start(&mut command);
    let pid = parent.pid().to_string();
    let words = ["--descendants", &pid, "--columns", "pid,ppid,comm"];
    let rows = await_that(|| {
        let rows = objects(&words);
        (rows.len() == 2 && rows[1]["comm"] == "sleep").then_some(rows)
    });
    assert_eq!(rows[0]["ppid"], parent.pid());
    assert_eq!(rows[1]["ppid"], rows[0]["pid"]);

    let tree = output_of(&[&words[..], &["--tree", "--no-headers"]].concat());
    let comms: Vec<&str> = tree
        .lines()
        .filter_map(|line| {
            line.trim_start()
                .split_once(' ')?
                .1
                .trim_start()
                .split_once(' ')
        })
        .map(|(_, comm)| comm)
        .collect();
    assert_eq!(comms, ["sh", " \\_ sleep"], "{tree}");
    let nested = output_of(&[&words[..], &["--tree", "--format", "json"]].concat());
    let nested: Value = serde_json::from_str(&nested).expect("JSON");
    assert_eq!(nested[0]["children"][0]["comm"], "sleep");
    assert_eq!(nested.as_array().map(Vec::len), Some(1));

    kill_all(numbers(&rows, "pid").into_iter().rev());
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn scope_pid_lists_tasks_and_pids_of_its_namespace() {
    let mut command = Command::new("unshare");
    command.args([
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-c",
        "echo; read never",
    ]);
    let outside = Sleeper::start(&mut command);
    let outside = outside.pid().to_string();
    let inside = objects(&["--children", &outside, "--columns", "pid"])[0]["pid"].to_string();
    assert_ne!(inside, "1");

    let words = ["--columns", "pid,ppid,comm", "--scope-pid", &inside];
    let expected = [json!({ "pid": 1, "ppid": 0, "comm": "sh" })];
    for strategy in [
        &["--all"][..],
        &["--all-threads"],
        &["--pid", "1"],
        &["--threads", "1"],
    ] {
        assert_eq!(objects(&[strategy, &words].concat()), expected);
    }
    assert_eq!(
        error_message(&[&["--pid", &outside], &words[..]].concat()),
        format!(
            "taskdiag-cli: process {outside} in the pid namespace of process {inside}: \
             not found, or not visible to you\n"
        )
    );
    let unused = free_pid();
    let text = error_message(&["--all", "--scope-pid", &unused]);
    assert!(
        text.starts_with(&format!(
            "taskdiag-cli: cannot use the pid namespace of process {unused}: "
        )),
        "{text}"
    );
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn filters_exclude_other_tasks() {
    let mut command = Sleeper::shell();
    command.uid(NOBODY).gid(NOBODY);
    let (nobodys, own) = (
        Sleeper::start(&mut command),
        Sleeper::start(&mut Sleeper::shell()),
    );
    let pids = |filter: &str| numbers(&objects(&["--all", "--filter", filter]), "pid");
    let both = format!("pid={}+{}", nobodys.pid(), own.pid());
    assert_eq!(pids("uid=nobody"), [nobodys.pid()]);
    assert_eq!(pids(&both).len(), 2);
    assert_eq!(pids(&format!("{both},uid=root,comm=s")), [own.pid()]);
    assert!(pids(&format!("{both},state=RD")).is_empty());
    // The command evaluates these conditions.
    assert_eq!(pids(&format!("{both},uid!=root")), [nobodys.pid()]);
    assert_eq!(pids(&format!("{both},gid={NOBODY}")), [nobodys.pid()]);
    assert_eq!(pids(&format!("{both},uid=root+65534,comm~^s")).len(), 2);
    assert!(pids(&format!("{both},ppid!={}", process::id())).is_empty());
    assert!(pids("comm=sh").contains(&own.pid()));
    assert!(!pids("comm=sh").contains(&1));
}
