// SPDX-License-Identifier: MIT
//! Replies from a directory tree with the layout of procfs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::parse::{Stat, Status, field};
use super::*;
use crate::{CapSet, Client, Request, Show, State, States, Strategy, Task, Vma};

/// A directory tree, removed when it is dropped.
struct Tree(PathBuf);

impl Tree {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("taskdiag-procfs-{}-{count}", std::process::id());
        let tree = Self(std::env::temp_dir().join(name));
        fs::create_dir(&tree.0).unwrap();
        tree.file("self/smaps", b"");
        tree.file("self/io", b"");
        tree.file("self/oom_score", b"");
        tree.file("self/cgroup", b"");
        tree.file("self/environ", b"");
        symlink("/bin/self", tree.0.join("self/exe")).unwrap();
        tree
    }

    fn file(&self, path: &str, content: &[u8]) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Adds a thread, and its process if the thread is the leader.
    fn task(&self, pid: u32, tgid: u32, ppid: u32, comm: &[u8], state: char) {
        let stat = [
            format!("{pid} (").as_bytes(),
            comm,
            format!(") {state} {ppid} {tgid} 1 0 -1 4194304 5 0 7 0 3 4 0 0 20 -5 1 0 123 4096 1")
                .as_bytes(),
            // The fields 25 to 52.
            &b" 0".repeat(28),
        ]
        .concat();
        let status = format!(
            "Name:\tx\nTgid:\t{tgid}\nPid:\t{pid}\nPPid:\t{ppid}\nTracerPid:\t9\n\
             Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t\n\
             VmSize:\t      4 kB\nVmHWM:\t     12 kB\nCapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\n\
             CapEff:\t0000000000000001\nCapBnd:\t8000000000000000\nNoNewPrivs:\t1\n\
             voluntary_ctxt_switches:\t77\n"
        );
        let mut directories = vec![format!("{tgid}/task/{pid}")];
        directories.extend((pid == tgid).then(|| tgid.to_string()));
        for directory in directories {
            self.file(&format!("{directory}/stat"), &stat);
            self.file(&format!("{directory}/status"), status.as_bytes());
            self.file(&format!("{directory}/cmdline"), b"a\0b\0");
            self.file(&format!("{directory}/cgroup"), b"0::/x\n");
        }
        if pid != tgid {
            let hidden = format!("{pid}");
            symlink(format!("{tgid}/task/{pid}"), self.0.join(hidden)).unwrap();
        }
    }

    fn client(&self) -> Client<Procfs> {
        Client::new(Procfs::at(&self.0).unwrap())
    }

    fn dump(&self, request: &Request<'_>) -> Result<Vec<Task>> {
        self.client().dump(request)?.tasks().collect()
    }

    fn pids(&self, request: &Request<'_>) -> Vec<u32> {
        let tasks = self.dump(request).unwrap();
        tasks.iter().map(|task| task.pid).collect()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Process 1 with the children 12 and 5; 12 has the child 3 and the thread 13.
fn family() -> Tree {
    let tree = Tree::new();
    tree.task(1, 1, 0, b"init", 'S');
    tree.task(12, 12, 1, b"a) R 7 (b\nc", 'R');
    tree.task(5, 5, 1, b"gone", 'Z');
    tree.task(3, 3, 12, b"name of fifteen", 'I');
    tree.file("1/task/1/children", b"12 5 ");
    tree.file("12/task/12/children", b"");
    tree.file("5/task/5/children", b"");
    tree.file("3/task/3/children", b"");
    tree.file("12/task/13/children", b"3 ");
    tree.file("12/task/13/stat", b"13 (t) S 1 12 1");
    tree.file("12/task/13/status", b"Tgid:\t12\nUid:\t0 0 0 0\n");
    tree.file("uptime", b"1 1\n");
    tree
}

#[test]
fn base_and_cred_are_read_from_stat_and_status() {
    let tree = family();
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
    let tasks = tree.dump(&request).unwrap();
    let pids: Vec<_> = tasks.iter().map(|task| task.pid).collect();
    assert_eq!(pids, [1, 3, 5, 12]);
    let base = tasks[3].base.unwrap();
    assert_eq!(base.comm.as_bytes(), b"a) R 7 (b\nc");
    assert_eq!((base.pid, base.tgid, base.ppid), (12, 12, 1));
    assert_eq!(
        (base.pgid, base.sid, base.tpid),
        (Some(12), Some(1), Some(9))
    );
    assert_eq!(base.state, State::Running);
    assert_eq!(tasks[1].base.unwrap().comm.as_bytes(), b"name of fifteen");
    assert_eq!(tasks[2].base.unwrap().state, State::Zombie);
    let cred = tasks[0].cred.unwrap();
    assert_eq!(
        [cred.uid, cred.euid, cred.suid, cred.fsuid],
        [1, 2, 3, 4].map(Some)
    );
    assert_eq!(
        [cred.gid, cred.egid, cred.sgid, cred.fsgid],
        [5, 6, 7, 8].map(Some)
    );
    assert_eq!(
        (cred.cap_permitted, cred.cap_effective),
        (Some(CapSet(0x1ff_ffff_ffff)), Some(CapSet(1)))
    );
    assert_eq!(
        (cred.cap_bset, cred.cap_ambient),
        (Some(CapSet(1 << 63)), None)
    );
    assert_eq!((cred.no_new_privs, cred.securebits), (Some(true), None));
}

#[test]
fn times_are_nanoseconds_and_sizes_bytes() {
    let tree = family();
    let request = Request::new(Strategy::One(1)).show(Show::STAT | Show::IDENT);
    let task = tree.client().get(&request).unwrap();
    let stat = task.stat.unwrap();
    assert_eq!(stat.start_time, 1_230_000_000);
    assert_eq!((stat.utime, stat.stime), (30_000_000, 40_000_000));
    assert_eq!((stat.min_flt, stat.maj_flt), (5, 7));
    assert_eq!((stat.nice, stat.tty_pgrp, stat.flags), (-5, -1, 4_194_304));
    let memory = stat.memory.unwrap();
    assert_eq!((memory.vsize, memory.rss_peak), (4096, Some(12 * 1024)));
    assert_eq!((stat.nvcsw, stat.exit_code), (Some(77), None));
    assert_eq!(task.ident.unwrap().start_time, stat.start_time);
}

/// A field whose file is missing, or has only zeros, is `None` instead of 0.
#[test]
fn fields_without_a_source_are_none() {
    let tree = family();
    let stat = || tree.client().one(1, Show::STAT).unwrap().stat.unwrap();
    assert_eq!((stat().run_delay, stat().blkio_delay), (None, None));
    tree.file("1/schedstat", b"0 0 0\n");
    assert_eq!(stat().run_delay, None);
    tree.file("1/schedstat", b"5 0 1\n");
    assert_eq!(stat().run_delay, Some(0));
    tree.file("1/schedstat", b"5 7 1\n");
    assert_eq!(stat().run_delay, Some(7));
    tree.file("sys/kernel/task_delayacct", b"1\n");
    assert_eq!(stat().blkio_delay, Some(0));
    tree.file("sys/kernel/task_delayacct", b"0\n");
    assert_eq!(stat().blkio_delay, None);
    // A kernel thread, or a zombie.
    tree.file("1/status", b"Tgid:\t1\nUid:\t0 0 0 0\n");
    assert_eq!(stat().memory, None);
}

#[test]
fn ident_is_in_the_initial_time_namespace() {
    let tree = family();
    let show = Show::STAT | Show::IDENT;
    tree.file("self/timens_offsets", b"monotonic 1 0\nboottime -5 -7\n");
    let task = tree.client().one(1, show).unwrap();
    assert_eq!(task.stat.unwrap().start_time, 1_230_000_000);
    assert_eq!(task.ident.unwrap().start_time, 6_230_000_007);
}

#[test]
fn counts_of_a_zombie_are_none() {
    let tree = family();
    for pid in [1, 5] {
        tree.file(&format!("{pid}/limits"), b"Max open files 10 20 files\n");
        fs::create_dir(tree.0.join(format!("{pid}/fd"))).unwrap();
    }
    let files = |pid| tree.client().one(pid, Show::FILES).unwrap().files.unwrap();
    assert_eq!(files(1).counts, Some(crate::FileCounts::default()));
    assert_eq!(files(5).counts, None);
    assert_eq!(
        (files(5).limit_soft, files(5).limit_hard),
        (Some(10), Some(20))
    );
}

#[test]
fn exit_code_is_of_tasks_that_have_ended() {
    let tree = family();
    let exit_code = |pid| {
        tree.client()
            .one(pid, Show::STAT)
            .unwrap()
            .stat
            .unwrap()
            .exit_code
    };
    assert_eq!((exit_code(1), exit_code(12)), (None, None));
    assert_eq!(exit_code(5), Some(0));
    tree.task(7, 7, 1, b"dead", 'X');
    assert_eq!(exit_code(7), Some(0));
}

#[test]
fn removed_cgroup_is_reported_as_deleted() {
    let tree = family();
    let cgroup = || tree.client().one(1, Show::CGROUP).unwrap().cgroup.unwrap();
    assert!(!cgroup().deleted);
    assert_eq!(cgroup().id, None);
    tree.file("1/cgroup", b"0::/x (deleted)\n");
    assert!(cgroup().deleted);
    assert_eq!(cgroup().path.as_deref(), Some(&b"/x (deleted)"[..]));
}

#[test]
fn namespaces_without_a_link_are_none() {
    let tree = family();
    fs::create_dir(tree.0.join("1/ns")).unwrap();
    symlink("mnt:[4026531841]", tree.0.join("1/ns/mnt")).unwrap();
    let ns = tree.client().one(1, Show::NS).unwrap().ns.unwrap();
    assert_eq!((ns.mnt, ns.net), (Some(4_026_531_841), None));
    assert_eq!(ns.mnt_id, None);
}

/// The text of smaps is the same for different files.
#[test]
fn names_of_mapped_files_are_not_guessed() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;

    let tree = family();
    symlink(&tree.0, tree.0.join("1/root")).unwrap();
    fs::create_dir(tree.0.join("1/map_files")).unwrap();
    let inode = |name: &[u8]| {
        let path = tree.0.join(std::ffi::OsStr::from_bytes(name));
        fs::write(&path, b"").unwrap();
        fs::metadata(path).unwrap().ino()
    };
    // Name, text, inode number, link in map_files, and whether it is deleted.
    for (name, text, inode, link, deleted) in [
        (
            &b"/live (deleted)"[..],
            "/live (deleted)",
            inode(b"live (deleted)"),
            None,
            false,
        ),
        (
            b"/other (deleted)",
            "/other (deleted)",
            inode(b"other (deleted)") + 1000,
            None,
            true,
        ),
        (b"/gone (deleted)", "/gone (deleted)", 7, None, true),
        (b"/plain", "/plain", 7, None, false),
        (
            br"/lit\012eral",
            r"/lit\012eral",
            inode(br"lit\012eral"),
            None,
            false,
        ),
        (
            b"/new\nline",
            r"/new\012line",
            inode(b"new\nline"),
            None,
            false,
        ),
        (
            b"/a\n\\012",
            r"/a\012\012",
            7,
            Some(&b"/a\n\\012"[..]),
            false,
        ),
        (b"/a\nb (deleted)", r"/a\012b (deleted)", 7, None, true),
    ] {
        let link_path = tree.0.join("1/map_files/1000-2000");
        let _ = fs::remove_file(&link_path);
        if let Some(link) = link {
            symlink(std::ffi::OsStr::from_bytes(link), link_path).unwrap();
        }
        let smaps = format!("1000-2000 r--p 00000000 fe:01 {inode}    {text}\nVmFlags: rd\n");
        tree.file("1/smaps", smaps.as_bytes());
        let task = tree.client().one(1, Show::VMA).unwrap();
        let [vma] = &task.vmas.unwrap()[..] else {
            panic!("{text}");
        };
        assert_eq!(vma.name.as_deref(), Some(name), "{text}");
        let flag = vma.flags.contains(crate::VmaFlags::DELETED);
        assert_eq!(flag, deleted, "{text}");
    }
}

#[test]
fn mappings_are_in_the_row_of_the_leader() {
    let tree = family();
    tree.file("12/task/12/smaps", b"");
    let show = Show::VMA | Show::VMA_STAT;
    let mut threads = tree
        .dump(&Request::new(Strategy::Threads(12)).show(show))
        .unwrap();
    threads.sort_by_key(|task| task.pid);
    let [leader, other] = &threads[..] else {
        panic!("{threads:?}");
    };
    assert!(leader.absent.is_empty());
    assert_eq!(leader.vmas, Some(vec![]));
    assert_eq!((other.absent.leader, other.absent.groups()), (show, show));
    assert_eq!(other.vmas, None);
}

/// The task ends between two pieces of its row.
#[test]
fn groups_of_a_task_that_ends_are_gone() {
    let tree = Tree::new();
    tree.task(1, 1, 0, b"init", 'S');
    tree.file("1/cmdline", &[b'x'; 100_000]);
    tree.file("1/smaps", b"");
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CMDLINE | Show::VMA);
    let mut client = tree.client();
    let mut dump = client.dump(&request).unwrap();
    let piece = dump.next_piece().unwrap().unwrap();
    assert!(piece.absent().is_empty() && piece.cmdline().is_some());
    assert!(piece.has_more());
    fs::remove_file(tree.0.join("1/stat")).unwrap();
    let mut absent = crate::Absent::default();
    while let Some(piece) = dump.next_piece().unwrap() {
        assert!(absent.is_empty(), "a piece after the last one");
        absent = piece.absent();
    }
    assert_eq!(absent.gone, Show::CMDLINE | Show::VMA);
    assert_eq!(absent.groups(), absent.gone);
}

#[test]
fn descriptors_are_refused() {
    use std::os::fd::AsFd;
    let tree = family();
    let stdin = io::stdin();
    for (request, name) in [
        (
            Request::new(Strategy::All).pidns_fd(stdin.as_fd()),
            "TASK_DIAG_CMD_ATTR_PIDNS_FD",
        ),
        (
            Request::new(Strategy::One(0)).pidfd(stdin.as_fd()),
            "TASK_DIAG_CMD_ATTR_PIDFD",
        ),
    ] {
        let (errno, text, at) = refused(tree.dump(&request));
        assert_eq!((errno, at), (nix::libc::EOPNOTSUPP, Some(name)));
        assert_eq!(text, Some(format!("{name}: not supported by procfs")));
    }
    let features = tree.client().features().unwrap();
    assert_eq!(features.options, crate::Options::empty());
    assert_eq!(features.recv_min, 8192);
}

#[test]
fn each_strategy_returns_its_tasks() {
    let tree = family();
    for (strategy, pids) in [
        (Strategy::All, &[1, 3, 5, 12][..]),
        (Strategy::AllThreads, &[1, 3, 5, 12, 13]),
        (Strategy::One(12), &[12]),
        (Strategy::Children(1), &[12, 5]),
        (Strategy::Children(12), &[3]),
        (Strategy::Descendants(1), &[12, 5, 3]),
        (Strategy::Descendants(3), &[]),
    ] {
        assert_eq!(tree.pids(&Request::new(strategy)), pids, "{strategy:?}");
    }
    let mut threads = tree.pids(&Request::new(Strategy::Threads(12)));
    threads.sort_unstable();
    assert_eq!(threads, [12, 13]);
}

#[test]
fn children_are_found_without_lists_of_children() {
    let tree = family();
    for list in [
        "1/task/1",
        "12/task/12",
        "12/task/13",
        "5/task/5",
        "3/task/3",
    ] {
        fs::remove_file(tree.0.join(list).join("children")).unwrap();
    }
    assert_eq!(tree.pids(&Request::new(Strategy::Children(1))), [5, 12]);
    assert_eq!(
        tree.pids(&Request::new(Strategy::Descendants(1))),
        [5, 12, 3]
    );
}

#[test]
fn filters_select_tasks() {
    let tree = family();
    let all = || Request::new(Strategy::All);
    assert_eq!(tree.pids(&all().uid(2)), [1, 3, 5, 12]);
    assert!(tree.pids(&all().uid(1)).is_empty());
    assert_eq!(
        tree.pids(&all().states(States::ZOMBIE | States::IDLE)),
        [3, 5]
    );
    assert_eq!(tree.pids(&all().comm(b"a) R")), [12]);
    assert_eq!(tree.pids(&all().pids([12, 2, 1, 12, 13])), [1, 12]);
    let threads = Request::new(Strategy::Children(1)).pids([5, 3]);
    assert_eq!(tree.pids(&threads), [5]);
}

fn refused(result: Result<impl Sized>) -> (i32, Option<String>, Option<&'static str>) {
    match result.map(drop) {
        Err(Error::Kernel(error)) => {
            let name = error.attribute.and_then(|attribute| attribute.name());
            (error.errno, error.message, name)
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn invalid_requests_are_refused_as_by_the_kernel() {
    use nix::libc::{EINVAL, EOPNOTSUPP, ERANGE, ESRCH};
    const GET: &str = "TASK_DIAG_CMD_ATTR_GET";
    let tree = family();
    let all = || Request::new(Strategy::All);
    for (request, errno, text, name) in [
        (
            Request::new(Strategy::Children(77)),
            ESRCH,
            "pid: no such task",
            GET,
        ),
        (
            Request::new(Strategy::One(0)),
            EINVAL,
            "pid: not the number of a task",
            GET,
        ),
        (
            all().show(Show::from_bits_retain(1 << 63)),
            EINVAL,
            "show_flags: unknown bits 0x8000000000000000",
            GET,
        ),
        (
            all().states(States::empty()),
            EINVAL,
            "states: no state is selected",
            "TASK_DIAG_CMD_ATTR_STATES",
        ),
        (
            all().comm(b""),
            ERANGE,
            "comm: 0 bytes instead of 1 to 15",
            "TASK_DIAG_CMD_ATTR_COMM",
        ),
        (
            all().pids([1, 0]),
            EINVAL,
            "pids: contains a number that no task can have",
            "TASK_DIAG_CMD_ATTR_PIDS",
        ),
        (
            all().vma_flags(crate::VmaFlags::EXEC),
            EINVAL,
            "vma_flags: needs VMA or VMA_STAT in show_flags",
            "TASK_DIAG_CMD_ATTR_VMA_FLAGS",
        ),
        (
            all().cgroup(1),
            EOPNOTSUPP,
            "cgroup: filter not supported by this kernel",
            "TASK_DIAG_CMD_ATTR_CGROUP",
        ),
    ] {
        let error = refused(tree.dump(&request));
        assert_eq!(error, (errno, Some(text.to_owned()), Some(name)));
    }
    // A pid without a task, with and without a dump; and a filter that excludes the task.
    let one = refused(tree.client().one(77, Show::BASE));
    assert_eq!(
        one,
        (ESRCH, Some("pid: no such task".to_owned()), Some(GET))
    );
    let filtered = Request::new(Strategy::One(1)).comm(b"x");
    assert_eq!(refused(tree.client().get(&filtered)).0, ESRCH);
    assert_eq!(refused(tree.dump(&filtered)).0, ESRCH);
    let scope = all().scope(Scope::Process(1));
    let error = tree.dump(&scope).unwrap_err().to_string();
    assert!(error.contains("procfs does not support it"), "{error}");
    // The tree still replies to valid requests.
    assert_eq!(tree.client().one(1, Show::BASE).unwrap().pid, 1);
}

#[test]
fn task_whose_files_are_gone_is_left_out() {
    let tree = family();
    for pid in [3, 5] {
        for file in ["stat", "status"] {
            fs::remove_file(tree.0.join(format!("{pid}/{file}"))).unwrap();
        }
    }
    assert_eq!(tree.pids(&Request::new(Strategy::All)), [1, 12]);
}

#[test]
fn missing_file_is_unknown_and_does_not_hide_the_task() {
    let unknown = |file: &str| {
        let missing = |tree: &Tree| fs::remove_file(tree.0.join("5").join(file)).unwrap();
        let task = changed(missing);
        assert!(task.base.is_some(), "{file}");
        task.absent
    };
    let absent = |unknown| crate::Absent {
        unknown,
        ..crate::Absent::default()
    };
    let from_stat = Show::BASE | Show::STAT | Show::IDENT;
    assert_eq!(unknown("stat"), absent(from_stat));
    assert_eq!(unknown("status"), absent(Show::CRED));
    assert_eq!(unknown("cmdline"), absent(Show::CMDLINE));
    let tree = family();
    fs::remove_file(tree.0.join("5/cgroup")).unwrap();
    let show = Show::CGROUP | Show::IO | Show::LIMITS | Show::OOM | Show::NS | Show::FILES;
    for group in show {
        let request = Request::new(Strategy::One(5)).show(group);
        let task = tree.dump(&request).unwrap().remove(0);
        // No task of the tree has the files of the others.
        let expected = match group {
            Show::NS => Show::empty(),
            group => group,
        };
        assert_eq!(task.absent, absent(expected), "{group}");
    }
}

#[test]
fn task_that_is_reaped_while_it_is_read_is_left_out() {
    let tree = family();
    tree.file("5/status", b"Name:\tgone\nState:\tX (dead)\nTgid:\t0\n");
    tree.file("3/stat", b"3 (gone) X 0 -1 -1 0 -1 4227084 0");
    assert_eq!(tree.pids(&Request::new(Strategy::All)), [1, 12]);
    let one = |pid| tree.dump(&Request::new(Strategy::One(pid)));
    assert!(one(5).is_err() && one(3).is_err());
}

/// Returns the rows of the family after a change of process 5, which has this row.
fn changed(change: impl FnOnce(&Tree)) -> Task {
    let tree = family();
    change(&tree);
    let show = Show::BASE | Show::CRED | Show::STAT | Show::IDENT | Show::CMDLINE;
    let request = Request::new(Strategy::All).show(show);
    let mut tasks = tree.dump(&request).unwrap();
    assert_eq!(
        tasks.iter().map(|task| task.pid).collect::<Vec<_>>(),
        [1, 3, 5, 12]
    );
    for other in [&tasks[0], &tasks[3]] {
        assert!(other.absent.is_empty() && other.stat.is_some());
    }
    let task = tasks.swap_remove(2);
    let one = tree.dump(&Request::new(Strategy::One(5)).show(show));
    assert_eq!(one.unwrap().first(), Some(&task));
    task
}

#[test]
fn unknown_state_letter_is_the_unknown_state() {
    for letter in ["W", "K", "?", "é", "\u{1}"] {
        let line = format!("5 (old) {letter} 1 5 1 0 -1 0 5 0 7 0 3 4 0 0 20 -5 1 0 123 4096 1");
        let task = changed(|tree| tree.file("5/stat", line.as_bytes()));
        let base = task.base.unwrap();
        assert_eq!(
            (base.state, base.comm.as_bytes()),
            (State::Unknown, &b"old"[..])
        );
        assert_eq!((base.ppid, base.pgid), (1, Some(5)));
        assert_eq!(task.absent.unknown, Show::BASE);
        assert_eq!(task.stat.unwrap().min_flt, 5);
    }
    let task = changed(|tree| tree.file("5/stat", b"5 (dead) x 1 5 1"));
    assert_eq!(task.base.unwrap().state, State::Dead);
}

#[test]
fn row_without_stat_has_the_values_of_status() {
    for stat in [
        &b""[..],
        b"\n",
        b"5 (x",
        b"5 (x)",
        b"5 (x) S",
        b"5 (x) S 1 y",
        b"\0\0\0",
    ] {
        let task = changed(|tree| {
            tree.file("5/stat", stat);
            tree.file("5/status", b"Name:\ta\\nb\\\\c\nTgid:\t5\nPPid:\t1\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nCapEff:\t0\n");
        });
        let base = task.base.unwrap();
        assert_eq!(
            (base.state, base.comm.as_bytes()),
            (State::Unknown, &b"a\nb\\c"[..])
        );
        assert_eq!(
            (base.ppid, base.pgid, base.sid, base.tpid),
            (1, None, None, None)
        );
        assert_eq!((task.stat, task.ident), (None, None));
        assert_eq!(task.cred.unwrap().euid, Some(2));
        assert_eq!(task.cmdline.unwrap().as_bytes(), b"a\0b\0");
        assert_eq!(task.absent.unknown, Show::BASE | Show::STAT | Show::IDENT);
    }
}

#[test]
fn row_without_status_has_the_values_of_stat() {
    for status in [
        &b""[..],
        b"\n",
        b"\0",
        b"Uid\nGid 1\n",
        b"Uid:\t1\t2\t3\nGid:\tx\nCapEff:\n",
    ] {
        let task = changed(|tree| tree.file("5/status", status));
        let base = task.base.unwrap();
        assert_eq!(
            (base.state, base.comm.as_bytes()),
            (State::Zombie, &b"gone"[..])
        );
        assert_eq!((base.tpid, base.pgid), (None, Some(5)));
        let cred = task.cred.unwrap();
        assert_eq!(cred, crate::Cred::default());
        let stat = task.stat.unwrap();
        assert_eq!((stat.nvcsw, stat.nivcsw), (None, None));
        assert_eq!(stat.memory.unwrap().vsize, 4096);
        assert_eq!(task.absent.unknown, Show::CRED);
    }
}

/// A sandbox kernel, or Linux before 4.5, has the resident size only.
#[test]
fn resident_size_without_its_kinds_is_that_of_status_or_stat() {
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    let page = u64::try_from(page.unwrap().unwrap()).unwrap();
    for (lines, rss) in [
        ("VmSize: 4 kB\nVmRSS: 8 kB\n", 8192),
        ("VmSize: 4 kB\nVmRSS: 8 kB\nRssAnon: 4 kB\n", 8192),
        (
            "VmSize: 4 kB\nVmRSS: 8 kB\nRssAnon: 4 kB\nRssFile: 4 kB\nRssShmem: 4 kB\n",
            12288,
        ),
        ("VmSize: 4 kB\n", page),
    ] {
        let status = format!("Tgid:\t5\nUid:\t0 0 0 0\nGid:\t0 0 0 0\nCapEff:\t0\n{lines}");
        let task = changed(|tree| tree.file("5/status", status.as_bytes()));
        let memory = task.stat.unwrap().memory.unwrap();
        assert_eq!(memory.rss, Some(rss), "{lines}");
        assert_eq!(memory.rss_shmem.is_some(), lines.contains("RssShmem"));
        assert_eq!(
            (memory.rss_peak, memory.swap, memory.data),
            (None, None, None)
        );
        assert!(task.absent.is_empty());
    }
}

#[test]
fn filters_exclude_tasks_whose_value_is_unknown() {
    let tree = family();
    tree.file("5/status", b"Tgid:\t5\nName:\tnew\n");
    tree.file("5/stat", b"");
    tree.file("3/stat", b"3 (name of fifteen) W 12 3 1");
    let all = || Request::new(Strategy::All).show(Show::IDENT);
    assert_eq!(tree.pids(&all().uid(0)), [0; 0]);
    assert_eq!(tree.pids(&all().uid(2)), [1, 3, 12]);
    assert_eq!(tree.pids(&all().states(States::all())), [1, 12]);
    assert_eq!(tree.pids(&all().comm(b"ne")), [5]);
    assert_eq!(tree.pids(&all().comm(b"name")), [3]);
}

#[test]
fn process_without_tgid_is_listed_by_its_pid() {
    let tree = family();
    tree.file("5/status", b"Name:\tgone\n");
    let base = |request: Request<'_>| tree.pids(&request.show(Show::BASE));
    assert_eq!(base(Request::new(Strategy::One(5))), [5]);
    assert_eq!(base(Request::new(Strategy::All).pids([5])), [5]);
    assert_eq!(base(Request::new(Strategy::Threads(5))), [5]);
}

#[test]
fn long_row_is_complete_as_a_whole_and_in_pieces() {
    let tree = Tree::new();
    tree.task(1, 1, 0, b"init", 'S');
    let arguments = vec![b'x'; 100_000];
    tree.file("1/cmdline", &arguments);
    let area = |i: u64| {
        format!(
            "{:x}-{:x} r--p 00000000 00:00 0    [a{i}]\nRss:  4 kB\nVmFlags: rd mr\n",
            i << 12,
            (i + 1) << 12
        )
    };
    let areas: String = (0..5000).map(area).collect();
    tree.file("1/smaps", areas.as_bytes());
    let variables = vec![b'y'; 50_000];
    tree.file("1/environ", &variables);
    let check = |task: &Task| {
        assert!(task.absent.is_empty());
        assert_eq!(task.cmdline.as_ref().unwrap().as_bytes(), arguments);
        assert_eq!(task.environ.as_ref().unwrap().as_bytes(), variables);
        let cgroup = task.cgroup.as_ref().unwrap();
        assert_eq!(cgroup.path.as_deref(), Some(&b"/x"[..]));
        let vmas = task.vmas.as_ref().unwrap();
        let stats = task.vma_stats.as_ref().unwrap();
        assert_eq!((vmas.len(), stats.len()), (5000, 5000));
        for (i, (vma, stat)) in vmas.iter().zip(stats).enumerate() {
            assert_eq!((vma.start, stat.start), ((i << 12) as u64, vma.start));
            assert_eq!(vma.name.as_deref(), Some(format!("[a{i}]").as_bytes()));
            assert_eq!(stat.rss, 4096);
        }
    };
    let show =
        Show::BASE | Show::CMDLINE | Show::ENVIRON | Show::VMA | Show::VMA_STAT | Show::CGROUP;
    let request = Request::new(Strategy::All).show(show);
    for piece in [2000, 8192, 32 * 1024, 100_000] {
        let mut procfs = Procfs::at(&tree.0).unwrap();
        procfs.piece = piece;
        let mut client = Client::new(procfs);
        let mut dump = client.dump(&request).unwrap();
        let task = dump.next().unwrap().unwrap().to_owned();
        assert!(dump.next().unwrap().is_none());
        check(&task);

        let mut dump = client.dump(&request).unwrap();
        let mut task: Option<Task> = None;
        let mut has_more = false;
        while let Some(next) = dump.next_piece().unwrap() {
            assert_eq!(next.is_continuation(), has_more);
            has_more = next.has_more();
            let next = next.to_owned();
            let vmas = next.vmas.as_ref().map_or(0, Vec::len);
            let cmdline = next
                .cmdline
                .as_ref()
                .map_or(0, |cmdline| cmdline.as_bytes().len());
            assert!(cmdline + vmas * size_of::<Vma<'_>>() <= piece + 1000);
            match &mut task {
                None => task = Some(next),
                Some(task) => append(task, next),
            }
        }
        assert!(!has_more);
        assert_eq!(dump.stats().tasks, 1);
        check(&task.unwrap());
    }
}

/// Appends a piece to the pieces before.
fn append(task: &mut Task, piece: Task) {
    if let Some(cmdline) = piece.cmdline {
        task.cmdline.as_mut().unwrap().add(cmdline.as_bytes());
    }
    if let Some(environ) = piece.environ {
        let all = task.environ.get_or_insert_default();
        all.add(environ.as_bytes());
    }
    if let Some(vmas) = piece.vmas {
        task.vmas.get_or_insert_default().extend(vmas);
    }
    if let Some(stats) = piece.vma_stats {
        task.vma_stats.get_or_insert_default().extend(stats);
    }
}

#[test]
fn next_skips_the_rest_of_a_row_in_pieces() {
    let tree = family();
    tree.file("1/cmdline", &[b'x'; 100_000]);
    let mut client = tree.client();
    let request = Request::new(Strategy::All).show(Show::CMDLINE);
    let mut dump = client.dump(&request).unwrap();
    assert!(dump.next_piece().unwrap().unwrap().has_more());
    assert_eq!(dump.next().unwrap().unwrap().pid(), 3);
    assert_eq!(dump.stats().tasks, 2);
}

#[test]
fn features_lack_groups_without_a_file() {
    let tree = Tree::new();
    let features = tree.client().features().unwrap();
    assert_eq!(features.groups, Show::all());
    fs::remove_file(tree.0.join("self/smaps")).unwrap();
    let features = tree.client().features().unwrap();
    assert_eq!(features.groups, Show::all() - Show::VMA - Show::VMA_STAT);
}

#[test]
fn name_of_a_kernel_worker_has_no_suffix() {
    for (shown, own) in [
        ("kworker/0:1-events", "kworker/0:1"),
        ("kworker/u4:2+flush-8:0", "kworker/u4:2"),
        ("kworker/R-rcu_gp", "kworker/R-rcu_g"),
        ("kworker/R-a-b-a-b", "kworker/R-a-b"),
    ] {
        let line = format!("2 ({shown}) I 2 0 0 0 -1 69238880 0");
        let stat = Stat::parse(line.as_bytes()).unwrap();
        assert_eq!(stat.comm.as_bytes(), own.as_bytes());
    }
    let stat = Stat::parse(b"2 (a-b) S 1 0 0 0 -1 64 0").unwrap();
    assert_eq!(stat.comm.as_bytes(), b"a-b");
    assert_eq!(stat.get(field::TTY_PGRP) as i32, -1);
    assert_eq!(stat.get(field::EXIT_CODE), 0);
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_without_a_panic(bytes: Vec<u8>, comm: Vec<u8>, rest: String) {
        let _ = (Stat::parse(&bytes), Status::parse(&bytes), Status::parse_tgid(&bytes));
        let line = [b"1 (", &comm[..], b") S ", rest.as_bytes()].concat();
        let _ = Stat::parse(&line);
        let _ = Status::parse(format!("Tgid:\t1\nUid:\t{rest}\nCapEff:\t{rest}").as_bytes());
    }
}

const STATUS: &str = "Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n\
                      CapEff:\t0000000000080000\nNoNewPrivs:\t0\n";

#[test]
fn status_has_ids_and_capabilities() {
    let status = Status::parse(STATUS.as_bytes());
    assert_eq!(status.uids, Some([1, 2, 3, 4]));
    assert_eq!(status.gids, Some([5, 6, 7, 8]));
    assert_eq!(status.cap_effective, Some(CapSet(1 << 19)));
    assert_eq!(status.no_new_privs, Some(false));
    let set = STATUS.replace("Privs:\t0", "Privs:\t1");
    let status = Status::parse(set.as_bytes());
    assert_eq!(status.no_new_privs, Some(true));
}

#[test]
fn status_without_a_field_has_none() {
    let status = Status::parse(b"");
    assert_eq!((status.uids, status.gids), (None, None));
    assert_eq!((status.cap_effective, status.no_new_privs), (None, None));
    assert_eq!(Status::parse(b"Uid:\t1\t2\t3\n").uids, None);
    assert_eq!(Status::parse(b"CapEff:\tx\n").cap_effective, None);
}
