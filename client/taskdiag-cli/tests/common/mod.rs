// SPDX-License-Identifier: MIT
//! What the tests in a kernel with the family share: running the command, and
//! tasks to look at.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "no crate of its own")]

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

#[path = "../../../taskdiag/tests/common/procfs.rs"]
pub mod procfs;

/// A user every system has, with this name.
pub const NOBODY: u32 = 65534;

pub fn cli(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
        .args(words)
        .output()
        .expect("the command starts")
}

pub fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the command writes UTF-8")
}

/// Runs the command, which has to succeed without a word on standard error.
pub fn answer(words: &[&str]) -> String {
    let output = cli(words);
    let complaint = text(output.stderr);
    assert_eq!((output.status.code(), complaint.as_str()), (Some(0), ""));
    text(output.stdout)
}

/// Likewise, as objects.
pub fn objects(words: &[&str]) -> Vec<Value> {
    let text = answer(&[words, &["--format", "ndjson"]].concat());
    text.lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect()
}

/// Runs the command, which has to fail; what it says.
pub fn complaint(words: &[&str]) -> String {
    let output = cli(words);
    assert_eq!(output.status.code(), Some(1), "{words:?}");
    assert_eq!(text(output.stdout), "", "{words:?}");
    text(output.stderr)
}

pub fn numbers(rows: &[Value], key: &str) -> Vec<u32> {
    rows.iter()
        .map(|row| row[key].as_u64().and_then(|n| n.try_into().ok()))
        .collect::<Option<_>>()
        .expect("numbers")
}

/// A program that does nothing for long, until the test is over.
pub struct Sleeper(Child);

impl Sleeper {
    pub fn start(command: &mut Command) -> Self {
        // A pipe that nobody writes to keeps it quiet, and ends it with us.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // It echoes once it runs, so that what exec changes has changed.
        let mut ready = [0; 1];
        let stdout = child.stdout.as_mut().expect("a pipe");
        stdout.read_exact(&mut ready).expect("it says it is there");
        await_that(|| (procfs::status(child.id())["State"][0] == "S").then_some(()));
        Self(child)
    }

    /// Says that it is there, and waits.
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

/// Runs `look` while there are `count` more threads of ours, each having done
/// `first` before.
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
        thread.join().expect("a thread that ends well");
    }
    seen
}

/// Looks again and again until there is something to see.
pub fn await_that<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "waited in vain");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sees that this can be the pss of a process, in KiB. Its pages of libraries
/// are shared with whoever looks, so this is not what procfs shows to another.
pub fn assert_pss(pss: &Value, pid: u32) {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("procfs");
    let figure = |name| -> u64 {
        let line = rollup.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .expect("a number")
    };
    let pss = pss.as_u64().expect("a number");
    let possible = figure("Private_Dirty:")..=figure("Rss:");
    assert!(possible.contains(&pss), "{pss}: {rollup}");
}
