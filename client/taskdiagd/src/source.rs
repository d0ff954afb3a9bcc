// SPDX-License-Identifier: MIT
//! Where answers come from.

use std::sync::Arc;

use clap::ValueEnum;
use log::info;
use taskdiag::{AnySource, Framing, Procfs, RECEIVE_BUFFER, Scope, Transport, TransportKind};

use crate::error::{Error, Result, io};
use crate::eyes::Eyes;
use crate::keeper::Keeper;
use crate::peer::Rights;
use crate::procfs::HidingProcfs;
use crate::table::Table;

/// Where answers are wanted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// The first of these that is there
    #[default]
    Auto,
    /// The kernel's /proc/task-diag
    File,
    /// The kernel's TASKDIAG family
    Netlink,
    /// procfs, and a table that is kept by events
    Procfs,
}

/// What answers requests here.
#[derive(Debug)]
pub(crate) enum Source {
    /// The kernel's task_diag.
    Kernel(TransportKind),
    /// procfs, and a table of what events tell.
    Procfs {
        proc: HidingProcfs,
        table: Arc<Table>,
    },
}

/// A way to have one request of a client's answered, with no more than its
/// rights. Reset, it would be opened with the daemon's own.
pub(crate) type Opened = Box<dyn Transport>;

impl Source {
    /// Opens the one that is wanted.
    pub(crate) fn open(choice: Choice) -> Result<Self> {
        // The messages of the file need no translation.
        let ways: &[TransportKind] = match choice {
            Choice::Auto => &[TransportKind::File, TransportKind::Netlink],
            Choice::File => &[TransportKind::File],
            Choice::Netlink => &[TransportKind::Netlink],
            Choice::Procfs => &[],
        };
        match ways.iter().find(|&&way| is_open(way)) {
            Some(&way) => {
                info!("handing requests on to the kernel, by {way}");
                Ok(Self::Kernel(way))
            }
            None if matches!(choice, Choice::Auto | Choice::Procfs) => Self::keep_table(),
            None => Err(Error::NoKernel),
        }
    }

    fn keep_table() -> Result<Self> {
        let table = Table::follow()?;
        let proc = HidingProcfs::mount()?;
        info!("keeping a table of tasks by events");
        Ok(Self::Procfs { proc, table })
    }

    /// What tells if the source fails for good; the kernel does not.
    pub(crate) fn table(&self) -> Option<&Arc<Table>> {
        match self {
            Self::Kernel(_) => None,
            Self::Procfs { table, .. } => Some(table),
        }
    }

    /// Opens it for a client.
    pub(crate) fn open_for(&self, rights: Rights) -> Result<Opened> {
        match self {
            Self::Kernel(way) => open_kernel(*way, rights),
            Self::Procfs { proc, table } => open_procfs(proc, table, rights),
        }
    }
}

/// Whether the kernel can be asked in this way.
fn is_open(way: TransportKind) -> bool {
    AnySource::open(way, &mut vec![0; RECEIVE_BUFFER]).is_ok()
}

/// The kernel shows nobody through a file or a socket what whoever opened it
/// may not see, and with that the daemon itself is not shown either: it is
/// opened with the client's eyes, and asked with the own.
fn open_kernel(way: TransportKind, rights: Rights) -> Result<Opened> {
    let eyes = eyes(rights)?;
    let transport = AnySource::open(way, &mut vec![0; RECEIVE_BUFFER]);
    drop(eyes);
    let transport =
        transport.map_err(|error| io("cannot ask the kernel")(std::io::Error::other(error)))?;
    Ok(Box::new(transport))
}

/// Whoever looks into procfs always sees itself, so that is hidden from
/// clients who are not to see the daemon.
fn open_procfs(proc: &HidingProcfs, table: &Arc<Table>, rights: Rights) -> Result<Opened> {
    let root = proc.root()?;
    let keeper = Keeper::new(Arc::clone(table), proc.root()?, rights);
    let procfs = Procfs::from_root(root).keep(keeper);
    let procfs = match rights {
        Rights::All => procfs,
        Rights::Of { .. } => procfs.hide(std::process::id()),
    };
    Ok(Box::new(Looking { procfs, rights }))
}

/// Reads procfs with the client's eyes, and has them no longer than that: a
/// thread of the client's ids is one that the client may hold up.
#[derive(Debug)]
struct Looking {
    procfs: Procfs,
    rights: Rights,
}

impl Looking {
    fn look<T>(
        &mut self,
        look: impl FnOnce(&mut Procfs) -> taskdiag::Result<T>,
    ) -> taskdiag::Result<T> {
        let _eyes = eyes(self.rights).map_err(|error| taskdiag::Error::Io {
            context: "cannot look for a client",
            source: std::io::Error::other(error),
        })?;
        look(&mut self.procfs)
    }
}

impl Transport for Looking {
    fn framing(&self) -> Framing {
        self.procfs.framing()
    }

    fn port(&self) -> u32 {
        self.procfs.port()
    }

    fn send(&mut self, request: &[u8], scope: Scope) -> taskdiag::Result<()> {
        self.look(|procfs| procfs.send(request, scope))
    }

    fn receive(&mut self, buffer: &mut [u8]) -> taskdiag::Result<usize> {
        self.look(|procfs| procfs.receive(buffer))
    }

    fn reset(&mut self, buffer: &mut [u8]) -> taskdiag::Result<()> {
        self.look(|procfs| procfs.reset(buffer))
    }
}

fn eyes(rights: Rights) -> Result<Option<Eyes>> {
    match rights {
        Rights::All => Ok(None),
        Rights::Of { uid, gid } => Eyes::of(uid, gid).map(Some),
    }
}
