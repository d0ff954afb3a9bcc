// SPDX-License-Identifier: MIT
//! A fuzzer of the kernel's TASKDIAG family, from user space.
//!
//! It generates requests by structure, so that most of them pass the first checks
//! of the kernel. It checks every reply against a model of the protocol.
//!
//! ```text
//!   generate     seed and number -> a case                  pure
//!   encode       a case -> bytes                            pure
//!   model        bytes -> expected replies                  pure
//!   check        compares replies with the expected ones    pure
//!   descriptors  descriptors that requests name, among them procfs mounts
//!   exchange     sends requests and reads replies
//!   perform      cases, including those with other threads and processes
//!   task_pool    the test tasks
//!   supervise    a run: starts, watches and ends the process that performs cases
//! ```

#![deny(unsafe_code)]

mod buffer;
mod caller;
mod case;
mod check;
mod cli;
#[allow(unsafe_code, reason = "opens pidfds")]
mod descriptors;
mod encode;
mod error;
mod exchange;
mod generate;
mod groups;
mod known_tasks;
mod model;
mod perform;
#[allow(unsafe_code, reason = "forks and maps memory")]
mod process;
mod procfs_mounts;
mod report;
mod seeds;
#[allow(unsafe_code, reason = "maps shared memory")]
mod shared;
#[allow(unsafe_code, reason = "sends malformed control messages")]
mod socket;
mod supervise;
mod task_pool;
mod transaction;
mod wire;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match supervise::run(&cli::Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("taskdiag-fuzz: {error}");
            ExitCode::FAILURE
        }
    }
}
