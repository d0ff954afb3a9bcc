// SPDX-License-Identifier: MIT
//! Output that does not depend on the kernel: help and usage errors.
//!
//! `cmd/` contains snapshots of command lines and their output. After an intended
//! change, `TRYCMD=overwrite cargo test -p taskdiag-cli --test usage` updates them;
//! review the difference before committing.

use std::process::{Command, Stdio};

#[test]
fn output_equals_the_snapshots() {
    trycmd::TestCases::new()
        .case("tests/cmd/*.trycmd")
        .insert_var("[VERSION]", env!("CARGO_PKG_VERSION"))
        .expect("a valid name of a variable");
}

#[test]
fn usage_errors_go_to_standard_error_and_help_does_not() {
    for (word, status) in [("--pid=0", 2), ("--help", 0), ("--version", 0)] {
        let output = Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
            .arg(word)
            .output()
            .expect("the command starts");
        assert_eq!(output.status.code(), Some(status), "{word}");
        assert_eq!(output.stdout.is_empty(), status != 0, "{word}");
        assert_eq!(output.stderr.is_empty(), status == 0, "{word}");
    }
}

#[test]
fn help_into_a_closed_pipe_exits_with_0() {
    let (reader, writer) = nix::unistd::pipe().expect("a pipe");
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
        .arg("--help")
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .expect("the command starts");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}
