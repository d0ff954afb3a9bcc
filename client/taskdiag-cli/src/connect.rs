// SPDX-License-Identifier: MIT
//! Connects to a transport, and describes the errors of a request.

use nix::libc;
use taskdiag::{AnyTransport, Client, Error, Features, Request, Way};

use crate::exit::Failure;
use crate::stdio::print_message;

/// Finds whom to ask. Who has not said to read /proc is told what that costs.
pub(crate) fn connect(way: Option<Way>) -> Result<Client<AnyTransport>, Error> {
    if let Some(way) = way {
        return Client::connect_by(way);
    }
    let client = Client::connect_any()?;
    if client.transport().way().is_slow() {
        print_message(format_args!("{SLOW}"));
    }
    Ok(client)
}

const SLOW: &str = "\
the running kernel has no task_diag: reading /proc instead, at
several system calls a task. A kernel with task_diag answers in one request for
all; scripts/install of its sources gives this one the module. With --transport
procfs this goes without saying.";

/// What failed. A kernel that refuses a request is asked what it can do: it may
/// be older than this command.
pub(crate) fn failure(error: Error, request: &Request<'static>) -> Failure {
    let lacking = match error.errno() {
        Some(libc::EINVAL | libc::EOPNOTSUPP) => Client::connect_any()
            .and_then(|mut client| client.features())
            .map(|features| features.lacking(request))
            .unwrap_or_default(),
        _ => Features::default(),
    };
    if lacking.is_empty() {
        Failure::request(error, request)
    } else {
        Failure::Unsupported(lacking)
    }
}
