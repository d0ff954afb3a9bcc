// SPDX-License-Identifier: MIT
//! The examples, run on whatever kernel there is: each finds its way, procfs
//! if nothing else. Cargo builds them with the tests.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// An example's program: those of tests are in a folder beside it.
fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let built = own.parent().and_then(|deps| deps.parent()).unwrap();
    let program = built.join("examples").join(name);
    assert!(
        program.exists(),
        "{} is not built: run all tests of the crate, or cargo build --examples",
        program.display()
    );
    program
}

/// What the example writes; it has to end well.
fn run(name: &str, words: &[&str]) -> Vec<String> {
    let output = Command::new(program(name)).args(words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Nobody reads what it writes; that is no error.
fn run_unread(name: &str, words: &[&str]) {
    let mut example = Command::new(program(name))
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(example.stdout.take());
    let output = example.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
}

fn first_word(line: &str) -> Option<&str> {
    line.split_whitespace().next()
}

fn own() -> String {
    std::process::id().to_string()
}

#[test]
fn a_closed_pipe_ends_them() {
    for name in ["areas", "list", "namespace", "top_memory", "tree"] {
        run_unread(name, &[]);
    }
}

/// Where the kernel lets nobody listen, or not this user, it says what is
/// missing.
#[test]
fn live_follows_or_says_why_not() {
    let output = Command::new(program("live")).arg("0").output().unwrap();
    let (told, why) = (output.stdout.as_slice(), output.stderr.as_slice());
    if output.status.success() {
        let own = format!(" {} ", own());
        let told = String::from_utf8_lossy(told);
        let mut lines = told.lines();
        assert!(lines.any(|line| line.starts_with('+') && line.contains(&own)));
        run_unread("live", &["0"]);
    } else {
        let why = String::from_utf8_lossy(why);
        assert!(why.contains("NoEvents"), "{why}");
    }
}

#[test]
fn list_shows_whoever_runs_it() {
    let lines = run("list", &[]);
    assert_eq!(first_word(&lines[0]), Some("PID"));
    let own = own();
    assert!(lines.iter().any(|line| first_word(line) == Some(&own)));
}

#[test]
fn tree_puts_children_below() {
    // The example is a child of this process.
    let lines = run("tree", &[&own()]);
    assert_eq!(first_word(&lines[0]), Some(&own()[..]));
    assert!(!lines[0].starts_with(' '), "{lines:?}");
    let child = lines.iter().find(|line| line.ends_with(" tree"));
    assert!(
        child.is_some_and(|line| line.starts_with("  ")),
        "{lines:?}"
    );
}

#[test]
fn areas_come_the_most_costly_first() {
    let lines = run("areas", &[]);
    assert!(lines.iter().any(|line| line.ends_with(" rw-p [stack]")));
    let pss: Vec<u64> = lines[1..]
        .iter()
        .map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(pss[0] > 0 && pss.is_sorted_by(|a, b| a >= b), "{lines:?}");
}

#[test]
fn namespace_shows_that_of_a_process() {
    let own = own();
    let lines = run("namespace", &[&own]);
    assert!(lines.iter().any(|line| first_word(line) == Some(&own)));
}

#[test]
fn top_memory_counts_everybody_s() {
    let lines = run("top_memory", &[]);
    let rows: Vec<Vec<u64>> = lines[1..]
        .iter()
        .map(|line| {
            let words = line.split_whitespace();
            words.map(|word| word.parse().unwrap()).collect()
        })
        .collect();
    assert!((1..=10).contains(&rows.len()), "{lines:?}");
    assert!(rows.iter().all(|row| row[1] > 0), "{lines:?}");
    assert!(rows.is_sorted_by(|a, b| a[2] >= b[2]), "{lines:?}");
}
