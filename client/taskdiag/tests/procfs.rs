// SPDX-License-Identifier: MIT
//! The answers out of `/proc` of the machine that the tests run on, whatever
//! its kernel.

#[path = "common/rows.rs"]
mod rows;

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs;
use std::io::Write as _;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::unistd::{getpgrp, getpid, getppid, getresgid, getresuid, getsid, gettid};
use taskdiag::{
    AnySource, Client, Error, Request, Scope, Show, State, Strategy, Task, TransportKind, VmaFlags,
};

use rows::pids;

fn client() -> Client<AnySource> {
    Client::connect_over(TransportKind::Procfs).unwrap()
}

fn tasks(request: &Request<'_>) -> Vec<Task> {
    rows::tasks(client(), request)
}

fn myself() -> u32 {
    std::process::id()
}

fn number(pid: nix::unistd::Pid) -> u32 {
    pid.as_raw().try_into().unwrap()
}

/// A program that waits, with these arguments behind "sh -c …".
struct Waiting(Child);

impl Waiting {
    fn new(argument: &str) -> Self {
        let child = Command::new("sh")
            .args(["-c", "read wait", argument])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let waiting = Self(child);
        // Until it waits, it may be a copy of this one.
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let base = client().one(waiting.pid(), Show::BASE).unwrap().base;
            let base = base.unwrap();
            if base.comm.as_bytes() == b"sh" && base.state == State::Interruptible {
                return waiting;
            }
            assert!(Instant::now() < patience, "sh does not start");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn this_process_is_told_of() {
    let show = Show::all() - Show::VMA_STAT;
    let task = client().one(myself(), show).unwrap();
    let base = task.base.unwrap();
    assert_eq!((base.pid, base.ppid), (number(getpid()), number(getppid())));
    assert_eq!(base.pgid, number(getpgrp()));
    assert_eq!(base.sid, number(getsid(None).unwrap()));
    let comm = fs::read(format!("/proc/{}/comm", myself())).unwrap();
    assert_eq!(base.comm.as_bytes(), comm.trim_ascii_end());

    let cred = task.cred.unwrap();
    let (users, groups) = (getresuid().unwrap(), getresgid().unwrap());
    assert_eq!(
        [cred.uid, cred.euid, cred.suid],
        [users.real, users.effective, users.saved].map(|uid| uid.as_raw())
    );
    assert_eq!(
        [cred.gid, cred.egid, cred.sgid],
        [groups.real, groups.effective, groups.saved].map(|gid| gid.as_raw())
    );

    let stat = task.stat.unwrap();
    assert!(stat.start_time > 0 && stat.num_threads > 0);
    let memory = stat.memory.unwrap();
    assert!(memory.vsize >= memory.rss() && memory.rss() > 0);
    assert!(memory.text > 0 && memory.data > 0);
    assert_eq!(stat.exit_code, None);
    let ident = task.ident.unwrap();
    assert!(ident.leader);
    // In the initial time namespace; its times are whole ticks as well.
    assert!(ident.start_time > 0);

    let ns = task.ns.unwrap();
    let inode = |name| fs::metadata(format!("/proc/self/ns/{name}")).unwrap().ino();
    assert_eq!(
        (ns.pid.map(u64::from), ns.mnt.map(u64::from)),
        (Some(inode("pid")), Some(inode("mnt")))
    );
    assert!(task.files.unwrap().counts.unwrap().total >= 3);
    let cmdline = fs::read("/proc/self/cmdline").unwrap();
    assert_eq!(task.cmdline.unwrap().as_bytes(), cmdline);
    assert!(task.cgroup.unwrap().path.unwrap().starts_with(b"/"));
    let vmas = task.vmas.unwrap();
    let executable = |vma: &&taskdiag::Vma<'_>| vma.flags.contains(VmaFlags::EXEC | VmaFlags::FILE);
    assert!(vmas.iter().any(|vma| executable(&vma)));
    assert!(
        vmas.iter()
            .any(|vma| vma.name.as_deref() == Some(b"[stack]"))
    );
    assert!(task.absent.is_empty(), "{}", task.absent);
}

#[test]
fn everybody_is_there_in_order() {
    let waiting = Waiting::new("");
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
    let found = tasks(&request);
    assert!(found.is_sorted_by_key(|task| task.pid));
    assert!(pids(&found).is_superset(&BTreeSet::from([myself(), waiting.pid()])));
    for task in &found {
        let base = task.base.unwrap();
        assert_eq!((base.pid, base.tgid), (task.pid, task.tgid));
        assert!(task.cred.is_some());
    }
    let listed = request.pids([waiting.pid(), myself(), waiting.pid()]);
    assert_eq!(
        pids(&tasks(&listed)),
        BTreeSet::from([myself(), waiting.pid()])
    );
}

#[test]
fn children_are_mine() {
    let waiting = Waiting::new("");
    for strategy in [
        Strategy::Children(myself()),
        Strategy::Descendants(myself()),
    ] {
        let found = tasks(&Request::new(strategy));
        assert!(pids(&found).contains(&waiting.pid()), "{strategy:?}");
        assert!(!pids(&found).contains(&myself()));
    }
    assert_eq!(tasks(&Request::new(Strategy::Children(waiting.pid()))), []);
}

#[test]
fn threads_are_told_of_each() {
    let (stop, stopped) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let waiting = thread::Builder::new()
        .name("a) S 1 (b".to_owned())
        .spawn(move || {
            tell.send(number(gettid())).unwrap();
            stopped.recv()
        })
        .unwrap();
    let tid = told.recv().unwrap();
    let show = Show::BASE | Show::STAT | Show::IDENT | Show::VMA;
    for request in [
        Request::new(Strategy::Threads(tid)),
        Request::new(Strategy::Threads(myself())),
        Request::new(Strategy::AllThreads).pids([tid, myself()]),
    ] {
        let found = tasks(&request.show(show));
        let thread = found.iter().find(|task| task.pid == tid).unwrap();
        assert_eq!(thread.tgid, myself());
        assert_eq!(thread.base.unwrap().comm.as_bytes(), b"a) S 1 (b");
        assert!(!thread.ident.unwrap().leader);
        assert_eq!(thread.stat.unwrap().exit_signal, -1);
        // Mappings are in the leader's row.
        assert_eq!(thread.vmas, None);
        assert_eq!(thread.absent.leader, Show::VMA);
        let leader = found.iter().find(|task| task.pid == myself()).unwrap();
        assert!(leader.vmas.as_ref().is_some_and(|vmas| !vmas.is_empty()));
    }
    assert_eq!(client().one(tid, show).unwrap().tgid, myself());
    let all = pids(&tasks(&Request::new(Strategy::AllThreads)));
    assert!(all.is_superset(&BTreeSet::from([tid, myself()])));
    drop(stop);
    assert!(waiting.join().unwrap().is_err());
}

#[test]
fn a_long_command_line_is_whole() {
    let argument = "x".repeat(100_000);
    let waiting = Waiting::new(&argument);
    let task = client().one(waiting.pid(), Show::CMDLINE).unwrap();
    let args = task.cmdline.unwrap();
    assert_eq!(args.args().last(), Some(argument.as_bytes()));
}

#[test]
fn a_mapping_of_a_nameless_file_says_so() {
    const LEN: usize = 8192;
    let name = CString::new("two words\nand more").unwrap();
    let file = memfd_create(name.as_c_str(), MFdFlags::MFD_CLOEXEC).unwrap();
    let mut file = fs::File::from(file);
    file.write_all(&[7; LEN]).unwrap();
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
    // SAFETY: maps new memory, wherever there is room, of a file of that length.
    let at = unsafe {
        mmap(
            None,
            LEN.try_into().unwrap(),
            ProtFlags::PROT_READ,
            flags,
            &file,
            0,
        )
        .unwrap()
    };
    let show = Show::VMA | Show::VMA_STAT;
    let request = Request::new(Strategy::One(myself()))
        .show(show)
        .vma_flags(VmaFlags::FILE | VmaFlags::SHARED);
    let task = client().get(&request).unwrap();
    let (vmas, stats) = (task.vmas.unwrap(), task.vma_stats.unwrap());
    let found = vmas
        .iter()
        .position(|vma| vma.start == at.as_ptr() as u64)
        .unwrap();
    // SAFETY: it was mapped with this length, and nobody uses it.
    unsafe { munmap(at, LEN).unwrap() };
    let vma = &vmas[found];
    assert_eq!(
        vma.name.as_deref(),
        Some(&b"/memfd:two words\nand more (deleted)"[..])
    );
    assert!(
        vma.flags
            .contains(VmaFlags::DELETED | VmaFlags::MAYSHARE | VmaFlags::READ)
    );
    assert_eq!((vma.size(), vma.pgoff), (LEN as u64, 0));
    assert_eq!(vma.ino, file.metadata().unwrap().ino());
    assert_eq!(
        (stats[found].start, stats[found].rss),
        (vma.start, LEN as u64)
    );
    assert!(file.as_raw_fd() >= 0);
}

#[test]
fn a_zombie_is_told_of() {
    let mut child = Command::new("true").spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    let show = Show::all() - Show::NS;
    let task = loop {
        let task = client().one(child.id(), show).unwrap();
        if task.base.unwrap().state == State::Zombie {
            break task;
        }
        assert!(Instant::now() < patience, "it does not end");
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(task.stat.unwrap().memory, None);
    assert_eq!(task.stat.unwrap().exit_code, Some(0));
    assert_eq!(task.files.unwrap().counts, None);
    assert_eq!(task.cmdline.unwrap().as_bytes(), b"");
    assert_eq!((task.vmas, task.vma_stats), (Some(vec![]), Some(vec![])));
    child.wait().unwrap();
    let error = client().one(child.id(), Show::BASE).unwrap_err();
    assert_eq!(error.errno(), Some(nix::libc::ESRCH));
}

#[test]
fn the_view_of_another_namespace_cannot_be_had() {
    let request = Request::new(Strategy::All).scope(Scope::Process(1));
    let error = client().dump(&request).unwrap_err();
    assert!(
        matches!(error, Error::ScopeNeedsNetlink { pid: 1, .. }),
        "{error}"
    );
}

#[test]
fn the_best_way_answers() {
    let mut client = Client::connect_any().unwrap();
    assert!(TransportKind::ALL.contains(&client.source().kind()));
    assert_eq!(client.one(myself(), Show::BASE).unwrap().pid, myself());
    // Left half-read, and asked again.
    for _ in 0..2 {
        let mut dump = client.dump(&Request::new(Strategy::All)).unwrap();
        dump.next().unwrap().unwrap();
    }
    assert_eq!(client.one(myself(), Show::BASE).unwrap().pid, myself());
}
