// SPDX-License-Identifier: MIT
//! Encodes tasks as the messages of a reply.

use taskdiag::abi::{
    self, TaskDiagBase, TaskDiagCgroup, TaskDiagCreds, TaskDiagFiles, TaskDiagIdent, TaskDiagIo,
    TaskDiagLimits, TaskDiagNs, TaskDiagNspid, TaskDiagOom, TaskDiagPath, TaskDiagSched,
    TaskDiagSignals, TaskDiagStat, TaskDiagVma, TaskDiagVmaStat,
};
use taskdiag::daemon_protocol::FLAG_CACHED;
use taskdiag::{Cgroup, NumberSet, Paths, Sched, TaskPath, TaskRef, Vma};
use zerocopy::IntoBytes;

use crate::message::{ATTRIBUTE, Message};

/// A shorter part of a command line or environment is left to the next message.
const BYTES_MIN: usize = 64;
/// Alignment of the records in VMA, VMA_STAT and PATHS.
const RECORD: usize = 8;

/// Encodes rows, or pieces of rows, as messages.
#[derive(Debug)]
pub(crate) struct RowEncoder {
    message: Message,
    is_dump: bool,
}

impl RowEncoder {
    /// Encodes rows of the reply to this request.
    pub(crate) fn new(request: &[u8], is_dump: bool) -> Self {
        Self {
            message: Message::replying_to(request),
            is_dump,
        }
    }

    /// Encodes a task, or a piece of a task, as one or more messages, and calls `emit`
    /// with each message.
    pub(crate) fn encode(&mut self, task: TaskRef<'_>, emit: &mut dyn FnMut(&[u8])) {
        let mut flags = 0;
        if task.is_cached() {
            flags |= FLAG_CACHED;
        }
        let mut row = Row {
            message: &mut self.message,
            pids: (task.pid(), task.tgid()),
            is_dump: self.is_dump,
            flags,
            emit,
        };
        row.begin(task.is_continuation());
        row.put_groups(task);
        if let Some(cmdline) = task.cmdline() {
            row.put_bytes(abi::TASK_DIAG_CMDLINE, cmdline.as_bytes());
        }
        if let Some(environ) = task.environ() {
            row.put_bytes(abi::TASK_DIAG_ENVIRON, environ.as_bytes());
        }
        row.put_mappings(task);
        row.message.put_absent(task.absent());
        row.end(task.has_more());
    }
}

/// The current message of a row.
struct Row<'a> {
    message: &'a mut Message,
    pids: (u32, u32),
    is_dump: bool,
    /// `TASK_DIAG_FLAG_*` of all messages of the row.
    flags: u32,
    emit: &'a mut dyn FnMut(&[u8]),
}

impl Row<'_> {
    fn begin(&mut self, is_continuation: bool) {
        let flags = match is_continuation {
            true => self.flags | abi::TASK_DIAG_FLAG_CONT,
            false => self.flags,
        };
        self.message.begin_row(self.pids, self.is_dump, flags);
    }

    fn end(&mut self, has_more: bool) {
        if has_more {
            self.message.set_more();
        }
        self.message.end();
        (self.emit)(self.message.as_bytes());
    }

    /// Ends the message, and begins the next one of the row.
    fn split(&mut self) {
        self.end(true);
        self.begin(true);
    }

    /// Appends an attribute to this message, or to the next one.
    fn put(&mut self, kind: u16, value: &[u8]) {
        if ATTRIBUTE + value.len() > self.message.room() {
            self.split();
        }
        self.message.put(kind, value);
    }

    /// Appends the groups that consist of one attribute, in the kernel's order.
    fn put_groups(&mut self, task: TaskRef<'_>) {
        if let Some(base) = task.base() {
            self.put(abi::TASK_DIAG_BASE, TaskDiagBase::from(base).as_bytes());
        }
        if let Some(cred) = task.cred() {
            self.put(abi::TASK_DIAG_CRED, TaskDiagCreds::from(cred).as_bytes());
        }
        if let Some(stat) = task.stat() {
            self.put(abi::TASK_DIAG_STAT, TaskDiagStat::from(stat).as_bytes());
        }
        if let Some(ident) = task.ident() {
            self.put(abi::TASK_DIAG_IDENT, TaskDiagIdent::from(ident).as_bytes());
        }
        if let Some(ns) = task.ns() {
            self.put(abi::TASK_DIAG_NS, TaskDiagNs::from(ns).as_bytes());
        }
        if let Some(io) = task.io() {
            self.put(abi::TASK_DIAG_IO, TaskDiagIo::from(io).as_bytes());
        }
        if let Some(signals) = task.signals() {
            let signals = TaskDiagSignals::from(signals);
            self.put(abi::TASK_DIAG_SIGNALS, signals.as_bytes());
        }
        if let Some(limits) = task.limits() {
            self.put(
                abi::TASK_DIAG_LIMITS,
                TaskDiagLimits::from(limits).as_bytes(),
            );
        }
        if let Some(oom) = task.oom() {
            self.put(abi::TASK_DIAG_OOM, TaskDiagOom::from(oom).as_bytes());
        }
        if let Some(sched) = task.sched() {
            self.put(abi::TASK_DIAG_SCHED, &encode_sched(&sched));
        }
        if let Some(cgroup) = task.cgroup() {
            self.put(abi::TASK_DIAG_CGROUP, &encode_cgroup(&cgroup));
        }
        if let Some(nspids) = task.nspids() {
            let levels: Vec<_> = nspids.map(TaskDiagNspid::from).collect();
            self.put(abi::TASK_DIAG_NSPID, levels.as_bytes());
        }
        if let Some(files) = task.files() {
            self.put(abi::TASK_DIAG_FILES, TaskDiagFiles::from(files).as_bytes());
        }
        if let Some(paths) = task.paths() {
            // Three paths of PATH_MAX bytes fit one message.
            self.put(abi::TASK_DIAG_PATHS, &encode_paths(&paths));
        }
    }

    /// Appends a group of any number of bytes.
    fn put_bytes(&mut self, kind: u16, mut bytes: &[u8]) {
        loop {
            let room = self.message.room().saturating_sub(ATTRIBUTE) & !3;
            if room < BYTES_MIN && room < bytes.len() {
                self.split();
                continue;
            }
            let (part, rest) = bytes.split_at(room.min(bytes.len()));
            self.message.put(kind, part);
            if rest.is_empty() {
                return;
            }
            bytes = rest;
            self.split();
        }
    }

    /// Appends VMA and VMA_STAT. Both groups of a mapping are in the same message.
    fn put_mappings(&mut self, task: TaskRef<'_>) {
        let (mut vmas, mut stats) = (task.vmas(), task.vma_stats());
        let mut part = Mappings {
            vmas: vmas.is_some().then(Vec::new),
            stats: stats.is_some().then(Vec::new),
        };
        if !part.fits(0, 0, self.message.room()) {
            self.split();
        }
        loop {
            let vma = vmas.as_mut().and_then(Iterator::next);
            let stat = stats.as_mut().and_then(Iterator::next);
            if vma.is_none() && stat.is_none() {
                break;
            }
            let vma = vma.map(|vma| encode_vma(&vma)).unwrap_or_default();
            let stat = stat.map(TaskDiagVmaStat::from);
            let stat = stat.as_ref().map_or(&[][..], IntoBytes::as_bytes);
            if !part.fits(vma.len(), stat.len(), self.message.room()) {
                if !part.is_empty() {
                    self.put_part(&mut part);
                }
                self.split();
            }
            part.add(&vma, stat);
        }
        self.put_part(&mut part);
    }

    /// Appends the attributes, and empties them.
    fn put_part(&mut self, part: &mut Mappings) {
        for (kind, records) in [
            (abi::TASK_DIAG_VMA, &mut part.vmas),
            (abi::TASK_DIAG_VMA_STAT, &mut part.stats),
        ] {
            if let Some(records) = records {
                self.message.put(kind, records);
                records.clear();
            }
        }
    }
}

/// The values of the attributes VMA and VMA_STAT of a message; `None` if the task
/// lacks the group.
struct Mappings {
    vmas: Option<Vec<u8>>,
    stats: Option<Vec<u8>>,
}

impl Mappings {
    /// Whether there are no records.
    fn is_empty(&self) -> bool {
        let is_empty = |records: &Option<Vec<u8>>| records.as_ref().is_none_or(Vec::is_empty);
        is_empty(&self.vmas) && is_empty(&self.stats)
    }

    /// Whether the attributes fit into the message with records of these lengths added.
    fn fits(&self, vma: usize, stat: usize, room: usize) -> bool {
        let attribute = |records: &Option<Vec<u8>>, more| {
            records
                .as_ref()
                .map_or(0, |records| ATTRIBUTE + records.len() + more)
        };
        attribute(&self.vmas, vma) + attribute(&self.stats, stat) <= room
    }

    fn add(&mut self, vma: &[u8], stat: &[u8]) {
        if let Some(vmas) = &mut self.vmas {
            vmas.extend_from_slice(vma);
        }
        if let Some(stats) = &mut self.stats {
            stats.extend_from_slice(stat);
        }
    }
}

fn encode_vma(vma: &Vma<'_>) -> Vec<u8> {
    let size = size_of::<TaskDiagVma>();
    let mut record = TaskDiagVma::from(vma);
    let mut name = Vec::new();
    if let Some(bytes) = &vma.name {
        record.name_off = size as u32;
        name.extend_from_slice(bytes);
        name.push(0);
    }
    let len = (size + name.len()).next_multiple_of(RECORD);
    record.len = len as u32;
    let mut bytes = record.as_bytes().to_vec();
    bytes.extend(name);
    bytes.resize(len, 0);
    bytes
}

fn encode_cgroup(cgroup: &Cgroup<'_>) -> Vec<u8> {
    let mut head = TaskDiagCgroup::from(cgroup);
    let mut path = Vec::new();
    if let Some(bytes) = &cgroup.path {
        head.path_off = size_of::<TaskDiagCgroup>() as u32;
        path.extend_from_slice(bytes);
        path.push(0);
    }
    [head.as_bytes(), &path].concat()
}

fn encode_paths(paths: &Paths<'_>) -> Vec<u8> {
    let records = [
        (abi::TASK_DIAG_PATH_EXE, &paths.exe),
        (abi::TASK_DIAG_PATH_CWD, &paths.cwd),
        (abi::TASK_DIAG_PATH_ROOT, &paths.root),
    ];
    let records = records.map(|(kind, path)| encode_path(kind, path.as_ref()));
    records.concat()
}

/// Encodes a path; `None` if the task has no such file.
fn encode_path(kind: u32, path: Option<&TaskPath<'_>>) -> Vec<u8> {
    let size = size_of::<TaskDiagPath>();
    let mut record = TaskDiagPath::default();
    record.kind = kind;
    let mut text = Vec::new();
    match path.map(|path| (path.path.as_deref(), path.deleted)) {
        None => {}
        Some((None, _)) => record.flags = abi::TASK_DIAG_PATH_TOO_LONG,
        Some((Some(bytes), deleted)) => {
            if deleted {
                record.flags = abi::TASK_DIAG_PATH_DELETED;
            }
            record.path_off = size as u32;
            text.extend_from_slice(bytes);
            text.push(0);
        }
    }
    let len = (size + text.len()).next_multiple_of(RECORD);
    record.len = len as u32;
    let mut bytes = record.as_bytes().to_vec();
    bytes.extend(text);
    bytes.resize(len, 0);
    bytes
}

fn encode_sched(sched: &Sched<'_>) -> Vec<u8> {
    let mut head = TaskDiagSched::from(sched);
    let cpus = sched.cpus.as_ref().map_or(&[][..], NumberSet::as_bytes);
    let mems = sched.mems.as_ref().map_or(&[][..], NumberSet::as_bytes);
    head.cpus_off = size_of::<TaskDiagSched>() as u32;
    head.cpus_len = cpus.len() as u32;
    head.mems_off = head.cpus_off + head.cpus_len;
    head.mems_len = mems.len() as u32;
    [head.as_bytes(), cpus, mems].concat()
}

#[cfg(test)]
mod tests;
