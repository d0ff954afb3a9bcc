// SPDX-License-Identifier: MIT
//! Helpers of the tests in a kernel with the family: running the command, and
//! starting test tasks.

#![allow(dead_code, reason = "each test file uses some helpers")]
#![allow(unreachable_pub, reason = "this module is part of each test crate")]

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

pub mod procfs;

/// The uid of the user `nobody`.
pub const NOBODY: u32 = 65534;

/// Runs the command.
pub fn cli(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
        .args(words)
        .output()
        .expect("the command starts")
}

pub fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the command writes UTF-8")
}

/// Runs the command, expects success and an empty standard error, and returns its
/// output.
pub fn output_of(words: &[&str]) -> String {
    let output = cli(words);
    let error_message = text(output.stderr);
    assert_eq!(
        (output.status.code(), error_message.as_str()),
        (Some(0), "")
    );
    text(output.stdout)
}

/// Runs the command like [`output_of`], and returns its rows as JSON objects.
pub fn objects(words: &[&str]) -> Vec<Value> {
    let text = output_of(&[words, &["--format", "ndjson"]].concat());
    text.lines()
        .map(|line| serde_json::from_str(line).expect("one object per line"))
        .collect()
}

/// Runs the command, expects exit status 1 and no output, and returns its error
/// message.
pub fn error_message(words: &[&str]) -> String {
    let output = cli(words);
    assert_eq!(output.status.code(), Some(1), "{words:?}");
    assert_eq!(text(output.stdout), "", "{words:?}");
    text(output.stderr)
}

/// Returns a column of numbers.
pub fn numbers(rows: &[Value], key: &str) -> Vec<u32> {
    rows.iter()
        .map(|row| row[key].as_u64().and_then(|n| n.try_into().ok()))
        .collect::<Option<_>>()
        .expect("numbers")
}

/// A process that sleeps until the test is over.
pub struct Sleeper(Child);

impl Sleeper {
    /// Starts a command that prints a line and then reads from standard input.
    pub fn start(command: &mut Command) -> Self {
        // The pipe stays open until this process exits, and so does the sleeper.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // Wait for its line of output, after which execve() has finished.
        let mut ready = [0; 1];
        let stdout = child.stdout.as_mut().expect("a pipe");
        stdout.read_exact(&mut ready).expect("a line of output");
        await_that(|| (procfs::status(child.id())["State"][0] == "S").then_some(()));
        Self(child)
    }

    /// Returns a shell that prints a line and then waits.
    pub fn shell() -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "echo; read never"]);
        command
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `look` while this process has `count` more threads, each of which has run
/// `first`.
pub fn with_threads<T>(count: usize, first: fn(usize), look: impl FnOnce() -> T) -> T {
    let begin = Arc::new(Barrier::new(count + 1));
    let end = Arc::new(Barrier::new(count + 1));
    let threads: Vec<_> = (0..count)
        .map(|index| {
            let (begin, end) = (Arc::clone(&begin), Arc::clone(&end));
            thread::Builder::new()
                .stack_size(64 * 1024)
                .spawn(move || {
                    first(index);
                    begin.wait();
                    end.wait();
                })
                .expect("a thread")
        })
        .collect();
    begin.wait();
    let seen = look();
    end.wait();
    for thread in threads {
        thread.join().expect("the thread does not panic");
    }
    seen
}

/// Kills test tasks that are not children of this process.
pub fn kill_all(pids: impl IntoIterator<Item = u32>) {
    for pid in pids {
        let pid = Pid::from_raw(pid.try_into().expect("a pid"));
        kill(pid, Signal::SIGKILL).expect("a test task");
    }
}

/// Calls `look` until it returns a value, for at most 20 seconds.
pub fn await_that<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "timeout");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Checks that `pss`, in KiB, is possible for a process. It differs from that of
/// procfs, because the command shares library pages with the process.
pub fn assert_pss(pss: &Value, pid: u32) {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("procfs");
    let size = |name| -> u64 {
        let line = rollup.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .expect("a number")
    };
    let pss = pss.as_u64().expect("a number");
    let possible = size("Private_Dirty:")..=size("Rss:");
    assert!(possible.contains(&pss), "{pss}: {rollup}");
}
