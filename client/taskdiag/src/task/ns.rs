// SPDX-License-Identifier: MIT
//! The group NS: the namespaces of a task.

use crate::abi::{self, TaskDiagNs};

/// Namespaces of a task, by inode number and by id.
///
/// Two tasks are in the same namespace exactly if the inode numbers are equal at
/// the same time. Inode numbers are reused; ids never are. A field is `None` if
/// the kernel does not have the namespace or the id, or if the task no longer
/// has the namespace.
///
/// From the kernel: `struct ns_common::inum` of `struct nsproxy` and
/// `struct cred`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Ns {
    /// Inode number of `/proc/PID/ns/cgroup`.
    pub cgroup: Option<u32>,
    /// Id of the namespace `cgroup`.
    pub cgroup_id: Option<u64>,
    /// Inode number of `/proc/PID/ns/ipc`.
    pub ipc: Option<u32>,
    /// Id of the namespace `ipc`.
    pub ipc_id: Option<u64>,
    /// Inode number of `/proc/PID/ns/mnt`.
    pub mnt: Option<u32>,
    /// Id of the namespace `mnt`.
    pub mnt_id: Option<u64>,
    /// Inode number of `/proc/PID/ns/net`.
    pub net: Option<u32>,
    /// Id of the namespace `net`.
    pub net_id: Option<u64>,
    /// Inode number of `/proc/PID/ns/pid`.
    pub pid: Option<u32>,
    /// Id of the namespace `pid`.
    pub pid_id: Option<u64>,
    /// Inode number of `/proc/PID/ns/pid_for_children`.
    pub pid_for_children: Option<u32>,
    /// Id of the namespace `pid_for_children`.
    pub pid_for_children_id: Option<u64>,
    /// Inode number of `/proc/PID/ns/time`.
    pub time: Option<u32>,
    /// Id of the namespace `time`.
    pub time_id: Option<u64>,
    /// Inode number of `/proc/PID/ns/time_for_children`.
    pub time_for_children: Option<u32>,
    /// Id of the namespace `time_for_children`.
    pub time_for_children_id: Option<u64>,
    /// Inode number of `/proc/PID/ns/user`.
    pub user: Option<u32>,
    /// Id of the namespace `user`.
    pub user_id: Option<u64>,
    /// Inode number of `/proc/PID/ns/uts`.
    pub uts: Option<u32>,
    /// Id of the namespace `uts`.
    pub uts_id: Option<u64>,
}

impl From<TaskDiagNs> for Ns {
    #[inline]
    fn from(ns: TaskDiagNs) -> Self {
        let valid = |bit: u32| ns.valid & 1 << bit != 0;
        let inode = |bit, number: u32| valid(bit).then_some(number);
        let id = |bit, number: u64| valid(abi::TASK_DIAG_NS_IDS + bit).then_some(number);
        Self {
            cgroup: inode(abi::TASK_DIAG_NS_CGROUP, ns.cgroup),
            cgroup_id: id(abi::TASK_DIAG_NS_CGROUP, ns.cgroup_id),
            ipc: inode(abi::TASK_DIAG_NS_IPC, ns.ipc),
            ipc_id: id(abi::TASK_DIAG_NS_IPC, ns.ipc_id),
            mnt: inode(abi::TASK_DIAG_NS_MNT, ns.mnt),
            mnt_id: id(abi::TASK_DIAG_NS_MNT, ns.mnt_id),
            net: inode(abi::TASK_DIAG_NS_NET, ns.net),
            net_id: id(abi::TASK_DIAG_NS_NET, ns.net_id),
            pid: inode(abi::TASK_DIAG_NS_PID, ns.pid),
            pid_id: id(abi::TASK_DIAG_NS_PID, ns.pid_id),
            pid_for_children: inode(abi::TASK_DIAG_NS_PID_FOR_CHILDREN, ns.pid_for_children),
            pid_for_children_id: id(abi::TASK_DIAG_NS_PID_FOR_CHILDREN, ns.pid_for_children_id),
            time: inode(abi::TASK_DIAG_NS_TIME, ns.time),
            time_id: id(abi::TASK_DIAG_NS_TIME, ns.time_id),
            time_for_children: inode(abi::TASK_DIAG_NS_TIME_FOR_CHILDREN, ns.time_for_children),
            time_for_children_id: id(abi::TASK_DIAG_NS_TIME_FOR_CHILDREN, ns.time_for_children_id),
            user: inode(abi::TASK_DIAG_NS_USER, ns.user),
            user_id: id(abi::TASK_DIAG_NS_USER, ns.user_id),
            uts: inode(abi::TASK_DIAG_NS_UTS, ns.uts),
            uts_id: id(abi::TASK_DIAG_NS_UTS, ns.uts_id),
        }
    }
}

impl From<Ns> for TaskDiagNs {
    fn from(ns: Ns) -> Self {
        let mut valid = 0;
        let mut fields = |bit: u32, inode: Option<u32>, id: Option<u64>| {
            valid |= u64::from(inode.is_some()) << bit;
            valid |= u64::from(id.is_some()) << (abi::TASK_DIAG_NS_IDS + bit);
            (inode.unwrap_or_default(), id.unwrap_or_default())
        };
        let cgroup = fields(abi::TASK_DIAG_NS_CGROUP, ns.cgroup, ns.cgroup_id);
        let ipc = fields(abi::TASK_DIAG_NS_IPC, ns.ipc, ns.ipc_id);
        let mnt = fields(abi::TASK_DIAG_NS_MNT, ns.mnt, ns.mnt_id);
        let net = fields(abi::TASK_DIAG_NS_NET, ns.net, ns.net_id);
        let pid = fields(abi::TASK_DIAG_NS_PID, ns.pid, ns.pid_id);
        let pid_for_children = fields(
            abi::TASK_DIAG_NS_PID_FOR_CHILDREN,
            ns.pid_for_children,
            ns.pid_for_children_id,
        );
        let time = fields(abi::TASK_DIAG_NS_TIME, ns.time, ns.time_id);
        let time_for_children = fields(
            abi::TASK_DIAG_NS_TIME_FOR_CHILDREN,
            ns.time_for_children,
            ns.time_for_children_id,
        );
        let user = fields(abi::TASK_DIAG_NS_USER, ns.user, ns.user_id);
        let uts = fields(abi::TASK_DIAG_NS_UTS, ns.uts, ns.uts_id);
        Self {
            valid,
            cgroup: cgroup.0,
            ipc: ipc.0,
            mnt: mnt.0,
            net: net.0,
            pid: pid.0,
            pid_for_children: pid_for_children.0,
            time: time.0,
            time_for_children: time_for_children.0,
            user: user.0,
            uts: uts.0,
            cgroup_id: cgroup.1,
            ipc_id: ipc.1,
            mnt_id: mnt.1,
            net_id: net.1,
            pid_id: pid.1,
            pid_for_children_id: pid_for_children.1,
            time_id: time.1,
            time_for_children_id: time_for_children.1,
            user_id: user.1,
            uts_id: uts.1,
        }
    }
}
