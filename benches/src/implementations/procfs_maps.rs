// SPDX-License-Identifier: MIT
//! The memory mappings of all processes: `maps` as text, and `ioctl(PROCMAP_QUERY)`.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use rustix::io::read;

use super::procfs_text::{each_pid, hexadecimal, number, open_file, open_proc, path};
use crate::error::{Error, Result};
use crate::source::{Consumer, Source};
use crate::task_fields::Mapping;

/// Several times the longest line of `maps`.
const BUFFER: usize = 64 * 1024;

pub(crate) struct MapsText {
    buffer: Vec<u8>,
    receives: u64,
}

impl MapsText {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            buffer: vec![0; BUFFER],
            receives: 0,
        })
    }
}

impl Source for MapsText {
    fn dump<C: Consumer>(&mut self, consumer: &mut C) -> Result<()> {
        self.receives = 0;
        each_process(|pid, maps| {
            loop {
                self.receives += 1;
                // read() returns whole lines only.
                match read(&maps, &mut self.buffer) {
                    Ok(0) | Err(rustix::io::Errno::SRCH) => return Ok(()),
                    Ok(len) => {
                        for line in self.buffer[..len].split_inclusive(|byte| *byte == b'\n') {
                            consumer.mapping(&parse(pid, line));
                        }
                    }
                    Err(error) => return Err(Error::io("reading maps")(error)),
                }
            }
        })
    }

    fn receives(&self) -> u64 {
        self.receives
    }
}

/// Calls `f` with each process and its `maps`. Skips processes that have exited.
fn each_process(mut f: impl FnMut(u32, OwnedFd) -> Result<()>) -> Result<()> {
    let proc = open_proc()?;
    each_pid(proc.as_fd(), |name| {
        let pid = number(name).0.try_into().unwrap_or(u32::MAX);
        let maps = open_file(proc.as_fd(), &path(name, b"/maps"))?;
        maps.map_or(Ok(()), |maps| f(pid, maps))
    })
}

/// Parses `START-END rwxp OFFSET MAJOR:MINOR INODE      NAME`. All numbers except the
/// inode are hexadecimal.
#[inline(always)]
fn parse(pid: u32, line: &[u8]) -> Mapping<'_> {
    let separator = |rest: &'_ [u8]| -> usize { usize::from(!rest.is_empty()) };
    let (start, rest) = hexadecimal(line);
    let (end, rest) = hexadecimal(&rest[separator(rest)..]);
    let rest = &rest[separator(rest)..];
    let prot = rest
        .iter()
        .take(3)
        .zip(0..)
        .map(|(letter, bit)| u32::from(*letter != b'-') << bit);
    let prot = prot.sum();
    let (pgoff, rest) = hexadecimal(rest.get(5..).unwrap_or_default());
    let (dev_major, rest) = hexadecimal(&rest[separator(rest)..]);
    let (dev_minor, rest) = hexadecimal(&rest[separator(rest)..]);
    let (ino, rest) = number(&rest[separator(rest)..]);
    let name = rest
        .iter()
        .position(|byte| *byte != b' ')
        .map_or(rest, |at| &rest[at..]);
    Mapping {
        pid,
        start,
        end,
        prot,
        pgoff,
        ino,
        dev_major: dev_major.try_into().unwrap_or(u32::MAX),
        dev_minor: dev_minor.try_into().unwrap_or(u32::MAX),
        name: name.strip_suffix(b"\n").unwrap_or(name),
    }
}

/// `struct procmap_query` of `<linux/fs.h>`.
#[derive(Default)]
#[repr(C)]
struct Query {
    size: u64,
    query_flags: u64,
    query_addr: u64,
    vma_start: u64,
    vma_end: u64,
    vma_flags: u64,
    vma_page_size: u64,
    vma_offset: u64,
    inode: u64,
    dev_major: u32,
    dev_minor: u32,
    vma_name_size: u32,
    build_id_size: u32,
    vma_name_addr: u64,
    build_id_addr: u64,
}

mod ioctl {
    nix::ioctl_readwrite!(procmap_query, b'f', 17, super::Query);
}

/// `PROCMAP_QUERY_COVERING_OR_NEXT_VMA`
const COVERING_OR_NEXT: u64 = 0x10;
/// `PROCMAP_QUERY_VMA_READABLE`, `_WRITABLE` and `_EXECUTABLE`.
const PROT: u64 = 7;

pub(crate) struct ProcmapQuery {
    name: Vec<u8>,
    receives: u64,
}

impl ProcmapQuery {
    pub(crate) fn new() -> Result<Self> {
        let mut new = Self {
            name: vec![0; 4096],
            receives: 0,
        };
        let proc = open_proc()?;
        let own = open_file(proc.as_fd(), b"self/maps\0")?;
        let own = own.ok_or_else(|| Error::missing("/proc/self/maps"))?;
        match new.query_mapping(own.as_raw_fd(), 0) {
            Err(Errno::ENOTTY) => Err(Error::missing("PROCMAP_QUERY")),
            _ => Ok(new),
        }
    }

    /// Queries the mapping that contains this address, or the next one.
    fn query_mapping(&mut self, maps: i32, address: u64) -> nix::Result<Query> {
        let mut query = Query {
            size: size_of::<Query>() as u64,
            query_flags: COVERING_OR_NEXT,
            query_addr: address,
            vma_name_size: 4096,
            vma_name_addr: self.name.as_mut_ptr() as u64,
            ..Query::default()
        };
        self.receives += 1;
        // SAFETY: the kernel reads and writes this structure, and writes at
        // most `vma_name_size` bytes to `vma_name_addr`, which `name` has.
        unsafe { ioctl::procmap_query(maps, &raw mut query) }?;
        Ok(query)
    }
}

impl Source for ProcmapQuery {
    fn dump<C: Consumer>(&mut self, consumer: &mut C) -> Result<()> {
        self.receives = 0;
        each_process(|pid, maps| {
            let mut address = 0;
            loop {
                let query = match self.query_mapping(maps.as_raw_fd(), address) {
                    Ok(query) => query,
                    Err(Errno::ENOENT | Errno::ESRCH) => return Ok(()),
                    Err(error) => return Err(Error::io("PROCMAP_QUERY")(error)),
                };
                // The length includes the NUL.
                let len = (query.vma_name_size as usize).saturating_sub(1);
                consumer.mapping(&Mapping {
                    pid,
                    start: query.vma_start,
                    end: query.vma_end,
                    prot: u32::try_from(query.vma_flags & PROT).unwrap_or_default(),
                    pgoff: query.vma_offset,
                    ino: query.inode,
                    dev_major: query.dev_major,
                    dev_minor: query.dev_minor,
                    name: self.name.get(..len).unwrap_or_default(),
                });
                address = query.vma_end;
            }
        })
    }

    fn receives(&self) -> u64 {
        self.receives
    }
}
