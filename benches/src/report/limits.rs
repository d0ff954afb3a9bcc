// SPDX-License-Identifier: MIT
//! The figures that task_diag has to reach.

use super::figures::{Figure, Figures};
use super::table::{Table, short};
use crate::task_fields::Query;

const MACHINE: &str = "icount";
const LIBRARY: &str = "task_diag, library";
const RAW: &str = "task_diag, raw socket";

/// A row: what, the most it may be, and what it is if that was measured.
struct Limit {
    what: &'static str,
    at_most: f64,
    measured: Option<f64>,
}

pub(crate) fn table(figures: &Figures) -> Table {
    let mut table = Table::new(["what", "at most", "measured", ""]);
    let limits = limits(figures);
    if limits.iter().all(|limit| limit.measured.is_none()) {
        return table;
    }
    for limit in limits {
        let result = match limit.measured {
            Some(measured) if measured <= limit.at_most => "reached",
            Some(_) => "not reached",
            None => "",
        };
        table.row([
            limit.what.to_owned(),
            short(limit.at_most),
            limit
                .measured
                .map_or_else(|| "not measured".to_owned(), short),
            result.to_owned(),
        ]);
    }
    table
}

fn limits(figures: &Figures) -> Vec<Limit> {
    let find = |pool, query, implementation| figures.find(MACHINE, pool, query, implementation);
    let per_task =
        |pool, query, implementation| find(pool, query, implementation).map(Figure::per_task);
    let ratio = |query, implementation, other| {
        Some(per_task(10_000, query, implementation)? / per_task(10_000, query, other)?)
    };
    let growth = |query, implementation| {
        Some(per_task(100_000, query, implementation)? / per_task(1_000, query, implementation)?)
    };
    let limit = |what, at_most, measured| Limit {
        what,
        at_most,
        measured,
    };
    vec![
        limit(
            "base+cred, instructions a task, raw socket",
            700.0,
            per_task(10_000, Query::BaseCred, RAW),
        ),
        limit(
            "base+cred, instructions a task, library",
            700.0,
            per_task(10_000, Query::BaseCred, LIBRARY),
        ),
        limit(
            "base+cred, raw socket against the BPF iterator",
            1.0 / 1.35,
            ratio(Query::BaseCred, RAW, "BPF task iterator"),
        ),
        limit(
            "a hidden row, instructions",
            100.0,
            per_task(10_000, Query::Hidden, RAW),
        ),
        limit(
            "base+cred+stat, instructions a task, raw socket",
            1_400.0,
            per_task(10_000, Query::BaseCredStat, RAW),
        ),
        limit(
            "receives, base+cred, 10,000 tasks",
            55.0,
            find(10_000, Query::BaseCred, LIBRARY).map(|f| f.record.receives as f64),
        ),
        limit(
            "taskdiag-cli ps ax -o pid,ppid against procps",
            1.0 / 30.0,
            ratio(Query::Pids, "taskdiag-cli ps", "ps ax -o pid,ppid"),
        ),
        limit(
            "all areas, base+VMA, against maps as text",
            0.2,
            ratio(Query::Vma, RAW, "maps by hand"),
        ),
        limit(
            "100,000 tasks against 1,000, a task",
            1.1,
            growth(Query::BaseCred, LIBRARY),
        ),
        limit(
            "memory of the library's process, 100,000 tasks, KiB",
            4096.0,
            find(100_000, Query::BaseCred, LIBRARY).map(|f| f.record.memory_kib as f64),
        ),
    ]
}
