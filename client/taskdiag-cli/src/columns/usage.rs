// SPDX-License-Identifier: MIT
//! Columns of the groups `io`, `signals`, `limits` and `oom`.

use taskdiag::{Io, Limit, Oom, Show, Signals};

use super::Align::{Left, Right};
use super::{Column, column};
use crate::row::TaskRow;
use crate::value::Value;

const IO: Show = Show::IO;
const SIGNALS: Show = Show::SIGNALS;
const LIMITS: Show = Show::LIMITS;
const OOM: Show = Show::OOM;

#[rustfmt::skip]
pub(super) static COLUMNS: &[Column] = &[
    column(&[("rchars", "RCHARS")], 6, Right, IO,
        |row, _| io(row, |io| io.rchar), "bytes returned by read(2) and similar system calls"),
    column(&[("wchars", "WCHARS")], 6, Right, IO,
        |row, _| io(row, |io| io.wchar), "bytes taken by write(2) and similar system calls"),
    column(&[("rops", "ROPS")], 5, Right, IO,
        |row, _| io(row, |io| io.syscr), "read(2) and similar system calls"),
    column(&[("wops", "WOPS")], 5, Right, IO,
        |row, _| io(row, |io| io.syscw), "write(2) and similar system calls"),
    column(&[("rbytes", "RBYTES")], 6, Right, IO,
        |row, _| io(row, |io| io.read_bytes), "bytes fetched from storage"),
    column(&[("wbytes", "WBYTES")], 6, Right, IO,
        |row, _| io(row, |io| io.write_bytes), "bytes to be written to storage"),
    column(&[("wcbytes", "WCBYTES")], 7, Right, IO,
        |row, _| io(row, |io| io.cancelled_write_bytes), "bytes of wbytes that were not written"),

    column(&[("pending", "PENDING"), ("sig_pend", "PENDING")], 16, Left, SIGNALS,
        |row, _| mask(row, |signals| signals.pending), "signals pending for the thread"),
    column(&[("shpending", "SHPENDING")], 16, Left, SIGNALS,
        |row, _| mask(row, |signals| signals.shared_pending), "signals pending for the process"),
    column(&[("blocked", "BLOCKED"), ("sig_block", "BLOCKED"), ("sigmask", "BLOCKED")], 16, Left, SIGNALS,
        |row, _| mask(row, |signals| signals.blocked), "signals blocked by the thread"),
    column(&[("ignored", "IGNORED"), ("sig_ignore", "IGNORED"), ("sigignore", "IGNORED")], 16, Left, SIGNALS,
        |row, _| mask(row, |signals| signals.ignored), "signals ignored by the process"),
    column(&[("caught", "CAUGHT"), ("sig_catch", "CAUGHT"), ("sigcatch", "CAUGHT")], 16, Left, SIGNALS,
        |row, _| mask(row, |signals| signals.caught), "signals with a handler in the process"),
    column(&[("sigq", "SIGQ")], 4, Right, SIGNALS,
        |row, _| signals(row, |signals| signals.queued.into()), "signals queued for the real user"),
    column(&[("sigq_max", "SIGQMAX")], 7, Right, SIGNALS,
        |row, _| signals(row, |signals| signals.queue_limit), "limit of sigq"),

    column(&[("lim_cpu", "LIM_CPU")], 7, Right, LIMITS,
        |row, _| limit(row, 0, |limit| limit.soft), "soft limit: CPU time in seconds"),
    column(&[("lim_cpu_max", "LIM_CPU_MAX")], 11, Right, LIMITS,
        |row, _| limit(row, 0, |limit| limit.hard), "hard limit: CPU time in seconds"),
    column(&[("lim_fsize", "LIM_FSIZE")], 9, Right, LIMITS,
        |row, _| limit(row, 1, |limit| limit.soft), "soft limit: file size in bytes"),
    column(&[("lim_fsize_max", "LIM_FSIZE_MAX")], 13, Right, LIMITS,
        |row, _| limit(row, 1, |limit| limit.hard), "hard limit: file size in bytes"),
    column(&[("lim_data", "LIM_DATA")], 8, Right, LIMITS,
        |row, _| limit(row, 2, |limit| limit.soft), "soft limit: data in bytes"),
    column(&[("lim_data_max", "LIM_DATA_MAX")], 12, Right, LIMITS,
        |row, _| limit(row, 2, |limit| limit.hard), "hard limit: data in bytes"),
    column(&[("lim_stack", "LIM_STACK")], 9, Right, LIMITS,
        |row, _| limit(row, 3, |limit| limit.soft), "soft limit: stack in bytes"),
    column(&[("lim_stack_max", "LIM_STACK_MAX")], 13, Right, LIMITS,
        |row, _| limit(row, 3, |limit| limit.hard), "hard limit: stack in bytes"),
    column(&[("lim_core", "LIM_CORE")], 8, Right, LIMITS,
        |row, _| limit(row, 4, |limit| limit.soft), "soft limit: core file in bytes"),
    column(&[("lim_core_max", "LIM_CORE_MAX")], 12, Right, LIMITS,
        |row, _| limit(row, 4, |limit| limit.hard), "hard limit: core file in bytes"),
    column(&[("lim_rss", "LIM_RSS")], 7, Right, LIMITS,
        |row, _| limit(row, 5, |limit| limit.soft), "soft limit: resident memory in bytes"),
    column(&[("lim_rss_max", "LIM_RSS_MAX")], 11, Right, LIMITS,
        |row, _| limit(row, 5, |limit| limit.hard), "hard limit: resident memory in bytes"),
    column(&[("lim_nproc", "LIM_NPROC")], 9, Right, LIMITS,
        |row, _| limit(row, 6, |limit| limit.soft), "soft limit: number of processes"),
    column(&[("lim_nproc_max", "LIM_NPROC_MAX")], 13, Right, LIMITS,
        |row, _| limit(row, 6, |limit| limit.hard), "hard limit: number of processes"),
    column(&[("lim_nofile", "LIM_NOFILE")], 10, Right, LIMITS,
        |row, _| limit(row, 7, |limit| limit.soft), "soft limit: number of open files"),
    column(&[("lim_nofile_max", "LIM_NOFILE_MAX")], 14, Right, LIMITS,
        |row, _| limit(row, 7, |limit| limit.hard), "hard limit: number of open files"),
    column(&[("lim_memlock", "LIM_MEMLOCK")], 11, Right, LIMITS,
        |row, _| limit(row, 8, |limit| limit.soft), "soft limit: locked memory in bytes"),
    column(&[("lim_memlock_max", "LIM_MEMLOCK_MAX")], 15, Right, LIMITS,
        |row, _| limit(row, 8, |limit| limit.hard), "hard limit: locked memory in bytes"),
    column(&[("lim_as", "LIM_AS")], 6, Right, LIMITS,
        |row, _| limit(row, 9, |limit| limit.soft), "soft limit: address space in bytes"),
    column(&[("lim_as_max", "LIM_AS_MAX")], 10, Right, LIMITS,
        |row, _| limit(row, 9, |limit| limit.hard), "hard limit: address space in bytes"),
    column(&[("lim_locks", "LIM_LOCKS")], 9, Right, LIMITS,
        |row, _| limit(row, 10, |limit| limit.soft), "soft limit: number of file locks"),
    column(&[("lim_locks_max", "LIM_LOCKS_MAX")], 13, Right, LIMITS,
        |row, _| limit(row, 10, |limit| limit.hard), "hard limit: number of file locks"),
    column(&[("lim_sigpending", "LIM_SIGPENDING")], 14, Right, LIMITS,
        |row, _| limit(row, 11, |limit| limit.soft), "soft limit: queued signals"),
    column(&[("lim_sigpending_max", "LIM_SIGPENDING_MAX")], 18, Right, LIMITS,
        |row, _| limit(row, 11, |limit| limit.hard), "hard limit: queued signals"),
    column(&[("lim_msgqueue", "LIM_MSGQUEUE")], 12, Right, LIMITS,
        |row, _| limit(row, 12, |limit| limit.soft), "soft limit: message queues in bytes"),
    column(&[("lim_msgqueue_max", "LIM_MSGQUEUE_MAX")], 16, Right, LIMITS,
        |row, _| limit(row, 12, |limit| limit.hard), "hard limit: message queues in bytes"),
    column(&[("lim_nice", "LIM_NICE")], 8, Right, LIMITS,
        |row, _| limit(row, 13, |limit| limit.soft), "soft limit: 20 minus the lowest nice value"),
    column(&[("lim_nice_max", "LIM_NICE_MAX")], 12, Right, LIMITS,
        |row, _| limit(row, 13, |limit| limit.hard), "hard limit: 20 minus the lowest nice value"),
    column(&[("lim_rtprio", "LIM_RTPRIO")], 10, Right, LIMITS,
        |row, _| limit(row, 14, |limit| limit.soft), "soft limit: real-time priority"),
    column(&[("lim_rtprio_max", "LIM_RTPRIO_MAX")], 14, Right, LIMITS,
        |row, _| limit(row, 14, |limit| limit.hard), "hard limit: real-time priority"),
    column(&[("lim_rttime", "LIM_RTTIME")], 10, Right, LIMITS,
        |row, _| limit(row, 15, |limit| limit.soft), "soft limit: real-time run time in microseconds"),
    column(&[("lim_rttime_max", "LIM_RTTIME_MAX")], 14, Right, LIMITS,
        |row, _| limit(row, 15, |limit| limit.hard), "hard limit: real-time run time in microseconds"),

    column(&[("oom", "OOM")], 4, Right, OOM,
        |row, _| oom(row, |oom| Value::Number(oom.score.into())), "score of the OOM killer, 0 to 2000"),
    column(&[("oomadj", "OOMADJ")], 6, Right, OOM,
        |row, _| oom(row, |oom| Value::Signed(oom.score_adj.into())), "adjustment of oom, -1000 to 1000"),
];

fn io(row: &TaskRow, number: impl FnOnce(&Io) -> u64) -> Option<Value<'_>> {
    row.usage
        .as_deref()?
        .io
        .as_ref()
        .map(number)
        .map(Value::Number)
}

fn signals(row: &TaskRow, number: impl FnOnce(&Signals) -> u64) -> Option<Value<'_>> {
    let signals = row.usage.as_deref()?.signals.as_ref()?;
    Some(Value::Number(number(signals)))
}

fn mask(row: &TaskRow, mask: impl FnOnce(&Signals) -> u64) -> Option<Value<'_>> {
    let signals = row.usage.as_deref()?.signals.as_ref()?;
    Some(Value::Bits(mask(signals)))
}

fn limit(row: &TaskRow, resource: u32, number: impl FnOnce(Limit) -> u64) -> Option<Value<'_>> {
    let limits = row.usage.as_deref()?.limits.as_ref()?;
    limits.get(resource).map(number).map(Value::Number)
}

fn oom<'a>(row: &'a TaskRow, value: impl FnOnce(&Oom) -> Value<'a>) -> Option<Value<'a>> {
    row.usage.as_deref()?.oom.as_ref().map(value)
}
