// SPDX-License-Identifier: MIT
//! What the fuzzer says where the kernel has no TASKDIAG family. On a kernel
//! that has it this fails, and `kernel.rs` is for it.

use assert_cmd::Command;

#[test]
fn it_tests_nothing_and_says_so() {
    Command::new(env!("CARGO_BIN_EXE_taskdiag-fuzz"))
        .args(["--requests", "1"])
        .assert()
        .code(1)
        .stdout("")
        .stderr(
            "taskdiag-fuzz: this kernel has no TASKDIAG family; run me in one that has: \
             scripts/run taskdiag-fuzz\n",
        );
}

#[test]
fn a_wrong_call_is_another_matter() {
    Command::new(env!("CARGO_BIN_EXE_taskdiag-fuzz"))
        .args(["--replay", "1"])
        .assert()
        .code(2);
}
