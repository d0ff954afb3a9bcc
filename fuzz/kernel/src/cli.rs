// SPDX-License-Identifier: MIT
//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::generate::Transports;

/// Sends valid and invalid requests to the kernel's TASKDIAG family and to
/// /proc/task-diag, and checks every reply against a model of the protocol.
///
/// A case depends only on the seed, its number and its transport. A finding is
/// reported with these three, which reproduce the request. The tasks that begin
/// and end during a run differ from run to run.
///
/// Run as root, in a kernel that may break:
///
///     cargo build --release --package taskdiag-fuzz
///     scripts/run taskdiag-fuzz --requests 1000000
///     scripts/run taskdiag-fuzz --requests 1000000 --transport file
///     scripts/run taskdiag-fuzz --seconds 60 --as-user 1000
///     scripts/run taskdiag-fuzz --seed 42 --replay 1234
#[derive(Debug, Parser)]
#[command(version, verbatim_doc_comment)]
pub(crate) struct Options {
    /// Stop after N cases, each of one or more requests [default: 20000 without
    /// --seconds]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,

    /// Stop after S seconds
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: Option<u64>,

    /// Generate the cases of this seed [default: random]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Perform only this case of the seed, and print it
    #[arg(
        long,
        value_name = "ITERATION",
        requires = "seed",
        conflicts_with_all = ["requests", "seconds"]
    )]
    pub(crate) replay: Option<u64>,

    /// Send requests through the socket of the family, through /proc/task-diag, or
    /// through both in turn
    #[arg(long, value_name = "TRANSPORT", value_enum, default_value = "both")]
    pub(crate) transport: Transports,

    /// Send as this user, with the group of the same number, instead of root
    #[arg(long, value_name = "UID", value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub(crate) as_user: Option<u32>,

    /// Print the number of each case before it is performed. The last printed case
    /// is the one that stopped the kernel
    #[arg(long)]
    pub(crate) trace: bool,

    /// Save one reply of each kind in this directory, as seeds for fuzz/library
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) save_seeds: Option<PathBuf>,
}

impl Options {
    /// Returns the numbers of the first case and of the case after the last one.
    pub(crate) fn cases(&self) -> (u64, u64) {
        const DEFAULT: u64 = 20_000;

        match (self.replay, self.requests, self.seconds) {
            (Some(iteration), ..) => (iteration, iteration.saturating_add(1)),
            (None, Some(count), _) => (0, count),
            (None, None, Some(_)) => (0, u64::MAX),
            (None, None, None) => (0, DEFAULT),
        }
    }

    pub(crate) fn time(&self) -> Option<Duration> {
        self.seconds.map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from(std::iter::once(&"taskdiag-fuzz").chain(arguments))
    }

    #[test]
    fn command_line_is_valid() {
        Options::command().debug_assert();
    }

    #[test]
    fn cases_start_at_zero() {
        assert_eq!(parse(&[]).unwrap().cases(), (0, 20_000));
        assert_eq!(parse(&["--requests", "7"]).unwrap().cases(), (0, 7));
        assert_eq!(parse(&["--seconds", "7"]).unwrap().cases(), (0, u64::MAX));
        assert_eq!(
            parse(&["--seed", "1", "--replay", "7"]).unwrap().cases(),
            (7, 8)
        );
    }

    #[test]
    fn replay_needs_a_seed_and_excludes_limits() {
        assert!(parse(&["--replay", "7"]).is_err());
        assert!(parse(&["--seed", "1", "--replay", "7", "--seconds", "1"]).is_err());
        assert!(parse(&["--as-user", "0"]).is_err());
    }

    #[test]
    fn both_transports_are_the_default() {
        assert_eq!(parse(&[]).unwrap().transport, Transports::Both);
        assert_eq!(
            parse(&["--transport", "file"]).unwrap().transport,
            Transports::File
        );
        assert!(parse(&["--transport", "pigeon"]).is_err());
    }
}
