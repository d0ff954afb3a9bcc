// SPDX-License-Identifier: MIT
//! Times and sizes, as `ps` reckons them.

use taskdiag::{Memory, Show, Stat, State};

use super::Align::{Left, Pid, Right};
use super::{Column, column};
use crate::clock::{Started, TICK};
use crate::row::Row;
use crate::value::{Letters, Value};

const STAT: Show = Show::STAT;
const BOTH: Show = Show::BASE.union(Show::STAT);

#[rustfmt::skip]
pub(super) static COLUMNS: &[Column] = &[
    column(&[("stat", "STAT")], 4, Left, BOTH,
        |row, _| letters(row).map(Value::Letters), "state, and < N L s l + as in ps"),
    column(&[("sgi_p", "P")], 1, Right, BOTH,
        |row, _| running_on(row), "processor, if it runs"),

    column(&[("tty", "TT"), ("tt", "TT"), ("tname", "TTY"), ("tty8", "TTY")], 8, Left, STAT,
        |row, _| of(row, |stat| Value::Terminal(stat.tty)), "terminal"),
    column(&[("tpgid", "TPGID")], 5, Pid, STAT,
        |row, _| of(row, |stat| Value::Signed(stat.tty_pgrp.into())), "foreground process group of its terminal, -1 without one"),

    column(&[("time", "TIME"), ("cputime", "TIME"), ("atime", "TIME")], 8, Right, STAT,
        |row, _| of(row, |stat| Value::CpuTime(seconds(stat.cpu_ticks()))), "processor time: [dd-]hh:mm:ss"),
    column(&[("times", "TIME"), ("cputimes", "TIME")], 8, Right, STAT,
        |row, _| of(row, |stat| Value::Number(seconds(stat.cpu_ticks()))), "processor time in seconds"),
    column(&[("bsdtime", "TIME")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::BsdTime(seconds(stat.cpu_ticks()))), "processor time: mmm:ss"),
    column(&[("etime", "ELAPSED")], 11, Right, STAT,
        |row, host| of(row, |stat| Value::Elapsed(host.clock.seconds_since(stat.start_time))), "time since it started: [[dd-]hh:]mm:ss"),
    column(&[("etimes", "ELAPSED")], 7, Right, STAT,
        |row, host| of(row, |stat| Value::Number(host.clock.seconds_since(stat.start_time))), "time since it started in seconds"),
    column(&[("stime", "STIME"), ("start_time", "START")], 5, Right, STAT,
        |row, _| of(row, |stat| Value::Started(stat.start_time, Started::Short)), "when it started: hh:mm, MmmDD or the year"),
    column(&[("start", "STARTED")], 8, Right, STAT,
        |row, _| of(row, |stat| Value::Started(stat.start_time, Started::Clock)), "likewise: hh:mm:ss or Mmm DD"),
    column(&[("bsdstart", "START")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Started(stat.start_time, Started::Bsd)), "likewise: hh:mm or Mmm DD"),
    column(&[("lstart", "STARTED")], 24, Right, STAT,
        |row, _| of(row, |stat| Value::Started(stat.start_time, Started::Long)), "likewise, the whole date"),
    column(&[("utime", "UTIME")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.utime)), "nanoseconds in user mode"),
    column(&[("systime", "SYSTEM")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.stime)), "nanoseconds in kernel mode"),
    column(&[("gtime", "GTIME")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.gtime)), "nanoseconds as a guest's processor, part of utime"),
    column(&[("cutime", "CUTIME")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.cutime)), "utime of children that were waited for"),
    column(&[("cstime", "CSTIME")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.cstime)), "systime of these"),
    column(&[("cgtime", "CGTIME")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.cgtime)), "gtime of these"),
    column(&[("run_delay", "RUNDELAY")], 8, Right, STAT,
        |row, _| counted(row, |stat| stat.run_delay.map(Value::Number)), "nanoseconds waited for a processor, the thread alone"),
    column(&[("blkio_delay", "IODELAY")], 7, Right, STAT,
        |row, _| counted(row, |stat| stat.blkio_delay.map(Value::Number)), "nanoseconds waited for block devices, likewise"),

    column(&[("pcpu", "%CPU"), ("%cpu", "%CPU")], 4, Right, STAT,
        |row, host| of(row, |stat| Value::Tenths(stat.cpu_permille(host.clock.uptime()))), "percents: processor time by time since it started"),
    column(&[("c", "C"), ("util", "C")], 2, Right, STAT,
        |row, host| of(row, |stat| Value::Number((stat.cpu_permille(host.clock.uptime()) / 10).min(99))), "pcpu in whole percents"),
    column(&[("cp", "CP")], 3, Right, STAT,
        |row, host| of(row, |stat| Value::Number(stat.cpu_permille(host.clock.uptime()).min(999))), "pcpu in tenths of percents"),
    column(&[("pmem", "%MEM"), ("%mem", "%MEM")], 4, Right, STAT,
        |row, host| memory(row, |memory| Value::Share((kib(memory.rss()) * 1000 / host.memory).min(999))), "percents: rss by the machine's memory"),

    column(&[("pri", "PRI")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(39 - i64::from(stat.priority))), "priority, the higher the more urgent"),
    column(&[("priority", "PRI")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(stat.priority.into())), "priority as the kernel has it: 0 to 39, real time below"),
    column(&[("opri", "PRI"), ("intpri", "PRI")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(i64::from(stat.priority) + 60)), "likewise, from 60"),
    column(&[("pri_foo", "FOO")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(i64::from(stat.priority) - 20)), "likewise, from -20"),
    column(&[("pri_bar", "BAR")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(i64::from(stat.priority) + 1)), "likewise, from 1"),
    column(&[("pri_baz", "BAZ")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(i64::from(stat.priority) + 100)), "likewise, from 100"),
    column(&[("pri_api", "API")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(-1 - i64::from(stat.priority))), "likewise, as the interface for real time has it"),
    column(&[("ni", "NI"), ("nice", "NI")], 3, Right, STAT,
        |row, _| nice(row), "niceness, of classes that have it"),
    column(&[("rtprio", "RTPRIO")], 6, Right, STAT,
        |row, _| rt_priority(row), "priority in real time"),
    column(&[("class", "CLS"), ("policy", "POL")], 3, Left, STAT,
        |row, _| of(row, |stat| Value::Word(class(stat.policy))), "scheduling class: TS FF RR B ISO IDL DLN"),
    column(&[("cls", "CLS")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Word(class(stat.policy))), "likewise"),
    column(&[("sched", "SCH")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.policy.into())), "likewise, by number"),
    column(&[("nlwp", "NLWP")], 4, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.num_threads.into())), "threads of its process"),
    column(&[("thcount", "THCNT")], 5, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.num_threads.into())), "likewise"),
    column(&[("psr", "PSR"), ("lastcpu", "C")], 3, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.processor.into())), "processor it ran on last"),
    column(&[("cpuid", "CPUID")], 5, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.processor.into())), "likewise"),

    column(&[("vsz", "VSZ"), ("vsize", "VSZ")], 6, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(kib(memory.vsize))), "address space"),
    column(&[("sz", "SZ")], 5, Right, STAT,
        |row, host| memory(row, |memory| Value::Number(kib(memory.vsize) / (host.page / 1024))), "likewise, in pages"),
    column(&[("m_size", "SIZE")], 5, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(memory.vsize)), "likewise, in bytes"),
    column(&[("rss", "RSS"), ("rssize", "RSS"), ("rsz", "RSZ")], 5, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(kib(memory.rss()))), "resident memory"),
    column(&[("rss_anon", "ANON")], 5, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(kib(memory.rss_anon))), "of that anonymous"),
    column(&[("rss_file", "FILE")], 5, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(kib(memory.rss_file))), "of that files"),
    column(&[("rss_shmem", "SHMEM")], 5, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(kib(memory.rss_shmem))), "of that shared memory"),
    column(&[("rss_peak", "PEAK")], 5, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(kib(memory.rss_peak))), "the most that rss has been"),
    column(&[("swap", "SWAP")], 5, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(kib(memory.swap))), "anonymous memory that is swapped out"),
    column(&[("size", "SIZE")], 5, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(kib(memory.data))), "private writable areas and stack"),
    column(&[("text", "TEXT")], 5, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(kib(memory.text))), "the program's code"),
    column(&[("vm_lock", "LCK")], 3, Right, STAT,
        |row, _| memory(row, |memory| Value::Number(kib(memory.locked))), "memory that is locked"),

    column(&[("min_flt", "MINFL"), ("minflt", "MINFLT")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.min_flt)), "page faults without input"),
    column(&[("maj_flt", "MAJFL"), ("majflt", "MAJFLT"), ("pagein", "PAGEIN")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.maj_flt)), "page faults with input"),
    column(&[("cmin_flt", "CMINFL")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.cmin_flt)), "min_flt of children that were waited for"),
    column(&[("cmaj_flt", "CMAJFL")], 6, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.cmaj_flt)), "maj_flt of these"),
    column(&[("nvcsw", "VCSW")], 5, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.nvcsw)), "context switches that it asked for, the thread alone"),
    column(&[("nivcsw", "IVCSW")], 5, Right, STAT,
        |row, _| of(row, |stat| Value::Number(stat.nivcsw)), "those it did not ask for, likewise"),
    column(&[("f", "F"), ("flag", "F"), ("flags", "F")], 1, Right, STAT,
        |row, _| of(row, |stat| Value::Number((stat.flags >> 6 & 7).into())), "1: forked and no execve, 4: used privileges"),
    column(&[("pf", "PF")], 10, Left, STAT,
        |row, _| of(row, |stat| Value::Bits(stat.flags.into())), "flags, PF_* of the kernel's <linux/sched.h>"),
    column(&[("exit_signal", "EXITSIG")], 7, Right, STAT,
        |row, _| of(row, |stat| Value::Signed(stat.exit_signal.into())), "signal to its parent when it ends, -1 for a thread"),
    column(&[("exit_code", "EXIT")], 5, Right, STAT,
        |row, _| counted(row, |stat| Some(Value::Signed(stat.exit_code?.into()))), "how it ended, as of wait(2)"),
];

fn of(row: &Row, value: impl FnOnce(&Stat) -> Value<'static>) -> Option<Value<'_>> {
    row.stat.as_deref().map(value)
}

/// A field that the kernel may not report.
fn counted<'a>(
    row: &'a Row,
    value: impl FnOnce(&Stat) -> Option<Value<'static>>,
) -> Option<Value<'a>> {
    row.stat.as_deref().and_then(value)
}

fn memory(row: &Row, value: impl FnOnce(&Memory) -> Value<'static>) -> Option<Value<'_>> {
    Some(value(row.stat.as_deref()?.memory.as_ref()?))
}

const fn kib(bytes: u64) -> u64 {
    bytes / 1024
}

const fn seconds(ticks: u64) -> u64 {
    ticks / (1_000_000_000 / TICK)
}

fn letters(row: &Row) -> Option<Letters> {
    let (base, stat) = (row.base?, row.stat.as_deref()?);
    let foreground = i64::from(base.pgid) == i64::from(stat.tty_pgrp);
    let further = [
        (stat.nice < 0, '<'),
        (stat.nice > 0, 'N'),
        (
            stat.memory.is_some_and(|memory| kib(memory.locked) > 0),
            'L',
        ),
        (base.sid == base.tgid, 's'),
        (stat.num_threads > 1, 'l'),
        (foreground, '+'),
    ];
    let further = further.into_iter().filter(|(holds, _)| *holds);
    let letters = std::iter::once(base.state.letter());
    Some(letters.chain(further.map(|(_, letter)| letter)).collect())
}

fn running_on(row: &Row) -> Option<Value<'_>> {
    match row.base?.state {
        State::Running => of(row, |stat| Value::Number(stat.processor.into())),
        _ => Some(Value::Word("*")),
    }
}

/// `SCHED_OTHER` and `SCHED_BATCH`, the classes that niceness counts in.
fn nice(row: &Row) -> Option<Value<'_>> {
    let stat = row.stat.as_deref()?;
    matches!(stat.policy, 0 | 3).then_some(Value::Signed(stat.nice.into()))
}

fn rt_priority(row: &Row) -> Option<Value<'_>> {
    let stat = row.stat.as_deref()?;
    (stat.policy != 0).then_some(Value::Number(stat.rt_priority.into()))
}

/// The word of ps for a `SCHED_*`.
fn class(policy: u32) -> &'static str {
    const WORDS: [&str; 7] = ["TS", "FF", "RR", "B", "ISO", "IDL", "DLN"];
    WORDS
        .get(usize::try_from(policy).unwrap_or(usize::MAX))
        .copied()
        .unwrap_or("?")
}
