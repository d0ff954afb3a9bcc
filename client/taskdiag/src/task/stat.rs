// SPDX-License-Identifier: MIT
//! The group STAT: times and sizes.

use crate::abi::TaskDiagStat;
use crate::task::mirror;

mirror! {
    /// A task's times and sizes.
    ///
    /// As in `/proc/PID/stat` where the task stands for its process, and as in
    /// `/proc/PID/task/TID/stat` where it is a thread: with
    /// [`Strategy::Threads`](crate::Strategy::Threads) and
    /// [`Strategy::AllThreads`](crate::Strategy::AllThreads) every task is one, and
    /// with [`Strategy::One`](crate::Strategy::One) those are that do not lead their
    /// process. Sizes are in bytes, and 0 for kernel threads and zombies.
    pub struct Stat: TaskDiagStat {
        /// When it started: nanoseconds since boot, as the time namespace of
        /// whoever reads has it. `task_struct::start_boottime`; `stat` field
        /// 22.
        start_time: u64,
        /// Nanoseconds in user mode, of all threads of a process.
        /// `thread_group_cputime_adjusted()`; `stat` field 14.
        utime: u64,
        /// Nanoseconds in kernel mode, likewise; `stat` field 15.
        stime: u64,
        /// Nanoseconds as a guest's virtual processor, part of `utime`; `stat`
        /// field 43.
        gtime: u64,
        /// `utime` of the children that were waited for.
        /// `signal_struct::cutime`; `stat` field 16.
        cutime: u64,
        /// `stime` of these; `stat` field 17.
        cstime: u64,
        /// `gtime` of these; `stat` field 44.
        cgtime: u64,
        /// Page faults that needed no input; `stat` field 10.
        min_flt: u64,
        /// Page faults that needed input; `stat` field 12.
        maj_flt: u64,
        /// `min_flt` of the children that were waited for; `stat` field 11.
        cmin_flt: u64,
        /// `maj_flt` of these; `stat` field 13.
        cmaj_flt: u64,
        /// Context switches that it asked for, of the thread alone; `status`
        /// voluntary_ctxt_switches.
        nvcsw: u64,
        /// Context switches that it did not ask for, of the thread alone;
        /// `status` nonvoluntary_ctxt_switches.
        nivcsw: u64,
        /// Nanoseconds waited for a processor, of the thread alone; 0 if the
        /// kernel does not count them. `sched_info::run_delay`; `schedstat`,
        /// the second number.
        run_delay: u64,
        /// Nanoseconds waited for block devices, of the thread alone; 0 if the
        /// kernel does not count them. `delayacct_blkio_ticks()`; `stat` field
        /// 42.
        blkio_delay: u64,
        /// Bytes of address space. `task_vsize()`; `stat` field 23.
        vsize: u64,
        /// Bytes of anonymous memory that are resident. `MM_ANONPAGES`;
        /// `status` RssAnon.
        rss_anon: u64,
        /// Bytes of files that are resident. `MM_FILEPAGES`; `status` RssFile.
        rss_file: u64,
        /// Bytes of shared memory that are resident. `MM_SHMEMPAGES`; `status`
        /// RssShmem.
        rss_shmem: u64,
        /// The most bytes that the three together have been; `status` VmHWM.
        rss_peak: u64,
        /// Bytes of anonymous memory that are swapped out. `MM_SWAPENTS`;
        /// `status` VmSwap.
        swap: u64,
        /// Bytes of the program's code; `statm`, the fourth number.
        text: u64,
        /// Bytes of private writable areas and stack; `statm`, the sixth
        /// number.
        data: u64,
        /// Bytes that are locked into memory; `status` VmLck.
        locked: u64,
        /// `PF_*` of the kernel's `<linux/sched.h>`; `stat` field 9.
        flags: u32,
        /// Its terminal, as `stat(2)` encodes device numbers; 0 for none.
        /// `stat` field 7.
        tty: u32,
        /// The foreground process group of the terminal; 0 if it has no number
        /// in the pid namespace, -1 without a terminal. `stat` field 8.
        tty_pgrp: i32,
        /// The kernel's priority: 0 to 39 for nice -20 to 19, below 0 for real
        /// time. `task_prio()`; `stat` field 18.
        priority: i32,
        /// -20 to 19. `task_nice()`; `stat` field 19.
        nice: i32,
        /// 1 to 99, and 0 if not real time; `stat` field 40.
        rt_priority: u32,
        /// `SCHED_*` of `<linux/sched.h>`; `stat` field 41.
        policy: u32,
        /// Threads of its process; `stat` field 20.
        num_threads: u32,
        /// The processor it ran on last; `stat` field 39.
        processor: u32,
        /// The signal that its parent gets when it ends, -1 for a thread;
        /// `stat` field 38.
        exit_signal: i32,
        /// How it ended, as `wait(2)` tells it, or is about to; `stat` field
        /// 52.
        exit_code: i32,
    }
}

impl Stat {
    /// Resident bytes of all kinds; `stat` field 24, which counts in pages.
    #[must_use]
    pub const fn rss(&self) -> u64 {
        self.rss_anon
            .saturating_add(self.rss_file)
            .saturating_add(self.rss_shmem)
    }

    /// Major and minor number of its terminal, if it has one.
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
    fn a_terminal_is_two_numbers() {
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
        // /dev/pts/300 is minor 44 of major 137; a minor above 255 is split.
        assert_eq!(terminal(0x0010_8803), Some((136, 0x103)));
        assert_eq!(terminal(u32::MAX), Some((0xfff, 0xf_ffff)));
    }
}
