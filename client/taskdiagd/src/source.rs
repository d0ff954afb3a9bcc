// SPDX-License-Identifier: MIT
//! The source of the daemon's replies.

use std::sync::Arc;

use clap::ValueEnum;
use log::info;
use nix::libc;
use taskdiag::{RECEIVE_BUFFER, Socket, TransactionFile, Transport, TransportKind};

use crate::error::{Error, Result, io};
use crate::hidepid::HidepidProcfs;
use crate::impersonate::impersonate;
use crate::local::{Failure, LocalReply, Send};
use crate::message::{Fault, Refusal};
use crate::peer::Rights;
use crate::relay::Relay;
use crate::request::RequestMessage;
use crate::table::Table;

/// The value of the option `--source`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// The first of these that is available
    #[default]
    Auto,
    /// The kernel's /proc/task-diag
    File,
    /// The kernel's TASKDIAG family
    Netlink,
    /// procfs, and a table of processes that events keep current
    Procfs,
}

/// The source of the replies.
#[derive(Debug)]
pub(crate) enum Source {
    /// The kernel's task_diag over netlink, which holds to the rule of
    /// `hidepid=ptraceable` without a procfs mount.
    Netlink,
    /// The kernel's task_diag, through the transaction file of this mount: that of the
    /// daemon's `/proc` could show more than the client's `/proc` does.
    File(HidepidProcfs),
    /// procfs, and a table of processes that events keep current.
    Procfs {
        proc: HidepidProcfs,
        table: Arc<Table>,
    },
}

impl Source {
    /// Opens the source.
    pub(crate) fn open(choice: Choice) -> Result<Self> {
        // The messages of the file need no translation.
        let kinds: &[TransportKind] = match choice {
            Choice::Auto => &[TransportKind::File, TransportKind::Netlink],
            Choice::File => &[TransportKind::File],
            Choice::Netlink => &[TransportKind::Netlink],
            Choice::Procfs => &[],
        };
        let sources = kinds.iter().map(|&kind| (kind, Self::of_kernel(kind)));
        let found = sources.into_iter().find_map(|(kind, source)| {
            let source = source.ok().filter(|source| source.connect().is_ok())?;
            Some((kind, source))
        });
        match found {
            Some((kind, source)) => {
                info!("forwarding requests to the kernel over {kind}");
                Ok(source)
            }
            None if matches!(choice, Choice::Auto | Choice::Procfs) => Self::follow_events(),
            None => Err(Error::NoKernel),
        }
    }

    fn of_kernel(kind: TransportKind) -> Result<Self> {
        Ok(match kind {
            TransportKind::Netlink => Self::Netlink,
            _ => Self::File(HidepidProcfs::create()?),
        })
    }

    /// Opens a transport to the kernel.
    fn connect(&self) -> taskdiag::Result<Box<dyn Transport>> {
        Ok(match self {
            Self::File(proc) => {
                let root = proc.root().map_err(|error| taskdiag::Error::Io {
                    context: "cannot open the transaction file",
                    source: std::io::Error::other(error),
                })?;
                Box::new(TransactionFile::open_at(root)?)
            }
            _ => Box::new(Socket::connect(&mut vec![0; RECEIVE_BUFFER])?),
        })
    }

    /// Opens a transport with the client's credentials. The daemon sends the request with
    /// its own credentials. The kernel reports a task only if both permit it, so the
    /// daemon itself is not reported either.
    fn connect_as(&self, rights: Rights) -> Result<Box<dyn Transport>> {
        let credentials = impersonate(rights)?;
        let transport = self.connect();
        drop(credentials);
        transport.map_err(|error| io("cannot connect to the kernel")(std::io::Error::other(error)))
    }

    fn follow_events() -> Result<Self> {
        let table = Table::follow()?;
        let proc = HidepidProcfs::create()?;
        info!("maintaining a table of processes from events");
        Ok(Self::Procfs { proc, table })
    }

    /// Returns the table, which may fail permanently. The kernel does not.
    pub(crate) fn table(&self) -> Option<&Arc<Table>> {
        match self {
            Self::Netlink | Self::File(_) => None,
            Self::Procfs { table, .. } => Some(table),
        }
    }

    /// Sends the reply to a request of a client.
    pub(crate) fn reply(
        &self,
        rights: Rights,
        bytes: &[u8],
        send: Send<'_>,
    ) -> Result<(), Failure> {
        let request = RequestMessage::parse(bytes)?;
        match self {
            Self::Netlink | Self::File(_) => {
                let transport = self.connect_as(rights).map_err(|error| internal(&error))?;
                forward(transport, &request, send)
            }
            Self::Procfs { proc, table } => {
                let reply = LocalReply::new(table, proc, rights, bytes)
                    .map_err(|error| internal(&error))?;
                reply.send(&request, send)
            }
        }
    }
}

/// Forwards a request to the kernel, and the reply to the client.
fn forward(
    transport: Box<dyn Transport>,
    request: &RequestMessage<'_>,
    send: Send<'_>,
) -> Result<(), Failure> {
    let refusal = |error| Refusal::of_source(error, request.bytes);
    let mut relay = Relay::send(transport, request).map_err(refusal)?;
    while let Some(datagram) = relay.receive().map_err(refusal)? {
        send(datagram)?;
    }
    Ok(())
}

fn internal(error: &Error) -> Refusal {
    Refusal::new(libc::EIO, error.to_string(), Fault::None)
}
