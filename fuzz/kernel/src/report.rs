// SPDX-License-Identifier: MIT
//! Prints findings and failures.

use std::fmt::Write as _;

use crate::case::{Case, Transport};
use crate::check::Finding;
use crate::generate::Generator;

/// Prints findings with the options that reproduce them.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    pub(crate) generator: Generator,
    pub(crate) seed: u64,
    pub(crate) as_user: Option<u32>,
}

impl Reporter {
    /// Returns the command that performs a case again.
    pub(crate) fn command(&self, iteration: u64) -> String {
        let transport = match self.generator.case(iteration).transport {
            Transport::Socket => "socket",
            Transport::File => "file",
        };
        let mut command = format!(
            "taskdiag-fuzz --seed {} --replay {iteration} --transport {transport}",
            self.seed
        );
        if let Some(uid) = self.as_user {
            let _ = write!(command, " --as-user {uid}");
        }
        command
    }

    /// Prints a failure.
    pub(crate) fn failure(&self, case: &Case, failure: &dyn std::error::Error) {
        eprintln!(
            "taskdiag-fuzz: case {} of seed {}: {failure}",
            case.iteration, self.seed
        );
    }

    /// Prints a finding.
    pub(crate) fn finding(&self, case: &Case, finding: &Finding) {
        eprintln!(
            "taskdiag-fuzz: FINDING in case {} of seed {} through the {}: {finding}\n  {case:?}\n  \
             again: {}",
            case.iteration,
            self.seed,
            match case.transport {
                Transport::Socket => "socket",
                Transport::File => "file",
            },
            self.command(case.iteration)
        );
    }
}

/// Prints bytes, 16 per line.
pub(crate) fn dump(bytes: &[u8]) {
    for (index, line) in bytes.chunks(16).enumerate() {
        println!("  {:04x}  {line:02x?}", 16 * index);
    }
}
