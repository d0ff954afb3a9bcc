// SPDX-License-Identifier: MIT
//! Tests of the library on a kernel with task_diag, as root.
//!
//! They are ignored by default, so that tests that did not run do not count as
//! passed: `scripts/test client` boots such a kernel and runs them. Other
//! processes may start and end meanwhile.

mod credentials;
mod features;
mod fork_storm;
mod groups;
mod live;
#[path = "../common/procfs.rs"]
mod procfs;
#[path = "../common/rows.rs"]
mod rows;
mod task_pool;
mod transports;

use std::collections::BTreeSet;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use netlink_packet_core::DefaultNla;
use nix::libc;
use taskdiag::abi::TaskDiagPid;
use taskdiag::netlink::{TaskDiagAttr, TaskDiagMessage};
use taskdiag::{
    Base, CapSet, Client, Error, KernelError, Request, Scope, Show, State, Strategy, Task, VmaFlags,
};

use rows::pids;
use task_pool::{TaskPool, free_pid};

const REQUEST: u16 = 0x001;
const DUMP: u16 = 0x300;
const GET: &str = "TASK_DIAG_CMD_ATTR_GET";

fn client() -> Client {
    Client::connect().expect("these tests need a kernel with TASKDIAG")
}

fn everything(strategy: Strategy) -> Request<'static> {
    Request::new(strategy).show(Show::BASE | Show::CRED)
}

fn tasks(request: &Request<'_>) -> Vec<Task> {
    rows::tasks(client(), request)
}

fn own_pid() -> u32 {
    std::process::id()
}

/// Checks that `found` has everything that existed before and after, and
/// nothing that existed neither before nor after.
#[track_caller]
fn assert_found(before: &BTreeSet<u32>, found: &BTreeSet<u32>, after: &BTreeSet<u32>) {
    let stayed: BTreeSet<_> = before.intersection(after).copied().collect();
    let lost: Vec<_> = stayed.difference(found).collect();
    assert!(lost.is_empty(), "not found: {lost:?}");
    let seen: BTreeSet<_> = before.union(after).copied().collect();
    // A short-lived process may be found by one list and not by the other.
    let unknown: Vec<_> = found
        .difference(&seen)
        .filter(|pid| procfs::threads(**pid).contains(pid))
        .collect();
    assert!(unknown.is_empty(), "not in procfs: {unknown:?}");
}

#[track_caller]
fn kernel_error<T>(result: Result<T, Error>) -> KernelError {
    match result {
        Err(Error::Kernel(error)) => error,
        Err(error) => panic!("not a kernel error: {error}"),
        Ok(_) => panic!("no error"),
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn dump_of_all_equals_procfs() {
    let pool = TaskPool::new(50);
    let before = procfs::processes();
    let found = tasks(&everything(Strategy::All));
    let after = procfs::processes();
    let pids = pids(&found);
    assert_found(&before, &pids, &after);
    assert!(pids.is_superset(&pool.pids()));
    for task in &found {
        assert_eq!(task.pid, task.tgid);
        let base = task.base.unwrap();
        assert_eq!((base.pid, base.tgid), (task.pid, task.tgid));
        assert!(task.cred.is_some() && task.other.is_empty());
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn dump_of_all_threads_equals_procfs() {
    let (stop, stopped) = mpsc::channel::<()>();
    let waiting = thread::spawn(move || stopped.recv());
    let before = procfs::all_threads();
    let found = tasks(&everything(Strategy::AllThreads));
    let after = procfs::all_threads();
    assert_found(&before, &pids(&found), &after);

    let of_mine = tasks(&everything(Strategy::Threads(own_pid())));
    assert_eq!(pids(&of_mine), procfs::threads(own_pid()));
    assert!(of_mine.len() >= 2);
    assert!(of_mine.iter().all(|task| task.tgid == own_pid()));
    drop(stop);
    assert!(waiting.join().unwrap().is_err());
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn dump_of_children_has_own_children() {
    let pool = TaskPool::new(20);
    let found = tasks(&everything(Strategy::Children(own_pid())));
    // Other tests may have children at the same time.
    assert!(pids(&found).is_superset(&pool.pids()));
    for task in &found {
        assert_eq!(task.base.unwrap().ppid, own_pid());
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn base_and_cred_equal_procfs() {
    let pool = TaskPool::new(1);
    let pid = pool.pids().pop_first().unwrap();
    let task = client().one(pid, Show::BASE | Show::CRED).unwrap();
    let status = procfs::status(pid);
    let word = |name: &str, at: usize| status[name][at].as_str();
    let number = |name: &str, at: usize| word(name, at).parse::<u32>().unwrap();
    let caps = |name: &str| {
        let bits = u64::from_str_radix(word(name, 0), 16);
        Some(CapSet(bits.unwrap()))
    };

    let base = task.base.unwrap();
    assert_eq!((base.pid, base.tgid), (number("Pid", 0), number("Tgid", 0)));
    assert_eq!(base.ppid, number("PPid", 0));
    assert_eq!(base.tpid, Some(number("TracerPid", 0)));
    assert_eq!(
        (base.sid, base.pgid),
        (Some(number("NSsid", 0)), Some(number("NSpgid", 0)))
    );
    assert_eq!(base.state.to_string(), word("State", 0));
    assert_eq!(base.comm.to_string(), status["Name"].join(" "));

    let cred = task.cred.unwrap();
    let ids = |name| [0, 1, 2, 3].map(|at| Some(number(name, at)));
    assert_eq!([cred.uid, cred.euid, cred.suid, cred.fsuid], ids("Uid"));
    assert_eq!([cred.gid, cred.egid, cred.sgid, cred.fsgid], ids("Gid"));
    assert_eq!(cred.cap_inheritable, caps("CapInh"));
    assert_eq!(cred.cap_permitted, caps("CapPrm"));
    assert_eq!(cred.cap_effective, caps("CapEff"));
    assert_eq!(cred.cap_bset, caps("CapBnd"));
    assert_eq!(cred.cap_ambient, caps("CapAmb"));
    assert_eq!(cred.no_new_privs, Some(number("NoNewPrivs", 0) != 0));
    assert!(cred.securebits.is_some());
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn one_task_is_equal_with_and_without_dump() {
    let pool = TaskPool::new(1);
    let pid = pool.pids().pop_first().unwrap();
    let mut client = client();
    let one = client.one(pid, Show::BASE | Show::CRED).unwrap();
    assert_eq!(one.base.unwrap().ppid, own_pid());
    let request = everything(Strategy::One(pid));
    assert_eq!(client.get(&request).unwrap(), one);
    let mut dump = client.dump(&request).unwrap();
    let dumped: Vec<_> = dump.tasks().map(Result::unwrap).collect();
    assert_eq!(dumped, [one]);

    let numbers = client.one(pid, Show::empty()).unwrap();
    assert_eq!((numbers.pid, numbers.tgid), (pid, pid));
    assert_eq!((numbers.base, numbers.cred), (None, None));
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn thread_is_found_by_its_pid() {
    let (stop, stopped) = mpsc::channel::<()>();
    let (sender, receiver) = mpsc::channel();
    let waiting = thread::spawn(move || {
        sender.send(nix::unistd::gettid()).unwrap();
        stopped.recv()
    });
    let tid = receiver.recv().unwrap().as_raw().try_into().unwrap();
    let task = client().one(tid, Show::BASE).unwrap();
    assert_eq!((task.pid, task.tgid), (tid, own_pid()));
    drop(stop);
    assert!(waiting.join().unwrap().is_err());
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn free_pid_is_esrch_with_every_strategy() {
    let free = free_pid();
    let mut client = client();
    let mut errors = vec![kernel_error(client.one(free, Show::BASE))];
    for strategy in [
        Strategy::One(free),
        Strategy::Children(free),
        Strategy::Threads(free),
        Strategy::Descendants(free),
    ] {
        let dump = client.dump(&Request::new(strategy)).unwrap();
        errors.push(kernel_error(dump.for_each(|_| ())));
    }
    for error in errors {
        assert_eq!(error.errno, libc::ESRCH);
        assert_eq!(error.attribute.unwrap().name(), Some(GET));
    }
}

/// Sends these attributes and returns the kernel's error.
fn refusal(flags: u16, attributes: Vec<TaskDiagAttr>) -> KernelError {
    let mut client = client();
    let answer = client
        .send_message(TaskDiagMessage::get(attributes), flags, Scope::Own)
        .unwrap();
    kernel_error(answer.for_each(|_| ()))
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn invalid_request_names_the_rejected_attribute() {
    let good = TaskDiagPid {
        show_flags: 1,
        dump_strategy: 0,
        pid: 1,
        reserved: 0,
    };
    let bytes = |len| TaskDiagAttr::Other(DefaultNla::new(1, vec![0; len]));
    let get = TaskDiagAttr::Get;
    let cases = [
        (
            get(TaskDiagPid {
                show_flags: 1 << 63,
                ..good
            }),
            libc::EINVAL,
        ),
        (
            get(TaskDiagPid {
                dump_strategy: 99,
                ..good
            }),
            libc::EINVAL,
        ),
        (
            get(TaskDiagPid {
                dump_strategy: 1,
                pid: 0,
                ..good
            }),
            libc::EINVAL,
        ),
        (
            get(TaskDiagPid {
                reserved: 1,
                ..good
            }),
            libc::EINVAL,
        ),
        (bytes(20), libc::ERANGE),
        (bytes(32), libc::ERANGE),
    ];
    for (attribute, errno) in cases {
        let error = refusal(REQUEST | DUMP, vec![attribute.clone()]);
        assert_eq!(error.errno, errno, "{attribute:?}: {error}");
        assert!(error.message.is_some(), "{attribute:?}");
        let at = error.attribute.unwrap();
        assert_eq!(at.offset, Some(20), "{attribute:?}");
        assert_eq!(at.name(), Some(GET), "{attribute:?}");
    }

    let error = refusal(REQUEST, vec![get(good)]);
    assert_eq!(error.errno, libc::EINVAL);
    assert_eq!(error.attribute.unwrap().name(), Some(GET));

    let error = refusal(REQUEST | DUMP, vec![]);
    assert_eq!(error.errno, libc::EINVAL);
    let attribute = error.attribute.unwrap();
    assert_eq!((attribute.offset, attribute.name()), (None, Some(GET)));

    // Follows a valid attribute, so that the offset shows which one is
    // rejected.
    let unknown = TaskDiagAttr::Other(DefaultNla::new(177, vec![1, 2, 3, 4]));
    let error = refusal(REQUEST | DUMP, vec![get(good), unknown]);
    assert_eq!(error.errno, libc::EINVAL);
    assert!(error.message.is_some());
    let attribute = error.attribute.unwrap();
    assert_eq!((attribute.offset, attribute.kind), (Some(48), Some(177)));
}

/// A process that is pid 1 of a pid namespace of its own.
struct Container {
    unshare: Child,
    init: u32,
}

impl Container {
    fn new() -> Self {
        let unshare = Command::new("unshare")
            .args(["--pid", "--fork", "--kill-child", "sleep", "1000"])
            .spawn()
            .expect("these tests need unshare, of util-linux");
        // From here on, drop() stops and reaps it, even after a panic.
        let mut container = Self { unshare, init: 0 };
        let deadline = Instant::now() + Duration::from_secs(60);
        while container.init == 0 {
            assert!(Instant::now() < deadline, "unshare did not start sleep");
            thread::sleep(Duration::from_millis(5));
            container.init = container.sleeping_child().unwrap_or_default();
        }
        container
    }

    /// Returns the pid of the process in the namespace when it sleeps.
    fn sleeping_child(&self) -> Option<u32> {
        let children = tasks(&everything(Strategy::Children(self.unshare.id())));
        let sleeps =
            |base: Base| base.comm.as_bytes() == b"sleep" && base.state == State::Interruptible;
        let sleeper = children.iter().find(|task| task.base.is_some_and(sleeps))?;
        Some(sleeper.pid)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // --kill-child ends the child as well.
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn scope_process_reports_pids_of_its_namespace() {
    let container = Container::new();
    let inside = Scope::Process(container.init);
    let found = tasks(&everything(Strategy::All).scope(inside));
    let [init] = &found[..] else {
        panic!("not exactly one process: {found:?}");
    };
    assert_eq!((init.pid, init.tgid), (1, 1));
    let base = init.base.unwrap();
    assert_eq!(base.comm.as_bytes(), b"sleep");
    assert_eq!(base.ppid, 0, "its parent is outside");

    let mut client = client();
    let one = Request::new(Strategy::One(1)).scope(inside);
    assert_eq!(client.get(&one).unwrap().base, Some(base));
    // It has another pid in the test's namespace, and the test has none in its.
    let mine = client.one(container.init, Show::BASE).unwrap();
    assert_eq!(mine.base.unwrap().ppid, container.unshare.id());
    let one = Request::new(Strategy::One(container.init)).scope(inside);
    assert_eq!(kernel_error(client.get(&one)).errno, libc::ESRCH);
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn denied_scope_names_the_cause() {
    let mut root = client();
    let free = free_pid();
    let request = |pid| everything(Strategy::All).scope(Scope::Process(pid));
    let error = root.dump(&request(free)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot use the pid namespace of process {free}: no such process")
    );
    // Nothing was sent, so the client remains usable.
    root.one(own_pid(), Show::BASE).unwrap();

    let error = as_user_nobody(|| {
        let mut nobody = client();
        nobody.dump(&Request::new(Strategy::All)).unwrap();
        nobody.dump(&request(1)).unwrap_err()
    });
    assert_eq!(error.errno(), Some(libc::EPERM));
    assert_eq!(
        error.to_string(),
        "cannot use the pid namespace of process 1: the right to read the process with ptrace is \
         required, or CAP_SYS_ADMIN over the pid namespace of the caller"
    );
}

/// Calls `act` in a thread of user 65534, without capabilities.
fn as_user_nobody<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    const NOBODY: libc::c_long = 65534;
    thread::scope(|scope| {
        let nobody = scope.spawn(|| {
            // SAFETY: takes three integers. Unlike the C library's function,
            // the system call changes only this thread.
            let set = unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
            assert_eq!(set, 0);
            act()
        });
        nobody.join().unwrap()
    })
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn dump_of_two_thousand_processes_takes_few_receives() {
    let pool = TaskPool::new(2000);
    let mut client = client();
    let request = everything(Strategy::All);

    let before = procfs::processes();
    let mut found = Vec::new();
    let stats = client
        .dump(&request)
        .unwrap()
        .for_each(|task| found.push(task.pid()))
        .unwrap();
    let after = procfs::processes();
    let unique: BTreeSet<_> = found.iter().copied().collect();
    assert_eq!(unique.len(), found.len(), "a task came twice");
    assert_found(&before, &unique, &after);
    assert!(unique.is_superset(&pool.pids()));
    assert_eq!(stats.tasks, found.len() as u64);
    assert!(
        stats.receives * 150 <= stats.tasks + 149,
        "{} receives for {} tasks",
        stats.receives,
        stats.tasks
    );

    // A dump may be dropped halfway, and repeated.
    for _ in 0..3 {
        let mut dump = client.dump(&request).unwrap();
        for _ in 0..500 {
            dump.next().unwrap().unwrap();
        }
    }
    let mut dump = client.dump(&request).unwrap();
    let again: Vec<_> = dump.tasks().map(Result::unwrap).collect();
    assert!(pids(&again).is_superset(&pool.pids()));

    // Processes may start and end during a dump.
    let mut dump = client.dump(&request).unwrap();
    dump.next().unwrap().unwrap();
    free_pid();
    while dump.next().unwrap().is_some() {}
    // The kernel never sets NLM_F_DUMP_INTR: such changes lose no task.
    assert!(!dump.stats().interrupted);

    // The smallest buffer holds every message.
    let mut small = Client::connect_with_buffer(0).unwrap();
    let mut dump = small.dump(&request).unwrap();
    let again: Vec<_> = dump.tasks().map(Result::unwrap).collect();
    assert!(pids(&again).is_superset(&pool.pids()));
}

#[cfg(feature = "tokio")]
mod asynchronous {
    use super::*;
    use futures_util::TryStreamExt;
    use taskdiag::asynchronous::AsyncClient;

    async fn client() -> AsyncClient {
        AsyncClient::connect().await.unwrap()
    }

    async fn tasks(client: &mut AsyncClient, request: &Request<'_>) -> Vec<Task> {
        let mut dump = client.dump(request).await.unwrap();
        dump.tasks().try_collect().await.unwrap()
    }

    #[tokio::test]
    #[ignore = "needs a kernel with TASKDIAG"]
    async fn asynchronous_dump_returns_the_rows_of_the_blocking_dump() {
        let pool = TaskPool::new(300);
        let request = everything(Strategy::Children(own_pid()));
        let mine = |tasks: Vec<Task>| {
            let all = pool.pids();
            let mut mine: Vec<_> = tasks.into_iter().filter(|t| all.contains(&t.pid)).collect();
            mine.sort_by_key(|task| task.pid);
            mine
        };
        let blocking = mine(super::tasks(&request));
        assert_eq!(blocking.len(), 300);
        let mut netlink = client().await;
        let mut file = AsyncClient::open_file().await.unwrap();
        for client in [&mut netlink, &mut file] {
            assert_eq!(mine(tasks(client, &request).await), blocking);

            let before = procfs::processes();
            let mut dump = client.dump(&everything(Strategy::All)).await.unwrap();
            let mut found = Vec::new();
            while let Some(task) = dump.next().await.unwrap() {
                found.push(task.to_owned());
            }
            let after = procfs::processes();
            assert_found(&before, &pids(&found), &after);
            assert_eq!(mine(found.clone()), blocking);
            let stats = dump.stats();
            assert_eq!(stats.tasks, found.len() as u64);
            assert!(stats.receives * 150 <= stats.tasks + 149, "{stats:?}");
            assert!(dump.next().await.unwrap().is_none());
        }
    }

    #[tokio::test]
    #[ignore = "needs a kernel with TASKDIAG"]
    async fn clients_dump_side_by_side_and_after_a_dropped_dump() {
        let pool = TaskPool::new(300);
        let request = everything(Strategy::Children(own_pid()));
        let (mut one, mut other) = (client().await, client().await);
        let mut dropped = one.dump(&request).await.unwrap();
        dropped.next().await.unwrap().unwrap();
        let found = tokio::join!(tasks(&mut one, &request), tasks(&mut other, &request));
        let third = tasks(&mut one, &request).await;
        for found in [found.0, found.1, third] {
            assert!(pids(&found).is_superset(&pool.pids()));
        }
    }

    #[tokio::test]
    #[ignore = "needs a kernel with TASKDIAG"]
    async fn errors_are_those_of_the_blocking_client() {
        let free = free_pid();
        let expected = kernel_error(super::client().one(free, Show::BASE));
        let mut client = client().await;
        assert_eq!(kernel_error(client.one(free, Show::BASE).await), expected);
        let request = Request::new(Strategy::Threads(free));
        let mut dump = client.dump(&request).await.unwrap();
        assert_eq!(kernel_error(dump.next().await), expected);
        assert!(dump.next().await.unwrap().is_none());

        let request = Request::new(Strategy::All).scope(Scope::Process(free));
        assert_eq!(
            client.dump(&request).await.unwrap_err().to_string(),
            super::client().dump(&request).unwrap_err().to_string()
        );
        let features = client.features().await.unwrap();
        assert_eq!(features, super::client().features().unwrap());
    }

    #[tokio::test]
    #[ignore = "needs a kernel with TASKDIAG"]
    async fn one_returns_the_caller_and_scope_another_namespace() {
        let mut client = client().await;
        let task = client.one(own_pid(), Show::BASE).await.unwrap();
        assert_eq!(task.base.unwrap().pid, own_pid());

        let container = Container::new();
        let inside = everything(Strategy::All).scope(Scope::Process(container.init));
        let found = tasks(&mut client, &inside).await;
        assert_eq!(pids(&found), BTreeSet::from([1]));
    }
}
