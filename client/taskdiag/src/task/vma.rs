// SPDX-License-Identifier: MIT
//! The group VMA: the areas of a process's memory.

use std::borrow::Cow;
use std::fmt;

use crate::abi::{self, TaskDiagVma};
use crate::names;
use crate::netlink::Malformed;
use crate::task::records::{Records, RecordsOf, fields, text};
use crate::task::{OfKind, read};

/// An area of a process's memory, as a line of `/proc/PID/maps` tells of it.
///
/// From the kernel: `struct vm_area_struct`, through `show_map_vma()` of
/// `fs/proc/task_mmu.c`.
#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Vma<'a> {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// What may be done with it, and what it is.
    pub flags: VmaFlags,
    /// Of the file mapped: where in it the area begins, in bytes.
    pub pgoff: u64,
    /// Of the file mapped: its device's major number.
    pub dev_major: u32,
    /// Of the file mapped: its device's minor number.
    pub dev_minor: u32,
    /// Of the file mapped: its inode.
    pub ino: u64,
    /// A path, with " (deleted)" behind it where [`VmaFlags::DELETED`] is
    /// set; or `[heap]`, `[stack]`, `[vdso]`, `[anon:NAME]` and the like. Any
    /// bytes but NUL: `maps` writes `\012` for a newline, this does not.
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::lossy_option"))]
    pub name: Option<Cow<'a, [u8]>>,
}

impl<'a> Vma<'a> {
    /// Reads one record.
    #[inline]
    fn read(record: &'a [u8]) -> Result<Self, Malformed> {
        let offset = read::<[u32; 2]>(record)[1];
        let name = text(record, offset)?;
        let vma = read::<TaskDiagVma>(fields(record, offset));
        Ok(Self {
            start: vma.start,
            end: vma.end,
            flags: VmaFlags::from_bits_retain(vma.flags),
            pgoff: vma.pgoff,
            dev_major: vma.dev_major,
            dev_minor: vma.dev_minor,
            ino: vma.ino,
            name: name.map(Cow::Borrowed),
        })
    }

    /// The areas of one attribute, which has been looked at.
    pub(super) fn all(attribute: &'a [u8]) -> impl Iterator<Item = Self> {
        Records::new(attribute).map_while(|record| Self::read(record.ok()?).ok())
    }

    /// Looks at the areas of one attribute.
    pub(super) fn check(attribute: &[u8]) -> Result<(), Malformed> {
        Records::new(attribute).try_for_each(|record| Vma::read(record?).map(drop))
    }

    /// Its length in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Returns a view of it.
    pub(super) fn borrowed(&self) -> Vma<'_> {
        Vma {
            name: self.name.as_deref().map(Cow::Borrowed),
            ..*self
        }
    }

    /// One that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Vma<'static> {
        Vma {
            start: self.start,
            end: self.end,
            flags: self.flags,
            pgoff: self.pgoff,
            dev_major: self.dev_major,
            dev_minor: self.dev_minor,
            ino: self.ino,
            name: self.name.map(|name| Cow::Owned(name.into_owned())),
        }
    }
}

impl From<&Vma<'_>> for TaskDiagVma {
    /// The record without its name: `len` and `name_off` are 0.
    fn from(vma: &Vma<'_>) -> Self {
        Self {
            len: 0,
            name_off: 0,
            start: vma.start,
            end: vma.end,
            pgoff: vma.pgoff,
            ino: vma.ino,
            flags: vma.flags.bits(),
            dev_major: vma.dev_major,
            dev_minor: vma.dev_minor,
        }
    }
}

impl fmt::Debug for Vma<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:x}-{:x} {} {:x} {:x}:{:x} {}",
            self.start,
            self.end,
            self.flags.permissions(),
            self.pgoff,
            self.dev_major,
            self.dev_minor,
            self.ino,
        )?;
        match &self.name {
            Some(name) => write!(f, " \"{}\"", name.escape_ascii()),
            None => Ok(()),
        }
    }
}

bitflags::bitflags! {
    /// What may be done with an area, and what it is.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct VmaFlags: u64 {
        /// May be read.
        const READ = abi::TASK_DIAG_VMA_READ;
        /// May be written.
        const WRITE = abi::TASK_DIAG_VMA_WRITE;
        /// May be executed.
        const EXEC = abi::TASK_DIAG_VMA_EXEC;
        /// Shared.
        const SHARED = abi::TASK_DIAG_VMA_SHARED;
        /// Maps a file.
        const FILE = abi::TASK_DIAG_VMA_FILE;
        /// Maps a file that has no name any more.
        const DELETED = abi::TASK_DIAG_VMA_DELETED;
        /// May be made readable.
        const MAYREAD = abi::TASK_DIAG_VMA_MAYREAD;
        /// May be made writable.
        const MAYWRITE = abi::TASK_DIAG_VMA_MAYWRITE;
        /// May be made executable.
        const MAYEXEC = abi::TASK_DIAG_VMA_MAYEXEC;
        /// `s` in `maps`, not `p`.
        const MAYSHARE = abi::TASK_DIAG_VMA_MAYSHARE;
        /// Grows towards lower addresses.
        const GROWSDOWN = abi::TASK_DIAG_VMA_GROWSDOWN;
        /// Page frames without a structure of their own.
        const PFNMAP = abi::TASK_DIAG_VMA_PFNMAP;
        /// Locked into memory.
        const LOCKED = abi::TASK_DIAG_VMA_LOCKED;
        /// Device memory.
        const IO = abi::TASK_DIAG_VMA_IO;
        /// Will be read from front to back.
        const SEQ_READ = abi::TASK_DIAG_VMA_SEQ_READ;
        /// Will be read here and there.
        const RAND_READ = abi::TASK_DIAG_VMA_RAND_READ;
        /// Not copied by a fork.
        const DONTCOPY = abi::TASK_DIAG_VMA_DONTCOPY;
        /// Cannot grow by `mremap`.
        const DONTEXPAND = abi::TASK_DIAG_VMA_DONTEXPAND;
        /// Counts as committed memory.
        const ACCOUNT = abi::TASK_DIAG_VMA_ACCOUNT;
        /// No swap is set aside for it.
        const NORESERVE = abi::TASK_DIAG_VMA_NORESERVE;
        /// Pages of hugetlbfs.
        const HUGETLB = abi::TASK_DIAG_VMA_HUGETLB;
        /// Page faults are synchronous.
        const SYNC = abi::TASK_DIAG_VMA_SYNC;
        /// Zero in the child after a fork.
        const WIPEONFORK = abi::TASK_DIAG_VMA_WIPEONFORK;
        /// Not in core dumps.
        const DONTDUMP = abi::TASK_DIAG_VMA_DONTDUMP;
        /// Page frames with and without a structure.
        const MIXEDMAP = abi::TASK_DIAG_VMA_MIXEDMAP;
        /// Advised to take huge pages.
        const HUGEPAGE = abi::TASK_DIAG_VMA_HUGEPAGE;
        /// Advised not to take huge pages.
        const NOHUGEPAGE = abi::TASK_DIAG_VMA_NOHUGEPAGE;
        /// Same pages may be merged.
        const MERGEABLE = abi::TASK_DIAG_VMA_MERGEABLE;
        /// Locked as its pages come in.
        const LOCKONFAULT = abi::TASK_DIAG_VMA_LOCKONFAULT;
        /// Written to since that was last cleared.
        const SOFTDIRTY = abi::TASK_DIAG_VMA_SOFTDIRTY;
        /// userfaultfd is told of missing pages.
        const UFFD_MISSING = abi::TASK_DIAG_VMA_UFFD_MISSING;
        /// userfaultfd is told of minor faults.
        const UFFD_MINOR = abi::TASK_DIAG_VMA_UFFD_MINOR;
        /// userfaultfd is told of writes.
        const UFFD_WP = abi::TASK_DIAG_VMA_UFFD_WP;
        /// Sealed by `mseal`.
        const SEALED = abi::TASK_DIAG_VMA_SEALED;
    }
}

impl VmaFlags {
    /// As the second column of `maps`: `r-xp` and the like.
    #[must_use]
    pub const fn permissions(self) -> &'static str {
        const SPELLINGS: [&str; 16] = [
            "---p", "r--p", "-w-p", "rw-p", "--xp", "r-xp", "-wxp", "rwxp", "---s", "r--s", "-w-s",
            "rw-s", "--xs", "r-xs", "-wxs", "rwxs",
        ];
        let rwx = (Self::READ.bits() | Self::WRITE.bits() | Self::EXEC.bits()) & self.bits();
        let shared = self.contains(Self::MAYSHARE) as usize;
        SPELLINGS[rwx as usize | shared << 3]
    }

    /// As the words behind `VmFlags:` in `smaps`: `rd`, `ex` and the like.
    pub fn mnemonics(self) -> impl Iterator<Item = &'static str> {
        MNEMONICS
            .iter()
            .filter(move |&&(flag, _)| self.contains(flag))
            .map(|&(_, mnemonic)| mnemonic)
    }
}

impl VmaFlags {
    /// The flag that `smaps` has this word for.
    #[cfg(feature = "procfs")]
    pub(crate) fn from_mnemonic(word: &[u8]) -> Option<Self> {
        let is_word = |(_, mnemonic): &&(Self, &str)| mnemonic.as_bytes() == word;
        MNEMONICS.iter().find(is_word).map(|&(flag, _)| flag)
    }
}

impl fmt::Display for VmaFlags {
    /// Names between commas; bits that have no name as one hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        names::write(self, f)
    }
}

/// In the order of `smaps`. [`VmaFlags::FILE`] and [`VmaFlags::DELETED`] have
/// no word there.
const MNEMONICS: &[(VmaFlags, &str)] = &[
    (VmaFlags::READ, "rd"),
    (VmaFlags::WRITE, "wr"),
    (VmaFlags::EXEC, "ex"),
    (VmaFlags::SHARED, "sh"),
    (VmaFlags::MAYREAD, "mr"),
    (VmaFlags::MAYWRITE, "mw"),
    (VmaFlags::MAYEXEC, "me"),
    (VmaFlags::MAYSHARE, "ms"),
    (VmaFlags::GROWSDOWN, "gd"),
    (VmaFlags::UFFD_MISSING, "um"),
    (VmaFlags::PFNMAP, "pf"),
    (VmaFlags::UFFD_WP, "uw"),
    (VmaFlags::LOCKED, "lo"),
    (VmaFlags::IO, "io"),
    (VmaFlags::SEQ_READ, "sr"),
    (VmaFlags::RAND_READ, "rr"),
    (VmaFlags::DONTCOPY, "dc"),
    (VmaFlags::DONTEXPAND, "de"),
    (VmaFlags::LOCKONFAULT, "lf"),
    (VmaFlags::ACCOUNT, "ac"),
    (VmaFlags::NORESERVE, "nr"),
    (VmaFlags::HUGETLB, "ht"),
    (VmaFlags::SYNC, "sf"),
    (VmaFlags::WIPEONFORK, "wf"),
    (VmaFlags::DONTDUMP, "dd"),
    (VmaFlags::SOFTDIRTY, "sd"),
    (VmaFlags::MIXEDMAP, "mm"),
    (VmaFlags::HUGEPAGE, "hg"),
    (VmaFlags::NOHUGEPAGE, "nh"),
    (VmaFlags::MERGEABLE, "mg"),
    (VmaFlags::UFFD_MINOR, "ui"),
    (VmaFlags::SEALED, "sl"),
];

#[cfg(feature = "serde")]
impl serde::Serialize for VmaFlags {
    /// As a list of names: `["read", "exec"]`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter_names().map(|(name, _)| name.to_ascii_lowercase()))
    }
}

/// The memory mappings of a task, in ascending order, borrowed.
#[derive(Clone, Debug)]
pub struct Vmas<'a>(Mappings<'a>);

#[derive(Clone, Debug)]
enum Mappings<'a> {
    Received(RecordsOf<'a>),
    Built(std::slice::Iter<'a, Vma<'static>>),
}

impl<'a> Vmas<'a> {
    pub(super) fn new(attributes: OfKind<'a>) -> Self {
        Self(Mappings::Received(RecordsOf::new(attributes)))
    }

    pub(super) fn built(mappings: &'a [Vma<'static>]) -> Self {
        Self(Mappings::Built(mappings.iter()))
    }
}

impl<'a> Iterator for Vmas<'a> {
    type Item = Vma<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Mappings::Received(records) => Vma::read(records.next()?).ok(),
            Mappings::Built(mappings) => mappings.next().map(Vma::borrowed),
        }
    }
}
