// SPDX-License-Identifier: MIT
//! The same requests by every way there is, in one boot: netlink, the
//! transaction file where the kernel has it, and procfs. Equal row by row.

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

/// The ways of this kernel, netlink first.
fn ways() -> Vec<TransportKind> {
    let file = std::path::Path::new("/proc/task-diag").exists();
    let mut ways = TransportKind::ALL.to_vec();
    // The daemon's own tests hold it to the same.
    ways.retain(|&way| way != TransportKind::Daemon && (way != TransportKind::File || file));
    ways
}

fn by(way: TransportKind) -> Client<AnySource> {
    Client::connect_over(way).unwrap()
}

fn told(way: TransportKind, request: &Request<'_>) -> Result<Vec<Task>, Error> {
    by(way).dump(request)?.tasks().collect()
}

/// The fields that every transport reports alike: procfs has times in ticks,
/// shares of pages in KiB, and neither secure bits nor ids of namespaces.
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
        cred.securebits = 0;
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

/// Without what others that share its pages move.
fn idle(mut task: Task) -> Task {
    task.vma_stats = None;
    coarse(task)
}

/// Processes that do not move: stopped, and each found so.
struct Frozen(TaskPool);

impl Frozen {
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

    /// What is told of these, in the order it is told.
    fn rows(&self, way: TransportKind, request: &Request<'_>) -> Vec<Task> {
        let mine = self.0.pids();
        let tasks =
            told(way, request).unwrap_or_else(|error| panic!("{way}, {request:?}: {error}"));
        let of_mine = tasks.into_iter().filter(|task| mine.contains(&task.pid));
        of_mine.map(coarse).collect()
    }

    /// Every way tells the same; what that is. They stand still, but share
    /// pages with others that do not: what netlink tells differently before
    /// and after is asked for again.
    fn agreed(&self, request: &Request<'_>) -> Vec<Task> {
        let mut expected = self.rows(TransportKind::Netlink, request);
        for way in ways() {
            for attempt in 1.. {
                let told = self.rows(way, request);
                let after = self.rows(TransportKind::Netlink, request);
                let same = told == expected;
                if same || after == expected || attempt == ATTEMPTS {
                    assert_eq!(told, expected, "{way}, {request:?}");
                    break;
                }
                expected = after;
            }
        }
        expected
    }
}

/// A cgroup of one's own. Gone with this, if nobody is in it any more.
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
        // What is left of it does no harm in a machine that ends with the tests.
        let _ = fs::remove_dir(&self.0);
    }
}

/// How often it is asked for what moves.
const ATTEMPTS: usize = 100;

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn every_way_tells_the_same() {
    let frozen = Frozen::new(8);
    let one = frozen.0.pids().pop_first().unwrap();
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
            let rows = frozen.agreed(&request);
            assert!(!rows.is_empty(), "{request:?}");
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn every_filter_holds_for_the_same() {
    let (cgroup, nobodys) = (Cgroup::new("ways"), Cgroup::new("ways-of-nobody"));
    let frozen = Frozen::new(4);
    let pids: Vec<_> = frozen.0.pids().into_iter().collect();
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
        let areas = || all().show(Show::VMA | Show::VMA_STAT);
        for (request, count) in [
            (all().uid(0), 4),
            (all().uid(NOBODY), 0),
            (all().states(States::STOPPED), 4),
            (all().states(States::RUNNING), 0),
            (all().comm(comm.as_bytes()), 4),
            (all().comm(b"nobody"), 0),
            (all().cgroup(cgroup.id()), 3),
            (all().cgroup(Cgroup::root_id()), 4),
            (all().cgroup(nobodys.id()), 0),
            (all().cgroup(cgroup.id()).pids([pids[0], pids[3]]), 1),
            (all().pids([pids[2], pids[0], pids[2]]), 2),
            (all().pids([pids[1]]).uid(0).states(States::STOPPED), 1),
            (areas().vma_flags(VmaFlags::EXEC | VmaFlags::FILE), 4),
            (areas().vma_flags(VmaFlags::SEALED), 4),
        ] {
            assert_eq!(frozen.agreed(&request).len(), count, "{request:?}");
        }
    }
}

const NOBODY: u32 = 65534;

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn every_way_refuses_the_same() {
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
        let errors = |way| {
            let name = |error: &KernelError| error.attribute.and_then(|at| at.name());
            let dump = kernel_error(told(way, &request));
            let one = by(way).get(&request).map_err(|error| error.errno());
            let fault = name(&dump);
            (dump.errno, fault, one.map(|_| ()))
        };
        let expected = errors(TransportKind::Netlink);
        for way in ways() {
            assert_eq!(errors(way), expected, "{way}, {request:?}");
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn one_is_the_same_by_every_way() {
    let frozen = Frozen::new(1);
    let pid = frozen.0.pids().pop_first().unwrap();
    let show = Show::all() - Show::NEEDS_DUMP;
    for show in [Show::empty(), Show::BASE, show, Show::all()] {
        let expected = client().one(pid, show).unwrap();
        for way in ways() {
            let told = by(way).one(pid, show).unwrap();
            assert_eq!(idle(told), idle(expected.clone()), "{way}");
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn only_netlink_knows_other_namespaces() {
    let request = everything(Strategy::All).scope(Scope::Process(1));
    for way in ways() {
        match by(way).dump(&request) {
            Ok(_) => assert_eq!(way, TransportKind::Netlink),
            Err(error) => {
                assert_ne!(way, TransportKind::Netlink);
                assert!(matches!(error, Error::ScopeNeedsNetlink { .. }), "{error}");
            }
        };
    }
    assert_eq!(
        Client::connect_any().unwrap().source().kind(),
        TransportKind::Netlink
    );
}

/// A process that has ended with this status, and whose parent has not waited for
/// it.
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
fn exit_code_and_removed_cgroup_are_the_same_by_every_way() {
    let cgroup = Cgroup::new("ways-removed");
    let zombie = Zombie::new(3, &cgroup);
    let pid = zombie.0.id();
    let show = Show::BASE | Show::STAT | Show::CGROUP;
    let removed = |task: &Task| task.cgroup.as_ref().unwrap().deleted;
    assert!(
        ways()
            .iter()
            .all(|&way| !removed(&by(way).one(pid, show).unwrap()))
    );
    fs::remove_dir(&cgroup.0).unwrap();
    for way in ways() {
        let task = by(way).one(pid, show).unwrap();
        assert_eq!(task.base.unwrap().state, State::Zombie, "{way}");
        assert_eq!(task.stat.unwrap().exit_code, Some(3 << 8), "{way}");
        assert!(removed(&task), "{way}");
        let path = task.cgroup.unwrap().path.unwrap();
        assert_eq!(&path[..], b"/ways-removed (deleted)", "{way}");
        let running = by(way).one(own_pid(), Show::STAT).unwrap();
        assert_eq!(running.stat.unwrap().exit_code, None, "{way}");
    }
}
