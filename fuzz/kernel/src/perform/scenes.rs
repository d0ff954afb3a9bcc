// SPDX-License-Identifier: MIT
//! Cases with other threads and processes: the reader is not the sender, the
//! sender has ended, or its credentials or namespaces have changed.

use std::fs;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::unistd::{getpid, getppid};

use super::{Failure, Performer};
use crate::actor::Knowledge;
use crate::case::{Case, Change, Scene, Transport};
use crate::exchange::{Buffers, Link, Turns, encode};
use crate::model::Space;
use crate::model::control::Sender;
use crate::oracle::{Finding, Rights};
use crate::process::Child;

/// Exit status of a process that succeeded.
const WELL: u8 = 0;
/// Exit status of a process that reported a finding.
const FOUND: u8 = 1;
/// Exit status of a process that lacks the rights for the scenario.
const REFUSED: u8 = 2;
/// Exit status of a process that reported another failure.
const FAILED: u8 = 3;
/// Exit status of a process that could not send its request, plus the errno.
const NOT_SENT: u8 = 100;

/// Number of reads by another process.
const FOREIGN_READS: usize = 3;

impl<'a> Performer<'a> {
    pub(super) fn with_others(&mut self, case: &Case) -> Result<(), Failure> {
        // Later cases must not use a socket that this case may have affected.
        self.link = None;
        let mut buffers = std::mem::take(&mut self.buffers);
        let result = match case.scene {
            Scene::Alone | Scene::ThreadReads | Scene::ThreadAsks => {
                self.with_thread(case, &mut buffers)
            }
            Scene::ForkReads => self.fork_reads(case, &mut buffers),
            Scene::ForkAsks => self.fork_asks(case, &mut buffers),
            Scene::Changes(change) => self.in_fork(case, Space::Outer, |performer| {
                performer.changing(case, change, &mut buffers)
            }),
            Scene::Contained { inherited } => self.in_fork(case, Space::Outer, |performer| {
                performer.contained(case, inherited, &mut buffers)
            }),
        };
        self.buffers = buffers;
        result
    }

    /// Sends and reads in different threads, which have the same rights.
    fn with_thread(&self, case: &Case, buffers: &mut Buffers) -> Result<(), Failure> {
        let link = Link::open(case.transport, case.settings)?;
        let actor = self.actor(Knowledge::Roster, Space::Outer);
        let rights = self.rights(self.sender.tgid);
        let turns = Turns::all(rights);
        let (bytes, control) = encode(case, &actor);
        self.show(&bytes, &control);
        let mut exchange = self.exchange(&link, case, &bytes);

        let other_asks = case.scene == Scene::ThreadAsks;
        let sent = in_thread(other_asks, || exchange.send(&bytes, &control, &actor))??;
        if !sent {
            return Ok(());
        }
        in_thread(!other_asks, || exchange.read(buffers, &turns, &actor))??;
        let oracle = exchange.oracle;
        self.finish(oracle, Knowledge::Roster, self.sender.tgid)
    }

    /// Another process reads the datagram that the request has made, and then no
    /// rows. Its attempt ends the dump, so the sender receives no more rows either.
    fn fork_reads(&mut self, case: &Case, buffers: &mut Buffers) -> Result<(), Failure> {
        let link = Link::open(case.transport, case.settings)?;
        let actor = self.actor(Knowledge::Roster, Space::Outer);
        let turns = Turns {
            first: self.rights(self.sender.tgid),
            later: Rights::Nobody,
        };
        let (bytes, control) = encode(case, &actor);
        self.show(&bytes, &control);
        let mut exchange = self.exchange(&link, case, &bytes);
        if !exchange.send(&bytes, &control, &actor)? {
            return Ok(());
        }

        self.in_fork(case, Space::Outer, |performer| {
            for _ in 0..FOREIGN_READS {
                if exchange.oracle.is_complete() || !exchange.read_one(buffers, &turns)? {
                    break;
                }
            }
            let oracle = &exchange.oracle;
            performer.setting.shared.add(&oracle.counts);
            Ok(())
        })?;

        exchange.oracle.missed_some();
        let actor = self.actor(Knowledge::Roster, Space::Outer);
        exchange.read(buffers, &turns, &actor)?;
        self.finish(exchange.oracle, Knowledge::Nothing, self.sender.tgid)
    }

    /// Reads after the sender has ended: the datagram that the request has made, and
    /// then no rows.
    fn fork_asks(&self, case: &Case, buffers: &mut Buffers) -> Result<(), Failure> {
        let link = Link::open(case.transport, case.settings)?;
        let mut actor = self.actor(Knowledge::Roster, Space::Outer);
        actor.parent = self.sender.tgid;

        let asker = Child::fork(|| {
            actor.sender.tgid = getpid().as_raw() as u32;
            let (bytes, control) = encode(case, &actor);
            match link.send(&bytes, &control) {
                Ok(sent) if sent == bytes.len() => WELL,
                Ok(_) => FAILED,
                Err(errno) => NOT_SENT.saturating_add(errno as u8),
            }
        })
        .map_err(|errno| Failure::System("fork", errno))?;

        actor.sender.tgid = asker.pid();
        let (bytes, control) = encode(case, &actor);
        self.show(&bytes, &control);
        let code = asker
            .wait()
            .map_err(|errno| Failure::System("wait for a process", errno))?;
        let result = match u8::try_from(code) {
            Ok(WELL) => Ok(bytes.len()),
            Ok(code) if code > NOT_SENT => Err(Errno::from_raw(i32::from(code - NOT_SENT))),
            _ => Err(Errno::UnknownErrno),
        };
        let mut exchange = self.exchange(&link, case, &bytes);
        if !exchange.was_sent(&bytes, result, &actor)? {
            return Ok(());
        }
        let turns = Turns {
            first: self.rights(actor.sender.tgid),
            later: Rights::Nobody,
        };
        exchange.read(buffers, &turns, &actor)?;
        self.finish(exchange.oracle, Knowledge::Roster, actor.sender.tgid)
    }

    /// Sends, changes the process, and reads. Tasks that the process may no longer
    /// see are not reported.
    fn changing(&self, case: &Case, change: Change, buffers: &mut Buffers) -> Result<(), Failure> {
        let link = Link::open(case.transport, case.settings)?;
        let actor = self.actor(Knowledge::Roster, Space::Outer);
        let before = self.rights(self.sender.tgid);
        let (bytes, control) = encode(case, &actor);
        self.show(&bytes, &control);
        let mut exchange = self.exchange(&link, case, &bytes);
        if !exchange.send(&bytes, &control, &actor)? {
            return Ok(());
        }

        let after = self.change(change).map_err(allowed("change"))?;
        exchange.oracle.has_changed();
        let turns = Turns {
            first: before,
            later: after.unwrap_or(before),
        };
        exchange.read(buffers, &turns, &actor)?;
        self.finish(exchange.oracle, Knowledge::Nothing, self.sender.tgid)
    }

    /// Changes this process. Returns its rights afterwards, if they differ.
    fn change(&self, change: Change) -> nix::Result<Option<Rights<'a>>> {
        let own = self.sender.tgid;
        let was_root = !self.setting.as_user;
        match change {
            Change::User => {
                let Some(user) = self.setting.user.filter(|_| was_root) else {
                    return Ok(None);
                };
                user.become_it()?;
                Ok(Some(Rights::User {
                    uid: user.uid,
                    gid: user.gid,
                    own,
                    hidden: Some(&self.setting.roster.hidden_from_user),
                }))
            }
            Change::UserNamespace => {
                unshare(CloneFlags::CLONE_NEWUSER)?;
                // In the new user namespace, root is an unprivileged user.
                Ok(was_root.then_some(Rights::User {
                    uid: self.sender.uid,
                    gid: self.sender.gid,
                    own,
                    hidden: None,
                }))
            }
            Change::PidNamespace => unshare(CloneFlags::CLONE_NEWPID).map(|()| None),
            Change::NetNamespace => unshare(CloneFlags::CLONE_NEWNET).map(|()| None),
            Change::Undumpable => prctl::set_dumpable(false).map(|()| None),
        }
    }

    /// Sends a request from new namespaces that contain no other process.
    fn contained(
        &mut self,
        case: &Case,
        inherited: bool,
        buffers: &mut Buffers,
    ) -> Result<(), Failure> {
        let outer = inherited
            .then(|| Link::open(case.transport, case.settings))
            .transpose()?;
        let around = self.sender.tgid;
        enter_namespaces(self.sender).map_err(allowed("enter namespaces"))?;
        self.in_fork(case, Space::Inner, |performer| {
            performer.inside(case, around, outer, buffers)
        })
    }

    /// `around` is the pid of the process that entered the user namespace.
    fn inside(
        &mut self,
        case: &Case,
        around: u32,
        inherited: Option<Link>,
        buffers: &mut Buffers,
    ) -> Result<(), Failure> {
        let own = outer_pid().map_err(Failure::Descriptors)?;
        // The file uses the pid namespace of its procfs mount.
        let file = case.transport == Transport::File;
        self.sender = Sender {
            tgid: if file { own } else { 1 },
            uid: 0,
            gid: 0,
            privileged: true,
        };
        // The opener of an inherited socket is an unprivileged user, which may not
        // see this process: it has more capabilities.
        let hidden = inherited.is_some() && self.setting.as_user;
        let knowledge = if file || hidden {
            Knowledge::Nothing
        } else {
            Knowledge::Alone
        };
        let space = if file { Space::Outer } else { Space::Inner };
        let link = match inherited {
            Some(link) => link,
            None => Link::open(case.transport, case.settings)?,
        };
        let actor = self.actor(knowledge, space);
        let seen = [
            (Space::Inner, 1),
            (Space::Outer, own),
            (Space::Outer, around),
        ];
        let rights = Rights::Processes(&seen);
        let turns = Turns::all(rights);
        let (bytes, control) = encode(case, &actor);
        self.show(&bytes, &control);
        let mut exchange = self.exchange(&link, case, &bytes);
        if !exchange.send(&bytes, &control, &actor)? {
            return Ok(());
        }
        exchange.read(buffers, &turns, &actor)?;
        self.finish(exchange.oracle, knowledge, self.sender.tgid)
    }

    /// Performs a part of the case in a forked process.
    fn in_fork(
        &mut self,
        case: &Case,
        space: Space,
        play: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let child = Child::fork(|| {
            self.sender.tgid = getpid().as_raw() as u32;
            self.parent = getppid().as_raw() as u32;
            let own = outer_pid().and_then(|pid| self.descriptors.open_own(pid, space));
            match own.map_err(Failure::Descriptors).and_then(|()| play(self)) {
                Ok(()) => WELL,
                Err(Failure::Finding(finding)) => {
                    self.setting.shared.findings.fetch_add(1, Relaxed);
                    self.setting.reporter.finding(case, &finding);
                    FOUND
                }
                Err(Failure::NotAllowed) => REFUSED,
                Err(failure) => {
                    self.setting.reporter.failure(case, &failure);
                    FAILED
                }
            }
        })
        .map_err(|errno| Failure::System("fork", errno))?;
        self.end_of(child)
    }

    fn end_of(&self, child: Child) -> Result<(), Failure> {
        let code = child
            .wait()
            .map_err(|errno| Failure::System("wait for a process", errno))?;
        match u8::try_from(code) {
            Ok(WELL | FOUND) => Ok(()),
            Ok(REFUSED) => Err(Failure::NotAllowed),
            Ok(FAILED) => Err(Failure::Reported),
            _ => Err(Finding(format!("a process of the scene ended with {code}")).into()),
        }
    }
}

/// Returns the pid of this process in the pid namespace of procfs.
fn outer_pid() -> io::Result<u32> {
    let own = fs::read_link("/proc/self")?;
    let pid = own.to_str().and_then(|own| own.parse().ok());
    pid.ok_or_else(|| io::Error::other("/proc/self is not a pid"))
}

/// Calls `work`, in another thread if `other` is true.
fn in_thread<T: Send>(other: bool, work: impl FnOnce() -> T + Send) -> Result<T, Failure> {
    if !other {
        return Ok(work());
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .spawn_scoped(scope, work)
            .map_err(Failure::Thread)?;
        thread
            .join()
            .map_err(|_| Finding("the thread of the scene panicked".to_owned()).into())
    })
}

/// Enters new user and network namespaces, and a new pid namespace for children.
fn enter_namespaces(outer: Sender) -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNET)?;
    let write = |file, text: &str| {
        fs::write(file, text)
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))
    };
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("0 {} 1", outer.uid))?;
    write("/proc/self/gid_map", &format!("0 {} 1", outer.gid))
}

/// Maps errors that a system without the needed rights or limits returns to
/// [`Failure::NotAllowed`].
fn allowed(what: &'static str) -> impl Fn(Errno) -> Failure {
    move |errno| match errno {
        Errno::EPERM | Errno::EACCES | Errno::ENOSPC | Errno::EUSERS => Failure::NotAllowed,
        errno => Failure::System(what, errno),
    }
}
