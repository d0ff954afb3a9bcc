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
        let column = self.selected.column;
        let order = match (column.value(a, host), column.value(b, host)) {
            (Some(a), Some(b)) => a.compare(&b, host),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
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
    fn unknown_sort_key_is_reported_without_its_sign() {
        let error = "-weight".parse::<SortKey>().expect_err("no such column");
        assert!(error.to_string().starts_with("unknown column \"weight\";"));
    }
}
