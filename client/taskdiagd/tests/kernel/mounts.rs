// SPDX-License-Identifier: MIT
//! Replies to clients that name their procfs mount, compared with its files, and requests
//! that name something else.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl, open};
use nix::mount::{MsFlags, mount, umount};
use nix::sys::stat::Mode;
use nix::unistd::pipe;
use taskdiag::netlink::{TaskDiagAttr, TaskDiagMessage};
use taskdiag::{Client, Daemon, Error, KernelError, RECEIVE_BUFFER, Request};
use taskdiag::{Scope, Show, Strategy, Task};

use crate::SOURCES;
use crate::common::mounts::{CALLERS, compare_all, copy_of_test};
use crate::common::{AS_USER, Target, TestDaemon};

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn forwarded_replies_have_the_tasks_and_groups_that_the_mount_shows() {
    let name = "mounts::forwarded_replies_have_the_tasks_and_groups_that_the_mount_shows";
    compare_all("file", name, &CALLERS);
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn replies_from_procfs_have_the_tasks_and_groups_that_the_mount_shows() {
    let name = "mounts::replies_from_procfs_have_the_tasks_and_groups_that_the_mount_shows";
    compare_all("procfs", name, &CALLERS);
}

/// The sources that apply the options of mounts.
const FOLLOWING: [&str; 2] = ["file", "procfs"];

/// A file system that is mounted until this is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn new(daemon: &TestDaemon, name: &str, kind: &str, options: &str) -> Self {
        let at = daemon.dir.path().join(name);
        fs::create_dir(&at).unwrap();
        mount(Some(kind), &at, Some(kind), MsFlags::empty(), Some(options)).unwrap();
        Self(at)
    }

    fn open(&self, flags: OFlag) -> OwnedFd {
        open(&self.0, flags | OFlag::O_CLOEXEC, Mode::empty()).unwrap()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = umount(&self.0);
    }
}

/// Sends a request that names a mount by this number, and returns the rows of the reply.
fn request(
    daemon: &TestDaemon,
    request: &Request<'_>,
    number: Option<i32>,
) -> Result<Vec<Task>, KernelError> {
    let mut message = TaskDiagMessage::from(request);
    let number = number.map(|number| TaskDiagAttr::ProcFd(number.try_into().unwrap()));
    message.attributes.extend(number);
    let mut client = daemon.client();
    let mut dump = client.send_message(message, 0x301, Scope::Own).unwrap();
    let tasks = dump.tasks().collect::<Result<_, _>>();
    tasks.map_err(|error| match error {
        Error::Kernel(error) => error,
        other => panic!("{other}"),
    })
}

fn all() -> Request<'static> {
    Request::new(Strategy::All).show(Show::BASE | Show::CRED)
}

/// Checks that a request with this number is refused with this errno and cause.
fn assert_refused(daemon: &TestDaemon, number: i32, errno: Errno, cause: &str) {
    let error = request(daemon, &all(), Some(number)).unwrap_err();
    let name = error.attribute.and_then(|attribute| attribute.name());
    assert_eq!(
        (error.errno, name),
        (errno as i32, Some("TASK_DIAG_CMD_ATTR_PROC_FD"))
    );
    assert_eq!(error.message.as_deref(), Some(cause));
}

const NOT_PROCFS: &str =
    "proc_fd: not the root directory of a procfs in the mount namespace of the client";

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn descriptor_of_anything_else_is_refused() {
    let dir = |path: &str, flags| open(path, flags | OFlag::O_DIRECTORY, Mode::empty()).unwrap();
    for source in FOLLOWING {
        let daemon = TestDaemon::new(source, &[]);
        let (end, _other) = pipe().unwrap();
        for file in [
            dir("/", OFlag::O_RDONLY),
            dir("/tmp", OFlag::O_PATH),
            dir("/proc/self", OFlag::O_PATH),
            dir("/proc/sys", OFlag::O_RDONLY),
            File::open("/proc/stat").unwrap().into(),
            end,
            daemon.connected(),
        ] {
            assert_refused(&daemon, file.as_raw_fd(), Errno::EINVAL, NOT_PROCFS);
        }
        assert_refused(&daemon, i32::MAX, Errno::EBADF, "proc_fd: not open");
        // Also without the right to read it.
        for flags in [OFlag::O_PATH, OFlag::O_RDONLY] {
            let proc = dir("/proc", flags);
            assert!(request(&daemon, &all(), Some(proc.as_raw_fd())).is_ok());
        }
    }
    let daemon = TestDaemon::new("netlink", &[]);
    let proc = dir("/proc", OFlag::O_PATH);
    let cause = "proc_fd: not supported by a daemon that forwards over netlink";
    assert_refused(&daemon, proc.as_raw_fd(), Errno::EOPNOTSUPP, cause);
}

/// A process in a pid namespace of its own, whose procfs is mounted in this directory.
struct Container(Child);

impl Container {
    fn new(at: &Path, unshare: &[&str]) -> Self {
        fs::create_dir_all(at).unwrap();
        let mut child = Command::new("unshare")
            .args(["--pid", "--fork", "--kill-child"])
            .args(unshare)
            .args([
                "sh",
                "-c",
                "mount -t proc proc \"$0\" && echo && exec sleep 1000000",
            ])
            .arg(at)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        Self(child)
    }

    /// Returns the pid of its first process.
    fn init(&self) -> u32 {
        let path = format!("/proc/{0}/task/{0}/children", self.0.id());
        fs::read_to_string(path).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn mount_of_another_namespace_is_refused() {
    for source in FOLLOWING {
        let daemon = TestDaemon::new(source, &[]);
        let at = daemon.dir.path().join("container");
        let shared = Container::new(&at, &[]);
        let root = open(&at, OFlag::O_PATH, Mode::empty()).unwrap();
        let cause = "proc_fd: the procfs of another pid namespace than that of the daemon";
        assert_refused(&daemon, root.as_raw_fd(), Errno::EOPNOTSUPP, cause);
        drop((root, shared));
        umount(&at).unwrap();

        let private = Container::new(&at, &["--mount", "--propagation", "private"]);
        let path = format!("/proc/{}/root{}", private.init(), at.display());
        let root = open(path.as_str(), OFlag::O_PATH, Mode::empty()).unwrap();
        assert_refused(&daemon, root.as_raw_fd(), Errno::EINVAL, NOT_PROCFS);
    }
}

/// A file system whose server never replies must not stop the daemon.
#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn directory_of_file_system_without_server_is_refused() {
    for source in FOLLOWING {
        let daemon = TestDaemon::new(source, &[]);
        let device = File::options()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .unwrap();
        let options = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0,allow_other",
            device.as_raw_fd()
        );
        let fuse = Mounted::new(&daemon, "fuse", "fuse", &options);
        let root = fuse.open(OFlag::O_PATH);
        assert_refused(&daemon, root.as_raw_fd(), Errno::EINVAL, NOT_PROCFS);
    }
}

/// Set in a process of this program that is a client: the number of the descriptor.
const NUMBER: &str = "TASKDIAGD_TEST_NUMBER";

/// Starts this test as a client of another user, which inherits the descriptor. Returns
/// the lines that it prints.
fn as_user(daemon: &TestDaemon, name: &str, root: &OwnedFd) -> Vec<String> {
    fcntl(root, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let output = Command::new(AS_USER[0])
        .args(&AS_USER[1..])
        .arg(copy_of_test(daemon))
        .args(["--ignored", "--exact", "--nocapture", name])
        .env(NUMBER, root.as_raw_fd().to_string())
        .env("TASKDIAG_SOCKET", daemon.socket())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains(" 1 passed; 0 failed;"), "{output:?}");
    stdout.lines().map(str::to_owned).collect()
}

/// Prints the pids that the daemon reports for the mount with this number, and whether
/// their rows are complete.
fn print_pids(number: &str) {
    let path = std::env::var_os("TASKDIAG_SOCKET").unwrap();
    let root = File::open(format!("/proc/self/fd/{number}")).unwrap();
    let daemon = Daemon::connect_at(Path::new(&path), root.into()).unwrap();
    let mut client = Client::with_transport(daemon, RECEIVE_BUFFER);
    let mut dump = client.dump(&all()).unwrap();
    // Ends the line of the test runner.
    println!();
    for task in dump.tasks() {
        let task = task.unwrap();
        println!("pid {} {}", task.pid, task.base.is_some());
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn descriptor_shows_what_reading_its_mount_shows() {
    if let Ok(number) = std::env::var(NUMBER) {
        return print_pids(&number);
    }
    let name = "mounts::descriptor_shows_what_reading_its_mount_shows";
    let root_task = Target::new(&["sleep"]);
    let user_task = Target::new(&[&AS_USER[..], &["sleep"]].concat());
    let known: BTreeSet<_> = [root_task.pid(), user_task.pid(), 1].into();
    for source in FOLLOWING {
        let daemon = TestDaemon::new(source, &[]);
        for (name_of_mount, options, readable, listed) in [
            ("open", "hidepid=off", known.clone(), known.clone()),
            (
                "closed",
                "hidepid=ptraceable",
                [user_task.pid()].into(),
                [user_task.pid()].into(),
            ),
            (
                "listed",
                "hidepid=noaccess,gid=1001",
                [user_task.pid()].into(),
                known.clone(),
            ),
        ] {
            let mounted = Mounted::new(&daemon, name_of_mount, "proc", options);
            let root = mounted.open(OFlag::O_PATH);
            let lines = as_user(&daemon, name, &root);
            let pids = |end: &str| -> BTreeSet<u32> {
                let lines = lines.iter().filter(|line| line.ends_with(end));
                lines
                    .filter_map(|line| line.strip_prefix("pid ")?.split(' ').next()?.parse().ok())
                    .collect()
            };
            assert_eq!(&pids(" true") & &known, readable, "{source} {options}");
            assert_eq!(&pids("e") & &known, listed, "{source} {options}");
            drop(root);
        }
    }
}

/// Files that are mounted on those of procfs may be those of any file system.
#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn file_mounted_on_one_of_procfs_is_not_read() {
    let daemon = TestDaemon::new("procfs", &[]);
    let mounted = Mounted::new(&daemon, "proc", "proc", "hidepid=off");
    let target = Target::new(&["sleep"]);
    let secret = daemon.dir.path().join("secret");
    fs::write(&secret, "secret\0").unwrap();
    let on = mounted.0.join(format!("{}/cmdline", target.pid()));
    mount(
        Some(&secret),
        &on,
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    )
    .unwrap();
    let root = mounted.open(OFlag::O_PATH);
    let one = Request::new(Strategy::One(target.pid())).show(Show::BASE | Show::CMDLINE);
    let rows = request(&daemon, &one, Some(root.as_raw_fd())).unwrap();
    umount(&on).unwrap();
    assert_eq!(fs::read(&secret).unwrap(), b"secret\0");
    assert_eq!(rows.len(), 1);
    assert!(rows[0].base.is_some() && rows[0].cmdline.is_none());
    assert_eq!(rows[0].absent.denied, Show::CMDLINE);
}

/// A client that sends no descriptor gets the rule of `hidepid=ptraceable`, whatever its
/// `/proc` shows.
#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn request_without_descriptor_gets_tasks_that_the_client_may_trace() {
    if std::env::var_os(NUMBER).is_some() {
        let path = std::env::var_os("TASKDIAG_SOCKET").unwrap();
        let daemon = Daemon::connect_to(Path::new(&path)).unwrap();
        let mut client = Client::with_transport(daemon, RECEIVE_BUFFER);
        let message = TaskDiagMessage::from(&all());
        let mut dump = client.send_message(message, 0x301, Scope::Own).unwrap();
        // Ends the line of the test runner.
        println!();
        for task in dump.tasks() {
            println!("pid {} ", task.unwrap().pid);
        }
        return;
    }
    let name = "mounts::request_without_descriptor_gets_tasks_that_the_client_may_trace";
    let task = Target::new(&[&AS_USER[..], &["sleep"]].concat());
    for source in SOURCES {
        let daemon = TestDaemon::new(source, &[]);
        let unused = open("/", OFlag::O_PATH, Mode::empty()).unwrap();
        let lines = as_user(&daemon, name, &unused);
        let has = |pid: u32| lines.iter().any(|line| *line == format!("pid {pid} "));
        assert!(has(task.pid()), "{source}: {lines:?}");
        assert!(!has(1) && !has(daemon.pid()), "{source}: {lines:?}");
    }
}
