// SPDX-License-Identifier: MIT
//! Whatever carries messages here: the best there is, or the one asked for.

use std::fmt;

use log::debug;

#[cfg(feature = "daemon")]
use crate::daemon::Daemon;
use crate::error::Result;
#[cfg(feature = "netlink")]
use crate::file::TransactionFile;
#[cfg(feature = "procfs")]
use crate::procfs::Procfs;
use crate::request::Scope;
#[cfg(feature = "netlink")]
use crate::socket::Socket;
use crate::transport::{Framing, Transport};

/// A way to have requests answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Way {
    /// The TASKDIAG family: [`Socket`].
    #[cfg(feature = "netlink")]
    Netlink,
    /// `/proc/task-diag`: [`TransactionFile`].
    #[cfg(feature = "netlink")]
    File,
    /// A daemon that answers in the kernel's place: [`Daemon`].
    #[cfg(feature = "daemon")]
    Daemon,
    /// Not by task_diag, but out of the files of `/proc/PID`: [`Procfs`].
    #[cfg(feature = "procfs")]
    Procfs,
}

impl Way {
    /// All there are, the best first.
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

    /// Whether it costs several system calls a task, and not about a thousand
    /// instructions.
    #[must_use]
    pub const fn is_slow(self) -> bool {
        #[cfg(feature = "procfs")]
        let slow = matches!(self, Self::Procfs);
        #[cfg(not(feature = "procfs"))]
        let slow = false;
        slow
    }
}

impl fmt::Display for Way {
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

/// Any of the transports.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyTransport {
    /// The TASKDIAG family.
    #[cfg(feature = "netlink")]
    Netlink(Socket),
    /// The transaction file.
    #[cfg(feature = "netlink")]
    File(TransactionFile),
    /// The daemon's socket.
    #[cfg(feature = "daemon")]
    Daemon(Daemon),
    /// The files of `/proc/PID`.
    #[cfg(feature = "procfs")]
    Procfs(Box<Procfs>),
}

impl AnyTransport {
    /// Opens the one that goes this way. The socket receives into `buffer`,
    /// see [`Socket::connect`].
    ///
    /// # Errors
    ///
    /// Those of [`Socket::connect`], [`TransactionFile::open`],
    /// [`Daemon::connect`] and [`Procfs::open`].
    #[cfg_attr(
        not(feature = "netlink"),
        expect(unused_variables, reason = "only sockets receive when they connect")
    )]
    pub fn open(way: Way, buffer: &mut [u8]) -> Result<Self> {
        Ok(match way {
            #[cfg(feature = "netlink")]
            Way::Netlink => Self::Netlink(Socket::connect(buffer)?),
            #[cfg(feature = "netlink")]
            Way::File => Self::File(TransactionFile::open()?),
            #[cfg(feature = "daemon")]
            Way::Daemon => Self::Daemon(Daemon::connect()?),
            #[cfg(feature = "procfs")]
            Way::Procfs => Self::Procfs(Box::new(Procfs::open()?)),
        })
    }

    /// Opens the first of [`Way::ALL`] that can be opened. A daemon that does
    /// not answer within two seconds cannot.
    ///
    /// # Errors
    ///
    /// That of the best, if there is none.
    pub fn open_best(buffer: &mut [u8]) -> Result<Self> {
        let mut why = None;
        for &way in Way::ALL {
            let opened = match way {
                #[cfg(feature = "daemon")]
                Way::Daemon => Daemon::connect_quickly().map(Self::Daemon),
                #[allow(unreachable_patterns, reason = "the daemon may be the only transport")]
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
        // Way::ALL is not empty.
        Err(why.unwrap_or(crate::Error::NoFamily))
    }

    /// Which one it is.
    #[must_use]
    pub const fn way(&self) -> Way {
        match self {
            #[cfg(feature = "netlink")]
            Self::Netlink(_) => Way::Netlink,
            #[cfg(feature = "netlink")]
            Self::File(_) => Way::File,
            #[cfg(feature = "daemon")]
            Self::Daemon(_) => Way::Daemon,
            #[cfg(feature = "procfs")]
            Self::Procfs(_) => Way::Procfs,
        }
    }

    fn get(&self) -> &dyn Transport {
        match self {
            #[cfg(feature = "netlink")]
            Self::Netlink(socket) => socket,
            #[cfg(feature = "netlink")]
            Self::File(file) => file,
            #[cfg(feature = "daemon")]
            Self::Daemon(daemon) => daemon,
            #[cfg(feature = "procfs")]
            Self::Procfs(procfs) => procfs.as_ref(),
        }
    }

    fn get_mut(&mut self) -> &mut dyn Transport {
        match self {
            #[cfg(feature = "netlink")]
            Self::Netlink(socket) => socket,
            #[cfg(feature = "netlink")]
            Self::File(file) => file,
            #[cfg(feature = "daemon")]
            Self::Daemon(daemon) => daemon,
            #[cfg(feature = "procfs")]
            Self::Procfs(procfs) => procfs.as_mut(),
        }
    }
}

impl Transport for AnyTransport {
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
