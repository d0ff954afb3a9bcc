// SPDX-License-Identifier: MIT
//! Columns of the groups `files`, `ident`, `ns`, `nspid` and `cgroup`.

use taskdiag::{FileCounts, Files, Ident, Ns, NsPid, Show};

use super::Align::{Free, Left, Right};
use super::{Column, column};
use crate::row::TaskRow;
use crate::value::Value;

const FILES: Show = Show::FILES;
const IDENT: Show = Show::IDENT;
const NS: Show = Show::NS;
const NSPID: Show = Show::NSPID;
const CGROUP: Show = Show::CGROUP;

#[rustfmt::skip]
pub(super) static COLUMNS: &[Column] = &[
    column(&[("fds", "FDS")], 3, Right, FILES,
        |row, _| Some(Value::Number(row.files.as_deref()?.total?.into())), "open file descriptors"),
    column(&[("fd_regular", "REG")], 3, Right, FILES,
        |row, _| counts(row, |counts| counts.regular), "descriptors of regular files"),
    column(&[("fd_socket", "SOCK")], 4, Right, FILES,
        |row, _| counts(row, |counts| counts.socket), "descriptors of sockets"),
    column(&[("fd_pipe", "PIPE")], 4, Right, FILES,
        |row, _| counts(row, |counts| counts.pipe), "descriptors of pipes and FIFOs"),
    column(&[("fd_eventfd", "EVENT")], 5, Right, FILES,
        |row, _| counts(row, |counts| counts.eventfd), "descriptors of eventfds"),
    column(&[("fd_epoll", "EPOLL")], 5, Right, FILES,
        |row, _| counts(row, |counts| counts.epoll), "descriptors of epoll instances"),
    column(&[("fd_other", "OTHER")], 5, Right, FILES,
        |row, _| counts(row, |counts| counts.other), "all other descriptors"),
    column(&[("nofile", "NOFILE")], 6, Right, FILES,
        |row, _| files(row, |files| files.limit_soft), "soft limit of the number of descriptors"),
    column(&[("nofile_max", "NOFILEMAX")], 9, Right, FILES,
        |row, _| files(row, |files| files.limit_hard), "hard limit of the number of descriptors"),

    column(&[("start_ns", "START_NS")], 10, Right, IDENT,
        |row, _| ident(row, |ident| Some(Value::Number(ident.start_time))), "start time in nanoseconds since boot"),
    column(&[("pidfd_ino", "PIDFD_INO")], 9, Right, IDENT,
        |row, _| ident(row, |ident| ident.pidfd_ino.map(Value::Number)), "inode number of its pidfds, unique since boot"),
    column(&[("leader", "LEADER")], 6, Left, IDENT,
        |row, _| ident(row, |ident| Some(Value::Flag(ident.leader))), "whether the task leads its thread group"),

    column(&[("cgroupns", "CGROUPNS")], 10, Right, NS, |row, _| ns(row, |ns| ns.cgroup), "cgroup namespace"),
    column(&[("ipcns", "IPCNS")], 10, Right, NS, |row, _| ns(row, |ns| ns.ipc), "IPC namespace"),
    column(&[("mntns", "MNTNS")], 10, Right, NS, |row, _| ns(row, |ns| ns.mnt), "mount namespace"),
    column(&[("netns", "NETNS")], 10, Right, NS, |row, _| ns(row, |ns| ns.net), "network namespace"),
    column(&[("pidns", "PIDNS")], 10, Right, NS, |row, _| ns(row, |ns| ns.pid), "pid namespace"),
    column(&[("pidns_children", "PIDNSCHLD")], 10, Right, NS, |row, _| ns(row, |ns| ns.pid_for_children), "pid namespace of future children"),
    column(&[("timens", "TIMENS")], 10, Right, NS, |row, _| ns(row, |ns| ns.time), "time namespace"),
    column(&[("timens_children", "TIMENSCHLD")], 10, Right, NS, |row, _| ns(row, |ns| ns.time_for_children), "time namespace of future children"),
    column(&[("userns", "USERNS")], 10, Right, NS, |row, _| ns(row, |ns| ns.user), "user namespace"),
    column(&[("utsns", "UTSNS")], 10, Right, NS, |row, _| ns(row, |ns| ns.uts), "UTS namespace"),

    column(&[("nspid", "NSPID")], 5, Left, NSPID,
        |row, _| nspids(row, |nspid| nspid.pid), "pid in each pid namespace, outermost first"),
    column(&[("nstgid", "NSTGID")], 6, Left, NSPID,
        |row, _| nspids(row, |nspid| nspid.tgid), "process id in each pid namespace"),
    column(&[("nspgid", "NSPGID")], 6, Left, NSPID,
        |row, _| nspids(row, |nspid| nspid.pgid), "process group id in each pid namespace; 0: none"),
    column(&[("nssid", "NSSID")], 5, Left, NSPID,
        |row, _| nspids(row, |nspid| nspid.sid), "session id in each pid namespace; 0: none"),

    column(&[("cgroup", "CGROUP")], 27, Free, CGROUP,
        |row, _| Some(Value::Cgroup(row.cgroup.as_deref()?.path.as_deref()?)), "path in the default hierarchy, after 0::"),
    column(&[("cgpath", "CGPATH")], 27, Free, CGROUP,
        |row, _| Some(Value::Bytes(row.cgroup.as_deref()?.path.as_deref()?)), "path in the default hierarchy"),
    column(&[("cgid", "CGID")], 8, Right, CGROUP,
        |row, _| Some(Value::Number(row.cgroup.as_deref()?.id?)), "cgroup id: the inode number of its directory"),
];

fn files(row: &TaskRow, number: impl FnOnce(&Files) -> Option<u64>) -> Option<Value<'_>> {
    row.files.as_deref().and_then(number).map(Value::Number)
}

fn nspids(row: &TaskRow, pid: fn(&NsPid) -> u32) -> Option<Value<'_>> {
    Some(Value::Levels(row.nspids.as_deref()?, pid))
}

fn counts(row: &TaskRow, number: impl FnOnce(&FileCounts) -> u32) -> Option<Value<'_>> {
    let counts = row.files.as_deref()?.counts.as_ref()?;
    Some(Value::Number(number(counts).into()))
}

fn ident<'a>(
    row: &'a TaskRow,
    value: impl FnOnce(&Ident) -> Option<Value<'static>>,
) -> Option<Value<'a>> {
    row.ident.as_deref().and_then(value)
}

fn ns(row: &TaskRow, number: impl FnOnce(&Ns) -> Option<u32>) -> Option<Value<'_>> {
    let number = number(row.ns.as_deref()?)?;
    Some(Value::Number(number.into()))
}
