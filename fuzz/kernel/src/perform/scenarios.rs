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
use crate::caller::{Caller, Knowledge};
use crate::case::{Case, Change, Scenario, Transport};
use crate::check::{Finding, Rights};
use crate::exchange::{Buffers, DatagramRights, Link, encode};
use crate::model::PidNs;
use crate::model::control::Sender;
use crate::process::Child;

/// Exit status of a process that succeeded.
const EXIT_SUCCESS: u8 = 0;
/// Exit status of a process that reported a finding.
const EXIT_FINDING: u8 = 1;
/// Exit status of a process that lacks the rights for the scenario.
const EXIT_NOT_ALLOWED: u8 = 2;
/// Exit status of a process that reported another failure.
const EXIT_FAILED: u8 = 3;
/// Exit status of a process that could not send its request, plus the errno.
const EXIT_NOT_SENT: u8 = 100;

/// Number of reads by another process.
const FOREIGN_READS: usize = 3;

impl<'a> Performer<'a> {
    pub(super) fn with_others(&mut self, case: &Case) -> Result<(), Failure> {
        // Later cases must not use a socket that this case may have affected.
        self.link = None;
        let mut buffers = std::mem::take(&mut self.buffers);
        let result = match case.scenario {
            Scenario::Alone | Scenario::ThreadReads | Scenario::ThreadSends => {
                self.with_thread(case, &mut buffers)
            }
            Scenario::ForkReads => self.fork_reads(case, &mut buffers),
            Scenario::ForkSends => self.fork_sends(case, &mut buffers),
            Scenario::Changes(change) => self.in_fork(case, PidNs::Outer, |performer| {
                performer.changing(case, change, &mut buffers)
            }),
            Scenario::Contained { inherited } => self.in_fork(case, PidNs::Outer, |performer| {
                performer.contained(case, inherited, &mut buffers)
            }),
        };
        self.buffers = buffers;
        result
    }

    /// Sends and reads in different threads, which have the same rights.
    fn with_thread(&self, case: &Case, buffers: &mut Buffers) -> Result<(), Failure> {
        let link = Link::open(case, &self.descriptors)?;
        let caller = self.caller(&link, Knowledge::KnownTasks, PidNs::Outer);
        let rights = self.rights(self.sender.tgid);
        let datagram_rights = DatagramRights::all(rights);
        let (bytes, control) = encode(case, &caller);
        self.show(&bytes, &control);
        let mut exchange = self.exchange(&link, case, &bytes);

        let other_sends = case.scenario == Scenario::ThreadSends;
        let sent = in_thread(other_sends, || exchange.send(&bytes, &control, &caller))??;
        if !sent {
            return Ok(());
        }
        in_thread(!other_sends, || {
            exchange.read(buffers, &datagram_rights, &caller)
        })??;
        let checker = exchange.checker;
        self.finish(checker, Knowledge::KnownTasks, self.sender.tgid)
    }

    /// Another process reads the datagram that the request has made, and then no
    /// rows. Its attempt ends the dump, so the sender receives no more rows either.
    fn fork_reads(&mut self, case: &Case, buffers: &mut Buffers) -> Result<(), Failure> {
        let link = Link::open(case, &self.descriptors)?;
        let caller = self.caller(&link, Knowledge::KnownTasks, PidNs::Outer);
        let datagram_rights = DatagramRights {
            first: self.rights(self.sender.tgid),
            later: Rights::None,
        };
        let (bytes, control) = encode(case, &caller);
        self.show(&bytes, &control);
        let mut exchange = self.exchange(&link, case, &bytes);
        if !exchange.send(&bytes, &control, &caller)? {
            return Ok(());
        }

        self.in_fork(case, PidNs::Outer, |performer| {
            for _ in 0..FOREIGN_READS {
                if exchange.checker.is_complete()
                    || !exchange.read_one(buffers, &datagram_rights)?
                {
                    break;
                }
            }
            let checker = &exchange.checker;
            performer.config.shared.add(&checker.counts);
            Ok(())
        })?;

        exchange.checker.set_ambiguous();
        let caller = self.caller(&link, Knowledge::KnownTasks, PidNs::Outer);
        exchange.read(buffers, &datagram_rights, &caller)?;
        self.finish(exchange.checker, Knowledge::Nothing, self.sender.tgid)
    }

    /// Reads after the sender has ended: the datagram that the request has made, and
    /// then no rows.
    fn fork_sends(&self, case: &Case, buffers: &mut Buffers) -> Result<(), Failure> {
        let link = Link::open(case, &self.descriptors)?;
        let mut caller = self.caller(&link, Knowledge::KnownTasks, PidNs::Outer);
        caller.parent = self.sender.tgid;

        let forked = Child::fork(|| {
            caller.sender.tgid = getpid().as_raw() as u32;
            let (bytes, control) = encode(case, &caller);
            match link.send(&bytes, &control) {
                Ok(sent) if sent == bytes.len() => EXIT_SUCCESS,
                Ok(_) => EXIT_FAILED,
                Err(errno) => EXIT_NOT_SENT.saturating_add(errno as u8),
            }
        })
        .map_err(|errno| Failure::System("fork", errno))?;

        caller.sender.tgid = forked.pid();
        let (bytes, control) = encode(case, &caller);
        self.show(&bytes, &control);
        let code = forked
            .wait()
            .map_err(|errno| Failure::System("wait for a process", errno))?;
        let result = match u8::try_from(code) {
            Ok(EXIT_SUCCESS) => Ok(bytes.len()),
            Ok(code) if code > EXIT_NOT_SENT => {
                Err(Errno::from_raw(i32::from(code - EXIT_NOT_SENT)))
            }
            _ => Err(Errno::UnknownErrno),
        };
        let mut exchange = self.exchange(&link, case, &bytes);
        if !exchange.was_sent(&bytes, result, &caller)? {
            return Ok(());
        }
        let datagram_rights = DatagramRights {
            first: self.rights(caller.sender.tgid),
            later: Rights::None,
        };
        exchange.read(buffers, &datagram_rights, &caller)?;
        self.finish(exchange.checker, Knowledge::KnownTasks, caller.sender.tgid)
    }

    /// Sends, changes the process, and reads. Tasks that the process may no longer
    /// see are not reported.
    fn changing(&self, case: &Case, change: Change, buffers: &mut Buffers) -> Result<(), Failure> {
        let link = Link::open(case, &self.descriptors)?;
        let caller = self.caller(&link, Knowledge::KnownTasks, PidNs::Outer);
        let before = self.rights(self.sender.tgid);
        let (bytes, control) = encode(case, &caller);
        self.show(&bytes, &control);
        let mut exchange = self.exchange(&link, case, &bytes);
        if !exchange.send(&bytes, &control, &caller)? {
            return Ok(());
        }

        let after = self.change(change).map_err(allowed("change"))?;
        exchange.checker.set_changed();
        let datagram_rights = DatagramRights {
            first: before,
            later: after.unwrap_or(before),
        };
        exchange.read(buffers, &datagram_rights, &caller)?;
        self.finish(exchange.checker, Knowledge::Nothing, self.sender.tgid)
    }

    /// Changes this process. Returns its rights afterwards, if they differ.
    fn change(&self, change: Change) -> nix::Result<Option<Rights<'a>>> {
        let own = self.sender.tgid;
        let was_root = !self.config.as_user;
        match change {
            Change::User => {
                let Some(user) = self.config.user.filter(|_| was_root) else {
                    return Ok(None);
                };
                user.switch()?;
                Ok(Some(Rights::User {
                    uid: user.uid,
                    gid: user.gid,
                    own,
                    sight: Some(&self.config.known_tasks.sight_of_user),
                    groups: [self.group, user.gid],
                }))
            }
            Change::UserNamespace => {
                unshare(CloneFlags::CLONE_NEWUSER)?;
                // In the new user namespace, root is an unprivileged user, and security
                // modules can deny a user its own tasks.
                Ok(Some(Rights::User {
                    uid: self.sender.uid,
                    gid: self.sender.gid,
                    own,
                    sight: None,
                    groups: [self.group; 2],
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
            .then(|| Link::open(case, &self.descriptors))
            .transpose()?;
        let around = self.sender.tgid;
        enter_namespaces(self.sender).map_err(allowed("enter namespaces"))?;
        self.in_fork(case, PidNs::Inner, |performer| {
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
        // The file uses the pid namespace of its procfs mount, see caller().
        let file = case.transport == Transport::File;
        self.sender = Sender {
            tgid: if file { own } else { 1 },
            uid: 0,
            gid: 0,
            privileged: true,
        };
        // The opener of an inherited socket is an unprivileged user, which may not
        // see this process: it has more capabilities.
        let hidden = inherited.is_some() && self.config.as_user;
        let knowledge = if file || hidden {
            Knowledge::Nothing
        } else {
            Knowledge::Alone
        };
        let is_opener = inherited.is_none();
        let link = match inherited {
            Some(link) => link,
            None => Link::open(case, &self.descriptors)?,
        };
        let caller = Caller {
            is_opener,
            ..self.caller(&link, knowledge, PidNs::Inner)
        };
        let seen = [
            (PidNs::Inner, 1),
            (PidNs::Outer, own),
            (PidNs::Outer, around),
        ];
        let rights = Rights::Processes {
            seen: &seen,
            group: self.group,
        };
        let datagram_rights = DatagramRights::all(rights);
        let (bytes, control) = encode(case, &caller);
        self.show(&bytes, &control);
        let mut exchange = self.exchange(&link, case, &bytes);
        if !exchange.send(&bytes, &control, &caller)? {
            return Ok(());
        }
        exchange.read(buffers, &datagram_rights, &caller)?;
        self.finish(exchange.checker, knowledge, self.sender.tgid)
    }

    /// Performs a part of the case in a forked process.
    fn in_fork(
        &mut self,
        case: &Case,
        pid_ns: PidNs,
        act: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let child = Child::fork(|| {
            self.sender.tgid = getpid().as_raw() as u32;
            self.parent = getppid().as_raw() as u32;
            let own = outer_pid().and_then(|pid| self.descriptors.open_own(pid, pid_ns));
            match own.map_err(Failure::Descriptors).and_then(|()| act(self)) {
                Ok(()) => EXIT_SUCCESS,
                Err(Failure::Finding(finding)) => {
                    self.config.shared.findings.fetch_add(1, Relaxed);
                    self.config.reporter.finding(case, &finding);
                    EXIT_FINDING
                }
                Err(Failure::NotAllowed) => EXIT_NOT_ALLOWED,
                Err(failure) => {
                    self.config.reporter.failure(case, &failure);
                    EXIT_FAILED
                }
            }
        })
        .map_err(|errno| Failure::System("fork", errno))?;
        self.wait_for(child)
    }

    fn wait_for(&self, child: Child) -> Result<(), Failure> {
        let code = child
            .wait()
            .map_err(|errno| Failure::System("wait for a process", errno))?;
        match u8::try_from(code) {
            Ok(EXIT_SUCCESS | EXIT_FINDING) => Ok(()),
            Ok(EXIT_NOT_ALLOWED) => Err(Failure::NotAllowed),
            Ok(EXIT_FAILED) => Err(Failure::Reported),
            _ => Err(Finding(format!(
                "a process of the scenario exited with status {code}"
            ))
            .into()),
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
            .map_err(|_| Finding("the thread of the scenario panicked".to_owned()).into())
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
