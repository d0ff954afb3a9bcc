// SPDX-License-Identifier: MIT
//! Who sees whom, against a procfs that is mounted with `hidepid=ptraceable`.

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
use crate::common::{AS_USER, House, OTHER, Target, USER, sibling};

/// The oracle, mounted as long as this lives.
struct Hiding(PathBuf);

impl Hiding {
    fn new(folder: &Path) -> Self {
        let at = folder.join("proc");
        fs::create_dir(&at).unwrap();
        let none = None::<&str>;
        let options = Some("hidepid=ptraceable");
        mount(none, &at, Some("proc"), MsFlags::empty(), options).unwrap();
        Self(at)
    }

    /// What a caller finds in there.
    fn shown_to(&self, caller: &[&str]) -> BTreeSet<u32> {
        let output = Command::new(caller[0])
            .args(&caller[1..])
            .arg("ls")
            .arg(&self.0)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        numbers(&output.stdout)
    }
}

impl Drop for Hiding {
    fn drop(&mut self) {
        let _ = umount(&self.0);
    }
}

fn numbers(output: &[u8]) -> BTreeSet<u32> {
    let text = std::str::from_utf8(output).unwrap();
    text.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// Processes that differ in whatever counts.
fn targets(house: &House, programs: &Programs) -> Vec<Target> {
    let set_id = programs.add(house, "sleep-set-id", 0o4755);
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
        Target::new(&[BARE[0], &["sleep"]].concat()),
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

/// A process of these ids that is not dumpable, until this is dropped.
struct Undumpable(Pid);

impl Undumpable {
    fn new(uid: u32, gid: u32) -> Self {
        // SAFETY: the child makes system calls alone, which may be made between
        // fork() and exec() in a program with threads, and never returns.
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

/// A file system whose set-id bits count, as long as this lives.
struct Programs(PathBuf);

impl Programs {
    fn new(folder: &Path) -> Self {
        let at = folder.join("programs");
        fs::create_dir(&at).unwrap();
        let none = None::<&str>;
        mount(none, &at, Some("tmpfs"), MsFlags::empty(), Some("mode=755")).unwrap();
        Self(at)
    }

    /// `sleep` by another name.
    fn add(&self, house: &House, name: &str, mode: u32) -> String {
        self.add_as(house, Path::new("/bin/sleep"), name, mode)
    }

    /// A program by another name, of the other user if it is set-id.
    fn add_as(&self, house: &House, program: &Path, name: &str, mode: u32) -> String {
        let copy = house.copy(program, mode);
        let path = self.0.join(name);
        fs::copy(&copy, &path).unwrap();
        if mode & 0o4000 != 0 {
            let other = Some(OTHER);
            chown(&path, other.map(Uid::from_raw), other.map(Gid::from_raw)).unwrap();
        }
        // chown() takes the bit away.
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        let _ = umount(&self.0);
    }
}

/// Callers by whose eyes the oracle and the daemon agree to the last process.
const EXACT: [&[&str]; 6] = [
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
];

/// Callers to whom capabilities show more than the daemon does.
const CAPABLE: [&[&str]; 2] = [
    // Root without CAP_SYS_PTRACE.
    &["setpriv", "--bounding-set", "-sys_ptrace"],
    // Anybody with it.
    &[
        "setpriv",
        "--reuid",
        "1000",
        "--regid",
        "1000",
        "--clear-groups",
        "--inh-caps",
        "+sys_ptrace",
        "--ambient-caps",
        "+sys_ptrace",
    ],
];

/// The same without any capability.
const BARE: [&[&str]; 2] = [
    &["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"],
    EXACT[1],
];

/// The oracle, the daemon and the targets, and those that all know of.
struct Scene {
    house: House,
    oracle: Hiding,
    known: BTreeSet<u32>,
    // They run from there, and go first.
    _targets: Vec<Target>,
    _undumpable: [Undumpable; 3],
    _programs: Programs,
}

impl Scene {
    fn new(source: &str) -> Self {
        let house = House::new(source, &[]);
        let oracle = Hiding::new(house.folder.path());
        let programs = Programs::new(house.folder.path());
        let targets = targets(&house, &programs);
        let undumpable = [(USER, USER), (OTHER, OTHER), (0, 0)];
        let undumpable = undumpable.map(|(uid, gid)| Undumpable::new(uid, gid));
        let mut known: BTreeSet<_> = targets.iter().map(Target::pid).collect();
        known.extend(undumpable.iter().map(Undumpable::pid));
        // Of kernel threads one; init, this test and the daemon.
        known.extend([1, 2, std::process::id(), house.pid()]);
        Self {
            house,
            oracle,
            known,
            _targets: targets,
            _undumpable: undumpable,
            _programs: programs,
        }
    }

    fn expected(&self, caller: &[&str]) -> BTreeSet<u32> {
        &self.oracle.shown_to(caller) & &self.known
    }

    fn told(&self, caller: &[&str], show: &str) -> BTreeSet<u32> {
        let words = ["--all", "--show", show, "-o", "pid", "--no-headers"];
        let output = self.house.command(caller, "daemon", &words);
        assert!(output.status.success(), "{caller:?}: {output:?}");
        &numbers(&output.stdout) & &self.known
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn everybody_is_shown_whom_procfs_shows() {
    for source in SOURCES {
        let scene = Scene::new(source);
        for caller in EXACT {
            let expected = scene.expected(caller);
            for show in ["base,cred", "base,stat"] {
                let told = scene.told(caller, show);
                assert_eq!(told, expected, "{source}, {show}: {caller:?}");
            }
        }
        // That there is something to hide, and something to show.
        assert!(scene.expected(EXACT[0]).len() == scene.known.len());
        let some = scene.expected(EXACT[1]).len();
        assert!((2..scene.known.len() / 2).contains(&some), "{some}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn nobody_is_shown_more_for_capabilities() {
    for source in SOURCES {
        let scene = Scene::new(source);
        for (caller, bare) in CAPABLE.into_iter().zip(BARE) {
            let expected = scene.expected(caller);
            for show in ["base,cred", "base,stat"] {
                let told = scene.told(caller, show);
                assert!(told.is_subset(&expected), "{source}, {show}: {caller:?}");
                // And no less than without any.
                let least = scene.expected(bare);
                assert!(!least.is_empty(), "{bare:?}");
                assert!(told.is_superset(&least), "{source}, {show}: {caller:?}");
            }
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn who_is_hidden_is_like_who_is_not_there() {
    let user = EXACT[1];
    for source in SOURCES {
        let house = House::new(source, &[]);
        let hidden = Target::new(&["sleep"]);
        let free = Target::new(&["sleep"]);
        let gone = free.pid().to_string();
        free.end();
        for option in ["--pid", "--children", "--threads", "--descendants"] {
            let ask = |pid: &str| {
                let output = house.command(user, "daemon", &[option, pid]);
                assert_eq!(output.stdout, b"");
                String::from_utf8(output.stderr)
                    .unwrap()
                    .replace(pid, "PID")
            };
            let expected = ask(&gone);
            assert!(expected.contains("process PID: not found"), "{expected}");
            for pid in [hidden.pid(), house.pid(), 1] {
                assert_eq!(ask(&pid.to_string()), expected, "{source}: {option}");
            }
        }
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn who_becomes_hidden_is_not_shown_as_what_it_became() {
    let house = House::new("procfs", &[]);
    let programs = Programs::new(house.folder.path());
    let secret = programs.add_as(&house, Path::new("/bin/true"), "secret", 0o4755);
    let user = EXACT[1];
    // Shells of the user's, which are to be seen, and whose children are until
    // they have become the secret.
    let shell = format!("while :; do {secret}; done");
    let start = |_| {
        let words = [&user[1..], &["sh", "-c", &shell]].concat();
        Command::new(user[0]).args(words).spawn().unwrap()
    };
    let storm: Vec<_> = (0..STORM).map(start).collect();
    let command = house.copy(&sibling("taskdiag-cli"), 0o755);
    let ask = format!(
        "for i in $(seq {LOOKS}); do {} --transport daemon --all -o comm 2>/dev/null; done",
        command.display()
    );
    let output = Command::new(user[0])
        .args(&user[1..])
        .args(["sh", "-c", &ask])
        .env("TASKDIAG_SOCKET", house.socket())
        .output()
        .unwrap();
    for mut shell in storm {
        shell.kill().unwrap();
        shell.wait().unwrap();
    }
    let shown = String::from_utf8(output.stdout).unwrap();
    let count = |name| shown.lines().filter(|line| line.trim() == name).count();
    assert!(count("sh") >= STORM * LOOKS, "{shown}");
    assert_eq!(count("secret"), 0);
}

/// How many processes change all the while.
const STORM: usize = 4;

/// How often it is looked for what is not to be seen.
const LOOKS: usize = 200;
