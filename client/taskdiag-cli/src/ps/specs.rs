// SPDX-License-Identifier: MIT
//! Columns that only `ps` has: those that are read from files of `/proc`, and those
//! that procps accepts and fills with dashes.

use super::layout::Justify::{self, Left, Pid, Right, Signal, Unlimited, User, Wchan};
use super::proc_files::ProcField::{self, *};
use crate::columns::{self, Align, Column};

/// A column that `ps` accepts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) heading: &'static str,
    pub(super) width: usize,
    pub(super) justify: Justify,
    pub(super) source: Source,
}

/// The source of the cells of a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// Groups of task_diag.
    Groups(&'static Column),
    /// A file of `/proc` of the task.
    File(ProcField),
    /// The terminal without `pts/` or `tty`.
    ShortTerminal(&'static Column),
    /// No source: the cells are dashes.
    Dash,
    /// The heading, which is printed in each line.
    Literal,
}

/// The lines that show a column, if processes are followed by their threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    All,
    Processes,
    Threads,
}

/// Digits of an address.
const ADDRESS: usize = 2 * size_of::<usize>();

#[rustfmt::skip]
const SPECS: &[(&str, &str, usize, Justify, Option<ProcField>)] = &[
    ("acflag", "ACFLG", 5, Right, None), ("acflg", "ACFLG", 5, Right, None),
    ("addr", "ADDR", 4, Right, None), ("addr_1", "ADDR", 1, Left, None),
    ("ag_id", "AGID", 5, Right, Some(AutogroupId)), ("ag_nice", "AGNI", 4, Right, Some(AutogroupNice)),
    ("alarm", "ALARM", 5, Right, None), ("argc", "ARGC", 4, Right, None),
    ("blocked", "BLOCKED", 9, Signal, Some(SignalsBlocked)), ("bnd", "BND", 1, Right, None),
    ("caught", "CAUGHT", 9, Signal, Some(SignalsCaught)),
    ("cgname", "CGNAME", 27, Unlimited, Some(CgroupName)), ("cgroup", "CGROUP", 27, Unlimited, Some(Cgroups)),
    ("cnswap", "-", 1, Right, None), ("context", "CONTEXT", 31, Left, Some(Label)),
    ("cpu", "CPU", 3, Right, None), ("ctid", "CTID", 5, Right, None), ("cursig", "CURSIG", 6, Right, None),
    ("cwd", "CWD", 3, Left, None), ("drs", "DRS", 5, Right, Some(DataSize)), ("dsiz", "DSIZ", 4, Right, Some(DataSize)),
    ("eip", "EIP", ADDRESS, Right, Some(InstructionPointer)), ("emul", "EMUL", 13, Left, None),
    ("end_code", "E_CODE", ADDRESS, Right, None), ("environ", "ENVIRONMENT", 11, Unlimited, None),
    ("esp", "ESP", ADDRESS, Right, Some(StackPointer)),
    ("ignored", "IGNORED", 9, Signal, Some(SignalsIgnored)), ("inblk", "INBLK", 5, Right, None),
    ("inblock", "INBLK", 5, Right, None), ("jid", "JID", 1, Right, None), ("jobc", "JOBC", 4, Right, None),
    ("ktrace", "KTRACE", 8, Right, None), ("ktracep", "KTRACEP", 8, Right, None),
    ("label", "LABEL", 31, Left, Some(Label)), ("lim", "LIM", 5, Right, Some(ResidentLimit)),
    ("login", "LOGNAME", 8, Left, None), ("logname", "LOGNAME", 8, Left, None),
    ("lsession", "SESSION", 11, Left, Some(Session)), ("luid", "LUID", 5, Right, Some(LoginUid)),
    ("luser", "LUSER", 8, User, None), ("lxc", "LXC", 8, Left, Some(LxcName)),
    ("m_drs", "DRS", 5, Right, Some(DataSize)), ("m_dt", "DT", 4, Right, None), ("m_lrs", "LRS", 5, Right, None),
    ("m_resident", "RES", 5, Right, None), ("m_share", "SHRD", 5, Right, None), ("m_swap", "SWAP", 5, Right, None),
    ("m_trs", "TRS", 5, Right, Some(CodeSize)), ("machine", "MACHINE", 31, Left, Some(Machine)),
    ("msgrcv", "MSGRCV", 6, Right, None), ("msgsnd", "MSGSND", 6, Right, None), ("mwchan", "MWCHAN", 6, Wchan, None),
    ("nsignals", "NSIGS", 5, Right, None), ("nsigs", "NSIGS", 5, Right, None), ("nswap", "NSWAP", 5, Right, None),
    ("numa", "NUMA", 4, Right, Some(NumaNode)), ("nwchan", "WCHAN", 6, Right, None),
    ("oom", "OOM", 4, Right, Some(OomScore)), ("oomadj", "OOMADJ", 5, Right, Some(OomAdjustment)),
    ("osz", "SZ", 2, Right, None), ("oublk", "OUBLK", 5, Right, None), ("oublock", "OUBLK", 5, Right, None),
    ("ouid", "OWNER", 5, Left, Some(OwnerUid)), ("p_ru", "P_RU", 6, Right, None), ("paddr", "PADDR", 6, Right, None),
    ("pending", "PENDING", 9, Signal, Some(SignalsPending)), ("poip", "-", 1, Right, None),
    ("prmgrp", "PRMGRP", 12, Right, None), ("prmid", "PRMID", 12, Right, None),
    ("project", "PROJECT", 12, Left, None), ("projid", "PROJID", 5, Right, None), ("pset", "PSET", 4, Right, None),
    ("psxpri", "PPR", 3, Right, None), ("rbytes", "RBYTES", 5, Right, Some(BytesRead)),
    ("rchars", "RCHARS", 5, Right, Some(CharsRead)), ("re", "RE", 3, Right, None), ("resident", "RES", 5, Right, None),
    ("rlink", "RLINK", 8, Right, None), ("rops", "ROPS", 5, Right, Some(Reads)), ("scnt", "SCNT", 4, Right, None),
    ("scount", "SC", 4, Right, None), ("seat", "SEAT", 11, Left, Some(Seat)), ("share", "-", 1, Right, None),
    ("sig", "PENDING", 9, Signal, Some(SignalsPending)), ("sig_block", "BLOCKED", 9, Signal, Some(SignalsBlocked)),
    ("sig_catch", "CATCHED", 9, Signal, Some(SignalsCaught)), ("sig_ignore", "IGNORED", 9, Signal, Some(SignalsIgnored)),
    ("sig_pend", "SIGNAL", 9, Signal, Some(SignalsPending)), ("sigcatch", "CAUGHT", 9, Signal, Some(SignalsCaught)),
    ("sigignore", "IGNORED", 9, Signal, Some(SignalsIgnored)), ("sigmask", "BLOCKED", 9, Signal, Some(SignalsBlocked)),
    ("sl", "SL", 3, Right, None), ("slice", "SLICE", 31, Left, Some(Slice)),
    ("stackp", "STACKP", ADDRESS, Right, Some(StackStart)), ("start_code", "S_CODE", ADDRESS, Right, None),
    ("start_stack", "STACKP", ADDRESS, Right, Some(StackStart)), ("status", "STATUS", 6, Right, None),
    ("supgid", "SUPGID", 20, Unlimited, Some(GroupIds)), ("supgrp", "SUPGRP", 40, Unlimited, Some(GroupNames)),
    ("taskid", "TASKID", 5, Pid, None), ("tdev", "TDEV", 4, Right, None), ("timeout", "TMOUT", 5, Right, None),
    ("tmout", "TMOUT", 5, Right, None), ("trs", "TRS", 4, Right, Some(CodeSize)), ("trss", "TRSS", 4, Right, Some(CodeSize)),
    ("tsess", "TSESS", 5, Pid, None), ("tsession", "TSESS", 5, Pid, None), ("tsid", "TSID", 5, Pid, None),
    ("tsig", "PENDING", 9, Signal, Some(SignalsPendingOfThread)), ("tsiz", "TSIZ", 4, Right, Some(CodeSize)),
    ("u_procp", "UPROCP", 6, Right, None), ("umask", "UMASK", 5, Right, None), ("unit", "UNIT", 31, Left, Some(Unit)),
    ("upr", "UPR", 3, Right, None), ("uprocp", "UPROCP", 8, Right, None), ("usertime", "USER", 4, Right, None),
    ("usrpri", "UPR", 3, Right, None), ("uunit", "UUNIT", 31, Left, Some(UserUnit)),
    ("vm_data", "DATA", 5, Right, None), ("vm_exe", "EXE", 5, Right, None), ("vm_lib", "LIB", 5, Right, None),
    ("vm_stack", "STACK", 5, Right, None), ("wbytes", "WBYTES", 5, Right, Some(BytesWritten)),
    ("wcbytes", "WCBYTES", 5, Right, Some(BytesCancelled)), ("wchan", "WCHAN", 6, Wchan, Some(WaitChannel)),
    ("wchars", "WCHARS", 5, Right, Some(CharsWritten)), ("wname", "WCHAN", 6, Wchan, Some(WaitChannel)),
    ("wops", "WOPS", 5, Right, Some(Writes)), ("xstat", "XSTAT", 5, Right, None),
    ("zone", "ZONE", 31, Left, Some(Label)), ("zoneid", "ZONEID", 31, Right, None),
];

/// Columns of the table above and of the groups that describe a process as a whole.
#[rustfmt::skip]
const OF_PROCESSES: &[&str] = &[
    "%mem", "pmem", "args", "cmd", "command", "comm", "ucmd", "ucomm", "cgname", "cgroup", "exe", "fname",
    "drs", "dsiz", "m_drs", "m_trs", "m_size", "trs", "trss", "tsiz", "nlwp", "thcount",
    "longtname", "tname", "tt", "tty", "tty4", "tty8", "pgid", "pgrp", "pid", "ppid", "tgid", "tpgid",
    "sess", "session", "sid", "pss", "uss", "rss", "rssize", "rsz", "sgi_rss", "size", "sz", "vsize", "vsz",
    "stackp", "start_stack", "supgid", "supgrp",
];

/// Columns that describe one thread.
#[rustfmt::skip]
const OF_THREADS: &[&str] = &[
    "stat", "s", "state", "blocked", "caught", "ignored", "sig_block", "sig_catch", "sig_ignore", "sigcatch",
    "sigignore", "sigmask", "class", "cls", "cpuid", "policy", "psr", "lastcpu", "sgi_p", "pri", "pri_api",
    "pri_bar", "pri_baz", "pri_foo", "priority", "opri", "intpri", "ni", "nice", "rtprio", "sched", "lwp",
    "tid", "spid", "wchan", "wname", "oom", "oomadj", "rbytes", "rchars", "rops", "wbytes", "wcbytes",
    "wchars", "wops", "eip", "esp",
];

impl Spec {
    /// Returns the column of this name.
    pub(super) fn find(word: &str) -> Option<Self> {
        match word {
            "uid_hack" => Self::renamed("user", "UID", 8),
            "sgi_rss" => Self::renamed("rss", "RSS", 4).map(|spec| Self {
                justify: Left,
                ..spec
            }),
            "tty4" => Self::short_terminal(),
            _ => Self::of_ps(word).or_else(|| Self::of_groups(word)),
        }
    }

    fn of_ps(word: &str) -> Option<Self> {
        let entry = SPECS.iter().find(|(name, ..)| *name == word);
        entry.map(|&(name, heading, width, justify, field)| Self {
            name,
            heading,
            width,
            justify,
            source: field.map_or(Source::Dash, Source::File),
        })
    }

    fn of_groups(word: &str) -> Option<Self> {
        let selected = columns::find(word).ok()?;
        let column = selected.column;
        if column.per_mapping {
            return None;
        }
        let (name, heading, _) = columns::names().find(|(name, ..)| *name == selected.name)?;
        Some(Self {
            name,
            heading,
            width: column.width,
            justify: justify(column.align),
            source: Source::Groups(column),
        })
    }

    fn renamed(word: &str, heading: &'static str, width: usize) -> Option<Self> {
        let spec = Self::of_groups(word)?;
        Some(Self {
            heading,
            width,
            ..spec
        })
    }

    fn short_terminal() -> Option<Self> {
        let spec = Self::renamed("tname", "TTY", 4)?;
        let Source::Groups(column) = spec.source else {
            return None;
        };
        Some(Self {
            name: "tty4",
            source: Source::ShortTerminal(column),
            ..spec
        })
    }

    /// Returns the lines that show the column, if processes are followed by threads.
    pub(super) fn lines(&self) -> Lines {
        if OF_PROCESSES.contains(&self.name) {
            Lines::Processes
        } else if OF_THREADS.contains(&self.name) {
            Lines::Threads
        } else {
            Lines::All
        }
    }
}

const fn justify(align: Align) -> Justify {
    match align {
        Align::Left => Left,
        Align::Right => Right,
        Align::Pid => Pid,
        Align::Name => User,
        Align::Free => Unlimited,
    }
}

/// Returns names, headings and descriptions of all columns that have values, sorted by
/// name.
pub(super) fn list() -> Vec<(&'static str, &'static str, &'static str)> {
    let of_ps = SPECS
        .iter()
        .filter_map(|(name, heading, .., field)| Some((*name, *heading, field.as_ref()?.origin())));
    // In columns of the same name, ps prints the values or the dashes of procps.
    let is_of_ps = |word: &str| SPECS.iter().any(|(name, ..)| *name == word);
    let of_groups = columns::names().filter(|(name, ..)| !is_of_ps(name));
    let mut all: Vec<_> = of_ps.chain(of_groups).collect();
    all.sort_by_key(|(name, ..)| *name);
    all.dedup_by_key(|(name, ..)| *name);
    all
}

/// Iterates over the names of all columns.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let of_groups = columns::names().map(|(name, ..)| name);
    SPECS.iter().map(|(name, ..)| *name).chain(of_groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_a_column() {
        for name in OF_PROCESSES.iter().chain(OF_THREADS) {
            assert!(Spec::find(name).is_some(), "{name}");
        }
        for name in names() {
            assert!(Spec::find(name).is_some(), "{name}");
        }
        assert!(Spec::find("no_such_column").is_none());
        assert!(Spec::find("vm_path").is_none());
    }

    #[test]
    fn names_of_the_table_are_unique() {
        let mut sorted: Vec<&str> = SPECS.iter().map(|(name, ..)| *name).collect();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), SPECS.len());
    }
}
