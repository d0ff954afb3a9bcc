// SPDX-License-Identifier: MIT
//! A task's areas of memory, as rows of their own.

use std::collections::VecDeque;

use taskdiag::{Show, TaskRef};

use crate::row::{Area, Row};

/// The areas of a task that are still to be shown.
#[derive(Debug, Default)]
pub(crate) struct Areas {
    task: Row,
    areas: VecDeque<Area>,
}

impl Areas {
    /// Takes the areas that the task has, or the next of them.
    pub(crate) fn take(&mut self, task: TaskRef<'_>, show: Show) {
        if task.is_continuation() {
            self.task.go_on(task);
        } else {
            self.task = Row::new(task, show);
        }
        self.areas = pair(task);
    }

    /// Whether there is none left.
    pub(crate) fn is_empty(&self) -> bool {
        self.areas.is_empty()
    }

    /// The next, as a row.
    pub(crate) fn next(&mut self) -> Option<Row> {
        let area = self.areas.pop_front()?;
        Some(Row {
            area: Some(Box::new(area)),
            ..self.task.clone()
        })
    }
}

/// Areas and what is there of them, which come side by side.
fn pair(task: TaskRef<'_>) -> VecDeque<Area> {
    let mut stats = task.vma_stats().into_iter().flatten().peekable();
    let mut areas = VecDeque::new();
    for vma in task.vmas().into_iter().flatten() {
        areas.push_back(Area {
            start: vma.start,
            end: vma.end,
            stat: stats.next_if(|stat| stat.start == vma.start),
            vma: Some(vma.into_owned()),
        });
    }
    // Without the one group, the other says where an area is.
    areas.extend(stats.map(|stat| Area {
        start: stat.start,
        end: stat.end,
        vma: None,
        stat: Some(stat),
    }));
    areas
}
