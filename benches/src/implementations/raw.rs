// SPDX-License-Identifier: MIT
//! task_diag with a hand-written receive loop.

use memchr::memchr;
use taskdiag::Show;
use taskdiag::abi::{
    self, TaskDiagBase, TaskDiagCreds, TaskDiagMsg, TaskDiagPid, TaskDiagStat, TaskDiagVma,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unalign};

use crate::error::{Error, Result};
use crate::genl::{Genl, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR, attributes, messages};
use crate::source::{Consumer, Source};
use crate::task_fields::{Mapping, Query, Stat, TaskFields};
use crate::task_pool::Kind;

pub(crate) struct Raw {
    genl: Genl,
    request: Vec<u8>,
    mappings: bool,
    receives: u64,
}

impl Raw {
    pub(crate) fn new(kind: Kind, show: Show, query: Query) -> Result<Self> {
        let genl = Genl::connect(abi::TASK_DIAG_GENL_NAME)?;
        let strategy = match kind {
            Kind::Processes => abi::TASK_DIAG_DUMP_ALL,
            Kind::Threads => abi::TASK_DIAG_DUMP_ALL_THREAD,
        };
        let request = request(&genl, show, strategy, 0);
        Ok(Self {
            genl,
            request,
            mappings: query == Query::Vma,
            receives: 0,
        })
    }
}

/// Returns a request for a dump.
pub(crate) fn request(genl: &Genl, show: Show, strategy: u64, pid: u32) -> Vec<u8> {
    let request = TaskDiagPid {
        show_flags: show.bits(),
        dump_strategy: strategy,
        pid,
        reserved: 0,
    };
    genl.message(
        abi::TASK_DIAG_CMD_GET,
        NLM_F_DUMP,
        abi::TASK_DIAG_CMD_ATTR_GET,
        request.as_bytes(),
    )
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
                    NLMSG_DONE => return message.result(),
                    NLMSG_ERROR => return message.result(),
                    _ if self.mappings => mappings(message.payload(), consumer),
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

/// The message of a task if base and cred are requested, including the length and the
/// type of each attribute.
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
        this.has_expected_layout().then_some(this)
    }

    /// Returns a message that begins with base and cred, and the bytes after them.
    #[inline(always)]
    fn begin(payload: &[u8]) -> Option<(&Self, &[u8])> {
        let (this, remaining) = Self::ref_from_prefix(payload).ok()?;
        this.has_expected_layout().then_some((this, remaining))
    }

    #[inline(always)]
    fn has_expected_layout(&self) -> bool {
        self.msg_header == header::<TaskDiagMsg>(abi::TASK_DIAG_MSG)
            && self.base_header == header::<TaskDiagBase>(abi::TASK_DIAG_BASE)
            && self.cred_header == header::<TaskDiagCreds>(abi::TASK_DIAG_CRED)
            && self.msg.flags & abi::TASK_DIAG_FLAG_CONT == 0
    }

    #[inline(always)]
    fn fields(&self) -> TaskFields {
        let mut fields = TaskFields {
            pid: self.msg.pid,
            tgid: self.msg.tgid,
            ..TaskFields::default()
        };
        base(&self.base, &mut fields);
        cred(&self.cred, &mut fields);
        fields
    }
}

/// The bytes after base and cred if stat is requested as well.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct AndStat {
    header: [u16; 2],
    // Attributes are only 4-byte aligned.
    stat: Unalign<TaskDiagStat>,
}

impl AndStat {
    #[inline(always)]
    fn view(remaining: &[u8]) -> Option<&Self> {
        let this = Self::ref_from_bytes(remaining).ok()?;
        (this.header == header::<TaskDiagStat>(abi::TASK_DIAG_STAT)).then_some(this)
    }
}

/// Reports a task, unless the message continues the previous one.
#[inline(always)]
fn task<C: Consumer>(payload: &[u8], consumer: &mut C) -> Option<()> {
    if let Some(base_and_cred) = BaseAndCred::view(payload) {
        consumer.task(&base_and_cred.fields());
        return Some(());
    }
    let start = BaseAndCred::begin(payload);
    match start
        .and_then(|(base_and_cred, remaining)| Some((base_and_cred, AndStat::view(remaining)?)))
    {
        Some((base_and_cred, and)) => {
            let mut fields = base_and_cred.fields();
            fields.stat = stat(&and.stat.get());
            consumer.task(&fields);
            Some(())
        }
        None => any_task(payload, consumer),
    }
}

/// Reports a task with any groups.
fn any_task<C: Consumer>(payload: &[u8], consumer: &mut C) -> Option<()> {
    let mut fields = TaskFields::default();
    for (kind, payload) in attributes(payload) {
        match kind {
            abi::TASK_DIAG_MSG => {
                let msg = TaskDiagMsg::ref_from_prefix(payload).ok()?.0;
                if msg.flags & abi::TASK_DIAG_FLAG_CONT != 0 {
                    return Some(());
                }
                fields.pid = msg.pid;
                fields.tgid = msg.tgid;
            }
            abi::TASK_DIAG_BASE => {
                base(TaskDiagBase::ref_from_prefix(payload).ok()?.0, &mut fields);
            }
            abi::TASK_DIAG_CRED => {
                cred(TaskDiagCreds::ref_from_prefix(payload).ok()?.0, &mut fields);
            }
            abi::TASK_DIAG_STAT => {
                // Attributes are only 4-byte aligned.
                fields.stat = stat(&TaskDiagStat::read_from_prefix(payload).ok()?.0);
            }
            _ => {}
        }
    }
    consumer.task(&fields);
    Some(())
}

#[inline(always)]
fn base(base: &TaskDiagBase, fields: &mut TaskFields) {
    fields.ppid = base.ppid;
    fields.tpid = base.tpid;
    fields.sid = base.sid;
    fields.pgid = base.pgid;
    fields.state = u32::from(base.state);
    fields.comm = base.comm;
}

#[inline(always)]
fn cred(cred: &TaskDiagCreds, fields: &mut TaskFields) {
    fields.uids = [cred.uid, cred.euid, cred.suid, cred.fsuid];
    fields.gids = [cred.gid, cred.egid, cred.sgid, cred.fsgid];
    fields.caps = [
        cred.cap_inheritable,
        cred.cap_permitted,
        cred.cap_effective,
        cred.cap_bset,
        cred.cap_ambient,
    ]
    .map(|set| u64::from(set.cap[1]) << 32 | u64::from(set.cap[0]));
    fields.securebits = cred.securebits;
    fields.no_new_privs = cred.no_new_privs;
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

/// Reports the memory mappings in a message.
#[inline(always)]
fn mappings<C: Consumer>(payload: &[u8], consumer: &mut C) -> Option<()> {
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
            consumer.mapping(&Mapping {
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
