// SPDX-License-Identifier: MIT
//! Reads tasks from procfs, on kernels without task_diag.
//!
//! [`Procfs`] is a [`Source`] of tasks like the netlink family. The kernel formats
//! text for each task, and this module parses it: a row takes two to a dozen system
//! calls.
//!
//! # Differences from the netlink family
//!
//! - Times are measured in clock ticks, so that `start_time`, `utime` and the other
//!   times are multiples of 10 ms as a rule. PSS is measured in KiB.
//! - `securebits` is `None`.
//! - The id of a cgroup is `None`, and filters by it are not supported, unless a
//!   cgroup2 file system is mounted.
//! - A file whose name ends in ` (deleted)` is reported as deleted if no file of this
//!   name with the inode number of the mapping is found, and a cgroup if no directory
//!   of this name is found.
//! - On other kernels and in sandboxes, a file may lack values. These are `None`, and
//!   their groups are in [`Absent::unknown`](crate::Absent::unknown).
//! - The flags of memory mappings that the kernel does not have are not reported: no
//!   mapping has them.
//! - Ids of namespaces are not reported.
//! - `blkio_delay` is reported if it is not 0, or if the sysctl
//!   `kernel.task_delayacct` is 1.
//! - A group that the caller may not read about a task (memory mappings, open files,
//!   namespaces of other users' tasks) is absent in that task's row, and listed as
//!   denied.
//! - Tasks and pid namespaces cannot be named by descriptors.
//! - The mount decides which tasks are reported: also those of other users, unless it
//!   is mounted with `hidepid`.
//! - Another pid namespace cannot be requested.
//!
//! # Races
//!
//! A task's directory is opened once, and all files of its row are opened relative to
//! it. The directory refers to the task, not to its pid: when the task is reaped, the
//! directory is empty, also if another task has the pid then. The row is then read
//! again, and left out if no task has the pid.

mod cgroups;
mod dir;
mod files;
mod list;
mod memory;
mod mountinfo;
mod ns;
mod nspid;
mod parse;
mod paths;
mod pidfd;
mod query;
mod row;
mod sched;
mod smaps;
mod target;
mod usage;

use netlink_packet_core::NLM_F_DUMP;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use self::cgroups::Cgroups;
use self::dir::{Proc, ReadError};
use self::memory::{Long, Progress};
pub use self::mountinfo::Mount;
pub use self::parse::Status;
use self::query::Query;
use self::row::{Row, RowReader};
use self::target::Target;
use crate::abi::{TASK_DIAG_FLAG_CONT, TASK_DIAG_FLAG_MORE};
use crate::error::{Error, KernelError, Result};
use crate::receiver::Stats;
use crate::request::Features;
use crate::request::{Request, Scope};
use crate::source::{Mode, Reply, Source};
use crate::task::{Task, TaskRef};
use crate::visibility::Visibility;

/// The approximate length of a piece in bytes.
const PIECE: usize = 32 * 1024;
/// Maximum number of times that a row is begun if its pid refers to another task each
/// time.
const ATTEMPTS: usize = 4;

/// Reads tasks from procfs.
#[derive(Debug)]
pub struct Procfs {
    proc: Proc,
    cgroups: Cgroups,
    features: Features,
    /// The approximate length of a piece in bytes.
    piece: usize,
}

/// The reply to a request.
#[derive(Debug)]
pub struct ProcfsReply<'a> {
    procfs: &'a mut Procfs,
    rest: Rest,
    /// The task, or the piece of a task, that was returned last.
    task: Box<Task>,
    stats: Stats,
}

/// The rest of a reply.
#[derive(Debug)]
enum Rest {
    /// Nothing.
    Ended,
    /// The request was refused.
    Refused(KernelError),
    Tasks(Box<Dump>),
}

#[derive(Debug)]
struct Dump {
    query: Query,
    /// The tasks that existed when the dump was started.
    targets: std::vec::IntoIter<Target>,
    /// The row of which a piece was returned, if it is not complete.
    open: Option<Box<Long>>,
    has_rows: bool,
}

impl Procfs {
    /// Opens `/proc`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if `/proc` is not mounted, or belongs to another pid namespace.
    pub fn open() -> Result<Self> {
        let own = std::fs::read_link("/proc/self").map_err(io("cannot read /proc/self"))?;
        if own.to_str() != Some(&std::process::id().to_string()) {
            return Err(Error::Io {
                context: "/proc is that of another pid namespace",
                source: io::ErrorKind::NotFound.into(),
            });
        }
        Self::at(Path::new("/proc"))
    }

    /// Opens a directory with the layout of procfs.
    fn at(path: &Path) -> Result<Self> {
        let proc = Proc::open(path).map_err(io("cannot open /proc"))?;
        Ok(Self::new(proc))
    }

    /// Reads a procfs that is mounted elsewhere, or not mounted at all, by a descriptor
    /// of its root directory.
    ///
    /// The mount may be that of another process. Files that are mounted on files of
    /// procfs are not read: they are denied. Needs Linux 5.6.
    #[must_use]
    pub fn from_root(root: OwnedFd) -> Self {
        Self::new(Proc::contained(root))
    }

    fn new(mut proc: Proc) -> Self {
        let cgroups = Cgroups::find(&mut proc);
        let features = query::features(&proc, &cgroups);
        Self {
            proc,
            cgroups,
            features,
            piece: PIECE,
        }
    }

    /// Checks a request without reading tasks, as the kernel checks a message of this
    /// mode. Unlike [`Source::start`], it refuses a request of one task without a dump
    /// for groups of [`Show::NEEDS_DUMP`](crate::Show::NEEDS_DUMP).
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] if the request would be refused. Whether the task exists that
    /// its strategy names is not checked.
    pub fn check(&mut self, request: &Request<'_>, mode: Mode) -> Result<()> {
        let (proc, cgroups) = (&mut self.proc, &self.cgroups);
        Query::new(request, mode, proc, cgroups, &self.features)?;
        Ok(())
    }

    /// Lists the tasks of a request, or returns the reason to refuse it.
    fn list(&mut self, request: &Request<'_>, mode: Mode) -> io::Result<Rest> {
        // As over netlink, these groups of one task are reported by a dump.
        let mode = match request.flags_for_one() & NLM_F_DUMP {
            0 => mode,
            _ => Mode::Dump,
        };
        let (proc, cgroups) = (&mut self.proc, &self.cgroups);
        let query = match Query::new(request, mode, proc, cgroups, &self.features) {
            Ok(query) => query,
            Err(error) => return Ok(Rest::Refused(error)),
        };
        Ok(match list::list(proc, &query)? {
            Some(targets) => Rest::Tasks(Box::new(Dump {
                query,
                targets: targets.into_iter(),
                open: None,
                has_rows: false,
            })),
            None => Rest::Refused(query::no_such_task()),
        })
    }
}

impl ProcfsReply<'_> {
    /// Reads the next piece. Returns its `TASK_DIAG_FLAG_*`, or `None` at the end.
    fn read_piece(&mut self) -> Result<Option<u32>> {
        // An error ends the reply.
        match std::mem::replace(&mut self.rest, Rest::Ended) {
            Rest::Ended => Ok(None),
            Rest::Refused(error) => Err(error.into()),
            Rest::Tasks(mut dump) => {
                let flags = match dump.open.take() {
                    Some(long) => Some(self.continue_row(&mut dump, long)?),
                    None => self.begin_row(&mut dump)?,
                };
                match flags {
                    None if dump.query.is_one() && !dump.has_rows => {
                        return Err(query::gone().into());
                    }
                    None => return Ok(None),
                    Some(_) => dump.has_rows = true,
                }
                if dump.open.is_some() || !dump.query.is_single {
                    self.rest = Rest::Tasks(dump);
                }
                Ok(flags)
            }
        }
    }

    /// Reads the first piece of the next row.
    fn begin_row(&mut self, dump: &mut Dump) -> Result<Option<u32>> {
        while let Some(target) = dump.targets.next() {
            match self.read_row(dump, target)? {
                Row::Excluded => {}
                Row::Complete => return Ok(Some(0)),
                Row::Piece(long) => {
                    dump.open = Some(long);
                    return Ok(Some(TASK_DIAG_FLAG_MORE));
                }
            }
        }
        Ok(None)
    }

    /// Reads the first piece of a row. A task that is gone is excluded.
    fn read_row(&mut self, dump: &Dump, target: Target) -> Result<Row> {
        for _ in 0..ATTEMPTS {
            let mut reader = RowReader {
                proc: &mut self.procfs.proc,
                cgroups: &mut self.procfs.cgroups,
                query: &dump.query,
                limit: self.procfs.piece,
                task: &mut self.task,
            };
            match reader.read(target) {
                Ok(row) => return Ok(row),
                Err(ReadError::Denied) => break,
                Err(ReadError::Gone) if !self.procfs.proc.has_task(target) => break,
                // Another task may have the pid now.
                Err(ReadError::Gone | ReadError::Changed) => {}
                Err(ReadError::Io(error)) => return Err(io("cannot read /proc")(error)),
            }
        }
        Ok(Row::Excluded)
    }

    /// Reads the next piece of a row.
    fn continue_row(&mut self, dump: &mut Dump, long: Box<Long>) -> Result<u32> {
        let Target { pid, tgid, .. } = long.target();
        *self.task = Task {
            pid,
            tgid,
            ..Task::default()
        };
        let more = self.read_more(dump, long)?;
        Ok(TASK_DIAG_FLAG_CONT | more)
    }

    /// Adds the next piece of a row to the task. Returns `TASK_DIAG_FLAG_MORE`, or 0
    /// if the row is complete.
    fn read_more(&mut self, dump: &mut Dump, mut long: Box<Long>) -> Result<u32> {
        match long.read(&mut self.task, &dump.query, self.procfs.piece) {
            Ok(Progress::More) => {
                dump.open = Some(long);
                return Ok(TASK_DIAG_FLAG_MORE);
            }
            Ok(Progress::Complete) => long.recheck(&mut self.procfs.proc, &dump.query),
            Err(ReadError::Io(error)) => return Err(io("cannot read /proc")(error)),
            Err(error) => long.interrupt(&dump.query, &error),
        }
        self.task.absent = long.absent;
        Ok(0)
    }

    /// Reads all further pieces of the row into the task.
    fn read_rest(&mut self) -> Result<()> {
        let Rest::Tasks(mut dump) = std::mem::replace(&mut self.rest, Rest::Ended) else {
            return Ok(());
        };
        while let Some(long) = dump.open.take() {
            self.read_more(&mut dump, long)?;
        }
        if !dump.query.is_single {
            self.rest = Rest::Tasks(dump);
        }
        Ok(())
    }
}

impl Source for Procfs {
    type Reply<'a> = ProcfsReply<'a>;

    fn start(&mut self, request: &Request<'_>, mode: Mode) -> Result<ProcfsReply<'_>> {
        if let Scope::Process(pid) = request.scope {
            let asked = "procfs";
            return Err(Error::ScopeNeedsNetlink { pid, asked });
        }
        let rest = self.list(request, mode).map_err(io("cannot read /proc"))?;
        Ok(ProcfsReply {
            procfs: self,
            rest,
            task: Box::default(),
            stats: Stats::default(),
        })
    }

    fn features(&mut self) -> Result<Features> {
        Ok(self.features)
    }

    fn visibility(&mut self) -> Result<Visibility> {
        Ok(Visibility::Complete)
    }
}

impl Reply for ProcfsReply<'_> {
    fn next(&mut self) -> Result<Option<TaskRef<'_>>> {
        if let Rest::Tasks(dump) = &mut self.rest {
            dump.open = None;
        }
        let Some(_) = self.read_piece()? else {
            return Ok(None);
        };
        self.read_rest()?;
        self.stats.tasks += 1;
        Ok(Some(TaskRef::from(&*self.task)))
    }

    fn next_piece(&mut self) -> Result<Option<TaskRef<'_>>> {
        let Some(flags) = self.read_piece()? else {
            return Ok(None);
        };
        self.stats.tasks += u64::from(flags & TASK_DIAG_FLAG_CONT == 0);
        Ok(Some(TaskRef::built(&self.task, flags)))
    }

    fn stats(&self) -> Stats {
        self.stats
    }
}

fn io(context: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Io { context, source }
}

#[cfg(test)]
mod tests;
