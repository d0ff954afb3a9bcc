// SPDX-License-Identifier: MIT
//! The table of process events.

use super::figures::Figures;
use super::table::{Table, short, thousands};
use crate::events::{KIND, listeners};
use crate::task_fields::Query;

/// Returns a table with one row per listener: events received, and their cost per
/// process.
pub(super) fn table(figures: &Figures, machine: &str) -> Table {
    let mut table = Table::new([
        "listener",
        "events",
        "receives",
        "per event",
        "per process",
        "total per process",
    ]);
    let find = |query, listener| {
        let mut ours = figures.of(machine).filter(|f| f.record.kind == KIND);
        ours.find(|f| f.record.query == query && f.record.implementation == listener)
    };
    for listener in listeners() {
        let listening = find(Query::Listener, listener);
        let Some((listening, all)) = listening.zip(find(Query::Lifecycles, listener)) else {
            continue;
        };
        let record = &listening.record;
        let per_event = match record.rows {
            0 => String::new(),
            _ => short(listening.per_row()),
        };
        table.row([
            listener.to_owned(),
            thousands(record.rows),
            thousands(record.receives),
            per_event,
            short(listening.per_task()),
            short(all.per_task()),
        ]);
    }
    table
}
