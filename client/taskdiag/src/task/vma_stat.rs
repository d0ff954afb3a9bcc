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

impl From<VmaStat> for TaskDiagVmaStat {
    fn from(stat: VmaStat) -> Self {
        Self {
            len: size_of::<Self>() as u32,
            pad: 0,
            start: stat.start,
            end: stat.end,
            rss: stat.rss,
            pss: stat.pss,
            pss_dirty: stat.pss_dirty,
            shared_clean: stat.shared_clean,
            shared_dirty: stat.shared_dirty,
            private_clean: stat.private_clean,
            private_dirty: stat.private_dirty,
            referenced: stat.referenced,
            anonymous: stat.anonymous,
            ksm: stat.ksm,
            lazy_free: stat.lazy_free,
            anon_thp: stat.anon_thp,
            shmem_thp: stat.shmem_thp,
            file_thp: stat.file_thp,
            shared_hugetlb: stat.shared_hugetlb,
            private_hugetlb: stat.private_hugetlb,
            swap: stat.swap,
            swap_pss: stat.swap_pss,
            locked: stat.locked,
        }
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

/// Memory use of the mappings of a task, in ascending order, borrowed.
#[derive(Clone, Debug)]
pub struct VmaStats<'a>(Mappings<'a>);

#[derive(Clone, Debug)]
enum Mappings<'a> {
    Received(RecordsOf<'a>),
    Built(std::slice::Iter<'a, VmaStat>),
}

impl<'a> VmaStats<'a> {
    pub(super) fn new(attributes: OfKind<'a>) -> Self {
        Self(Mappings::Received(RecordsOf::new(attributes)))
    }

    pub(super) fn built(mappings: &'a [VmaStat]) -> Self {
        Self(Mappings::Built(mappings.iter()))
    }
}

impl Iterator for VmaStats<'_> {
    type Item = VmaStat;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Mappings::Received(records) => Some(read::<TaskDiagVmaStat>(records.next()?).into()),
            Mappings::Built(mappings) => mappings.next().copied(),
        }
    }
}
