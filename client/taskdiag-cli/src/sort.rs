// SPDX-License-Identifier: MIT
//! `--sort`: sorts rows by columns.

use std::cmp::Ordering;
use std::str::FromStr;

use crate::columns::{self, ColumnError, SelectedColumn};
use crate::host::Host;
use crate::row::TaskRow;

/// A column to sort by, and the direction.
#[derive(Clone, Debug)]
pub(crate) struct SortKey {
    pub(crate) selected: SelectedColumn,
    descending: bool,
}

impl FromStr for SortKey {
    type Err = ColumnError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let word = word.trim();
        let (descending, name) = match word.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, word.strip_prefix('+').unwrap_or(word)),
        };
        Ok(Self {
            selected: columns::find(name)?,
            descending,
        })
    }
}

impl SortKey {
    fn compare(&self, a: &TaskRow, b: &TaskRow, host: &Host) -> Ordering {
        let order = self.selected.column.compare(a, b, host);
        if self.descending {
            order.reverse()
        } else {
            order
        }
    }
}

/// Sorts by the first key, then by the next ones. Rows that are equal in all keys
/// keep their order.
pub(crate) fn sort(rows: &mut [TaskRow], keys: &[SortKey], host: &Host) {
    rows.sort_by(|a, b| {
        keys.iter()
            .map(|key| key.compare(a, b, host))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::samples::{init, nameless, plain};

    fn sorted(rows: &[TaskRow], keys: &str) -> Vec<u32> {
        let keys: Vec<SortKey> = keys
            .split(',')
            .map(|key| key.parse().expect("a key"))
            .collect();
        let mut rows = rows.to_vec();
        sort(&mut rows, &keys, &Host::at(0, false));
        rows.iter().map(|row| row.tid).collect()
    }

    #[test]
    fn numbers_sort_numerically_in_both_directions() {
        let rows = [plain(10, b"a"), plain(9, b"b"), plain(100, b"c")];
        assert_eq!(sorted(&rows, "pid"), [9, 10, 100]);
        assert_eq!(sorted(&rows, "+pid"), [9, 10, 100]);
        assert_eq!(sorted(&rows, "-pid"), [100, 10, 9]);
    }

    #[test]
    fn later_keys_break_ties_and_equal_rows_keep_their_order() {
        let rows = [
            plain(4, b"b"),
            plain(2, b"a"),
            plain(3, b"b"),
            plain(1, b"a"),
        ];
        assert_eq!(sorted(&rows, "comm"), [2, 1, 4, 3]);
        assert_eq!(sorted(&rows, "comm,-pid"), [2, 1, 4, 3]);
        assert_eq!(sorted(&rows, "-comm,pid"), [3, 4, 1, 2]);
        assert_eq!(sorted(&rows, "-sid"), [4, 2, 3, 1]);
    }

    #[test]
    fn names_sort_alphabetically_and_missing_values_first() {
        let mut bare = plain(3, b"c");
        bare.cred = None;
        let rows = [init(), nameless(2, b"b"), bare];
        assert_eq!(sorted(&rows, "user"), [3, 2, 1]);
        assert_eq!(sorted(&rows, "-capeff"), [1, 2, 3]);
    }

    #[test]
    fn percentages_sort_by_the_exact_value() {
        let row = |pid, ticks: u64, rss| {
            let mut row = plain(pid, b"a");
            let mut stat = taskdiag::Stat::default();
            stat.utime = ticks * 10_000_000;
            stat.memory.get_or_insert_default().rss = Some(rss);
            row.stat = Some(Box::new(stat));
            row
        };
        let rows = [row(1, 1, 4096), row(2, 3, 8192), row(3, 2, 0)];
        for (keys, expected) in [
            ("-%cpu", [2, 3, 1]),
            ("cp", [1, 3, 2]),
            ("-time", [2, 3, 1]),
            ("-%mem", [2, 1, 3]),
            ("pmem", [3, 1, 2]),
        ] {
            let keys: Vec<SortKey> = vec![keys.parse().expect("a key")];
            let mut rows = rows.to_vec();
            // All shares round to 0.0 %.
            sort(&mut rows, &keys, &Host::at(100_000, false));
            let order: Vec<u32> = rows.iter().map(|row| row.tid).collect();
            assert_eq!(order, expected);
        }
    }

    #[test]
    fn unknown_sort_key_is_reported_without_its_sign() {
        let error = "-weight".parse::<SortKey>().expect_err("no such column");
        assert!(error.to_string().starts_with("unknown column \"weight\""));
    }
}
