// SPDX-License-Identifier: MIT
//! Compares the rows of all transports of one kernel: netlink, the transaction file if
//! the kernel has it, and procfs.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use taskdiag::{AnySource, States, TransportKind};

use super::*;

/// Nanoseconds of a clock tick, which procfs counts in.
const TICK: u64 = 10_000_000;
const KIB: u64 = 1024;

/// Returns the transports of this kernel, netlink first.
fn transports() -> Vec<TransportKind> {
    let file = std::path::Path::new("/proc/task-diag").exists();
    let mut transports = TransportKind::ALL.to_vec();
    // The tests of taskdiagd compare the daemon with the kernel.
    transports
        .retain(|&kind| kind != TransportKind::Daemon && (kind != TransportKind::File || file));
    transports
}

fn connect(kind: TransportKind) -> Client<AnySource> {
    Client::connect_over(kind).unwrap()
}

fn dump(kind: TransportKind, request: &Request<'_>) -> Result<Vec<Task>, Error> {
    connect(kind).dump(request)?.tasks().collect()
}

/// Reduces a task to the fields and the resolution of procfs: times in ticks, shares of
/// pages in KiB, neither secure bits nor ids of namespaces.
fn coarse(mut task: Task) -> Task {
    if let Some(stat) = &mut task.stat {
        for time in [
            &mut stat.start_time,
            &mut stat.utime,
            &mut stat.stime,
            &mut stat.gtime,
            &mut stat.cutime,
            &mut stat.cstime,
            &mut stat.cgtime,
        ] {
            *time -= *time % TICK;
        }
        // Of zero, procfs does not report whether it was counted.
        stat.blkio_delay = stat.blkio_delay.map(|time| time - time % TICK);
        stat.blkio_delay = stat.blkio_delay.filter(|&time| time > 0);
    }
    if let Some(ident) = &mut task.ident {
        ident.start_time -= ident.start_time % TICK;
    }
    if let Some(ns) = &mut task.ns {
        for id in [
            &mut ns.cgroup_id,
            &mut ns.ipc_id,
            &mut ns.mnt_id,
            &mut ns.net_id,
            &mut ns.pid_id,
            &mut ns.pid_for_children_id,
            &mut ns.time_id,
            &mut ns.time_for_children_id,
            &mut ns.user_id,
            &mut ns.uts_id,
        ] {
            *id = None;
        }
    }
    if let Some(cred) = &mut task.cred {
        cred.securebits = None;
    }
    for stat in task.vma_stats.iter_mut().flatten() {
        for share in [
            &mut stat.pss,
            &mut stat.pss_dirty,
            &mut stat.swap_pss,
            &mut stat.locked,
        ] {
            *share -= *share % KIB;
        }
    }
    task
}

/// Removes the fields that other processes change which share its pages.
fn stable(mut task: Task) -> Task {
    task.vma_stats = None;
    coarse(task)
}

/// Stopped processes.
struct Stopped(TaskPool);

impl Stopped {
    fn new(size: usize) -> Self {
        let pool = TaskPool::new(size);
        for &pid in &pool.pids() {
            let pid = nix::unistd::Pid::from_raw(pid.try_into().unwrap());
            kill(pid, Signal::SIGSTOP).unwrap();
        }
        for pid in pool.pids() {
            while procfs::status(pid)["State"][0] != "T" {
                nix::sched::sched_yield().unwrap();
            }
        }
        Self(pool)
    }

    /// Returns the rows of these processes, in the order of the reply.
    fn rows(&self, kind: TransportKind, request: &Request<'_>) -> Vec<Task> {
        let pids = self.0.pids();
        let tasks =
            dump(kind, request).unwrap_or_else(|error| panic!("{kind}, {request:?}: {error}"));
        let own = tasks.into_iter().filter(|task| pids.contains(&task.pid));
        own.map(coarse).collect()
    }

    /// Checks that the rows of all transports are equal, and returns them. The processes
    /// share pages with others that run, so the comparison is repeated if the rows over
    /// netlink before and after it differ.
    fn equal_rows(&self, request: &Request<'_>) -> Vec<Task> {
        let mut expected = self.rows(TransportKind::Netlink, request);
        for kind in transports() {
            for attempt in 1.. {
                let rows = self.rows(kind, request);
                let after = self.rows(TransportKind::Netlink, request);
                let are_equal = rows == expected;
                if are_equal || after == expected || attempt == ATTEMPTS {
                    assert_eq!(rows, expected, "{kind}, {request:?}");
                    break;
                }
                expected = after;
            }
        }
        expected
    }
}

/// A new cgroup, removed when this is dropped if it is empty.
struct Cgroup(PathBuf);

impl Cgroup {
    const ROOT: &str = "/sys/fs/cgroup";

    fn new(name: &str) -> Self {
        let path = PathBuf::from(Self::ROOT).join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn add(&self, pid: u32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
    }

    fn id(&self) -> u64 {
        fs::metadata(&self.0).unwrap().ino()
    }

    fn root_id() -> u64 {
        fs::metadata(Self::ROOT).unwrap().ino()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Fails if the cgroup has processes. The VM ends with the tests.
        let _ = fs::remove_dir(&self.0);
    }
}

/// Maximum number of comparisons.
const ATTEMPTS: usize = 100;

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn every_transport_returns_equal_rows() {
    let stopped = Stopped::new(8);
    let one = stopped.0.pids().pop_first().unwrap();
    let strategies = [
        Strategy::All,
        Strategy::AllThreads,
        Strategy::One(one),
        Strategy::Children(own_pid()),
        Strategy::Threads(one),
        Strategy::Descendants(own_pid()),
    ];
    let shows = Show::all()
        .iter()
        .chain([Show::empty(), Show::BASE | Show::CRED, Show::all()]);
    for show in shows {
        for strategy in strategies {
            let request = Request::new(strategy).show(show);
            let rows = stopped.equal_rows(&request);
            assert!(!rows.is_empty(), "{request:?}");
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn every_transport_applies_filters_equally() {
    let (cgroup, empty) = (Cgroup::new("transports"), Cgroup::new("transports-empty"));
    let stopped = Stopped::new(4);
    let pids: Vec<_> = stopped.0.pids().into_iter().collect();
    pids[..3].iter().for_each(|&pid| cgroup.add(pid));
    let comm = client()
        .one(pids[0], Show::BASE)
        .unwrap()
        .base
        .unwrap()
        .comm;
    for strategy in [
        Strategy::All,
        Strategy::AllThreads,
        Strategy::Children(own_pid()),
        Strategy::Descendants(own_pid()),
    ] {
        let all = || Request::new(strategy).show(Show::BASE | Show::CRED);
        let mappings = || all().show(Show::VMA | Show::VMA_STAT);
        for (request, count) in [
            (all().uid(0), 4),
            (all().uid(NOBODY), 0),
            (all().states(States::STOPPED), 4),
            (all().states(States::RUNNING), 0),
            (all().comm(comm.as_bytes()), 4),
            (all().comm(b"nobody"), 0),
            (all().cgroup(cgroup.id()), 3),
            (all().cgroup(Cgroup::root_id()), 4),
            (all().cgroup(empty.id()), 0),
            (all().cgroup(cgroup.id()).pids([pids[0], pids[3]]), 1),
            (all().pids([pids[2], pids[0], pids[2]]), 2),
            (all().pids([pids[1]]).uid(0).states(States::STOPPED), 1),
            (mappings().vma_flags(VmaFlags::EXEC | VmaFlags::FILE), 4),
            (mappings().vma_flags(VmaFlags::SEALED), 4),
        ] {
            assert_eq!(stopped.equal_rows(&request).len(), count, "{request:?}");
        }
    }
}

const NOBODY: u32 = 65534;

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn every_transport_refuses_equally() {
    let free = free_pid();
    let all = || Request::new(Strategy::All);
    for request in [
        Request::new(Strategy::One(free)),
        Request::new(Strategy::Children(free)),
        Request::new(Strategy::Threads(free)),
        Request::new(Strategy::Descendants(free)),
        Request::new(Strategy::One(0)),
        Request::new(Strategy::Children(u32::MAX)),
        all().show(Show::from_bits_retain(1 << 40)),
        all().uid(u32::MAX),
        all().states(States::empty()),
        all().states(States::from_bits_retain(1 << 20)),
        all().comm(b""),
        all().comm(b"a\0b"),
        all().comm(b"sixteen bytes ok"),
        all().pids([]),
        all().pids([1, 0]),
        all().cgroup(1 << 60),
        all().vma_flags(VmaFlags::EXEC),
        all()
            .show(Show::VMA)
            .vma_flags(VmaFlags::from_bits_retain(1 << 50)),
        Request::new(Strategy::One(own_pid())).uid(NOBODY),
    ] {
        let errors = |kind| {
            let name = |error: &KernelError| error.attribute.and_then(|at| at.name());
            let dumped = kernel_error(dump(kind, &request));
            let one = connect(kind).get(&request).map_err(|error| error.errno());
            let fault = name(&dumped);
            (dumped.errno, fault, one.map(|_| ()))
        };
        let expected = errors(TransportKind::Netlink);
        for kind in transports() {
            assert_eq!(errors(kind), expected, "{kind}, {request:?}");
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn every_transport_returns_an_equal_single_row() {
    let stopped = Stopped::new(1);
    let pid = stopped.0.pids().pop_first().unwrap();
    let show = Show::all() - Show::NEEDS_DUMP;
    for show in [Show::empty(), Show::BASE, show, Show::all()] {
        let expected = client().one(pid, show).unwrap();
        for kind in transports() {
            let task = connect(kind).one(pid, show).unwrap();
            assert_eq!(stable(task), stable(expected.clone()), "{kind}");
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn only_netlink_accepts_another_pid_namespace() {
    let request = everything(Strategy::All).scope(Scope::Process(1));
    for kind in transports() {
        match connect(kind).dump(&request) {
            Ok(_) => assert_eq!(kind, TransportKind::Netlink),
            Err(error) => {
                assert_ne!(kind, TransportKind::Netlink);
                assert!(matches!(error, Error::ScopeNeedsNetlink { .. }), "{error}");
            }
        };
    }
    assert_eq!(
        Client::connect_any().unwrap().source().kind(),
        TransportKind::Netlink
    );
}

/// A zombie with this exit status.
struct Zombie(Child);

impl Zombie {
    fn new(status: u8, cgroup: &Cgroup) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", "read line; exit \"$line\""])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        cgroup.add(child.id());
        let mut stdin = child.stdin.take().unwrap();
        writeln!(stdin, "{status}").unwrap();
        while procfs::status(child.id())["State"][0] != "Z" {
            nix::sched::sched_yield().unwrap();
        }
        Self(child)
    }
}

impl Drop for Zombie {
    fn drop(&mut self) {
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn every_transport_reports_exit_code_and_removed_cgroup() {
    let cgroup = Cgroup::new("transports-removed");
    let zombie = Zombie::new(3, &cgroup);
    let pid = zombie.0.id();
    let show = Show::BASE | Show::STAT | Show::CGROUP;
    let removed = |task: &Task| task.cgroup.as_ref().unwrap().deleted;
    assert!(
        transports()
            .iter()
            .all(|&kind| !removed(&connect(kind).one(pid, show).unwrap()))
    );
    fs::remove_dir(&cgroup.0).unwrap();
    for kind in transports() {
        let task = connect(kind).one(pid, show).unwrap();
        assert_eq!(task.base.unwrap().state, State::Zombie, "{kind}");
        assert_eq!(task.stat.unwrap().exit_code, Some(3 << 8), "{kind}");
        assert!(removed(&task), "{kind}");
        let path = task.cgroup.unwrap().path.unwrap();
        assert_eq!(&path[..], b"/transports-removed (deleted)", "{kind}");
        let running = connect(kind).one(own_pid(), Show::STAT).unwrap();
        assert_eq!(running.stat.unwrap().exit_code, None, "{kind}");
    }
}
