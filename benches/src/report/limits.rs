// SPDX-License-Identifier: MIT
//! The figures that task_diag has to reach.

use super::figures::{Figure, Figures};
use super::table::{Table, short};
use crate::facts::Question;

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
        let verdict = match limit.measured {
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
            verdict.to_owned(),
        ]);
    }
    table
}

fn limits(figures: &Figures) -> Vec<Limit> {
    let find = |population, question, rival| figures.find(MACHINE, population, question, rival);
    let a_task =
        |population, question, rival| find(population, question, rival).map(Figure::a_task);
    let ratio = |question, rival, other| {
        Some(a_task(10_000, question, rival)? / a_task(10_000, question, other)?)
    };
    let growth =
        |question, rival| Some(a_task(100_000, question, rival)? / a_task(1_000, question, rival)?);
    let limit = |what, at_most, measured| Limit {
        what,
        at_most,
        measured,
    };
    vec![
        limit(
            "base+cred, instructions a task, raw socket",
            700.0,
            a_task(10_000, Question::BaseCred, RAW),
        ),
        limit(
            "base+cred, instructions a task, library",
            700.0,
            a_task(10_000, Question::BaseCred, LIBRARY),
        ),
        limit(
            "base+cred, raw socket against the BPF iterator",
            1.0 / 1.35,
            ratio(Question::BaseCred, RAW, "BPF task iterator"),
        ),
        limit(
            "a hidden row, instructions",
            100.0,
            a_task(10_000, Question::Hidden, RAW),
        ),
        limit(
            "base+cred+stat, instructions a task, raw socket",
            1_400.0,
            a_task(10_000, Question::BaseCredStat, RAW),
        ),
        limit(
            "receives, base+cred, 10,000 tasks",
            55.0,
            find(10_000, Question::BaseCred, LIBRARY).map(|f| f.record.receives as f64),
        ),
        limit(
            "taskdiag-cli ps ax -o pid,ppid against procps",
            1.0 / 30.0,
            ratio(Question::Numbers, "taskdiag-cli ps", "ps ax -o pid,ppid"),
        ),
        limit(
            "all areas, base+VMA, against maps as text",
            0.2,
            ratio(Question::Areas, RAW, "maps by hand"),
        ),
        limit(
            "100,000 tasks against 1,000, a task",
            1.1,
            growth(Question::BaseCred, LIBRARY),
        ),
        limit(
            "memory of the library's process, 100,000 tasks, KiB",
            4096.0,
            find(100_000, Question::BaseCred, LIBRARY).map(|f| f.record.memory_kib as f64),
        ),
    ]
}
