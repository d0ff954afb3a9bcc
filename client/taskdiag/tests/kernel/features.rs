// SPDX-License-Identifier: MIT
//! Reported features, filters and options.

use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use taskdiag::{FilterKinds, Options, RECEIVE_MIN, States, Strategies};

use super::*;

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn features_name_everything_the_kernel_supports() {
    let mut client = client();
    let features = client.features().unwrap();
    assert_eq!(features.groups, Show::all());
    assert_eq!(features.strategies, Strategies::all());
    assert_eq!(features.filters, FilterKinds::all());
    // STRICT is not an option of requests.
    assert_eq!(features.options, Options::SELECTABLE);
    assert_eq!(features.recv_min as usize, RECEIVE_MIN);
    let on_every_kernel = VmaFlags::READ | VmaFlags::FILE | VmaFlags::DELETED | VmaFlags::DONTCOPY;
    assert!(features.vma_flags.contains(on_every_kernel));
    assert!(VmaFlags::all().contains(features.vma_flags));
    // The client remains usable, and other credentials receive the same
    // features.
    client.one(own_pid(), Show::BASE).unwrap();
    assert_eq!(client.features().unwrap(), features);
    assert_eq!(
        as_user_nobody(|| super::client().features().unwrap()),
        features
    );
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn unknown_group_is_einval_and_missing_from_the_features() {
    let mut client = client();
    let unknown = Show::from_bits_retain(1 << 40);
    let error = kernel_error(client.one(own_pid(), Show::BASE | unknown));
    assert_eq!(error.errno, libc::EINVAL);
    assert_eq!(error.attribute.unwrap().name(), Some(GET));
    let request = Request::new(Strategy::All).show(Show::BASE | unknown);
    assert_eq!(client.features().unwrap().lacking(&request).groups, unknown);
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn vma_flag_missing_from_the_features_is_eopnotsupp() {
    let mut client = client();
    let features = client.features().unwrap();
    for flag in VmaFlags::all().iter() {
        let request = Request::new(Strategy::One(own_pid())).show(Show::VMA);
        let result = client.get(&request.vma_flags(flag));
        match features.vma_flags.contains(flag) {
            true => drop(result.unwrap()),
            false => {
                let error = kernel_error(result);
                let name = error.attribute.unwrap().name();
                let expected = (libc::EOPNOTSUPP, Some("TASK_DIAG_CMD_ATTR_VMA_FLAGS"));
                assert_eq!((error.errno, name), expected, "{flag}");
            }
        }
    }
}

/// Checks that the filtered request reports the tasks for which `holds` is
/// true.
fn assert_filters(request: &Request<'_>, holds: impl Fn(&Task) -> bool) {
    let pool = TaskPool::new(5);
    let among = |tasks: Vec<Task>| {
        let mut tasks: Vec<_> = tasks.into_iter().map(|task| task.pid).collect();
        tasks.retain(|pid| pool.pids().contains(pid));
        tasks
    };
    let mut all = tasks(&everything(request.strategy));
    all.retain(holds);
    assert_eq!(among(tasks(request)), among(all), "{request:?}");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn filtered_dump_has_the_tasks_with_the_property() {
    let all = || everything(Strategy::Children(own_pid()));
    for uid in [0, 1000] {
        assert_filters(&all().uid(uid), |task| task.cred.unwrap().euid == Some(uid));
    }
    for states in [States::INTERRUPTIBLE, States::RUNNING | States::ZOMBIE] {
        let holds = |task: &Task| {
            states
                .to_string()
                .contains(task.base.unwrap().state.letter())
        };
        assert_filters(&all().states(states), holds);
    }
    let mine = client().one(own_pid(), Show::BASE).unwrap().base.unwrap();
    let whole = mine.comm.as_bytes();
    for comm in [&whole[..1], whole, b"no such name"] {
        let holds = |task: &Task| task.base.unwrap().comm.as_bytes().starts_with(comm);
        assert_filters(&all().comm(comm), holds);
    }
    let both = all().uid(0).states(States::STOPPED);
    assert_filters(&both, |_| false);
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn filter_of_ten_thousand_pids_reports_the_existing_ones() {
    let pool = TaskPool::new(50);
    let mut list: Vec<_> = pool.pids().into_iter().collect();
    // Twice, in descending order, and with pids that no task has.
    list.extend(pool.pids());
    list.extend(4_000_000..4_010_000);
    list.reverse();
    for strategy in [
        Strategy::All,
        Strategy::AllThreads,
        Strategy::Children(own_pid()),
    ] {
        let found = tasks(&everything(strategy).pids(list.iter().copied()));
        assert_eq!(pids(&found), pool.pids(), "{strategy:?}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn invalid_filter_is_named_in_the_error() {
    let all = || Request::new(Strategy::All);
    for (request, errno, name) in [
        (all().comm(b""), libc::ERANGE, "TASK_DIAG_CMD_ATTR_COMM"),
        (
            all().comm(b"sixteen bytes ok"),
            libc::ERANGE,
            "TASK_DIAG_CMD_ATTR_COMM",
        ),
        (
            all().states(States::empty()),
            libc::EINVAL,
            "TASK_DIAG_CMD_ATTR_STATES",
        ),
        (all().pids([]), libc::EINVAL, "TASK_DIAG_CMD_ATTR_PIDS"),
        (all().pids([1, 0]), libc::EINVAL, "TASK_DIAG_CMD_ATTR_PIDS"),
        (
            all().vma_flags(VmaFlags::EXEC),
            libc::EINVAL,
            "TASK_DIAG_CMD_ATTR_VMA_FLAGS",
        ),
    ] {
        let error = kernel_error(client().dump(&request).unwrap().for_each(|_| ()));
        assert_eq!(
            (error.errno, error.attribute.unwrap().name()),
            (errno, Some(name))
        );
    }
}

fn pidfd_of(pid: u32) -> OwnedFd {
    // SAFETY: pidfd_open() takes two integers, and returns a new descriptor or
    // -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    assert!(fd >= 0, "pidfd_open: {}", std::io::Error::last_os_error());
    // SAFETY: it is open, and has no other owner.
    unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).unwrap()) }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn pidfd_selects_the_same_tasks_as_the_pid() {
    let pool = TaskPool::new(3);
    let me = pidfd_of(own_pid());
    for (by_fd, by_pid) in [
        (Strategy::One(0), Strategy::One(own_pid())),
        (Strategy::Children(0), Strategy::Children(own_pid())),
        (Strategy::Descendants(0), Strategy::Descendants(own_pid())),
    ] {
        let found = pids(&tasks(&everything(by_fd).pidfd(me.as_fd())));
        assert_eq!(found, pids(&tasks(&everything(by_pid))), "{by_pid:?}");
    }
    let one = Request::new(Strategy::One(0)).pidfd(me.as_fd());
    assert_eq!(client().get(&one).unwrap().pid, own_pid());
    drop(pool);

    let error_of = |request: &Request<'_>| {
        let error = kernel_error(client().dump(request).unwrap().for_each(|_| ()));
        (error.errno, error.attribute.and_then(|at| at.name()))
    };
    const PIDFD: Option<&str> = Some("TASK_DIAG_CMD_ATTR_PIDFD");
    let with = |strategy| everything(strategy).pidfd(me.as_fd());
    assert_eq!(error_of(&with(Strategy::All)), (libc::EINVAL, PIDFD));
    assert_eq!(error_of(&with(Strategy::One(1))), (libc::EINVAL, PIDFD));
    let file = std::fs::File::open("/proc/version").unwrap();
    let not_a_pidfd = everything(Strategy::One(0)).pidfd(file.as_fd());
    assert_eq!(error_of(&not_a_pidfd), (libc::EBADF, PIDFD));
    let mut child = Command::new("true").spawn().unwrap();
    let reaped = pidfd_of(child.id());
    child.wait().unwrap();
    let error = kernel_error(client().get(&Request::new(Strategy::One(0)).pidfd(reaped.as_fd())));
    assert_eq!(error.errno, libc::ESRCH);
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn pidns_fd_selects_the_pid_namespace() {
    let container = Container::new();
    let inside = std::fs::File::open(format!("/proc/{}/ns/pid", container.init)).unwrap();
    let request = everything(Strategy::All).pidns_fd(inside.as_fd());
    let found = tasks(&request);
    let by_scope = tasks(&everything(Strategy::All).scope(Scope::Process(container.init)));
    assert_eq!(pids(&found), pids(&by_scope));
    assert!(found.iter().any(|task| task.pid == 1));

    for (path, errno) in [
        ("/proc/self/ns/net", libc::EINVAL),
        ("/proc/version", libc::EINVAL),
    ] {
        let file = std::fs::File::open(path).unwrap();
        let request = everything(Strategy::All).pidns_fd(file.as_fd());
        let error = kernel_error(client().dump(&request).unwrap().for_each(|_| ()));
        assert_eq!(error.errno, errno, "{path}");
        assert_eq!(
            error.attribute.unwrap().name(),
            Some("TASK_DIAG_CMD_ATTR_PIDNS_FD")
        );
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn descendants_follow_their_parents() {
    let container = Container::new();
    let pool = TaskPool::new(5);
    let found = tasks(&everything(Strategy::Descendants(own_pid())));
    let order: Vec<_> = found.iter().map(|task| task.pid).collect();
    let at = |pid: u32| order.iter().position(|&found| found == pid);
    assert!(pids(&found).is_superset(&pool.pids()));
    assert!(at(container.unshare.id()).unwrap() < at(container.init).unwrap());
    assert_eq!(at(own_pid()), None);
    for task in &found {
        let parent = task.base.unwrap().ppid;
        // An orphan may have been adopted in the meantime.
        assert!(
            parent == own_pid() || at(parent).is_some() || parent == 1,
            "{task:?}"
        );
    }
}
