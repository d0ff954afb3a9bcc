// SPDX-License-Identifier: MIT
//! What it costs to be told of events.

use super::figures::Figures;
use super::table::{Table, short, thousands};
use crate::events::{KIND, listeners};
use crate::facts::Question;

/// A row a listener: what it was told, and what that cost a process that lived.
pub(super) fn table(figures: &Figures, machine: &str) -> Table {
    let mut table = Table::new([
        "listens to",
        "told",
        "receives",
        "an event",
        "a life",
        "all",
    ]);
    let find = |question, listener| {
        let mut ours = figures.of(machine).filter(|f| f.record.kind == KIND);
        ours.find(|f| f.record.question == question && f.record.rival == listener)
    };
    for listener in listeners() {
        let listening = find(Question::Listening, listener);
        let Some((listening, all)) = listening.zip(find(Question::Lives, listener)) else {
            continue;
        };
        let record = &listening.record;
        let an_event = match record.rows {
            0 => String::new(),
            _ => short(listening.a_row()),
        };
        table.row([
            listener.to_owned(),
            thousands(record.rows),
            thousands(record.receives),
            an_event,
            short(listening.a_task()),
            short(all.a_task()),
        ]);
    }
    table
}
