// SPDX-License-Identifier: MIT
//! What the command keeps of a task: the groups it has columns for.

use std::borrow::Cow;
use std::rc::Rc;

use taskdiag::{Base, Cred, Files, Ident, Ns, Show, Stat, State, TaskRef, Vma, VmaStat};

/// A task as it is shown: small, so that rows can be held by the hundred
/// thousand where a format or an order needs them all. What most do not ask
/// for lies elsewhere; what can be long is shared by rows about one task.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskRow {
    /// The thread's number.
    pub(crate) tid: u32,
    /// The process's number.
    pub(crate) tgid: u32,
    pub(crate) base: Option<Base>,
    pub(crate) cred: Option<Cred>,
    pub(crate) stat: Option<Box<Stat>>,
    pub(crate) files: Option<Box<Files>>,
    pub(crate) ident: Option<Box<Ident>>,
    pub(crate) ns: Option<Box<Ns>>,
    pub(crate) cgroup: Option<Rc<Cgroup>>,
    /// The arguments, with the NULs between them.
    pub(crate) cmdline: Option<Rc<[u8]>>,
    /// What all areas of its memory come to.
    pub(crate) mapping_totals: Option<Box<MappingTotals>>,
    /// The area of its memory that the row is about, if it is about one.
    pub(crate) mapping: Option<Box<Mapping>>,
}

/// Where a task is in the default hierarchy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cgroup {
    pub(crate) id: u64,
    /// `None` if it is too long.
    pub(crate) path: Option<Vec<u8>>,
}

/// What the areas of a process's memory come to, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MappingTotals {
    pub(crate) pss: u64,
    pub(crate) private: u64,
    pub(crate) private_hugetlb: u64,
    pub(crate) shared_hugetlb: u64,
}

/// One area, as far as it was asked about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) vma: Option<Vma<'static>>,
    pub(crate) stat: Option<VmaStat>,
}

impl TaskRow {
    /// Its number and its parent's. The other threads of a process stand below
    /// the one that has its number.
    pub(crate) fn relation(&self) -> (u32, u32) {
        let parent = if self.tid == self.tgid {
            self.base.map_or(0, |base| base.ppid)
        } else {
            self.tgid
        };
        (self.tid, parent)
    }

    /// Takes from the task what these groups have.
    pub(crate) fn new(task: TaskRef<'_>, show: Show) -> Self {
        let mut row = Self {
            tid: task.pid(),
            tgid: task.tgid(),
            base: task.base(),
            cred: task.cred(),
            ..Self::default()
        };
        if !Self::INLINE_GROUPS.contains(show) {
            row.set_boxed(task);
        }
        row
    }

    /// The groups that lie in the row itself.
    const INLINE_GROUPS: Show = Show::BASE.union(Show::CRED);

    /// Takes the other groups, too.
    fn set_boxed(&mut self, task: TaskRef<'_>) {
        self.stat = task.stat().map(Box::new);
        self.ident = task.ident().map(Box::new);
        self.ns = task.ns().map(Box::new);
        self.set_resumable(task);
        self.cmdline = task.cmdline().map(|bytes| bytes.as_bytes().into());
        self.add_mappings(task);
    }

    /// Takes the groups that may come in a later message.
    fn set_resumable(&mut self, task: TaskRef<'_>) {
        if let Some(files) = task.files() {
            self.files = Some(Box::new(files));
        }
        if let Some(cgroup) = task.cgroup() {
            self.cgroup = Some(Rc::new(Cgroup {
                id: cgroup.id,
                path: cgroup.path.map(Cow::into_owned),
            }));
        }
    }

    /// Takes the next piece of a row.
    pub(crate) fn append(&mut self, task: TaskRef<'_>) {
        self.set_resumable(task);
        if let Some(rest) = task.cmdline() {
            let first = self.cmdline.as_deref().unwrap_or_default();
            self.cmdline = Some([first, rest.as_bytes()].concat().into());
        }
        self.add_mappings(task);
    }

    fn add_mappings(&mut self, task: TaskRef<'_>) {
        if let Some(mappings) = task.vma_stats() {
            let totals = self.mapping_totals.get_or_insert_default();
            mappings.for_each(|mapping| totals.add(&mapping));
        }
    }

    /// Sets the sizes of a task without memory to 0, as procps prints them.
    pub(crate) fn zero_memory(&mut self) {
        if let Some(stat) = &mut self.stat {
            stat.memory.get_or_insert_default();
        }
    }

    /// Counts the children that were waited for with the task itself.
    pub(crate) fn add_children(&mut self) {
        if let Some(stat) = &mut self.stat {
            stat.utime = stat.utime.saturating_add(stat.cutime);
            stat.stime = stat.stime.saturating_add(stat.cstime);
            stat.min_flt = stat.min_flt.saturating_add(stat.cmin_flt);
            stat.maj_flt = stat.maj_flt.saturating_add(stat.cmaj_flt);
        }
    }

    /// Whether its parent has not waited for its end yet.
    pub(crate) fn is_zombie(&self) -> bool {
        self.base.is_some_and(|base| base.state == State::Zombie)
    }
}

impl MappingTotals {
    /// Adds an area.
    pub(crate) fn add(&mut self, mapping: &VmaStat) {
        self.pss = self.pss.saturating_add(mapping.pss);
        self.private = self
            .private
            .saturating_add(mapping.private_clean)
            .saturating_add(mapping.private_dirty);
        self.private_hugetlb = self.private_hugetlb.saturating_add(mapping.private_hugetlb);
        self.shared_hugetlb = self.shared_hugetlb.saturating_add(mapping.shared_hugetlb);
    }
}

/// Rows for tests, of no kernel's making.
#[cfg(test)]
pub(crate) mod samples {
    use taskdiag::{Base, CapSet, Comm, Cred, State};

    use super::TaskRow;

    /// A process of root's with every capability.
    pub(crate) fn init() -> TaskRow {
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
    pub(crate) fn plain(pid: u32, comm: &[u8]) -> TaskRow {
        let mut base = Base::default();
        (base.pid, base.tgid, base.ppid) = (pid, pid, pid - 1);
        (base.pgid, base.sid) = (pid, 1);
        base.state = State::Interruptible;
        base.comm = Comm::new(comm);
        TaskRow {
            tid: pid,
            tgid: pid,
            base: Some(base),
            cred: Some(Cred::default()),
            ..TaskRow::default()
        }
    }

    /// A process of a user that has no name anywhere.
    pub(crate) fn nameless(pid: u32, comm: &[u8]) -> TaskRow {
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
