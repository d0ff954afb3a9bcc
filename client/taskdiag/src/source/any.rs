// SPDX-License-Identifier: MIT
//! A source of any kind: the best available one, or the requested one.

use std::fmt;

use log::debug;

use super::{Mode, Reply, Source};
#[cfg(any(feature = "netlink", feature = "daemon"))]
use super::{NetlinkReply, NetlinkSource};
use crate::error::Result;
#[cfg(feature = "netlink")]
use crate::file::TransactionFile;
#[cfg(feature = "procfs")]
use crate::procfs::{Procfs, ProcfsReply};
#[cfg(any(feature = "netlink", feature = "daemon"))]
use crate::receiver::RECEIVE_BUFFER;
use crate::receiver::Stats;
use crate::request::Features;
use crate::request::Request;
#[cfg(feature = "netlink")]
use crate::socket::Socket;
use crate::task::TaskRef;
#[cfg(feature = "daemon")]
use crate::transport::Daemon;
#[cfg(any(feature = "netlink", feature = "daemon"))]
use crate::transport::Transport;

/// A kind of transport, and thereby of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportKind {
    /// The TASKDIAG family: [`Socket`].
    #[cfg(feature = "netlink")]
    Netlink,
    /// `/proc/task-diag`: [`TransactionFile`].
    #[cfg(feature = "netlink")]
    File,
    /// The daemon `taskdiagd`: [`Daemon`].
    #[cfg(feature = "daemon")]
    Daemon,
    /// The files of `/proc/PID`, without task_diag: [`Procfs`].
    #[cfg(feature = "procfs")]
    Procfs,
}

impl TransportKind {
    /// All kinds, the best first.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "netlink")]
        Self::Netlink,
        #[cfg(feature = "netlink")]
        Self::File,
        #[cfg(feature = "daemon")]
        Self::Daemon,
        #[cfg(feature = "procfs")]
        Self::Procfs,
    ];

    /// Whether it takes several system calls per task, instead of about a thousand
    /// instructions.
    #[must_use]
    pub const fn is_slow(self) -> bool {
        match self {
            #[cfg(feature = "procfs")]
            Self::Procfs => true,
            #[allow(unreachable_patterns, reason = "procfs may be the only kind")]
            _ => false,
        }
    }
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            #[cfg(feature = "netlink")]
            Self::Netlink => "netlink",
            #[cfg(feature = "netlink")]
            Self::File => "file",
            #[cfg(feature = "daemon")]
            Self::Daemon => "daemon",
            #[cfg(feature = "procfs")]
            Self::Procfs => "procfs",
        })
    }
}

#[cfg(any(feature = "netlink", feature = "daemon"))]
type AnyTransport = Box<dyn Transport + Send + Sync>;

/// A source of any kind.
#[derive(Debug)]
pub struct AnySource {
    kind: TransportKind,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    #[cfg(any(feature = "netlink", feature = "daemon"))]
    Netlink(NetlinkSource<AnyTransport>),
    #[cfg(feature = "procfs")]
    Procfs(Procfs),
}

#[cfg(any(feature = "netlink", feature = "daemon"))]
impl Inner {
    fn over(transport: impl Transport + Send + Sync + 'static) -> Self {
        let buffer = vec![0; RECEIVE_BUFFER].into_boxed_slice();
        Self::Netlink(NetlinkSource::new(Box::new(transport), buffer))
    }
}

impl AnySource {
    /// Opens the source of this kind.
    ///
    /// # Errors
    ///
    /// As `Socket::connect`, `TransactionFile::open`, `Daemon::connect` or
    /// `Procfs::open`.
    pub fn open(kind: TransportKind) -> Result<Self> {
        let inner = match kind {
            #[cfg(feature = "netlink")]
            TransportKind::Netlink => {
                let mut buffer = vec![0; RECEIVE_BUFFER].into_boxed_slice();
                let socket = Box::new(Socket::connect(&mut buffer)?);
                Inner::Netlink(NetlinkSource::new(socket, buffer))
            }
            #[cfg(feature = "netlink")]
            TransportKind::File => Inner::over(TransactionFile::open()?),
            #[cfg(feature = "daemon")]
            TransportKind::Daemon => Inner::over(Daemon::connect()?),
            #[cfg(feature = "procfs")]
            TransportKind::Procfs => Inner::Procfs(Procfs::open()?),
        };
        Ok(Self { kind, inner })
    }

    /// Opens the source of this kind. A daemon has a short timeout.
    fn open_quickly(kind: TransportKind) -> Result<Self> {
        #[cfg(feature = "daemon")]
        if kind == TransportKind::Daemon {
            let inner = Inner::over(Daemon::connect_quickly()?);
            return Ok(Self { kind, inner });
        }
        Self::open(kind)
    }

    /// Opens the first of [`TransportKind::ALL`] that is available. A daemon that does
    /// not reply within two seconds is not.
    ///
    /// # Errors
    ///
    /// The error of the first kind, if none is available.
    pub fn open_best() -> Result<Self> {
        let mut first = None;
        for &kind in TransportKind::ALL {
            match Self::open_quickly(kind) {
                Ok(source) => return Ok(source),
                Err(error) => {
                    debug!("{kind} is not available: {error}");
                    first.get_or_insert(error);
                }
            }
        }
        // TransportKind::ALL is not empty.
        Err(first.unwrap_or(crate::Error::NoFamily))
    }

    /// Returns the kind of this source.
    #[must_use]
    pub const fn kind(&self) -> TransportKind {
        self.kind
    }
}

impl Source for AnySource {
    type Reply<'a> = AnyReply<'a>;

    fn start(&mut self, request: &Request<'_>, mode: Mode) -> Result<AnyReply<'_>> {
        Ok(AnyReply(match &mut self.inner {
            #[cfg(any(feature = "netlink", feature = "daemon"))]
            Inner::Netlink(source) => InnerReply::Netlink(source.start(request, mode)?),
            #[cfg(feature = "procfs")]
            Inner::Procfs(source) => InnerReply::Procfs(source.start(request, mode)?),
        }))
    }

    fn features(&mut self) -> Result<Features> {
        match &mut self.inner {
            #[cfg(any(feature = "netlink", feature = "daemon"))]
            Inner::Netlink(source) => source.features(),
            #[cfg(feature = "procfs")]
            Inner::Procfs(source) => source.features(),
        }
    }
}

/// The reply of a source of any kind.
#[derive(Debug)]
pub struct AnyReply<'a>(InnerReply<'a>);

#[derive(Debug)]
enum InnerReply<'a> {
    #[cfg(any(feature = "netlink", feature = "daemon"))]
    Netlink(NetlinkReply<'a, AnyTransport>),
    #[cfg(feature = "procfs")]
    Procfs(ProcfsReply<'a>),
}

impl Reply for AnyReply<'_> {
    // As that of NetlinkReply.
    #[inline(always)]
    fn next(&mut self) -> Result<Option<TaskRef<'_>>> {
        match &mut self.0 {
            #[cfg(any(feature = "netlink", feature = "daemon"))]
            InnerReply::Netlink(reply) => reply.next(),
            #[cfg(feature = "procfs")]
            InnerReply::Procfs(reply) => reply.next(),
        }
    }

    fn next_piece(&mut self) -> Result<Option<TaskRef<'_>>> {
        match &mut self.0 {
            #[cfg(any(feature = "netlink", feature = "daemon"))]
            InnerReply::Netlink(reply) => reply.next_piece(),
            #[cfg(feature = "procfs")]
            InnerReply::Procfs(reply) => reply.next_piece(),
        }
    }

    fn stats(&self) -> Stats {
        match &self.0 {
            #[cfg(any(feature = "netlink", feature = "daemon"))]
            InnerReply::Netlink(reply) => reply.stats(),
            #[cfg(feature = "procfs")]
            InnerReply::Procfs(reply) => reply.stats(),
        }
    }
}
