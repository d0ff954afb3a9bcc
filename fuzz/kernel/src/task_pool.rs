// SPDX-License-Identifier: MIT
//! The test tasks: permanent processes, which run for the whole run, and a fork storm
//! of short-lived tasks.
//!
//! Names and numbers must not look like the kernel's poison patterns.

mod fork_storm;

use std::ffi::CStr;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc;

use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use nix::unistd::{Pid, getpid, gettid, setpgid, setsid};
use zerocopy::IntoBytes;

use crate::known_tasks::{KnownTasks, PermanentProcess};
use crate::process::{
    Child, User, continue_in_vfork_child, create_mappings, exit_thread, sleep_forever,
};
use crate::shared::Shared;

/// Names that parsers of procfs get wrong.
const NAMES: [&CStr; 8] = [
    c"plain",
    c"with space",
    c"a) R 1 (b",
    c"two\nlines",
    c"fifteen-bytes-x",
    c"\xff\xfe\x80 bytes",
    c"\t",
    c"",
];
const THREADS: usize = 6;
const CHILDREN: usize = 5;
const MANY_CHILDREN: usize = 25;
/// Number of memory mappings of a process whose row has several messages.
const MAPPINGS: usize = 700;

/// Test tasks with all properties that tasks can have. Dropping this ends the tasks.
#[derive(Debug)]
pub(crate) struct TaskPool {
    processes: Vec<Child>,
    fork_storms: Vec<Child>,
    pub(crate) known_tasks: KnownTasks,
    shared: &'static Shared,
}

/// Owner of a test process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The user that runs the fuzzer.
    Own,
    User,
    /// The unprivileged user, in another group.
    UserOtherGroup,
}

/// Threads and children of a test process.
#[derive(Debug, Default)]
struct Relatives {
    threads: Vec<u32>,
    children: Vec<u32>,
}

impl Relatives {
    fn of(children: &[Child]) -> Self {
        Self {
            threads: Vec::new(),
            children: children.iter().map(Child::pid).collect(),
        }
    }
}

impl TaskPool {
    /// Starts the test tasks. `user`: owner of some of them, if processes can switch
    /// to it; `as_user`: cases are performed as that user.
    pub(crate) fn start(
        user: Option<User>,
        as_user: bool,
        shared: &'static Shared,
    ) -> io::Result<Self> {
        let mut builder = Builder {
            user,
            as_user,
            processes: Vec::new(),
            permanent: Vec::new(),
        };
        builder.start_processes()?;
        let zombies = builder.start_exited()?;
        let contained = builder.start_contained()?;

        let pid_max = fs::read_to_string("/proc/sys/kernel/pid_max")?;
        let pid_max = pid_max.trim().parse().map_err(io::Error::other)?;
        let mut known_tasks = KnownTasks::new(builder.permanent, pid_max);
        known_tasks.zombies = zombies;
        known_tasks.contained = contained;
        if user.is_some() {
            let root = [1, 2, getpid().as_raw() as u32];
            known_tasks.sight_of_user.hidden.extend(root);
            if as_user {
                known_tasks.sight.hidden.extend(root);
            }
        }
        let mut task_pool = Self {
            processes: builder.processes,
            fork_storms: Vec::new(),
            known_tasks,
            shared,
        };
        task_pool.fork_storms.push(fork_storm::start(None, shared)?);
        if user.is_some() {
            task_pool.fork_storms.push(fork_storm::start(user, shared)?);
        }
        Ok(task_pool)
    }
}

impl Drop for TaskPool {
    fn drop(&mut self) {
        // Wait for the fork storm instead of killing it: User-Mode Linux may crash
        // when a process is killed while it forks.
        self.shared.stop_storm.store(true, Relaxed);
        for storm in self.fork_storms.drain(..) {
            let _ = storm.wait();
        }
        for start_process in self.processes.drain(..) {
            start_process.kill();
        }
    }
}

struct Builder {
    user: Option<User>,
    as_user: bool,
    processes: Vec<Child>,
    permanent: Vec<PermanentProcess>,
}

impl Builder {
    /// Starts processes with each property for each owner.
    fn start_processes(&mut self) -> io::Result<()> {
        let owners: &[Owner] = if self.user.is_some() {
            &[Owner::Own, Owner::User, Owner::UserOtherGroup]
        } else {
            &[Owner::Own]
        };
        for &owner in owners {
            for name in NAMES {
                self.start_process(owner, true, || {
                    prctl::set_name(name)?;
                    Ok(Relatives::default())
                })?;
            }
            self.start_process(owner, true, threads)?;
            self.start_process(owner, true, || children(CHILDREN))?;
            self.start_process(owner, true, || {
                setsid()?;
                let relatives = children(1)?;
                for &child in &relatives.children {
                    setpgid(Pid::from_raw(child as i32), Pid::from_raw(0))?;
                }
                Ok(relatives)
            })?;
            self.start_process(owner, true, || {
                let stopped = Child::fork(|| {
                    let _ = raise(Signal::SIGSTOP);
                    sleep_forever()
                })?;
                Ok(Relatives::of(&[stopped]))
            })?;
            self.start_process(owner, true, || {
                let traced = Child::fork(|| {
                    let _ = ptrace::traceme();
                    let _ = raise(Signal::SIGSTOP);
                    sleep_forever()
                })?;
                Ok(Relatives::of(&[traced]))
            })?;
            self.start_process(owner, true, || {
                continue_in_vfork_child()?;
                // The rest runs in the child of the vfork.
                Ok(Relatives {
                    threads: Vec::new(),
                    children: vec![getpid().as_raw() as u32],
                })
            })?;
            self.start_process(owner, true, || {
                create_mappings(MAPPINGS)?;
                Ok(Relatives::default())
            })?;
            self.start_process(owner, false, || {
                prctl::set_dumpable(false)?;
                Ok(Relatives::default())
            })?;
        }
        // The rows that the user may see must exceed one datagram.
        self.start_process(Owner::User, true, || children(MANY_CHILDREN))?;
        Ok(())
    }

    /// Starts a zombie, and a process whose leader has exited. The unprivileged user
    /// may see neither. Returns the zombies.
    fn start_exited(&mut self) -> io::Result<Vec<u32>> {
        let relatives = self.start_process(Owner::Own, false, || {
            Ok(Relatives::of(&[Child::fork(|| 0)?]))
        })?;
        self.start_process_then(exit_thread, Owner::Own, false, threads)?;
        Ok(relatives.children)
    }

    /// Starts processes in a child pid namespace, if the run can create one.
    fn start_contained(&mut self) -> io::Result<Vec<u32>> {
        if self.user.is_none() {
            return Ok(Vec::new());
        }
        let relatives = self.start_process(Owner::Own, false, || {
            unshare(CloneFlags::CLONE_NEWPID)?;
            children(3)
        })?;
        Ok(relatives.children)
    }

    /// Forks a test process, which calls `setup` and then sleeps until it is killed.
    /// `open`: the process is visible to the unprivileged user if that user owns it.
    fn start_process(
        &mut self,
        owner: Owner,
        open: bool,
        setup: impl FnOnce() -> io::Result<Relatives>,
    ) -> io::Result<Relatives> {
        self.start_process_then(sleep_forever, owner, open, setup)
    }

    fn start_process_then(
        &mut self,
        afterwards: fn() -> !,
        owner: Owner,
        open: bool,
        setup: impl FnOnce() -> io::Result<Relatives>,
    ) -> io::Result<Relatives> {
        let user = match (owner, self.user) {
            (Owner::Own, _) | (_, None) => None,
            (Owner::User, Some(user)) => Some(user),
            (Owner::UserOtherGroup, Some(user)) => Some(User {
                gid: user.gid + 1,
                ..user
            }),
        };
        let (from, to) = UnixStream::pair()?;
        let start_process = Child::fork(|| {
            let switch = user.map_or(Ok(()), User::switch).map_err(io::Error::from);
            match switch
                .and_then(|()| setup())
                .and_then(|relatives| send_pids(to, &relatives))
            {
                Ok(()) => afterwards(),
                Err(error) => {
                    eprintln!("taskdiag-fuzz: cannot set up a test process: {error}");
                    1
                }
            }
        })?;
        let pid = start_process.pid();
        self.processes.push(start_process);
        let relatives = receive_pids(from)?;

        let visible_to_user = owner == Owner::User && open;
        let visible = if self.as_user { visible_to_user } else { true };
        let process = |pid, threads, children| PermanentProcess {
            pid,
            visible,
            visible_to_user,
            threads,
            children,
        };
        for &child in &relatives.children {
            self.permanent.push(process(child, vec![child], Vec::new()));
        }
        let mut threads = vec![pid];
        threads.extend(&relatives.threads);
        threads.sort_unstable();
        let mut children = relatives.children.clone();
        children.sort_unstable();
        self.permanent.push(process(pid, threads, children));
        Ok(relatives)
    }
}

fn threads() -> io::Result<Relatives> {
    let (sender, receiver) = mpsc::channel();
    for _ in 0..THREADS {
        let sender = sender.clone();
        std::thread::Builder::new().spawn(move || {
            let _ = prctl::set_name(c"thread (of)");
            let _ = sender.send(gettid().as_raw() as u32);
            sleep_forever();
        })?;
    }
    Ok(Relatives {
        threads: receiver.iter().take(THREADS).collect(),
        children: Vec::new(),
    })
}

fn children(count: usize) -> io::Result<Relatives> {
    let children = (0..count)
        .map(|_| Child::fork(|| sleep_forever()))
        .collect::<nix::Result<Vec<_>>>()?;
    Ok(Relatives::of(&children))
}

/// Sends the pids to [`receive_pids`].
fn send_pids(mut to: UnixStream, relatives: &Relatives) -> io::Result<()> {
    let mut words = vec![
        relatives.threads.len() as u32,
        relatives.children.len() as u32,
    ];
    words.extend(&relatives.threads);
    words.extend(&relatives.children);
    to.write_all(words.as_bytes())
}

fn receive_pids(mut from: UnixStream) -> io::Result<Relatives> {
    let mut word = || {
        let mut bytes = [0; 4];
        from.read_exact(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    };
    let counts: io::Result<(u32, u32)> = word().and_then(|threads| Ok((threads, word()?)));
    let (threads, children) = counts?;
    Ok(Relatives {
        threads: (0..threads).map(|_| word()).collect::<io::Result<_>>()?,
        children: (0..children).map(|_| word()).collect::<io::Result<_>>()?,
    })
}
