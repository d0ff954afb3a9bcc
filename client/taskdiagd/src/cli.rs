// SPDX-License-Identifier: MIT
//! The command line, and one run of the daemon.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::RangedU64ValueParser;
use clap::{CommandFactory, FromArgMatches, Parser};
use log::{error, warn};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use sd_notify::NotifyState;

use crate::crowd::{self, Limits};
use crate::error::{Result, io};
use crate::eyes;
use crate::listener::Listener;
use crate::peer::Home;
use crate::server;
use crate::session::House;
use crate::source::{Choice, Source};

/// Serves requests for tasks on a Unix socket, in the messages of task_diag
///
/// Where the kernel has task_diag, requests are handed on to it; elsewhere a
/// table of tasks is kept by the events of the proc connector. Each client is
/// told what it may see, and no more. Has to be started as root. Logs go to
/// standard error, and RUST_LOG says which.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// Where to listen, unless a service manager passes a socket
    #[arg(long, value_name = "PATH", default_value = taskdiag::DAEMON_SOCKET)]
    socket: PathBuf,

    /// Where answers are to come from
    #[arg(long, value_enum, default_value_t)]
    source: Choice,

    /// How many clients there may be at a time
    #[arg(long, value_name = "N", default_value_t = 4096)]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    clients: usize,

    /// How many of them may be one user's, other than root
    #[arg(long, value_name = "N", default_value_t = 1024)]
    clients_of_user: usize,

    /// After how many seconds to hang up on a client that does not read, or ask
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    patience: u32,
}

impl Cli {
    fn read() -> Self {
        let matches = Self::line().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// A number below zero is a wrong value, and not an option that there is
    /// not.
    fn line() -> clap::Command {
        Self::command().mut_args(|arg| match arg.get_action().takes_values() {
            true => arg.allow_negative_numbers(true),
            false => arg,
        })
    }
}

/// Runs the daemon to its end.
#[must_use]
pub fn run() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"))
        .format_target(false)
        .init();
    match serve(&Cli::read()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(cli: &Cli) -> Result<()> {
    // Before there is another thread, which would not have them blocked.
    let signals = block_signals()?;
    let descriptors = raise_descriptors(crowd::descriptors(cli.clients));
    eyes::check_rights()?;
    let house = Arc::new(House {
        source: Source::open(cli.source)?,
        home: Home::find()?,
    });
    let listener = Listener::open(&cli.socket)?;
    let limits = Limits {
        clients: cli.clients,
        clients_of_user: cli.clients_of_user,
        patience: cli.patience,
    }
    .within(descriptors);
    notify(NotifyState::Ready);
    let served = server::serve(&listener, &house, &limits, &signals);
    notify(NotifyState::Stopping);
    served
}

/// Signals that end the daemon are read like what else it waits for.
fn block_signals() -> Result<SignalFd> {
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
    signals.thread_block().map_err(io("cannot block signals"))?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC).map_err(io("cannot read signals"))
}

/// Has that many descriptors, or as many as there may be, and tells how many
/// that are.
fn raise_descriptors(wanted: usize) -> usize {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| {
        let most = hard.max(wanted as u64);
        // Beyond the limit it takes a right that the daemon does not need.
        setrlimit(Resource::RLIMIT_NOFILE, most, most)
            .or_else(|_| setrlimit(Resource::RLIMIT_NOFILE, hard, hard))
    });
    if let Err(errno) = raised {
        warn!("cannot have more descriptors: {errno}");
    }
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((now, _)) => usize::try_from(now).unwrap_or(usize::MAX),
        Err(_) => 0,
    }
}

/// Tells the service manager, if there is one.
fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!("cannot notify the service manager: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_every_option_and_default() {
        let manual = include_str!("../taskdiagd.8").replace("\n.Cm ", " ");
        let mut command = Cli::line();
        command.build();
        for option in command.get_arguments() {
            let name = option.get_long().expect("a long name");
            assert!(manual.contains(&format!("Fl -{name}")), "{name}");
            for value in option.get_default_values() {
                let value = value.to_str().expect("text");
                assert!(manual.contains(value), "{name}: {value}");
            }
            let values = option.get_possible_values();
            for value in values
                .iter()
                .filter(|_| !option.is_hide_possible_values_set())
            {
                assert!(manual.contains(value.get_name()), "{name}: {value:?}");
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (line, why) in [
            ("--source wrong", "'wrong' for '--source"),
            ("--clients 0", "'0' for '--clients <N>'"),
            ("--clients -1", "'-1' for '--clients <N>'"),
            ("--clients many", "'many' for '--clients <N>'"),
            ("--clients-of-user -1", "'-1' for '--clients-of-user <N>'"),
            ("--patience 0", "'0' for '--patience <SECONDS>'"),
            ("--patience 4294967296", "for '--patience <SECONDS>'"),
            ("--socket", "required for '--socket <PATH>'"),
            ("socket", "unexpected argument 'socket'"),
        ] {
            let words = std::iter::once("taskdiagd").chain(line.split_whitespace());
            let error = Cli::line().try_get_matches_from(words).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(why), "{line}: {error}");
        }
    }
}
