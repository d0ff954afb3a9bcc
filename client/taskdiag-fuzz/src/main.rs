// SPDX-License-Identifier: MIT
//! A fuzzer of the kernel's TASKDIAG family, from user space.
//!
//! It knows how requests are made up, so that most of what it sends comes far
//! enough to matter; and it knows the protocol well enough to say of every
//! answer whether it is a right one.
//!
//! ```text
//!   generate   seed and number -> a case           pure
//!   encode     a case -> bytes                     pure
//!   model      bytes -> what has to come back      pure
//!   oracle     what came back, against that        pure
//!   descriptors  what requests name by descriptor
//!   exchange   sends and reads
//!   perform    cases, with other threads and processes where they have a part
//!   population tasks to ask about
//!   supervise  a run: watches who performs, counts, ends it
//! ```

#![deny(unsafe_code)]

mod actor;
mod case;
mod cli;
#[allow(unsafe_code, reason = "opens pidfds")]
mod descriptors;
mod encode;
mod exchange;
mod generate;
mod groups;
mod keep;
mod model;
mod oracle;
mod perform;
mod population;
#[allow(unsafe_code, reason = "forks, and maps memory")]
mod process;
mod report;
mod roster;
#[allow(unsafe_code, reason = "maps memory that processes share")]
mod shared;
#[allow(unsafe_code, reason = "sends control messages that are none")]
mod socket;
mod supervise;
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
