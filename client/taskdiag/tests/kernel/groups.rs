// SPDX-License-Identifier: MIT
//! The groups except BASE and CRED, against procfs as the procfs crate reads
//! it.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::FromRawFd;
use std::os::unix::fs::MetadataExt;

use ::procfs::process::{LimitValue, MMapExtension, MemoryMap, Process};
use nix::libc;
use taskdiag::{Show, Strategy, Task, Vma, VmaStat};

use super::*;

const PAGE: u64 = 4096;
/// Nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// A process whose fields do not change.
struct IdleProcess(TaskPool);

impl IdleProcess {
    fn new() -> Self {
        Self(TaskPool::new(1))
    }

    fn pid(&self) -> u32 {
        self.0.pids().pop_first().unwrap()
    }

    fn fields(&self, show: Show) -> Task {
        client().one(self.pid(), show).unwrap()
    }

    fn procfs(&self) -> Process {
        Process::new(self.pid().try_into().unwrap()).unwrap()
    }
}

/// Converts nanoseconds to clock ticks, the unit of procfs.
fn ticks(nanoseconds: u64) -> u64 {
    nanoseconds / (SECOND / ::procfs::ticks_per_second())
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn stat_equals_procfs() {
    let idle = IdleProcess::new();
    let reported = idle.fields(Show::STAT).stat.unwrap();
    let stat = idle.procfs().stat().unwrap();
    let status = idle.procfs().status().unwrap();
    let kib = |value: Option<u64>| value.unwrap() * 1024;

    assert_eq!(ticks(reported.start_time), stat.starttime);
    assert_eq!(
        (ticks(reported.utime), ticks(reported.stime)),
        (stat.utime, stat.stime)
    );
    assert_eq!(ticks(reported.gtime), stat.guest_time.unwrap());
    let children =
        [reported.cutime, reported.cstime, reported.cgtime].map(|time| ticks(time) as i64);
    assert_eq!(
        children,
        [stat.cutime, stat.cstime, stat.cguest_time.unwrap()]
    );
    assert_eq!(
        [
            reported.min_flt,
            reported.maj_flt,
            reported.cmin_flt,
            reported.cmaj_flt
        ],
        [stat.minflt, stat.majflt, stat.cminflt, stat.cmajflt]
    );
    assert_eq!(reported.nvcsw, status.voluntary_ctxt_switches);
    assert_eq!(reported.nivcsw, status.nonvoluntary_ctxt_switches);
    let blkio_ticks = stat.delayacct_blkio_ticks.unwrap();
    assert_eq!(reported.blkio_delay.map_or(0, ticks), blkio_ticks);

    let memory = reported.memory.unwrap();
    assert_eq!(memory.vsize, stat.vsize);
    assert_eq!(memory.rss.unwrap() / PAGE, stat.rss);
    assert_eq!(memory.rss_anon.unwrap(), kib(status.rssanon));
    assert_eq!(memory.rss_file.unwrap(), kib(status.rssfile));
    assert_eq!(memory.rss_shmem.unwrap(), kib(status.rssshmem));
    assert_eq!(memory.rss_peak.unwrap(), kib(status.vmhwm));
    assert_eq!(
        (memory.swap.unwrap(), memory.locked.unwrap()),
        (kib(status.vmswap), kib(status.vmlck))
    );
    let statm = idle.procfs().statm().unwrap();
    assert_eq!(
        (memory.text.unwrap() / PAGE, memory.data.unwrap() / PAGE),
        (statm.text, statm.data)
    );

    assert_eq!(
        (reported.flags, reported.tty_pgrp),
        (stat.flags, stat.tpgid)
    );
    assert_eq!(reported.tty, stat.tty_nr.cast_unsigned());
    assert_eq!(i64::from(reported.priority), stat.priority);
    assert_eq!(
        (i64::from(reported.nice), i64::from(reported.num_threads)),
        (stat.nice, stat.num_threads)
    );
    assert_eq!(
        (reported.rt_priority, reported.policy),
        (stat.rt_priority.unwrap(), stat.policy.unwrap())
    );
    assert_eq!(reported.processor.cast_signed(), stat.processor.unwrap());
    assert_eq!(reported.exit_signal, stat.exit_signal.unwrap());
    // Only tasks that have ended have an exit code.
    assert_eq!(reported.exit_code, None);
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn ident_equals_fstat_of_a_pidfd() {
    let idle = IdleProcess::new();
    let reported = idle.fields(Show::IDENT | Show::STAT);
    let ident = reported.ident.unwrap();
    assert_eq!(ident.start_time, reported.stat.unwrap().start_time);
    assert!(ident.leader);
    // SAFETY: pidfd_open() takes two integers, and returns a new descriptor or
    // -1.
    let pidfd = unsafe { libc::syscall(libc::SYS_pidfd_open, idle.pid(), 0) };
    let pidfd = i32::try_from(pidfd).unwrap();
    assert!(pidfd >= 0);
    // SAFETY: the descriptor is open and has no other owner.
    let pidfd = unsafe { fs::File::from_raw_fd(pidfd) };
    assert_eq!(ident.pidfd_ino, Some(pidfd.metadata().unwrap().ino()));

    // Only one thread of this process is the leader.
    let threads = tasks(&Request::new(Strategy::Threads(own_pid())).show(Show::IDENT));
    let leaders: Vec<_> = threads.iter().filter(|t| t.ident.unwrap().leader).collect();
    assert_eq!(leaders.len(), 1);
    assert_eq!(leaders[0].pid, own_pid());
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn ns_equals_procfs() {
    let container = Container::new();
    for pid in [container.init, own_pid()] {
        let ns = client().one(pid, Show::NS).unwrap().ns.unwrap();
        for (name, reported) in [
            ("cgroup", ns.cgroup),
            ("ipc", ns.ipc),
            ("mnt", ns.mnt),
            ("net", ns.net),
            ("pid", ns.pid),
            ("pid_for_children", ns.pid_for_children),
            ("time", ns.time),
            ("time_for_children", ns.time_for_children),
            ("user", ns.user),
            ("uts", ns.uts),
        ] {
            let link = fs::read_link(format!("/proc/{pid}/ns/{name}"));
            let number = link.ok().and_then(|link| {
                let link = link.to_str()?.to_owned();
                link.split(['[', ']']).nth(1)?.parse().ok()
            });
            assert_eq!(reported, number, "{name} of {pid}");
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn files_equal_procfs() {
    let _open = fs::File::open("/proc/version").unwrap();
    let idle = IdleProcess::new();
    let files = idle.fields(Show::FILES).files.unwrap();
    let counts = files.counts.unwrap();
    let mut kinds: BTreeMap<_, u32> = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{}/fd", idle.pid())).unwrap() {
        let path = entry.unwrap().path();
        let target = fs::read_link(&path).unwrap();
        let regular = fs::metadata(&path).is_ok_and(|file| file.is_file());
        let kind = match target.to_str().unwrap() {
            link if link.starts_with("socket:") => "socket",
            link if link.starts_with("pipe:") => "pipe",
            "anon_inode:[eventfd]" => "eventfd",
            "anon_inode:[eventpoll]" => "epoll",
            _ if regular => "regular",
            _ => "other",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    let count = |kind| kinds.get(kind).copied().unwrap_or(0);
    assert_eq!(counts.total, kinds.values().sum::<u32>());
    assert!(counts.regular > 0);
    assert_eq!(counts.regular, count("regular"));
    assert_eq!(counts.socket, count("socket"));
    assert_eq!((counts.pipe, counts.other), (count("pipe"), count("other")));
    assert_eq!(
        (counts.eventfd, counts.epoll),
        (count("eventfd"), count("epoll"))
    );

    let limits = idle.procfs().limits().unwrap().max_open_files;
    let number = |limit| match limit {
        LimitValue::Value(number) => number,
        LimitValue::Unlimited => u64::MAX,
    };
    assert_eq!(files.limit_soft.unwrap(), number(limits.soft_limit));
    assert_eq!(files.limit_hard.unwrap(), number(limits.hard_limit));
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn cgroup_equals_procfs() {
    let idle = IdleProcess::new();
    let cgroup = idle.fields(Show::CGROUP).cgroup.unwrap();
    let lines = fs::read(format!("/proc/{}/cgroup", idle.pid())).unwrap();
    let mut lines = lines.split(|&byte| byte == b'\n');
    let path = lines.find_map(|line| line.strip_prefix(b"0::")).unwrap();
    assert_eq!(cgroup.path.as_deref(), Some(path));

    // The id of the cgroup works as a filter.
    let request = Request::new(Strategy::Children(own_pid())).cgroup(cgroup.id.unwrap());
    assert!(pids(&tasks(&request)).contains(&idle.pid()));
    let nowhere = Request::new(Strategy::All).cgroup(u64::MAX);
    let error = kernel_error(client().dump(&nowhere).unwrap().for_each(|_| ()));
    assert_eq!(error.errno, libc::ENOENT);
    assert_eq!(
        error.attribute.unwrap().name(),
        Some("TASK_DIAG_CMD_ATTR_CGROUP")
    );
}

/// A shell with these arguments that waits for input.
struct Program(Child);

impl Program {
    fn new(arguments: &[String]) -> Self {
        let child = Command::new("sh")
            .args(["-c", "read wait"])
            .args(arguments)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let program = Self(child);
        // Before execve() it is a copy of this process.
        let deadline = Instant::now() + Duration::from_secs(60);
        while procfs::status(program.0.id())["Name"][0] != "sh"
            || procfs::status(program.0.id())["State"][0] != "S"
        {
            assert!(Instant::now() < deadline, "sh does not start");
            thread::sleep(Duration::from_millis(5));
        }
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn cmdline_equals_procfs() {
    let short = vec!["".to_owned(), "two words".to_owned(), "".to_owned()];
    // 1.6 MB; the default limit of arguments and environment is 2 MiB.
    let long: Vec<_> = (0..16).map(|i| i.to_string().repeat(99_000 / 2)).collect();
    for arguments in [short, long] {
        let program = Program::new(&arguments);
        let pid = program.0.id();
        let cmdline = client().one(pid, Show::CMDLINE).unwrap().cmdline.unwrap();
        let expected = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(cmdline.as_bytes() == expected, "{} bytes", expected.len());
        let args: Vec<_> = cmdline.args().skip(3).collect();
        assert!(args.into_iter().eq(arguments.iter().map(String::as_bytes)));
    }
    // A kernel thread has no arguments.
    let kthreadd = client().one(2, Show::CMDLINE | Show::VMA).unwrap();
    assert_eq!(kthreadd.cmdline.unwrap().as_bytes(), b"");
}

/// Asserts that the paths of a task are the links in `/proc`.
fn assert_links(paths: &taskdiag::Paths<'_>, pid: u32) {
    for (name, path) in [
        ("exe", &paths.exe),
        ("cwd", &paths.cwd),
        ("root", &paths.root),
    ] {
        let link = fs::read_link(format!("/proc/{pid}/{name}"));
        let found = path.as_ref().map(|path| path.path.as_deref().unwrap());
        let link = link.ok().map(std::path::PathBuf::into_os_string);
        let expected = link.as_ref().map(|link| link.as_encoded_bytes());
        assert_eq!(found, expected, "{name} of {pid}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn paths_and_environ_equal_procfs() {
    let program = Program::new(&["x".to_owned()]);
    for pid in [program.0.id(), own_pid(), 2] {
        let task = client().one(pid, Show::PATHS | Show::ENVIRON).unwrap();
        assert_links(&task.paths.unwrap(), pid);
        let expected = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        assert!(task.environ.unwrap().as_bytes() == expected, "{pid}");
    }
    // A kernel thread has no program.
    let kthreadd = client().one(2, Show::PATHS).unwrap().paths.unwrap();
    assert!(kthreadd.exe.is_none() && kthreadd.cwd.is_some());
}

/// Formats a line of `maps`.
fn line(vma: &Vma<'_>) -> String {
    let mut line = format!(
        "{:08x}-{:08x} {} {:08x} {:02x}:{:02x} {}",
        vma.start,
        vma.end,
        vma.flags.permissions(),
        vma.pgoff,
        vma.dev_major,
        vma.dev_minor,
        vma.ino,
    );
    if let Some(name) = &vma.name {
        line = format!("{line:<72} {}", String::from_utf8_lossy(name));
    }
    line
}

/// Returns the lines of `/proc/PID/maps`, without trailing blanks.
fn maps_lines(pid: u32) -> Vec<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    maps.lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn vma_and_vma_stat_equal_procfs() {
    let idle = IdleProcess::new();
    let task = idle.fields(Show::VMA | Show::VMA_STAT | Show::BASE);
    assert!(task.absent.is_empty(), "{}", task.absent);
    let vmas = task.vmas.unwrap();
    let lines: Vec<_> = vmas.iter().map(line).collect();
    assert_eq!(lines, maps_lines(idle.pid()));
    let stats = task.vma_stats.unwrap();
    let range = |stat: &VmaStat| (stat.start, stat.end);
    let ranges = vmas.iter().map(|vma| (vma.start, vma.end));
    assert!(stats.iter().map(range).eq(ranges));

    // The counts of a shared page change when another process, such as this
    // one, writes to it. Then the two reads differ.
    let mut differences = Vec::new();
    for _ in 0..20 {
        let reported = idle.fields(Show::VMA_STAT).vma_stats.unwrap();
        differences = differences_from_smaps(&reported, &idle.procfs().smaps().unwrap().0);
        if differences.is_empty() {
            return;
        }
    }
    panic!("{differences:#?}");
}

/// Returns the differences from `smaps`.
fn differences_from_smaps(stats: &[VmaStat], maps: &[MemoryMap]) -> Vec<String> {
    assert_eq!(stats.len(), maps.len());
    let mut differences = Vec::new();
    for (stat, map) in stats.iter().zip(maps) {
        assert_eq!((stat.start, stat.end), map.address);
        let MMapExtension { map: bytes, .. } = &map.extension;
        for (name, reported) in [
            ("Rss", stat.rss),
            ("Pss", stat.pss),
            ("Pss_Dirty", stat.pss_dirty),
            ("Shared_Clean", stat.shared_clean),
            ("Shared_Dirty", stat.shared_dirty),
            ("Private_Clean", stat.private_clean),
            ("Private_Dirty", stat.private_dirty),
            ("Anonymous", stat.anonymous),
            ("AnonHugePages", stat.anon_thp),
            ("ShmemPmdMapped", stat.shmem_thp),
            ("FilePmdMapped", stat.file_thp),
            ("Shared_Hugetlb", stat.shared_hugetlb),
            ("Private_Hugetlb", stat.private_hugetlb),
            ("Swap", stat.swap),
            ("SwapPss", stat.swap_pss),
            ("Locked", stat.locked),
            ("LazyFree", stat.lazy_free),
        ] {
            // procfs omits fields that the kernel is built without. Its unit is
            // KiB.
            if let Some(&shown) = bytes.get(name) {
                if reported / 1024 * 1024 != shown {
                    let start = stat.start;
                    differences.push(format!("{name} of {start:x}: {reported}, not {shown}"));
                }
            }
        }
    }
    differences
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn vma_flags_filter_reports_only_matching_mappings() {
    let idle = IdleProcess::new();
    let wanted = VmaFlags::EXEC | VmaFlags::FILE;
    let request = Request::new(Strategy::One(idle.pid()))
        .show(Show::VMA)
        .vma_flags(wanted);
    let vmas = client().get(&request).unwrap().vmas.unwrap();
    let mut expected = maps_lines(idle.pid());
    expected.retain(|line| line.contains("r-xp") && line.contains('/'));
    assert!(!expected.is_empty());
    assert!(vmas.iter().map(line).eq(expected));
    assert!(vmas.iter().all(|vma| vma.flags.contains(wanted)));
}

/// A memory region with this number of mappings.
struct Region {
    at: std::ptr::NonNull<libc::c_void>,
    len: usize,
}

impl Region {
    fn new(mappings: usize) -> Self {
        use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect};
        let len = mappings * PAGE as usize;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
        // SAFETY: maps new memory at an address that the kernel chooses.
        let at = unsafe {
            mmap_anonymous(None, len.try_into().unwrap(), ProtFlags::PROT_NONE, flags).unwrap()
        };
        for mapping in (0..mappings).step_by(2) {
            // SAFETY: the page belongs to that memory, and nothing refers to
            // it.
            unsafe {
                let page = at.byte_add(mapping * PAGE as usize);
                mprotect(page, PAGE as usize, ProtFlags::PROT_READ).unwrap();
            }
        }
        Self { at, len }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing refers to it.
        unsafe { nix::sys::mman::munmap(self.at, self.len).unwrap() };
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn sixty_thousand_mappings_are_reported() {
    let region = Region::new(60_000);
    let idle = IdleProcess::new();
    drop(region);
    let expected = maps_lines(idle.pid());
    assert!(expected.len() >= 60_000);

    let task = idle.fields(Show::VMA | Show::VMA_STAT);
    assert!(task.absent.is_empty(), "{}", task.absent);
    let vmas = task.vmas.unwrap();
    assert!(vmas.iter().map(line).eq(expected.iter().cloned()));
    let stats = task.vma_stats.unwrap();
    let ends = |stat: &VmaStat| (stat.start, stat.end);
    assert!(
        stats
            .iter()
            .map(ends)
            .eq(vmas.iter().map(|vma| (vma.start, vma.end)))
    );

    let mut client = client();
    let request = Request::new(Strategy::One(idle.pid())).show(Show::VMA | Show::VMA_STAT);
    let mut dump = client.dump(&request).unwrap();
    let (mut pieces, mut more, mut found) = (0, true, Vec::new());
    while let Some(piece) = dump.next_piece().unwrap() {
        assert_eq!(
            (piece.pid(), piece.is_continuation()),
            (idle.pid(), pieces > 0)
        );
        assert!(more, "a piece after the last one");
        more = piece.has_more();
        let vmas: Vec<_> = piece.vmas().into_iter().flatten().collect();
        let stats: Vec<_> = piece.vma_stats().into_iter().flatten().collect();
        // Each message has the stats of its mappings.
        assert!(
            stats
                .iter()
                .map(ends)
                .eq(vmas.iter().map(|vma| (vma.start, vma.end)))
        );
        found.extend(vmas.iter().map(line));
        pieces += 1;
    }
    assert!(pieces > 100 && !more, "{pieces}");
    assert!(found == expected);
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn dump_of_all_groups_is_complete() {
    let pool = TaskPool::new(20);
    let found = tasks(&Request::new(Strategy::All).show(Show::all()));
    assert!(pids(&found).is_superset(&pool.pids()));
    for task in found {
        assert!(task.other.is_empty(), "{:?}", task.other);
        let pid = task.pid;
        assert!(
            task.base.is_some() && task.cred.is_some() && task.stat.is_some(),
            "{pid}"
        );
        assert!(
            task.files.is_some() && task.ident.is_some() && task.ns.is_some(),
            "{pid}"
        );
        assert!(task.cgroup.is_some() && task.cmdline.is_some(), "{pid}");
        assert!(task.paths.is_some() && task.environ.is_some(), "{pid}");
        if pool.pids().contains(&pid) {
            let lines: Vec<_> = task.vmas.unwrap().iter().map(line).collect();
            assert_eq!(lines, maps_lines(pid));
        }
    }
}
