// SPDX-License-Identifier: MIT
//! The errors of the daemon.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another daemon uses the path.
    #[error("cannot listen at {}: another daemon does", path.display())]
    Taken {
        /// The path of the socket.
        path: PathBuf,
    },

    /// The path exists, and is not that of a socket.
    #[error("cannot listen at {}: the file exists, and is not a socket", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },

    /// The kernel has no task_diag.
    #[error(
        "cannot forward requests: the running kernel has no task_diag; \
         --source procfs works without it"
    )]
    NoKernel,

    /// Events of processes are not available.
    #[error("cannot follow events of processes: {0}")]
    NoEvents(#[source] taskdiag::Error),

    /// The table of processes cannot be updated.
    #[error("cannot update the table of processes: {0}")]
    Table(#[source] taskdiag::Error),

    /// The daemon lacks a capability.
    #[error(
        "cannot serve clients: {capability} is missing; start as root, or as taskdiagd.service"
    )]
    Rights {
        /// The missing capability.
        capability: &'static str,
    },

    /// The limit of descriptors does not permit one client.
    #[error(
        "cannot serve clients: the limit of {limit} open files is too low; \
         raise it to at least {needed} (LimitNOFILE=, ulimit -n)"
    )]
    Descriptors {
        /// The limit.
        limit: usize,
        /// The number that one client needs.
        needed: usize,
    },

    /// A client is rejected, because its user or the daemon has too many.
    #[error("rejected a client: process {pid} of user {uid} exceeds a limit of connections")]
    Full {
        /// The pid of the client.
        pid: i32,
        /// Its user id.
        uid: u32,
    },

    /// No socket can be opened.
    #[error(transparent)]
    Socket(taskdiag::Error),

    /// A system call with a path failed.
    #[error("{context} {}: {source}", path.display())]
    File {
        /// The operation that failed.
        context: &'static str,
        /// The path.
        path: PathBuf,
        /// The error of the system call.
        source: io::Error,
    },

    /// A system call failed.
    #[error("{context}: {source}")]
    Io {
        /// The operation that failed.
        context: &'static str,
        /// The error of the system call.
        source: io::Error,
    },
}

/// Adds the operation that failed to the error of a system call.
pub(crate) fn io<E: Into<io::Error>>(context: &'static str) -> impl Fn(E) -> Error {
    move |source| Error::Io {
        context,
        source: source.into(),
    }
}

/// Adds the operation that failed, and a path, to the error of a system call.
pub(crate) fn file<E: Into<io::Error>>(context: &'static str, path: &Path) -> impl Fn(E) -> Error {
    move |source| Error::File {
        context,
        path: path.into(),
        source: source.into(),
    }
}

/// Returns the error of an invalid configuration.
pub(crate) fn invalid(context: &'static str) -> Error {
    io(context)(Errno::EINVAL)
}
