// SPDX-License-Identifier: MIT
//! The kernel's BPF iterators, with the programs in `benches/bpf`.

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::raw::until_nul;
use crate::error::{Error, Result};
use crate::source::{Consumer, Source};
use crate::task_fields::{Mapping, TaskFields};
use crate::task_pool::Kind;

/// Environment variable with the directory of the compiled programs.
const DIRECTORY: &str = "TASKDIAG_BENCH_BPF";

/// More than the 32 KiB that the kernel returns per read().
const BUFFER: usize = 64 * 1024;

/// A loaded program, pinned as a file. Opening the file starts the iterator.
struct Program {
    path: PathBuf,
    output: Option<File>,
    buffer: Vec<u64>,
    receives: u64,
}

impl Program {
    /// Loads a program with bpftool.
    fn load(name: &str) -> Result<Self> {
        let directory = std::env::var_os(DIRECTORY)
            .ok_or_else(|| Error::missing(format!("{DIRECTORY}, a directory with BPF programs")))?;
        let object = PathBuf::from(directory).join(format!("{name}.bpf.o"));
        let path = format!("/sys/fs/bpf/{name}-{}", std::process::id());
        let loading = Command::new("bpftool")
            .args(["iter", "pin"])
            .arg(&object)
            .arg(&path)
            .output()
            .map_err(|_| Error::missing("bpftool"))?;
        if !loading.status.success() {
            return Err(Error::failed(String::from_utf8_lossy(&loading.stderr)));
        }
        Ok(Self {
            path: path.into(),
            output: None,
            buffer: vec![0; BUFFER / size_of::<u64>()],
            receives: 0,
        })
    }

    fn open(&mut self) -> Result<()> {
        self.receives = 0;
        let file = File::open(&self.path).map_err(Error::io(self.path.display().to_string()))?;
        self.output = Some(file);
        Ok(())
    }

    /// Returns the next whole entries, or none at the end.
    #[inline(always)]
    fn read(&mut self) -> Result<&[u8]> {
        let output = self
            .output
            .as_mut()
            .ok_or_else(|| Error::failed("the iterator is not open"))?;
        let buffer = self.buffer.as_mut_bytes();
        let len = output
            .read(buffer)
            .map_err(Error::io("reading an iterator"))?;
        self.receives += u64::from(len != 0);
        Ok(&buffer[..len])
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A pinned program does not outlive the VM.
        let _ = fs::remove_file(&self.path);
    }
}

/// `struct entry` in `tasks.h`.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Entry {
    caps: [u64; 5],
    comm: [u8; 16],
    tgid: u32,
    pid: u32,
    ppid: u32,
    tpid: u32,
    sid: u32,
    pgid: u32,
    uids: [u32; 4],
    gids: [u32; 4],
    state: u32,
    securebits: u32,
    no_new_privs: u32,
    pad: u32,
}

pub(crate) struct Tasks(Program);

impl Tasks {
    pub(crate) fn new(kind: Kind) -> Result<Self> {
        Ok(Self(Program::load(kind.name())?))
    }
}

impl Source for Tasks {
    fn prepare(&mut self) -> Result<()> {
        self.0.open()
    }

    fn dump<C: Consumer>(&mut self, consumer: &mut C) -> Result<()> {
        loop {
            let bytes = self.0.read()?;
            if bytes.is_empty() {
                return Ok(());
            }
            let entries = <[Entry]>::ref_from_bytes(bytes)
                .map_err(|_| Error::failed("an entry is truncated"))?;
            for entry in entries {
                consumer.task(&TaskFields {
                    caps: entry.caps,
                    comm: entry.comm,
                    pid: entry.pid,
                    tgid: entry.tgid,
                    ppid: entry.ppid,
                    tpid: entry.tpid,
                    sid: entry.sid,
                    pgid: entry.pgid,
                    uids: entry.uids,
                    gids: entry.gids,
                    securebits: entry.securebits,
                    no_new_privs: entry.no_new_privs,
                    state: state(entry.state),
                    ..TaskFields::default()
                });
            }
        }
    }

    fn receives(&self) -> u64 {
        self.0.receives
    }
}

/// Converts the bits of `task_struct` to a value of `task_diag_base::state`.
#[inline(always)]
fn state(bits: u32) -> u32 {
    const REPORTED: u32 = 0x7f;
    const IDLE: u32 = 0x402;
    if bits == IDLE {
        return 8;
    }
    u32::BITS - (bits & REPORTED).leading_zeros()
}

/// `struct mapping` in `mappings.bpf.c`.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct MappingEntry {
    start: u64,
    end: u64,
    pgoff: u64,
    ino: u64,
    flags: u32,
    dev: u32,
    pid: u32,
    name_len: u32,
}

pub(crate) struct Mappings(Program);

impl Mappings {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Program::load("mappings")?))
    }
}

impl Source for Mappings {
    fn prepare(&mut self) -> Result<()> {
        self.0.open()
    }

    fn dump<C: Consumer>(&mut self, consumer: &mut C) -> Result<()> {
        const MINOR_BITS: u32 = 20;
        const PROT: u32 = 7;
        loop {
            let mut rest = self.0.read()?;
            if rest.is_empty() {
                return Ok(());
            }
            while !rest.is_empty() {
                let (entry, remaining) = MappingEntry::ref_from_prefix(rest)
                    .map_err(|_| Error::failed("an entry is truncated"))?;
                let (name, remaining) = remaining
                    .split_at_checked(entry.name_len as usize)
                    .ok_or_else(|| Error::failed("a name is truncated"))?;
                consumer.mapping(&Mapping {
                    pid: entry.pid,
                    start: entry.start,
                    end: entry.end,
                    prot: entry.flags & PROT,
                    pgoff: entry.pgoff,
                    ino: entry.ino,
                    dev_major: entry.dev >> MINOR_BITS,
                    dev_minor: entry.dev & ((1 << MINOR_BITS) - 1),
                    name: until_nul(name),
                });
                rest = remaining;
            }
        }
    }

    fn receives(&self) -> u64 {
        self.0.receives
    }
}
