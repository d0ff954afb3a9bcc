// SPDX-License-Identifier: MIT
//! Rows of memory mappings: one row per mapping of a task.

use std::collections::VecDeque;

use taskdiag::{Show, TaskRef};

use crate::row::{Mapping, TaskRow};

/// The mappings of the last message that are not yet returned as rows.
#[derive(Debug, Default)]
pub(crate) struct MappingRows {
    task: TaskRow,
    /// No row of the task has been returned.
    is_first: bool,
    mappings: VecDeque<Mapping>,
}

impl MappingRows {
    /// Takes the mappings of a message. The task fields of a continuation are those
    /// of the messages before it.
    pub(crate) fn replace(&mut self, task: TaskRef<'_>, show: Show) {
        if task.is_continuation() {
            self.task.append(task);
        } else {
            self.task = TaskRow::new(task, show);
            self.is_first = true;
        }
        self.mappings = join_groups(task);
    }

    /// Returns the task of the last message, without a mapping.
    pub(crate) fn task(&self) -> &TaskRow {
        &self.task
    }

    /// Whether the caller may not read the mappings, so that the task has a row without
    /// one.
    fn is_denied(&self) -> bool {
        self.is_first && self.task.denied.intersects(Show::VMA | Show::VMA_STAT)
    }

    /// Returns the next row of the last message.
    pub(crate) fn next(&mut self) -> Option<TaskRow> {
        if self.mappings.is_empty() && self.is_denied() {
            self.is_first = false;
            return Some(self.task.clone());
        }
        let mapping = self.mappings.pop_front()?;
        self.is_first = false;
        Some(TaskRow {
            mapping: Some(Box::new(mapping)),
            ..self.task.clone()
        })
    }
}

/// Joins the groups `vma` and `vma_stat`, which list mappings in the same order.
fn join_groups(task: TaskRef<'_>) -> VecDeque<Mapping> {
    let mut stats = task.vma_stats().into_iter().flatten().peekable();
    let mut mappings = VecDeque::new();
    for vma in task.vmas().into_iter().flatten() {
        mappings.push_back(Mapping {
            start: vma.start,
            end: vma.end,
            stat: stats.next_if(|stat| stat.start == vma.start),
            vma: Some(vma.into_owned()),
        });
    }
    // Without the group vma, the addresses are those of vma_stat.
    mappings.extend(stats.map(|stat| Mapping {
        start: stat.start,
        end: stat.end,
        vma: None,
        stat: Some(stat),
    }));
    mappings
}
