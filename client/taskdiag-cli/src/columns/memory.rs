// SPDX-License-Identifier: MIT
//! The areas of a process's memory: each in a row of its own, or their sums.

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
        |row, _| total_kib(row, |totals| totals.pss), "resident, each page divided by the number of its users"),
    column(&[("uss", "USS")], 5, Right, STAT,
        |row, _| total_kib(row, |totals| totals.private), "resident without other users"),
    column(&[("htprv", "HTPRV")], 5, Right, STAT,
        |row, _| total_kib(row, |totals| totals.private_hugetlb), "hugetlbfs without other users"),
    column(&[("htshr", "HTSHR")], 5, Right, STAT,
        |row, _| total_kib(row, |totals| totals.shared_hugetlb), "hugetlbfs with other users"),

    per_mapping(column(&[("vm_start", "START")], 12, Right, ANY_GROUP,
        |row, _| mapping(row, |mapping| Value::Address(mapping.start)), "first address")),
    per_mapping(column(&[("vm_end", "END")], 12, Right, ANY_GROUP,
        |row, _| mapping(row, |mapping| Value::Address(mapping.end)), "first address behind it")),

    per_mapping(column(&[("vm_perms", "PERM")], 4, Left, VMA,
        |row, _| vma(row, |vma| Value::Word(vma.flags.permissions())), "rwx, and shared or private")),
    per_mapping(column(&[("vm_offset", "OFFSET")], 8, Right, VMA,
        |row, _| vma(row, |vma| Value::Address(vma.pgoff)), "where in the file it begins")),
    per_mapping(column(&[("vm_dev", "DEV")], 5, Left, VMA,
        |row, _| vma(row, |vma| Value::Device(vma.dev_major, vma.dev_minor)), "the file's device")),
    per_mapping(column(&[("vm_inode", "INODE")], 8, Right, VMA,
        |row, _| vma(row, |vma| Value::Number(vma.ino)), "the file's inode")),
    per_mapping(column(&[("vm_flags", "FLAGS")], 20, Left, VMA,
        |row, _| vma(row, |vma| Value::VmaFlags(vma.flags)), "its flags, in the words of smaps")),
    per_mapping(column(&[("vm_path", "PATH")], 27, Free, VMA,
        |row, _| Some(Value::Bytes(row.mapping.as_deref()?.vma.as_ref()?.name.as_deref()?)), "its name: a path, [heap] and the like")),

    per_mapping(column(&[("vm_rss", "RSS")], 5, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.rss), "resident")),
    per_mapping(column(&[("vm_pss", "PSS")], 5, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.pss), "resident, each page divided by the number of its users")),
    per_mapping(column(&[("vm_pss_dirty", "PSSDIRTY")], 8, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.pss_dirty), "of these, what is dirty")),
    per_mapping(column(&[("vm_shared_clean", "SHCLEAN")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.shared_clean), "with other users, clean")),
    per_mapping(column(&[("vm_shared_dirty", "SHDIRTY")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.shared_dirty), "with other users, dirty")),
    per_mapping(column(&[("vm_private_clean", "PRCLEAN")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.private_clean), "without other users, clean")),
    per_mapping(column(&[("vm_private_dirty", "PRDIRTY")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.private_dirty), "without other users, dirty")),
    per_mapping(column(&[("vm_referenced", "REF")], 5, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.referenced), "lately used")),
    per_mapping(column(&[("vm_anonymous", "ANON")], 5, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.anonymous), "no file's")),
    per_mapping(column(&[("vm_ksm", "KSM")], 5, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.ksm), "merged with the same content elsewhere")),
    per_mapping(column(&[("vm_lazy_free", "LAZYFREE")], 8, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.lazy_free), "given back and not yet taken")),
    per_mapping(column(&[("vm_anon_thp", "ANONTHP")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.anon_thp), "in anonymous huge pages")),
    per_mapping(column(&[("vm_shmem_thp", "SHMEMTHP")], 8, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.shmem_thp), "in shared memory's huge pages")),
    per_mapping(column(&[("vm_file_thp", "FILETHP")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.file_thp), "in files' huge pages")),
    per_mapping(column(&[("vm_shared_hugetlb", "SHHTLB")], 6, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.shared_hugetlb), "hugetlbfs with other users")),
    per_mapping(column(&[("vm_private_hugetlb", "PRHTLB")], 6, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.private_hugetlb), "hugetlbfs without")),
    per_mapping(column(&[("vm_swap", "SWAP")], 5, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.swap), "swapped out")),
    per_mapping(column(&[("vm_swap_pss", "SWAPPSS")], 7, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.swap_pss), "swapped out, each page divided by the number of its users")),
    per_mapping(column(&[("vm_locked", "LOCKED")], 6, Right, STAT,
        |row, _| stat_kib(row, |stat| stat.locked), "vm_pss, if it is locked into memory")),
];

/// A column of an area, not of a task.
const fn per_mapping(mut column: Column) -> Column {
    column.per_mapping = true;
    column
}

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

fn stat_kib(row: &TaskRow, bytes: impl FnOnce(&VmaStat) -> u64) -> Option<Value<'_>> {
    let bytes = bytes(row.mapping.as_deref()?.stat.as_ref()?);
    Some(Value::Number(bytes / 1024))
}
