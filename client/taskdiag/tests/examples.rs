// SPDX-License-Identifier: MIT
//! Runs the examples on the running kernel, over the best available transport.
//! Cargo builds them with the tests.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Returns the path of an example: cargo puts examples into a directory beside
/// that of tests.
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

/// Runs an example, which must succeed, and returns the lines of its output.
fn run(name: &str, words: &[&str]) -> Vec<String> {
    let output = Command::new(program(name)).args(words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Runs an example whose output is not read, which must succeed.
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
fn closed_pipe_is_success() {
    for name in ["mappings", "list", "namespace", "top_memory", "tree"] {
        run_unread(name, &[]);
    }
}

/// Without permission or kernel support, the example names the missing
/// requirement.
#[test]
fn live_lists_processes_or_names_the_missing_requirement() {
    let output = Command::new(program("live")).arg("0").output().unwrap();
    let (text, error) = (output.stdout.as_slice(), output.stderr.as_slice());
    if output.status.success() {
        let own = format!(" {} ", own());
        let text = String::from_utf8_lossy(text);
        let mut lines = text.lines();
        assert!(lines.any(|line| line.starts_with('+') && line.contains(&own)));
        run_unread("live", &["0"]);
    } else {
        let error = String::from_utf8_lossy(error);
        assert!(error.contains("NoEvents"), "{error}");
    }
}

#[test]
fn list_contains_the_caller() {
    let lines = run("list", &[]);
    assert_eq!(first_word(&lines[0]), Some("PID"));
    let own = own();
    assert!(lines.iter().any(|line| first_word(line) == Some(&own)));
}

#[test]
fn tree_indents_children() {
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
fn mappings_are_sorted_by_pss() {
    let lines = run("mappings", &[]);
    assert!(lines.iter().any(|line| line.ends_with(" rw-p [stack]")));
    let pss: Vec<u64> = lines[1..]
        .iter()
        .map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(pss[0] > 0 && pss.is_sorted_by(|a, b| a >= b), "{lines:?}");
}

#[test]
fn namespace_lists_the_namespace_of_the_process() {
    let own = own();
    let lines = run("namespace", &[&own]);
    assert!(lines.iter().any(|line| first_word(line) == Some(&own)));
}

#[test]
fn top_memory_lists_users_by_memory() {
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
