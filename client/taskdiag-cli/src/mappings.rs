// SPDX-License-Identifier: MIT
//! Rows of memory mappings: one row per mapping of a task.

use std::collections::VecDeque;

use taskdiag::{Show, TaskRef};

use crate::row::{Mapping, TaskRow};

/// The mappings of the last message that are not yet returned as rows.
#[derive(Debug, Default)]
pub(crate) struct MappingRows {
    task: TaskRow,
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
        }
        self.mappings = join_groups(task);
    }

    /// Whether all rows have been returned.
    pub(crate) fn is_empty(&self) -> bool {
        self.mappings.is_empty()
    }

    /// Returns the next row.
    pub(crate) fn next(&mut self) -> Option<TaskRow> {
        let mapping = self.mappings.pop_front()?;
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
