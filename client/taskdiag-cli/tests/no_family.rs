// SPDX-License-Identifier: MIT
//! What the user sees where the kernel has no TASKDIAG family, as on almost
//! every machine. On one that has it these tests fail, and `kernel.rs` is for
//! it.

use std::fs;

use assert_cmd::Command;

const ADVICE: &str = "\
taskdiag-cli: the running kernel has no TASKDIAG family to ask.

It takes a kernel that is built with CONFIG_TASKDIAG=y. In the sources of
task_diag, scripts/run builds and boots one, and runs this command in it:

    scripts/run taskdiag-cli --all
";

#[test]
fn the_user_is_told_what_to_do() {
    for format in ["table", "json", "ndjson", "csv"] {
        Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
            .args([
                "--all",
                "--show",
                "base,cred",
                "--stats",
                "--format",
                format,
            ])
            .assert()
            .code(1)
            .stdout("")
            .stderr(ADVICE);
    }
}

#[test]
fn whatever_is_asked() {
    for line in [
        &["--all-threads"][..],
        &["--pid", "1"],
        &["--children", "1"],
        &["--threads", "1", "--sort", "-tid"],
    ] {
        Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
            .args(line)
            .assert()
            .code(1)
            .stdout("")
            .stderr(ADVICE);
    }
}

#[test]
fn and_it_is_where_the_advice_says() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let name = "scripts/run";
    assert!(fs::exists(format!("{root}/{name}")).is_ok_and(|exists| exists));
}
