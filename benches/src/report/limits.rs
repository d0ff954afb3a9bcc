// SPDX-License-Identifier: MIT
//! The limits that task_diag must meet.

use super::figures::{Figure, Figures};
use super::table::{Table, short};
use crate::task_fields::Query;

const MACHINE: &str = "icount";
const LIBRARY: &str = "task_diag, library";
const RAW: &str = "task_diag, raw socket";

/// A row: description, limit, and the measured value if there is one.
struct Limit {
    description: &'static str,
    at_most: f64,
    measured: Option<f64>,
}

pub(crate) fn table(figures: &Figures) -> Table {
    let mut table = Table::new(["figure", "limit", "measured", ""]);
    let limits = limits(figures);
    if limits.iter().all(|limit| limit.measured.is_none()) {
        return table;
    }
    for limit in limits {
        let result = match limit.measured {
            Some(measured) if measured <= limit.at_most => "met",
            Some(_) => "not met",
            None => "",
        };
        table.row([
            limit.description.to_owned(),
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
    let limit = |description, at_most, measured| Limit {
        description,
        at_most,
        measured,
    };
    vec![
        limit(
            "base+cred, instructions per task, raw socket",
            700.0,
            per_task(10_000, Query::BaseCred, RAW),
        ),
        limit(
            "base+cred, instructions per task, library",
            700.0,
            per_task(10_000, Query::BaseCred, LIBRARY),
        ),
        limit(
            "base+cred, raw socket relative to the BPF iterator",
            1.0 / 1.35,
            ratio(Query::BaseCred, RAW, "BPF task iterator"),
        ),
        limit(
            "instructions per hidden row",
            100.0,
            per_task(10_000, Query::Hidden, RAW),
        ),
        limit(
            "base+cred+stat, instructions per task, raw socket",
            1_400.0,
            per_task(10_000, Query::BaseCredStat, RAW),
        ),
        limit(
            "receives, base+cred, 10,000 tasks",
            55.0,
            find(10_000, Query::BaseCred, LIBRARY).map(|f| f.record.receives as f64),
        ),
        limit(
            "taskdiag-cli ps ax -o pid,ppid relative to procps",
            1.0 / 30.0,
            ratio(Query::Pids, "taskdiag-cli ps", "ps ax -o pid,ppid"),
        ),
        limit(
            "all mappings, base+VMA, relative to maps as text",
            0.2,
            ratio(Query::Vma, RAW, "maps by hand"),
        ),
        limit(
            "100,000 tasks relative to 1,000, per task",
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
