// SPDX-License-Identifier: MIT
//! Reads procfs with minimal overhead: one descriptor of `/proc`, one buffer, no
//! allocation per task, only the needed files, and only the needed lines of them.
//!
//! `status` contains all of base and cred, and `stat` all of base, so one file is
//! enough for each of these. Times and sizes need both files.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, RawDir, open, openat};
use rustix::io::{Errno, read};

use crate::error::{Error, Result};
use crate::source::{Consumer, Source};
use crate::task_fields::{Query, TICK, TaskFields};
use crate::task_pool::Kind;

/// Sizes of the buffers: for getdents(), and for the longest file read here.
const DIRECTORY: usize = 32 * 1024;
const FILE: usize = 4096;

pub(crate) struct ProcfsText {
    kind: Kind,
    query: Query,
    receives: u64,
}

impl ProcfsText {
    pub(crate) const fn new(kind: Kind, query: Query) -> Result<Self> {
        Ok(Self {
            kind,
            query,
            receives: 0,
        })
    }

    fn task<C: Consumer>(
        &mut self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        consumer: &mut C,
    ) -> Result<()> {
        let mut buffer = [0; FILE];
        let mut fields = TaskFields::default();
        let (wants_stat, wants_status) = match self.query {
            Query::BaseCred => (false, true),
            Query::BaseCredStat => (true, true),
            _ => (true, false),
        };
        if wants_stat {
            let Some(text) = self.file(directory, name, b"/stat", &mut buffer)? else {
                return Ok(());
            };
            parse_stat(text, &mut fields).ok_or_else(|| Error::failed("invalid stat"))?;
        }
        if wants_status {
            let Some(text) = self.file(directory, name, b"/status", &mut buffer)? else {
                return Ok(());
            };
            parse_status(text, wants_stat, &mut fields);
        }
        consumer.task(&fields);
        Ok(())
    }

    /// Reads a file of a task. Returns `None` if the task has exited.
    fn file<'b>(
        &mut self,
        directory: BorrowedFd<'_>,
        task: &[u8],
        file: &[u8],
        buffer: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>> {
        let text = open_file(directory, &path(task, file))?.map(|file| read(file, &mut *buffer));
        self.receives += 1;
        match text {
            None | Some(Err(Errno::SRCH)) => Ok(None),
            Some(Ok(len)) => Ok(Some(&buffer[..len])),
            Some(Err(error)) => Err(Error::io("reading a file of procfs")(error)),
        }
    }

    fn threads<C: Consumer>(
        &mut self,
        proc: BorrowedFd<'_>,
        name: &[u8],
        consumer: &mut C,
    ) -> Result<()> {
        let Some(directory) = open_directory(proc, &path(name, b"/task"))? else {
            return Ok(());
        };
        each_pid(directory.as_fd(), |thread| {
            self.task(directory.as_fd(), thread, consumer)
        })
    }
}

impl Source for ProcfsText {
    fn dump<C: Consumer>(&mut self, consumer: &mut C) -> Result<()> {
        self.receives = 0;
        let proc = open_proc()?;
        each_pid(proc.as_fd(), |name| match self.kind {
            Kind::Processes => self.task(proc.as_fd(), name, consumer),
            Kind::Threads => self.threads(proc.as_fd(), name, consumer),
        })
    }

    fn receives(&self) -> u64 {
        self.receives
    }
}

pub(super) fn open_proc() -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(c"/proc", flags, Mode::empty()).map_err(Error::io("/proc"))
}

/// Returns the NUL-terminated path of a file of a task.
#[inline(always)]
pub(super) fn path(task: &[u8], file: &[u8]) -> [u8; 32] {
    let mut path = [0; 32];
    path[..task.len()].copy_from_slice(task);
    path[task.len()..task.len() + file.len()].copy_from_slice(file);
    path
}

/// Opens a file by a NUL-terminated path. Returns `None` if its task has exited or the
/// caller may not read the file.
pub(super) fn open_file(directory: BorrowedFd<'_>, path: &[u8]) -> Result<Option<OwnedFd>> {
    existing(directory, path, OFlags::RDONLY | OFlags::CLOEXEC)
}

fn open_directory(directory: BorrowedFd<'_>, path: &[u8]) -> Result<Option<OwnedFd>> {
    existing(
        directory,
        path,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
    )
}

fn existing(directory: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<Option<OwnedFd>> {
    let path = CStr::from_bytes_until_nul(path).map_err(Error::failed)?;
    match openat(directory, path, flags, Mode::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::SRCH | Errno::ACCESS) => Ok(None),
        Err(error) => Err(Error::io("opening a file of procfs")(error)),
    }
}

/// Calls `f` with each name in a directory that is a pid.
pub(super) fn each_pid(
    directory: BorrowedFd<'_>,
    mut f: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut buffer = [MaybeUninit::uninit(); DIRECTORY];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(Error::io("reading a directory of procfs"))?;
        let name = entry.file_name().to_bytes();
        if name.first().is_some_and(u8::is_ascii_digit) {
            f(name)?;
        }
    }
    Ok(())
}

/// Parses the number at the start of the text. Returns it and the rest.
pub(super) fn number(text: &[u8]) -> (u64, &[u8]) {
    let mut value = 0;
    let mut at = 0;
    while let Some(digit) = text
        .get(at)
        .map(|b| b.wrapping_sub(b'0'))
        .filter(|d| *d < 10)
    {
        value = value * 10 + u64::from(digit);
        at += 1;
    }
    (value, &text[at..])
}

pub(super) fn hexadecimal(text: &[u8]) -> (u64, &[u8]) {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut value = 0;
    let mut at = 0;
    while let Some(digit) = text.get(at).copied().and_then(digit) {
        value = value << 4 | u64::from(digit);
        at += 1;
    }
    (value, &text[at..])
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn state(letter: u8) -> u32 {
    let at = b"RSDTtXZPI".iter().position(|known| *known == letter);
    at.map_or(u32::MAX, |at| narrow(at as u64))
}

/// Returns the name of a task. Names of kernel threads are longer in procfs, so they
/// are truncated.
fn comm(name: &[u8]) -> [u8; 16] {
    let mut comm = [0; 16];
    let len = name.len().min(15);
    comm[..len].copy_from_slice(&name[..len]);
    comm
}

/// Parses `PID (NAME) STATE PPID PGRP SESSION …`. The name may contain any character.
fn parse_stat(text: &[u8], fields: &mut TaskFields) -> Option<()> {
    let (pid, rest) = number(text);
    let close = rest.iter().rposition(|byte| *byte == b')')?;
    fields.pid = narrow(pid);
    fields.comm = comm(rest.get(2..close)?);
    fields.state = state(*rest.get(close + 2)?);
    let mut numbers = Numbers(rest.get(close + 4..)?);
    fields.ppid = narrow(numbers.next());
    fields.pgid = narrow(numbers.next());
    fields.sid = narrow(numbers.next());
    numbers.skip(3);
    fields.stat.min_flt = numbers.next();
    numbers.skip(1);
    fields.stat.maj_flt = numbers.next();
    numbers.skip(1);
    fields.stat.utime = numbers.next() * TICK;
    fields.stat.stime = numbers.next() * TICK;
    numbers.skip(3);
    fields.stat.nice = numbers.signed();
    fields.stat.num_threads = numbers.next();
    numbers.skip(1);
    fields.stat.start_time = numbers.next() * TICK;
    fields.stat.vsize = numbers.next();
    Some(())
}

/// Numbers, each followed by a space.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn next(&mut self) -> u64 {
        let (value, rest) = number(self.0);
        self.0 = rest.get(1..).unwrap_or_default();
        value
    }

    fn signed(&mut self) -> i64 {
        let minus = self.0.first() == Some(&b'-');
        if minus {
            self.0 = &self.0[1..];
        }
        let value = self.next() as i64;
        if minus { -value } else { value }
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            let space = self.0.iter().position(|byte| *byte == b' ');
            self.0 = space.map_or(&[], |at| &self.0[at + 1..]);
        }
    }
}

/// Parses lines `Name:\tVALUE`. Their order has not changed in twenty years, but some
/// kernels lack some lines.
fn parse_status(text: &[u8], stat: bool, fields: &mut TaskFields) {
    for line in text.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let value = line.get(colon + 2..).unwrap_or_default();
        match &line[..colon] {
            b"Name" if !stat => fields.comm = comm(value),
            b"State" => fields.state = value.first().map_or(u32::MAX, |letter| state(*letter)),
            b"Tgid" => fields.tgid = narrow(number(value).0),
            b"Pid" => fields.pid = narrow(number(value).0),
            b"PPid" => fields.ppid = narrow(number(value).0),
            b"TracerPid" => fields.tpid = narrow(number(value).0),
            b"Uid" => fields.uids = four(value),
            b"Gid" => fields.gids = four(value),
            b"NSpgid" => fields.pgid = narrow(number(value).0),
            b"NSsid" => fields.sid = narrow(number(value).0),
            b"CapInh" => fields.caps[0] = hexadecimal(value).0,
            b"CapPrm" => fields.caps[1] = hexadecimal(value).0,
            b"CapEff" => fields.caps[2] = hexadecimal(value).0,
            b"CapBnd" => fields.caps[3] = hexadecimal(value).0,
            b"CapAmb" => fields.caps[4] = hexadecimal(value).0,
            b"NoNewPrivs" => {
                fields.no_new_privs = narrow(number(value).0);
                if !stat {
                    return;
                }
            }
            b"RssAnon" => fields.stat.rss_anon = kib(value),
            b"RssFile" => fields.stat.rss_file = kib(value),
            b"voluntary_ctxt_switches" => fields.stat.nvcsw = number(value).0,
            b"nonvoluntary_ctxt_switches" => fields.stat.nivcsw = number(value).0,
            _ => {}
        }
    }
}

fn kib(value: &[u8]) -> u64 {
    let digits = value.iter().position(u8::is_ascii_digit);
    digits.map_or(0, |at| number(&value[at..]).0) * 1024
}

fn four(mut value: &[u8]) -> [u32; 4] {
    std::array::from_fn(|_| {
        let (id, rest) = number(value);
        value = rest.get(1..).unwrap_or_default();
        narrow(id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_may_contain_parentheses_and_spaces() {
        let mut fields = TaskFields::default();
        let text = b"7 (a) R 9) S 1 5 3 0 -1 4194304 11 12 13 14 15 16 17 18 20 -5 2 0 99 4096 ";
        parse_stat(text, &mut fields).expect("valid line");
        assert_eq!(
            (fields.pid, fields.ppid, fields.pgid, fields.sid),
            (7, 1, 5, 3)
        );
        assert_eq!(&fields.comm[..9], b"a) R 9\0\0\0");
        assert_eq!(fields.state, 1);
        let stat = fields.stat;
        assert_eq!((stat.min_flt, stat.maj_flt), (11, 13));
        assert_eq!((stat.utime, stat.stime), (15 * TICK, 16 * TICK));
        assert_eq!((stat.nice, stat.num_threads), (-5, 2));
        assert_eq!((stat.start_time, stat.vsize), (99 * TICK, 4096));
    }

    #[test]
    fn status_lines_are_found_by_name() {
        let mut fields = TaskFields::default();
        let text = b"Name:\tsh\nState:\tS (sleeping)\nTgid:\t7\nPid:\t8\nPPid:\t1\n\
            Uid:\t1\t2\t3\t4\nNSsid:\t3\nCapAmb:\t00000000000000ff\nNoNewPrivs:\t1\n";
        parse_status(text, false, &mut fields);
        assert_eq!(
            (fields.tgid, fields.pid, fields.ppid, fields.sid),
            (7, 8, 1, 3)
        );
        assert_eq!(fields.uids, [1, 2, 3, 4]);
        assert_eq!((fields.caps[4], fields.no_new_privs), (0xff, 1));
        assert_eq!(&fields.comm[..3], b"sh\0");
    }
}
