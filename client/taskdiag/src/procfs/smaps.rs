// SPDX-License-Identifier: MIT
//! `/proc/PID/smaps`, area by area: of any length, and never held as a whole.

use std::fs::File;
use std::io::{self, Read};

use super::cgroups::unescape;
use super::folder::Lack;
use super::text::{self, hex, kib, number};
use crate::abi::{self, TaskDiagVma, TaskDiagVmaStat};
use crate::task::VmaFlags;

/// What is read at a time, in bytes.
const PIECE: usize = 32 * 1024;
/// No line is longer: a path is of 4 KiB, and each of its bytes may be written
/// as four.
const LINE_MAX: usize = 64 * 1024;

/// An area: `len` and `name_off` are left to whoever puts it.
#[derive(Debug, Default)]
pub(super) struct Area {
    pub(super) vma: TaskDiagVma,
    /// Empty if it has none.
    pub(super) name: Vec<u8>,
    pub(super) stat: TaskDiagVmaStat,
}

/// The areas that are still to be read.
#[derive(Debug)]
pub(super) struct Smaps<R = File> {
    /// `None` for a task without memory.
    file: Option<R>,
    buffer: Vec<u8>,
    /// Where the next line begins, and how far the buffer is filled.
    at: usize,
    len: usize,
}

impl<R: Read> Smaps<R> {
    pub(super) fn new(file: Option<R>) -> Self {
        Self {
            file,
            buffer: Vec::new(),
            at: 0,
            len: 0,
        }
    }

    /// Reads the next area; false if there is none.
    pub(super) fn next(&mut self, area: &mut Area) -> Result<bool, Lack> {
        let Some(line) = self.line()? else {
            return Ok(false);
        };
        area.begin(line).ok_or_else(malformed)?;
        loop {
            let line = self.line()?.ok_or_else(malformed)?;
            match line.strip_prefix(b"VmFlags:") {
                Some(flags) => {
                    area.take_flags(flags);
                    return Ok(true);
                }
                None => area.take(line).ok_or_else(malformed)?,
            }
        }
    }

    /// The next line, without its end; `None` if there is none, or the task
    /// has gone.
    fn line(&mut self) -> Result<Option<&[u8]>, Lack> {
        let mut searched = self.at;
        loop {
            let end = self.buffer[searched..self.len]
                .iter()
                .position(|&byte| byte == b'\n');
            if let Some(end) = end {
                let line = self.at..searched + end;
                self.at = line.end + 1;
                return Ok(Some(&self.buffer[line]));
            }
            searched = self.len - self.at;
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads on, with what is left of the buffer at its beginning.
    fn fill(&mut self) -> Result<bool, Lack> {
        self.buffer.copy_within(self.at..self.len, 0);
        self.len -= self.at;
        self.at = 0;
        if self.len > LINE_MAX {
            return Err(malformed());
        }
        self.buffer.resize(self.len + PIECE, 0);
        let Some(file) = &mut self.file else {
            return Ok(false);
        };
        loop {
            match file.read(&mut self.buffer[self.len..]) {
                Ok(read) => {
                    self.len += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return match Lack::from(error) {
                        Lack::Gone => Ok(false),
                        lack => Err(lack),
                    };
                }
            }
        }
    }
}

fn malformed() -> Lack {
    Lack::Io(io::Error::new(
        io::ErrorKind::InvalidData,
        "smaps is not as expected",
    ))
}

impl Area {
    /// Reads the line that an area begins with, as `maps` has it:
    /// `55d0-55d2 r--p 00000000 fe:01 1234      /usr/bin/cat`.
    fn begin(&mut self, line: &[u8]) -> Option<()> {
        let mut rest = line;
        let mut word = || {
            let end = rest.iter().position(|&byte| byte == b' ');
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after.strip_prefix(b" ").unwrap_or(after);
            word
        };
        let (start, end) = pair(word(), b'-')?;
        let _permissions = word();
        let pgoff = hex(word())?;
        let (dev_major, dev_minor) = pair(word(), b':')?;
        let ino = number(word())?;
        let name = rest.trim_ascii_start();
        let is_file = ino != 0 || dev_major != 0 || dev_minor != 0 || name.starts_with(b"/");

        self.name = unescape_newlines(name);
        self.vma = TaskDiagVma {
            start,
            end,
            pgoff,
            ino,
            dev_major: dev_major.try_into().ok()?,
            dev_minor: dev_minor.try_into().ok()?,
            ..TaskDiagVma::default()
        };
        if is_file {
            self.vma.flags |= abi::TASK_DIAG_VMA_FILE;
            if name.ends_with(b" (deleted)") {
                self.vma.flags |= abi::TASK_DIAG_VMA_DELETED;
            }
        }
        self.stat = TaskDiagVmaStat {
            len: size_of::<TaskDiagVmaStat>() as u32,
            start,
            end,
            ..TaskDiagVmaStat::default()
        };
        Some(())
    }

    /// Reads another line: `Rss:          12 kB`.
    fn take(&mut self, line: &[u8]) -> Option<()> {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let stat = &mut self.stat;
        let field = match name {
            b"Rss" => &mut stat.rss,
            b"Pss" => &mut stat.pss,
            b"Pss_Dirty" => &mut stat.pss_dirty,
            b"Shared_Clean" => &mut stat.shared_clean,
            b"Shared_Dirty" => &mut stat.shared_dirty,
            b"Private_Clean" => &mut stat.private_clean,
            b"Private_Dirty" => &mut stat.private_dirty,
            b"Referenced" => &mut stat.referenced,
            b"Anonymous" => &mut stat.anonymous,
            b"KSM" => &mut stat.ksm,
            b"LazyFree" => &mut stat.lazy_free,
            b"AnonHugePages" => &mut stat.anon_thp,
            b"ShmemPmdMapped" => &mut stat.shmem_thp,
            b"FilePmdMapped" => &mut stat.file_thp,
            b"Shared_Hugetlb" => &mut stat.shared_hugetlb,
            b"Private_Hugetlb" => &mut stat.private_hugetlb,
            b"Swap" => &mut stat.swap,
            b"SwapPss" => &mut stat.swap_pss,
            b"Locked" => &mut stat.locked,
            _ => return Some(()),
        };
        *field = kib(value)?;
        Some(())
    }

    fn take_flags(&mut self, words: &[u8]) {
        for word in text::words(words) {
            // There are others, of which the protocol does not tell.
            if let Some(flag) = VmaFlags::from_mnemonic(word) {
                self.vma.flags |= flag.bits();
            }
        }
    }
}

fn pair(word: &[u8], between: u8) -> Option<(u64, u64)> {
    let at = word.iter().position(|&byte| byte == between)?;
    Some((hex(&word[..at])?, hex(&word[at + 1..])?))
}

/// A newline is the one byte that is written in another way.
fn unescape_newlines(name: &[u8]) -> Vec<u8> {
    const NEWLINE: &[u8] = b"\\012";
    if !name.windows(NEWLINE.len()).any(|part| part == NEWLINE) {
        return name.to_owned();
    }
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.windows(NEWLINE.len()).position(|part| part == NEWLINE) {
        plain.extend_from_slice(&rest[..at]);
        plain.extend(unescape(NEWLINE));
        rest = &rest[at + NEWLINE.len()..];
    }
    plain.extend_from_slice(rest);
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMAPS: &[u8] = b"\
5581e02c1000-5581e02c3000 r-xp 00002000 fe:01 4711                       /tmp/a b\\012c (deleted)
Size:                  8 kB
Rss:                   4 kB
Pss:                   1 kB
THPeligible:           0
VmFlags: rd ex mr mw me zz
7ffd0000-7ffd1000 rw-p 00000000 00:00 0                                  [stack]
Rss:                   0 kB
VmFlags: rd wr mr mw me gd ac
7ffe0000-7ffe1000 rw-s 00000000 00:00 0
VmFlags: rd wr sh mr mw me ms
";

    fn read(bytes: &[u8]) -> Vec<(TaskDiagVma, Vec<u8>, TaskDiagVmaStat)> {
        let mut smaps = Smaps::new(Some(bytes));
        let mut area = Area::default();
        let mut areas = Vec::new();
        while let Ok(true) = smaps.next(&mut area) {
            areas.push((area.vma, std::mem::take(&mut area.name), area.stat));
        }
        areas
    }

    #[test]
    fn areas_are_read() {
        let areas = read(SMAPS);
        assert_eq!(areas.len(), 3);
        let (vma, name, stat) = &areas[0];
        assert_eq!((vma.start, vma.end), (0x5581_e02c_1000, 0x5581_e02c_3000));
        assert_eq!((vma.pgoff, vma.ino), (0x2000, 4711));
        assert_eq!((vma.dev_major, vma.dev_minor), (0xfe, 1));
        assert_eq!(name, b"/tmp/a b\nc (deleted)");
        let flags = VmaFlags::from_bits_retain(vma.flags);
        let executable = VmaFlags::READ | VmaFlags::EXEC | VmaFlags::FILE | VmaFlags::DELETED;
        assert!(flags.contains(executable) && !flags.contains(VmaFlags::WRITE));
        assert_eq!((stat.rss, stat.pss, stat.end), (4096, 1024, vma.end));
        assert_eq!(areas[1].1, b"[stack]");
        assert_eq!(areas[1].0.flags & abi::TASK_DIAG_VMA_FILE, 0);
        assert_eq!(areas[2].1, b"");
        assert_ne!(areas[2].0.flags & abi::TASK_DIAG_VMA_MAYSHARE, 0);
    }

    #[test]
    fn a_task_without_memory_has_none() {
        let mut smaps = Smaps::<File>::new(None);
        assert!(!smaps.next(&mut Area::default()).unwrap());
        assert_eq!(read(b""), []);
    }

    #[test]
    fn any_number_of_areas_is_read_in_pieces() {
        assert_eq!(read(&SMAPS.repeat(1000)).len(), 3000);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, cut in 0..SMAPS.len(), byte: u8) {
            read(&bytes);
            let mut damaged = SMAPS.to_vec();
            damaged[cut] = byte;
            read(&damaged);
            read(&SMAPS[..cut]);
        }
    }
}
