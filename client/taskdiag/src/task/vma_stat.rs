// SPDX-License-Identifier: MIT
//! The group VMA_STAT: what is there of the areas of a process's memory.

use crate::abi::TaskDiagVmaStat;
use crate::netlink::Malformed;
use crate::task::records::{Records, RecordsOf};
use crate::task::{OfKind, mirror, read};

mirror! {
    /// What is there of an area of a process's memory: bytes, as in
    /// `/proc/PID/smaps`.
    ///
    /// From the kernel: `smap_gather_stats()` of `fs/proc/task_mmu.c`.
    pub struct VmaStat: TaskDiagVmaStat {
        /// First address of the area, as of [`crate::Vma`].
        start: u64,
        /// First address behind it.
        end: u64,
        /// Resident.
        rss: u64,
        /// Resident, each page divided by the number of its users.
        pss: u64,
        /// Of these, what is dirty.
        pss_dirty: u64,
        /// Resident, with other users, clean.
        shared_clean: u64,
        /// Resident, with other users, dirty.
        shared_dirty: u64,
        /// Resident, without other users, clean.
        private_clean: u64,
        /// Resident, without other users, dirty.
        private_dirty: u64,
        /// Resident and lately used.
        referenced: u64,
        /// Resident and no file's.
        anonymous: u64,
        /// Merged with the same content elsewhere.
        ksm: u64,
        /// Given back by madvise(2), and not yet taken.
        lazy_free: u64,
        /// In anonymous transparent huge pages.
        anon_thp: u64,
        /// In shared memory's huge pages.
        shmem_thp: u64,
        /// In files' huge pages.
        file_thp: u64,
        /// In pages of hugetlbfs with other users.
        shared_hugetlb: u64,
        /// In pages of hugetlbfs without.
        private_hugetlb: u64,
        /// Swapped out.
        swap: u64,
        /// Swapped out, each page divided by the number of its users.
        swap_pss: u64,
        /// `pss`, if the area is locked into memory.
        locked: u64,
    }
}

impl VmaStat {
    /// The areas of one attribute, which has been looked at.
    pub(super) fn all(attribute: &[u8]) -> impl Iterator<Item = Self> {
        Records::new(attribute)
            .map_while(|record| Some(read::<TaskDiagVmaStat>(record.ok()?).into()))
    }

    /// Looks at the areas of one attribute.
    pub(super) fn check(attribute: &[u8]) -> Result<(), Malformed> {
        Records::new(attribute).try_for_each(|record| record.map(drop))
    }
}

/// What is there of the areas in one or more attributes, in ascending order,
/// borrowed.
#[derive(Clone, Debug)]
pub struct VmaStats<'a>(RecordsOf<'a>);

impl<'a> VmaStats<'a> {
    pub(super) fn new(attributes: OfKind<'a>) -> Self {
        Self(RecordsOf::new(attributes))
    }
}

impl Iterator for VmaStats<'_> {
    type Item = VmaStat;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some(read::<TaskDiagVmaStat>(self.0.next()?).into())
    }
}
