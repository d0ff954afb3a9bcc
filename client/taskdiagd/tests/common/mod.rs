// SPDX-License-Identifier: MIT
//! A daemon of one's own, and those who ask it.

#![allow(dead_code, reason = "each test program uses some of it")]

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{UnixAddr, connect};
use nix::unistd::Pid;
use taskdiag::{Client, Daemon, Error, RECEIVE_BUFFER, Request, Task};
use tempfile::TempDir;

/// The user and the group of most who ask.
pub(crate) const USER: u32 = 1000;
/// Runs a program as that user.
pub(crate) const AS_USER: [&str; 6] = [
    "setpriv",
    "--reuid",
    "1000",
    "--regid",
    "1000",
    "--clear-groups",
];
pub(crate) const OTHER: u32 = 1001;

/// A daemon, and a folder that everybody may look into.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) daemon: Child,
    source: String,
}

impl House {
    /// Starts one that answers from there.
    pub(crate) fn new(source: &str, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let daemon = start(&folder.path().join("socket"), source, options);
        let house = Self {
            folder,
            daemon,
            source: source.to_owned(),
        };
        house.await_daemon();
        house
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.daemon.id()
    }

    /// Until it listens; that it never will is told by the test's runner.
    fn await_daemon(&self) {
        while let Err(error) = Daemon::connect_to(&self.socket()) {
            assert!(matches!(error, Error::NoDaemon { .. }), "{error}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn client(&self) -> Client<Daemon> {
        let daemon = Daemon::connect_to(&self.socket()).unwrap();
        Client::with_transport(daemon, RECEIVE_BUFFER)
    }

    /// A connection of which nothing has been asked yet.
    pub(crate) fn connected(&self) -> OwnedFd {
        let fd = Daemon::socket().unwrap();
        connect(fd.as_raw_fd(), &UnixAddr::new(&self.socket()).unwrap()).unwrap();
        fd
    }

    pub(crate) fn ask(&self, request: &Request<'_>) -> Result<Vec<Task>, Error> {
        self.client().dump(request)?.tasks().collect()
    }

    pub(crate) fn stop(&mut self, signal: Signal) -> ExitStatus {
        kill(pid_of(&self.daemon), signal).unwrap();
        self.daemon.wait().unwrap()
    }

    /// Starts it once more.
    pub(crate) fn start_again(&mut self) {
        self.daemon = start(&self.socket(), &self.source, &[]);
        self.await_daemon();
    }

    /// A copy of a program that everybody may run, wherever it was built.
    pub(crate) fn copy(&self, program: &Path, mode: u32) -> PathBuf {
        let copy = self.folder.path().join(program.file_name().unwrap());
        fs::copy(program, &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(mode)).unwrap();
        copy
    }

    /// The command, asking in this way; `by` are words to start it with, such
    /// as those of `setpriv`.
    pub(crate) fn command(&self, by: &[&str], way: &str, words: &[&str]) -> Output {
        let command = self.folder.path().join("taskdiag-cli");
        if !command.exists() {
            self.copy(&sibling("taskdiag-cli"), 0o755);
        }
        let mut all = by.to_vec();
        all.push(command.to_str().unwrap());
        all.extend(["--transport", way]);
        all.extend(words);
        Command::new(all[0])
            .args(&all[1..])
            .env("TASKDIAG_SOCKET", self.socket())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

pub(crate) fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().unwrap())
}

/// The daemon's own program.
pub(crate) const TASKDIAGD: &str = env!("CARGO_BIN_EXE_taskdiagd");

fn start(socket: &Path, source: &str, options: &[&str]) -> Child {
    Command::new(TASKDIAGD)
        .args(["--source", source, "--socket"])
        .arg(socket)
        .args(options)
        .spawn()
        .unwrap()
}

/// Another program of the workspace, built by the same call.
pub(crate) fn sibling(name: &str) -> PathBuf {
    let program = Path::new(TASKDIAGD).with_file_name(name);
    assert!(program.exists(), "cargo build -p {name} is to come first");
    program
}

/// A process that does nothing until this is dropped.
pub(crate) struct Target(Child);

impl Target {
    /// `words` start it, and end in the name of what to run for ever.
    pub(crate) fn new(words: &[&str]) -> Self {
        let child = Command::new(words[0])
            .args(&words[1..])
            .arg("1000000")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut target = Self(child);
        // Whatever starts it becomes it, and is there when it sleeps.
        while !target.is_asleep() {
            let ended = target.0.try_wait().unwrap();
            assert!(ended.is_none(), "{words:?}: {ended:?}");
            thread::yield_now();
        }
        target
    }

    fn is_asleep(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        stat.contains(" (sleep") && stat.contains(") S ")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Ends it, and waits for it.
    pub(crate) fn end(mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
