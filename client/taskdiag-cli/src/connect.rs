// SPDX-License-Identifier: MIT
//! Connects to a transport, and describes the errors of a request.

use nix::libc;
use taskdiag::{AnySource, Client, Error, Features, Request, TransportKind};

use crate::exit::Failure;
use crate::notice;

/// Connects to the given transport, or else to the first available one. Warns if
/// the latter is procfs, because reading /proc is slow.
pub(crate) fn connect(way: Option<TransportKind>) -> Result<Client<AnySource>, Error> {
    if let Some(way) = way {
        return Client::connect_over(way);
    }
    let client = Client::connect_any()?;
    if client.source().kind().is_slow() {
        notice::print_slow();
    }
    Ok(client)
}

/// Returns the failure for an error of a request. If the kernel rejected the
/// request, queries the features of the kernel, which may be older than this
/// command.
pub(crate) fn failure(error: Error, request: &Request<'static>) -> Failure {
    let unsupported = match error.errno() {
        Some(libc::EINVAL | libc::EOPNOTSUPP) => Client::connect_any()
            .and_then(|mut client| client.features())
            .map(|features| features.lacking(request))
            .unwrap_or_default(),
        _ => Features::default(),
    };
    if unsupported.is_empty() {
        Failure::request(error, request)
    } else {
        Failure::Unsupported(unsupported)
    }
}
