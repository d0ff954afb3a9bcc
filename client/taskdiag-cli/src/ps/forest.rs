// SPDX-License-Identifier: MIT
//! The order and the branches of `--forest` and `-H`.

use super::args::Dialect;
use crate::row::TaskRow;
use crate::tree::{self, Branches, TreePosition};

/// The process that inherits orphans.
const INIT: u32 = 1;

/// Returns the indices of rows in the order of their trees, with the branches to draw.
///
/// Like procps, print the trees in the reverse order of their roots, and the children
/// of init as trees beside it if branches are drawn.
pub(super) fn arrange(rows: &[TaskRow], dialect: Dialect) -> Vec<(usize, String)> {
    let mut by_parent: Vec<usize> = (0..rows.len()).collect();
    by_parent.sort_by_key(|&index| rows[index].base.map(|base| base.ppid));
    let relations: Vec<_> = by_parent
        .iter()
        .map(|&index| rows[index].relation())
        .collect();
    let positions = tree::arrange(&relations);
    let mut trees: Vec<&[TreePosition]> = positions.chunk_by(|_, next| next.depth > 0).collect();
    trees.reverse();

    let mut branches = Branches::default();
    let mut arranged = Vec::with_capacity(rows.len());
    for tree in trees {
        let below_init = relations[tree[0].index].0 == INIT && dialect == Dialect::Bsd;
        for position in tree {
            let mut shown = *position;
            shown.depth -= usize::from(below_init && shown.depth > 0);
            let branch = match dialect {
                Dialect::Bsd => branches.draw(shown),
                Dialect::Unix => "  ".repeat(shown.depth),
            };
            arranged.push((by_parent[position.index], branch));
        }
    }
    arranged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::samples::plain;

    fn drawn(tasks: &[(u32, u32)], dialect: Dialect) -> Vec<String> {
        let row = |&(pid, ppid): &(u32, u32)| {
            let mut row = plain(pid, b"name");
            row.base.get_or_insert_default().ppid = ppid;
            row
        };
        let rows: Vec<TaskRow> = tasks.iter().map(row).collect();
        let arranged = arrange(&rows, dialect).into_iter();
        arranged
            .map(|(index, branch)| format!("{branch}{}", rows[index].tid))
            .collect()
    }

    #[test]
    fn last_root_is_first_and_children_of_init_are_beside_it() {
        let tasks = [(1, 0), (2, 0), (3, 2), (4, 1), (5, 4), (6, 1), (9, 8)];
        assert_eq!(
            drawn(&tasks, Dialect::Bsd),
            ["9", "2", " \\_ 3", "1", "4", " \\_ 5", "6"]
        );
        assert_eq!(
            drawn(&tasks, Dialect::Unix),
            ["9", "2", "  3", "1", "  4", "    5", "  6"]
        );
    }
}
