// SPDX-License-Identifier: MIT
//! Answers requests from procfs, where the kernel has no task_diag.
//!
//! A transport like the others: takes a request's bytes, and gives the
//! messages that the kernel would. So everything above it, errors included, is
//! the same, only slower: two to a dozen system calls a task, and text to be
//! made and read for each.
//!
//! # What procfs cannot tell
//!
//! - Times come in clock ticks, so `start_time`, `utime` and their kin are
//!   multiples of 10 ms as a rule; PSS comes in KiB.
//! - `securebits` is 0.
//! - The id of a cgroup is 0, and nobody can be asked for by it, where no
//!   cgroup2 file system is mounted.
//! - A file whose name ends in ` (deleted)` is reported as deleted, and so is a
//!   cgroup.
//! - The flags of memory mappings that the kernel does not have are unknown: no
//!   mapping has them.
//! - Ids of namespaces are not valid.
//! - `blkio_delay` is valid if it is not 0, or if the sysctl
//!   `kernel.task_delayacct` is 1.
//! - A group that procfs does not let the caller read about a task (memory
//!   mappings, open files, namespaces of others) is absent in that task's row,
//!   and listed as denied.
//! - Tasks and pid namespaces cannot be named by descriptors.
//! - Who is shown is what the mount shows: others too, unless it is mounted
//!   with `hidepid`.
//! - The view of another pid namespace.
//!
//! # Races
//!
//! A task's folder is opened once, and everything is read through it. It stands
//! for that task: when that is reaped, the open folder is empty, whoever gets
//! the number next. The row is begun anew then, and left out if nobody has the
//! number.

mod cgroups;
mod files;
mod folder;
mod kept;
mod member;
mod memory;
mod ns;
#[allow(unsafe_code, reason = "a system call that nix does not have")]
mod pidfd;
mod request;
mod row;
mod smaps;
mod text;
mod walk;

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use netlink_packet_core::NLM_F_DUMP_INTR;

use self::cgroups::Cgroups;
use self::folder::{Lack, Proc};
pub use self::kept::Keep;
use self::member::Member;
use self::memory::{Long, Told};
use self::request::{Asked, Host, Tasks};
use self::row::Begun;
use crate::abi;
use crate::answer::{ABSENT_ROOM, Message, Refusal};
use crate::error::{Error, Result};
use crate::features::Features;
use crate::netlink::align;
use crate::pid::Pid;
use crate::request::Scope;
use crate::transport::{Framing, Transport, copy_datagram};

/// The longest message, in bytes, as the kernel's.
const MESSAGE_MAX: usize = 32 * 1024;
/// How often a row is begun for a number that changes hands meanwhile.
const ATTEMPTS: usize = 4;

/// Answers requests from procfs.
#[derive(Debug)]
pub struct Procfs {
    proc: Proc,
    cgroups: Cgroups,
    features: Features,
    /// The message that is to be received next; empty if there is none.
    message: Message,
    answer: Option<Answer>,
    /// Keeps the rows that procfs need not be searched for.
    keeper: Option<Box<dyn Keep>>,
}

/// An answer about tasks that is under way.
#[derive(Debug)]
struct Answer {
    tasks: Tasks,
    members: Members,
    /// The row that goes on in the next message.
    long: Option<Box<Long>>,
    /// There has been a row.
    any: bool,
}

/// Whom it is still to tell of.
#[derive(Debug)]
enum Members {
    /// Those who were there when it was asked for.
    Found(std::vec::IntoIter<Member>),
    /// Those whose rows are kept.
    Kept(kept::Rows),
}

impl Procfs {
    /// Opens `/proc`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if there is none, or it is that of another pid namespace.
    pub fn open() -> Result<Self> {
        let mine = std::fs::read_link("/proc/self").map_err(io("cannot read /proc/self"))?;
        if mine.to_str() != Some(&std::process::id().to_string()) {
            return Err(Error::Io {
                context: "/proc is that of another pid namespace",
                source: io::ErrorKind::NotFound.into(),
            });
        }
        Self::at(Path::new("/proc"))
    }

    /// Opens a folder that is laid out as procfs.
    fn at(path: &Path) -> Result<Self> {
        let proc = Proc::open(path).map_err(io("cannot open /proc"))?;
        Ok(Self::new(proc))
    }

    /// Reads a procfs that is mounted elsewhere, or nowhere, by its root.
    #[must_use]
    pub fn from_root(root: OwnedFd) -> Self {
        Self::new(Proc::new(root))
    }

    fn new(mut proc: Proc) -> Self {
        let cgroups = Cgroups::find(&mut proc);
        let features = request::features(&proc, &cgroups);
        Self {
            proc,
            cgroups,
            features,
            message: Message::default(),
            answer: None,
            keeper: None,
        }
    }

    /// Tells nothing of this process, as if it were not there.
    #[must_use]
    pub fn hide(mut self, process: Pid) -> Self {
        self.proc.hidden = Some(process);
        self
    }

    /// Asks somebody else for what is kept of all processes, instead of
    /// searching procfs for them. Such rows say so:
    /// [`TaskRef::is_kept`](crate::TaskRef::is_kept). All other requests are
    /// answered as before.
    #[must_use]
    pub fn keep(mut self, keeper: impl Keep + 'static) -> Self {
        self.keeper = Some(Box::new(keeper));
        self
    }

    /// Takes a request in.
    fn take(&mut self, request: &[u8]) -> Result<(), Refused> {
        let mut host = Host {
            proc: &mut self.proc,
            cgroups: &self.cgroups,
            features: self.features,
        };
        match request::parse(request, &mut host)? {
            Asked::Features => {
                let features = abi::TaskDiagFeatures::from(self.features);
                self.message.put_features(&features);
            }
            Asked::Tasks(tasks) => {
                let members = self.members(&tasks)?;
                self.answer = Some(Answer {
                    tasks,
                    members,
                    long: None,
                    any: false,
                });
            }
        }
        Ok(())
    }

    fn members(&mut self, tasks: &Tasks) -> Result<Members, Refused> {
        if self.keeper.is_some() && kept::is_kept(tasks) {
            return Ok(Members::Kept(kept::Rows::default()));
        }
        let members = walk::members(&mut self.proc, tasks)?
            .ok_or_else(|| Refusal::no_such_task(tasks.blame))?;
        Ok(Members::Found(members.into_iter()))
    }

    /// Makes the next message of the answer, if there is one.
    fn make(&mut self, limit: usize) -> Result<()> {
        self.message.limit = limit.min(MESSAGE_MAX).saturating_sub(ABSENT_ROOM);
        let Some(mut answer) = self.answer.take() else {
            return Ok(());
        };
        if let Some(long) = answer.long.take() {
            self.go_on(&mut answer, long)?;
            self.answer = Some(answer);
            return Ok(());
        }
        if self.make_next(&mut answer)? {
            answer.any = true;
            // Without NLM_F_DUMP the row is all there is.
            self.answer = answer.tasks.multi.then_some(answer);
        } else {
            self.conclude(&answer);
        }
        Ok(())
    }

    /// Makes the first message about the next task; false if there is none.
    fn make_next(&mut self, answer: &mut Answer) -> Result<bool> {
        match (&mut answer.members, &mut self.keeper) {
            (Members::Kept(rows), Some(keeper)) => {
                let row = rows.next(keeper.as_mut(), &answer.tasks)?;
                if let Some(task) = &row {
                    kept::put(&mut self.message, task, &answer.tasks);
                }
                Ok(row.is_some())
            }
            (Members::Kept(_), None) => Ok(false),
            (Members::Found(_), _) => self.make_found(answer),
        }
    }

    fn make_found(&mut self, answer: &mut Answer) -> Result<bool> {
        while let Members::Found(members) = &mut answer.members {
            let Some(member) = members.next() else {
                break;
            };
            if self.begin(answer, member)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes the first message about a task; false if there is none, or none
    /// that is wanted.
    fn begin(&mut self, answer: &mut Answer, member: Member) -> Result<bool> {
        for _ in 0..ATTEMPTS {
            let mut row = row::Row {
                proc: &mut self.proc,
                cgroups: &mut self.cgroups,
                message: &mut self.message,
                tasks: &answer.tasks,
            };
            match row.begin(member) {
                Ok(Begun::Whole) => return Ok(true),
                Ok(Begun::GoesOn(long)) => {
                    answer.long = Some(long);
                    return Ok(true);
                }
                Ok(Begun::Unwanted) | Err(Lack::Denied) => break,
                // Who has the number now?
                Err(Lack::Changed) => {}
                Err(Lack::Gone) if !self.proc.has(member) => break,
                Err(Lack::Gone) => {}
                Err(Lack::NoRoom(message)) => return Err(self.no_room(message)),
                Err(Lack::Io(error)) => return Err(io("cannot read /proc")(error)),
            }
        }
        self.message.clear();
        Ok(false)
    }

    /// Makes the next message about a task that has more than one.
    fn go_on(&mut self, answer: &mut Answer, mut long: Box<Long>) -> Result<()> {
        self.message
            .begin_row(long.member.numbers(), true, abi::TASK_DIAG_FLAG_CONT);
        let told = long.put(&mut self.message, &answer.tasks);
        match told {
            Ok(Told::All) => {
                if !long.is_the_same(&mut self.proc) {
                    long.absent.gone |= long.reported(&answer.tasks);
                }
                self.message.put_absent(long.absent);
            }
            Ok(Told::Some) => {
                self.message.continue_row();
                answer.long = Some(long);
            }
            Err(Lack::NoRoom(message)) => return Err(self.no_room(message)),
            Err(Lack::Io(error)) => return Err(io("cannot read /proc")(error)),
            Err(Lack::Gone | Lack::Changed) => {
                long.absent.gone |= long.rest(&answer.tasks);
                self.message.put_absent(long.absent);
            }
            Err(Lack::Denied) => {
                long.absent.denied |= long.rest(&answer.tasks);
                self.message.put_absent(long.absent);
            }
        }
        self.message.end();
        Ok(())
    }

    /// Makes the message that ends the answer.
    fn conclude(&mut self, answer: &Answer) {
        let missing = answer.tasks.single && !answer.any;
        match (missing, answer.tasks.multi) {
            (false, _) => self.message.put_done(None),
            (true, true) => self.message.put_done(Some(&Refusal::gone())),
            (true, false) => self.message.put_refusal(&Refusal::gone()),
        }
        if let Members::Kept(kept::Rows {
            interrupted: true, ..
        }) = answer.members
        {
            self.message.add_flags(NLM_F_DUMP_INTR);
        }
    }

    fn no_room(&mut self, message: usize) -> Error {
        self.message.clear();
        Error::Truncated {
            message: message + ABSENT_ROOM,
            buffer: self.message.limit + ABSENT_ROOM,
        }
    }
}

/// Why a request has no answer but this.
enum Refused {
    /// It is at fault.
    Refusal(Refusal),
    Io(io::Error),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Transport for Procfs {
    fn framing(&self) -> Framing {
        Framing::Plain
    }

    /// The answer repeats what the request says, which is none.
    fn port(&self) -> u32 {
        0
    }

    /// Cached rows are marked.
    fn forwards(&self) -> bool {
        self.keeper.is_some()
    }

    fn send(&mut self, request: &[u8], scope: Scope) -> Result<()> {
        if let Scope::Process(pid) = scope {
            let asked = "procfs";
            return Err(Error::ScopeNeedsNetlink { pid, asked });
        }
        self.answer = None;
        self.message.answer_to(request);
        match self.take(request) {
            Ok(()) => Ok(()),
            Err(Refused::Refusal(refusal)) => {
                self.message.put_refusal(&refusal);
                Ok(())
            }
            Err(Refused::Io(error)) => Err(io("cannot read /proc")(error)),
        }
    }

    /// Fills the buffer with messages, as far as they go.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut len = 0;
        loop {
            if self.message.is_empty() {
                self.make(buffer.len())?;
            }
            let message = self.message.as_bytes();
            match buffer.get_mut(len..) {
                Some(_) if message.is_empty() => break,
                Some(room) if message.len() <= room.len() => {
                    len += align(copy_datagram(message, room)?);
                    self.message.clear();
                }
                _ if len > 0 => break,
                _ => return copy_datagram(message, buffer),
            }
        }
        match len {
            0 => Err(Error::Decode {
                what: "it ends before its end is told".to_owned(),
            }),
            len => Ok(len.min(buffer.len())),
        }
    }

    fn reset(&mut self, _buffer: &mut [u8]) -> Result<()> {
        self.answer = None;
        self.message.clear();
        Ok(())
    }
}

fn io(context: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Io { context, source }
}

#[cfg(test)]
mod tests;
