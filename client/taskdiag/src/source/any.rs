// SPDX-License-Identifier: MIT
//! A source of any kind: the best available one, or the requested one.

use std::fmt;
use std::os::fd::OwnedFd;

use log::debug;

use super::{Mode, Reply, Source};
#[cfg(any(feature = "netlink", feature = "daemon"))]
use super::{NetlinkReply, NetlinkSource};
use crate::client::Client;
use crate::error::{Error, Result};
#[cfg(feature = "netlink")]
use crate::file::TransactionFile;
use crate::pid::Pid;
use crate::proc_mount;
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
use crate::visibility::{Restriction, Visibility};

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
    /// The first kind that was not selected because it may show less.
    passed_over: Option<(TransportKind, Restriction)>,
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
        ClientBuilder::new().open(kind, false)
    }

    /// Opens the first of [`TransportKind::ALL`] that is available and
    /// [complete](Visibility::Complete). A daemon that does not reply within two
    /// seconds is not available.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::connect`].
    pub fn open_best() -> Result<Self> {
        ClientBuilder::new().open_best()
    }

    /// Returns the kind of this source.
    #[must_use]
    pub const fn kind(&self) -> TransportKind {
        self.kind
    }

    /// Returns the first kind before this one in [`TransportKind::ALL`] that is
    /// available but was not selected because it may show less than procfs, with the
    /// reason.
    #[must_use]
    pub const fn passed_over(&self) -> Option<(TransportKind, Restriction)> {
        self.passed_over
    }
}

/// Connects a [`Client`] to a transport, with options.
///
/// ```
/// use taskdiag::{ClientBuilder, Show, TransportKind};
///
/// let mut client = ClientBuilder::new().transport(TransportKind::Procfs).connect()?;
/// assert_eq!(client.one(std::process::id(), Show::BASE)?.pid, std::process::id());
/// # Ok::<(), taskdiag::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder does nothing unless it is connected"]
pub struct ClientBuilder {
    kind: Option<TransportKind>,
    proc: Option<OwnedFd>,
}

impl ClientBuilder {
    /// Selects the best transport, and `/proc`.
    pub const fn new() -> Self {
        Self {
            kind: None,
            proc: None,
        }
    }

    /// Selects a transport, which may show less than procfs: see
    /// [`Client::visibility`].
    pub const fn transport(mut self, kind: TransportKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Selects the procfs mount with this root directory instead of `/proc`, such as
    /// `/proc/PID/root/proc` of a container. Pids of requests and replies are in the
    /// pid namespace of that mount, and its options `hidepid=` and `gid=` apply. The
    /// descriptor may have been opened with `O_PATH`. The daemon supports only mounts in
    /// the mount namespace of the caller and of the daemon's pid namespace.
    pub fn proc_mount(mut self, root: OwnedFd) -> Self {
        self.proc = Some(root);
        self
    }

    /// Selects the procfs mount that this process of the caller's pid namespace sees at
    /// `/proc`. The process is for example the init of a container.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Scope`] if the caller may not read `/proc/PID/root`, which needs
    /// the right to read the process with ptrace, and if the `/proc` of the process is not
    /// a procfs of its pid namespace.
    pub fn proc_mount_of(self, pid: Pid) -> Result<Self> {
        match proc_mount::of_process(pid) {
            Ok(root) => Ok(self.proc_mount(root)),
            Err(source) => Err(Error::Scope { pid, source }),
        }
    }

    /// Connects to the selected transport, or else to the first of
    /// [`TransportKind::ALL`] that is available and shows all that the procfs mount
    /// shows to the caller. Without a procfs of the caller's pid namespace at `/proc`,
    /// that is the first available one.
    ///
    /// # Errors
    ///
    /// [`crate::Error::NoFamily`], [`crate::Error::NoFile`], [`crate::Error::NoDaemon`],
    /// [`crate::Error::ProcMount`] and [`crate::Error::Io`] if the transport is not
    /// available; without a selected transport, that error of the first kind.
    /// [`crate::Error::Restricted`] without the feature `procfs`, if all available
    /// transports may show less.
    pub fn connect(self) -> Result<Client<AnySource>> {
        let source = match self.kind {
            Some(kind) => self.open(kind, false),
            None => self.open_best(),
        };
        source.map(Client::new)
    }

    /// Opens the source of this kind. A daemon has a short timeout if `quickly` is set.
    fn open(&self, kind: TransportKind, quickly: bool) -> Result<AnySource> {
        let proc = match &self.proc {
            Some(proc) => Some(proc.try_clone().map_err(|source| Error::Io {
                context: "cannot duplicate the descriptor of procfs",
                source,
            })?),
            None => None,
        };
        #[cfg(not(feature = "daemon"))]
        let _ = quickly;
        let inner = match (kind, proc) {
            #[cfg(feature = "netlink")]
            (TransportKind::Netlink, proc) => {
                let mut buffer = vec![0; RECEIVE_BUFFER].into_boxed_slice();
                let socket = Box::new(match proc {
                    Some(proc) => Socket::connect_at(proc, &mut buffer)?,
                    None => Socket::connect(&mut buffer)?,
                });
                Inner::Netlink(NetlinkSource::new(socket, buffer))
            }
            #[cfg(feature = "netlink")]
            (TransportKind::File, Some(proc)) => Inner::over(TransactionFile::open_at(proc)?),
            #[cfg(feature = "netlink")]
            (TransportKind::File, None) => Inner::over(TransactionFile::open()?),
            #[cfg(feature = "daemon")]
            (TransportKind::Daemon, proc) if quickly => Inner::over(Daemon::connect_quickly(proc)?),
            #[cfg(feature = "daemon")]
            (TransportKind::Daemon, Some(proc)) => Inner::over(Daemon::connect_to_mount(proc)?),
            #[cfg(feature = "daemon")]
            (TransportKind::Daemon, None) => Inner::over(Daemon::connect()?),
            #[cfg(feature = "procfs")]
            (TransportKind::Procfs, Some(proc)) => Inner::Procfs(Procfs::from_root(proc)),
            #[cfg(feature = "procfs")]
            (TransportKind::Procfs, None) => Inner::Procfs(Procfs::open()?),
        };
        Ok(AnySource {
            kind,
            inner,
            passed_over: None,
        })
    }

    fn open_best(&self) -> Result<AnySource> {
        let mut first = None;
        let mut restricted: Option<(AnySource, Restriction)> = None;
        for &kind in TransportKind::ALL {
            let opened = self.open(kind, true).and_then(|mut source| {
                let visibility = source.visibility()?;
                Ok((source, visibility))
            });
            match opened {
                Ok((source, Visibility::PtraceOnly(restriction))) => {
                    debug!("{kind} may show less than procfs: {restriction}");
                    restricted.get_or_insert((source, restriction));
                }
                Ok((mut source, _)) => {
                    source.passed_over =
                        restricted.map(|(source, restriction)| (source.kind, restriction));
                    return Ok(source);
                }
                Err(error) => {
                    debug!("{kind} is not available: {error}");
                    first.get_or_insert(error);
                }
            }
        }
        match restricted {
            Some((source, _)) if cfg!(feature = "procfs") => Ok(source),
            Some((_, restriction)) => Err(Error::Restricted(restriction)),
            // TransportKind::ALL is not empty.
            None => Err(first.unwrap_or(Error::NoFamily)),
        }
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

    fn visibility(&mut self) -> Result<Visibility> {
        match &mut self.inner {
            #[cfg(any(feature = "netlink", feature = "daemon"))]
            Inner::Netlink(source) => source.visibility(),
            #[cfg(feature = "procfs")]
            Inner::Procfs(source) => source.visibility(),
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
