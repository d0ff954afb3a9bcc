// SPDX-License-Identifier: MIT
//! The group NS: the namespaces a task is in.

use crate::abi::TaskDiagNs;
use crate::task::mirror;

mirror! {
    /// Inode numbers of a task's namespaces: two tasks are in the same one if, and
    /// only if, they have the same number there. 0 stands for what the kernel does not
    /// have, or the task has no more.
    ///
    /// From the kernel: `struct ns_common::inum` of `struct nsproxy` and
    /// `struct cred`.
    pub struct Ns: TaskDiagNs {
        /// As of `/proc/PID/ns/cgroup`.
        cgroup: u32,
        /// As of `/proc/PID/ns/ipc`.
        ipc: u32,
        /// As of `/proc/PID/ns/mnt`.
        mnt: u32,
        /// As of `/proc/PID/ns/net`.
        net: u32,
        /// As of `/proc/PID/ns/pid`.
        pid: u32,
        /// As of `/proc/PID/ns/pid_for_children`.
        pid_for_children: u32,
        /// As of `/proc/PID/ns/time`.
        time: u32,
        /// As of `/proc/PID/ns/time_for_children`.
        time_for_children: u32,
        /// As of `/proc/PID/ns/user`.
        user: u32,
        /// As of `/proc/PID/ns/uts`.
        uts: u32,
    }
}
