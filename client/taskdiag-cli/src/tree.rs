// SPDX-License-Identifier: MIT
//! Who is whose parent: the order of a tree, and where each task stands in it.

use std::collections::HashMap;

/// A task in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TreePosition {
    /// Which of the tasks it is.
    pub(crate) index: usize,
    /// How many of the tasks are above it.
    pub(crate) depth: usize,
    /// Whether it has no younger brother.
    last: bool,
}

/// Puts tasks, each its number and its parent's, below their parents; those
/// whose parent is not among them are roots. Brothers keep their order.
///
/// Every task has a place, once, even if numbers were used again meanwhile and
/// tasks came to be each other's ancestors.
pub(crate) fn arrange(tasks: &[(u32, u32)]) -> Vec<TreePosition> {
    let mut by_pid: HashMap<u32, usize> = HashMap::with_capacity(tasks.len());
    for (index, &(pid, _)) in tasks.iter().enumerate() {
        by_pid.entry(pid).or_insert(index);
    }
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); tasks.len()];
    let mut roots = Vec::new();
    for (index, &(pid, ppid)) in tasks.iter().enumerate() {
        match by_pid.get(&ppid) {
            Some(&parent) if pid != ppid => children[parent].push(index),
            _ => roots.push(index),
        }
    }

    let mut positions = Vec::with_capacity(tasks.len());
    let mut placed = vec![false; tasks.len()];
    descend(&roots, &children, &mut placed, &mut positions);
    for index in 0..tasks.len() {
        // What no root leads to goes round in a circle: cut it here.
        descend(&[index], &children, &mut placed, &mut positions);
    }
    positions
}

/// Walks down from these, with a stack of its own: a chain of processes can
/// be longer than a thread's.
fn descend(
    roots: &[usize],
    children: &[Vec<usize>],
    placed: &mut [bool],
    positions: &mut Vec<TreePosition>,
) {
    let mut stack: Vec<TreePosition> = roots
        .iter()
        .rev()
        .map(|&index| TreePosition {
            index,
            depth: 0,
            last: false,
        })
        .collect();
    while let Some(position) = stack.pop() {
        if std::mem::replace(&mut placed[position.index], true) {
            continue;
        }
        let below = &children[position.index];
        for (count, &index) in below.iter().rev().enumerate() {
            stack.push(TreePosition {
                index,
                depth: position.depth + 1,
                last: count == 0,
            });
        }
        positions.push(position);
    }
}

/// Draws the branches, from place to place in the order of [`arrange`].
#[derive(Debug, Default)]
pub(crate) struct Branches {
    /// Whether a line goes on below, for each level above the task.
    lines: Vec<bool>,
}

/// The deepest that is drawn. What is below stands there too: nobody reads
/// that far to the right.
const DEEPEST: usize = 128;

impl Branches {
    /// What stands before the name, as `ps --forest` draws it.
    pub(crate) fn draw(&mut self, position: TreePosition) -> String {
        let Some(above) = position.depth.min(DEEPEST).checked_sub(1) else {
            self.lines.clear();
            return String::new();
        };
        self.lines.truncate(above);
        let mut art: String = self
            .lines
            .iter()
            .map(|&goes_on| if goes_on { " |  " } else { "    " })
            .collect();
        art.push_str(" \\_ ");
        self.lines.push(!position.last);
        art
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(tasks: &[(u32, u32)]) -> String {
        let mut branches = Branches::default();
        arrange(tasks)
            .into_iter()
            .map(|position| format!("{}{}\n", branches.draw(position), tasks[position.index].0))
            .collect()
    }

    #[test]
    fn children_are_below_their_parents() {
        let tasks = [
            (1, 0),
            (2, 0),
            (10, 1),
            (11, 10),
            (12, 1),
            (13, 12),
            (20, 2),
            (14, 11),
        ];
        assert_eq!(
            drawn(&tasks),
            "\
1
 \\_ 10
 |   \\_ 11
 |       \\_ 14
 \\_ 12
     \\_ 13
2
 \\_ 20
"
        );
    }

    #[test]
    fn task_without_a_listed_parent_is_a_root() {
        assert_eq!(drawn(&[(5, 4), (6, 5), (3, 2)]), "5\n \\_ 6\n3\n");
        assert_eq!(drawn(&[]), "");
    }

    #[test]
    fn a_parent_may_come_after_its_child() {
        assert_eq!(drawn(&[(5, 9), (9, 0)]), "9\n \\_ 5\n");
    }

    #[test]
    fn cycles_are_broken_and_each_task_is_placed_once() {
        assert_eq!(drawn(&[(1, 1)]), "1\n");
        assert_eq!(drawn(&[(1, 2), (2, 1), (3, 1)]), "1\n \\_ 2\n \\_ 3\n");
        assert_eq!(drawn(&[(7, 0), (7, 0)]), "7\n7\n");
    }

    #[test]
    fn long_chain_needs_no_recursion() {
        let chain: Vec<(u32, u32)> = (1..=3000).map(|pid| (pid, pid - 1)).collect();
        let positions = arrange(&chain);
        assert_eq!(positions.len(), 3000);
        assert_eq!(positions.last().map(|position| position.depth), Some(2999));
        let mut branches = Branches::default();
        let widest = positions
            .into_iter()
            .map(|position| branches.draw(position).len());
        assert_eq!(widest.max(), Some(4 * DEEPEST));
    }
}
