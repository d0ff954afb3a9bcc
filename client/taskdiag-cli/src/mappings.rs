// SPDX-License-Identifier: MIT
//! A task's areas of memory, as rows of their own.

use std::collections::VecDeque;

use taskdiag::{Show, TaskRef};

use crate::row::{Mapping, TaskRow};

/// The areas of a task that are still to be shown.
#[derive(Debug, Default)]
pub(crate) struct MappingRows {
    task: TaskRow,
    mappings: VecDeque<Mapping>,
}

impl MappingRows {
    /// Takes the areas that the task has, or the next of them.
    pub(crate) fn replace(&mut self, task: TaskRef<'_>, show: Show) {
        if task.goes_on() {
            self.task.append(task);
        } else {
            self.task = TaskRow::new(task, show);
        }
        self.mappings = join_groups(task);
    }

    /// Whether there is none left.
    pub(crate) fn is_empty(&self) -> bool {
        self.mappings.is_empty()
    }

    /// The next, as a row.
    pub(crate) fn next(&mut self) -> Option<TaskRow> {
        let mapping = self.mappings.pop_front()?;
        Some(TaskRow {
            mapping: Some(Box::new(mapping)),
            ..self.task.clone()
        })
    }
}

/// Areas and what is there of them, which come side by side.
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
    // Without the one group, the other says where an area is.
    mappings.extend(stats.map(|stat| Mapping {
        start: stat.start,
        end: stat.end,
        vma: None,
        stat: Some(stat),
    }));
    mappings
}
