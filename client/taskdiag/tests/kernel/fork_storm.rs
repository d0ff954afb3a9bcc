// SPDX-License-Identifier: MIT
//! A fork storm: forks, execs, exits and changes of names and ids in processes
//! of their own. This test program is started again to run it.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::prctl;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{ForkResult, Uid, fork, setresuid, setsid};

/// Environment variable with the duration of a storm in milliseconds.
const MILLISECONDS: &str = "TASKDIAG_TEST_STORM";
/// Name of the test that runs the storm: module and function.
const NAME: &str = "fork_storm::run_fork_storm";
/// Duration without that variable.
const DEFAULT_MILLISECONDS: u64 = 50;
/// Maximum number of unreaped children.
const ZOMBIES: usize = 20;

/// Starts a storm.
pub(crate) fn start(length: Duration) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", NAME])
        .env(MILLISECONDS, length.as_millis().to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "started by the test of the live table"]
fn run_fork_storm() {
    let value = std::env::var(MILLISECONDS).ok();
    let is_process_of_its_own = value.is_some();
    let length = value.map_or(DEFAULT_MILLISECONDS, |value| value.parse().unwrap());
    let end = Instant::now() + Duration::from_millis(length);
    let mut random = Random(u64::from(std::process::id()));
    let mut children = 0_usize;
    let mut started = 0_u64;
    while Instant::now() < end {
        let behaviour = random.below(10);
        let seed = Random(random.below(u64::MAX));
        // SAFETY: the other thread of this program waits for this one, and
        // holds no lock that the child needs.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { .. } => children += 1,
            ForkResult::Child => run_child(behaviour, seed),
        }
        started += 1;
        while children > ZOMBIES {
            children -= usize::from(reap());
        }
    }
    assert!(started > 0);
    // Zombies of this process would be in the tables of the tests after this one.
    while !is_process_of_its_own && reap() {}
}

/// Waits for a child; returns false if there is none.
fn reap() -> bool {
    waitpid(None, Some(WaitPidFlag::__WALL)).is_ok()
}

/// Runs a child with one of several behaviours.
fn run_child(behaviour: u64, mut random: Random) -> ! {
    let code = i32::try_from(random.below(100)).unwrap();
    match behaviour {
        0 | 1 => fail(&Command::new("/bin/true").exec()),
        2 => {
            let id = Uid::from_raw(1000 + u32::try_from(random.below(5)).unwrap());
            setresuid(id, id, id).unwrap();
        }
        3 => prctl::set_name(c"renamed").unwrap(),
        4 => {
            setsid().unwrap();
        }
        5 => leave_an_orphan(),
        6 => exec_from_a_thread(),
        7 => end_before_a_thread(),
        8 => thread::sleep(Duration::from_millis(random.below(20))),
        _ => std::process::abort(),
    }
    exit(code)
}

fn leave_an_orphan() {
    // SAFETY: the process has one thread.
    if let ForkResult::Child = unsafe { fork() }.unwrap() {
        thread::sleep(Duration::from_millis(5));
        prctl::set_name(c"orphan").unwrap();
        thread::sleep(Duration::from_millis(5));
        exit(9);
    }
}

fn exec_from_a_thread() {
    let _ = thread::spawn(|| fail(&Command::new("/bin/true").exec())).join();
}

/// Ends the first thread; the process continues for a while.
fn end_before_a_thread() {
    thread::spawn(|| {
        thread::sleep(Duration::from_millis(5));
        exit(7);
    });
    // SAFETY: it takes an integer and ends only this thread. Nothing refers to
    // the stack of the thread.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
}

/// Exits without the cleanup of the test program.
fn exit(code: i32) -> ! {
    // SAFETY: it takes an integer and does not return.
    unsafe { libc::_exit(code) }
}

fn fail(error: &std::io::Error) -> ! {
    eprintln!("cannot run /bin/true: {error}");
    exit(99)
}

/// Pseudorandom numbers, equal in each run.
#[derive(Clone, Copy, Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005) + 1;
        (self.0 >> 33) % sides
    }
}
