// SPDX-License-Identifier: MIT
//! `--tree`: orders tasks as a tree, and draws its branches.

use std::collections::HashMap;

/// The position of a task in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TreePosition {
    /// Index of the task in the input.
    pub(crate) index: usize,
    /// Number of ancestors in the tree.
    pub(crate) depth: usize,
    /// Whether it is the last of its siblings.
    last: bool,
}

/// Orders tasks, each given by its id and that of its parent, so that children
/// follow their parents. A task without a listed parent is a root. Siblings keep
/// their order.
///
/// Every task has exactly one position, even if pids were reused during the dump
/// and tasks appear to be ancestors of each other.
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
        // A task that no root reaches is part of a cycle, which is cut here.
        descend(&[index], &children, &mut placed, &mut positions);
    }
    positions
}

/// Appends the positions of the descendants of `roots`. An explicit stack is used,
/// because a chain of processes can be too long for recursion.
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

/// Draws branches for positions in the order of [`arrange`].
#[derive(Debug, Default)]
pub(crate) struct Branches {
    /// For each level above the task: whether its line continues below.
    lines: Vec<bool>,
}

/// The maximum depth that is drawn. Deeper tasks are drawn at this depth, because
/// longer lines are unreadable.
const MAX_DEPTH: usize = 128;

impl Branches {
    /// Returns the branches before the name, as `ps --forest` draws them.
    pub(crate) fn draw(&mut self, position: TreePosition) -> String {
        let Some(above) = position.depth.min(MAX_DEPTH).checked_sub(1) else {
            self.lines.clear();
            return String::new();
        };
        self.lines.truncate(above);
        let mut art: String = self
            .lines
            .iter()
            .map(|&continues| if continues { " |  " } else { "    " })
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
        assert_eq!(widest.max(), Some(4 * MAX_DEPTH));
    }
}
