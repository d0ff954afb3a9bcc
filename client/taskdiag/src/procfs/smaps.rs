// SPDX-License-Identifier: MIT
//! `/proc/PID/smaps`, mapping by mapping. The file may have any length, and is never
//! held as a whole.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;

use nix::fcntl::{AtFlags, readlinkat};
use nix::sys::stat::fstatat;

use super::dir::{ReadError, TaskDir};
use super::parse::{self, hex, kib, number};
use crate::task::{Vma, VmaFlags, VmaStat};

/// Length of a read, in bytes.
const READ: usize = 32 * 1024;
/// Upper bound of the length of a line: a path has 4 KiB, and each of its bytes may
/// be escaped as four.
const LINE_MAX: usize = 64 * 1024;
/// The text that the kernel writes for a newline in a path.
const NEWLINE: &[u8] = b"\\012";

/// A memory mapping and its memory use.
#[derive(Debug, Default)]
pub(super) struct Mapping {
    pub(super) vma: Vma<'static>,
    pub(super) stat: VmaStat,
}

/// The mappings that are still to be read.
#[derive(Debug)]
pub(super) struct Smaps<R = File> {
    /// `None` for a task without memory.
    file: Option<R>,
    buffer: Vec<u8>,
    /// Offset of the next line.
    at: usize,
    /// The length of the data in the buffer.
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

    /// Reads the next mapping; `None` if there is none.
    pub(super) fn next(&mut self) -> Result<Option<Mapping>, ReadError> {
        let Some(line) = self.line()? else {
            return Ok(None);
        };
        let mut mapping = Mapping::parse(line).ok_or_else(malformed)?;
        loop {
            let line = self.line()?.ok_or_else(malformed)?;
            match line.strip_prefix(b"VmFlags:") {
                Some(flags) => {
                    mapping.add_flags(flags);
                    return Ok(Some(mapping));
                }
                None => mapping.add(line).ok_or_else(malformed)?,
            }
        }
    }

    /// Returns the next line, without its end; `None` at the end of the file and
    /// if the task is gone.
    fn line(&mut self) -> Result<Option<&[u8]>, ReadError> {
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

    /// Moves the rest of the buffer to its beginning, and reads. False at the end of
    /// the file and if the task is gone.
    fn fill(&mut self) -> Result<bool, ReadError> {
        self.buffer.copy_within(self.at..self.len, 0);
        self.len -= self.at;
        self.at = 0;
        if self.len > LINE_MAX {
            return Err(malformed());
        }
        self.buffer.resize(self.len + READ, 0);
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
                    return match ReadError::from(error) {
                        ReadError::Gone => Ok(false),
                        error => Err(error),
                    };
                }
            }
        }
    }
}

fn malformed() -> ReadError {
    ReadError::Io(io::Error::new(
        io::ErrorKind::InvalidData,
        "smaps is not as expected",
    ))
}

impl Mapping {
    /// Parses the first line of a mapping, which has the form of `maps`:
    /// `55d0-55d2 r--p 00000000 fe:01 1234      /usr/bin/cat`.
    fn parse(line: &[u8]) -> Option<Self> {
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

        let mut flags = VmaFlags::empty();
        if is_file {
            flags |= VmaFlags::FILE;
            if name.ends_with(b" (deleted)") {
                flags |= VmaFlags::DELETED;
            }
        }
        Some(Self {
            vma: Vma {
                start,
                end,
                flags,
                pgoff,
                ino,
                dev_major: dev_major.try_into().ok()?,
                dev_minor: dev_minor.try_into().ok()?,
                name: (!name.is_empty()).then(|| name.to_owned().into()),
            },
            stat: VmaStat {
                start,
                end,
                ..VmaStat::default()
            },
        })
    }

    /// Replaces the text of the name by the name itself. The text of a newline equals
    /// that of `\012`, and the text of a deleted file equals that of a file whose name
    /// ends in ` (deleted)`.
    pub(super) fn resolve_name(&mut self, dir: &TaskDir) {
        if !self.vma.flags.contains(VmaFlags::FILE) {
            return;
        }
        let Some(text) = self.vma.name.as_deref() else {
            return;
        };
        if find(text, NEWLINE).is_some() {
            let text = text.to_owned();
            self.vma.name = Some(self.read_name(&text, dir).into());
        }
        if self.vma.flags.contains(VmaFlags::DELETED) {
            let exists = self
                .vma
                .name
                .as_deref()
                .is_some_and(|name| self.is_at(name, dir));
            self.vma.flags.set(VmaFlags::DELETED, !exists);
        }
    }

    /// Returns the name of a file, whose text contains `\012`.
    fn read_name(&self, text: &[u8], dir: &TaskDir) -> Vec<u8> {
        let link = format!("map_files/{:x}-{:x}", self.vma.start, self.vma.end);
        match readlinkat(dir.fd(), link.as_str()) {
            Ok(name) => name.into_vec(),
            Err(_) if self.is_at(text, dir) => text.to_owned(),
            Err(_) => unescape_newlines(text),
        }
    }

    /// Whether the file has this path. The kernel writes it from the root directory of
    /// the reader, or of the mount namespace of the task.
    fn is_at(&self, path: &[u8], dir: &TaskDir) -> bool {
        let in_task = [b"root", path].concat();
        path.starts_with(b"/")
            && [path, &in_task].into_iter().any(|path| {
                let file = fstatat(dir.fd(), path, AtFlags::AT_SYMLINK_NOFOLLOW);
                file.is_ok_and(|file| file.st_ino == self.vma.ino)
            })
    }

    /// The number of bytes that it takes, about.
    pub(super) fn size(&self) -> usize {
        let name = self.vma.name.as_ref().map_or(0, |name| name.len());
        size_of::<Self>() + name
    }

    /// Adds another line: `Rss:          12 kB`.
    fn add(&mut self, line: &[u8]) -> Option<()> {
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

    fn add_flags(&mut self, words: &[u8]) {
        // The protocol does not have all flags of smaps.
        for flag in parse::words(words).filter_map(VmaFlags::from_mnemonic) {
            self.vma.flags |= flag;
        }
    }
}

fn pair(word: &[u8], between: u8) -> Option<(u64, u64)> {
    let at = word.iter().position(|&byte| byte == between)?;
    Some((hex(&word[..at])?, hex(&word[at + 1..])?))
}

/// Decodes the newlines of a name: the kernel writes `\012`, and leaves a backslash of
/// the name as it is.
fn unescape_newlines(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = find(rest, NEWLINE) {
        plain.extend_from_slice(&rest[..at]);
        plain.push(b'\n');
        rest = &rest[at + NEWLINE.len()..];
    }
    plain.extend_from_slice(rest);
    plain
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
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

    fn read(bytes: &[u8]) -> Vec<Mapping> {
        let mut smaps = Smaps::new(Some(bytes));
        let mut mappings = Vec::new();
        while let Ok(Some(mapping)) = smaps.next() {
            mappings.push(mapping);
        }
        mappings
    }

    #[test]
    fn mappings_are_read_with_names_flags_and_sizes() {
        let mappings = read(SMAPS);
        assert_eq!(mappings.len(), 3);
        let Mapping { vma, stat } = &mappings[0];
        assert_eq!((vma.start, vma.end), (0x5581_e02c_1000, 0x5581_e02c_3000));
        assert_eq!((vma.pgoff, vma.ino), (0x2000, 4711));
        assert_eq!((vma.dev_major, vma.dev_minor), (0xfe, 1));
        assert_eq!(vma.name.as_deref(), Some(&b"/tmp/a b\\012c (deleted)"[..]));
        let executable = VmaFlags::READ | VmaFlags::EXEC | VmaFlags::FILE | VmaFlags::DELETED;
        assert!(vma.flags.contains(executable) && !vma.flags.contains(VmaFlags::WRITE));
        assert_eq!((stat.rss, stat.pss, stat.end), (4096, 1024, vma.end));
        assert_eq!(mappings[1].vma.name.as_deref(), Some(&b"[stack]"[..]));
        assert!(!mappings[1].vma.flags.contains(VmaFlags::FILE));
        assert_eq!(mappings[2].vma.name, None);
        assert!(mappings[2].vma.flags.contains(VmaFlags::MAYSHARE));
    }

    #[test]
    fn task_without_memory_has_no_mappings() {
        let mut smaps = Smaps::<File>::new(None);
        assert!(smaps.next().unwrap().is_none());
        assert!(read(b"").is_empty());
    }

    #[test]
    fn mappings_across_reads_are_whole() {
        assert_eq!(read(&SMAPS.repeat(1000)).len(), 3000);
    }

    #[test]
    fn each_escaped_newline_is_decoded() {
        assert_eq!(unescape_newlines(b"a\\012b\\012"), b"a\nb\n");
        assert_eq!(unescape_newlines(b"\\011\\01"), b"\\011\\01");
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_a_panic(bytes: Vec<u8>, cut in 0..SMAPS.len(), byte: u8) {
            read(&bytes);
            let mut damaged = SMAPS.to_vec();
            damaged[cut] = byte;
            read(&damaged);
            read(&SMAPS[..cut]);
        }
    }
}
