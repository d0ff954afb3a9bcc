// SPDX-License-Identifier: MIT
//! What keeps the daemon from serving, told so that a person knows what to do.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Somebody listens there already.
    #[error("another daemon listens at {}", path.display())]
    Taken {
        /// Where.
        path: PathBuf,
    },

    /// Something else is there.
    #[error("{} is there already, and is no socket", path.display())]
    InTheWay {
        /// Where.
        path: PathBuf,
    },

    /// The kernel is to be asked, and has no task_diag.
    #[error(
        "the running kernel has no task_diag to hand requests on to; \
         with --source procfs a table is kept instead"
    )]
    NoKernel,

    /// There are no events to keep a table by.
    #[error("cannot keep a table of tasks, as nothing tells of events: {0}")]
    NoEvents(#[source] taskdiag::Error),

    /// The table cannot be kept current any more.
    #[error("cannot keep the table of tasks current: {0}")]
    Table(#[source] taskdiag::Error),

    /// It has not the rights to do what it is for.
    #[error("{what} is missing: it is to be started as root, or as in taskdiagd.service")]
    Rights {
        /// The capability.
        what: &'static str,
    },

    /// A client has to be turned away.
    #[error("process {pid} of user {uid} is turned away, as there are too many")]
    Full {
        /// Who it is.
        pid: i32,
        /// Whose.
        uid: u32,
    },

    /// Nothing can be listened at.
    #[error(transparent)]
    Socket(taskdiag::Error),

    /// A file cannot be had.
    #[error("{context} {}: {source}", path.display())]
    File {
        /// What was tried.
        context: &'static str,
        /// With which.
        path: PathBuf,
        /// What the system said to it.
        source: io::Error,
    },

    /// A system call failed.
    #[error("{context}: {source}")]
    Io {
        /// What was tried.
        context: &'static str,
        /// What the system said to it.
        source: io::Error,
    },
}

/// Puts what was tried before what the system says to it.
pub(crate) fn io<E: Into<io::Error>>(context: &'static str) -> impl Fn(E) -> Error {
    move |source| Error::Io {
        context,
        source: source.into(),
    }
}

/// Likewise, with the file's path in between.
pub(crate) fn file<E: Into<io::Error>>(context: &'static str, path: &Path) -> impl Fn(E) -> Error {
    move |source| Error::File {
        context,
        path: path.into(),
        source: source.into(),
    }
}

/// A mistake of this program's user, not of the system.
pub(crate) fn invalid(context: &'static str) -> Error {
    io(context)(Errno::EINVAL)
}
