// SPDX-License-Identifier: MIT
//! Errors of the library, with errno, the kernel's text and a remedy.

use std::fmt;
use std::io;
use std::path::PathBuf;

use nix::libc;

use crate::abi;
use crate::netlink::{ATTRIBUTE_MAX, Malformed};
use crate::pid::Pid;
use crate::proc_state::ProcState;
use crate::show::Show;
use crate::visibility::Restriction;

/// Result of the functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Returns the reason that `/proc/task-diag` does not exist, with a remedy.
fn no_file(proc: ProcState) -> String {
    match proc.problem() {
        Some(problem) => format!("{problem}; mount a whole procfs, or connect over netlink"),
        None => "the running kernel does not have it; load the module task_diag, or boot a kernel \
                 built with CONFIG_TASKDIAG_PROC"
            .to_owned(),
    }
}

/// Error of a function of this crate.
///
/// Programs decide by [`Self::is_gone`], [`Self::is_denied`],
/// [`Self::is_unsupported`], the variant, [`Self::errno`] and
/// [`KernelError::attribute`]. The texts are for people and may change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel has no TASKDIAG family.
    #[error(
        "cannot connect over netlink: the running kernel has no TASKDIAG family; load the module \
         task_diag, or boot a kernel built with CONFIG_TASKDIAG"
    )]
    NoFamily,

    /// The transaction file does not exist: the kernel lacks it, or
    /// [`/proc`](crate::ProcState) hides it.
    #[error("cannot open /proc/task-diag: {}", no_file(ProcState::read()))]
    NoFile,

    /// No daemon listens on the socket.
    #[error("cannot connect to taskdiagd: no daemon listens on {}", path.display())]
    NoDaemon {
        /// Path of the socket.
        path: PathBuf,
    },

    /// The kernel rejected the request, or failed while it replied.
    #[error(transparent)]
    Kernel(#[from] KernelError),

    /// The pid namespace of a process could not be selected
    /// ([`Scope::Process`](crate::Scope::Process)).
    #[error(
        "cannot use the pid namespace of process {pid}: {}",
        scope_cause(source)
    )]
    Scope {
        /// Pid of that process.
        pid: Pid,
        /// Error of the system.
        source: io::Error,
    },

    /// The transport cannot select the pid namespace of a process: the credentials
    /// of a netlink message do that.
    #[error(
        "cannot use the pid namespace of process {pid}: {asked} does not support it; \
         connect over netlink"
    )]
    ScopeNeedsNetlink {
        /// Pid of that process.
        pid: Pid,
        /// Name of the transport.
        asked: &'static str,
    },

    /// Requests about another procfs mount are not supported
    /// ([`ClientBuilder::proc_mount`](crate::ClientBuilder::proc_mount)).
    #[error("cannot read another procfs mount: {asked} does not support it")]
    ProcMount {
        /// Name of the transport or of the part that lacks it.
        asked: &'static str,
    },

    /// Each available transport may show less than the caller's procfs does, and
    /// procfs cannot be read in this form.
    #[error("cannot list all processes that /proc shows: {0}")]
    Restricted(Restriction),

    /// The daemon does not serve this client.
    #[error("taskdiagd rejected the request: {0}")]
    Daemon(KernelError),

    /// Process events are not available.
    #[error("cannot receive process events: {0}")]
    NoEvents(#[from] NoEvents),

    /// A live table does not support these groups.
    #[error(
        "cannot keep {groups} in a live table: no event reports its changes; \
         request it when it is needed"
    )]
    NotTracked {
        /// The groups.
        groups: Show,
    },

    /// A filter is longer than an attribute of a request can be.
    #[error(
        "cannot encode {}: {len} bytes exceed the maximum of {}",
        AttributeName(*attribute),
        ATTRIBUTE_MAX
    )]
    TooLong {
        /// Type of the attribute.
        attribute: u16,
        /// Length of the value in bytes.
        len: usize,
    },

    /// A message was longer than the receive buffer, and its end is lost.
    #[error(
        "cannot receive a message of {message} bytes: the receive buffer has {buffer}; \
         connect with a larger buffer"
    )]
    Truncated {
        /// Length of the message in bytes.
        message: usize,
        /// Length of the receive buffer in bytes.
        buffer: usize,
    },

    /// The kernel dropped messages because the socket's receive queue was full
    /// (`ENOBUFS`).
    #[error(
        "cannot receive the whole reply: the receive queue of the socket was full (ENOBUFS); \
         repeat the request"
    )]
    Overrun,

    /// The received bytes violate the protocol.
    #[error("cannot read the kernel's answer: {what}")]
    Decode {
        /// Description of the violation.
        what: String,
    },

    /// A system call failed.
    #[error("{context}: {source}")]
    Io {
        /// Description of the failed operation.
        context: &'static str,
        /// Error of the system.
        source: io::Error,
    },
}

fn scope_cause(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            "the right to read the process with ptrace is required, or CAP_SYS_ADMIN over the \
             pid namespace of the caller"
                .to_owned()
        }
        _ if source.raw_os_error() == Some(libc::ESRCH) => "no such process".to_owned(),
        _ => source.to_string(),
    }
}

impl Error {
    /// Returns the error number, if the kernel reported one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Kernel(error) | Self::Daemon(error) => Some(error.errno),
            Self::Scope { source, .. } | Self::Io { source, .. } => source.raw_os_error(),
            Self::Overrun => Some(libc::ENOBUFS),
            Self::NoFamily
            | Self::NoFile
            | Self::NoDaemon { .. }
            | Self::ScopeNeedsNetlink { .. }
            | Self::ProcMount { .. }
            | Self::Restricted(_)
            | Self::NoEvents(_)
            | Self::NotTracked { .. }
            | Self::TooLong { .. }
            | Self::Truncated { .. }
            | Self::Decode { .. } => None,
        }
    }
}

impl Error {
    /// Whether the named task does not exist: `ESRCH` of any transport, or of
    /// the process of [`Scope::Process`](crate::Scope::Process).
    ///
    /// A task that never existed, that has been reaped and that the caller may
    /// not see are indistinguishable.
    ///
    /// ```
    /// use taskdiag::{Client, Show};
    ///
    /// let mut child = std::process::Command::new("true").spawn().unwrap();
    /// child.wait().unwrap();
    /// let error = Client::connect_any()?.one(child.id(), Show::BASE).unwrap_err();
    /// assert!(error.is_gone() && !error.is_denied());
    /// # Ok::<(), taskdiag::Error>(())
    /// ```
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.errno() == Some(libc::ESRCH)
    }

    /// Whether the caller lacks a permission: `EPERM` or `EACCES` of any
    /// transport or system call, or [`NoEvents::NeedsNetAdmin`].
    ///
    /// A group that the caller may not read is not an error: see
    /// [`Absent::denied`](crate::Absent::denied).
    #[must_use]
    pub fn is_denied(&self) -> bool {
        match self {
            Self::NoEvents(reason) => *reason == NoEvents::NeedsNetAdmin,
            error => matches!(error.errno(), Some(libc::EPERM | libc::EACCES)),
        }
    }

    /// Whether the kernel does not have a group, filter or option of the
    /// request: `EOPNOTSUPP`. [`crate::Features::lacking`] returns these.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Kernel(error) if error.errno == libc::EOPNOTSUPP)
    }
}

impl From<Malformed> for Error {
    #[cold]
    fn from(Malformed(what): Malformed) -> Self {
        Self::Decode {
            what: what.to_owned(),
        }
    }
}

/// Reason why process events are not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoEvents {
    /// The kernel has no connector.
    #[error("the kernel is built without CONFIG_CONNECTOR")]
    NoConnector,
    /// The connector has no process events.
    #[error("the kernel is built without CONFIG_PROC_EVENTS")]
    NoProcEvents,
    /// Kernels before Linux 6.6 require the capability.
    #[error("CAP_NET_ADMIN is required before Linux 6.6")]
    NeedsNetAdmin,
    /// The caller is in a network namespace of its own.
    #[error("the kernel delivers them only in the initial network namespace")]
    NetNamespace,
    /// The caller is in a user namespace of its own.
    #[error("the kernel delivers them only in the initial user namespace")]
    UserNamespace,
    /// The caller is in a pid namespace of its own.
    #[error("the kernel delivers them only in the initial pid namespace")]
    PidNamespace,
    /// The kernel did not acknowledge the subscription, for none of the reasons
    /// above; a user may have stopped delivery to all listeners.
    #[error("the kernel did not acknowledge the subscription")]
    NotAcknowledged,
}

/// Error that the kernel reported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelError {
    /// The error number, positive: `ESRCH` if the task does not exist or the
    /// caller may not see it, `EINVAL` for a bad request, `EOPNOTSUPP` for a
    /// group, filter or option that this kernel does not have, `EBADF` for a
    /// descriptor of the wrong kind, `EPERM` for a dump of another process.
    pub errno: i32,
    /// Text of the extended acknowledgement. It is for people, and not part of
    /// the protocol.
    pub message: Option<String>,
    /// The attribute of the request that the kernel rejected.
    pub attribute: Option<BadAttr>,
}

impl KernelError {
    pub(crate) const fn new(errno: i32) -> Self {
        Self {
            errno,
            message: None,
            attribute: None,
        }
    }
}

impl std::error::Error for KernelError {}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", io::Error::from_raw_os_error(self.errno))?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(attribute) = &self.attribute {
            write!(f, " ({attribute})")?;
        }
        Ok(())
    }
}

/// The attribute of a request that the kernel rejected, or that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadAttr {
    /// Offset of the attribute in the request, in bytes; `None` if it is missing, or
    /// if the request was not sent as bytes.
    pub offset: Option<u32>,
    /// Type of the attribute, if it is known.
    pub kind: Option<u16>,
    /// Whether the request lacks it.
    pub missing: bool,
}

impl BadAttr {
    /// Returns the name of the attribute in the ABI, such as
    /// `TASK_DIAG_CMD_ATTR_GET`.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        abi::attribute_name(self.kind?)
    }
}

impl fmt::Display for BadAttr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => write!(f, "attribute {}", AttributeName(kind))?,
            None => f.write_str("the request")?,
        }
        match self.offset {
            Some(offset) => write!(f, " at byte {offset}"),
            None if self.missing => f.write_str(" is missing"),
            None => Ok(()),
        }
    }
}

/// Shows the name of an attribute type, or its number if it has no name.
struct AttributeName(u16);

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match abi::attribute_name(self.0) {
            Some(name) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(errno: i32) -> Error {
        KernelError::new(errno).into()
    }

    fn io(errno: i32) -> Error {
        Error::Io {
            context: "cannot try",
            source: io::Error::from_raw_os_error(errno),
        }
    }

    fn scope(errno: i32) -> Error {
        Error::Scope {
            pid: 7,
            source: io::Error::from_raw_os_error(errno),
        }
    }

    #[test]
    fn esrch_is_gone_and_not_denied() {
        for error in [kernel(libc::ESRCH), io(libc::ESRCH), scope(libc::ESRCH)] {
            assert!(error.is_gone() && !error.is_denied(), "{error}");
        }
    }

    #[test]
    fn eperm_and_eacces_are_denied_and_not_gone() {
        for error in [
            kernel(libc::EPERM),
            kernel(libc::EACCES),
            io(libc::EACCES),
            scope(libc::EPERM),
            NoEvents::NeedsNetAdmin.into(),
        ] {
            assert!(error.is_denied() && !error.is_gone(), "{error}");
        }
    }

    #[test]
    fn other_errors_are_neither_gone_nor_denied() {
        for error in [
            kernel(libc::EINVAL),
            kernel(libc::EOPNOTSUPP),
            io(libc::ENOENT),
            Error::NoFamily,
            Error::Overrun,
            NoEvents::NoConnector.into(),
        ] {
            assert!(!error.is_gone() && !error.is_denied(), "{error}");
        }
    }

    #[test]
    fn scope_error_names_the_cause() {
        assert_eq!(
            scope(libc::ESRCH).to_string(),
            "cannot use the pid namespace of process 7: no such process"
        );
        assert_eq!(
            scope(libc::EPERM).to_string(),
            "cannot use the pid namespace of process 7: the right to read the process with ptrace \
             is required, or CAP_SYS_ADMIN over the pid namespace of the caller"
        );
    }
}
