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
//! - A file whose name ends in ` (deleted)` is taken for one.
//! - A group that procfs does not let the caller read about a task (areas,
//!   open files, namespaces of others) is missing in that task's row.
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
mod memory;
mod message;
mod ns;
#[allow(unsafe_code, reason = "a system call that nix does not have")]
mod pidfd;
mod request;
mod row;
mod smaps;
mod text;
mod walk;

use std::io;
use std::path::Path;

use self::cgroups::Cgroups;
use self::folder::{Lack, Proc};
use self::memory::{Long, Told};
use self::message::Message;
use self::request::{Asked, Host, Refusal, Tasks};
use self::row::Begun;
use self::walk::Member;
use crate::abi;
use crate::error::{Error, Result};
use crate::features::Features;
use crate::file::hand_out;
use crate::request::Scope;
use crate::transport::{Framing, Transport};
use crate::wire::align;

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
}

/// An answer about tasks that is under way.
#[derive(Debug)]
struct Answer {
    tasks: Tasks,
    members: std::vec::IntoIter<Member>,
    /// The row that goes on in the next message.
    long: Option<Box<Long>>,
    /// There has been a row.
    any: bool,
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
        let mut proc = Proc::open(path).map_err(io("cannot open /proc"))?;
        let cgroups = Cgroups::find(&mut proc);
        let features = request::features(&proc, &cgroups);
        Ok(Self {
            proc,
            cgroups,
            features,
            message: Message::default(),
            answer: None,
        })
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
                let members = walk::members(&mut self.proc, &tasks)?
                    .ok_or_else(|| Refusal::no_such_task(tasks.blame))?;
                self.answer = Some(Answer {
                    tasks,
                    members: members.into_iter(),
                    long: None,
                    any: false,
                });
            }
        }
        Ok(())
    }

    /// Makes the next message of the answer, if there is one.
    fn make(&mut self, limit: usize) -> Result<()> {
        self.message.limit = limit.min(MESSAGE_MAX);
        let Some(mut answer) = self.answer.take() else {
            return Ok(());
        };
        if let Some(long) = answer.long.take() {
            self.go_on(&mut answer, long)?;
            self.answer = Some(answer);
            return Ok(());
        }
        while let Some(member) = answer.members.next() {
            if self.begin(&mut answer, member)? {
                answer.any = true;
                // Without NLM_F_DUMP the row is all there is.
                self.answer = answer.tasks.multi.then_some(answer);
                return Ok(());
            }
        }
        self.conclude(&answer);
        Ok(())
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
            .begin_row(long.member, true, abi::TASK_DIAG_FLAG_CONT);
        let told = long.put(&mut self.message, &answer.tasks);
        match told {
            Ok(Told::All) => {
                if !long.is_the_same(&mut self.proc) {
                    self.message.add_flag(abi::TASK_DIAG_FLAG_CUT);
                }
            }
            Ok(Told::Some) => answer.long = Some(long),
            Err(Lack::NoRoom(message)) => return Err(self.no_room(message)),
            Err(Lack::Io(error)) => return Err(io("cannot read /proc")(error)),
            Err(Lack::Gone | Lack::Denied | Lack::Changed) => {
                self.message.add_flag(abi::TASK_DIAG_FLAG_CUT);
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
    }

    fn no_room(&mut self, message: usize) -> Error {
        self.message.clear();
        Error::Truncated {
            message,
            buffer: self.message.limit,
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
                    len += align(hand_out(message, room)?);
                    self.message.clear();
                }
                _ if len > 0 => break,
                _ => return hand_out(message, buffer),
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
