// SPDX-License-Identifier: MIT
//! The order of rows, for somebody who wants another than the kernel's.

use std::cmp::Ordering;
use std::str::FromStr;

use crate::columns::{self, BadColumn, Chosen};
use crate::host::Host;
use crate::row::Row;

/// A column to sort by, and whether from its highest value down.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) chosen: Chosen,
    descending: bool,
}

impl FromStr for Key {
    type Err = BadColumn;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let word = word.trim();
        let (descending, name) = match word.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, word.strip_prefix('+').unwrap_or(word)),
        };
        Ok(Self {
            chosen: columns::find(name)?,
            descending,
        })
    }
}

impl Key {
    fn compare(&self, a: &Row, b: &Row, host: &Host) -> Ordering {
        let column = self.chosen.column;
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

/// Sorts by the first key, what is equal there by the second, and so on; what
/// is equal in all stays in the kernel's order.
pub(crate) fn sort(rows: &mut [Row], keys: &[Key], host: &Host) {
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

    fn sorted(rows: &[Row], keys: &str) -> Vec<u32> {
        let keys: Vec<Key> = keys
            .split(',')
            .map(|key| key.parse().expect("a key"))
            .collect();
        let mut rows = rows.to_vec();
        sort(&mut rows, &keys, &Host::at(0, false));
        rows.iter().map(|row| row.tid).collect()
    }

    #[test]
    fn numbers_sort_as_numbers_both_ways() {
        let rows = [plain(10, b"a"), plain(9, b"b"), plain(100, b"c")];
        assert_eq!(sorted(&rows, "pid"), [9, 10, 100]);
        assert_eq!(sorted(&rows, "+pid"), [9, 10, 100]);
        assert_eq!(sorted(&rows, "-pid"), [100, 10, 9]);
    }

    #[test]
    fn later_keys_settle_ties_and_the_rest_stays_in_order() {
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
    fn names_sort_as_words_and_what_is_not_told_comes_first() {
        let mut bare = plain(3, b"c");
        bare.cred = None;
        let rows = [init(), nameless(2, b"b"), bare];
        assert_eq!(sorted(&rows, "user"), [3, 2, 1]);
        assert_eq!(sorted(&rows, "-capeff"), [1, 2, 3]);
    }

    #[test]
    fn a_key_that_is_no_column_is_named_without_its_sign() {
        let error = "-weight".parse::<Key>().expect_err("no such column");
        assert!(
            error
                .to_string()
                .starts_with("there is no column \"weight\";")
        );
    }
}
