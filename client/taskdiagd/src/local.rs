// SPDX-License-Identifier: MIT
//! Replies from procfs and the row cache, where the kernel has no task_diag.

use std::os::fd::{AsFd, OwnedFd};

use netlink_packet_core::NLM_F_DUMP_INTR;
use nix::errno::Errno;
use taskdiag::abi::TaskDiagFeatures;
use taskdiag::{
    Cmdline, Environ, Error, Mode, Options, Pid, Procfs, RECEIVE_BUFFER, Reply as _, Request,
    Result, Show, Source as _, Strategy, Task, TaskRef,
};

use crate::encode::RowEncoder;
use crate::hidepid::HidepidProcfs;
use crate::impersonate::impersonate;
use crate::message::{Fault, Message, Refusal};
use crate::mount::{ClientMount, Level, has_thread, level_of_others};
use crate::peer::Rights;
use crate::request::{Query, RequestMessage};
use crate::row_cache::{RowCache, is_cacheable};
use crate::table::Table;

/// Sends a datagram to the client.
pub(crate) type Send<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Errno>;

/// Replies to one request of a client.
#[derive(Debug)]
pub(crate) struct LocalReply<'a> {
    table: &'a Table,
    /// The root directory of a procfs that shows the tasks that the client may see.
    root: OwnedFd,
    rights: &'a Rights,
    /// The request of the client.
    bytes: &'a [u8],
    datagrams: Datagrams,
}

/// The reply cannot be sent, or has an error that is to be sent.
pub(crate) enum Failure {
    /// The client cannot be reached.
    Send(Errno),
    /// The message of this error ends the reply.
    Refusal(Refusal),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Send(errno)
    }
}

impl<'a> LocalReply<'a> {
    /// Prepares a reply with these rights, from the mount of the client or else from
    /// `strict`.
    pub(crate) fn new(
        table: &'a Table,
        strict: &HidepidProcfs,
        mount: Option<&ClientMount>,
        rights: &'a Rights,
        bytes: &'a [u8],
    ) -> crate::Result<Self> {
        Ok(Self {
            table,
            root: match mount {
                Some(mount) => mount.root().map_err(crate::error::io(
                    "cannot duplicate the descriptor of procfs",
                ))?,
                None => strict.root()?,
            },
            rights,
            bytes,
            datagrams: Datagrams::default(),
        })
    }

    /// Sends the reply.
    pub(crate) fn send(self, request: &RequestMessage<'_>, send: Send<'_>) -> Result<(), Failure> {
        let mut procfs = Procfs::from_root(self.clone_root()?);
        let query = request.decode()?;
        if let Query::Tasks(request, mode) | Query::Refused(request, mode, _) = &query {
            let result = procfs.check(request, *mode);
            result.map_err(|error| self.refusal(error))?;
        }
        match query {
            Query::Features => self.send_features(procfs, send),
            Query::Refused(_, _, refusal) => Err(refusal.into()),
            Query::Tasks(request, Mode::Dump) if is_cacheable(&request) => {
                self.send_cached(&request, send)
            }
            Query::Tasks(request, mode) => self.send_tasks(procfs, &request, mode, send),
        }
    }

    fn send_features(self, mut procfs: Procfs, send: Send<'_>) -> Result<(), Failure> {
        let mut features = procfs.features().map_err(|error| self.refusal(error))?;
        features.options = Options::PROC_FD;
        let mut message = Message::replying_to(self.bytes);
        message.set_features(&TaskDiagFeatures::from(features));
        Ok(send(message.as_bytes())?)
    }

    fn send_cached(mut self, request: &Request<'static>, send: Send<'_>) -> Result<(), Failure> {
        let mut cache = RowCache::new(self.table, self.clone_root()?, self.rights, request);
        let mut encoder = RowEncoder::new(self.bytes, true);
        loop {
            let more = self.impersonated(|datagrams| {
                while !datagrams.is_ready() {
                    let Some(row) = cache.next()? else {
                        return Ok(false);
                    };
                    encoder.encode(TaskRef::from(&row), &mut |message| datagrams.add(message));
                }
                Ok(true)
            })?;
            if !more {
                return self.send_done(cache.is_interrupted, send);
            }
            self.datagrams.send_ready(send)?;
        }
    }

    fn send_tasks(
        mut self,
        mut procfs: Procfs,
        request: &Request<'static>,
        mode: Mode,
        send: Send<'_>,
    ) -> Result<(), Failure> {
        let (level, denied) = self.access_to_daemon()?;
        if let (Level::Hidden, Some(pid)) = (level, named_pid(request.strategy)) {
            if has_thread(self.root.as_fd(), pid) {
                return Err(Refusal::no_such_task(self.bytes).into());
            }
        }
        let mut own = OwnRows {
            level,
            denied,
            request,
            row: None,
        };
        let mut reply = self.impersonated(|_| procfs.start(request, mode))?;
        let mut encoder = RowEncoder::new(self.bytes, mode == Mode::Dump);
        loop {
            let more = self.impersonated(|datagrams| {
                while !datagrams.is_ready() {
                    let Some(piece) = reply.next_piece()? else {
                        return Ok(false);
                    };
                    let mut encode = |row: TaskRef<'_>| {
                        encoder.encode(row, &mut |message| datagrams.add(message));
                    };
                    match piece.tgid() == std::process::id() {
                        true => own.add(piece, &mut encode),
                        false => encode(piece),
                    }
                }
                Ok(true)
            })?;
            match (more, mode) {
                (true, _) => self.datagrams.send_ready(send)?,
                (false, Mode::Dump) => return self.send_done(false, send),
                // The row is the whole reply.
                (false, _) => return Ok(self.datagrams.send_all(send)?),
            }
        }
    }

    fn send_done(mut self, is_interrupted: bool, send: Send<'_>) -> Result<(), Failure> {
        let mut message = Message::replying_to(self.bytes);
        message.set_done(None);
        if is_interrupted {
            message.add_flags(NLM_F_DUMP_INTR);
        }
        self.datagrams.add(message.as_bytes());
        Ok(self.datagrams.send_all(send)?)
    }

    /// Returns the level at which the client may see the daemon, and the groups that it may
    /// not read. The daemon's own access does not depend on the credentials of its thread.
    fn access_to_daemon(&mut self) -> Result<(Level, Show), Failure> {
        if self.rights.pass_access_check() {
            let denied = match self.rights.opens_files_of_root() {
                true => Show::empty(),
                false => Show::FILES,
            };
            return Ok((Level::Readable, denied));
        }
        let root = self.clone_root()?;
        self.impersonated(|_| Ok((level_of_others(root.as_fd()), TRACED)))
    }

    /// Calls `read` with the client's credentials. The thread has them no longer than
    /// that: another process with the client's ids may stop a thread that has them.
    fn impersonated<T>(
        &mut self,
        read: impl FnOnce(&mut Datagrams) -> Result<T>,
    ) -> Result<T, Failure> {
        let credentials = impersonate(self.rights).map_err(|error| {
            let text = format!("cannot take the client's credentials: {error}");
            Refusal::new(nix::libc::EIO, text, Fault::None)
        })?;
        let result = read(&mut self.datagrams);
        drop(credentials);
        Ok(result.map_err(|error| self.refusal(error))?)
    }

    fn refusal(&self, error: Error) -> Refusal {
        Refusal::of_source(error, self.bytes)
    }

    fn clone_root(&self) -> Result<OwnedFd, Refusal> {
        self.root.try_clone().map_err(|error| {
            let text = format!("cannot duplicate the descriptor of procfs: {error}");
            Refusal::new(nix::libc::EIO, text, Fault::None)
        })
    }
}

/// The groups that procfs shows to every process that may search a task's directory.
const READABLE: Show = Show::BASE
    .union(Show::CRED)
    .union(Show::STAT)
    .union(Show::CMDLINE)
    .union(Show::IDENT)
    .union(Show::CGROUP)
    .union(Show::SIGNALS)
    .union(Show::LIMITS)
    .union(Show::OOM)
    .union(Show::SCHED)
    .union(Show::NSPID);
/// The groups that procfs shows only to processes that may trace the task.
const TRACED: Show = Show::all().difference(READABLE);

/// Rows of the daemon's own tasks, which a thread of the daemon can always read.
struct OwnRows<'a> {
    /// The level at which the client may see them.
    level: Level,
    /// The groups that it may not read.
    denied: Show,
    request: &'a Request<'static>,
    /// The pieces so far of the current row.
    row: Option<Task>,
}

impl OwnRows<'_> {
    /// Adds a piece of a row, and calls `encode` with the part that the client may read.
    fn add(&mut self, piece: TaskRef<'_>, encode: &mut dyn FnMut(TaskRef<'_>)) {
        match self.level {
            Level::Hidden => {}
            Level::Readable if self.denied.is_empty() => encode(piece),
            Level::Listed => {
                if !piece.is_continuation() && self.is_listed(piece) {
                    let mut row = Task::default();
                    (row.pid, row.tgid) = (piece.pid(), piece.tgid());
                    row.absent.denied = self.request.show;
                    encode(TaskRef::from(&row));
                }
            }
            Level::Readable => {
                let has_more = piece.has_more();
                let row = self.gather(piece);
                match has_more {
                    true => self.row = Some(row),
                    false => encode(TaskRef::from(&row)),
                }
            }
        }
    }

    /// Whether procfs lists the task without access to its files: the root directory
    /// lists processes only.
    fn is_listed(&self, piece: TaskRef<'_>) -> bool {
        let filters = &self.request.filters;
        piece.pid() == piece.tgid()
            && !matches!(self.request.strategy, Strategy::Threads(_))
            && filters.uid.is_none()
            && filters.cgroup.is_none()
            && filters.states.is_none()
            && filters.comm.is_none()
    }

    /// Returns the row with this piece, without the groups that the client may not read.
    fn gather(&mut self, piece: TaskRef<'_>) -> Task {
        let mut added = piece.to_owned();
        let row = match self.row.take() {
            Some(mut row) => {
                row.absent = added.absent;
                row.cmdline = match (row.cmdline, added.cmdline) {
                    (Some(begin), Some(rest)) => {
                        let bytes = [begin.as_bytes(), rest.as_bytes()].concat();
                        Some(Cmdline::from(bytes))
                    }
                    (begin, rest) => begin.or(rest),
                };
                row.environ = match (row.environ, added.environ) {
                    (Some(begin), Some(rest)) => {
                        let bytes = [begin.as_bytes(), rest.as_bytes()].concat();
                        Some(Environ::from(bytes))
                    }
                    (begin, rest) => begin.or(rest),
                };
                row.vmas = joined(row.vmas, added.vmas);
                row.vma_stats = joined(row.vma_stats, added.vma_stats);
                row
            }
            None => std::mem::take(&mut added),
        };
        let mut row = self.without_denied(row);
        let absent = &mut row.absent;
        let denied = (self.request.show & self.denied) - absent.leader;
        for groups in [
            &mut absent.gone,
            &mut absent.busy,
            &mut absent.limit,
            &mut absent.unknown,
        ] {
            *groups -= denied;
        }
        absent.denied |= denied;
        row
    }

    /// Returns the row with the groups that the client may read.
    fn without_denied(&self, from: Task) -> Task {
        let is_denied = |group| self.denied.contains(group);
        let mut row = Task::default();
        (row.pid, row.tgid, row.absent) = (from.pid, from.tgid, from.absent);
        (row.base, row.cred, row.stat) = (from.base, from.cred, from.stat);
        (row.ident, row.cgroup, row.cmdline) = (from.ident, from.cgroup, from.cmdline);
        (row.signals, row.limits, row.oom) = (from.signals, from.limits, from.oom);
        row.nspids = from.nspids;
        row.sched = from.sched.map(|mut sched| {
            // The thread may read the timer slack of its own process.
            sched.timer_slack = None;
            sched
        });
        row.vmas = from.vmas.filter(|_| !is_denied(Show::VMA));
        row.vma_stats = from.vma_stats.filter(|_| !is_denied(Show::VMA_STAT));
        row.ns = from.ns.filter(|_| !is_denied(Show::NS));
        row.io = from.io.filter(|_| !is_denied(Show::IO));
        row.paths = from.paths.filter(|_| !is_denied(Show::PATHS));
        row.environ = from.environ.filter(|_| !is_denied(Show::ENVIRON));
        row.files = from.files.map(|mut files| {
            if is_denied(Show::FILES) {
                (files.total, files.counts) = (None, None);
            }
            files
        });
        row
    }
}

/// Returns the records of both pieces.
fn joined<T>(begin: Option<Vec<T>>, rest: Option<Vec<T>>) -> Option<Vec<T>> {
    match (begin, rest) {
        (Some(mut begin), Some(rest)) => {
            begin.extend(rest);
            Some(begin)
        }
        (begin, rest) => begin.or(rest),
    }
}

/// Returns the pid that a strategy names.
const fn named_pid(strategy: Strategy) -> Option<Pid> {
    match strategy {
        Strategy::One(pid)
        | Strategy::Children(pid)
        | Strategy::Threads(pid)
        | Strategy::Descendants(pid) => Some(pid),
        _ => None,
    }
}

/// Packs messages into datagrams.
#[derive(Debug, Default)]
struct Datagrams {
    /// Full datagrams.
    ready: Vec<Vec<u8>>,
    current: Vec<u8>,
}

impl Datagrams {
    fn add(&mut self, message: &[u8]) {
        debug_assert!(message.len() <= RECEIVE_BUFFER);
        // The client takes an empty datagram for the end of the connection.
        let fits = self.current.len() + message.len() <= RECEIVE_BUFFER;
        if !fits && !self.current.is_empty() {
            self.ready.push(std::mem::take(&mut self.current));
        }
        self.current.extend(message);
    }

    fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    fn send_ready(&mut self, send: Send<'_>) -> Result<(), Errno> {
        self.ready
            .drain(..)
            .try_for_each(|datagram| send(&datagram))
    }

    fn send_all(&mut self, send: Send<'_>) -> Result<(), Errno> {
        self.send_ready(send)?;
        match self.current.is_empty() {
            true => Ok(()),
            false => send(&self.current),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_neither_empty_nor_too_long() {
        let mut task = Task::default();
        task.vmas = Some(vec![]);
        task.vma_stats = Some(vec![]);
        task.absent.gone = Show::NS;
        let mut encoder = RowEncoder::new(&[0; 16], true);
        for len in 32_500..32_800 {
            task.cmdline = Some(Cmdline::from(vec![b'x'; len]));
            let mut datagrams = Datagrams::default();
            encoder.encode(TaskRef::from(&task), &mut |message| datagrams.add(message));
            let mut count = 0;
            let sent = datagrams.send_all(&mut |datagram| {
                assert!(
                    (1..=RECEIVE_BUFFER).contains(&datagram.len()),
                    "command line of {len} bytes, datagram of {} bytes",
                    datagram.len()
                );
                count += 1;
                Ok(())
            });
            assert!(sent.is_ok() && count > 0);
        }
    }
}
