// SPDX-License-Identifier: MIT
//! The warning about rows that lack groups.

use taskdiag::{Show, TaskRef};

use crate::stdio::print_message;

/// Counts rows that lack requested groups.
#[derive(Debug, Default)]
pub(crate) struct IncompleteRows {
    rows: u64,
    gone: Show,
    denied: Show,
    busy: Show,
    limit: Show,
    unknown: Show,
}

impl IncompleteRows {
    /// Counts the row if this message reports missing groups that the task has. In
    /// a multi-message row, only the last message reports them.
    pub(crate) fn note(&mut self, task: TaskRef<'_>) {
        let absent = task.absent();
        if !absent.lost().is_empty() {
            self.rows += 1;
            self.gone |= absent.gone;
            self.denied |= absent.denied;
            self.busy |= absent.busy;
            self.limit |= absent.limit;
            self.unknown |= absent.unknown;
        }
    }

    /// Returns the warning, if any row was incomplete.
    fn warning(&self) -> Option<String> {
        let reasons = [
            ("the task ended or called execve()", self.gone),
            ("permission denied", self.denied),
            ("the task was busy", self.busy),
            ("too large", self.limit),
            (
                "/proc lacks values, or has them in an unknown form",
                self.unknown,
            ),
        ];
        let reasons: Vec<String> = reasons
            .into_iter()
            .filter(|(_, groups)| !groups.is_empty())
            .map(|(reason, groups)| format!("{groups}: {reason}"))
            .collect();
        let rows = match self.rows {
            0 => return None,
            1 => "1 row is incomplete".to_owned(),
            rows => format!("{rows} rows are incomplete"),
        };
        Some(format!("warning: {rows} ({})", reasons.join("; ")))
    }

    /// Returns the groups that the caller may not read about at least one task.
    pub(crate) const fn denied(&self) -> Show {
        self.denied
    }

    /// Prints the warning, if any row was incomplete.
    pub(crate) fn warn(&self) {
        if let Some(warning) = self.warning() {
            print_message(format_args!("{warning}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warning_counts_rows_and_lists_groups_by_reason() {
        let mut incomplete = IncompleteRows::default();
        assert_eq!(incomplete.warning(), None);
        let masks = |masks: [u64; 5]| {
            let header = [44u16.to_ne_bytes(), 5u16.to_ne_bytes()].concat();
            let masks = masks.map(u64::to_ne_bytes).concat();
            [header, masks].concat()
        };
        let mut note = |attributes: &[u8]| {
            incomplete.note(TaskRef::new(1, 1, attributes).expect("attributes"));
            incomplete.warning()
        };
        // The mappings of a thread are in the row of its thread group leader.
        assert_eq!(note(&masks([0, 0, 0, 0, 0b11 << 3])), None);
        assert_eq!(
            note(&masks([0, 1 << 6, 0, 0, 0])).as_deref(),
            Some("warning: 1 row is incomplete (files: permission denied)")
        );
        assert_eq!(
            note(&masks([1 << 5, 1 << 8, 1 << 3, 1 << 9, 0])).as_deref(),
            Some(
                "warning: 2 rows are incomplete (cmdline: the task ended or called execve(); \
                 files,ns: permission denied; vma: the task was busy; cgroup: too large)"
            )
        );
    }
}
