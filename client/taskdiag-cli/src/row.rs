// SPDX-License-Identifier: MIT
//! What the command keeps of a task: the groups it has columns for.

use taskdiag::{Base, Cred, TaskRef};

/// A task as it is shown: small, without a heap of its own, so that rows can
/// be held by the hundred thousand where a format or an order needs them all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The thread's number.
    pub(crate) tid: u32,
    /// The process's number.
    pub(crate) tgid: u32,
    pub(crate) base: Option<Base>,
    pub(crate) cred: Option<Cred>,
}

impl From<TaskRef<'_>> for Row {
    fn from(task: TaskRef<'_>) -> Self {
        Self {
            tid: task.pid(),
            tgid: task.tgid(),
            base: task.base(),
            cred: task.cred(),
        }
    }
}

/// Rows for tests, of no kernel's making.
#[cfg(test)]
pub(crate) mod samples {
    use taskdiag::{Base, CapSet, Comm, Cred, State};

    use super::Row;

    /// A process of root's with every capability.
    pub(crate) fn init() -> Row {
        let mut row = plain(1, b"init");
        let cred = row.cred.get_or_insert_default();
        for set in [
            &mut cred.cap_permitted,
            &mut cred.cap_effective,
            &mut cred.cap_bset,
        ] {
            *set = CapSet::ALL;
        }
        row
    }

    /// A process of root's without capabilities.
    pub(crate) fn plain(pid: u32, comm: &[u8]) -> Row {
        let mut base = Base::default();
        (base.pid, base.tgid, base.ppid) = (pid, pid, pid - 1);
        (base.pgid, base.sid) = (pid, 1);
        base.state = State::Interruptible;
        base.comm = Comm::new(comm);
        Row {
            tid: pid,
            tgid: pid,
            base: Some(base),
            cred: Some(Cred::default()),
        }
    }

    /// A process of a user that has no name anywhere.
    pub(crate) fn nameless(pid: u32, comm: &[u8]) -> Row {
        let mut row = plain(pid, comm);
        let cred = row.cred.get_or_insert_default();
        (cred.uid, cred.euid, cred.suid, cred.fsuid) = (NOBODY, NOBODY, NOBODY, NOBODY);
        (cred.gid, cred.egid, cred.sgid, cred.fsgid) = (NOBODY, NOBODY, NOBODY, NOBODY);
        cred.cap_effective = CapSet(1 << 13 | 1 << 12);
        cred.securebits = 0x2f;
        cred.no_new_privs = true;
        row
    }

    /// An id that no sane user database gives a name.
    pub(crate) const NOBODY: u32 = 4_000_000_007;
}
