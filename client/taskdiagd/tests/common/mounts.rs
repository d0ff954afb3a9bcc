// SPDX-License-Identifier: MIT
//! Replies to clients that name their procfs mount, compared with its files, which the
//! client opens one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use taskdiag::{Client, Daemon, NetlinkSource, Request, Show, Strategy, Visibility};

use super::{AS_USER, Target, TestDaemon};

/// Maximum number of comparisons until one finds no difference.
const ATTEMPTS: usize = 50;

/// Set in a process of this program that is a client: the groups of its requests.
const CLIENT: &str = "TASKDIAGD_TEST_CLIENT";

/// The processes that are not compared: the daemon does not ask security modules for root.
const PROTECTED: &str = "TASKDIAGD_TEST_PROTECTED";

/// Set in a client of a daemon that forwards requests to the kernel.
const FORWARDED: &str = "TASKDIAGD_TEST_FORWARDED";

/// Credentials of clients: those of root, of root without capabilities, and of users
/// without and with the group of a mount.
pub(crate) const CALLERS: [&[&str]; 5] = [
    &["env"],
    // Root without CAP_SYS_PTRACE, and without those that permit reading files of other
    // owners. CAP_PERFMON, which CAP_SYS_ADMIN implies, permits reading all mappings: the
    // daemon does not report its own.
    &[
        "setpriv",
        "--bounding-set",
        "-sys_ptrace,-perfmon,-sys_admin",
    ],
    &[
        "setpriv",
        "--bounding-set",
        "-sys_ptrace,-perfmon,-sys_admin,-dac_override,-dac_read_search",
    ],
    &AS_USER,
    &[
        "setpriv", "--reuid", "1000", "--regid", "1000", "--groups", "5,1234",
    ],
];

/// A file of a task, and the groups that need it.
const FILES: [(&str, Show); 10] = [
    (
        "stat",
        Show::BASE
            .union(Show::STAT)
            .union(Show::IDENT)
            .union(Show::SCHED),
    ),
    (
        "status",
        Show::BASE
            .union(Show::STAT)
            .union(Show::CRED)
            .union(Show::SIGNALS)
            .union(Show::SCHED)
            .union(Show::NSPID),
    ),
    ("cmdline", Show::CMDLINE),
    ("cgroup", Show::CGROUP),
    ("limits", Show::LIMITS.union(Show::FILES)),
    ("oom_score", Show::OOM),
    ("oom_score_adj", Show::OOM),
    ("io", Show::IO),
    ("environ", Show::ENVIRON),
    ("smaps", Show::VMA.union(Show::VMA_STAT)),
];

fn is_denied(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EACCES | Errno::EPERM))
}

/// Whether the file can be opened, and its beginning read.
fn may_read(path: &Path) -> bool {
    let read = File::open(path).and_then(|mut file| file.read(&mut [0; 1]));
    !read.is_err_and(|error| is_denied(&error))
}

/// Returns the groups of a process that the caller may read.
///
/// The kernel decides about FILES of a process without open files as about others;
/// procfs has nothing to deny then.
fn readable(process: &Path, show: Show) -> Show {
    let mut readable = show;
    for (name, groups) in FILES {
        if show.intersects(groups) && !may_read(&process.join(name)) {
            readable -= groups;
        }
    }
    let links = fs::read_dir(process.join("fd")).map(|files| {
        files
            .flatten()
            .all(|file| !fs::read_link(file.path()).is_err_and(|error| is_denied(&error)))
    });
    match links {
        Err(error) if is_denied(&error) => readable -= Show::FILES,
        Ok(false) => readable -= Show::FILES,
        _ => {}
    }
    if fs::read_link(process.join("exe")).is_err_and(|error| is_denied(&error)) {
        readable -= Show::PATHS;
    }
    if fs::read_link(process.join("ns/user")).is_err_and(|error| is_denied(&error)) {
        readable -= Show::NS;
        let has_no_files = fs::read_dir(process.join("fd")).is_ok_and(|mut fd| fd.next().is_none());
        if has_no_files && std::env::var_os(FORWARDED).is_some() {
            readable -= Show::FILES;
        }
    }
    readable
}

type Readable = BTreeMap<u32, Show>;

/// Returns the processes in `/proc`, and the groups that the caller may read.
fn in_procfs(show: Show) -> Readable {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name();
        name.to_str()?.parse().ok()
    });
    pids.map(|pid: u32| {
        (
            pid,
            readable(&Path::new("/proc").join(pid.to_string()), show),
        )
    })
    .collect()
}

/// Returns the processes that the daemon reports, and the groups of each row.
fn over_daemon(client: &mut Client<NetlinkSource<Daemon>>, show: Show) -> Readable {
    let request = Request::new(Strategy::All).show(show);
    let mut dump = client.dump(&request).unwrap();
    let tasks: Vec<_> = dump.tasks().map(Result::unwrap).collect();
    tasks
        .iter()
        .map(|task| {
            let present = task.base.map_or(Show::empty(), |_| Show::BASE)
                | task.cred.map_or(Show::empty(), |_| Show::CRED);
            let readable = show - task.absent.denied;
            // Not only the mark: the values are absent as well.
            assert_eq!(present, readable & (Show::BASE | Show::CRED), "{task:?}");
            assert!(task.io.is_none() || readable.contains(Show::IO));
            assert!(task.ns.is_none() || readable.contains(Show::NS));
            assert!(task.vmas.is_none() || readable.contains(Show::VMA));
            (task.pid, readable)
        })
        .collect()
}

/// Compares the two as a client.
fn compare(show: Show) {
    let path = std::env::var_os("TASKDIAG_SOCKET").unwrap();
    let daemon = Daemon::connect_to(Path::new(&path)).unwrap();
    let mut client = Client::with_transport(daemon, taskdiag::RECEIVE_BUFFER);
    assert_eq!(client.visibility().unwrap(), Visibility::Complete);
    let protected: BTreeSet<u32> = std::env::var(PROTECTED)
        .unwrap()
        .split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect();
    // Processes begin, change and end meanwhile. A difference that is not due to that is
    // found by each attempt.
    let mut differences = String::new();
    for _ in 0..ATTEMPTS {
        let before = in_procfs(show);
        let reported = over_daemon(&mut client, show);
        let after = in_procfs(show);
        // The client itself at least.
        assert!(!before.is_empty());
        let pids: BTreeSet<_> = before.keys().chain(reported.keys()).copied().collect();
        differences = pids
            .into_iter()
            .filter(|pid| !protected.contains(pid))
            .map(|pid| (pid, before.get(&pid), reported.get(&pid), after.get(&pid)))
            .filter(|(_, before, reported, after)| before == after && reported != before)
            .map(|difference| format!("{difference:?}; "))
            .collect();
        if differences.is_empty() {
            return;
        }
    }
    panic!("{differences}");
}

/// Returns a copy of this program that all users may execute.
pub(crate) fn copy_of_test(daemon: &TestDaemon) -> PathBuf {
    let program = daemon.dir.path().join("client");
    if !program.exists() {
        let copy = daemon.copy(&std::env::current_exe().unwrap(), 0o755);
        fs::rename(copy, &program).unwrap();
    }
    program
}

/// Returns the processes that root itself may not trace, because a security module
/// protects them.
fn protected() -> String {
    let root = in_procfs(Show::NS).into_iter();
    let pids = root.filter(|(_, readable)| readable.is_empty());
    pids.map(|(pid, _)| format!("{pid} ")).collect()
}

/// Runs a client in a mount namespace of its own, whose `/proc` has these options.
fn run(daemon: &TestDaemon, name: &str, caller: &[&str], options: &str, show: Show) {
    let script = "mount -t proc -o \"$0\" proc /proc && exec \"$@\"";
    let mut command = Command::new("unshare");
    if daemon.source != "procfs" {
        command.env(FORWARDED, "");
    }
    let output = command
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            script,
            options,
        ])
        .args(caller)
        .arg(copy_of_test(daemon))
        .args(["--include-ignored", "--exact", "--nocapture", name])
        .env(CLIENT, show.bits().to_string())
        .env(PROTECTED, protected())
        .env("TASKDIAG_SOCKET", daemon.socket())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        stdout.contains(" 1 passed; 0 failed;"),
        "{caller:?}, {options}, {show}: {output:?}"
    );
}

/// Whether this process is a client.
pub(crate) fn is_client() -> bool {
    client_show().is_some()
}

/// Returns the groups of the requests if this process is a client.
fn client_show() -> Option<Show> {
    let bits = std::env::var(CLIENT).ok()?;
    Some(Show::from_bits_retain(bits.parse().unwrap()))
}

/// Compares the replies of a daemon with this source to these clients with all mounts. The
/// test has this name, and runs again as each client.
pub(crate) fn compare_all(source: &str, name: &str, callers: &[&[&str]]) {
    if let Some(show) = client_show() {
        return compare(show);
    }
    let _targets = [
        Target::new(&["sleep"]),
        Target::new(&[&AS_USER[..], &["sleep"]].concat()),
        Target::new(&[
            "setpriv",
            "--reuid",
            "1001",
            "--regid",
            "1001",
            "--clear-groups",
            "sleep",
        ]),
    ];
    let daemon = TestDaemon::new(source, &[]);
    for hidepid in ["off", "noaccess", "invisible", "ptraceable"] {
        for gid in ["", ",gid=1234"] {
            let options = format!("hidepid={hidepid}{gid}");
            for caller in callers {
                for show in [Show::BASE | Show::CRED, Show::all()] {
                    run(&daemon, name, caller, &options, show);
                }
            }
        }
    }
}
