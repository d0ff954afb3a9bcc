// SPDX-License-Identifier: MIT
//! Whatever carries messages here: the best there is, or the one asked for.

use std::fmt;

use log::debug;

use crate::daemon::Daemon;
use crate::error::Result;
use crate::file::TransactionFile;
use crate::procfs::Procfs;
use crate::request::Scope;
use crate::socket::Socket;
use crate::transport::{Framing, Transport};

/// A way to have requests answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportKind {
    /// The TASKDIAG family: [`Socket`].
    Netlink,
    /// `/proc/task-diag`: [`TransactionFile`].
    File,
    /// A daemon that answers in the kernel's place: [`Daemon`].
    Daemon,
    /// Not by task_diag, but out of the files of `/proc/PID`: [`Procfs`].
    Procfs,
}

impl TransportKind {
    /// All there are, the best first.
    pub const ALL: [Self; 4] = [Self::Netlink, Self::File, Self::Daemon, Self::Procfs];

    /// Whether it costs several system calls a task, and not about a thousand
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

/// Any of the transports.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnySource {
    /// The TASKDIAG family.
    Netlink(Socket),
    /// The transaction file.
    File(TransactionFile),
    /// The daemon's socket.
    Daemon(Daemon),
    /// The files of `/proc/PID`.
    Procfs(Box<Procfs>),
}

impl AnySource {
    /// Opens the one that goes this way. The socket receives into `buffer`,
    /// see [`Socket::connect`].
    ///
    /// # Errors
    ///
    /// Those of [`Socket::connect`], [`TransactionFile::open`],
    /// [`Daemon::connect`] and [`Procfs::open`].
    pub fn open(way: TransportKind, buffer: &mut [u8]) -> Result<Self> {
        Ok(match way {
            TransportKind::Netlink => Self::Netlink(Socket::connect(buffer)?),
            TransportKind::File => Self::File(TransactionFile::open()?),
            TransportKind::Daemon => Self::Daemon(Daemon::connect()?),
            TransportKind::Procfs => Self::Procfs(Box::new(Procfs::open()?)),
        })
    }

    /// Opens the first of [`TransportKind::ALL`] that can be opened. A daemon that does
    /// not answer within two seconds cannot.
    ///
    /// # Errors
    ///
    /// That of the best, if there is none.
    pub fn open_best(buffer: &mut [u8]) -> Result<Self> {
        let mut why = None;
        for way in TransportKind::ALL {
            let opened = match way {
                TransportKind::Daemon => Daemon::connect_quickly().map(Self::Daemon),
                way => Self::open(way, buffer),
            };
            match opened {
                Ok(transport) => return Ok(transport),
                Err(error) => {
                    debug!("not by {way}: {error}");
                    why.get_or_insert(error);
                }
            }
        }
        // TransportKind::ALL is not empty.
        Err(why.unwrap_or(crate::Error::NoFamily))
    }

    /// Which one it is.
    #[must_use]
    pub const fn kind(&self) -> TransportKind {
        match self {
            Self::Netlink(_) => TransportKind::Netlink,
            Self::File(_) => TransportKind::File,
            Self::Daemon(_) => TransportKind::Daemon,
            Self::Procfs(_) => TransportKind::Procfs,
        }
    }

    fn get(&self) -> &dyn Transport {
        match self {
            Self::Netlink(socket) => socket,
            Self::File(file) => file,
            Self::Daemon(daemon) => daemon,
            Self::Procfs(procfs) => procfs.as_ref(),
        }
    }

    fn get_mut(&mut self) -> &mut dyn Transport {
        match self {
            Self::Netlink(socket) => socket,
            Self::File(file) => file,
            Self::Daemon(daemon) => daemon,
            Self::Procfs(procfs) => procfs.as_mut(),
        }
    }
}

impl Transport for AnySource {
    fn framing(&self) -> Framing {
        self.get().framing()
    }

    fn port(&self) -> u32 {
        self.get().port()
    }

    fn forwards(&self) -> bool {
        self.get().forwards()
    }

    fn send(&mut self, request: &[u8], scope: Scope) -> Result<()> {
        self.get_mut().send(request, scope)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.get_mut().receive(buffer)
    }

    fn reset(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.get_mut().reset(buffer)
    }
}
