// SPDX-License-Identifier: MIT
//! Columns of memory mappings: of one mapping per row, and sums over all mappings
//! of a process.

use taskdiag::{Show, Vma, VmaStat};

use super::Align::{Free, Left, Right};
use super::{Column, column};
use crate::row::{Mapping, MappingTotals, TaskRow};
use crate::value::Value;

const ANY_GROUP: Show = Show::empty();
const VMA: Show = Show::VMA;
const STAT: Show = Show::VMA_STAT;

#[rustfmt::skip]
pub(super) static COLUMNS: &[Column] = &[
    column(&[("pss", "PSS")], 5, Right, STAT,
        |row, _| total_kib(row, |totals| totals.pss), "proportional set size: each page divided by its number of users"),
    column(&[("uss", "USS")], 5, Right, STAT,
        |row, _| total_kib(row, |totals| totals.private), "unique set size: pages without other users"),
    column(&[("htprv", "HTPRV")], 5, Right, STAT,
        |row, _| total_kib(row, |totals| totals.private_hugetlb), "hugetlbfs pages without other users"),
    column(&[("htshr", "HTSHR")], 5, Right, STAT,
        |row, _| total_kib(row, |totals| totals.shared_hugetlb), "hugetlbfs pages with other users"),

    per_mapping(column(&[("vm_start", "START")], 12, Right, ANY_GROUP,
        |row, _| mapping(row, |mapping| Value::Address(mapping.start)), "first address")),
    per_mapping(column(&[("vm_end", "END")], 12, Right, ANY_GROUP,
        |row, _| mapping(row, |mapping| Value::Address(mapping.end)), "first address after the mapping")),

    per_mapping(column(&[("vm_perms", "PERM")], 4, Left, VMA,
        |row, _| vma(row, |vma| Value::Word(vma.flags.permissions())), "rwx, and s for shared or p for private")),
    per_mapping(column(&[("vm_offset", "OFFSET")], 8, Right, VMA,
        |row, _| vma(row, |vma| Value::Address(vma.pgoff)), "offset in the file")),
    per_mapping(column(&[("vm_dev", "DEV")], 5, Left, VMA,
        |row, _| vma(row, |vma| Value::Device(vma.dev_major, vma.dev_minor)), "device of the file")),
    per_mapping(column(&[("vm_inode", "INODE")], 8, Right, VMA,
        |row, _| vma(row, |vma| Value::Number(vma.ino)), "inode number of the file")),
    per_mapping(column(&[("vm_flags", "FLAGS")], 20, Left, VMA,
        |row, _| vma(row, |vma| Value::VmaFlags(vma.flags)), "flags, as in VmFlags of smaps")),
    per_mapping(column(&[("vm_path", "PATH")], 27, Free, VMA,
        |row, _| Some(Value::Bytes(row.mapping.as_deref()?.vma.as_ref()?.name.as_deref()?)), "path of the file, or a name such as [heap]")),

    per_mapping(column(&[("vm_rss", "RSS")], 5, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.rss), "resident memory")),
    per_mapping(column(&[("vm_pss", "PSS")], 5, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.pss), "resident memory, each page divided by its number of users")),
    per_mapping(column(&[("vm_pss_dirty", "PSSDIRTY")], 8, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.pss_dirty), "dirty part of vm_pss")),
    per_mapping(column(&[("vm_shared_clean", "SHCLEAN")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.shared_clean), "clean pages with other users")),
    per_mapping(column(&[("vm_shared_dirty", "SHDIRTY")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.shared_dirty), "dirty pages with other users")),
    per_mapping(column(&[("vm_private_clean", "PRCLEAN")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.private_clean), "clean pages without other users")),
    per_mapping(column(&[("vm_private_dirty", "PRDIRTY")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.private_dirty), "dirty pages without other users")),
    per_mapping(column(&[("vm_referenced", "REF")], 5, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.referenced), "recently used pages")),
    per_mapping(column(&[("vm_anonymous", "ANON")], 5, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.anonymous), "anonymous pages")),
    per_mapping(column(&[("vm_ksm", "KSM")], 5, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.ksm), "pages merged by KSM")),
    per_mapping(column(&[("vm_lazy_free", "LAZYFREE")], 8, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.lazy_free), "pages marked with MADV_FREE and not yet freed")),
    per_mapping(column(&[("vm_anon_thp", "ANONTHP")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.anon_thp), "anonymous transparent huge pages")),
    per_mapping(column(&[("vm_shmem_thp", "SHMEMTHP")], 8, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.shmem_thp), "shared memory in transparent huge pages")),
    per_mapping(column(&[("vm_file_thp", "FILETHP")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.file_thp), "file pages in transparent huge pages")),
    per_mapping(column(&[("vm_shared_hugetlb", "SHHTLB")], 6, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.shared_hugetlb), "hugetlbfs pages with other users")),
    per_mapping(column(&[("vm_private_hugetlb", "PRHTLB")], 6, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.private_hugetlb), "hugetlbfs pages without other users")),
    per_mapping(column(&[("vm_swap", "SWAP")], 5, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.swap), "swapped-out memory")),
    per_mapping(column(&[("vm_swap_pss", "SWAPPSS")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.swap_pss), "swapped-out memory, each page divided by its number of users")),
    per_mapping(column(&[("vm_locked", "LOCKED")], 6, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.locked), "vm_pss if the mapping is locked into memory")),
];

/// Marks a column as one of a mapping, not of a task.
const fn per_mapping(mut column: Column) -> Column {
    column.per_mapping = true;
    column
}

/// Returns a sum over the mappings of the task, in KiB.
fn total_kib(row: &TaskRow, bytes: impl FnOnce(&MappingTotals) -> u64) -> Option<Value<'_>> {
    let bytes = bytes(row.mapping_totals.as_deref()?);
    Some(Value::Number(bytes / 1024))
}

fn mapping<'a>(
    row: &'a TaskRow,
    value: impl FnOnce(&Mapping) -> Value<'static>,
) -> Option<Value<'a>> {
    row.mapping.as_deref().map(value)
}

fn vma<'a>(
    row: &'a TaskRow,
    value: impl FnOnce(&Vma<'static>) -> Value<'static>,
) -> Option<Value<'a>> {
    row.mapping.as_deref()?.vma.as_ref().map(value)
}

/// Returns a size of the group `vma_stat` of the mapping, in KiB.
fn stat_kib(row: &TaskRow, bytes: impl FnOnce(&VmaStat) -> u64) -> Option<Value<'_>> {
    let bytes = bytes(row.mapping.as_deref()?.stat.as_ref()?);
    Some(Value::Number(bytes / 1024))
}
