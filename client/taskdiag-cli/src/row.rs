// SPDX-License-Identifier: MIT
//! The data of a row of output: the groups that columns need.

use std::borrow::Cow;
use std::rc::Rc;

use taskdiag::{
    Base, Cred, Files, Ident, Io, Limits, Memory, Ns, NsPid, Oom, Paths, Sched, Show, Signals,
    Stat, State, TaskRef, Vma, VmaStat,
};

/// A row of output: a task, or one of its memory mappings.
///
/// Rows are small, because sorting and some formats hold hundreds of thousands of
/// them. Less common groups are boxed, and rows of the same task share long
/// fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskRow {
    /// Thread id.
    pub(crate) tid: u32,
    /// Process id.
    pub(crate) tgid: u32,
    pub(crate) base: Option<Base>,
    pub(crate) cred: Option<Cred>,
    pub(crate) stat: Option<Box<Stat>>,
    pub(crate) files: Option<Box<Files>>,
    pub(crate) ident: Option<Box<Ident>>,
    pub(crate) ns: Option<Box<Ns>>,
    pub(crate) cgroup: Option<Rc<Cgroup>>,
    /// The groups IO, SIGNALS, LIMITS and OOM.
    pub(crate) usage: Option<Box<Usage>>,
    pub(crate) sched: Option<Box<Sched<'static>>>,
    pub(crate) nspids: Option<Rc<[NsPid]>>,
    /// Arguments, separated by NULs.
    pub(crate) cmdline: Option<Rc<[u8]>>,
    pub(crate) paths: Option<Rc<Paths<'static>>>,
    /// Variables, separated by NULs.
    pub(crate) environ: Option<Rc<[u8]>>,
    /// Sums over all memory mappings of the task.
    pub(crate) mapping_totals: Option<Box<MappingTotals>>,
    /// The requested groups that the caller may not read.
    pub(crate) denied: Show,
    /// The mapping that the row shows, if it does not show a task.
    pub(crate) mapping: Option<Box<Mapping>>,
}

/// The groups IO, SIGNALS, LIMITS and OOM, as requested.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) io: Option<Io>,
    pub(crate) signals: Option<Signals>,
    pub(crate) limits: Option<Limits>,
    pub(crate) oom: Option<Oom>,
}

/// The cgroup of a task in the default hierarchy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cgroup {
    /// `None` if it is not known.
    pub(crate) id: Option<u64>,
    /// `None` if the path is too long for a message.
    pub(crate) path: Option<Vec<u8>>,
}

/// Sums over the memory mappings of a process, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MappingTotals {
    pub(crate) pss: u64,
    pub(crate) private: u64,
    pub(crate) private_hugetlb: u64,
    pub(crate) shared_hugetlb: u64,
}

/// A memory mapping, with the requested groups.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) vma: Option<Vma<'static>>,
    pub(crate) stat: Option<VmaStat>,
}

impl Usage {
    /// Returns `None` if the task has none of the groups.
    fn of(task: TaskRef<'_>) -> Option<Self> {
        let (io, signals) = (task.io(), task.signals());
        let (limits, oom) = (task.limits(), task.oom());
        let any = io.is_some() || signals.is_some() || limits.is_some() || oom.is_some();
        any.then_some(Self {
            io,
            signals,
            limits,
            oom,
        })
    }
}

impl TaskRow {
    /// Returns tid and parent of a task for [`crate::tree`]. The parent of a thread
    /// is the first thread of its process.
    pub(crate) fn relation(&self) -> (u32, u32) {
        let parent = if self.tid == self.tgid {
            self.base.map_or(0, |base| base.ppid)
        } else {
            self.tgid
        };
        (self.tid, parent)
    }

    /// Copies the groups in `show` from a task.
    pub(crate) fn new(task: TaskRef<'_>, show: Show) -> Self {
        let mut row = Self {
            tid: task.pid(),
            tgid: task.tgid(),
            base: task.base(),
            cred: task.cred(),
            denied: task.absent().denied,
            ..Self::default()
        };
        if !Self::INLINE_GROUPS.contains(show) {
            row.set_boxed(task);
        }
        row
    }

    /// The groups that are stored inline, without a box.
    const INLINE_GROUPS: Show = Show::BASE.union(Show::CRED);

    /// Copies the groups that are not inline.
    fn set_boxed(&mut self, task: TaskRef<'_>) {
        self.stat = task.stat().map(Box::new);
        self.ident = task.ident().map(Box::new);
        self.ns = task.ns().map(Box::new);
        self.usage = Usage::of(task).map(Box::new);
        self.sched = task.sched().map(|sched| Box::new(sched.into_owned()));
        self.set_resumable(task);
        self.cmdline = task.cmdline().map(|bytes| bytes.as_bytes().into());
        self.environ = task.environ().map(|bytes| bytes.as_bytes().into());
        self.paths = task.paths().map(|paths| Rc::new(paths.into_owned()));
        self.add_mappings(task);
    }

    /// Copies the groups that a continuation message may contain.
    fn set_resumable(&mut self, task: TaskRef<'_>) {
        if let Some(files) = task.files() {
            self.files = Some(Box::new(files));
        }
        if let Some(nspids) = task.nspids() {
            self.nspids = Some(nspids.collect());
        }
        if let Some(cgroup) = task.cgroup() {
            self.cgroup = Some(Rc::new(Cgroup {
                id: cgroup.id,
                path: cgroup.path.map(Cow::into_owned),
            }));
        }
    }

    /// Adds the content of a continuation message.
    pub(crate) fn append(&mut self, task: TaskRef<'_>) {
        self.denied |= task.absent().denied;
        self.set_resumable(task);
        if let Some(rest) = task.cmdline() {
            let first = self.cmdline.as_deref().unwrap_or_default();
            self.cmdline = Some([first, rest.as_bytes()].concat().into());
        }
        if let Some(rest) = task.environ() {
            let first = self.environ.as_deref().unwrap_or_default();
            self.environ = Some([first, rest.as_bytes()].concat().into());
        }
        if let Some(rest) = task.paths() {
            let paths = Rc::make_mut(self.paths.get_or_insert_default());
            paths.add(rest.into_owned());
        }
        self.add_mappings(task);
    }

    fn add_mappings(&mut self, task: TaskRef<'_>) {
        if let Some(mappings) = task.vma_stats() {
            let totals = self.mapping_totals.get_or_insert_default();
            mappings.for_each(|mapping| totals.add(&mapping));
        }
    }

    /// Sets the sizes of a task without memory to 0, as procps shows them.
    pub(crate) fn zero_memory(&mut self) {
        if let Some(stat) = &mut self.stat {
            stat.memory.get_or_insert_with(no_memory);
        }
    }

    /// Adds the times and faults of waited-for children to those of the task.
    pub(crate) fn add_children(&mut self) {
        if let Some(stat) = &mut self.stat {
            stat.utime = stat.utime.saturating_add(stat.cutime);
            stat.stime = stat.stime.saturating_add(stat.cstime);
            stat.min_flt = stat.min_flt.saturating_add(stat.cmin_flt);
            stat.maj_flt = stat.maj_flt.saturating_add(stat.cmaj_flt);
        }
    }

    /// Whether the task has exited and its parent has not waited for it.
    pub(crate) fn is_zombie(&self) -> bool {
        self.base.is_some_and(|base| base.state == State::Zombie)
    }
}

/// Returns the memory of a task that has none.
fn no_memory() -> Memory {
    let mut memory = Memory::default();
    for size in [
        &mut memory.rss,
        &mut memory.rss_anon,
        &mut memory.rss_file,
        &mut memory.rss_shmem,
        &mut memory.rss_peak,
        &mut memory.swap,
        &mut memory.text,
        &mut memory.data,
        &mut memory.locked,
    ] {
        *size = Some(0);
    }
    memory
}

impl MappingTotals {
    /// Adds the sizes of a mapping.
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

/// Rows for tests.
#[cfg(test)]
pub(crate) mod samples {
    use taskdiag::{Base, CapSet, Comm, Cred, State};

    use super::TaskRow;

    /// Returns a process of root with all capabilities.
    pub(crate) fn init() -> TaskRow {
        let mut row = plain(1, b"init");
        let cred = row.cred.get_or_insert_default();
        for set in [
            &mut cred.cap_permitted,
            &mut cred.cap_effective,
            &mut cred.cap_bset,
        ] {
            *set = Some(CapSet::ALL);
        }
        row
    }

    /// Returns a process of root without capabilities.
    pub(crate) fn plain(pid: u32, comm: &[u8]) -> TaskRow {
        let mut base = Base::default();
        (base.pid, base.tgid, base.ppid) = (pid, pid, pid - 1);
        (base.pgid, base.sid, base.tpid) = (Some(pid), Some(1), Some(0));
        base.state = State::Interruptible;
        base.comm = Comm::new(comm);
        TaskRow {
            tid: pid,
            tgid: pid,
            base: Some(base),
            cred: Some(root()),
            ..TaskRow::default()
        }
    }

    /// Returns the credentials of root without capabilities.
    fn root() -> Cred {
        let mut cred = Cred::default();
        let id = Some(0);
        (cred.uid, cred.euid, cred.suid, cred.fsuid) = (id, id, id, id);
        (cred.gid, cred.egid, cred.sgid, cred.fsgid) = (id, id, id, id);
        for set in [
            &mut cred.cap_inheritable,
            &mut cred.cap_permitted,
            &mut cred.cap_effective,
            &mut cred.cap_bset,
            &mut cred.cap_ambient,
        ] {
            *set = Some(CapSet::default());
        }
        (cred.securebits, cred.no_new_privs) = (Some(0), Some(false));
        cred
    }

    /// Returns a process of a user without a name.
    pub(crate) fn nameless(pid: u32, comm: &[u8]) -> TaskRow {
        let mut row = plain(pid, comm);
        let cred = row.cred.get_or_insert_default();
        let id = Some(NOBODY);
        (cred.uid, cred.euid, cred.suid, cred.fsuid) = (id, id, id, id);
        (cred.gid, cred.egid, cred.sgid, cred.fsgid) = (id, id, id, id);
        cred.cap_effective = Some(CapSet(1 << 13 | 1 << 12));
        cred.securebits = Some(0x2f);
        cred.no_new_privs = Some(true);
        row
    }

    /// An id without a name in user databases.
    pub(crate) const NOBODY: u32 = 4_000_000_007;
}
