// SPDX-License-Identifier: MIT
//! Columns of the group `stat`: times and sizes, computed as `ps` does.

use taskdiag::{Memory, Show, Stat, State};

use super::Align::{Left, Pid, Right};
use super::{Column, column, sorted_by};
use crate::clock::{Started, TICK};
use crate::host::Host;
use crate::row::TaskRow;
use crate::value::{StatLetters, Value};

const STAT: Show = Show::STAT;
const BOTH: Show = Show::BASE.union(Show::STAT);

#[rustfmt::skip]
pub(super) static COLUMNS: &[Column] = &[
    column(&[("stat", "STAT")], 4, Left, BOTH,
        |row, _| letters(row).map(Value::StatLetters), "state, and < N L s l + as in ps"),
    column(&[("sgi_p", "P")], 1, Right, BOTH,
        |row, _| running_on(row), "processor of a running task"),

    column(&[("tty", "TT"), ("tt", "TT"), ("tname", "TTY"), ("tty8", "TTY"), ("longtname", "TTY")], 8, Left, STAT,
        |row, _| of(row, |stat| Value::Terminal(stat.tty)), "controlling terminal"),
    column(&[("tpgid", "TPGID")], 5, Pid, STAT,
        |row, _| of(row, |stat| Value::Signed(stat.tty_pgrp.into())), "foreground process group of the terminal, -1 without one"),

    sorted_by(column(&[("time", "TIME"), ("cputime", "TIME"), ("atime", "TIME")], 8, Right, STAT,
        |row, _| of(row, |stat| Value::CpuTime(seconds(stat.cpu_ticks()))), "CPU time: [dd-]hh:mm:ss"),
        |row, _| of(row, |stat| Value::Number(stat.cpu_ticks()))),
    sorted_by(column(&[("times", "TIME"), ("cputimes", "TIME")], 8, Right, STAT,
        |row, _| of(row, |stat| Value::Number(seconds(stat.cpu_ticks()))), "CPU time in seconds"),
        |row, _| of(row, |stat| Value::Number(stat.cpu_ticks()))),
    sorted_by(column(&[("bsdtime", "TIME")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::BsdTime(seconds(stat.cpu_ticks()))), "CPU time: mmm:ss"),
        |row, _| of(row, |stat| Value::Number(stat.cpu_ticks()))),
    sorted_by(column(&[("etime", "ELAPSED")], 11, Right, STAT,
        |row, host| of(row, |stat| Value::Elapsed(host.clock.seconds_since(stat.start_time))), "time since the start: [[dd-]hh:]mm:ss"),
        |row, host| of(row, |stat| Value::Number(host.clock.ticks_since(stat.start_time)))),
    sorted_by(column(&[("etimes", "ELAPSED")], 7, Right, STAT,
        |row, host| of(row, |stat| Value::Number(host.clock.seconds_since(stat.start_time))), "time since the start in seconds"),
        |row, host| of(row, |stat| Value::Number(host.clock.ticks_since(stat.start_time)))),
    column(&[("stime", "STIME"), ("start_time", "START")], 5, Right, STAT,
        |row, _| of(row, |stat| Value::Started(stat.start_time, Started::Short)), "start time: hh:mm, MmmDD or the year"),
    column(&[("start", "STARTED")], 8, Right, STAT,
        |row, _| of(row, |stat| Value::Started(stat.start_time, Started::Clock)), "start time: hh:mm:ss or Mmm DD"),
    column(&[("bsdstart", "START")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Started(stat.start_time, Started::Bsd)), "start time: hh:mm or Mmm DD"),
    column(&[("lstart", "STARTED")], 24, Right, STAT,
        |row, _| of(row, |stat| Value::Started(stat.start_time, Started::Long)), "start time: the full date"),
    column(&[("utime", "UTIME")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.utime)), "user CPU time in nanoseconds"),
    column(&[("systime", "SYSTEM")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.stime)), "system CPU time in nanoseconds"),
    column(&[("gtime", "GTIME")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.gtime)), "guest CPU time in nanoseconds, a part of utime"),
    column(&[("cutime", "CUTIME")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.cutime)), "utime of waited-for children"),
    column(&[("cstime", "CSTIME")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.cstime)), "systime of waited-for children"),
    column(&[("cgtime", "CGTIME")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.cgtime)), "gtime of waited-for children"),
    column(&[("run_delay", "RUNDELAY")], 8, Right, STAT,
        |row, _| counted(row, |stat| stat.run_delay.map(Value::Number)), "nanoseconds spent waiting for a CPU, this thread only"),
    column(&[("blkio_delay", "IODELAY")], 7, Right, STAT,
        |row, _| counted(row, |stat| stat.blkio_delay.map(Value::Number)), "nanoseconds spent waiting for block I/O, this thread only"),

    sorted_by(column(&[("pcpu", "%CPU"), ("%cpu", "%CPU")], 4, Right, STAT,
        |row, host| of(row, |stat| Value::Tenths(stat.cpu_permille(host.clock.uptime()))), "CPU time as a percentage of the time since the start"),
        |row, host| cpu_share(row, host, Stat::cpu_ticks)),
    sorted_by(column(&[("c", "C"), ("util", "C")], 2, Right, STAT,
        |row, host| of(row, |stat| Value::Number((stat.cpu_permille(host.clock.uptime()) / 10).min(99))), "pcpu as an integer, at most 99"),
        |row, host| cpu_share(row, host, Stat::cpu_ticks)),
    sorted_by(column(&[("cp", "CP")], 3, Right, STAT,
        |row, host| of(row, |stat| Value::Number(stat.cpu_permille(host.clock.uptime()).min(999))), "pcpu in tenths of a percent, at most 999"),
        |row, host| cpu_share(row, host, Stat::cpu_ticks)),
    sorted_by(column(&[("cuu", "%CUU")], 6, Right, STAT,
        |row, host| cpu_thousandths(row, host, Stat::cpu_ticks), "pcpu with three decimals, at most 99.999"),
        |row, host| cpu_share(row, host, Stat::cpu_ticks)),
    sorted_by(column(&[("cuc", "%CUC")], 7, Right, STAT,
        |row, host| cpu_thousandths(row, host, cpu_ticks_with_children), "cuu, with the CPU time of waited-for children"),
        |row, host| cpu_share(row, host, cpu_ticks_with_children)),
    sorted_by(column(&[("pmem", "%MEM"), ("%mem", "%MEM")], 4, Right, STAT,
        share, "rss as a percentage of physical memory"),
        |row, _| Some(Value::Number(row.stat.as_deref()?.memory.as_ref()?.rss?))),

    column(&[("pri", "PRI")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(39 - i64::from(stat.priority))), "39 minus the kernel priority: higher is more urgent"),
    column(&[("priority", "PRI")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(stat.priority.into())), "kernel priority: 0 to 39, negative for real-time tasks"),
    column(&[("opri", "PRI"), ("intpri", "PRI")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(i64::from(stat.priority) + 60)), "kernel priority plus 60"),
    column(&[("pri_foo", "FOO")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(i64::from(stat.priority) - 20)), "kernel priority minus 20"),
    column(&[("pri_bar", "BAR")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(i64::from(stat.priority) + 1)), "kernel priority plus 1"),
    column(&[("pri_baz", "BAZ")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(i64::from(stat.priority) + 100)), "kernel priority plus 100"),
    column(&[("pri_api", "API")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(-1 - i64::from(stat.priority))), "-1 minus the kernel priority, as in the real-time API"),
    column(&[("ni", "NI"), ("nice", "NI")], 3, Right, STAT,
        |row, _| nice(row), "nice value, for scheduling classes that use it"),
    column(&[("rtprio", "RTPRIO")], 6, Right, STAT,
        |row, _| rt_priority(row), "real-time priority"),
    sorted_by(column(&[("class", "CLS"), ("policy", "POL")], 3, Left, STAT,
        |row, _| of(row, |stat| Value::Word(class(stat.policy))), "scheduling class: TS FF RR B ISO IDL DLN EXT"),
        |row, _| of(row, |stat| Value::Number(stat.policy.into()))),
    sorted_by(column(&[("cls", "CLS")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Word(class(stat.policy))), "scheduling class: TS FF RR B ISO IDL DLN EXT"),
        |row, _| of(row, |stat| Value::Number(stat.policy.into()))),
    column(&[("sched", "SCH")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.policy.into())), "scheduling class as a number"),
    column(&[("nlwp", "NLWP")], 4, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.num_threads.into())), "number of threads of the process"),
    column(&[("thcount", "THCNT")], 5, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.num_threads.into())), "number of threads of the process"),
    column(&[("psr", "PSR"), ("lastcpu", "C")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.processor.into())), "processor that last ran the task"),
    column(&[("cpuid", "CPUID")], 5, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.processor.into())), "processor that last ran the task"),

    column(&[("vsz", "VSZ"), ("vsize", "VSZ")], 6, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(kib(memory.vsize))), "virtual memory"),
    column(&[("sz", "SZ")], 5, Right, STAT,
        |row, host| memory(row, |memory| Value::Number(kib(memory.vsize) / (host.page / 1024))), "virtual memory in pages"),
    column(&[("m_size", "SIZE")], 5, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(memory.vsize)), "virtual memory in bytes"),
    column(&[("rss", "RSS"), ("rssize", "RSS"), ("rsz", "RSZ")], 5, Right, STAT,
        |row, _| memory_kib(row, |memory| memory.rss), "resident memory"),
    column(&[("rss_anon", "ANON")], 5, Right, STAT,
        |row, _| memory_kib(row, |memory| memory.rss_anon), "resident anonymous memory"),
    column(&[("rss_file", "FILE")], 5, Right, STAT,
        |row, _| memory_kib(row, |memory| memory.rss_file), "resident memory of files"),
    column(&[("rss_shmem", "SHMEM")], 5, Right, STAT,
        |row, _| memory_kib(row, |memory| memory.rss_shmem), "resident shared memory"),
    column(&[("rss_peak", "PEAK")], 5, Right, STAT,
        |row, _| memory_kib(row, |memory| memory.rss_peak), "peak of rss"),
    column(&[("swap", "SWAP")], 5, Right, STAT,
        |row, _| memory_kib(row, |memory| memory.swap), "swapped-out anonymous memory"),
    column(&[("size", "SIZE")], 5, Right, STAT,
        |row, _| memory_kib(row, |memory| memory.data), "private writable mappings and the stack"),
    column(&[("text", "TEXT")], 5, Right, STAT,
        |row, _| memory_kib(row, |memory| memory.text), "program code"),
    column(&[("vm_lock", "LCK")], 3, Right, STAT,
        |row, _| memory_kib(row, |memory| memory.locked), "locked memory"),

    column(&[("min_flt", "MINFL"), ("minflt", "MINFLT")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.min_flt)), "minor page faults (without I/O)"),
    column(&[("maj_flt", "MAJFL"), ("majflt", "MAJFLT"), ("pagein", "PAGEIN")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.maj_flt)), "major page faults (with I/O)"),
    column(&[("cmin_flt", "CMINFL")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.cmin_flt)), "min_flt of waited-for children"),
    column(&[("cmaj_flt", "CMAJFL")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.cmaj_flt)), "maj_flt of waited-for children"),
    column(&[("nvcsw", "VCSW")], 5, Right, STAT,
        |row, _| counted(row, |stat| stat.nvcsw.map(Value::Number)), "voluntary context switches, this thread only"),
    column(&[("nivcsw", "IVCSW")], 5, Right, STAT,
        |row, _| counted(row, |stat| stat.nivcsw.map(Value::Number)), "involuntary context switches, this thread only"),
    column(&[("f", "F"), ("flag", "F"), ("flags", "F")], 1, Right, STAT,
        |row, _| of(row, |stat| Value::Number((stat.flags >> 6 & 7).into())), "1: forked without execve(), 4: used privileges"),
    column(&[("pf", "PF")], 10, Left, STAT,
        |row, _| of(row, |stat| Value::Bits(stat.flags.into())), "flags, PF_* of the kernel's <linux/sched.h>"),
    column(&[("exit_signal", "EXITSIG")], 7, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(stat.exit_signal.into())), "signal sent to the parent on exit, -1 for a thread"),
    column(&[("exit_code", "EXIT")], 5, Right, STAT,
        |row, _| counted(row, |stat| Some(Value::Signed(stat.exit_code?.into()))), "exit status in the format of wait(2)"),
];

fn of(row: &TaskRow, value: impl FnOnce(&Stat) -> Value<'static>) -> Option<Value<'_>> {
    row.stat.as_deref().map(value)
}

/// A field that the kernel may not report.
fn counted<'a>(
    row: &'a TaskRow,
    value: impl FnOnce(&Stat) -> Option<Value<'static>>,
) -> Option<Value<'a>> {
    row.stat.as_deref().and_then(value)
}

fn memory(row: &TaskRow, value: impl FnOnce(&Memory) -> Value<'static>) -> Option<Value<'_>> {
    Some(value(row.stat.as_deref()?.memory.as_ref()?))
}

/// A size that procfs may lack, in KiB.
fn memory_kib(row: &TaskRow, bytes: impl FnOnce(&Memory) -> Option<u64>) -> Option<Value<'_>> {
    let bytes = bytes(row.stat.as_deref()?.memory.as_ref()?)?;
    Some(Value::Number(kib(bytes)))
}

/// Returns the resident memory as a share of that of the host, in thousandths.
fn share<'a>(row: &'a TaskRow, host: &Host) -> Option<Value<'a>> {
    let rss = row.stat.as_deref()?.memory.as_ref()?.rss?;
    Some(Value::Share((kib(rss) * 1000 / host.memory).min(999)))
}

/// Returns the CPU time as a share of the time since the start, in parts per billion,
/// so that sorting does not depend on rounding.
fn cpu_share<'a>(row: &'a TaskRow, host: &Host, ticks: fn(&Stat) -> u64) -> Option<Value<'a>> {
    of(row, |stat| {
        Value::Number(parts_per_billion(stat, host, ticks))
    })
}

/// Returns the same share in thousandths of a percent. Shares above 99 % are shown
/// as 99.999, as ps does.
fn cpu_thousandths<'a>(
    row: &'a TaskRow,
    host: &Host,
    ticks: fn(&Stat) -> u64,
) -> Option<Value<'a>> {
    of(row, |stat| {
        let thousandths = (parts_per_billion(stat, host, ticks) + 5_000) / 10_000;
        Value::Thousandths(if thousandths > 99_000 {
            99_999
        } else {
            thousandths
        })
    })
}

fn parts_per_billion(stat: &Stat, host: &Host, ticks: fn(&Stat) -> u64) -> u64 {
    let used = u128::from(ticks(stat)) * 1_000_000_000;
    let share = used.checked_div(host.clock.ticks_since(stat.start_time).into());
    share.map_or(0, |share| share.try_into().unwrap_or(u64::MAX))
}

fn cpu_ticks_with_children(stat: &Stat) -> u64 {
    stat.cpu_ticks() + stat.cutime / TICK + stat.cstime / TICK
}

const fn kib(bytes: u64) -> u64 {
    bytes / 1024
}

const fn seconds(ticks: u64) -> u64 {
    ticks / (1_000_000_000 / TICK)
}

/// Returns the state letter and the flags of the column `stat`.
fn letters(row: &TaskRow) -> Option<StatLetters> {
    let (base, stat) = (row.base?, row.stat.as_deref()?);
    let foreground = base.pgid.map(i64::from) == Some(i64::from(stat.tty_pgrp));
    let further = [
        (stat.nice < 0, '<'),
        (stat.nice > 0, 'N'),
        (
            stat.memory
                .and_then(|memory| memory.locked)
                .is_some_and(|locked| kib(locked) > 0),
            'L',
        ),
        (base.sid == Some(base.tgid), 's'),
        (stat.num_threads > 1, 'l'),
        (foreground, '+'),
    ];
    let further = further.into_iter().filter(|(holds, _)| *holds);
    let letters = std::iter::once(base.state.letter());
    Some(letters.chain(further.map(|(_, letter)| letter)).collect())
}

fn running_on(row: &TaskRow) -> Option<Value<'_>> {
    match row.base?.state {
        State::Running => of(row, |stat| Value::Number(stat.processor.into())),
        _ => Some(Value::Word("*")),
    }
}

/// Returns the nice value for `SCHED_OTHER` and `SCHED_BATCH`, the only classes
/// that use it.
fn nice(row: &TaskRow) -> Option<Value<'_>> {
    let stat = row.stat.as_deref()?;
    matches!(stat.policy, 0 | 3).then_some(Value::Signed(stat.nice.into()))
}

fn rt_priority(row: &TaskRow) -> Option<Value<'_>> {
    let stat = row.stat.as_deref()?;
    (stat.policy != 0).then_some(Value::Number(stat.rt_priority.into()))
}

/// Returns the abbreviation that ps uses for a `SCHED_*` policy.
fn class(policy: u32) -> &'static str {
    const WORDS: [&str; 8] = ["TS", "FF", "RR", "B", "ISO", "IDL", "DLN", "EXT"];
    WORDS
        .get(usize::try_from(policy).unwrap_or(usize::MAX))
        .copied()
        .unwrap_or("?")
}
