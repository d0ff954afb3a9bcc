// SPDX-License-Identifier: MIT
//! Tests of the fuzzer as root, in a kernel with TASKDIAG.

use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn fuzz(words: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_taskdiag-fuzz"))
        .args(words)
        .output()
        .expect("the fuzzer starts");
    output_of(output)
}

fn output_of(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("the fuzzer writes UTF-8");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Returns the number before this word in the closing line.
fn number(line: &str, word: &str) -> u64 {
    let before = line.split(&format!(" {word}")).next().unwrap_or_default();
    let number = before.split(' ').next_back().unwrap_or_default();
    number
        .parse()
        .unwrap_or_else(|_| panic!("no number of {word} in {line:?}"))
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn run_as_root_finds_nothing() {
    let (code, line, errors) = fuzz(&["--requests", "5000", "--seed", "5"]);
    assert_eq!(code, Some(0), "{errors}{line}");
    assert_eq!(number(&line, "cases"), 5000);
    for word in [
        "requests",
        "replies",
        "rows",
        "dones",
        "acks",
        "with a procfs mount",
        "continuation messages",
        "rows with absent groups",
        "whole dumps",
    ] {
        assert!(number(&line, word) > 0, "{word}: {line}");
    }
    for errno in ["EINVAL", "ESRCH", "EOPNOTSUPP", "ENOENT", "ERANGE", "EBADF"] {
        assert!(number(&line, errno) > 0, "{errno}: {line}");
    }
    assert_eq!(number(&line, "findings"), 0);
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn run_as_user_finds_nothing() {
    let words = ["--requests", "5000", "--seed", "5", "--as-user", "1234"];
    let (code, line, errors) = fuzz(&words);
    assert_eq!(code, Some(0), "{errors}{line}");
    for word in ["whole dumps", "with a procfs mount", "partial rows"] {
        assert!(number(&line, word) > 0, "{word}: {line}");
    }
    // sendmsg() with the credentials of other processes.
    assert!(number(&line, "EPERM") > 0, "{line}");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn each_transport_can_be_fuzzed_alone() {
    let through_file = |transport| {
        let words = [
            "--requests",
            "3000",
            "--seed",
            "6",
            "--transport",
            transport,
        ];
        let (code, line, errors) = fuzz(&words);
        assert_eq!(code, Some(0), "{errors}{line}");
        for word in ["rows", "dones", "whole dumps"] {
            assert!(number(&line, word) > 0, "{transport}: {word}: {line}");
        }
        (number(&line, "of them through the file"), line)
    };
    assert_eq!(through_file("socket").0, 0);
    let (count, line) = through_file("file");
    assert_eq!(count, 3000);
    // Requests while a reply is pending, and buffers smaller than a message.
    assert!(number(&line, "EBUSY") > 0, "{line}");
    assert!(number(&line, "short reads") > 0, "{line}");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn replay_sends_the_same_case() {
    let sent = |iteration| {
        let (code, shown, errors) = fuzz(&["--seed", "9", "--replay", iteration]);
        assert_eq!(code, Some(0), "{errors}");
        let begin = shown.find("messages: [").expect("the case is printed");
        let end = shown.find("reading: ").expect("the case is printed");
        shown[begin..end].to_owned()
    };
    assert_eq!(sent("40"), sent("40"));
    assert_ne!(sent("40"), sent("41"));
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn interrupted_run_prints_its_closing_line() {
    let fuzzer = Command::new(env!("CARGO_BIN_EXE_taskdiag-fuzz"))
        .args(["--seconds", "100"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the fuzzer starts");
    sleep(Duration::from_secs(3));
    let start = Instant::now();
    kill(Pid::from_raw(fuzzer.id() as i32), Signal::SIGINT).expect("the fuzzer runs");
    let output = fuzzer.wait_with_output().expect("the fuzzer ends");
    let (code, line, errors) = output_of(output);
    assert_eq!(code, Some(130), "{errors}{line}");
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(number(&line, "cases") > 0, "{line}");
    // No test task is left.
    let processes = std::fs::read_dir("/proc").expect("procfs is mounted");
    let left = processes
        .flatten()
        .filter_map(|entry| std::fs::read(entry.path().join("comm")).ok())
        .filter(|comm| comm == b"fifteen-bytes-x\n")
        .count();
    assert_eq!(left, 0);
}
