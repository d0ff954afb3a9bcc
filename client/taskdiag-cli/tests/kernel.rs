// SPDX-License-Identifier: MIT
//! The command against the family itself, as root, in a kernel that has it.
//!
//! Each test makes the tasks it looks for, and holds what the command says of
//! them against procfs or against what it made them be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{self, Command, Stdio};

use serde_json::{Value, json};

mod common;

use common::{
    NOBODY, Sleeper, answer, assert_pss, await_that, cli, complaint, numbers, objects, procfs,
    text, with_threads,
};

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn the_main_job_shows_every_process_once() {
    let _sleeper = Sleeper::start(&mut Sleeper::shell());
    let before = procfs::processes();
    let table = answer(&["--all", "--show", "base,cred"]);
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
    assert_eq!(shown.len(), pids.len(), "a process is there twice");
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
fn each_strategy_shows_its_tasks() {
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

    let nobodys = first.pid().to_string();
    assert_eq!(
        answer(&["--children", &nobodys, "--columns", "pid"]),
        "PID\n"
    );

    with_threads(
        3,
        |_| (),
        || {
            // Other tests of this file may come and go beside this one.
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
fn every_column_agrees_with_procfs() {
    let mut command = Sleeper::shell();
    command.uid(NOBODY).gid(NOBODY);
    let (root, nobody) = (
        Sleeper::start(&mut Sleeper::shell()),
        Sleeper::start(&mut command),
    );
    // The second process is the kernel's own.
    for pid in [2, root.pid(), nobody.pid()] {
        let status = procfs::status(pid);
        let number = |field: &str, index: usize| {
            status[field][index]
                .parse::<u32>()
                .expect("a number in procfs")
        };
        let rows = objects(&[
            "--pid",
            &pid.to_string(),
            "--numeric",
            "--columns",
            "pid,tid,ppid,tpid,state,comm,ruid,uid,suid,fsuid,rgid,gid,sgid,fsgid,user,group,\
             capinh,capprm,capeff,capbnd,capamb,nnp",
        ]);
        assert_eq!(
            rows,
            [json!({
                "pid": number("Tgid", 0),
                "tid": number("Pid", 0),
                "ppid": number("PPid", 0),
                "tpid": number("TracerPid", 0),
                "state": status["State"][0],
                "comm": status["Name"][0],
                "ruid": number("Uid", 0),
                "uid": number("Uid", 1),
                "suid": number("Uid", 2),
                "fsuid": number("Uid", 3),
                "rgid": number("Gid", 0),
                "gid": number("Gid", 1),
                "sgid": number("Gid", 2),
                "fsgid": number("Gid", 3),
                "user": number("Uid", 1),
                "group": number("Gid", 1),
                "capinh": status["CapInh"][0],
                "capprm": status["CapPrm"][0],
                "capeff": status["CapEff"][0],
                "capbnd": status["CapBnd"][0],
                "capamb": status["CapAmb"][0],
                "nnp": number("NoNewPrivs", 0) == 1,
            })]
        );
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn users_and_capabilities_have_names() {
    let mut command = Sleeper::shell();
    command.uid(NOBODY).gid(NOBODY);
    let nobody = Sleeper::start(&mut command);
    let root = Sleeper::start(&mut Sleeper::shell());

    let row = |pid: u32| {
        let pid = pid.to_string();
        answer(&["--pid", &pid, "--columns", "user,caps", "--no-headers"])
    };
    assert_eq!(row(nobody.pid()), "nobody -\n");
    assert_eq!(row(root.pid()), "root all\n");

    let object = objects(&["--pid", &root.pid().to_string(), "--columns", "user,caps"]);
    assert_eq!(object[0]["user"], "root");
    let caps = object[0]["caps"].as_array().expect("a list");
    assert!(caps.contains(&json!("cap_sys_admin")));
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn names_of_any_bytes_are_shown() {
    const NAMES: [&[u8]; 4] = [
        b"a b (c)",
        b"tab\tline\n",
        b"\xff\xfe\\",
        "größe".as_bytes(),
    ];
    const SHOWN: [&str; 4] = ["a b (c)", r"tab\tline\n", r"\xff\xfe\\", "größe"];
    let rename = |index: usize| {
        fs::write("/proc/thread-self/comm", NAMES[index]).expect("a name for the thread");
    };
    with_threads(NAMES.len(), rename, || {
        let pid = process::id().to_string();
        let columns = ["--threads", &pid, "--columns", "comm"];
        let objects = objects(&columns);
        let table = answer(&columns);
        let csv = answer(&[&columns[..], &["--format", "csv"]].concat());
        for name in SHOWN {
            assert!(objects.iter().any(|row| row["comm"] == name), "{name}");
            assert!(table.lines().any(|line| line == name), "{name}");
            assert!(csv.lines().any(|line| line == name), "{name}");
        }
    });
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn the_formats_say_the_same() {
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 1000 & sleep 1000 & echo; read never"]);
    let parent = Sleeper::start(&mut command);
    let pid = parent.pid().to_string();
    let words = [
        "--children",
        &pid,
        "--columns",
        "pid,user,state,comm,caps",
        "--sort",
        "-pid",
    ];
    let as_format = |format| answer(&[&words[..], &["--format", format]].concat());

    // Both have come to rest, so that they read the same each time.
    let lines = await_that(|| {
        let rows = objects(&words);
        let resting = |row: &Value| row["comm"] == "sleep" && row["state"] == "S";
        (rows.len() == 2 && rows.iter().all(resting)).then_some(rows)
    });
    assert!(lines[0]["pid"].as_u64() > lines[1]["pid"].as_u64());
    let array: Vec<Value> = serde_json::from_str(&as_format("json")).expect("an array");
    assert_eq!(array, lines);

    let csv = as_format("csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let records: Vec<BTreeMap<String, String>> = reader
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("good CSV");
    let table = as_format("table");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!((records.len(), rows.len()), (2, 2));
    for ((object, record), row) in lines.iter().zip(&records).zip(&rows) {
        assert_eq!(object["pid"].to_string(), record["pid"]);
        assert_eq!(object["pid"].to_string(), row[0]);
        assert_eq!(object["user"], record["user"].as_str());
        assert_eq!(object["user"], row[1]);
        assert_eq!(object["state"], record["state"].as_str());
        assert_eq!(object["state"], row[2]);
        assert_eq!(object["comm"], record["comm"].as_str());
        assert_eq!(object["comm"], row[3]);
        let caps: Vec<&str> = record["caps"].split(',').collect();
        assert_eq!(object["caps"], json!(caps));
    }

    for child in numbers(&lines, "pid") {
        let child = nix::unistd::Pid::from_raw(child.try_into().expect("a pid"));
        nix::sys::signal::kill(child, nix::sys::signal::SIGKILL).expect("our grandchild");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn a_scope_shows_the_tasks_and_numbers_of_its_namespace() {
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
        complaint(&[&["--pid", &outside], &words[..]].concat()),
        format!(
            "taskdiag-cli: no process {outside} as seen from process {inside} \
             (or it is not visible to you)\n"
        )
    );
    let nobody = free_pid();
    let text = complaint(&["--all", "--scope-pid", &nobody]);
    assert!(
        text.starts_with(&format!(
            "taskdiag-cli: cannot use the pid namespace of process {nobody}: "
        )),
        "{text}"
    );
}

/// A number that no process has: the last there can be.
fn free_pid() -> String {
    let max = fs::read_to_string("/proc/sys/kernel/pid_max").expect("procfs");
    let last: u32 = max.trim().parse().expect("a number");
    (last - 1).to_string()
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn a_refused_request_exits_with_1_and_says_why() {
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
fn hidden_and_absent_read_the_same() {
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

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn a_reader_that_leaves_ends_it_quietly() {
    for format in ["table", "json", "ndjson", "csv"] {
        let (reader, writer) = nix::unistd::pipe().expect("a pipe");
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
            .args(["--all-threads", "--show", "base,cred", "--format", format])
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .expect("the command starts");
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert_eq!(text(output.stderr), "", "{format}");
    }

    let script = r#"set -o pipefail; "$0" --all-threads --format ndjson | head -n 1"#;
    let output = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_taskdiag-cli")])
        .output()
        .expect("a shell");
    assert_eq!(
        (output.status.code(), text(output.stderr).as_str()),
        (Some(0), "")
    );
    assert_eq!(text(output.stdout).lines().count(), 1);
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn an_output_that_cannot_be_written_is_a_failure() {
    for format in ["table", "json", "ndjson", "csv"] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("/dev/full");
        let output = Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
            .args(["--all", "--format", format])
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .expect("the command starts");
        assert_eq!(output.status.code(), Some(1), "{format}");
        let complaint = text(output.stderr);
        assert!(
            complaint.starts_with("taskdiag-cli: cannot write the output: No space left"),
            "{format}: {complaint}"
        );
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn a_terminal_cuts_what_it_cannot_hold_and_a_pipe_nothing() {
    let on_terminal = |line: &str| {
        let program = env!("CARGO_BIN_EXE_taskdiag-cli");
        let line = format!("stty rows 24 cols 30; '{program}' {line}");
        let output = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .stdin(Stdio::null())
            .output()
            .expect("script, of util-linux");
        assert_eq!(output.status.code(), Some(0));
        text(output.stdout)
    };
    let line = "--pid 1 --columns pid,comm,capeff,capbnd --numeric";
    let cut = on_terminal(line);
    let widths: Vec<usize> = cut.lines().map(|line| line.chars().count()).collect();
    assert_eq!(widths.len(), 2, "{cut}");
    assert!(widths.iter().all(|&width| width <= 30), "{cut}");
    assert!(cut.contains('+'), "{cut}");

    let words: Vec<&str> = line.split(' ').collect();
    let whole = answer(&words);
    assert!(whole.lines().all(|line| line.len() > 30), "{whole}");
    assert_eq!(
        on_terminal(&format!("{line} | cat")).replace('\r', ""),
        whole
    );
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn statistics_count_what_was_received() {
    let output = with_threads(
        1000,
        |_| (),
        || {
            cli(&[
                "--all-threads",
                "--show",
                "base,cred",
                "--format",
                "ndjson",
                "--stats",
            ])
        },
    );
    assert_eq!(output.status.code(), Some(0));
    let rows = text(output.stdout).lines().count();
    let report = text(output.stderr);
    let count = |what: &str| -> usize {
        let (_, rest) = report.split_once(&format!("{what}: ")).expect(what);
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
        digits.unwrap_or_default().parse().expect("a count")
    };
    assert!(rows > 1000);
    assert_eq!(count("tasks"), rows, "{report}");
    assert!(count("bytes") >= rows * 168, "{report}");
    // A full receive holds 190 tasks or so; the last one need not be full.
    assert!(count("receives") <= rows / 150 + 1, "{report}");
    for part in [", time: ", " ms, interrupted: "] {
        assert!(report.contains(part), "{report}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn a_table_that_moves_is_no_failure() {
    let (told, status) = with_threads(
        1000,
        |_| (),
        || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
                .args(["--all-threads", "--show", "base,cred"])
                .args(["--format", "ndjson", "--stats"])
                .env("RUST_LOG", "info")
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the command starts");
            // What it writes is far more than the pipe holds: with its first
            // byte here the dump is under way, and it cannot end before we
            // read on.
            let mut stdout = command.stdout.take().expect("a pipe");
            stdout.read_exact(&mut [0; 1]).expect("the first row");
            assert!(Command::new("true").status().is_ok_and(|s| s.success()));
            io::copy(&mut stdout, &mut io::sink()).expect("the rest");
            let output = command.wait_with_output().expect("its end");
            (text(output.stderr), output.status)
        },
    );
    assert_eq!(status.code(), Some(0));
    assert!(told.contains("interrupted: no"), "{told}");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn rows_come_in_the_order_asked_for() {
    let text = answer(&[
        "--all",
        "--columns",
        "pid",
        "--sort",
        "-pid",
        "--no-headers",
    ]);
    let pids: Vec<u32> = text
        .lines()
        .map(|line| line.trim().parse().expect("a pid"))
        .collect();
    assert!(pids.len() > 1);
    assert!(pids.is_sorted_by(|a, b| a > b));

    let rows = objects(&["--all", "--columns", "comm,pid", "--sort", "comm,-pid"]);
    let keys: Vec<_> = rows
        .iter()
        .map(|row| (row["comm"].as_str(), std::cmp::Reverse(row["pid"].as_u64())))
        .collect();
    assert!(keys.is_sorted());
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn the_kernel_has_all_that_the_command_knows() {
    let text = answer(&["features"]);
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.contains("\noptions     pidns_fd,pidfd\n"), "{text}");
    // The flags depend on the configuration of the kernel.
    let (flags, others): (Vec<_>, Vec<_>) = text
        .lines()
        .partition(|line| line.starts_with("vma_flags   read,write,"));
    assert_eq!(flags.len(), 1, "{text}");
    let missing = |line: &&str| line.contains("not in this kernel");
    assert!(!others.iter().any(missing), "{text}");
    let object: Value = serde_json::from_str(&answer(&["features", "--json"])).expect("JSON");
    assert_eq!(object["groups"][0], "base");
    assert!(
        object["filters"]
            .as_array()
            .is_some_and(|filters| filters.contains(&json!("uid")))
    );
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn the_doctor_finds_the_family() {
    let text = answer(&["doctor"]);
    for line in [
        "netlink     yes",
        "auto        netlink: one request for all tasks",
    ] {
        assert!(text.lines().any(|other| other == line), "{text}");
    }
    let object: Value = serde_json::from_str(&answer(&["doctor", "--json"])).expect("JSON");
    assert_eq!(object["netlink"]["there"], true);
    assert_eq!(object["features"]["groups"][0], "base");
    assert_eq!(object["who"]["uid"], 0);
    assert_eq!(object["who"]["cap_sys_ptrace"], true);
    let lacks = object["lacks"].as_array().expect("a list");
    assert!(
        !lacks.iter().any(|lack| lack != "the proc connector"),
        "{text}"
    );
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn filters_leave_out_who_they_do_not_hold_for() {
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
    assert!(pids("comm=sh").contains(&own.pid()));
    assert!(!pids("comm=sh").contains(&1));
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn descendants_are_a_tree() {
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

    let tree = answer(&[&words[..], &["--tree", "--no-headers"]].concat());
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
    let nested = answer(&[&words[..], &["--tree", "--format", "json"]].concat());
    let nested: Value = serde_json::from_str(&nested).expect("JSON");
    assert_eq!(nested[0]["children"][0]["comm"], "sleep");
    assert_eq!(nested.as_array().map(Vec::len), Some(1));

    for child in numbers(&rows, "pid").into_iter().rev() {
        let child = nix::unistd::Pid::from_raw(child.try_into().expect("a pid"));
        nix::sys::signal::kill(child, nix::sys::signal::SIGKILL).expect("our grandchild");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn maps_are_as_in_procfs() {
    let sleeper = Sleeper::start(&mut Sleeper::shell());
    let pid = sleeper.pid().to_string();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("procfs");
    assert_eq!(answer(&["--maps", &pid]), maps);

    // What the kernel does not tell here is of page sizes and keys; and who
    // looks shares libraries with what is looked at.
    let left_out = [
        "KernelPageSize:",
        "MMUPageSize:",
        "THPeligible:",
        "ProtectionKey:",
        "Pss:",
        "Shared_Clean:",
        "Private_Clean:",
    ];
    let compared = |text: &str| -> Vec<String> {
        let lines = text.lines();
        lines
            .filter(|line| !left_out.iter().any(|name| line.starts_with(name)))
            .map(str::to_owned)
            .collect()
    };
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).expect("procfs");
    let text = answer(&["--smaps", &pid]);
    assert_eq!(compared(&text), compared(&smaps));
    for name in ["Pss:", "Shared_Clean:", "Private_Clean:"] {
        let count = |text: &str| text.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!(count(&text), count(&smaps));
    }

    let rows = objects(&[
        "--pid",
        &pid,
        "--columns",
        "pid,vm_start,vm_perms,vm_rss,vm_path",
    ]);
    assert_eq!(rows.len(), maps.lines().count());
    let first = maps.lines().next().expect("an area");
    let start = rows[0]["vm_start"].as_str().expect("an address");
    assert!(first.starts_with(&format!("{start}-")), "{first}: {rows:?}");

    let executable = objects(&["--pid", &pid, "--show", "vma", "--filter", "vma=exec+file"]);
    let expected = maps
        .lines()
        .filter(|line| line.contains("r-xp") && line.contains('/'))
        .count();
    assert_eq!(executable.len(), expected);
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn each_format_has_every_group() {
    let sleeper = Sleeper::start(&mut Sleeper::shell());
    let pid = sleeper.pid().to_string();
    let columns = "pid,comm,user,rss,args,fds,nofile,start_ns,leader,netns,cgpath,pss";
    let words = ["--pid", &pid, "--columns", columns];
    let row = objects(&words).remove(0);
    assert_eq!(row["args"], "sh -c echo; read never");
    assert_eq!(row["leader"], true);
    let listed = procfs::numbers(&format!("/proc/{pid}/fd")).len();
    assert_eq!(row["fds"].as_u64(), listed.try_into().ok());
    let link = fs::read_link(format!("/proc/{pid}/ns/net")).expect("procfs");
    assert_eq!(
        link.to_str(),
        Some(format!("net:[{}]", row["netns"]).as_str())
    );
    assert_pss(&row["pss"], sleeper.pid());

    for format in ["json", "csv", "table"] {
        let text = answer(&[&words[..], &["--format", format]].concat());
        for value in ["comm", "args", "netns", "cgpath"] {
            let value = &row[value];
            let value = value.as_str().map_or(value.to_string(), str::to_owned);
            assert!(text.contains(&value), "{format}: {text}");
        }
    }
}
