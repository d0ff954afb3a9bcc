// SPDX-License-Identifier: MIT
//! The group VMA_STAT: memory use per mapping of a process.

use crate::abi::TaskDiagVmaStat;
use crate::netlink::{Malformed, read};
use crate::task::layout::OfKind;
use crate::task::mirror;
use crate::task::records::{Records, RecordsOf};

mirror! {
    /// Memory use of a mapping in bytes, as in `/proc/PID/smaps`.
    ///
    /// From the kernel: `smap_gather_stats()` of `fs/proc/task_mmu.c`.
    pub struct VmaStat: TaskDiagVmaStat {
        /// Start address, as in [`crate::Vma`].
        start: u64,
        /// End address: the first one after the mapping.
        end: u64,
        /// Resident memory; `smaps` Rss.
        rss: u64,
        /// Resident memory, each page divided by its number of users; Pss.
        pss: u64,
        /// Dirty part of `pss`; Pss_Dirty.
        pss_dirty: u64,
        /// Clean resident pages with other users; Shared_Clean.
        shared_clean: u64,
        /// Dirty resident pages with other users; Shared_Dirty.
        shared_dirty: u64,
        /// Clean resident pages without other users; Private_Clean.
        private_clean: u64,
        /// Dirty resident pages without other users; Private_Dirty.
        private_dirty: u64,
        /// Recently accessed resident pages; Referenced.
        referenced: u64,
        /// Resident pages that do not belong to a file; Anonymous.
        anonymous: u64,
        /// Pages merged by KSM; KSM.
        ksm: u64,
        /// Pages freed by madvise(2) and not yet reclaimed; LazyFree.
        lazy_free: u64,
        /// Anonymous transparent huge pages; AnonHugePages.
        anon_thp: u64,
        /// Huge pages of shared memory; ShmemPmdMapped.
        shmem_thp: u64,
        /// Huge pages of files; FilePmdMapped.
        file_thp: u64,
        /// Pages of hugetlbfs with other users; Shared_Hugetlb.
        shared_hugetlb: u64,
        /// Pages of hugetlbfs without other users; Private_Hugetlb.
        private_hugetlb: u64,
        /// Swapped-out memory; Swap.
        swap: u64,
        /// Swapped-out memory, each page divided by its number of users;
        /// SwapPss.
        swap_pss: u64,
        /// `pss` if the mapping is locked into memory, else 0; Locked.
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
    /// Returns the records of one attribute, which has been validated.
    pub(super) fn all(attribute: &[u8]) -> impl Iterator<Item = Self> {
        Records::new(attribute)
            .map_while(|record| Some(read::<TaskDiagVmaStat>(record.ok()?).into()))
    }

    /// Validates the records of one attribute.
    pub(super) fn check(attribute: &[u8]) -> Result<(), Malformed> {
        Records::new(attribute).try_for_each(|record| record.map(drop))
    }
}

/// Iterator over the memory use per mapping of a row, in ascending order.
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
