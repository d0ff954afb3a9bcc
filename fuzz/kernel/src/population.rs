// SPDX-License-Identifier: MIT
//! The test tasks: pillars, which run for the whole run, and a fork storm of
//! short-lived tasks.
//!
//! Names and numbers must not look like the kernel's poison patterns.

mod storm;

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

use crate::process::{Child, User, leave, leave_in_vfork, map_much, stay};
use crate::roster::{Pillar, Roster};
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
const CROWD: usize = 25;
/// Number of memory mappings of a process whose row has several messages.
const MAPPINGS: usize = 700;

/// Test tasks with all properties that tasks can have. Dropping this ends them.
#[derive(Debug)]
pub(crate) struct Population {
    members: Vec<Child>,
    storms: Vec<Child>,
    pub(crate) roster: Roster,
    shared: &'static Shared,
}

/// Owner of a test process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The user that runs the fuzzer.
    Own,
    User,
    /// The unprivileged user, in another group.
    UserElsewhere,
}

/// Threads and children of a test process.
#[derive(Debug, Default)]
struct Kin {
    threads: Vec<u32>,
    children: Vec<u32>,
}

impl Kin {
    fn of(children: &[Child]) -> Self {
        Self {
            threads: Vec::new(),
            children: children.iter().map(Child::pid).collect(),
        }
    }
}

impl Population {
    /// Starts the test tasks. `user`: owner of some of them, if processes can switch
    /// to it; `as_user`: cases are performed as that user.
    pub(crate) fn raise(
        user: Option<User>,
        as_user: bool,
        shared: &'static Shared,
    ) -> io::Result<Self> {
        let mut building = Building {
            user,
            as_user,
            members: Vec::new(),
            pillars: Vec::new(),
        };
        building.families()?;
        let zombies = building.remains()?;
        let contained = building.container()?;

        let pid_max = fs::read_to_string("/proc/sys/kernel/pid_max")?;
        let pid_max = pid_max.trim().parse().map_err(io::Error::other)?;
        let mut roster = Roster::new(building.pillars, pid_max);
        roster.zombies = zombies;
        roster.contained = contained;
        if user.is_some() {
            let root = [1, 2, getpid().as_raw() as u32];
            roster.hidden_from_user.extend(root);
            if as_user {
                roster.hidden.extend(root);
            }
        }
        let mut population = Self {
            members: building.members,
            storms: Vec::new(),
            roster,
            shared,
        };
        population.storms.push(storm::raise(None, shared)?);
        if user.is_some() {
            population.storms.push(storm::raise(user, shared)?);
        }
        Ok(population)
    }
}

impl Drop for Population {
    fn drop(&mut self) {
        // Wait for the fork storm instead of killing it: User-Mode Linux may crash
        // when a process is killed while it forks.
        self.shared.calm.store(true, Relaxed);
        for storm in self.storms.drain(..) {
            let _ = storm.wait();
        }
        for member in self.members.drain(..) {
            member.kill();
        }
    }
}

struct Building {
    user: Option<User>,
    as_user: bool,
    members: Vec<Child>,
    pillars: Vec<Pillar>,
}

impl Building {
    /// Starts processes with each property for each owner.
    fn families(&mut self) -> io::Result<()> {
        let owners: &[Owner] = if self.user.is_some() {
            &[Owner::Own, Owner::User, Owner::UserElsewhere]
        } else {
            &[Owner::Own]
        };
        for &owner in owners {
            for name in NAMES {
                self.member(owner, true, || {
                    prctl::set_name(name)?;
                    Ok(Kin::default())
                })?;
            }
            self.member(owner, true, threads)?;
            self.member(owner, true, || children(CHILDREN))?;
            self.member(owner, true, || {
                setsid()?;
                let kin = children(1)?;
                for &child in &kin.children {
                    setpgid(Pid::from_raw(child as i32), Pid::from_raw(0))?;
                }
                Ok(kin)
            })?;
            self.member(owner, true, || {
                let stopped = Child::fork(|| {
                    let _ = raise(Signal::SIGSTOP);
                    stay()
                })?;
                Ok(Kin::of(&[stopped]))
            })?;
            self.member(owner, true, || {
                let traced = Child::fork(|| {
                    let _ = ptrace::traceme();
                    let _ = raise(Signal::SIGSTOP);
                    stay()
                })?;
                Ok(Kin::of(&[traced]))
            })?;
            self.member(owner, true, || {
                leave_in_vfork()?;
                // The rest runs in the child of the vfork.
                Ok(Kin {
                    threads: Vec::new(),
                    children: vec![getpid().as_raw() as u32],
                })
            })?;
            self.member(owner, true, || {
                map_much(MAPPINGS)?;
                Ok(Kin::default())
            })?;
            self.member(owner, false, || {
                prctl::set_dumpable(false)?;
                Ok(Kin::default())
            })?;
        }
        // The rows that the user may see must exceed one datagram.
        self.member(Owner::User, true, || children(CROWD))?;
        Ok(())
    }

    /// Starts a zombie, and a process whose leader has exited. The unprivileged user
    /// may see neither. Returns the zombies.
    fn remains(&mut self) -> io::Result<Vec<u32>> {
        let kin = self.member(Owner::Own, false, || Ok(Kin::of(&[Child::fork(|| 0)?])))?;
        self.member_that(leave, Owner::Own, false, threads)?;
        Ok(kin.children)
    }

    /// Starts processes in a child pid namespace, if the run can create one.
    fn container(&mut self) -> io::Result<Vec<u32>> {
        if self.user.is_none() {
            return Ok(Vec::new());
        }
        let kin = self.member(Owner::Own, false, || {
            unshare(CloneFlags::CLONE_NEWPID)?;
            children(3)
        })?;
        Ok(kin.children)
    }

    /// Forks a test process, which calls `be` and then sleeps until it is killed.
    /// `open`: the unprivileged user may see the process if it owns it.
    fn member(
        &mut self,
        owner: Owner,
        open: bool,
        be: impl FnOnce() -> io::Result<Kin>,
    ) -> io::Result<Kin> {
        self.member_that(stay, owner, open, be)
    }

    fn member_that(
        &mut self,
        goes_on: fn() -> !,
        owner: Owner,
        open: bool,
        be: impl FnOnce() -> io::Result<Kin>,
    ) -> io::Result<Kin> {
        let user = match (owner, self.user) {
            (Owner::Own, _) | (_, None) => None,
            (Owner::User, Some(user)) => Some(user),
            (Owner::UserElsewhere, Some(user)) => Some(User {
                gid: user.gid + 1,
                ..user
            }),
        };
        let (from, to) = UnixStream::pair()?;
        let member = Child::fork(|| {
            let become_it = user
                .map_or(Ok(()), User::become_it)
                .map_err(io::Error::from);
            match become_it.and_then(|()| be()).and_then(|kin| tell(to, &kin)) {
                Ok(()) => goes_on(),
                Err(error) => {
                    eprintln!("taskdiag-fuzz: a process of the population: {error}");
                    1
                }
            }
        })?;
        let pid = member.pid();
        self.members.push(member);
        let kin = hear(from)?;

        let visible_to_user = owner == Owner::User && open;
        let visible = if self.as_user { visible_to_user } else { true };
        let pillar = |pid, threads, children| Pillar {
            pid,
            visible,
            visible_to_user,
            threads,
            children,
        };
        for &child in &kin.children {
            self.pillars.push(pillar(child, vec![child], Vec::new()));
        }
        let mut threads = vec![pid];
        threads.extend(&kin.threads);
        threads.sort_unstable();
        let mut children = kin.children.clone();
        children.sort_unstable();
        self.pillars.push(pillar(pid, threads, children));
        Ok(kin)
    }
}

fn threads() -> io::Result<Kin> {
    let (sender, receiver) = mpsc::channel();
    for _ in 0..THREADS {
        let sender = sender.clone();
        std::thread::Builder::new().spawn(move || {
            let _ = prctl::set_name(c"thread (of)");
            let _ = sender.send(gettid().as_raw() as u32);
            stay();
        })?;
    }
    Ok(Kin {
        threads: receiver.iter().take(THREADS).collect(),
        children: Vec::new(),
    })
}

fn children(count: usize) -> io::Result<Kin> {
    let children = (0..count)
        .map(|_| Child::fork(|| stay()))
        .collect::<nix::Result<Vec<_>>>()?;
    Ok(Kin::of(&children))
}

/// Sends the pids to [`hear`].
fn tell(mut to: UnixStream, kin: &Kin) -> io::Result<()> {
    let mut words = vec![kin.threads.len() as u32, kin.children.len() as u32];
    words.extend(&kin.threads);
    words.extend(&kin.children);
    to.write_all(words.as_bytes())
}

fn hear(mut from: UnixStream) -> io::Result<Kin> {
    let mut word = || {
        let mut bytes = [0; 4];
        from.read_exact(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    };
    let counts: io::Result<(u32, u32)> = word().and_then(|threads| Ok((threads, word()?)));
    let (threads, children) = counts?;
    Ok(Kin {
        threads: (0..threads).map(|_| word()).collect::<io::Result<_>>()?,
        children: (0..children).map(|_| word()).collect::<io::Result<_>>()?,
    })
}
