// SPDX-License-Identifier: MIT
//! A storm of forks, execs, exits and changes of names and ids, in processes
//! of its own: this program, started again to do nothing but that.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::prctl;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{ForkResult, Uid, fork, setresuid, setsid};

/// Says to the program that it is to storm, and for how many milliseconds.
const MILLISECONDS: &str = "TASKDIAG_TEST_STORM";
/// The test that does; the name is this module's and the function's.
const NAME: &str = "fork_storm::run_fork_storm";
/// Without being told, it does for a moment.
const MOMENT: u64 = 50;
/// How many a storm leaves unreaped at most.
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
#[ignore = "stands in for a program that the test of the live table starts"]
fn run_fork_storm() {
    let told = std::env::var(MILLISECONDS).ok();
    let length = told.map_or(MOMENT, |told| told.parse().unwrap());
    let end = Instant::now() + Duration::from_millis(length);
    let mut random = Random(u64::from(std::process::id()));
    let mut children = 0_usize;
    let mut born = 0_u64;
    while Instant::now() < end {
        let fate = random.below(10);
        let seed = Random(random.below(u64::MAX));
        // SAFETY: the other thread of this program waits for this one, and
        // holds no lock that the child could want.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { .. } => children += 1,
            ForkResult::Child => live(fate, seed),
        }
        born += 1;
        while children > ZOMBIES {
            children -= usize::from(reap());
        }
    }
    assert!(born > 0);
}

/// Waits for a child, if there is one left.
fn reap() -> bool {
    waitpid(None, Some(WaitPidFlag::__WALL)).is_ok()
}

/// What becomes of a child.
fn live(fate: u64, mut random: Random) -> ! {
    let code = i32::try_from(random.below(100)).unwrap();
    match fate {
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
    // SAFETY: there is one thread.
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

/// The first thread ends, and the process goes on for a while.
fn end_before_a_thread() {
    thread::spawn(|| {
        thread::sleep(Duration::from_millis(5));
        exit(7);
    });
    // SAFETY: it takes a number, and ends nothing but this thread; what that
    // has on its stack nobody refers to.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
}

/// Ends without what the test program would do at its end.
fn exit(code: i32) -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { libc::_exit(code) }
}

fn fail(error: &std::io::Error) -> ! {
    eprintln!("a storm without execs is none: {error}");
    exit(99)
}

/// Numbers that are the same each time.
#[derive(Clone, Copy, Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005) + 1;
        (self.0 >> 33) % sides
    }
}
