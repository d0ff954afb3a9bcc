// SPDX-License-Identifier: MIT
//! A source of any kind: the best available one, or the requested one.

use std::fmt;

use log::debug;

use super::{Mode, NetlinkReply, NetlinkSource, Reply, Source};
use crate::error::Result;
use crate::features::Features;
use crate::file::TransactionFile;
use crate::procfs::{Procfs, ProcfsReply};
use crate::receiver::{RECEIVE_BUFFER, Stats};
use crate::request::Request;
use crate::socket::Socket;
use crate::task::TaskRef;
use crate::transport::{Daemon, Transport};

/// A kind of transport, and thereby of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportKind {
    /// The TASKDIAG family: [`Socket`].
    Netlink,
    /// `/proc/task-diag`: [`TransactionFile`].
    File,
    /// The daemon `taskdiagd`: [`Daemon`].
    Daemon,
    /// The files of `/proc/PID`, without task_diag: [`Procfs`].
    Procfs,
}

impl TransportKind {
    /// All kinds, the best first.
    pub const ALL: [Self; 4] = [Self::Netlink, Self::File, Self::Daemon, Self::Procfs];

    /// Whether it takes several system calls per task, instead of about a thousand
    /// instructions.
    #[must_use]
    pub const fn is_slow(self) -> bool {
        matches!(self, Self::Procfs)
    }
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Netlink => "netlink",
            Self::File => "file",
            Self::Daemon => "daemon",
            Self::Procfs => "procfs",
        })
    }
}

type AnyTransport = Box<dyn Transport + Send + Sync>;

/// A source of any kind.
#[derive(Debug)]
pub struct AnySource {
    kind: TransportKind,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Netlink(NetlinkSource<AnyTransport>),
    Procfs(Box<Procfs>),
}

impl AnySource {
    /// Opens the source of this kind.
    ///
    /// # Errors
    ///
    /// Those of [`Socket::connect`], [`TransactionFile::open`], [`Daemon::connect`] and
    /// [`Procfs::open`].
    pub fn open(kind: TransportKind) -> Result<Self> {
        Self::open_with(kind, Daemon::connect)
    }

    fn open_with(kind: TransportKind, daemon: impl Fn() -> Result<Daemon>) -> Result<Self> {
        let mut buffer = vec![0; RECEIVE_BUFFER].into_boxed_slice();
        let transport: AnyTransport = match kind {
            TransportKind::Netlink => Box::new(Socket::connect(&mut buffer)?),
            TransportKind::File => Box::new(TransactionFile::open()?),
            TransportKind::Daemon => Box::new(daemon()?),
            TransportKind::Procfs => {
                let inner = Inner::Procfs(Box::new(Procfs::open()?));
                return Ok(Self { kind, inner });
            }
        };
        let inner = Inner::Netlink(NetlinkSource::new(transport, buffer));
        Ok(Self { kind, inner })
    }

    /// Opens the first of [`TransportKind::ALL`] that is available. A daemon that does
    /// not reply within two seconds is not.
    ///
    /// # Errors
    ///
    /// That of the first kind, if none is available.
    pub fn open_best() -> Result<Self> {
        let mut first = None;
        for kind in TransportKind::ALL {
            match Self::open_with(kind, Daemon::connect_quickly) {
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
            Inner::Netlink(source) => InnerReply::Netlink(source.start(request, mode)?),
            Inner::Procfs(source) => InnerReply::Procfs(source.start(request, mode)?),
        }))
    }

    fn features(&mut self) -> Result<Features> {
        match &mut self.inner {
            Inner::Netlink(source) => source.features(),
            Inner::Procfs(source) => source.features(),
        }
    }
}

/// The reply of a source of any kind.
#[derive(Debug)]
pub struct AnyReply<'a>(InnerReply<'a>);

#[derive(Debug)]
enum InnerReply<'a> {
    Netlink(NetlinkReply<'a, AnyTransport>),
    Procfs(ProcfsReply<'a>),
}

impl Reply for AnyReply<'_> {
    // As that of NetlinkReply.
    #[inline(always)]
    fn next(&mut self) -> Result<Option<TaskRef<'_>>> {
        match &mut self.0 {
            InnerReply::Netlink(reply) => reply.next(),
            InnerReply::Procfs(reply) => reply.next(),
        }
    }

    fn next_piece(&mut self) -> Result<Option<TaskRef<'_>>> {
        match &mut self.0 {
            InnerReply::Netlink(reply) => reply.next_piece(),
            InnerReply::Procfs(reply) => reply.next_piece(),
        }
    }

    fn stats(&self) -> Stats {
        match &self.0 {
            InnerReply::Netlink(reply) => reply.stats(),
            InnerReply::Procfs(reply) => reply.stats(),
        }
    }
}
