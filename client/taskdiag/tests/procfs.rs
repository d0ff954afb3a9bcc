// SPDX-License-Identifier: MIT
//! Rows from `/proc` of the running kernel.

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

fn own_pid() -> u32 {
    std::process::id()
}

fn number(pid: nix::unistd::Pid) -> u32 {
    pid.as_raw().try_into().unwrap()
}

/// A process that waits, with an argument behind "sh -c …".
struct Waiting(Child);

impl Waiting {
    fn new(argument: &str) -> Self {
        let child = Command::new("sh")
            .args(["-c", "read wait", argument])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let waiting = Self(child);
        // Before execve() it is a copy of this process.
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let base = client().one(waiting.pid(), Show::BASE).unwrap().base;
            let base = base.unwrap();
            if base.comm.as_bytes() == b"sh" && base.state == State::Interruptible {
                return waiting;
            }
            assert!(Instant::now() < deadline, "sh does not start");
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
fn row_of_this_process_has_every_group() {
    let show = Show::all() - Show::VMA_STAT;
    let task = client().one(own_pid(), show).unwrap();
    let base = task.base.unwrap();
    assert_eq!((base.pid, base.ppid), (number(getpid()), number(getppid())));
    assert_eq!(base.pgid, Some(number(getpgrp())));
    assert_eq!(base.sid, Some(number(getsid(None).unwrap())));
    let comm = fs::read(format!("/proc/{}/comm", own_pid())).unwrap();
    assert_eq!(base.comm.as_bytes(), comm.trim_ascii_end());

    let cred = task.cred.unwrap();
    let (users, groups) = (getresuid().unwrap(), getresgid().unwrap());
    assert_eq!(
        [cred.uid, cred.euid, cred.suid],
        [users.real, users.effective, users.saved].map(|uid| Some(uid.as_raw()))
    );
    assert_eq!(
        [cred.gid, cred.egid, cred.sgid],
        [groups.real, groups.effective, groups.saved].map(|gid| Some(gid.as_raw()))
    );

    let stat = task.stat.unwrap();
    assert!(stat.start_time > 0 && stat.num_threads > 0);
    let memory = stat.memory.unwrap();
    assert!(Some(memory.vsize) >= memory.rss && memory.rss > Some(0));
    assert!(memory.text > Some(0) && memory.data > Some(0));
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
    let environ = fs::read("/proc/self/environ").unwrap();
    assert_eq!(task.environ.unwrap().as_bytes(), environ);
    let paths = task.paths.unwrap();
    let exe = fs::read_link("/proc/self/exe").unwrap().into_os_string();
    assert_eq!(
        paths.exe.unwrap().path.as_deref(),
        Some(exe.as_encoded_bytes())
    );
    assert_eq!(paths.root.unwrap().path.as_deref(), Some(&b"/"[..]));
    assert!(!paths.cwd.unwrap().deleted);
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
fn all_processes_are_listed_in_order() {
    let waiting = Waiting::new("");
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
    let found = tasks(&request);
    assert!(found.is_sorted_by_key(|task| task.pid));
    assert!(pids(&found).is_superset(&BTreeSet::from([own_pid(), waiting.pid()])));
    for task in &found {
        let base = task.base.unwrap();
        assert_eq!((base.pid, base.tgid), (task.pid, task.tgid));
        assert!(task.cred.is_some());
    }
    let listed = request.pids([waiting.pid(), own_pid(), waiting.pid()]);
    assert_eq!(
        pids(&tasks(&listed)),
        BTreeSet::from([own_pid(), waiting.pid()])
    );
}

#[test]
fn children_and_descendants_are_listed() {
    let waiting = Waiting::new("");
    for strategy in [
        Strategy::Children(own_pid()),
        Strategy::Descendants(own_pid()),
    ] {
        let found = tasks(&Request::new(strategy));
        assert!(pids(&found).contains(&waiting.pid()), "{strategy:?}");
        assert!(!pids(&found).contains(&own_pid()));
    }
    assert_eq!(tasks(&Request::new(Strategy::Children(waiting.pid()))), []);
}

#[test]
fn threads_have_rows_of_their_own() {
    let (stop, stopped) = mpsc::channel::<()>();
    let (send_tid, receive_tid) = mpsc::channel();
    let waiting = thread::Builder::new()
        .name("a) S 1 (b".to_owned())
        .spawn(move || {
            send_tid.send(number(gettid())).unwrap();
            stopped.recv()
        })
        .unwrap();
    let tid = receive_tid.recv().unwrap();
    let show = Show::BASE | Show::STAT | Show::IDENT | Show::VMA;
    for request in [
        Request::new(Strategy::Threads(tid)),
        Request::new(Strategy::Threads(own_pid())),
        Request::new(Strategy::AllThreads).pids([tid, own_pid()]),
    ] {
        let found = tasks(&request.show(show));
        let thread = found.iter().find(|task| task.pid == tid).unwrap();
        assert_eq!(thread.tgid, own_pid());
        assert_eq!(thread.base.unwrap().comm.as_bytes(), b"a) S 1 (b");
        assert!(!thread.ident.unwrap().leader);
        assert_eq!(thread.stat.unwrap().exit_signal, -1);
        // Mappings are in the leader's row.
        assert_eq!(thread.vmas, None);
        assert_eq!(thread.absent.leader, Show::VMA);
        let leader = found.iter().find(|task| task.pid == own_pid()).unwrap();
        assert!(leader.vmas.as_ref().is_some_and(|vmas| !vmas.is_empty()));
    }
    assert_eq!(client().one(tid, show).unwrap().tgid, own_pid());
    let all = pids(&tasks(&Request::new(Strategy::AllThreads)));
    assert!(all.is_superset(&BTreeSet::from([tid, own_pid()])));
    drop(stop);
    assert!(waiting.join().unwrap().is_err());
}

#[test]
fn long_command_line_is_complete() {
    let argument = "x".repeat(100_000);
    let waiting = Waiting::new(&argument);
    let task = client().one(waiting.pid(), Show::CMDLINE).unwrap();
    let args = task.cmdline.unwrap();
    assert_eq!(args.args().last(), Some(argument.as_bytes()));
}

#[test]
fn deleted_program_and_directory_have_the_flag() {
    let base = std::env::temp_dir().join(format!("taskdiag-paths-{}", own_pid()));
    let (program, directory) = (base.join("program"), base.join("directory"));
    fs::create_dir_all(&directory).unwrap();
    fs::copy("/bin/cat", &program).unwrap();
    let mut child = Command::new(&program)
        .current_dir(&directory)
        .env_clear()
        .env("A", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let read = || {
        let show = Show::PATHS | Show::ENVIRON;
        let task = client().one(child.id(), show).unwrap();
        let paths = task.paths.unwrap();
        let (exe, cwd) = (paths.exe.unwrap(), paths.cwd.unwrap());
        assert_eq!(task.environ.unwrap().as_bytes(), b"A=1\0");
        [exe, cwd].map(|path| (path.path.unwrap().into_owned(), path.deleted))
    };
    let bytes = |path: &std::path::Path| path.as_os_str().as_encoded_bytes().to_vec();
    assert_eq!(
        read(),
        [(bytes(&program), false), (bytes(&directory), false)]
    );
    fs::remove_dir_all(&base).unwrap();
    let deleted = |path| ([&bytes(path)[..], b" (deleted)"].concat(), true);
    assert_eq!(read(), [deleted(&program), deleted(&directory)]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn mapping_of_a_deleted_file_has_the_flag() {
    const LEN: usize = 8192;
    let name = CString::new("two words\nand more").unwrap();
    let file = memfd_create(name.as_c_str(), MFdFlags::MFD_CLOEXEC).unwrap();
    let mut file = fs::File::from(file);
    file.write_all(&[7; LEN]).unwrap();
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
    // SAFETY: the kernel chooses the address, and the file has this length.
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
    let request = Request::new(Strategy::One(own_pid()))
        .show(show)
        .vma_flags(VmaFlags::FILE | VmaFlags::SHARED);
    let task = client().get(&request).unwrap();
    let (vmas, stats) = (task.vmas.unwrap(), task.vma_stats.unwrap());
    let found = vmas
        .iter()
        .position(|vma| vma.start == at.as_ptr() as u64)
        .unwrap();
    // SAFETY: the mapping has this length, and is not used afterwards.
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
fn row_of_a_zombie_has_no_memory() {
    let mut child = Command::new("true").spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let show = Show::all() - Show::NS;
    let task = loop {
        let task = client().one(child.id(), show).unwrap();
        if task.base.unwrap().state == State::Zombie {
            break task;
        }
        assert!(Instant::now() < deadline, "it does not end");
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(task.stat.unwrap().memory, None);
    assert_eq!(task.stat.unwrap().exit_code, Some(0));
    assert_eq!(task.files.unwrap().counts, None);
    assert_eq!(task.cmdline.unwrap().as_bytes(), b"");
    assert_eq!(task.paths.unwrap_or_default(), taskdiag::Paths::default());
    assert_eq!(task.environ.unwrap_or_default().as_bytes(), b"");
    assert_eq!((task.vmas, task.vma_stats), (Some(vec![]), Some(vec![])));
    child.wait().unwrap();
    let error = client().one(child.id(), Show::BASE).unwrap_err();
    assert_eq!(error.errno(), Some(nix::libc::ESRCH));
}

#[test]
fn another_pid_namespace_is_an_error() {
    let request = Request::new(Strategy::All).scope(Scope::Process(1));
    let error = client().dump(&request).unwrap_err();
    assert!(
        matches!(error, Error::ScopeNeedsNetlink { pid: 1, .. }),
        "{error}"
    );
}

#[test]
fn best_source_returns_tasks() {
    let mut client = Client::connect_any().unwrap();
    assert!(TransportKind::ALL.contains(&client.source().kind()));
    assert_eq!(client.one(own_pid(), Show::BASE).unwrap().pid, own_pid());
    // Two dumps that are dropped before their end.
    for _ in 0..2 {
        let mut dump = client.dump(&Request::new(Strategy::All)).unwrap();
        dump.next().unwrap().unwrap();
    }
    assert_eq!(client.one(own_pid(), Show::BASE).unwrap().pid, own_pid());
}
