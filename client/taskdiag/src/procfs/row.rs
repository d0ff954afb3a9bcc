// SPDX-License-Identifier: MIT
//! A row: what about a task, as far as its first message goes.

use std::io;

use zerocopy::IntoBytes;

use super::cgroups::{self, Cgroups};
use super::folder::{Folder, Lack, Proc, optional};
use super::member::Member;
use super::memory::{LONG, Long, Told};
use super::request::Tasks;
use super::text::{self, Stat, Status, field};
use super::{files, ns, pidfd};
use crate::abi::{self, TaskDiagBase, TaskDiagCgroup, TaskDiagCreds, TaskDiagIdent, TaskDiagStat};
use crate::answer::Message;
use crate::filter::States;
use crate::show::Show;
use crate::task::Absent;

/// Nanoseconds of a clock tick: procfs counts in hundredths of a second
/// wherever this crate runs.
const TICK: u64 = 10_000_000;
/// The number of the root cgroup.
const ROOT_CGROUP: u64 = 1;

/// The groups that need `status`, and `stat`.
const FROM_STATUS: Show = Show::BASE.union(Show::CRED).union(Show::STAT);
const FROM_STAT: Show = Show::BASE.union(Show::STAT).union(Show::IDENT).union(LONG);
/// The groups that are read from files which may be missing.
const FROM_OTHERS: Show = Show::STAT
    .union(Show::IDENT)
    .union(Show::NS)
    .union(Show::FILES)
    .union(Show::CGROUP);

/// A row that is being begun.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) proc: &'a mut Proc,
    pub(super) cgroups: &'a mut Cgroups,
    pub(super) message: &'a mut Message,
    pub(super) tasks: &'a Tasks,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Begun {
    /// The filters do not hold for the task.
    Unwanted,
    Whole,
    GoesOn(Box<Long>),
}

/// What most groups are made of, as far as they are asked for.
#[derive(Clone, Copy, Debug)]
struct Facts {
    status: Status,
    stat: Option<Stat>,
}

impl Row<'_> {
    /// Makes the first message about a task.
    pub(super) fn begin(&mut self, member: Member) -> Result<Begun, Lack> {
        let folder = self.proc.folder(member)?;
        let facts = self.read_facts(&folder)?;
        if !self.is_wanted(&folder, &facts)? {
            return Ok(Begun::Unwanted);
        }
        self.message
            .begin_row(member.numbers(), self.tasks.multi, 0);
        let absent = self.put_groups(member, &folder, &facts)?;
        if self.tasks.show.intersects(FROM_OTHERS) && !folder.is_alive() {
            return Err(Lack::Gone);
        }
        let begun = match facts.stat {
            Some(stat) if self.tasks.show.intersects(LONG) => {
                self.put_long(Long::begin(member, folder, &stat, self.tasks, absent)?)?
            }
            _ => {
                self.message.put_absent(absent);
                Begun::Whole
            }
        };
        self.message.end();
        Ok(begun)
    }

    fn put_long(&mut self, mut long: Long) -> Result<Begun, Lack> {
        match long.put(self.message, self.tasks)? {
            Told::Some => {
                self.message.continue_row();
                Ok(Begun::GoesOn(Box::new(long)))
            }
            Told::All if long.is_the_same(self.proc) => {
                self.message.put_absent(long.absent);
                Ok(Begun::Whole)
            }
            Told::All => Err(Lack::Changed),
        }
    }

    /// `status` first, as it is copied out of the buffer.
    fn read_facts(&mut self, folder: &Folder) -> Result<Facts, Lack> {
        let Tasks { show, filters, .. } = self.tasks;
        let mut facts = Facts {
            status: Status::default(),
            stat: None,
        };
        if show.intersects(FROM_STATUS) || filters.uid.is_some() {
            let text = self.proc.read_in(folder, "status")?;
            facts.status = Status::parse(text).ok_or_else(|| malformed("status"))?;
        }
        if show.intersects(FROM_STAT) || filters.states.is_some() || filters.comm.is_some() {
            let text = self.proc.read_in(folder, "stat")?;
            facts.stat = Some(Stat::parse(text).ok_or_else(|| malformed("stat"))?);
        }
        if facts.status.is_of_the_reaped() || facts.stat.is_some_and(|s| s.is_of_the_reaped()) {
            return Err(Lack::Gone);
        }
        Ok(facts)
    }

    fn is_wanted(&mut self, folder: &Folder, facts: &Facts) -> Result<bool, Lack> {
        let Tasks {
            filters, cgroup, ..
        } = self.tasks;
        if filters.uid.is_some_and(|uid| facts.status.uids[1] != uid) {
            return Ok(false);
        }
        if let Some(stat) = &facts.stat {
            let state = States::from_bits_retain(1 << stat.state);
            let in_state = filters.states.is_none_or(|states| states.contains(state));
            let named = |comm: &Vec<u8>| stat.comm.starts_with(comm);
            if !in_state || !filters.comm.as_ref().is_none_or(named) {
                return Ok(false);
            }
        }
        let Some(cgroup) = cgroup else {
            return Ok(true);
        };
        let text = self.proc.read_in(folder, "cgroup")?;
        let path = cgroups::path_in(text).unwrap_or(b"/");
        Ok(cgroups::is_within(path, cgroup))
    }

    /// Appends the groups that are in the first message, in the kernel's order,
    /// and returns those that the row lacks.
    fn put_groups(
        &mut self,
        member: Member,
        folder: &Folder,
        facts: &Facts,
    ) -> Result<Absent, Lack> {
        let mut absent = Absent::default();
        let show = self.tasks.show;
        let Facts { status, stat } = facts;
        if let Some(stat) = stat.as_ref().filter(|_| show.contains(Show::BASE)) {
            let base = base(member, status, stat);
            self.message.put(abi::TASK_DIAG_BASE, base.as_bytes());
        }
        if show.contains(Show::CRED) {
            let creds = creds(status);
            self.message.put(abi::TASK_DIAG_CRED, creds.as_bytes());
        }
        if let Some(stat) = stat.as_ref().filter(|_| show.contains(Show::STAT)) {
            let numbers = self.stat(member, folder, status, stat)?;
            self.message.put(abi::TASK_DIAG_STAT, numbers.as_bytes());
        }
        if let Some(stat) = stat.as_ref().filter(|_| show.contains(Show::IDENT)) {
            let ident = ident(member, stat, self.tasks.boot_offset);
            self.message.put(abi::TASK_DIAG_IDENT, ident.as_bytes());
        }
        if show.contains(Show::NS) {
            match permitted(ns::read(folder))? {
                Some(ns) => self.message.put(abi::TASK_DIAG_NS, ns.as_bytes()),
                None => absent.denied |= Show::NS,
            }
        }
        if show.contains(Show::CGROUP) {
            self.put_cgroup(folder)?;
        }
        if show.contains(Show::FILES) {
            match permitted(files::read(self.proc, folder))? {
                Some(files) => self.message.put(abi::TASK_DIAG_FILES, files.as_bytes()),
                None => absent.denied |= Show::FILES,
            }
        }
        Ok(absent)
    }

    /// STAT, with the fields that have a file of their own.
    fn stat(
        &mut self,
        member: Member,
        folder: &Folder,
        status: &Status,
        stat: &Stat,
    ) -> Result<TaskDiagStat, Lack> {
        let mut numbers = numbers(status, stat);
        if status.has_memory && numbers.vsize != 0 {
            numbers.valid |= abi::TASK_DIAG_STAT_VALID_MEMORY;
        }
        if let Some(delay) = self.read_run_delay(folder)? {
            numbers.run_delay = delay;
            numbers.valid |= abi::TASK_DIAG_STAT_VALID_RUN_DELAY;
        }
        if numbers.blkio_delay != 0 || self.tasks.counts_delays {
            numbers.valid |= abi::TASK_DIAG_STAT_VALID_BLKIO_DELAY;
        }
        // A process has not ended before its last thread has.
        let lives = member.whole && numbers.num_threads > 1;
        if !lives && shows_exit_code(folder, stat) {
            numbers.valid |= abi::TASK_DIAG_STAT_VALID_EXIT_CODE;
        }
        Ok(numbers)
    }

    /// `schedstat`, second number: nanoseconds on a run queue. A kernel that does
    /// not count them writes zeros.
    fn read_run_delay(&mut self, folder: &Folder) -> Result<Option<u64>, Lack> {
        let text = optional(self.proc.read_in(folder, "schedstat"))?;
        let numbers = || text.into_iter().flat_map(text::words);
        let counted = numbers().any(|number| number != b"0");
        Ok(numbers().nth(1).filter(|_| counted).and_then(text::number))
    }

    fn put_cgroup(&mut self, folder: &Folder) -> Result<(), Lack> {
        let text = self.proc.read_in(folder, "cgroup")?;
        // A hierarchy that nobody has mounted yet is not listed, and has its
        // root alone.
        let (path, id) = match cgroups::path_in(text) {
            Some(path) => (path, self.cgroups.id_of(path)),
            None => (&b"/"[..], ROOT_CGROUP),
        };
        let flags = match path.ends_with(b" (deleted)") {
            true => abi::TASK_DIAG_CGROUP_DELETED,
            false => 0,
        };
        let head = TaskDiagCgroup {
            id,
            path_off: size_of::<TaskDiagCgroup>() as u32,
            flags,
        };
        let at = self.message.open(abi::TASK_DIAG_CGROUP);
        self.message.append(head.as_bytes());
        self.message.append(path);
        self.message.append(&[0]);
        self.message.close(at);
        Ok(())
    }
}

/// Whether `stat` has the exit status of a task that has ended: it writes 0 for a
/// caller that may not read it, and then 1 instead of the code's address.
fn shows_exit_code(folder: &Folder, stat: &Stat) -> bool {
    if !matches!(stat.state, abi::TASK_DIAG_ZOMBIE | abi::TASK_DIAG_DEAD) {
        return false;
    }
    match (stat.get(field::EXIT_CODE), stat.get(field::START_CODE)) {
        (0, 0) => ns::may_read(folder),
        (0, 1) => false,
        _ => true,
    }
}

/// `None` if the caller may not read it.
fn permitted<T>(had: Result<T, Lack>) -> Result<Option<T>, Lack> {
    match had {
        Err(Lack::Denied) => Ok(None),
        had => had.map(Some),
    }
}

fn malformed(file: &str) -> Lack {
    Lack::Io(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{file} is not as expected"),
    ))
}

fn base(member: Member, status: &Status, stat: &Stat) -> TaskDiagBase {
    TaskDiagBase {
        tgid: member.tgid,
        pid: member.pid,
        ppid: stat.get(field::PPID) as u32,
        tpid: status.tracer,
        sid: stat.get(field::SESSION) as u32,
        pgid: stat.get(field::PGRP) as u32,
        state: stat.state,
        comm: stat.comm,
        pad: [0; 3],
    }
}

fn creds(status: &Status) -> TaskDiagCreds {
    let [uid, euid, suid, fsuid] = status.uids;
    let [gid, egid, sgid, fsgid] = status.gids;
    TaskDiagCreds {
        uid,
        euid,
        suid,
        fsuid,
        gid,
        egid,
        sgid,
        fsgid,
        cap_inheritable: status.cap_inheritable,
        cap_permitted: status.cap_permitted,
        cap_effective: status.cap_effective,
        cap_bset: status.cap_bset,
        cap_ambient: status.cap_ambient,
        // procfs does not tell.
        securebits: 0,
        no_new_privs: status.no_new_privs,
    }
}

/// STAT without the fields that have a file of their own, none of them valid yet.
/// Fields of 32 bits were written as such.
fn numbers(status: &Status, stat: &Stat) -> TaskDiagStat {
    let number = |field| stat.get(field);
    let time = |field| stat.get(field).wrapping_mul(TICK);
    TaskDiagStat {
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
        run_delay: 0,
        blkio_delay: time(field::BLKIO_TICKS),
        vsize: number(field::VSIZE),
        rss_anon: status.rss_anon,
        rss_file: status.rss_file,
        rss_shmem: status.rss_shmem,
        rss_peak: status.rss_peak,
        swap: status.swap,
        text: status.text,
        data: status.data.wrapping_add(status.stack),
        locked: status.locked,
        flags: number(field::FLAGS) as u32,
        tty: number(field::TTY) as u32,
        tty_pgrp: number(field::TTY_PGRP) as i32,
        priority: number(field::PRIORITY) as i32,
        nice: number(field::NICE) as i32,
        rt_priority: number(field::RT_PRIORITY) as u32,
        policy: number(field::POLICY) as u32,
        num_threads: number(field::NUM_THREADS) as u32,
        processor: number(field::PROCESSOR) as u32,
        exit_signal: number(field::EXIT_SIGNAL) as i32,
        exit_code: number(field::EXIT_CODE) as i32,
        valid: 0,
    }
}

/// IDENT; `boot_offset` is that of the caller's time namespace, which procfs adds.
fn ident(member: Member, stat: &Stat, boot_offset: i64) -> TaskDiagIdent {
    let start_time = stat.get(field::START_TIME).wrapping_mul(TICK);
    let pidfd_ino = pidfd::inode(member);
    TaskDiagIdent {
        start_time: start_time.wrapping_sub(boot_offset as u64),
        pidfd_ino: pidfd_ino.unwrap_or(0),
        flags: match member.pid == member.tgid {
            true => abi::TASK_DIAG_IDENT_LEADER,
            false => 0,
        },
        valid: match pidfd_ino {
            Some(_) => abi::TASK_DIAG_IDENT_VALID_PIDFD_INO,
            None => 0,
        },
    }
}
