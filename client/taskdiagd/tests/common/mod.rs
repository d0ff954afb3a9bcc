// SPDX-License-Identifier: MIT
//! A daemon for a test, its clients, and processes that they list.

#![allow(dead_code, reason = "each test program uses some of it")]

pub(crate) mod mounts;

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
use taskdiag::{Client, Daemon, Error, NetlinkSource, RECEIVE_BUFFER, Request, Task};
use tempfile::TempDir;

/// The user and group of most clients.
pub(crate) const USER: u32 = 1000;
/// The command that starts a program as that user.
pub(crate) const AS_USER: [&str; 6] = [
    "setpriv",
    "--reuid",
    "1000",
    "--regid",
    "1000",
    "--clear-groups",
];
pub(crate) const OTHER: u32 = 1001;
/// The command that starts another one with a `/proc` that hides the tasks that it may not
/// trace.
pub(crate) const HIDING: [&str; 8] = [
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    "mount -t proc -o hidepid=ptraceable proc /proc && exec \"$@\"",
    "sh",
];

/// A running daemon, and a directory that all users may read.
pub(crate) struct TestDaemon {
    pub(crate) dir: TempDir,
    pub(crate) process: Child,
    source: String,
}

impl TestDaemon {
    /// Starts a daemon with this source.
    pub(crate) fn new(source: &str, options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let process = start(&dir.path().join("socket"), source, options);
        let daemon = Self {
            dir,
            process,
            source: source.to_owned(),
        };
        daemon.wait_until_it_listens();
        daemon
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The timeout of the test runner applies if it never does.
    fn wait_until_it_listens(&self) {
        while let Err(error) = Daemon::connect_to(&self.socket()) {
            assert!(matches!(error, Error::NoDaemon { .. }), "{error}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn client(&self) -> Client<NetlinkSource<Daemon>> {
        let daemon = Daemon::connect_to(&self.socket()).unwrap();
        Client::with_transport(daemon, RECEIVE_BUFFER)
    }

    /// Returns a connection without a request.
    pub(crate) fn connected(&self) -> OwnedFd {
        let fd = Daemon::socket().unwrap();
        connect(fd.as_raw_fd(), &UnixAddr::new(&self.socket()).unwrap()).unwrap();
        fd
    }

    pub(crate) fn dump(&self, request: &Request<'_>) -> Result<Vec<Task>, Error> {
        self.client().dump(request)?.tasks().collect()
    }

    pub(crate) fn stop(&mut self, signal: Signal) -> ExitStatus {
        kill(pid_of(&self.process), signal).unwrap();
        self.process.wait().unwrap()
    }

    /// Starts it again.
    pub(crate) fn restart(&mut self) {
        self.process = start(&self.socket(), &self.source, &[]);
        self.wait_until_it_listens();
    }

    /// Copies a program to the directory, where all users may execute it.
    pub(crate) fn copy(&self, program: &Path, mode: u32) -> PathBuf {
        let copy = self.dir.path().join(program.file_name().unwrap());
        fs::copy(program, &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(mode)).unwrap();
        copy
    }

    /// Runs taskdiag-cli with this transport. `prefix` is the command that starts it,
    /// such as `setpriv`.
    pub(crate) fn command(&self, prefix: &[&str], transport: &str, words: &[&str]) -> Output {
        let command = self.dir.path().join("taskdiag-cli");
        if !command.exists() {
            self.copy(&sibling("taskdiag-cli"), 0o755);
        }
        let mut all = prefix.to_vec();
        all.push(command.to_str().unwrap());
        all.extend(["--transport", transport]);
        all.extend(words);
        Command::new(all[0])
            .args(&all[1..])
            .env("TASKDIAG_SOCKET", self.socket())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for TestDaemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().unwrap())
}

/// The program of the daemon.
pub(crate) const TASKDIAGD: &str = env!("CARGO_BIN_EXE_taskdiagd");

fn start(socket: &Path, source: &str, options: &[&str]) -> Child {
    Command::new(TASKDIAGD)
        .args(["--source", source, "--socket"])
        .arg(socket)
        .args(options)
        .spawn()
        .unwrap()
}

/// Returns another program of the workspace, built by the same command.
pub(crate) fn sibling(name: &str) -> PathBuf {
    let program = Path::new(TASKDIAGD).with_file_name(name);
    assert!(program.exists(), "run cargo build -p {name} first");
    program
}

/// A process that sleeps until this is dropped.
pub(crate) struct Target(Child);

impl Target {
    /// Starts these words, which end with the name of a program that sleeps.
    pub(crate) fn new(words: &[&str]) -> Self {
        let child = Command::new(words[0])
            .args(&words[1..])
            .arg("1000000")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut target = Self(child);
        // The command calls execve() of the program, which has started when it sleeps.
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

    /// Kills it, and waits for it.
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
