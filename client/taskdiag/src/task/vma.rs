// SPDX-License-Identifier: MIT
//! The group VMA: the memory mappings of a process.

use std::borrow::Cow;
use std::fmt;

use crate::abi::{self, TaskDiagVma};
use crate::name_list;
use crate::netlink::{Malformed, read};
use crate::task::layout::OfKind;
use crate::task::records::{Records, RecordsOf, fields, text};

/// A memory mapping of a process, as in a line of `/proc/PID/maps`.
///
/// From the kernel: `struct vm_area_struct`, through `show_map_vma()` of
/// `fs/proc/task_mmu.c`.
#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Vma<'a> {
    /// First address.
    pub start: u64,
    /// End address: the first one after the mapping.
    pub end: u64,
    /// Permissions and properties.
    pub flags: VmaFlags,
    /// Offset in the mapped file, in bytes.
    pub pgoff: u64,
    /// Major number of the mapped file's device.
    pub dev_major: u32,
    /// Minor number of the mapped file's device.
    pub dev_minor: u32,
    /// Inode number of the mapped file.
    pub ino: u64,
    /// Path of the mapped file, with " (deleted)" appended if
    /// [`VmaFlags::DELETED`] is set, or a name such as `[heap]`, `[stack]`,
    /// `[vdso]` or `[anon:NAME]`. Any bytes except NUL, not escaped: `maps`
    /// writes `\012` for a newline.
    #[cfg_attr(feature = "serde", serde(with = "super::bytes::option"))]
    pub name: Option<Cow<'a, [u8]>>,
}

impl<'a> Vma<'a> {
    /// Decodes one record.
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

    /// Returns the mappings of one attribute, which has been validated.
    pub(super) fn all(attribute: &'a [u8]) -> impl Iterator<Item = Self> {
        Records::new(attribute).map_while(|record| Self::read(record.ok()?).ok())
    }

    /// Validates the mappings of one attribute.
    pub(super) fn check(attribute: &[u8]) -> Result<(), Malformed> {
        Records::new(attribute).try_for_each(|record| Vma::read(record?).map(drop))
    }

    /// Returns the length in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Returns a view that borrows the name.
    pub(super) fn borrowed(&self) -> Vma<'_> {
        Vma {
            name: self.name.as_deref().map(Cow::Borrowed),
            ..*self
        }
    }

    /// Returns a copy that borrows nothing.
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
    /// Permissions and properties of a memory mapping.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct VmaFlags: u64 {
        /// Readable.
        const READ = abi::TASK_DIAG_VMA_READ;
        /// Writable.
        const WRITE = abi::TASK_DIAG_VMA_WRITE;
        /// Executable.
        const EXEC = abi::TASK_DIAG_VMA_EXEC;
        /// Shared.
        const SHARED = abi::TASK_DIAG_VMA_SHARED;
        /// Maps a file.
        const FILE = abi::TASK_DIAG_VMA_FILE;
        /// Maps a file without a name: a deleted one.
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
        /// Page frames without a `struct page`.
        const PFNMAP = abi::TASK_DIAG_VMA_PFNMAP;
        /// Locked into memory.
        const LOCKED = abi::TASK_DIAG_VMA_LOCKED;
        /// Device memory.
        const IO = abi::TASK_DIAG_VMA_IO;
        /// Expected to be read sequentially.
        const SEQ_READ = abi::TASK_DIAG_VMA_SEQ_READ;
        /// Expected to be read in random order.
        const RAND_READ = abi::TASK_DIAG_VMA_RAND_READ;
        /// Not copied by fork().
        const DONTCOPY = abi::TASK_DIAG_VMA_DONTCOPY;
        /// Cannot grow by `mremap`.
        const DONTEXPAND = abi::TASK_DIAG_VMA_DONTEXPAND;
        /// Counts as committed memory.
        const ACCOUNT = abi::TASK_DIAG_VMA_ACCOUNT;
        /// No swap space is reserved.
        const NORESERVE = abi::TASK_DIAG_VMA_NORESERVE;
        /// Pages of hugetlbfs.
        const HUGETLB = abi::TASK_DIAG_VMA_HUGETLB;
        /// Page faults are synchronous.
        const SYNC = abi::TASK_DIAG_VMA_SYNC;
        /// Zeroed in the child after fork().
        const WIPEONFORK = abi::TASK_DIAG_VMA_WIPEONFORK;
        /// Not in core dumps.
        const DONTDUMP = abi::TASK_DIAG_VMA_DONTDUMP;
        /// Page frames with and without a `struct page`.
        const MIXEDMAP = abi::TASK_DIAG_VMA_MIXEDMAP;
        /// Advised to take huge pages.
        const HUGEPAGE = abi::TASK_DIAG_VMA_HUGEPAGE;
        /// Advised not to take huge pages.
        const NOHUGEPAGE = abi::TASK_DIAG_VMA_NOHUGEPAGE;
        /// Pages with equal content may be merged.
        const MERGEABLE = abi::TASK_DIAG_VMA_MERGEABLE;
        /// Pages are locked when they are faulted in.
        const LOCKONFAULT = abi::TASK_DIAG_VMA_LOCKONFAULT;
        /// Written to since the last reset of the soft-dirty bits.
        const SOFTDIRTY = abi::TASK_DIAG_VMA_SOFTDIRTY;
        /// userfaultfd is notified of missing pages.
        const UFFD_MISSING = abi::TASK_DIAG_VMA_UFFD_MISSING;
        /// userfaultfd is notified of minor faults.
        const UFFD_MINOR = abi::TASK_DIAG_VMA_UFFD_MINOR;
        /// userfaultfd is notified of writes.
        const UFFD_WP = abi::TASK_DIAG_VMA_UFFD_WP;
        /// Sealed by `mseal`.
        const SEALED = abi::TASK_DIAG_VMA_SEALED;
    }
}

impl VmaFlags {
    /// Returns the second column of `maps`, such as `r-xp`.
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

    /// Returns the words of the line `VmFlags:` of `smaps`, such as `rd` and
    /// `ex`.
    pub fn mnemonics(self) -> impl Iterator<Item = &'static str> {
        MNEMONICS
            .iter()
            .filter(move |&&(flag, _)| self.contains(flag))
            .map(|&(_, mnemonic)| mnemonic)
    }
}

impl VmaFlags {
    /// Returns the flag with this word in `smaps`.
    #[cfg(feature = "procfs")]
    pub(crate) fn from_mnemonic(word: &[u8]) -> Option<Self> {
        let is_word = |(_, mnemonic): &&(Self, &str)| mnemonic.as_bytes() == word;
        MNEMONICS.iter().find(is_word).map(|&(flag, _)| flag)
    }
}

impl fmt::Display for VmaFlags {
    /// Writes names, separated by commas; the bits without a name follow as one
    /// hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name_list::write(self, f)
    }
}

/// Words of `smaps`, in its order. [`VmaFlags::FILE`] and [`VmaFlags::DELETED`]
/// have none.
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
impl<'de> serde::Deserialize<'de> for VmaFlags {
    /// Deserializes a list of names, in any case.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<Cow<'_, str>>::deserialize(deserializer)?;
        names.iter().try_fold(Self::empty(), |flags, name| {
            match Self::from_name(&name.to_ascii_uppercase()) {
                Some(flag) => Ok(flags | flag),
                None => Err(serde::de::Error::custom(format!("unknown flag {name:?}"))),
            }
        })
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for VmaFlags {
    /// Serializes a list of names, without the bits that have none:
    /// `["read", "exec"]`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter_names().map(|(name, _)| name.to_ascii_lowercase()))
    }
}

/// Iterator over the memory mappings of a row, in ascending order.
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
