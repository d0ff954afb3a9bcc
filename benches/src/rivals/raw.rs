// SPDX-License-Identifier: MIT
//! task_diag with a receive loop written by hand.

use memchr::memchr;
use taskdiag::Show;
use taskdiag::abi::{
    self, TaskDiagBase, TaskDiagCreds, TaskDiagMsg, TaskDiagPid, TaskDiagStat, TaskDiagVma,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unalign};

use crate::error::{Error, Result};
use crate::facts::{Area, Facts, Question, Stat};
use crate::genl::{Genl, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR, attributes, messages};
use crate::population::Kind;
use crate::source::{Consumer, Source};

pub(crate) struct Raw {
    genl: Genl,
    request: Vec<u8>,
    areas: bool,
    receives: u64,
}

impl Raw {
    pub(crate) fn new(kind: Kind, show: Show, question: Question) -> Result<Self> {
        let genl = Genl::connect(abi::TASK_DIAG_GENL_NAME)?;
        let what = TaskDiagPid {
            show_flags: show.bits(),
            dump_strategy: match kind {
                Kind::Processes => abi::TASK_DIAG_DUMP_ALL,
                Kind::Threads => abi::TASK_DIAG_DUMP_ALL_THREAD,
            },
            pid: 0,
            reserved: 0,
        };
        let request = genl.message(
            abi::TASK_DIAG_CMD_GET,
            NLM_F_DUMP,
            abi::TASK_DIAG_CMD_ATTR_GET,
            what.as_bytes(),
        );
        Ok(Self {
            genl,
            request,
            areas: question == Question::Areas,
            receives: 0,
        })
    }
}

impl Source for Raw {
    fn dump<C: Consumer>(&mut self, consumer: &mut C) -> Result<()> {
        self.receives = 0;
        self.genl.send(&self.request)?;
        loop {
            let len = self.genl.receive()?;
            self.receives += 1;
            for message in messages(&self.genl.buffer[..len]) {
                match message.kind {
                    NLMSG_DONE => return message.verdict(),
                    NLMSG_ERROR => return message.verdict(),
                    _ if self.areas => areas(message.payload(), consumer),
                    _ => task(message.payload(), consumer),
                }
                .ok_or_else(|| Error::failed("an attribute is too short"))?;
            }
        }
    }

    fn receives(&self) -> u64 {
        self.receives
    }
}

/// A message about a task as it is where base and cred are asked for, with the
/// length and the type of each attribute before it.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct BaseAndCred {
    msg_header: [u16; 2],
    msg: TaskDiagMsg,
    base_header: [u16; 2],
    base: TaskDiagBase,
    cred_header: [u16; 2],
    cred: TaskDiagCreds,
}

const fn header<T>(kind: u16) -> [u16; 2] {
    [(size_of::<[u16; 2]>() + size_of::<T>()) as u16, kind]
}

impl BaseAndCred {
    #[inline(always)]
    fn view(payload: &[u8]) -> Option<&Self> {
        let this = Self::ref_from_bytes(payload).ok()?;
        this.is_sound().then_some(this)
    }

    /// Likewise, and what is behind it.
    #[inline(always)]
    fn begin(payload: &[u8]) -> Option<(&Self, &[u8])> {
        let (this, behind) = Self::ref_from_prefix(payload).ok()?;
        this.is_sound().then_some((this, behind))
    }

    #[inline(always)]
    fn is_sound(&self) -> bool {
        self.msg_header == header::<TaskDiagMsg>(abi::TASK_DIAG_MSG)
            && self.base_header == header::<TaskDiagBase>(abi::TASK_DIAG_BASE)
            && self.cred_header == header::<TaskDiagCreds>(abi::TASK_DIAG_CRED)
            && self.msg.flags & abi::TASK_DIAG_FLAG_CONT == 0
    }

    #[inline(always)]
    fn facts(&self) -> Facts {
        let mut facts = Facts {
            pid: self.msg.pid,
            tgid: self.msg.tgid,
            ..Facts::default()
        };
        base(&self.base, &mut facts);
        cred(&self.cred, &mut facts);
        facts
    }
}

/// What is behind that where stat is asked for, too.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct AndStat {
    header: [u16; 2],
    // Only 4-byte alignment is promised.
    stat: Unalign<TaskDiagStat>,
}

impl AndStat {
    #[inline(always)]
    fn view(behind: &[u8]) -> Option<&Self> {
        let this = Self::ref_from_bytes(behind).ok()?;
        (this.header == header::<TaskDiagStat>(abi::TASK_DIAG_STAT)).then_some(this)
    }
}

/// Tells of a task, unless the message goes on from the one before.
#[inline(always)]
fn task<C: Consumer>(payload: &[u8], consumer: &mut C) -> Option<()> {
    if let Some(usual) = BaseAndCred::view(payload) {
        consumer.task(&usual.facts());
        return Some(());
    }
    let begun = BaseAndCred::begin(payload);
    match begun.and_then(|(usual, behind)| Some((usual, AndStat::view(behind)?))) {
        Some((usual, and)) => {
            let mut facts = usual.facts();
            facts.stat = stat(&and.stat.get());
            consumer.task(&facts);
            Some(())
        }
        None => any_task(payload, consumer),
    }
}

/// Whatever there is about it.
fn any_task<C: Consumer>(payload: &[u8], consumer: &mut C) -> Option<()> {
    let mut facts = Facts::default();
    for (kind, payload) in attributes(payload) {
        match kind {
            abi::TASK_DIAG_MSG => {
                let msg = TaskDiagMsg::ref_from_prefix(payload).ok()?.0;
                if msg.flags & abi::TASK_DIAG_FLAG_CONT != 0 {
                    return Some(());
                }
                facts.pid = msg.pid;
                facts.tgid = msg.tgid;
            }
            abi::TASK_DIAG_BASE => base(TaskDiagBase::ref_from_prefix(payload).ok()?.0, &mut facts),
            abi::TASK_DIAG_CRED => {
                cred(TaskDiagCreds::ref_from_prefix(payload).ok()?.0, &mut facts);
            }
            abi::TASK_DIAG_STAT => {
                // Only 4-byte alignment is promised.
                facts.stat = stat(&TaskDiagStat::read_from_prefix(payload).ok()?.0);
            }
            _ => {}
        }
    }
    consumer.task(&facts);
    Some(())
}

#[inline(always)]
fn base(base: &TaskDiagBase, facts: &mut Facts) {
    facts.ppid = base.ppid;
    facts.tpid = base.tpid;
    facts.sid = base.sid;
    facts.pgid = base.pgid;
    facts.state = u32::from(base.state);
    facts.comm = base.comm;
}

#[inline(always)]
fn cred(cred: &TaskDiagCreds, facts: &mut Facts) {
    facts.uids = [cred.uid, cred.euid, cred.suid, cred.fsuid];
    facts.gids = [cred.gid, cred.egid, cred.sgid, cred.fsgid];
    facts.caps = [
        cred.cap_inheritable,
        cred.cap_permitted,
        cred.cap_effective,
        cred.cap_bset,
        cred.cap_ambient,
    ]
    .map(|set| u64::from(set.cap[1]) << 32 | u64::from(set.cap[0]));
    facts.securebits = cred.securebits;
    facts.no_new_privs = cred.no_new_privs;
}

#[inline(always)]
fn stat(stat: &TaskDiagStat) -> Stat {
    Stat {
        utime: stat.utime,
        stime: stat.stime,
        start_time: stat.start_time,
        min_flt: stat.min_flt,
        maj_flt: stat.maj_flt,
        vsize: stat.vsize,
        rss_anon: stat.rss_anon,
        rss_file: stat.rss_file,
        nvcsw: stat.nvcsw,
        nivcsw: stat.nivcsw,
        nice: i64::from(stat.nice),
        num_threads: u64::from(stat.num_threads),
    }
}

/// Tells of the areas in a message.
#[inline(always)]
fn areas<C: Consumer>(payload: &[u8], consumer: &mut C) -> Option<()> {
    const PROT: u64 = abi::TASK_DIAG_VMA_READ | abi::TASK_DIAG_VMA_WRITE | abi::TASK_DIAG_VMA_EXEC;
    let mut pid = 0;
    for (kind, payload) in attributes(payload) {
        if kind == abi::TASK_DIAG_MSG {
            pid = TaskDiagMsg::ref_from_prefix(payload).ok()?.0.pid;
        }
        let mut rest = if kind == abi::TASK_DIAG_VMA {
            payload
        } else {
            &[]
        };
        while !rest.is_empty() {
            let vma = TaskDiagVma::read_from_prefix(rest).ok()?.0;
            let len = vma.len as usize;
            let name_off = vma.name_off as usize;
            consumer.area(&Area {
                pid,
                start: vma.start,
                end: vma.end,
                prot: u32::try_from(vma.flags & PROT).unwrap_or_default(),
                pgoff: vma.pgoff,
                ino: vma.ino,
                dev_major: vma.dev_major,
                dev_minor: vma.dev_minor,
                name: match name_off {
                    0 => &[],
                    _ => until_nul(rest.get(name_off..len)?),
                },
            });
            rest = rest.get(len.max(size_of::<TaskDiagVma>())..)?;
        }
    }
    Some(())
}

pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr(0, bytes).unwrap_or(bytes.len())]
}
