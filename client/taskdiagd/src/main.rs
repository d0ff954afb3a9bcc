// SPDX-License-Identifier: MIT
//! `taskdiagd`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    taskdiagd::run()
}
