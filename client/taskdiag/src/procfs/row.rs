// SPDX-License-Identifier: MIT
//! Reads the row of a task.

use super::cgroups::{self, Cgroups};
use super::dir::{Proc, ReadError, TaskDir, optional};
use super::memory::{LONG, Long, Progress};
use super::parse::{self, Stat, Status, field};
use super::query::Query;
use super::target::Target;
use super::{files, ns, nspid, paths, pidfd, sched, usage};
use crate::request::States;
use crate::show::Show;
use crate::task::{self, Base, Cgroup, Comm, Cred, Ident, Memory, State, Task};

/// Nanoseconds of a clock tick: procfs counts in hundredths of a second on every
/// architecture that this crate supports.
const TICK: u64 = 10_000_000;
/// The id of the root cgroup.
const ROOT_CGROUP: u64 = 1;

/// The groups that need `status`, and `stat`.
const FROM_STATUS: Show = Show::BASE
    .union(Show::CRED)
    .union(Show::STAT)
    .union(Show::SIGNALS)
    .union(Show::SCHED);
const FROM_STAT: Show = Show::BASE
    .union(Show::STAT)
    .union(Show::IDENT)
    .union(Show::SCHED)
    .union(LONG);
/// The groups that are read from files which may be missing.
const FROM_OTHERS: Show = Show::STAT
    .union(Show::IDENT)
    .union(Show::NS)
    .union(Show::FILES)
    .union(Show::CGROUP)
    .union(Show::IO)
    .union(Show::LIMITS)
    .union(Show::OOM)
    .union(Show::PATHS)
    .union(Show::SCHED)
    .union(Show::NSPID);

/// Reads the row, or its first piece, of a task.
#[derive(Debug)]
pub(super) struct RowReader<'a> {
    pub(super) proc: &'a mut Proc,
    pub(super) cgroups: &'a mut Cgroups,
    pub(super) query: &'a Query,
    /// The approximate length of a piece in bytes.
    pub(super) limit: usize,
    pub(super) task: &'a mut Task,
}

/// The result of reading a row.
#[derive(Debug)]
pub(super) enum Row {
    /// The filters exclude the task.
    Excluded,
    Complete,
    /// The first piece of a row, and the groups that are still to be read.
    Piece(Box<Long>),
}

/// The files that most groups are read from; `None` if the request needs no field of
/// the file, or if `stat` is not in the form of Linux.
#[derive(Clone, Copy, Debug)]
struct Records {
    status: Option<Status>,
    stat: Option<Stat>,
    /// The groups that need a file which the caller may not read.
    denied: Show,
}

impl RowReader<'_> {
    /// Reads the row, or its first piece.
    pub(super) fn read(&mut self, target: Target) -> Result<Row, ReadError> {
        let dir = match self.proc.open_task(target) {
            Ok(dir) => dir,
            Err(ReadError::Denied) => return Ok(self.listed(target)),
            Err(error) => return Err(error),
        };
        let records = self.read_records(&dir)?;
        if !self.is_included(&dir, &records)? {
            return Ok(Row::Excluded);
        }
        *self.task = Task {
            pid: target.pid,
            tgid: target.tgid,
            ..Task::default()
        };
        self.task.absent.denied = records.denied;
        self.read_groups(target, &dir, &records)?;
        if self.query.show.intersects(FROM_OTHERS) && !dir.is_alive() {
            return Err(ReadError::Gone);
        }
        let long = self.query.show.intersection(LONG);
        if long.is_empty() || records.denied.contains(long) {
            return Ok(Row::Complete);
        }
        let stat = records.stat.as_ref();
        let long = Long::open(target, dir, stat, self.query, self.task.absent)?;
        self.read_long(long)
    }

    /// Returns the row of a task that the mount only lists: all groups are denied. A
    /// filter by a field of a group excludes it.
    fn listed(&mut self, target: Target) -> Row {
        if !self.query.has_only_pid_filter() {
            return Row::Excluded;
        }
        *self.task = Task {
            pid: target.pid,
            tgid: target.tgid,
            ..Task::default()
        };
        self.task.absent.denied = self.query.show;
        Row::Complete
    }

    fn read_long(&mut self, mut long: Long) -> Result<Row, ReadError> {
        let progress = match long.read(self.task, self.query, self.limit) {
            Err(error @ ReadError::Denied) => {
                long.interrupt(self.query, &error);
                Progress::Complete
            }
            read => read?,
        };
        match progress {
            Progress::More => {
                // Absent groups are in the last piece.
                self.task.absent = task::Absent::default();
                Ok(Row::Piece(Box::new(long)))
            }
            Progress::Complete if long.is_unchanged(self.proc) => {
                self.task.absent = long.absent;
                Ok(Row::Complete)
            }
            Progress::Complete => Err(ReadError::Changed),
        }
    }

    fn read_records(&mut self, dir: &TaskDir) -> Result<Records, ReadError> {
        let Query { show, filters, .. } = self.query;
        let mut records = Records {
            status: None,
            stat: None,
            denied: Show::empty(),
        };
        if show.intersects(FROM_STATUS) || filters.uid.is_some() {
            let status = self.proc.read_in(dir, "status").map(Status::parse);
            match dir.present(status) {
                // Without the file, all its values are unknown.
                Ok(status) => records.status = Some(status.unwrap_or_else(|| Status::parse(b""))),
                Err(ReadError::Denied) => records.denied |= show.intersection(FROM_STATUS),
                Err(error) => return Err(error),
            }
        }
        if show.intersects(FROM_STAT) || filters.states.is_some() || filters.comm.is_some() {
            match dir.present(self.proc.read_in(dir, "stat").map(Stat::parse)) {
                Ok(stat) => records.stat = stat.flatten(),
                Err(ReadError::Denied) => records.denied |= show.intersection(FROM_STAT),
                Err(error) => return Err(error),
            }
            // It has the name as well.
            if records.stat.is_none() && records.status.is_none() && filters.comm.is_some() {
                let status = optional(self.proc.read_in(dir, "status"))?;
                records.status = status.map(Status::parse);
            }
        }
        if records.status.is_some_and(|status| status.is_reaped())
            || records.stat.is_some_and(|stat| stat.is_reaped())
        {
            return Err(ReadError::Gone);
        }
        Ok(records)
    }

    /// Whether all filters include the task. A filter by a value that is not known, or
    /// that the caller may not read, excludes it.
    fn is_included(&mut self, dir: &TaskDir, records: &Records) -> Result<bool, ReadError> {
        let Query {
            filters, cgroup, ..
        } = self.query;
        if let Some(uid) = filters.uid {
            let uids = records.status.and_then(|status| status.uids);
            if uids.is_none_or(|[_, euid, ..]| euid != uid) {
                return Ok(false);
            }
        }
        let is_in = |states: States| {
            let state = records.stat.map(|stat| u32::from(u8::from(stat.state)));
            let bit = state.and_then(|state| 1u32.checked_shl(state));
            bit.is_some_and(|bit| states.bits() & bit != 0)
        };
        let has_prefix = |prefix: &Vec<u8>| {
            let comm = records.comm();
            comm.is_some_and(|comm| comm.as_bytes().starts_with(prefix))
        };
        if !filters.states.is_none_or(is_in) || !filters.comm.as_ref().is_none_or(has_prefix) {
            return Ok(false);
        }
        let Some(cgroup) = cgroup else {
            return Ok(true);
        };
        let is_within = self.proc.read_in(dir, "cgroup").map(|text| {
            let path = cgroups::path_in(text).unwrap_or(b"/");
            cgroups::is_within(path, cgroup)
        });
        match dir.present(is_within) {
            Err(ReadError::Denied) => Ok(false),
            read => Ok(read?.unwrap_or(false)),
        }
    }

    /// Reads the groups of limited length.
    fn read_groups(
        &mut self,
        target: Target,
        dir: &TaskDir,
        records: &Records,
    ) -> Result<(), ReadError> {
        let show = self.query.show;
        if let Some(status) = &records.status {
            if show.difference(records.denied).contains(Show::BASE) {
                self.task.base = base(target, status, records);
            }
            if show.contains(Show::CRED) {
                self.task.cred = Some(cred(status));
            }
            if show.contains(Show::SIGNALS) {
                self.task.signals = usage::signals(status);
            }
            if let Some(stat) = records.stat.filter(|_| show.contains(Show::STAT)) {
                self.task.stat = Some(self.read_stat(target, dir, status, &stat)?);
            }
        }
        if let Some(stat) = records.stat.filter(|_| show.contains(Show::IDENT)) {
            self.task.ident = Some(ident(target, &stat, self.query.boot_offset));
        }
        if let Some(stat) = records
            .stat
            .filter(|_| show.difference(records.denied).contains(Show::SCHED))
        {
            let own_pids = self.query.own_pids;
            self.task.sched = Some(sched::read(self.proc, dir, target, &stat, own_pids)?);
        }
        self.task.absent.unknown = unknown(show, records);
        if show.contains(Show::NS) {
            let read = ns::read(dir).map(Some);
            self.task.ns = present(Show::NS, &mut self.task.absent, dir, read)?;
        }
        if show.contains(Show::CGROUP) {
            let read = self.read_cgroup(dir).map(Some);
            self.task.cgroup = present(Show::CGROUP, &mut self.task.absent, dir, read)?;
        }
        if show.contains(Show::FILES) {
            let read = files::read(self.proc, dir).map(Some);
            let read = present(Show::FILES, &mut self.task.absent, dir, read)?;
            let is_partial = read.is_some_and(|(_, complete)| !complete);
            self.task.files = read.map(|(files, _)| files);
            if is_partial {
                self.task.absent.denied |= Show::FILES;
            }
        }
        if show.contains(Show::PATHS) {
            let read = paths::read(dir).map(Some);
            self.task.paths = present(Show::PATHS, &mut self.task.absent, dir, read)?;
        }
        self.read_usage(dir)
    }

    /// Reads the groups IO, LIMITS, NSPID and OOM.
    fn read_usage(&mut self, dir: &TaskDir) -> Result<(), ReadError> {
        let Self {
            proc, query, task, ..
        } = self;
        let absent = &mut task.absent;
        if query.show.contains(Show::IO) {
            task.io = present(Show::IO, absent, dir, usage::io(proc, dir))?;
        }
        if query.show.contains(Show::LIMITS) {
            task.limits = present(Show::LIMITS, absent, dir, usage::limits(proc, dir))?;
        }
        if query.show.contains(Show::NSPID) {
            task.nspids = present(Show::NSPID, absent, dir, nspid::read(proc, dir))?;
        }
        if query.show.contains(Show::OOM) {
            task.oom = present(Show::OOM, absent, dir, usage::oom(proc, dir))?;
        }
        Ok(())
    }

    fn read_stat(
        &mut self,
        target: Target,
        dir: &TaskDir,
        status: &Status,
        stat: &Stat,
    ) -> Result<task::Stat, ReadError> {
        let number = |field| stat.get(field);
        let time = |field| stat.get(field).wrapping_mul(TICK);
        let num_threads = number(field::NUM_THREADS) as u32;
        let blkio_delay = stat
            .has(field::BLKIO_TICKS)
            .then_some(time(field::BLKIO_TICKS));
        // A process ends with its last thread.
        let is_running = target.is_process && num_threads > 1;
        let has_field = stat.has(field::EXIT_CODE);
        let has_exit_code = has_field && !is_running && has_exit_code(dir, stat);
        // The kernel wrote these fields as 32 bits, so the casts lose no bits.
        Ok(task::Stat {
            start_time: time(field::START_TIME),
            utime: time(field::UTIME),
            stime: time(field::STIME),
            gtime: time(field::GTIME),
            cutime: time(field::CUTIME),
            cstime: time(field::CSTIME),
            cgtime: time(field::CGTIME),
            min_flt: number(field::MIN_FLT),
            maj_flt: number(field::MAJ_FLT),
            cmin_flt: number(field::CMIN_FLT),
            cmaj_flt: number(field::CMAJ_FLT),
            nvcsw: status.nvcsw,
            nivcsw: status.nivcsw,
            run_delay: self.read_run_delay(dir)?,
            blkio_delay: blkio_delay.filter(|&delay| delay != 0 || self.query.counts_delays),
            memory: memory(status, stat, self.query.page),
            flags: number(field::FLAGS) as u32,
            tty: number(field::TTY) as u32,
            tty_pgrp: number(field::TTY_PGRP) as i32,
            priority: number(field::PRIORITY) as i32,
            nice: number(field::NICE) as i32,
            rt_priority: number(field::RT_PRIORITY) as u32,
            policy: number(field::POLICY) as u32,
            num_threads,
            processor: number(field::PROCESSOR) as u32,
            exit_signal: number(field::EXIT_SIGNAL) as i32,
            exit_code: has_exit_code.then_some(number(field::EXIT_CODE) as i32),
        })
    }

    /// Reads the second number of `schedstat`: nanoseconds on a run queue. A kernel
    /// that does not measure them writes zeros.
    fn read_run_delay(&mut self, dir: &TaskDir) -> Result<Option<u64>, ReadError> {
        let text = optional(self.proc.read_in(dir, "schedstat"))?;
        let numbers = || text.into_iter().flat_map(parse::words);
        let is_measured = numbers().any(|number| number != b"0");
        let delay = numbers().nth(1).filter(|_| is_measured);
        Ok(delay.and_then(parse::number))
    }

    fn read_cgroup(&mut self, dir: &TaskDir) -> Result<Cgroup<'static>, ReadError> {
        let text = self.proc.read_in(dir, "cgroup")?;
        // The kernel does not list a hierarchy that was never mounted. It consists of
        // the root cgroup.
        let (path, id) = match cgroups::path_in(text) {
            Some(path) => (path, self.cgroups.id_of(path)),
            None => (&b"/"[..], Some(ROOT_CGROUP)),
        };
        Ok(Cgroup {
            id,
            // The directory of a cgroup whose name ends so exists.
            deleted: path.ends_with(b" (deleted)") && id.is_none(),
            path: Some(path.to_owned().into()),
        })
    }
}

/// Whether `stat` has the exit status of a task that has ended. For a caller that may
/// not read it, the kernel writes 0, and 1 instead of the address of the code.
fn has_exit_code(dir: &TaskDir, stat: &Stat) -> bool {
    if !matches!(stat.state, State::Zombie | State::Dead) {
        return false;
    }
    match (stat.get(field::EXIT_CODE), stat.get(field::START_CODE)) {
        (0, 0) => ns::may_read(dir),
        (0, 1) => false,
        _ => true,
    }
}

/// Returns the group; `None`, with the reason in `absent`, if the caller may not read
/// the file, or if the file is missing or not as expected.
fn present<T>(
    group: Show,
    absent: &mut task::Absent,
    dir: &TaskDir,
    read: Result<Option<T>, ReadError>,
) -> Result<Option<T>, ReadError> {
    match dir.present(read) {
        Ok(Some(Some(value))) => return Ok(Some(value)),
        Ok(_) => absent.unknown |= group,
        Err(ReadError::Denied) => absent.denied |= group,
        Err(error) => return Err(error),
    }
    Ok(None)
}

impl Records {
    fn comm(&self) -> Option<Comm> {
        match &self.stat {
            Some(stat) => Some(stat.comm),
            None => self.status?.name,
        }
    }
}

/// Returns the requested groups with values that the files do not have.
fn unknown(show: Show, records: &Records) -> Show {
    let mut unknown = Show::empty();
    match records.stat {
        Some(stat) => unknown.set(Show::BASE, stat.state == State::Unknown),
        None => unknown |= Show::BASE | Show::STAT | Show::IDENT | Show::SCHED,
    }
    if let Some(status) = &records.status {
        let has_ids = status.uids.is_some() && status.gids.is_some();
        unknown.set(Show::CRED, !has_ids || status.cap_effective.is_none());
        unknown.set(Show::SIGNALS, usage::signals(status).is_none());
    }
    unknown.intersection(show).difference(records.denied)
}

/// Returns `None` if neither file has the name and the parent.
fn base(target: Target, status: &Status, records: &Records) -> Option<Base> {
    let stat = records.stat.as_ref();
    let pid = |field| stat.map(|stat| stat.get(field) as u32);
    Some(Base {
        tgid: target.tgid,
        pid: target.pid,
        ppid: pid(field::PPID).or(status.ppid)?,
        tpid: status.tracer,
        sid: pid(field::SESSION),
        pgid: pid(field::PGRP),
        state: stat.map_or(State::Unknown, |stat| stat.state),
        comm: records.comm()?,
    })
}

fn cred(status: &Status) -> Cred {
    let uid = |index: usize| status.uids.map(|uids| uids[index]);
    let gid = |index: usize| status.gids.map(|gids| gids[index]);
    Cred {
        uid: uid(0),
        euid: uid(1),
        suid: uid(2),
        fsuid: uid(3),
        gid: gid(0),
        egid: gid(1),
        sgid: gid(2),
        fsgid: gid(3),
        cap_inheritable: status.cap_inheritable,
        cap_permitted: status.cap_permitted,
        cap_effective: status.cap_effective,
        cap_bset: status.cap_bset,
        cap_ambient: status.cap_ambient,
        // procfs does not report them.
        securebits: None,
        no_new_privs: status.no_new_privs,
    }
}

/// Returns the memory of a task that has some. `page` is the size of a page.
fn memory(status: &Status, stat: &Stat, page: u64) -> Option<Memory> {
    let vsize = stat.get(field::VSIZE);
    // A status that lacks its first lines may lack the sizes as well.
    let has_memory = status.size.is_some() || status.tgid.is_none();
    let kinds = || {
        let sum = status.rss_anon?.checked_add(status.rss_file?)?;
        sum.checked_add(status.rss_shmem?)
    };
    let pages = || stat.has(field::RSS).then(|| stat.get(field::RSS));
    (has_memory && vsize != 0).then(|| Memory {
        vsize,
        rss: kinds()
            .or(status.rss)
            .or_else(|| pages()?.checked_mul(page)),
        rss_anon: status.rss_anon,
        rss_file: status.rss_file,
        rss_shmem: status.rss_shmem,
        rss_peak: status.rss_peak,
        swap: status.swap,
        text: status.text,
        data: status
            .data
            .zip(status.stack)
            .map(|(data, stack)| data.wrapping_add(stack)),
        locked: status.locked,
    })
}

/// `boot_offset` is that of the caller's time namespace, which procfs adds.
fn ident(target: Target, stat: &Stat, boot_offset: i64) -> Ident {
    let start_time = stat.get(field::START_TIME).wrapping_mul(TICK);
    Ident {
        start_time: start_time.wrapping_sub(boot_offset as u64),
        pidfd_ino: pidfd::inode(target),
        leader: target.is_leader(),
    }
}
