// SPDX-License-Identifier: MIT
//! Formats, order, terminals, and outputs that fail.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::common::{Sleeper, await_that, kill_all, numbers, objects, output_of, text};

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn formats_agree() {
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
    let as_format = |format| output_of(&[&words[..], &["--format", format]].concat());

    // Wait until both sleep, so that all formats show the same states.
    let lines = await_that(|| {
        let rows = objects(&words);
        let sleeping = |row: &Value| row["comm"] == "sleep" && row["state"] == "S";
        (rows.len() == 2 && rows.iter().all(sleeping)).then_some(rows)
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

    kill_all(numbers(&lines, "pid"));
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn rows_are_sorted_by_the_given_keys() {
    let text = output_of(&[
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
fn terminal_truncates_lines_and_pipe_does_not() {
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
    let whole = output_of(&words);
    assert!(whole.lines().all(|line| line.len() > 30), "{whole}");
    assert_eq!(
        on_terminal(&format!("{line} | cat")).replace('\r', ""),
        whole
    );
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn closed_pipe_exits_with_0_and_no_message() {
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
fn full_output_device_exits_with_1() {
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
        let error_message = text(output.stderr);
        assert!(
            error_message.starts_with("taskdiag-cli: cannot write the output: No space left"),
            "{format}: {error_message}"
        );
    }
}
