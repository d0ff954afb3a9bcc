// SPDX-License-Identifier: MIT
//! Processes whose rows need several messages, in a kernel with task_diag: the
//! output is complete, and the memory use of the command is constant.

mod common;

use std::fmt::Write as _;
use std::process::{self, Command};
use std::{env, fs};

use serde_json::Value;

use common::{Sleeper, assert_pss, objects, output_of, text};

/// Python code that prints a line and then waits.
const READY: &str = "print(flush=True); input()";

/// Returns a Python process that runs a script and then waits.
fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", &format!("{script}\n{READY}")]);
    command
}

/// Runs the command with a limit of its data segment, in KiB, and returns its
/// output.
fn answer_within(kib: u32, words: &[&str]) -> String {
    let script = format!("ulimit -d {kib} && exec \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_taskdiag-cli")])
        .args(words)
        .output()
        .expect("the command starts");
    let error_message = text(output.stderr);
    assert_eq!(
        (output.status.code(), error_message.as_str()),
        (Some(0), "")
    );
    text(output.stdout)
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn sixty_thousand_mappings_need_constant_memory() {
    // Adjacent mappings with different permissions are not merged.
    let sleeper = Sleeper::start(&mut python(
        "from mmap import *\n\
         mappings = [mmap(-1, PAGESIZE, flags=MAP_PRIVATE | MAP_ANONYMOUS,\n\
         \x20             prot=PROT_READ | i % 2 * PROT_WRITE) for i in range(60000)]",
    ));
    let pid = sleeper.pid().to_string();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("procfs");
    let count = maps.lines().count();
    assert!(count >= 60_000, "{count}");

    // The text of maps has about 3 MB, and that of smaps 40 MB.
    assert!(answer_within(1536, &["--maps", &pid]) == maps);
    let smaps = answer_within(1536, &["--smaps", &pid]);
    let first_lines = smaps.lines().step_by(22);
    assert!(first_lines.eq(maps.lines()));

    for format in ["ndjson", "csv"] {
        let words = ["--pid", &pid, "--show", "vma,vma_stat", "--format", format];
        let lines = answer_within(1536, &[&words[..], &["--no-headers"]].concat());
        assert_eq!(lines.lines().count(), count, "{format}");
    }
    let sum = ["--pid", &pid, "--columns", "rss,pss", "--format", "ndjson"];
    let sum: Value = serde_json::from_str(&answer_within(1536, &sum)).expect("a row");
    assert_pss(&sum["pss"], sleeper.pid());
    let table = output_of(&["--pid", &pid, "--show", "vma", "--no-headers"]);
    assert_eq!(table.lines().count(), count);
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn megabytes_of_arguments_are_complete() {
    let count = 30;
    // Arguments may use a quarter of the stack limit.
    let script = format!(
        "import os, resource\n\
         resource.setrlimit(resource.RLIMIT_STACK, (1 << 25, 1 << 25))\n\
         words = [str(i) * (100000 // len(str(i))) for i in range({count})]\n\
         os.execvp('sh', ['sh', '-c', 'echo; read never', *words])"
    );
    let sleeper = Sleeper::start(&mut python(&script));
    let pid = sleeper.pid().to_string();
    let mut expected = "sh -c echo; read never".to_owned();
    for number in 0..count {
        let digits = number.to_string();
        let word = digits.repeat(100_000 / digits.len());
        write!(expected, " {word}").expect("a String accepts all text");
    }
    assert!(expected.len() > 2 << 20);

    let words = ["--pid", &pid, "--columns", "pid,args"];
    let row = objects(&words).remove(0);
    assert!(row["args"] == expected);
    for format in ["table", "csv"] {
        let text = output_of(&[&words[..], &["--format", format]].concat());
        assert!(text.contains(&expected), "{format}");
    }
    // Other rows are not padded to the length of the arguments.
    let table = output_of(&["--all", "--columns", "args,pid"]);
    assert!(table.contains(&expected));
    assert!(table.len() < expected.len() + (1 << 20));
    // ps truncates the arguments at the same length as procps.
    let line = output_of(&["ps", "-p", &pid, "-o", "args="]);
    assert!(expected.starts_with(line.trim_end()), "{}", line.len());
    assert!(line.len() > 100_000, "{}", line.len());
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn longest_possible_path_is_complete() {
    let directory = env::temp_dir().join(format!("long-{}", process::id()));
    fs::create_dir(&directory).expect("a new directory");
    let base = directory.to_str().expect("a path of text");
    // Create the path of 4,095 bytes directory by directory: system calls accept no
    // paths of this length.
    let script = format!(
        "import mmap, os\n\
         base = {base:?}\n\
         os.chdir(base)\n\
         left = 4095 - len(base)\n\
         while left > 256:\n\
         \x20   name = 'd' * min(200, left - 130)\n\
         \x20   os.mkdir(name); os.chdir(name)\n\
         \x20   left -= len(name) + 1\n\
         file = open('f' * (left - 1), 'wb+')\n\
         file.truncate(4096)\n\
         mapping = mmap.mmap(file.fileno(), 4096)"
    );
    let sleeper = Sleeper::start(&mut python(&script));
    let pid = sleeper.pid().to_string();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("procfs");
    let longest = maps.lines().filter_map(|line| line.get(73..));
    let longest = longest.max_by_key(|path| path.len()).expect("a path");
    assert_eq!(longest.len(), 4095);

    assert_eq!(output_of(&["--maps", &pid]), maps);
    let rows = objects(&["--pid", &pid, "--columns", "vm_path"]);
    assert!(rows.iter().any(|row| row["vm_path"] == longest));
    fs::remove_dir_all(&directory).expect("our directory");
}
