// SPDX-License-Identifier: MIT
//! The tables are consistent, and each column shows its field.

use std::collections::HashSet;
use std::rc::Rc;

use taskdiag::abi::TaskDiagLimits;
use taskdiag::{
    CapSet, Files, Ident, Io, IoPriority, Ns, NsPid, Oom, Paths, Sched, Signals, Stat, TaskPath,
    Vma, VmaFlags, VmaStat,
};

use super::*;
use crate::row::{Cgroup, Mapping, MappingTotals, Usage, samples};
use crate::value::Cell;

const BASE: Show = Show::BASE;
const CRED: Show = Show::CRED;
const NONE: Show = Show::empty();

fn names(columns: &[SelectedColumn]) -> Vec<&'static str> {
    columns.iter().map(|selected| selected.name).collect()
}

#[test]
fn column_names_are_unique() {
    let mut seen = HashSet::new();
    for column in all() {
        for (name, heading) in column.names {
            assert!(seen.insert(name), "{name} twice");
            assert!(
                ps_only::source(name).is_none(),
                "{name} is available and listed as unavailable"
            );
            let selected = find(name).expect("a name of the table");
            assert_eq!(selected.column.name(), column.name());
            assert_eq!(selected.heading, *heading);
            assert_eq!(selected.key(), *name);
        }
    }
}

#[test]
fn unknown_column_suggests_a_similar_name() {
    let text = find("cpu%").expect_err("no such column").to_string();
    assert_eq!(
        text,
        "unknown column \"cpu%\": did you mean \"pcpu\"?; --help lists all columns"
    );
}

#[test]
fn column_of_ps_alone_names_its_origin() {
    assert_eq!(
        find("wchan").expect_err("a column of ps alone").to_string(),
        "column \"wchan\" is not available through task_diag; source in ps: /proc/PID/wchan"
    );
}

#[test]
fn column_keeps_the_requested_name_and_heading() {
    for (spec, key, heading) in [
        ("pid", "pid", "PID"),
        ("lwp", "lwp", "LWP"),
        ("comm", "comm", "COMMAND"),
        ("ucmd", "ucmd", "CMD"),
        ("state", "state", "S"),
        ("stat", "stat", "STAT"),
        ("tracer", "tracer", "TRACER"),
        ("%cpu", "%cpu", "%CPU"),
        ("pid=NUMBER", "NUMBER", "NUMBER"),
        ("pid=", "pid", ""),
    ] {
        let selected = parse_list(spec).expect(spec).remove(0);
        assert_eq!((selected.key(), selected.heading.as_str()), (key, heading));
        assert_eq!(selected.has_empty_heading(), heading.is_empty());
    }
}

#[test]
fn default_columns_follow_from_groups_and_strategy() {
    let defaults = |show, strategy| names(&default_columns(show, strategy)).join(",");
    assert_eq!(
        defaults(BASE, Strategy::All),
        "pid,ppid,pgid,sid,state,comm"
    );
    assert_eq!(
        defaults(BASE | CRED, Strategy::Children(1)),
        "user,group,pid,ppid,pgid,sid,state,comm,caps"
    );
    assert_eq!(
        defaults(CRED, Strategy::AllThreads),
        "user,group,pid,tid,caps"
    );
    assert_eq!(defaults(NONE, Strategy::Threads(1)), "pid,tid");
    assert_eq!(defaults(NONE, Strategy::One(1)), "pid,tid");
}

#[test]
fn default_columns_of_mapping_rows() {
    let defaults = |show| names(&default_columns(show, Strategy::One(1))).join(",");
    assert_eq!(
        defaults(Show::VMA),
        "pid,tid,vm_start,vm_end,vm_perms,vm_offset,vm_dev,vm_inode,vm_path"
    );
    assert!(defaults(Show::VMA_STAT).starts_with("pid,tid,vm_start,vm_end,vm_rss,vm_pss,"));
    // Sums over mappings are not among the default columns.
    assert!(
        default_columns(Show::VMA_STAT, Strategy::All)
            .iter()
            .all(|selected| selected.name != "pss")
    );
}

/// Returns a row with a different value in each field.
fn usage() -> Usage {
    let mut io = Io::default();
    (io.rchar, io.wchar, io.syscr, io.syscw) = (500, 501, 502, 503);
    (io.read_bytes, io.write_bytes, io.cancelled_write_bytes) = (504, 505, 506);
    let mut signals = Signals::default();
    (signals.pending, signals.shared_pending, signals.blocked) = (1, 2, 4);
    (signals.ignored, signals.caught) = (8, 16);
    (signals.queued, signals.queue_limit) = (507, 508);
    let mut limits = TaskDiagLimits::default();
    for (number, limit) in (0..).zip(&mut limits.limit) {
        (limit.soft, limit.hard) = (600 + number, 700 + number);
    }
    let mut oom = Oom::default();
    (oom.score, oom.score_adj) = (509, -510);
    Usage {
        io: Some(io),
        signals: Some(signals),
        limits: Some(limits.into()),
        oom: Some(oom),
    }
}

fn sched() -> Sched<'static> {
    let mut sched = Sched::default();
    (sched.policy, sched.flags) = (7, Some(1));
    (sched.runtime, sched.deadline, sched.period) = (Some(520), Some(521), Some(522));
    (sched.util_min, sched.util_max) = (Some(523), Some(524));
    sched.ioprio = Some(IoPriority::new(2 << 13 | 3));
    sched.ioprio_effective = Some(IoPriority::new(1 << 13 | 6));
    sched.timer_slack = Some(525);
    (sched.autogroup, sched.autogroup_nice) = (Some(526), Some(-7));
    sched.cpus = Some([0, 1, 4].into_iter().collect());
    sched.mems = Some([2].into_iter().collect());
    sched
}

fn full() -> TaskRow {
    let mut row = samples::plain(1, b"name");
    (row.tgid, row.tid) = (100, 101);
    let base = row.base.get_or_insert_default();
    (base.ppid, base.tpid) = (102, Some(103));
    (base.pgid, base.sid) = (Some(104), Some(105));
    let cred = row.cred.get_or_insert_default();
    (cred.uid, cred.euid) = (Some(200), Some(201));
    (cred.suid, cred.fsuid) = (Some(202), Some(203));
    (cred.gid, cred.egid) = (Some(204), Some(205));
    (cred.sgid, cred.fsgid) = (Some(206), Some(207));
    for (bit, set) in [
        &mut cred.cap_inheritable,
        &mut cred.cap_permitted,
        &mut cred.cap_effective,
        &mut cred.cap_bset,
        &mut cred.cap_ambient,
    ]
    .into_iter()
    .enumerate()
    {
        *set = Some(CapSet(1 << bit));
    }
    (cred.securebits, cred.no_new_privs) = (Some(0x10), Some(true));
    row.stat = Some(Box::new(stat()));
    let mut files = Files::default();
    (files.limit_soft, files.limit_hard) = (Some(400), Some(401));
    files.total = Some(402);
    let counts = files.counts.get_or_insert_default();
    (counts.total, counts.regular, counts.socket, counts.pipe) = (402, 403, 404, 405);
    (counts.eventfd, counts.epoll, counts.other) = (406, 407, 408);
    row.files = Some(Box::new(files));
    let mut ident = Ident::default();
    (ident.start_time, ident.pidfd_ino, ident.leader) = (410, Some(411), true);
    row.ident = Some(Box::new(ident));
    let mut ns = Ns::default();
    (ns.cgroup, ns.ipc, ns.mnt, ns.net) = (Some(420), Some(421), Some(422), Some(423));
    (ns.pid, ns.pid_for_children) = (Some(424), Some(425));
    (ns.time, ns.time_for_children, ns.user) = (Some(426), Some(427), Some(428));
    ns.uts = None;
    row.ns = Some(Box::new(ns));
    row.usage = Some(Box::new(usage()));
    row.sched = Some(Box::new(sched()));
    let mut levels = [NsPid::default(); 2];
    (levels[0].pid, levels[0].tgid, levels[0].pgid, levels[0].sid) = (530, 531, 532, 533);
    levels[1].pid = 1;
    row.nspids = Some(Rc::new(levels));
    row.cgroup = Some(Rc::new(Cgroup {
        id: Some(430),
        path: Some(b"/a".to_vec()),
    }));
    row.cmdline = Some(Rc::from(&b"sh\0-c\0"[..]));
    row.environ = Some(Rc::from(&b"A=1\0B=\n\0"[..]));
    row.paths = Some(Rc::new(paths()));
    row.mapping_totals = Some(Box::new(MappingTotals {
        pss: 440 * 1024,
        private: 441 * 1024,
        private_hugetlb: 442 * 1024,
        shared_hugetlb: 443 * 1024,
    }));
    row.mapping = Some(Box::new(mapping()));
    row
}

fn paths() -> Paths<'static> {
    let path = |text: &[u8]| {
        let mut path = TaskPath::default();
        path.path = Some(text.to_vec().into());
        Some(path)
    };
    let mut paths = Paths::default();
    paths.exe = path(b"/bin/sh (deleted)");
    (paths.cwd, paths.root) = (path(b"/home\n"), path(b"/"));
    paths
}

fn stat() -> Stat {
    let mut stat = Stat::default();
    // 1,000 seconds before the time of the host.
    stat.start_time = 9_000 * 1_000_000_000;
    (stat.utime, stat.stime, stat.gtime) = (100_009_000_000, 25_009_000_000, 302);
    (stat.cutime, stat.cstime, stat.cgtime) = (303, 304, 305);
    (stat.min_flt, stat.maj_flt, stat.cmin_flt, stat.cmaj_flt) = (310, 311, 312, 313);
    (stat.nvcsw, stat.nivcsw) = (Some(314), Some(315));
    (stat.run_delay, stat.blkio_delay) = (Some(316), Some(317));
    let memory = stat.memory.get_or_insert_default();
    memory.vsize = 320 * 1024;
    memory.rss = Some(10_506 * 1024);
    (memory.rss_anon, memory.rss_file) = (Some(10 * 1024), Some(11 * 1024));
    memory.rss_shmem = Some(10_485 * 1024);
    (memory.rss_peak, memory.swap) = (Some(324 * 1024), Some(325 * 1024));
    memory.text = Some(326 * 1024);
    (memory.data, memory.locked) = (Some(327 * 1024), Some(328 * 1024));
    (stat.flags, stat.tty, stat.tty_pgrp) = (0x140, 0, 104);
    (stat.priority, stat.nice, stat.rt_priority, stat.policy) = (25, 5, 0, 0);
    (stat.num_threads, stat.processor) = (2, 3);
    (stat.exit_signal, stat.exit_code) = (17, Some(-1));
    stat
}

fn mapping() -> Mapping {
    let mut vma = Vma::default();
    (vma.start, vma.end, vma.pgoff, vma.ino) = (0x1000, 0x3000, 0x5000, 450);
    (vma.dev_major, vma.dev_minor) = (0xfd, 1);
    vma.flags = VmaFlags::READ | VmaFlags::WRITE;
    vma.name = Some(b"[heap]"[..].into());
    let mut stat = VmaStat::default();
    for (figure, field) in (500..).zip([
        &mut stat.rss,
        &mut stat.pss,
        &mut stat.pss_dirty,
        &mut stat.shared_clean,
        &mut stat.shared_dirty,
        &mut stat.private_clean,
        &mut stat.private_dirty,
        &mut stat.referenced,
        &mut stat.anonymous,
        &mut stat.ksm,
        &mut stat.lazy_free,
        &mut stat.anon_thp,
        &mut stat.shmem_thp,
        &mut stat.file_thp,
        &mut stat.shared_hugetlb,
        &mut stat.private_hugetlb,
        &mut stat.swap,
        &mut stat.swap_pss,
        &mut stat.locked,
    ]) {
        *field = figure * 1024;
    }
    Mapping {
        start: 0x1000,
        end: 0x3000,
        vma: Some(vma),
        stat: Some(stat),
    }
}

#[rustfmt::skip]
const SHOWN: &[(&str, &str)] = &[
    ("pid", "100"), ("tid", "101"), ("ppid", "102"), ("tpid", "103"), ("pgid", "104"), ("sid", "105"),
    ("state", "S"), ("comm", "name"), ("fname", "name"), ("args", "sh -c"), ("argv", "sh -c"),
    ("user", "201"), ("ruser", "200"), ("suser", "202"), ("fuser", "203"),
    ("uid", "201"), ("ruid", "200"), ("suid", "202"), ("fsuid", "203"),
    ("group", "205"), ("rgroup", "204"), ("sgroup", "206"), ("fgroup", "207"),
    ("gid", "205"), ("rgid", "204"), ("sgid", "206"), ("fsgid", "207"),
    ("capinh", "0000000000000001"), ("capprm", "0000000000000002"), ("capeff", "0000000000000004"),
    ("capbnd", "0000000000000008"), ("capamb", "0000000000000010"),
    ("securebits", "0x10"), ("nnp", "yes"),

    ("stat", "SNLl+"), ("sgi_p", "*"), ("tty", "?"), ("tpgid", "104"),
    ("time", "00:02:05"), ("times", "125"), ("bsdtime", "2:05"),
    ("etime", "16:40"), ("etimes", "1000"),
    ("stime", "02:30"), ("start", "02:30:00"), ("bsdstart", "02:30"), ("lstart", "Thu Jan  1 02:30:00 1970"),
    ("utime", "100009000000"), ("systime", "25009000000"), ("gtime", "302"),
    ("cutime", "303"), ("cstime", "304"), ("cgtime", "305"),
    ("run_delay", "316"), ("blkio_delay", "317"),
    ("pcpu", "12.5"), ("c", "12"), ("cp", "125"), ("pmem", "1.0"),
    ("cuu", "12.500"), ("cuc", "12.500"),
    ("pri", "14"), ("priority", "25"), ("opri", "85"),
    ("pri_foo", "5"), ("pri_bar", "26"), ("pri_baz", "125"), ("pri_api", "-26"),
    ("ni", "5"), ("rtprio", "-"), ("class", "TS"), ("cls", "TS"), ("sched", "0"),
    ("nlwp", "2"), ("thcount", "2"), ("psr", "3"), ("cpuid", "3"),
    ("vsz", "320"), ("sz", "80"), ("m_size", "327680"), ("rss", "10506"),
    ("rss_anon", "10"), ("rss_file", "11"), ("rss_shmem", "10485"), ("rss_peak", "324"),
    ("swap", "325"), ("size", "327"), ("text", "326"), ("vm_lock", "328"),
    ("min_flt", "310"), ("maj_flt", "311"), ("cmin_flt", "312"), ("cmaj_flt", "313"),
    ("nvcsw", "314"), ("nivcsw", "315"), ("f", "5"), ("pf", "0x140"),
    ("exit_signal", "17"), ("exit_code", "-1"),

    ("fds", "402"), ("fd_regular", "403"), ("fd_socket", "404"), ("fd_pipe", "405"),
    ("fd_eventfd", "406"), ("fd_epoll", "407"), ("fd_other", "408"),
    ("nofile", "400"), ("nofile_max", "401"),
    ("start_ns", "410"), ("pidfd_ino", "411"), ("leader", "yes"),
    ("cgroupns", "420"), ("ipcns", "421"), ("mntns", "422"), ("netns", "423"), ("pidns", "424"),
    ("pidns_children", "425"), ("timens", "426"), ("timens_children", "427"), ("userns", "428"), ("utsns", "-"),
    ("nspid", "530,1"), ("nstgid", "531,0"), ("nspgid", "532,0"), ("nssid", "533,0"),
    ("cgroup", "0::/a"), ("cgpath", "/a"), ("cgid", "430"),

    ("rchars", "500"), ("wchars", "501"), ("rops", "502"), ("wops", "503"),
    ("rbytes", "504"), ("wbytes", "505"), ("wcbytes", "506"),
    ("pending", "0x1"), ("shpending", "0x2"), ("blocked", "0x4"), ("ignored", "0x8"), ("caught", "0x10"),
    ("sigq", "507"), ("sigq_max", "508"),
    ("lim_cpu", "600"), ("lim_cpu_max", "700"),
    ("lim_fsize", "601"), ("lim_fsize_max", "701"),
    ("lim_data", "602"), ("lim_data_max", "702"),
    ("lim_stack", "603"), ("lim_stack_max", "703"),
    ("lim_core", "604"), ("lim_core_max", "704"),
    ("lim_rss", "605"), ("lim_rss_max", "705"),
    ("lim_nproc", "606"), ("lim_nproc_max", "706"),
    ("lim_nofile", "607"), ("lim_nofile_max", "707"),
    ("lim_memlock", "608"), ("lim_memlock_max", "708"),
    ("lim_as", "609"), ("lim_as_max", "709"),
    ("lim_locks", "610"), ("lim_locks_max", "710"),
    ("lim_sigpending", "611"), ("lim_sigpending_max", "711"),
    ("lim_msgqueue", "612"), ("lim_msgqueue_max", "712"),
    ("lim_nice", "613"), ("lim_nice_max", "713"),
    ("lim_rtprio", "614"), ("lim_rtprio_max", "714"),
    ("lim_rttime", "615"), ("lim_rttime_max", "715"),
    ("oom", "509"), ("oomadj", "-510"),
    ("exe", "/bin/sh (deleted)"), ("cwd", r"/home\n"), ("root", "/"), ("environ", r"A=1 B=\n"),
    ("sched_policy", "EXT"), ("sched_reset", "yes"), ("sched_runtime", "520"), ("sched_deadline", "521"),
    ("sched_period", "522"), ("util_min", "523"), ("util_max", "524"), ("io_priority", "R6"),
    ("ioclass", "best-effort"), ("ioprio", "3"), ("slack", "525"), ("ag_id", "526"), ("ag_nice", "-7"),
    ("affinity", "0-1,4"), ("mems", "2"),

    ("pss", "440"), ("uss", "441"), ("htprv", "442"), ("htshr", "443"),
    ("vm_start", "00001000"), ("vm_end", "00003000"), ("vm_perms", "rw-p"), ("vm_offset", "00005000"),
    ("vm_dev", "fd:01"), ("vm_inode", "450"), ("vm_flags", "rd wr"), ("vm_path", "[heap]"),
    ("vm_rss", "500"), ("vm_pss", "501"), ("vm_pss_dirty", "502"),
    ("vm_shared_clean", "503"), ("vm_shared_dirty", "504"), ("vm_private_clean", "505"), ("vm_private_dirty", "506"),
    ("vm_referenced", "507"), ("vm_anonymous", "508"), ("vm_ksm", "509"), ("vm_lazy_free", "510"),
    ("vm_anon_thp", "511"), ("vm_shmem_thp", "512"), ("vm_file_thp", "513"),
    ("vm_shared_hugetlb", "514"), ("vm_private_hugetlb", "515"),
    ("vm_swap", "516"), ("vm_swap_pss", "517"), ("vm_locked", "518"),
];

#[test]
fn every_column_shows_its_field() {
    let host = &Host::at(10_000, true);
    let row = full();
    let mut bare = TaskRow::default();
    (bare.tgid, bare.tid) = (100, 101);
    for &(name, expected) in SHOWN {
        let column = find(name).expect(name).column;
        let value = column.value(&row, host);
        assert_eq!(Cell { value, host }.to_table(), expected, "{name}");
        let reported = column.value(&bare, host).is_some();
        assert_eq!(reported, matches!(name, "pid" | "tid"), "{name}");
    }
    let shown: HashSet<&str> = SHOWN.iter().map(|(name, _)| *name).collect();
    let missing: Vec<&str> = all()
        .map(Column::name)
        .filter(|name| !shown.contains(name))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// Values that the kernel does not report are not zeros; ps prints zeros for
/// the sizes of a task without memory.
#[test]
fn unreported_values_are_dashes() {
    let mut row = full();
    let stat = row.stat.as_mut().expect("it has one");
    (stat.memory, stat.run_delay, stat.blkio_delay) = (None, None, None);
    stat.exit_code = None;
    let files = row.files.as_mut().expect("it has one");
    (files.total, files.counts) = (None, None);
    row.cred.as_mut().expect("it has one").securebits = None;
    row.ident.as_mut().expect("it has one").pidfd_ino = None;
    let cgroup = Cgroup {
        id: None,
        path: None,
    };
    row.cgroup = Some(Rc::new(cgroup));
    let mut paths = Paths::default();
    paths.cwd = Some(TaskPath::default());
    row.paths = Some(Rc::new(paths));
    row.environ = Some(Rc::from(&b""[..]));
    let host = &Host::at(10_000, true);
    let shown = |row: &TaskRow, name| {
        let value = find(name).expect(name).column.value(row, host);
        Cell { value, host }.to_table()
    };
    let sizes =
        "vsz sz m_size rss rss_anon rss_file rss_shmem rss_peak swap size text vm_lock pmem";
    let others = "run_delay blkio_delay exit_code fds fd_regular fd_socket fd_pipe fd_eventfd \
                  fd_epoll fd_other pidfd_ino cgroup cgpath cgid exe cwd root environ";
    for name in sizes.split_whitespace().chain(others.split_whitespace()) {
        assert_eq!(shown(&row, name), "-", "{name}");
    }
    assert_eq!(shown(&row, "stat"), "SNl+");
    assert_eq!(shown(&row, "nofile"), "400");
    row.zero_memory();
    for name in sizes.split_whitespace() {
        let zero = if name == "pmem" { "0.0" } else { "0" };
        assert_eq!(shown(&row, name), zero, "{name}");
    }
}

#[test]
fn real_time_task_has_a_priority_and_no_niceness() {
    let mut row = full();
    let stat = row.stat.as_mut().expect("it has one");
    (stat.policy, stat.rt_priority, stat.nice) = (2, 50, -20);
    let host = &Host::at(10_000, true);
    let shown = |name| {
        let value = find(name).expect(name).column.value(&row, host);
        Cell { value, host }.to_table()
    };
    assert_eq!(shown("ni"), "-");
    assert_eq!(shown("rtprio"), "50");
    assert_eq!(shown("class"), "RR");
    assert_eq!(shown("stat"), "S<Ll+");
}

#[test]
fn help_lists_every_column() {
    let help = help();
    for column in all() {
        let names: Vec<&str> = column.names.iter().map(|(name, _)| *name).collect();
        assert!(help.contains(&names.join(", ")), "{names:?}");
        assert!(help.contains(column.description));
    }
}
