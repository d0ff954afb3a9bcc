// SPDX-License-Identifier: MIT
//! The source of the daemon's replies.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use clap::ValueEnum;
use log::info;
use nix::libc;
use taskdiag::{
    Framing, Options, RECEIVE_BUFFER, Scope, Socket, TransactionFile, Transport, TransportKind,
};

use crate::error::{Error, Result};
use crate::hidepid::HidepidProcfs;
use crate::impersonate::{impersonate, impersonate_forwarder};
use crate::local::{Failure, LocalReply, Send};
use crate::message::{Fault, Refusal};
use crate::mount::ClientMount;
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
    /// The kernel's task_diag, through the transaction file of the client's mount, or of
    /// this one if the request names none: that of the daemon's `/proc` could show more
    /// than the client's `/proc` does.
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

    /// Opens a transport with the client's credentials, for requests that belong to this
    /// mount.
    ///
    /// Without a mount, the daemon sends the request with its own credentials. The kernel
    /// reports a task only if both permit it, so the daemon itself is not reported either.
    fn connect_as(
        &self,
        rights: &Rights,
        mount: Option<&ClientMount>,
    ) -> taskdiag::Result<Box<dyn Transport>> {
        let root = mount.map(ClientMount::root).transpose().map_err(failed)?;
        let credentials = impersonate(rights).map_err(failed)?;
        let transport = match root {
            Some(root) => TransactionFile::open_at(root)
                .map(|file| -> Box<dyn Transport> { Box::new(Forwarder::new(file, rights)) }),
            None => self.connect(),
        };
        drop(credentials);
        transport
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

    /// Returns the options that the daemon supports with this source, as far as the kernel
    /// does.
    pub(crate) fn options(&self) -> Options {
        match self {
            // On a socket whose opener has other credentials, no mount can be named.
            Self::Netlink => Options::empty(),
            Self::File(_) => Options::PROC_FD | Options::STRICT,
            Self::Procfs { .. } => Options::PROC_FD,
        }
    }

    /// Sends the reply to a request of a client, which belongs to this mount.
    pub(crate) fn reply(
        &self,
        rights: &Rights,
        mount: Option<&ClientMount>,
        request: &RequestMessage<'_>,
        send: Send<'_>,
    ) -> Result<(), Failure> {
        match self {
            Self::Netlink | Self::File(_) => {
                let transport = self
                    .connect_as(rights, mount)
                    .map_err(|error| not_connected(&error, request))?;
                forward(transport, request, self.options(), send)
            }
            Self::Procfs { proc, table } => {
                let reply = LocalReply::new(table, proc, mount, rights, request.bytes)
                    .map_err(|error| internal(&error))?;
                reply.send(request, send)
            }
        }
    }
}

/// A transport that a thread uses with the credentials of a client.
#[derive(Debug)]
struct Forwarder {
    file: TransactionFile,
    rights: Rights,
}

impl Forwarder {
    fn new(file: TransactionFile, rights: &Rights) -> Self {
        Self {
            file,
            rights: rights.clone(),
        }
    }

    fn call<T>(
        &mut self,
        call: impl FnOnce(&mut TransactionFile) -> taskdiag::Result<T>,
    ) -> taskdiag::Result<T> {
        let credentials = impersonate_forwarder(&self.rights).map_err(failed)?;
        let result = call(&mut self.file);
        drop(credentials);
        result
    }
}

impl Transport for Forwarder {
    fn framing(&self) -> Framing {
        self.file.framing()
    }

    fn port(&self) -> u32 {
        self.file.port()
    }

    fn proc_mount(&self) -> Option<BorrowedFd<'_>> {
        self.file.proc_mount()
    }

    fn send(&mut self, request: &[u8], scope: Scope) -> taskdiag::Result<()> {
        self.call(|file| file.send(request, scope))
    }

    fn receive(&mut self, buffer: &mut [u8]) -> taskdiag::Result<usize> {
        self.call(|file| file.receive(buffer))
    }

    fn reset(&mut self, buffer: &mut [u8]) -> taskdiag::Result<()> {
        self.call(|file| file.reset(buffer))
    }
}

/// Forwards a request to the kernel, and the reply to the client.
fn forward(
    transport: Box<dyn Transport>,
    request: &RequestMessage<'_>,
    options: Options,
    send: Send<'_>,
) -> Result<(), Failure> {
    let refusal = |error| Refusal::of_source(error, request.bytes);
    let mut relay = Relay::send(transport, request, options).map_err(refusal)?;
    while let Some(datagram) = relay.receive().map_err(refusal)? {
        send(datagram)?;
    }
    Ok(())
}

/// Returns the refusal of a request for which no transport can be opened.
fn not_connected(error: &taskdiag::Error, request: &RequestMessage<'_>) -> Refusal {
    let mount = request.proc_fd().ok().flatten();
    match (error, mount) {
        (taskdiag::Error::NoFile, Some((_, fault))) => {
            let text = "proc_fd: the mount does not have task-diag";
            Refusal::new(libc::EOPNOTSUPP, text, fault)
        }
        _ => {
            let text = format!("cannot connect to the kernel: {error}");
            Refusal::new(libc::EIO, text, Fault::None)
        }
    }
}

/// Returns the error of a call with other credentials.
fn failed(
    error: impl Into<Box<dyn std::error::Error + std::marker::Send + Sync>>,
) -> taskdiag::Error {
    taskdiag::Error::Io {
        context: "cannot use the client's credentials",
        source: std::io::Error::other(error),
    }
}

fn internal(error: &Error) -> Refusal {
    Refusal::new(libc::EIO, error.to_string(), Fault::None)
}
