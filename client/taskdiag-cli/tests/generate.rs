// SPDX-License-Identifier: MIT
//! Manual pages and completions that `generate` writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Generates files in a new directory of this name.
fn generated(what: &str, name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if directory.exists() {
        fs::remove_dir_all(&directory).expect("an old directory to remove");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
        .args(["generate", what])
        .arg(&directory)
        .output()
        .expect("the command starts");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    directory
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn manual_pages_pass_mandoc_lint() {
    let directory = generated("man", "pages");
    let pages = names(&directory);
    assert_eq!(
        pages,
        [
            "taskdiag-cli-doctor.1",
            "taskdiag-cli-features.1",
            "taskdiag-cli-ps.1",
            "taskdiag-cli-watch.1",
            "taskdiag-cli.1",
        ]
    );
    for page in pages {
        let lint = Command::new("mandoc")
            .args(["-T", "lint", "-W", "warning"])
            .arg(directory.join(&page))
            .output()
            .expect("mandoc is required: apt-get install mandoc");
        let warnings = String::from_utf8_lossy(&lint.stdout);
        assert!(
            lint.status.success() && warnings.is_empty(),
            "{page}:\n{warnings}"
        );
    }
}

#[test]
fn manual_page_contains_the_long_help() {
    let directory = generated("man", "page");
    let text = Command::new("mandoc")
        .args(["-T", "utf8", "-O", "width=100"])
        .arg(directory.join("taskdiag-cli.1"))
        .output()
        .expect("mandoc is required: apt-get install mandoc");
    // A bold character is printed as the character, a backspace and the character.
    let text = String::from_utf8(text.stdout).expect("UTF-8");
    let mut plain = String::new();
    for letter in text.chars() {
        match letter {
            '\u{8}' => drop(plain.pop()),
            letter => plain.push(letter),
        }
    }
    for line in [
        "--descendants <PID>",
        "EXIT STATUS",
        "capeff, caps             effective capabilities",
        "taskdiag-cli --all --show base,cred",
        r"is written as \xNN, control and other unprintable characters as \t, \r, \n, \0",
    ] {
        assert!(plain.contains(line), "{line} is not in: {plain}");
    }
    assert!(!plain.contains("generate"), "{plain}");
}

#[test]
fn completions_contain_the_options() {
    let directory = generated("completions", "shells");
    let files = names(&directory);
    assert_eq!(
        files,
        ["_taskdiag-cli", "taskdiag-cli.bash", "taskdiag-cli.fish"]
    );
    for file in &files {
        let text = fs::read_to_string(directory.join(file)).expect("a script");
        for word in ["descendants", "scope-pid", "ndjson", "doctor"] {
            assert!(text.contains(word), "{word} is not in {file}");
        }
    }
}

/// Returns the completions of the last word.
fn completed(directory: &Path, words: &[&str]) -> Vec<String> {
    let script = r#"
        source "$1" && [[ $(complete -p taskdiag-cli) =~ -F\ ([^ ]+) ]] || exit
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        "${BASH_REMATCH[1]}" taskdiag-cli "${@: -1}" "${@: -2:1}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let output = Command::new("bash")
        .args(["-c", script, "bash"])
        .arg(directory.join("taskdiag-cli.bash"))
        .arg("taskdiag-cli")
        .args(words)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("bash starts");
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let words = text.lines().filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

#[test]
fn bash_completes_options_and_values() {
    let directory = generated("completions", "bash");
    for (words, expected) in [
        (&["--desc"][..], &["--descendants"][..]),
        (&["wat"], &["watch"]),
        (&["doctor", "--"], &["--json", "--help"]),
        (&["watch", "--unt"], &["--until"]),
        (
            &["watch", "--events", "fork,co"],
            &["fork,comm", "fork,coredump"],
        ),
        (&["watch", "--uid", "roo"], &["root"]),
        (&["features", "--transport", "proc"], &["procfs"]),
        (&["--transport", "=", "fi"], &["file"]),
        (&["--show", "base,cre"], &["base,cred"]),
        (&["--all", "-o", "pid,com"], &["pid,comm"]),
        (&["--sort", "-vs"], &["-vsz"]),
        (&["--sort", "=", "pid,-vs"], &["pid,-vsz"]),
        (&["--filter", "uid=1,sta"], &["uid=1,state="]),
        (&["--filter", "uid", "=", "roo"], &["root"]),
        (&["--filter", "gid", "=", "roo"], &["root"]),
        (&["--filter", "uid=1,pp"], &["uid=1,ppid="]),
        (&["ps", "--dese"], &["--deselect"]),
        (&["ps", "-o", "pid,com"], &["pid,comm"]),
        (&["ps", "--transport", "dae"], &["daemon"]),
        // The directory has a file of this name.
        (&["--all", "Cargo"], &[]),
        (&["watch", "--comm", "Cargo"], &[]),
        (&["ps", "Cargo"], &[]),
    ] {
        assert_eq!(completed(&directory, words), expected, "{words:?}");
    }
    let own = std::process::id().to_string();
    for option in ["--pid", "--maps", "--threads"] {
        assert!(completed(&directory, &[option, &own]).contains(&own));
    }
    assert!(completed(&directory, &["watch", "--until", &own]).contains(&own));
    assert!(completed(&directory, &["ps", "-p", &own]).contains(&own));
}

#[test]
fn pages_of_subcommands_have_environment_and_references() {
    let directory = generated("man", "subcommands");
    for page in names(&directory) {
        let roff = fs::read_to_string(directory.join(&page)).expect("a page");
        for part in [
            ".SH \"ENVIRONMENT\"",
            "TASKDIAG_TRANSPORT",
            ".SH \"SEE ALSO\"",
            "User Commands",
        ] {
            assert!(roff.contains(part), "{part} is not in {page}");
        }
        assert!(!roff.contains("BSD"), "{page}");
    }
    let ps = fs::read_to_string(directory.join("taskdiag-cli-ps.1")).expect("a page");
    for option in [
        r"\-\-ppid PID",
        r"\-u, U, \-\-user",
        r"\-\-sort",
        r"\-\-forest",
    ] {
        assert!(ps.contains(option), "{option} is not in {ps}");
    }
    assert_eq!(ps.matches(".SH \"OPTIONS\"").count(), 1);
}
