// SPDX-License-Identifier: MIT
//! The group STAT: times and sizes.

use std::time::Duration;

use crate::abi::{self, TaskDiagStat};
use crate::daemon_protocol::{
    STAT_UNKNOWN_DATA, STAT_UNKNOWN_LOCKED, STAT_UNKNOWN_NIVCSW, STAT_UNKNOWN_NVCSW,
    STAT_UNKNOWN_RSS, STAT_UNKNOWN_RSS_KINDS, STAT_UNKNOWN_RSS_PEAK, STAT_UNKNOWN_SWAP,
    STAT_UNKNOWN_TEXT,
};

/// A task's times and sizes.
///
/// Values are those of `/proc/PID/stat` in rows of processes, and those of
/// `/proc/PID/task/TID/stat` in rows of threads. With
/// [`Strategy::Threads`](crate::Strategy::Threads) and
/// [`Strategy::AllThreads`](crate::Strategy::AllThreads) all rows are rows of
/// threads; with [`Strategy::One`](crate::Strategy::One), a row is a row of a
/// thread if its task is not the leader of its thread group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Stat {
    /// Start of the task: nanoseconds since boot, in the time namespace of the
    /// reader. `task_struct::start_boottime`; `stat` field 22.
    pub start_time: u64,
    /// Nanoseconds in user mode, of all threads of a process.
    /// `thread_group_cputime_adjusted()`; `stat` field 14.
    pub utime: u64,
    /// Nanoseconds in kernel mode, of all threads of a process; `stat` field 15.
    pub stime: u64,
    /// Nanoseconds spent running a virtual CPU, part of `utime`; `stat` field
    /// 43.
    pub gtime: u64,
    /// `utime` of children that were waited for. `signal_struct::cutime`; `stat`
    /// field 16.
    pub cutime: u64,
    /// `stime` of children that were waited for; `stat` field 17.
    pub cstime: u64,
    /// `gtime` of children that were waited for; `stat` field 44.
    pub cgtime: u64,
    /// Page faults that needed no input; `stat` field 10.
    pub min_flt: u64,
    /// Page faults that needed input; `stat` field 12.
    pub maj_flt: u64,
    /// `min_flt` of children that were waited for; `stat` field 11.
    pub cmin_flt: u64,
    /// `maj_flt` of children that were waited for; `stat` field 13.
    pub cmaj_flt: u64,
    /// Voluntary context switches of this thread; `None` if they are not known.
    /// `status` voluntary_ctxt_switches.
    pub nvcsw: Option<u64>,
    /// Involuntary context switches of this thread; `None` if they are not known.
    /// `status` nonvoluntary_ctxt_switches.
    pub nivcsw: Option<u64>,
    /// Nanoseconds that this thread waited for a CPU; `None` if the kernel does
    /// not count them. `sched_info::run_delay`; `schedstat`, the second number.
    pub run_delay: Option<u64>,
    /// Nanoseconds that this thread waited for block devices; `None` if the
    /// kernel does not count them. `delayacct_blkio_ticks()`; `stat` field 42.
    pub blkio_delay: Option<u64>,
    /// Its address space; `None` for a task without one: a kernel thread, a
    /// zombie.
    pub memory: Option<Memory>,
    /// `PF_*` of the kernel's `<linux/sched.h>`; `stat` field 9.
    pub flags: u32,
    /// Controlling terminal, encoded as by `stat(2)`; 0: none. `stat` field 7.
    pub tty: u32,
    /// Foreground process group of the terminal; 0: no pid in the pid
    /// namespace; -1: no terminal. `stat` field 8.
    pub tty_pgrp: i32,
    /// Kernel priority: 0 to 39 for nice -20 to 19, below 0 for real time.
    /// `task_prio()`; `stat` field 18.
    pub priority: i32,
    /// -20 to 19. `task_nice()`; `stat` field 19.
    pub nice: i32,
    /// 1 to 99; 0: not real time. `stat` field 40.
    pub rt_priority: u32,
    /// `SCHED_*` of `<linux/sched.h>`; `stat` field 41.
    pub policy: u32,
    /// Threads of its process; `stat` field 20.
    pub num_threads: u32,
    /// CPU that it ran on last; `stat` field 39.
    pub processor: u32,
    /// Signal that its parent receives at its end; -1 for a thread. `stat` field
    /// 38.
    pub exit_signal: i32,
    /// `wait(2)` status of a task that has ended or is about to; `None` for any
    /// other. `stat` field 52.
    pub exit_code: Option<i32>,
}

/// A task's address space, in bytes.
///
/// A value is `None` if it is not known: procfs of an older kernel or of a sandbox
/// may lack it. task_diag reports all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Memory {
    /// Address space. `task_vsize()`; `stat` field 23.
    pub vsize: u64,
    /// Resident memory of all kinds; `stat` field 24, which counts pages.
    pub rss: Option<u64>,
    /// Resident anonymous memory. `MM_ANONPAGES`; `status` RssAnon.
    pub rss_anon: Option<u64>,
    /// Resident memory of files. `MM_FILEPAGES`; `status` RssFile.
    pub rss_file: Option<u64>,
    /// Resident shared memory. `MM_SHMEMPAGES`; `status` RssShmem.
    pub rss_shmem: Option<u64>,
    /// Maximum of the sum of the three; `status` VmHWM.
    pub rss_peak: Option<u64>,
    /// Anonymous memory that is swapped out. `MM_SWAPENTS`; `status` VmSwap.
    pub swap: Option<u64>,
    /// The program's code; `statm`, the fourth number.
    pub text: Option<u64>,
    /// Private writable mappings and stack; `statm`, the sixth number.
    pub data: Option<u64>,
    /// Memory locked into RAM; `status` VmLck.
    pub locked: Option<u64>,
}

#[inline]
fn memory(stat: &TaskDiagStat) -> Memory {
    let known = |value, bit| (stat.valid & bit == 0).then_some(value);
    let kinds = stat.rss_anon.saturating_add(stat.rss_file);
    Memory {
        vsize: stat.vsize,
        rss: known(kinds.saturating_add(stat.rss_shmem), STAT_UNKNOWN_RSS),
        rss_anon: known(stat.rss_anon, STAT_UNKNOWN_RSS_KINDS),
        rss_file: known(stat.rss_file, STAT_UNKNOWN_RSS_KINDS),
        rss_shmem: known(stat.rss_shmem, STAT_UNKNOWN_RSS_KINDS),
        rss_peak: known(stat.rss_peak, STAT_UNKNOWN_RSS_PEAK),
        swap: known(stat.swap, STAT_UNKNOWN_SWAP),
        text: known(stat.text, STAT_UNKNOWN_TEXT),
        data: known(stat.data, STAT_UNKNOWN_DATA),
        locked: known(stat.locked, STAT_UNKNOWN_LOCKED),
    }
}

impl From<TaskDiagStat> for Stat {
    #[inline]
    fn from(stat: TaskDiagStat) -> Self {
        let valid = |bit| stat.valid & bit != 0;
        let known = |value, bit| (!valid(bit)).then_some(value);
        Self {
            start_time: stat.start_time,
            utime: stat.utime,
            stime: stat.stime,
            gtime: stat.gtime,
            cutime: stat.cutime,
            cstime: stat.cstime,
            cgtime: stat.cgtime,
            min_flt: stat.min_flt,
            maj_flt: stat.maj_flt,
            cmin_flt: stat.cmin_flt,
            cmaj_flt: stat.cmaj_flt,
            nvcsw: known(stat.nvcsw, STAT_UNKNOWN_NVCSW),
            nivcsw: known(stat.nivcsw, STAT_UNKNOWN_NIVCSW),
            run_delay: valid(abi::TASK_DIAG_STAT_VALID_RUN_DELAY).then_some(stat.run_delay),
            blkio_delay: valid(abi::TASK_DIAG_STAT_VALID_BLKIO_DELAY).then_some(stat.blkio_delay),
            memory: valid(abi::TASK_DIAG_STAT_VALID_MEMORY).then(|| memory(&stat)),
            flags: stat.flags,
            tty: stat.tty,
            tty_pgrp: stat.tty_pgrp,
            priority: stat.priority,
            nice: stat.nice,
            rt_priority: stat.rt_priority,
            policy: stat.policy,
            num_threads: stat.num_threads,
            processor: stat.processor,
            exit_signal: stat.exit_signal,
            exit_code: valid(abi::TASK_DIAG_STAT_VALID_EXIT_CODE).then_some(stat.exit_code),
        }
    }
}

/// Nanoseconds of a clock tick, the unit of procfs: `USER_HZ` is 100.
const CLOCK_TICK: u64 = 10_000_000;

impl From<Stat> for TaskDiagStat {
    /// Sets bits of [`crate::daemon_protocol`] for values that are not known.
    fn from(stat: Stat) -> Self {
        let memory = stat.memory.unwrap_or_default();
        // Without the kinds, the sum is in the place of the first one.
        let kinds = (memory.rss_anon, memory.rss_file, memory.rss_shmem);
        let (rss_anon, rss_file, rss_shmem) = match kinds {
            (Some(anon), Some(file), Some(shmem)) => (anon, file, shmem),
            _ => (memory.rss.unwrap_or_default(), 0, 0),
        };
        let has_kinds = matches!(kinds, (Some(_), Some(_), Some(_)));
        let has_memory = stat.memory.is_some();
        let valid = [
            (
                stat.run_delay.is_some(),
                abi::TASK_DIAG_STAT_VALID_RUN_DELAY,
            ),
            (
                stat.blkio_delay.is_some(),
                abi::TASK_DIAG_STAT_VALID_BLKIO_DELAY,
            ),
            (has_memory, abi::TASK_DIAG_STAT_VALID_MEMORY),
            (
                stat.exit_code.is_some(),
                abi::TASK_DIAG_STAT_VALID_EXIT_CODE,
            ),
            (stat.nvcsw.is_none(), STAT_UNKNOWN_NVCSW),
            (stat.nivcsw.is_none(), STAT_UNKNOWN_NIVCSW),
            (has_memory && !has_kinds, STAT_UNKNOWN_RSS_KINDS),
            (
                has_memory && !has_kinds && memory.rss.is_none(),
                STAT_UNKNOWN_RSS,
            ),
            (
                has_memory && memory.rss_peak.is_none(),
                STAT_UNKNOWN_RSS_PEAK,
            ),
            (has_memory && memory.swap.is_none(), STAT_UNKNOWN_SWAP),
            (has_memory && memory.text.is_none(), STAT_UNKNOWN_TEXT),
            (has_memory && memory.data.is_none(), STAT_UNKNOWN_DATA),
            (has_memory && memory.locked.is_none(), STAT_UNKNOWN_LOCKED),
        ];
        let set = valid.into_iter().filter(|(is_set, _)| *is_set);
        Self {
            start_time: stat.start_time,
            utime: stat.utime,
            stime: stat.stime,
            gtime: stat.gtime,
            cutime: stat.cutime,
            cstime: stat.cstime,
            cgtime: stat.cgtime,
            min_flt: stat.min_flt,
            maj_flt: stat.maj_flt,
            cmin_flt: stat.cmin_flt,
            cmaj_flt: stat.cmaj_flt,
            nvcsw: stat.nvcsw.unwrap_or_default(),
            nivcsw: stat.nivcsw.unwrap_or_default(),
            run_delay: stat.run_delay.unwrap_or_default(),
            blkio_delay: stat.blkio_delay.unwrap_or_default(),
            vsize: memory.vsize,
            rss_anon,
            rss_file,
            rss_shmem,
            rss_peak: memory.rss_peak.unwrap_or_default(),
            swap: memory.swap.unwrap_or_default(),
            text: memory.text.unwrap_or_default(),
            data: memory.data.unwrap_or_default(),
            locked: memory.locked.unwrap_or_default(),
            flags: stat.flags,
            tty: stat.tty,
            tty_pgrp: stat.tty_pgrp,
            priority: stat.priority,
            nice: stat.nice,
            rt_priority: stat.rt_priority,
            policy: stat.policy,
            num_threads: stat.num_threads,
            processor: stat.processor,
            exit_signal: stat.exit_signal,
            exit_code: stat.exit_code.unwrap_or_default(),
            valid: set.fold(0, |valid, (_, bit)| valid | bit),
        }
    }
}

impl Stat {
    /// Returns the CPU time of the task in clock ticks of 10 ms: user and kernel
    /// mode, each rounded down, as readers of `/proc/PID/stat` add them.
    #[must_use]
    pub const fn cpu_ticks(&self) -> u64 {
        self.utime / CLOCK_TICK + self.stime / CLOCK_TICK
    }

    /// Returns the CPU time of the task as a share of the time since its start,
    /// in thousandths of one CPU and rounded down, as `ps` computes it.
    ///
    /// `uptime` is `CLOCK_BOOTTIME` of the reader. The result exceeds 1000 for a
    /// process with threads on several CPUs, and is 0 within the first clock
    /// tick.
    #[must_use]
    pub fn cpu_permille(&self, uptime: Duration) -> u64 {
        let uptime = u64::try_from(uptime.as_nanos()).unwrap_or(u64::MAX);
        match (uptime / CLOCK_TICK).saturating_sub(self.start_time / CLOCK_TICK) {
            0 => 0,
            elapsed => self.cpu_ticks().saturating_mul(1000) / elapsed,
        }
    }

    /// Returns [`Self::cpu_permille`] in percent of one CPU: a multiple of 0.1.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taskdiag::{Client, Show};
    ///
    /// let stat = Client::connect_any()?.one(std::process::id(), Show::STAT)?.stat;
    /// let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    /// let seconds = uptime.split_whitespace().next().unwrap().parse().unwrap();
    /// let percent = stat.unwrap().cpu_percent(Duration::from_secs_f64(seconds));
    /// assert!(percent >= 0.0);
    /// # Ok::<(), taskdiag::Error>(())
    /// ```
    #[must_use]
    pub fn cpu_percent(&self, uptime: Duration) -> f64 {
        self.cpu_permille(uptime) as f64 / 10.0
    }

    /// Returns major and minor device number of the terminal, if there is one.
    #[must_use]
    pub const fn terminal(&self) -> Option<(u32, u32)> {
        if self.tty == 0 {
            return None;
        }
        Some((
            (self.tty >> 8) & 0xfff,
            (self.tty & 0xff) | ((self.tty >> 12) & 0xf_ff00),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_share_is_that_of_ps() {
        let second = 1_000_000_000;
        let stat = Stat {
            start_time: 10 * second,
            utime: 3 * second + CLOCK_TICK - 1,
            stime: CLOCK_TICK - 1,
            ..Stat::default()
        };
        assert_eq!(stat.cpu_ticks(), 300);
        for (uptime, permille) in [(10, 0), (9, 0), (14, 750), (40, 100)] {
            let uptime = Duration::from_secs(uptime);
            assert_eq!(stat.cpu_permille(uptime), permille);
            assert_eq!(stat.cpu_percent(uptime), permille as f64 / 10.0);
        }
        let longest = Stat {
            utime: u64::MAX,
            ..stat
        };
        assert!(longest.cpu_percent(Duration::MAX) < 101.0);
    }

    #[test]
    fn unknown_values_survive_the_structure() {
        let memory = memory(&TaskDiagStat::default());
        assert_eq!((memory.rss, memory.swap), (Some(0), Some(0)));
        for memory in [
            memory,
            Memory::default(),
            Memory {
                rss: Some(4096),
                rss_anon: None,
                rss_file: None,
                rss_shmem: None,
                ..memory
            },
            Memory {
                rss_peak: None,
                swap: None,
                text: None,
                ..memory
            },
            Memory {
                data: None,
                locked: None,
                ..memory
            },
        ] {
            for nvcsw in [None, Some(0)] {
                let stat = Stat {
                    memory: Some(memory),
                    nvcsw,
                    ..Stat::default()
                };
                assert_eq!(Stat::from(TaskDiagStat::from(stat)), stat);
            }
        }
    }

    #[test]
    fn terminal_has_major_and_minor_number() {
        let terminal = |tty| {
            Stat {
                tty,
                ..Stat::default()
            }
            .terminal()
        };
        assert_eq!(terminal(0), None);
        assert_eq!(terminal(0x0401), Some((4, 1)));
        assert_eq!(terminal(0x8805), Some((136, 5)));
        // The bits of a minor number above 255 are split.
        assert_eq!(terminal(0x0010_8803), Some((136, 0x103)));
        assert_eq!(terminal(u32::MAX), Some((0xfff, 0xf_ffff)));
    }
}
