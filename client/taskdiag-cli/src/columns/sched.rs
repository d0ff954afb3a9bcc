// SPDX-License-Identifier: MIT
//! Columns of the group `sched`.

use taskdiag::{IoPriority, Sched, Show};

use super::Align::{Left, Right};
use super::{Column, column};
use crate::row::TaskRow;
use crate::value::Value;

const SCHED: Show = Show::SCHED;

/// `SCHED_FLAG_RESET_ON_FORK` of `<linux/sched.h>`.
const RESET_ON_FORK: u64 = 1;

#[rustfmt::skip]
pub(super) static COLUMNS: &[Column] = &[
    column(&[("sched_policy", "POLICY")], 8, Left, SCHED,
        |row, _| of(row, |sched| Some(Value::Word(sched.policy_name().unwrap_or("?")))),
        "scheduling policy: OTHER FIFO RR BATCH IDLE DEADLINE EXT"),
    column(&[("sched_reset", "RESET")], 5, Left, SCHED,
        |row, _| of(row, |sched| Some(Value::Flag(sched.flags? & RESET_ON_FORK != 0))),
        "whether children get the default policy"),
    column(&[("sched_runtime", "RUNTIME")], 9, Right, SCHED,
        |row, _| number(row, |sched| sched.runtime), "budget per period, or time slice, in nanoseconds"),
    column(&[("sched_deadline", "DEADLINE")], 10, Right, SCHED,
        |row, _| number(row, |sched| sched.deadline), "deadline of the budget in nanoseconds"),
    column(&[("sched_period", "PERIOD")], 10, Right, SCHED,
        |row, _| number(row, |sched| sched.period), "period of the budget in nanoseconds"),
    column(&[("util_min", "UMIN")], 4, Right, SCHED,
        |row, _| number(row, |sched| sched.util_min), "requested lower bound of the utilization, 0 to 1024"),
    column(&[("util_max", "UMAX")], 4, Right, SCHED,
        |row, _| number(row, |sched| sched.util_max), "requested upper bound of the utilization, 0 to 1024"),
    column(&[("io_priority", "IO")], 2, Left, SCHED,
        |row, _| of(row, |sched| Some(Value::Word(short(sched.ioprio_effective?)))),
        "IO priority in use: R0 to R7, B0 to B7, id"),
    column(&[("ioclass", "IOCLASS")], 11, Left, SCHED,
        |row, _| of(row, |sched| Some(Value::Word(sched.ioprio?.class_name().unwrap_or("?")))),
        "IO class as set: none, realtime, best-effort, idle"),
    column(&[("ioprio", "IOPRIO")], 6, Right, SCHED,
        |row, _| number(row, |sched| sched.ioprio.map(IoPriority::level)), "IO priority as set, 0 to 7"),
    column(&[("slack", "SLACK")], 9, Right, SCHED,
        |row, _| number(row, |sched| sched.timer_slack), "timer slack in nanoseconds"),
    column(&[("ag_id", "AGID")], 5, Right, SCHED,
        |row, _| number(row, |sched| sched.autogroup), "number of the autogroup"),
    column(&[("ag_nice", "AGNI")], 4, Right, SCHED,
        |row, _| of(row, |sched| Some(Value::Signed(sched.autogroup_nice?.into()))), "nice value of the autogroup"),
    column(&[("affinity", "AFFINITY")], 8, Left, SCHED,
        |row, _| of(row, |sched| sched.cpus.as_ref().map(Value::Numbers)), "CPUs that the thread may run on"),
    column(&[("mems", "MEMS")], 4, Left, SCHED,
        |row, _| of(row, |sched| sched.mems.as_ref().map(Value::Numbers)), "memory nodes that the thread may use"),
];

fn of<'a>(
    row: &'a TaskRow,
    value: impl FnOnce(&'a Sched<'static>) -> Option<Value<'a>>,
) -> Option<Value<'a>> {
    value(row.sched.as_deref()?)
}

fn number<'a, T: Into<u64>>(
    row: &'a TaskRow,
    number: impl FnOnce(&'a Sched<'static>) -> Option<T>,
) -> Option<Value<'a>> {
    of(row, |sched| {
        number(sched).map(|number| Value::Number(number.into()))
    })
}

/// Returns the abbreviation that htop uses.
fn short(priority: IoPriority) -> &'static str {
    const REAL_TIME: [&str; 8] = ["R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7"];
    const BEST_EFFORT: [&str; 8] = ["B0", "B1", "B2", "B3", "B4", "B5", "B6", "B7"];
    let level = priority.level() as usize;
    let word = match priority.class {
        1 => REAL_TIME.get(level),
        2 => BEST_EFFORT.get(level),
        3 => Some(&"id"),
        _ => None,
    };
    word.copied().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_priorities_are_abbreviated() {
        for (class, level, word) in [(1, 0, "R0"), (2, 7, "B7"), (3, 4, "id"), (0, 4, "?")] {
            assert_eq!(short(IoPriority::new(class << 13 | level)), word);
        }
    }
}
