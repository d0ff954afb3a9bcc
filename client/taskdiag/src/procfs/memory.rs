// SPDX-License-Identifier: MIT
//! The groups CMDLINE, ENVIRON, VMA and VMA_STAT, which may have any length: they are
//! read in pieces.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;

use super::dir::{Proc, ReadError, TaskDir};
use super::parse::Stat;
use super::query::Query;
use super::smaps::Smaps;
use super::target::Target;
use crate::show::Show;
use crate::task::{Absent, Task};

/// The groups that are read in pieces.
pub(super) const LONG: Show = Show::CMDLINE.union(Show::ENVIRON).union(MAPPINGS);
const MAPPINGS: Show = Show::VMA.union(Show::VMA_STAT);

/// Whether the long groups of a row are complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Complete,
    /// The piece is full.
    More,
}

/// Bytes of the environment that are read at a time.
const READ: usize = 32 * 1024;

/// The file `environ`, and the position in it; `None` if the task has no memory.
#[derive(Debug)]
struct Environment {
    file: Option<File>,
    at: u64,
}

impl Environment {
    const fn new(file: Option<File>) -> Self {
        Self { file, at: 0 }
    }

    /// Reads at most `left` bytes, and subtracts their number. A read that reaches
    /// memory which is not readable returns nothing, even of the bytes before it:
    /// those are read in smaller parts.
    fn read_part(&mut self, left: &mut usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        let Some(file) = &self.file else {
            return Ok(bytes);
        };
        let mut part = vec![0; READ];
        while *left > 0 && !part.is_empty() {
            let len = part.len().min(*left);
            match file.read_at(&mut part[..len], self.at) {
                // At the end of the file, as a rule.
                Ok(0) if file.read_at(&mut part[..1], self.at)? == 0 => break,
                Ok(0) => part.truncate(len / 2),
                Ok(read) => {
                    bytes.extend_from_slice(&part[..read]);
                    self.at += read as u64;
                    *left -= read;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(bytes)
    }
}

/// The long groups of a row that are still to be read.
#[derive(Debug)]
pub(super) struct Long {
    target: Target,
    /// The groups that the row lacks so far.
    pub(super) absent: Absent,
    dir: TaskDir,
    /// [`Stat::memory`] when the row was begun; `None` if `stat` is not in the form of
    /// Linux.
    memory: Option<(bool, u64)>,
    cmdline: Option<File>,
    environ: Option<Environment>,
    smaps: Option<Smaps>,
}

impl Long {
    /// Opens the files of the requested groups.
    pub(super) fn open(
        target: Target,
        dir: TaskDir,
        stat: Option<&Stat>,
        query: &Query,
        absent: Absent,
    ) -> Result<Self, ReadError> {
        let mut long = Self {
            target,
            absent,
            memory: stat.map(Stat::memory),
            cmdline: None,
            environ: None,
            smaps: None,
            dir,
        };
        if query.show.contains(Show::CMDLINE) {
            match long.dir.present(long.dir.file("cmdline")) {
                Ok(Some(file)) => long.cmdline = Some(file),
                Ok(None) => long.absent.unknown |= Show::CMDLINE,
                Err(ReadError::Denied) => long.absent.denied |= Show::CMDLINE,
                Err(error) => return Err(error),
            }
        }
        if query.show.contains(Show::ENVIRON) {
            match long.dir.file("environ") {
                Ok(file) => long.environ = Some(Environment::new(Some(file))),
                // The task has no memory.
                Err(ReadError::Gone) => long.environ = Some(Environment::new(None)),
                Err(ReadError::Denied) => long.absent.denied |= Show::ENVIRON,
                Err(error) => return Err(error),
            }
        }
        let mappings = query.show.intersection(MAPPINGS);
        if !target.is_leader() {
            long.absent.leader |= mappings;
        } else if !mappings.is_empty() {
            match long.dir.file("smaps") {
                Ok(file) => long.smaps = Some(Smaps::new(Some(file))),
                // The task has no memory.
                Err(ReadError::Gone) => long.smaps = Some(Smaps::new(None)),
                Err(ReadError::Denied) => long.absent.denied |= mappings,
                Err(error) => return Err(error),
            }
        }
        Ok(long)
    }

    pub(super) const fn target(&self) -> Target {
        self.target
    }

    /// Whether the task still exists and has not called execve() since the row was
    /// begun.
    pub(super) fn is_unchanged(&self, proc: &mut Proc) -> bool {
        let memory = proc
            .read_in(&self.dir, "stat")
            .map(|stat| Some(Stat::parse(stat)?.memory()));
        let memory = self.dir.present(memory);
        memory.is_ok_and(|memory| memory.flatten() == self.memory)
    }

    /// Reads into the task until the piece has about `limit` bytes.
    pub(super) fn read(
        &mut self,
        task: &mut Task,
        query: &Query,
        limit: usize,
    ) -> Result<Progress, ReadError> {
        let mut room = limit;
        if let Some(file) = &mut self.cmdline {
            let bytes = read_part(file, &mut room)?;
            task.cmdline.get_or_insert_default().add(&bytes);
            if room == 0 {
                return Ok(Progress::More);
            }
            self.cmdline = None;
        }
        if let Some(environ) = &mut self.environ {
            let bytes = environ.read_part(&mut room)?;
            task.environ.get_or_insert_default().add(&bytes);
            if room == 0 {
                return Ok(Progress::More);
            }
            self.environ = None;
        }
        match self.smaps {
            Some(_) => self.read_mappings(task, query, room),
            None => Ok(Progress::Complete),
        }
    }

    fn read_mappings(
        &mut self,
        task: &mut Task,
        query: &Query,
        mut room: usize,
    ) -> Result<Progress, ReadError> {
        let wanted = query.filters.vma_flags.unwrap_or_default();
        let mut vmas = query
            .show
            .contains(Show::VMA)
            .then(|| task.vmas.get_or_insert_default());
        let mut stats = query
            .show
            .contains(Show::VMA_STAT)
            .then(|| task.vma_stats.get_or_insert_default());
        while let Some(mut mapping) = self.smaps.as_mut().map(Smaps::next).transpose()?.flatten() {
            mapping.resolve_name(&self.dir);
            if !mapping.vma.flags.contains(wanted) {
                continue;
            }
            room = room.saturating_sub(mapping.size());
            if let Some(vmas) = &mut vmas {
                vmas.push(mapping.vma);
            }
            if let Some(stats) = &mut stats {
                stats.push(mapping.stat);
            }
            if room == 0 {
                return Ok(Progress::More);
            }
        }
        Ok(Progress::Complete)
    }

    /// Adds the groups that the row lacks because its task ended, called execve(), or
    /// cannot be read any more, after its first piece.
    pub(super) fn interrupt(&mut self, query: &Query, error: &ReadError) {
        let mut rest = Show::empty();
        rest.set(Show::CMDLINE, self.cmdline.is_some());
        rest.set(Show::ENVIRON, self.environ.is_some());
        if self.smaps.is_some() {
            rest |= query.show.intersection(MAPPINGS);
        }
        match error {
            ReadError::Denied => self.absent.denied |= rest,
            _ => self.absent.gone |= rest,
        }
    }

    /// Adds the groups that may mix two address spaces, if the task has changed since
    /// its row was begun.
    pub(super) fn recheck(&mut self, proc: &mut Proc, query: &Query) {
        if !self.is_unchanged(proc) {
            let reported = query.show.intersection(LONG);
            self.absent.gone |= reported.difference(self.absent.groups());
        }
    }
}

/// Reads at most `left` bytes, and subtracts their number.
fn read_part(file: &mut File, left: &mut usize) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    file.take(*left as u64).read_to_end(&mut bytes)?;
    *left -= bytes.len();
    Ok(bytes)
}
