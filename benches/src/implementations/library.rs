// SPDX-License-Identifier: MIT
//! task_diag through the library.

use taskdiag::{Client, Cred, Request, Show, Stat, State, Strategy, TaskRef, VmaFlags};

use crate::error::{Error, Result};
use crate::source::{Consumer, Source};
use crate::task_fields::{self, Mapping, TaskFields};
use crate::task_pool::Kind;

pub(crate) struct Library {
    client: Client,
    request: Request<'static>,
    receives: u64,
}

impl Library {
    pub(crate) fn new(kind: Kind, show: Show) -> Result<Self> {
        let strategy = match kind {
            Kind::Processes => Strategy::All,
            Kind::Threads => Strategy::AllThreads,
        };
        Ok(Self {
            client: Client::connect().map_err(Error::missing)?,
            request: Request::new(strategy).show(show),
            receives: 0,
        })
    }
}

impl Source for Library {
    fn dump<C: Consumer>(&mut self, consumer: &mut C) -> Result<()> {
        let mappings = self.request.show.contains(Show::VMA);
        let stat = self.request.show.contains(Show::STAT);
        let mut dump = self.client.dump(&self.request).map_err(Error::failed)?;
        if mappings {
            while let Some(piece) = dump.next_piece().map_err(Error::failed)? {
                report_mappings(&piece, consumer);
            }
        } else if stat {
            while let Some(task) = dump.next().map_err(Error::failed)? {
                consumer.task(&TaskFields {
                    stat: take_stat(&task.stat().unwrap_or_default()),
                    ..fields(&task)
                });
            }
        } else {
            while let Some(task) = dump.next().map_err(Error::failed)? {
                consumer.task(&fields(&task));
            }
        }
        self.receives = dump.stats().receives;
        Ok(())
    }

    fn receives(&self) -> u64 {
        self.receives
    }
}

#[inline(always)]
fn fields(task: &TaskRef<'_>) -> TaskFields {
    let mut fields = TaskFields {
        pid: task.pid(),
        tgid: task.tgid(),
        ..TaskFields::default()
    };
    if let Some(base) = task.base() {
        fields.ppid = base.ppid;
        fields.tpid = known(base.tpid);
        fields.sid = known(base.sid);
        fields.pgid = known(base.pgid);
        fields.state = number(base.state);
        fields.comm = *base.comm.padded();
    }
    if let Some(cred) = task.cred() {
        take_cred(&cred, &mut fields);
    }
    fields
}

#[inline(always)]
fn number(state: State) -> u32 {
    match state {
        State::Running => 0,
        State::Interruptible => 1,
        State::Uninterruptible => 2,
        State::Stopped => 3,
        State::TraceStop => 4,
        State::Dead => 5,
        State::Zombie => 6,
        State::Parked => 7,
        State::Idle => 8,
        State::Other(other) => u32::from(other),
        _ => u32::MAX,
    }
}

/// Returns the value, or 0 if it is not known.
#[inline(always)]
fn known<T: Default>(value: Option<T>) -> T {
    value.unwrap_or_default()
}

#[inline(always)]
fn take_cred(cred: &Cred, fields: &mut TaskFields) {
    fields.uids = [cred.uid, cred.euid, cred.suid, cred.fsuid].map(known);
    fields.gids = [cred.gid, cred.egid, cred.sgid, cred.fsgid].map(known);
    fields.caps = [
        cred.cap_inheritable,
        cred.cap_permitted,
        cred.cap_effective,
        cred.cap_bset,
        cred.cap_ambient,
    ]
    .map(|set| known(set).0);
    fields.securebits = known(cred.securebits);
    fields.no_new_privs = u32::from(known(cred.no_new_privs));
}

#[inline(always)]
fn take_stat(stat: &Stat) -> task_fields::Stat {
    let memory = stat.memory.unwrap_or_default();
    task_fields::Stat {
        utime: stat.utime,
        stime: stat.stime,
        start_time: stat.start_time,
        min_flt: stat.min_flt,
        maj_flt: stat.maj_flt,
        vsize: memory.vsize,
        rss_anon: known(memory.rss_anon),
        rss_file: known(memory.rss_file),
        nvcsw: known(stat.nvcsw),
        nivcsw: known(stat.nivcsw),
        nice: i64::from(stat.nice),
        num_threads: u64::from(stat.num_threads),
    }
}

#[inline(always)]
fn report_mappings<C: Consumer>(piece: &TaskRef<'_>, consumer: &mut C) {
    let prot = VmaFlags::READ | VmaFlags::WRITE | VmaFlags::EXEC;
    for vma in piece.vmas().into_iter().flatten() {
        consumer.mapping(&Mapping {
            pid: piece.pid(),
            start: vma.start,
            end: vma.end,
            prot: u32::try_from((vma.flags & prot).bits()).unwrap_or_default(),
            pgoff: vma.pgoff,
            ino: vma.ino,
            dev_major: vma.dev_major,
            dev_minor: vma.dev_minor,
            name: vma.name.as_deref().unwrap_or_default(),
        });
    }
}
