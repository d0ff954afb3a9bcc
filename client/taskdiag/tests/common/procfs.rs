// SPDX-License-Identifier: MIT
//! Reference values from procfs. Independent of task_diag.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Returns the entries of a directory that are numbers; none if it is gone.
pub(crate) fn numbers(directory: &str) -> BTreeSet<u32> {
    let Ok(entries) = fs::read_dir(directory) else {
        return BTreeSet::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

pub(crate) fn processes() -> BTreeSet<u32> {
    numbers("/proc")
}

pub(crate) fn threads(process: u32) -> BTreeSet<u32> {
    numbers(&format!("/proc/{process}/task"))
}

pub(crate) fn all_threads() -> BTreeSet<u32> {
    processes().into_iter().flat_map(threads).collect()
}

/// Returns the words of each line of `/proc/PID/status`, by its name.
pub(crate) fn status(pid: u32) -> BTreeMap<String, Vec<String>> {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, values)| {
            let values = values.split_whitespace().map(str::to_owned).collect();
            (name.to_owned(), values)
        })
        .collect()
}
