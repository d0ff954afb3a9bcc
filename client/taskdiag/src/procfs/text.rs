// SPDX-License-Identifier: MIT
//! `stat` and `status`, read.
//!
//! Pure: bytes in, numbers out, and `None` for bytes that procfs does not
//! write.

use crate::abi::{TASK_DIAG_COMM_LEN, TaskDiagCaps};
use crate::caps::CapSet;

/// A decimal number, which may be negative: those are given as the number with
/// the same bits.
fn bits(text: &[u8]) -> Option<u64> {
    match text.strip_prefix(b"-") {
        Some(text) => Some(number::<u64>(text)?.wrapping_neg()),
        None => number(text),
    }
}

/// A decimal number.
pub(super) fn number<T: TryFrom<u64>>(text: &[u8]) -> Option<T> {
    let number = digits(text, 10)?;
    T::try_from(number).ok()
}

/// A hexadecimal number.
pub(super) fn hex(text: &[u8]) -> Option<u64> {
    digits(text, 16)
}

fn digits(text: &[u8], radix: u32) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, &byte| {
        let digit = char::from(byte).to_digit(radix)?;
        number
            .checked_mul(u64::from(radix))?
            .checked_add(u64::from(digit))
    })
}

/// Words between blanks.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
}

/// The letters of the states, in the order of their numbers.
const STATES: &[u8] = b"RSDTtXZPI";
/// `PF_WQ_WORKER`.
const WORKER: u64 = 0x20;

/// Fields of `stat` that this program reads, counted as in `proc(5)`.
pub(super) mod field {
    pub(in super::super) const PPID: usize = 4;
    pub(in super::super) const PGRP: usize = 5;
    pub(in super::super) const SESSION: usize = 6;
    pub(in super::super) const TTY: usize = 7;
    pub(in super::super) const TTY_PGRP: usize = 8;
    pub(in super::super) const FLAGS: usize = 9;
    pub(in super::super) const MIN_FLT: usize = 10;
    pub(in super::super) const CMIN_FLT: usize = 11;
    pub(in super::super) const MAJ_FLT: usize = 12;
    pub(in super::super) const CMAJ_FLT: usize = 13;
    pub(in super::super) const UTIME: usize = 14;
    pub(in super::super) const STIME: usize = 15;
    pub(in super::super) const CUTIME: usize = 16;
    pub(in super::super) const CSTIME: usize = 17;
    pub(in super::super) const PRIORITY: usize = 18;
    pub(in super::super) const NICE: usize = 19;
    pub(in super::super) const NUM_THREADS: usize = 20;
    pub(in super::super) const START_TIME: usize = 22;
    pub(in super::super) const VSIZE: usize = 23;
    pub(in super::super) const START_CODE: usize = 26;
    pub(in super::super) const START_STACK: usize = 28;
    pub(in super::super) const EXIT_SIGNAL: usize = 38;
    pub(in super::super) const PROCESSOR: usize = 39;
    pub(in super::super) const RT_PRIORITY: usize = 40;
    pub(in super::super) const POLICY: usize = 41;
    pub(in super::super) const BLKIO_TICKS: usize = 42;
    pub(in super::super) const GTIME: usize = 43;
    pub(in super::super) const CGTIME: usize = 44;
    pub(in super::super) const EXIT_CODE: usize = 52;
}

/// `stat`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stat {
    /// The task's own name, with NULs behind it.
    pub(super) comm: [u8; TASK_DIAG_COMM_LEN],
    /// `TASK_DIAG_RUNNING` and kin.
    pub(super) state: u8,
    fields: [u64; Self::FIELDS],
}

impl Stat {
    /// The first field that is a number and behind the name.
    const FIRST: usize = field::PPID;
    const FIELDS: usize = field::EXIT_CODE + 1 - Self::FIRST;

    /// Reads the one line there is. The name may hold any bytes, so it ends
    /// with the last parenthesis.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let begin = text.iter().position(|&byte| byte == b'(')? + 1;
        let end = text.iter().rposition(|&byte| byte == b')')?;
        let name = text.get(begin..end)?;
        let mut rest = words(&text[end + 1..]);
        let letter = *rest.next()?.first()?;
        let state = STATES.iter().position(|&state| state == letter)? as u8;
        // Older kernels have fewer.
        let mut fields = [0; Self::FIELDS];
        for (field, word) in fields.iter_mut().zip(&mut rest) {
            *field = bits(word)?;
        }
        let mut stat = Self {
            comm: [0; TASK_DIAG_COMM_LEN],
            state,
            fields,
        };
        let name = match stat.get(field::FLAGS) & WORKER {
            0 => name,
            _ => name_of_worker(name),
        };
        let len = name.len().min(TASK_DIAG_COMM_LEN - 1);
        stat.comm[..len].copy_from_slice(&name[..len]);
        Some(stat)
    }

    /// A field by its number; 0 if the kernel does not have it. One that is
    /// negative has the same bits as a smaller type.
    pub(super) fn get(&self, field: usize) -> u64 {
        self.fields[field - Self::FIRST]
    }

    /// Whether the task was reaped while this was written: it is in no process
    /// group any more.
    pub(super) fn is_of_the_reaped(&self) -> bool {
        self.get(field::PGRP) as i64 == -1
    }

    /// What tells the memory of one program from that of the next: whether
    /// there is any, and where the stack is.
    pub(super) fn memory(&self) -> (bool, u64) {
        (self.get(field::VSIZE) != 0, self.get(field::START_STACK))
    }
}

/// The name that a worker itself has: procfs puts what it works on behind it.
fn name_of_worker(name: &[u8]) -> &[u8] {
    const RESCUER: &[u8] = b"kworker/R-";
    let is_mark = |byte: &u8| matches!(byte, b'+' | b'-');
    let Some(queue) = name.strip_prefix(RESCUER) else {
        let end = name.iter().position(is_mark).unwrap_or(name.len());
        return &name[..end];
    };
    // The name of its queue, which may have marks in it, and that once more.
    let middle = queue.len() / 2;
    match queue.split_at(middle) {
        (before, [mark, after @ ..]) if is_mark(mark) && before == after => {
            &name[..RESCUER.len() + middle]
        }
        _ => name,
    }
}

/// `status`, as far as it is of use here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Status {
    pub(super) tgid: Option<u32>,
    pub(super) tracer: u32,
    /// Real, effective, saved, and for files.
    pub(super) uids: [u32; 4],
    pub(super) gids: [u32; 4],
    pub(super) cap_inheritable: TaskDiagCaps,
    pub(super) cap_permitted: TaskDiagCaps,
    pub(super) cap_effective: TaskDiagCaps,
    pub(super) cap_bset: TaskDiagCaps,
    pub(super) cap_ambient: TaskDiagCaps,
    pub(super) no_new_privs: u32,
    /// The task has an address space.
    pub(super) has_memory: bool,
    /// Bytes from here on.
    pub(super) rss_anon: u64,
    pub(super) rss_file: u64,
    pub(super) rss_shmem: u64,
    pub(super) rss_peak: u64,
    pub(super) swap: u64,
    pub(super) text: u64,
    pub(super) data: u64,
    pub(super) stack: u64,
    pub(super) locked: u64,
    /// Context switches.
    pub(super) nvcsw: u64,
    pub(super) nivcsw: u64,
}

impl Status {
    /// Whether the task was reaped while this was written: it has no number
    /// any more, in a file that could still be opened.
    pub(super) const fn is_of_the_reaped(&self) -> bool {
        matches!(self.tgid, Some(0))
    }

    /// Reads the lines. `None` if a number is none, or that of the process is
    /// missing.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut status = Self::default();
        for line in text.split(|&byte| byte == b'\n') {
            let Some(colon) = line.iter().position(|&byte| byte == b':') else {
                continue;
            };
            status.take(&line[..colon], &line[colon + 1..])?;
        }
        status.tgid.map(|_| status)
    }

    /// The number of the process alone, if it still has one.
    pub(super) fn parse_tgid(text: &[u8]) -> Option<u32> {
        let mut lines = text.split(|&byte| byte == b'\n');
        let tgid = lines.find_map(|line| line.strip_prefix(b"Tgid:"))?;
        number(words(tgid).next()?).filter(|&tgid| tgid != 0)
    }

    fn take(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        match name {
            b"Tgid" => self.tgid = Some(one(value)?),
            b"TracerPid" => self.tracer = one(value)?,
            b"Uid" => self.uids = ids(value)?,
            b"Gid" => self.gids = ids(value)?,
            b"CapInh" => self.cap_inheritable = caps(value)?,
            b"CapPrm" => self.cap_permitted = caps(value)?,
            b"CapEff" => self.cap_effective = caps(value)?,
            b"CapBnd" => self.cap_bset = caps(value)?,
            b"CapAmb" => self.cap_ambient = caps(value)?,
            b"NoNewPrivs" => self.no_new_privs = one(value)?,
            b"VmSize" => self.has_memory = true,
            b"RssAnon" => self.rss_anon = kib(value)?,
            b"RssFile" => self.rss_file = kib(value)?,
            b"RssShmem" => self.rss_shmem = kib(value)?,
            b"VmHWM" => self.rss_peak = kib(value)?,
            b"VmSwap" => self.swap = kib(value)?,
            b"VmExe" => self.text = kib(value)?,
            b"VmData" => self.data = kib(value)?,
            b"VmStk" => self.stack = kib(value)?,
            b"VmLck" => self.locked = kib(value)?,
            b"voluntary_ctxt_switches" => self.nvcsw = one(value)?,
            b"nonvoluntary_ctxt_switches" => self.nivcsw = one(value)?,
            _ => {}
        }
        Some(())
    }
}

fn one<T: TryFrom<u64>>(value: &[u8]) -> Option<T> {
    number(words(value).next()?)
}

/// "12 kB", in bytes.
pub(super) fn kib(value: &[u8]) -> Option<u64> {
    one::<u64>(value)?.checked_mul(1024)
}

fn ids(value: &[u8]) -> Option<[u32; 4]> {
    let mut words = words(value);
    let mut ids = [0; 4];
    for id in &mut ids {
        *id = number(words.next()?)?;
    }
    Some(ids)
}

fn caps(value: &[u8]) -> Option<TaskDiagCaps> {
    Some(CapSet(hex(words(value).next()?)?).into())
}
