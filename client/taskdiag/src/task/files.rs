// SPDX-License-Identifier: MIT
//! The group FILES: open files, counted.

use crate::abi::TaskDiagFiles;
use crate::task::mirror;

mirror! {
    /// A task's open files, counted, as in `/proc/PID/fd` and `/proc/PID/limits`.
    ///
    /// From the kernel: `struct files_struct`, and `struct rlimit` of
    /// `signal_struct`. All but the limits are 0 for zombies.
    pub struct Files: TaskDiagFiles {
        /// How many it may have: `RLIMIT_NOFILE`, [`u64::MAX`] for any number;
        /// `limits` Max open files.
        limit_soft: u64,
        /// How far it may raise that.
        limit_hard: u64,
        /// Descriptors in use: the entries of `fd/`.
        total: u32,
        /// Of these, regular files.
        regular: u32,
        /// Of these, sockets.
        socket: u32,
        /// Of these, pipes and FIFOs.
        pipe: u32,
        /// Of these, eventfds.
        eventfd: u32,
        /// Of these, epoll instances.
        epoll: u32,
        /// Of these, all else.
        other: u32,
    }
}
