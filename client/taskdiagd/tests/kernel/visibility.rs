// SPDX-License-Identifier: MIT
//! The tasks that clients see whose `/proc` is mounted with `hidepid=ptraceable`.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MsFlags, mount, umount};
use nix::sys::prctl::set_dumpable;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Gid, Pid, Uid, chown, fork, pause, setgid, setgroups, setuid};

use crate::SOURCES;
use crate::common::{AS_USER, HIDING, OTHER, Target, TestDaemon, USER, sibling};

/// The reference: a procfs that is mounted until this is dropped.
struct HidepidProcfs(PathBuf);

impl HidepidProcfs {
    fn new(dir: &Path) -> Self {
        let at = dir.join("proc");
        fs::create_dir(&at).unwrap();
        let none = None::<&str>;
        let options = Some("hidepid=ptraceable");
        mount(none, &at, Some("proc"), MsFlags::empty(), options).unwrap();
        Self(at)
    }

    /// Returns the processes that a caller finds in it.
    fn visible_to(&self, caller: &[&str]) -> BTreeSet<u32> {
        let output = Command::new(caller[0])
            .args(&caller[1..])
            .arg("ls")
            .arg(&self.0)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        pids_in(&output.stdout)
    }
}

impl Drop for HidepidProcfs {
    fn drop(&mut self) {
        let _ = umount(&self.0);
    }
}

fn pids_in(output: &[u8]) -> BTreeSet<u32> {
    let text = std::str::from_utf8(output).unwrap();
    text.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// Starts processes that differ in ids, capabilities, namespaces and set-id bits.
fn targets(daemon: &TestDaemon, programs: &Programs) -> Vec<Target> {
    let set_id = programs.add(daemon, "sleep-set-id", 0o4755);
    let ids = |uid: u32, gid: u32| {
        let (uid, gid) = (uid.to_string(), gid.to_string());
        [
            "setpriv",
            "--reuid",
            &uid,
            "--regid",
            &gid,
            "--clear-groups",
        ]
        .map(str::to_owned)
    };
    let mut targets = vec![
        Target::new(&["sleep"]),
        Target::new(&[&BARE[..], &["sleep"]].concat()),
    ];
    let mut add = |words: &[String], more: &[&str]| {
        let words: Vec<&str> = words
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        targets.push(Target::new(&words));
    };
    for (uid, gid) in [(USER, USER), (USER, OTHER), (OTHER, OTHER), (0, USER)] {
        add(&ids(uid, gid), &["sleep"]);
        add(&ids(uid, gid), &[&set_id]);
        add(&ids(uid, gid), &["setpriv", "--no-new-privs", "sleep"]);
        add(&ids(uid, gid), &["unshare", "--user", "sleep"]);
        let caps = [
            "--inh-caps",
            "+net_raw",
            "--ambient-caps",
            "+net_raw",
            "sleep",
        ];
        add(&ids(uid, gid), &caps);
    }
    let mixed = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    add(&mixed(&["setpriv", "--ruid", "1000"]), &["sleep"]);
    add(
        &mixed(&[
            "setpriv",
            "--euid",
            "1000",
            "--egid",
            "1000",
            "--clear-groups",
        ]),
        &["sleep"],
    );
    add(
        &mixed(&[
            "setpriv",
            "--rgid",
            "1000",
            "--clear-groups",
            "--reuid",
            "1000",
        ]),
        &["sleep"],
    );
    targets
}

/// A process with these ids that is not dumpable, killed when this is dropped.
struct Undumpable(Pid);

impl Undumpable {
    fn new(uid: u32, gid: u32) -> Self {
        // SAFETY: the child only makes system calls, which are permitted after fork() in a
        // program with threads, and never returns.
        match unsafe { fork() }.unwrap() {
            ForkResult::Child => {
                let ready = setgroups(&[]).is_ok()
                    && setgid(Gid::from_raw(gid)).is_ok()
                    && setuid(Uid::from_raw(uid)).is_ok()
                    && set_dumpable(false).is_ok();
                if ready {
                    loop {
                        pause();
                    }
                }
                // SAFETY: as above.
                unsafe { nix::libc::_exit(1) }
            }
            ForkResult::Parent { child } => {
                let child = Self(child);
                while !child.is_asleep() {
                    std::thread::yield_now();
                }
                child
            }
        }
    }

    fn is_asleep(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        assert!(!status.contains("State:\tZ"));
        status.contains("State:\tS")
    }

    fn pid(&self) -> u32 {
        self.0.as_raw().try_into().unwrap()
    }
}

impl Drop for Undumpable {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
        let _ = waitpid(self.0, None);
    }
}

/// A file system that honours set-id bits, mounted until this is dropped.
struct Programs(PathBuf);

impl Programs {
    fn new(dir: &Path) -> Self {
        let at = dir.join("programs");
        fs::create_dir(&at).unwrap();
        let none = None::<&str>;
        mount(none, &at, Some("tmpfs"), MsFlags::empty(), Some("mode=755")).unwrap();
        Self(at)
    }

    /// Copies `sleep` to another name.
    fn add(&self, daemon: &TestDaemon, name: &str, mode: u32) -> String {
        self.add_as(daemon, Path::new("/bin/sleep"), name, mode)
    }

    /// Copies a program to another name, owned by the other user if it is set-id.
    fn add_as(&self, daemon: &TestDaemon, program: &Path, name: &str, mode: u32) -> String {
        let copy = daemon.copy(program, mode);
        let path = self.0.join(name);
        fs::copy(&copy, &path).unwrap();
        if mode & 0o4000 != 0 {
            let other = Some(OTHER);
            chown(&path, other.map(Uid::from_raw), other.map(Gid::from_raw)).unwrap();
        }
        // After chown(), which clears the bit.
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        let _ = umount(&self.0);
    }
}

/// Callers that see the same processes in the reference and through the daemon.
const EXACT: [&[&str]; 7] = [
    &["env"],
    &AS_USER,
    &[
        "setpriv", "--reuid", "1000", "--regid", "1000", "--groups", "0,1001",
    ],
    &[
        "setpriv",
        "--reuid",
        "1000",
        "--regid",
        "1001",
        "--clear-groups",
    ],
    &[
        "setpriv",
        "--reuid",
        "1001",
        "--regid",
        "1001",
        "--clear-groups",
    ],
    &["setpriv", "--regid", "1000", "--clear-groups"],
    // Root without CAP_SYS_PTRACE.
    &["setpriv", "--bounding-set", "-sys_ptrace"],
];

/// Root without any capability.
const BARE: [&str; 5] = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"];

/// A daemon, the reference, and processes to compare.
struct Scenario {
    daemon: TestDaemon,
    reference: HidepidProcfs,
    known: BTreeSet<u32>,
    // Dropped before the file system that their programs are in.
    _targets: Vec<Target>,
    _undumpable: [Undumpable; 3],
    _programs: Programs,
}

impl Scenario {
    fn new(source: &str) -> Self {
        let daemon = TestDaemon::new(source, &[]);
        let reference = HidepidProcfs::new(daemon.dir.path());
        let programs = Programs::new(daemon.dir.path());
        let targets = targets(&daemon, &programs);
        let undumpable = [(USER, USER), (OTHER, OTHER), (0, 0)];
        let undumpable = undumpable.map(|(uid, gid)| Undumpable::new(uid, gid));
        let mut known: BTreeSet<_> = targets.iter().map(Target::pid).collect();
        known.extend(undumpable.iter().map(Undumpable::pid));
        // init, a kernel thread, this test and the daemon.
        known.extend([1, 2, std::process::id(), daemon.pid()]);
        Self {
            daemon,
            reference,
            known,
            _targets: targets,
            _undumpable: undumpable,
            _programs: programs,
        }
    }

    fn expected(&self, caller: &[&str]) -> BTreeSet<u32> {
        &self.reference.visible_to(caller) & &self.known
    }

    fn reported(&self, caller: &[&str], show: &str) -> BTreeSet<u32> {
        let words = ["--all", "--show", show, "-o", "pid", "--no-headers"];
        let prefix = [&HIDING, caller].concat();
        let output = self.daemon.command(&prefix, "daemon", &words);
        assert!(output.status.success(), "{caller:?}: {output:?}");
        &pids_in(&output.stdout) & &self.known
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn clients_see_the_processes_that_procfs_shows() {
    for source in SOURCES {
        let scenario = Scenario::new(source);
        for caller in EXACT {
            let expected = scenario.expected(caller);
            for show in ["base,cred", "base,stat"] {
                let reported = scenario.reported(caller, show);
                assert_eq!(reported, expected, "{source}, {show}: {caller:?}");
            }
        }
        // Root sees all of the processes, and the user some of them.
        assert!(scenario.expected(EXACT[0]).len() == scenario.known.len());
        let some = scenario.expected(EXACT[1]).len();
        assert!((2..scenario.known.len() / 2).contains(&some), "{some}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn user_is_warned_if_the_daemon_shows_less_than_procfs() {
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let warning = |caller: &[&str]| {
            let output = daemon.command(caller, "daemon", &["--all", "-o", "pid"]);
            assert!(output.status.success(), "{caller:?}: {output:?}");
            let error = String::from_utf8(output.stderr).unwrap();
            error.contains("warning: daemon shows only processes that you may trace")
        };
        assert_eq!(warning(&AS_USER), source == "netlink", "{source}");
        let hiding = [&HIDING[..], &AS_USER].concat();
        assert!(!warning(&["env"]) && !warning(&hiding), "{source}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn hidden_process_is_indistinguishable_from_a_missing_one() {
    let user = [&HIDING[..], &AS_USER].concat();
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let hidden = Target::new(&["sleep"]);
        let free = Target::new(&["sleep"]);
        let gone = free.pid().to_string();
        free.end();
        for option in ["--pid", "--children", "--threads", "--descendants"] {
            let error = |pid: &str| {
                let output = daemon.command(&user, "daemon", &[option, pid]);
                assert_eq!(output.stdout, b"");
                String::from_utf8(output.stderr)
                    .unwrap()
                    .replace(pid, "PID")
            };
            let expected = error(&gone);
            assert!(expected.contains("process PID: not found"), "{expected}");
            for pid in [hidden.pid(), daemon.pid(), 1] {
                assert_eq!(error(&pid.to_string()), expected, "{source}: {option}");
            }
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn process_that_becomes_hidden_is_not_shown_after_execve() {
    let daemon = TestDaemon::new("procfs", &[]);
    let programs = Programs::new(daemon.dir.path());
    let secret = programs.add_as(&daemon, Path::new("/bin/true"), "secret", 0o4755);
    let user = EXACT[1];
    // Shells of the user. Their children are visible until they call execve() of the
    // set-id program.
    let shell = format!("while :; do {secret}; done");
    let start = |_| {
        let words = [&user[1..], &["sh", "-c", &shell]].concat();
        Command::new(user[0]).args(words).spawn().unwrap()
    };
    let shells: Vec<_> = (0..SHELLS).map(start).collect();
    let command = daemon.copy(&sibling("taskdiag-cli"), 0o755);
    let script = format!(
        "for i in $(seq {LISTINGS}); do {} --transport daemon --all -o comm 2>/dev/null; done",
        command.display()
    );
    let output = Command::new(HIDING[0])
        .args(&HIDING[1..])
        .args(user)
        .args(["sh", "-c", &script])
        .env("TASKDIAG_SOCKET", daemon.socket())
        .output()
        .unwrap();
    for mut shell in shells {
        shell.kill().unwrap();
        shell.wait().unwrap();
    }
    let stdout = String::from_utf8(output.stdout).unwrap();
    let count = |name| stdout.lines().filter(|line| line.trim() == name).count();
    assert!(count("sh") >= SHELLS * LISTINGS, "{stdout}");
    assert_eq!(count("secret"), 0);
}

/// Number of shells that start programs continually.
const SHELLS: usize = 4;

/// Number of listings.
const LISTINGS: usize = 200;
