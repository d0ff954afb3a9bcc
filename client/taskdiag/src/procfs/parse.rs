// SPDX-License-Identifier: MIT
//! The parsers of `/proc/PID/stat` and `/proc/PID/status`.
//!
//! No I/O. Bytes that procfs of Linux does not write result in `None`.

use crate::abi::TASK_DIAG_COMM_LEN;
use crate::caps::CapSet;
use crate::task::{Comm, State};

/// Parses a decimal number. A negative one is returned as the unsigned number with
/// the same bits.
fn bits(text: &[u8]) -> Option<u64> {
    match text.strip_prefix(b"-") {
        Some(text) => Some(number::<u64>(text)?.wrapping_neg()),
        None => number(text),
    }
}

/// Parses a decimal number.
pub(super) fn number<T: TryFrom<u64>>(text: &[u8]) -> Option<T> {
    let number = digits(text, 10)?;
    T::try_from(number).ok()
}

/// Parses a hexadecimal number.
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

/// Splits a line into the words between blanks.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
}

/// The letters of the states, in the order of their numbers in the ABI.
const STATES: &[u8] = b"RSDTtXZPI";

/// Returns the state with this letter. Other kernels have letters that task_diag does
/// not have, such as W.
fn state(letter: u8) -> State {
    // Linux 2.6.33 to 3.13 has two letters of dead tasks.
    let letter = if letter == b'x' { b'X' } else { letter };
    let number = STATES.iter().position(|&state| state == letter);
    number.map_or(State::Unknown, |number| State::from(number as u8))
}

/// `PF_WQ_WORKER`.
const WORKER: u64 = 0x20;

/// The fields of `stat` that are used, numbered as in `proc(5)`.
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
    pub(in super::super) const RSS: usize = 24;
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

/// The contents of `stat`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stat {
    /// The name of the task itself, without the suffix of a kernel worker.
    pub(super) comm: Comm,
    pub(super) state: State,
    fields: [u64; Self::FIELDS],
    /// Number of fields that the kernel has.
    len: usize,
}

impl Stat {
    /// The first field behind the name that is a number.
    const FIRST: usize = field::PPID;
    const FIELDS: usize = field::EXIT_CODE + 1 - Self::FIRST;

    /// Parses the line. The name may consist of any bytes, so it ends at the last
    /// parenthesis.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let begin = text.iter().position(|&byte| byte == b'(')? + 1;
        let end = text.iter().rposition(|&byte| byte == b')')?;
        let name = text.get(begin..end)?;
        let mut rest = words(&text[end + 1..]);
        let state = state(*rest.next()?.first()?);
        // Older kernels have fewer fields.
        let mut fields = [0; Self::FIELDS];
        let mut len = 0;
        for (field, word) in fields.iter_mut().zip(&mut rest) {
            *field = bits(word)?;
            len += 1;
        }
        // Every kernel has these fields.
        if len <= field::SESSION - Self::FIRST {
            return None;
        }
        let is_worker = fields[field::FLAGS - Self::FIRST] & WORKER != 0;
        let name = if is_worker {
            name_of_worker(name)
        } else {
            name
        };
        Some(Self {
            comm: Comm::new(name),
            state,
            fields,
            len,
        })
    }

    /// Returns a field by its number; 0 if the kernel does not have it. Casting a
    /// negative field to a smaller signed type preserves its value.
    pub(super) fn get(&self, field: usize) -> u64 {
        self.fields[field - Self::FIRST]
    }

    /// Whether the kernel has the field.
    pub(super) const fn has(&self, field: usize) -> bool {
        field - Self::FIRST < self.len
    }

    /// Whether the task was reaped while the kernel wrote the file: it has no
    /// process group then.
    pub(super) fn is_reaped(&self) -> bool {
        self.get(field::PGRP) as i64 == -1
    }

    /// Returns two values that differ between the address spaces before and after
    /// execve(): whether there is one, and the start of the stack.
    pub(super) fn memory(&self) -> (bool, u64) {
        (self.get(field::VSIZE) != 0, self.get(field::START_STACK))
    }
}

/// Removes the suffix that procfs appends to the name of a kernel worker: the work
/// that it executes.
fn name_of_worker(name: &[u8]) -> &[u8] {
    const RESCUER: &[u8] = b"kworker/R-";
    let is_mark = |byte: &u8| matches!(byte, b'+' | b'-');
    let Some(queue) = name.strip_prefix(RESCUER) else {
        let end = name.iter().position(is_mark).unwrap_or(name.len());
        return &name[..end];
    };
    // The name of its queue, which may contain marks, a mark, and that name again.
    let middle = queue.len() / 2;
    match queue.split_at(middle) {
        (before, [mark, after @ ..]) if is_mark(mark) && before == after => {
            &name[..RESCUER.len() + middle]
        }
        _ => name,
    }
}

/// The contents of `/proc/PID/status`.
///
/// A field is `None` if the file does not have it, or has it in another form: older
/// kernels and sandboxes lack some of them.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Status {
    /// The name.
    pub name: Option<Comm>,
    /// The thread group id; 0 if the task was reaped while the kernel wrote the
    /// file.
    pub tgid: Option<u32>,
    /// The pid of the parent.
    pub ppid: Option<u32>,
    /// The pid of the tracer; 0 if there is none.
    pub tracer: Option<u32>,
    /// The real, effective, saved and file system user ids.
    pub uids: Option<[u32; 4]>,
    /// The real, effective, saved and file system group ids.
    pub gids: Option<[u32; 4]>,
    /// The inheritable capabilities.
    pub cap_inheritable: Option<CapSet>,
    /// The permitted capabilities.
    pub cap_permitted: Option<CapSet>,
    /// The effective capabilities.
    pub cap_effective: Option<CapSet>,
    /// The capability bounding set.
    pub cap_bset: Option<CapSet>,
    /// The ambient capabilities. Kernels before Linux 4.3 do not report them.
    pub cap_ambient: Option<CapSet>,
    /// Whether `no_new_privs` is set. Kernels before Linux 4.10 do not report it.
    pub no_new_privs: Option<bool>,
    // Sizes in bytes.
    pub(super) size: Option<u64>,
    pub(super) rss: Option<u64>,
    pub(super) rss_anon: Option<u64>,
    pub(super) rss_file: Option<u64>,
    pub(super) rss_shmem: Option<u64>,
    pub(super) rss_peak: Option<u64>,
    pub(super) swap: Option<u64>,
    pub(super) text: Option<u64>,
    pub(super) data: Option<u64>,
    pub(super) stack: Option<u64>,
    pub(super) locked: Option<u64>,
    // Context switches.
    pub(super) nvcsw: Option<u64>,
    pub(super) nivcsw: Option<u64>,
    // Masks of signals.
    pub(super) pending: Option<u64>,
    pub(super) shared_pending: Option<u64>,
    pub(super) blocked: Option<u64>,
    pub(super) ignored: Option<u64>,
    pub(super) caught: Option<u64>,
    /// The number of queued signals, and its limit.
    pub(super) queue: Option<(u32, u64)>,
}

impl Status {
    /// Parses the file.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut status = Self::default();
        for line in text.split(|&byte| byte == b'\n') {
            if let Some(colon) = line.iter().position(|&byte| byte == b':') {
                status.set(&line[..colon], &line[colon + 1..]);
            }
        }
        status
    }

    /// Whether the task was reaped while the kernel wrote the file.
    #[must_use]
    pub const fn is_reaped(&self) -> bool {
        matches!(self.tgid, Some(0))
    }

    /// Parses only the thread group id: 0 if the task was reaped.
    pub(super) fn parse_tgid(text: &[u8]) -> Option<u32> {
        let mut lines = text.split(|&byte| byte == b'\n');
        one(lines.find_map(|line| line.strip_prefix(b"Tgid:"))?)
    }

    fn set(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"Name" => self.name = Some(unescape_name(value)),
            b"Tgid" => self.tgid = one(value),
            b"PPid" => self.ppid = one(value),
            b"TracerPid" => self.tracer = one(value),
            b"Uid" => self.uids = ids(value),
            b"Gid" => self.gids = ids(value),
            b"CapInh" => self.cap_inheritable = caps(value),
            b"CapPrm" => self.cap_permitted = caps(value),
            b"CapEff" => self.cap_effective = caps(value),
            b"CapBnd" => self.cap_bset = caps(value),
            b"CapAmb" => self.cap_ambient = caps(value),
            b"NoNewPrivs" => self.no_new_privs = one::<u64>(value).map(|set| set != 0),
            b"VmSize" => self.size = kib(value),
            b"VmRSS" => self.rss = kib(value),
            b"RssAnon" => self.rss_anon = kib(value),
            b"RssFile" => self.rss_file = kib(value),
            b"RssShmem" => self.rss_shmem = kib(value),
            b"VmHWM" => self.rss_peak = kib(value),
            b"VmSwap" => self.swap = kib(value),
            b"VmExe" => self.text = kib(value),
            b"VmData" => self.data = kib(value),
            b"VmStk" => self.stack = kib(value),
            b"VmLck" => self.locked = kib(value),
            b"voluntary_ctxt_switches" => self.nvcsw = one(value),
            b"nonvoluntary_ctxt_switches" => self.nivcsw = one(value),
            b"SigPnd" => self.pending = mask(value),
            b"ShdPnd" => self.shared_pending = mask(value),
            b"SigBlk" => self.blocked = mask(value),
            b"SigIgn" => self.ignored = mask(value),
            b"SigCgt" => self.caught = mask(value),
            b"SigQ" => self.queue = queue(value),
            _ => {}
        }
    }
}

/// Returns the name in the line `Name`, in which the kernel escapes newlines and
/// backslashes.
fn unescape_name(value: &[u8]) -> Comm {
    let mut name = [0; TASK_DIAG_COMM_LEN];
    let mut len = 0;
    let mut bytes = value.strip_prefix(b"\t").unwrap_or(value);
    while let [first, rest @ ..] = bytes {
        let byte;
        (byte, bytes) = match rest {
            [b'n', rest @ ..] if *first == b'\\' => (b'\n', rest),
            [b'\\', rest @ ..] if *first == b'\\' => (b'\\', rest),
            rest => (*first, rest),
        };
        // Behind it is the suffix of a kernel worker.
        let Some(place) = name.get_mut(len) else {
            break;
        };
        *place = byte;
        len += 1;
    }
    Comm::new(&name[..len])
}

fn one<T: TryFrom<u64>>(value: &[u8]) -> Option<T> {
    number(words(value).next()?)
}

/// Parses "12 kB"; returns bytes.
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

fn mask(value: &[u8]) -> Option<u64> {
    hex(words(value).next()?)
}

fn caps(value: &[u8]) -> Option<CapSet> {
    mask(value).map(CapSet)
}

/// Parses "QUEUED/LIMIT".
fn queue(value: &[u8]) -> Option<(u32, u64)> {
    let mut numbers = words(value).next()?.split(|&byte| byte == b'/');
    Some((number(numbers.next()?)?, number(numbers.next()?)?))
}
