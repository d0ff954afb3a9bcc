// SPDX-License-Identifier: MIT
//! Errors of the fuzzer on a kernel without TASKDIAG. These tests fail on a kernel with
//! TASKDIAG, which `kernel.rs` needs.

use assert_cmd::Command;

#[test]
fn kernel_without_taskdiag_is_reported() {
    Command::new(env!("CARGO_BIN_EXE_taskdiag-fuzz"))
        .args(["--requests", "1"])
        .assert()
        .code(1)
        .stdout("")
        .stderr(
            "taskdiag-fuzz: this kernel has no TASKDIAG family; use scripts/run taskdiag-fuzz\n",
        );
}

#[test]
fn invalid_option_exits_with_2() {
    Command::new(env!("CARGO_BIN_EXE_taskdiag-fuzz"))
        .args(["--replay", "1"])
        .assert()
        .code(2);
}
