// SPDX-License-Identifier: MIT
//! Connects to a transport, and describes the errors of a request.

use nix::libc;
use taskdiag::{
    AnySource, Client, ClientBuilder, Error, Features, KernelError, Request, Scope, TransportKind,
    Visibility, abi,
};

use crate::exit::Failure;
use crate::notice;

/// Connects to the given transport, or else to the fastest one that shows all that the
/// caller can read in `/proc`. Warns if the transport may show less, or if it is slow
/// although the caller has not selected it.
pub(crate) fn connect(transport: Option<TransportKind>) -> Result<Client<AnySource>, Error> {
    let mut client = match transport {
        Some(kind) => Client::connect_over(kind)?,
        None => Client::connect_any()?,
    };
    warn(&mut client, transport.is_some());
    Ok(client)
}

/// Connects for a request, as [`connect`]. Returns the request in the scope of the
/// connection: the pid namespace of a process is that of its procfs mount, if the caller
/// may read that. Otherwise netlink selects it, with `CAP_SYS_ADMIN`.
pub(crate) fn connect_for(
    transport: Option<TransportKind>,
    request: &Request<'static>,
) -> Result<(Client<AnySource>, Request<'static>), Error> {
    let mut request = request.clone();
    let Scope::Process(pid) = request.scope else {
        return Ok((connect(transport)?, request));
    };
    if let Some(mut client) = connect_to_mount(transport, pid)? {
        request.scope = Scope::Own;
        warn(&mut client, transport.is_some());
        return Ok((client, request));
    }
    let kind = transport.unwrap_or(TransportKind::Netlink);
    Ok((Client::connect_over(kind)?, request))
}

/// Connects to the procfs mount of a process; `None` if the caller or the transport
/// cannot use it.
fn connect_to_mount(
    transport: Option<TransportKind>,
    pid: taskdiag::Pid,
) -> Result<Option<Client<AnySource>>, Error> {
    let builder = match transport {
        Some(kind) => ClientBuilder::new().transport(kind),
        None => ClientBuilder::new(),
    };
    let connected = builder.proc_mount_of(pid).and_then(ClientBuilder::connect);
    match connected {
        Err(Error::Scope { source, .. }) => {
            log::debug!("cannot use the procfs mount of process {pid}: {source}");
            Ok(None)
        }
        Err(Error::ProcMount { .. }) => Ok(None),
        connected => connected.map(Some),
    }
}

/// Prints at most one notice about the transport.
fn warn(client: &mut Client<AnySource>, is_forced: bool) {
    let kind = client.source().kind();
    if warn_if_restricted(client) || is_forced || !kind.is_slow() {
        return;
    }
    match client.source().passed_over() {
        Some((faster, restriction)) => notice::print_passed_over(faster, restriction),
        None => notice::print_slow(),
    }
}

/// Warns if the transport may show less than `/proc`. Returns whether it may.
pub(crate) fn warn_if_restricted(client: &mut Client<AnySource>) -> bool {
    // The request reports the error of a transport that fails.
    let restriction = client.visibility().ok().and_then(Visibility::restriction);
    if let Some(restriction) = restriction {
        notice::print_restricted(client.source().kind(), restriction);
    }
    restriction.is_some()
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

/// Whether the daemon itself has refused the request: it does not serve the client, or
/// cannot use the client's procfs mount.
fn is_of_daemon(error: &KernelError) -> bool {
    let kind = error.attribute.and_then(|attribute| attribute.kind);
    error.errno == libc::EPERM || kind == Some(abi::TASK_DIAG_CMD_ATTR_PROC_FD)
}

/// Returns the failure for an error of a request over this transport. The daemon
/// replies with the errors of the kernel and with its own.
pub(crate) fn failure_over(
    kind: TransportKind,
    error: Error,
    request: &Request<'static>,
) -> Failure {
    match error {
        Error::Kernel(error) if kind == TransportKind::Daemon && is_of_daemon(&error) => {
            Failure::request(Error::Daemon(error), request)
        }
        error => failure(error, request),
    }
}
