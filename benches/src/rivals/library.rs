// SPDX-License-Identifier: MIT
//! task_diag through its library.

use taskdiag::{CapSet, Client, Cred, Request, Show, Stat, State, Strategy, TaskRef, VmaFlags};

use crate::error::{Error, Result};
use crate::facts::{self, Area, Facts};
use crate::population::Kind;
use crate::source::{Consumer, Source};

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
        let areas = self.request.show.contains(Show::VMA);
        let stat = self.request.show.contains(Show::STAT);
        let mut dump = self.client.dump(&self.request).map_err(Error::failed)?;
        if areas {
            while let Some(piece) = dump.next_piece().map_err(Error::failed)? {
                tell_areas(&piece, consumer);
            }
        } else if stat {
            while let Some(task) = dump.next().map_err(Error::failed)? {
                consumer.task(&Facts {
                    stat: take_stat(&task.stat().unwrap_or_default()),
                    ..facts(&task)
                });
            }
        } else {
            while let Some(task) = dump.next().map_err(Error::failed)? {
                consumer.task(&facts(&task));
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
fn facts(task: &TaskRef<'_>) -> Facts {
    let mut facts = Facts {
        pid: task.pid(),
        tgid: task.tgid(),
        ..Facts::default()
    };
    if let Some(base) = task.base() {
        facts.ppid = base.ppid;
        facts.tpid = base.tpid;
        facts.sid = base.sid;
        facts.pgid = base.pgid;
        facts.state = number(base.state);
        facts.comm = *base.comm.padded();
    }
    if let Some(cred) = task.cred() {
        take_cred(&cred, &mut facts);
    }
    facts
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

#[inline(always)]
fn take_cred(cred: &Cred, facts: &mut Facts) {
    facts.uids = [cred.uid, cred.euid, cred.suid, cred.fsuid];
    facts.gids = [cred.gid, cred.egid, cred.sgid, cred.fsgid];
    facts.caps = [
        cred.cap_inheritable,
        cred.cap_permitted,
        cred.cap_effective,
        cred.cap_bset,
        cred.cap_ambient,
    ]
    .map(|CapSet(bits)| bits);
    facts.securebits = cred.securebits;
    facts.no_new_privs = u32::from(cred.no_new_privs);
}

#[inline(always)]
fn take_stat(stat: &Stat) -> facts::Stat {
    let memory = stat.memory.unwrap_or_default();
    facts::Stat {
        utime: stat.utime,
        stime: stat.stime,
        start_time: stat.start_time,
        min_flt: stat.min_flt,
        maj_flt: stat.maj_flt,
        vsize: memory.vsize,
        rss_anon: memory.rss_anon,
        rss_file: memory.rss_file,
        nvcsw: stat.nvcsw,
        nivcsw: stat.nivcsw,
        nice: i64::from(stat.nice),
        num_threads: u64::from(stat.num_threads),
    }
}

#[inline(always)]
fn tell_areas<C: Consumer>(piece: &TaskRef<'_>, consumer: &mut C) {
    let prot = VmaFlags::READ | VmaFlags::WRITE | VmaFlags::EXEC;
    for vma in piece.vmas().into_iter().flatten() {
        consumer.area(&Area {
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
