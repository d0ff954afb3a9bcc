// SPDX-License-Identifier: MIT
//! What can go wrong, told so that a person knows what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::abi;
use crate::netlink::{ATTRIBUTE_MAX, Malformed};
use crate::pid::Pid;
use crate::show::Show;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
///
/// Programs decide by the variant, by [`Self::errno`] and by
/// [`KernelError::attribute`]. Texts are for people and may change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel has no TASKDIAG family.
    #[error(
        "the running kernel has no TASKDIAG family; load the module task_diag, or boot a kernel \
         that is built with CONFIG_TASKDIAG"
    )]
    NoFamily,

    /// The kernel has no transaction file.
    #[error(
        "the running kernel has no /proc/task-diag; load the module task_diag, or boot a kernel \
         that is built with CONFIG_TASKDIAG_PROC"
    )]
    NoFile,

    /// Nobody listens on the daemon's socket.
    #[error("no taskdiagd listens at {}", path.display())]
    NoDaemon {
        /// Where it was looked for.
        path: PathBuf,
    },

    /// The kernel refused the request, or failed while it answered.
    #[error(transparent)]
    Kernel(#[from] KernelError),

    /// The request could not be made as seen from that process.
    #[error("cannot ask as seen from process {pid}: {}", scope_advice(source))]
    Scope {
        /// The process asked for.
        pid: Pid,
        /// What the kernel said to it.
        source: io::Error,
    },

    /// The request is to be made as seen from a process, and is not sent over
    /// netlink: nothing else can carry that.
    #[error("cannot ask as seen from process {pid}: only the netlink family can, not {asked}")]
    ScopeNeedsNetlink {
        /// The process asked for.
        pid: Pid,
        /// What was asked instead.
        asked: &'static str,
    },

    /// Events of processes cannot be had.
    #[error("cannot follow processes: {0}")]
    NoEvents(#[from] NoEvents),

    /// A live table cannot be kept of these groups.
    #[error(
        "no event tells of what is in {groups}: a live table cannot keep it; \
         ask for it when it is needed"
    )]
    NotKept {
        /// The groups.
        groups: Show,
    },

    /// A filter has more bytes than fit a request.
    #[error(
        "{} of {len} bytes: there is room for {} in a request",
        AttributeName(*attribute),
        ATTRIBUTE_MAX
    )]
    TooLong {
        /// The type of the attribute that it would be.
        attribute: u16,
        /// Its length in bytes.
        len: usize,
    },

    /// A message did not fit the receive buffer, and its end is lost.
    #[error(
        "a message of {message} bytes did not fit the receive buffer of {buffer}; \
         connect with a larger buffer"
    )]
    Truncated {
        /// The message's length in bytes.
        message: usize,
        /// The receive buffer's length in bytes.
        buffer: usize,
    },

    /// The kernel dropped messages for want of room in the socket (`ENOBUFS`).
    #[error("the kernel dropped part of the answer for want of room (ENOBUFS); ask again")]
    Overrun,

    /// What was received is not what the protocol says.
    #[error("cannot read the kernel's answer: {what}")]
    Decode {
        /// What is wrong with it.
        what: String,
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

fn scope_advice(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            "that needs CAP_SYS_ADMIN over your pid namespace".to_owned()
        }
        _ if source.raw_os_error() == Some(nix::libc::ESRCH) => {
            "there is no such process".to_owned()
        }
        _ => source.to_string(),
    }
}

impl Error {
    /// The error number, where the kernel gave one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Kernel(error) => Some(error.errno),
            Self::Scope { source, .. } | Self::Io { source, .. } => source.raw_os_error(),
            Self::Overrun => Some(nix::libc::ENOBUFS),
            Self::NoFamily
            | Self::NoFile
            | Self::NoDaemon { .. }
            | Self::ScopeNeedsNetlink { .. }
            | Self::NoEvents(_)
            | Self::NotKept { .. }
            | Self::TooLong { .. }
            | Self::Truncated { .. }
            | Self::Decode { .. } => None,
        }
    }
}

impl Error {
    /// Whether the requested task does not exist, or the caller may not see it.
    #[must_use]
    pub fn is_no_such_task(&self) -> bool {
        matches!(self, Self::Kernel(error) if error.errno == nix::libc::ESRCH)
    }

    /// Whether this kernel does not have a group, filter or option of the
    /// request. [`crate::Features::lacking`] says which.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Kernel(error) if error.errno == nix::libc::EOPNOTSUPP)
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

/// Why events of processes cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoEvents {
    /// There is no connector.
    #[error("the kernel is built without CONFIG_CONNECTOR")]
    NoConnector,
    /// There is one, that tells of other things.
    #[error("the kernel is built without CONFIG_PROC_EVENTS")]
    NoProcEvents,
    /// The kernel is from before 6.6, and lets nobody else listen.
    #[error("that needs CAP_NET_ADMIN before Linux 6.6")]
    NeedsNetAdmin,
    /// The caller is in a network namespace of its own.
    #[error("the kernel tells of them in the initial network namespace only")]
    NetNamespace,
    /// The caller is in a user namespace of its own.
    #[error("the kernel tells of them in the initial user namespace only")]
    UserNamespace,
    /// The caller is in a pid namespace of its own.
    #[error("the kernel tells of them in the initial pid namespace only")]
    PidNamespace,
    /// The kernel does not answer, and nothing is in the way that one could
    /// see.
    #[error("the kernel did not acknowledge that it will tell of them")]
    Silence,
}

/// An error as the kernel answered it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelError {
    /// The error number, positive: `ESRCH` if the task does not exist or the
    /// caller may not see it, `EINVAL` for a bad request, `EOPNOTSUPP` for a
    /// group, filter or option that this kernel does not have, `EBADF` for a
    /// descriptor of the wrong kind, `EPERM` for a dump of another process.
    pub errno: i32,
    /// Text of the extended acknowledgement, for people: it is not part of the
    /// protocol.
    pub message: Option<String>,
    /// The attribute of the request that is at fault.
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

/// The attribute of a request that the kernel found at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadAttr {
    /// Where it begins, in bytes from the beginning of the request; `None` if it is
    /// missing, or if the request was not sent as bytes.
    pub offset: Option<u32>,
    /// Its type, where that is known.
    pub kind: Option<u16>,
    /// Whether the request lacks it.
    pub missing: bool,
}

impl BadAttr {
    /// Its name in the ABI, such as `TASK_DIAG_CMD_ATTR_GET`.
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

/// The name of an attribute's type, or its number.
struct AttributeName(u16);

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match abi::attribute_name(self.0) {
            Some(name) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}
