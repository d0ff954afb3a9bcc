// SPDX-License-Identifier: MIT
//! The command line, and the start of the daemon.

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

use crate::error::{Result, io};
use crate::impersonate::check_capabilities;
use crate::limits::{self, Limits};
use crate::listener::Listener;
use crate::peer::Home;
use crate::server;
use crate::session::Shared;
use crate::source::{Choice, Source};

/// Serves requests for tasks on a Unix socket, in the protocol of task_diag
///
/// If the kernel has task_diag, requests are forwarded to it. Otherwise the daemon
/// maintains a table of processes from the events of the proc connector. Each client
/// receives only tasks that it may see. Must be started as root. Logs to standard error;
/// the environment variable RUST_LOG selects the messages.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// Listen at this path, unless a service manager passes a socket
    #[arg(long, value_name = "PATH", default_value = taskdiag::DAEMON_SOCKET)]
    socket: PathBuf,

    /// Use this source of replies
    #[arg(long, value_enum, default_value_t)]
    source: Choice,

    /// Accept at most this many clients at a time
    #[arg(long, value_name = "N", default_value_t = 4096)]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    clients: usize,

    /// Accept at most this many clients of one user other than root
    #[arg(long, value_name = "N", default_value_t = 1024)]
    clients_of_user: usize,

    /// Disconnect a client that does not read, or sends no request, for this time
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
}

impl Cli {
    fn read() -> Self {
        let matches = Self::line().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Reports a negative number as an invalid value, instead of an unknown option.
    fn line() -> clap::Command {
        Self::command().mut_args(|arg| match arg.get_action().takes_values() {
            true => arg.allow_negative_numbers(true),
            false => arg,
        })
    }
}

/// Runs the daemon until it ends.
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
    // Before other threads start, so that they inherit the blocked signals.
    let signals = block_signals()?;
    let descriptors = raise_descriptors(limits::descriptors(cli.clients));
    check_capabilities()?;
    let shared = Arc::new(Shared {
        source: Source::open(cli.source)?,
        home: Home::find()?,
    });
    let limits = Limits {
        clients: cli.clients,
        clients_of_user: cli.clients_of_user,
        timeout: cli.timeout,
    }
    .within(descriptors)?;
    let listener = Listener::open(&cli.socket)?;
    notify(NotifyState::Ready);
    let served = server::serve(&listener, &shared, &limits, &signals);
    notify(NotifyState::Stopping);
    served
}

/// Blocks the signals that end the daemon, and SIGHUP. It reads them from a descriptor.
fn block_signals() -> Result<SignalFd> {
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]
        .into_iter()
        .collect();
    signals.thread_block().map_err(io("cannot block signals"))?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC).map_err(io("cannot read signals"))
}

/// Raises the limit of descriptors to this number, or as far as possible. Returns the
/// limit.
fn raise_descriptors(wanted: usize) -> usize {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| {
        let max = hard.max(wanted as u64);
        // Raising the hard limit needs a capability that the daemon may lack.
        setrlimit(Resource::RLIMIT_NOFILE, max, max)
            .or_else(|_| setrlimit(Resource::RLIMIT_NOFILE, hard, hard))
    });
    if let Err(errno) = raised {
        warn!("cannot raise the limit of descriptors: {errno}");
    }
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((now, _)) => usize::try_from(now).unwrap_or(usize::MAX),
        Err(_) => 0,
    }
}

/// Notifies the service manager, if there is one.
fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!("cannot notify the service manager: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_page_has_every_option_and_default() {
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
    fn invalid_value_is_reported_with_its_option() {
        for (line, why) in [
            ("--source wrong", "'wrong' for '--source"),
            ("--clients 0", "'0' for '--clients <N>'"),
            ("--clients -1", "'-1' for '--clients <N>'"),
            ("--clients many", "'many' for '--clients <N>'"),
            ("--clients-of-user -1", "'-1' for '--clients-of-user <N>'"),
            ("--timeout 0", "'0' for '--timeout <SECONDS>'"),
            ("--timeout 4294967296", "for '--timeout <SECONDS>'"),
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
