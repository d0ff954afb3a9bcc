// SPDX-License-Identifier: MIT
//! Performs cases, one after the other.

mod scenes;

use std::sync::atomic::Ordering::Relaxed;

use nix::unistd::{getgid, getpid, getppid, getuid};

use crate::actor::{Actor, Knowledge};
use crate::case::{Case, EPOCH, Scene};
use crate::exchange::{Buffers, End, Exchange, Turns, encode};
use crate::keep::Keeper;
use crate::model::control::Sender;
use crate::oracle::{Dump, Finding, Oracle, Rights};
use crate::process::User;
use crate::report::{self, Reporter};
use crate::roster::Roster;
use crate::shared::Shared;
use crate::socket::{self, Socket};

/// Why a case has not been performed well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The kernel did what it must not.
    #[error(transparent)]
    Finding(#[from] Finding),
    /// The system did not do what it takes to perform it.
    #[error(transparent)]
    Socket(#[from] socket::Error),
    #[error("cannot {0}: {1}")]
    System(&'static str, nix::Error),
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    #[error("the system does not allow it")]
    NotAllowed,
    #[error("a process of the scene could not play its part")]
    Reported,
    #[error("cannot keep an answer: {0}")]
    Keep(#[from] std::io::Error),
}

/// What stays the same for a whole run.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) reporter: Reporter,
    pub(crate) family: u16,
    /// The groups that the kernel says it has.
    pub(crate) groups: u64,
    pub(crate) shared: &'static Shared,
    pub(crate) roster: &'a Roster,
    /// Cases are performed as the plain user, not as root.
    pub(crate) as_user: bool,
    /// The plain user, if processes can be made to be one's.
    pub(crate) user: Option<User>,
    /// Show what is sent and received.
    pub(crate) show: bool,
}

/// Performs cases in this process.
#[derive(Debug)]
pub(crate) struct Performer<'a> {
    setting: &'a Setting<'a>,
    sender: Sender,
    parent: u32,
    /// Left over from the case before, and the epoch it was opened for.
    socket: Option<(u64, Socket)>,
    buffers: Buffers,
    keeper: Option<Keeper>,
}

impl<'a> Performer<'a> {
    pub(crate) fn new(setting: &'a Setting<'a>, keeper: Option<Keeper>) -> Self {
        Self {
            setting,
            sender: Sender {
                tgid: getpid().as_raw() as u32,
                uid: getuid().as_raw(),
                gid: getgid().as_raw(),
                privileged: getuid().is_root(),
            },
            parent: getppid().as_raw() as u32,
            socket: None,
            buffers: Buffers::default(),
            keeper,
        }
    }

    pub(crate) fn perform(&mut self, case: &Case) -> Result<(), Failure> {
        if case.scene == Scene::Alone {
            self.alone(case)
        } else {
            self.setting.shared.scenes.fetch_add(1, Relaxed);
            match self.with_others(case) {
                Err(Failure::NotAllowed) => {
                    self.setting.shared.scenes_refused.fetch_add(1, Relaxed);
                    Ok(())
                }
                result => result,
            }
        }
    }

    fn actor(&self, knowledge: Knowledge) -> Actor<'a> {
        Actor {
            family: self.setting.family,
            groups: self.setting.groups,
            sender: self.sender,
            parent: self.parent,
            just_exited: self.setting.shared.just_exited.load(Relaxed),
            roster: self.setting.roster,
            knowledge,
        }
    }

    /// What this process may see, when it is `own`.
    fn rights(&self, own: u32) -> Rights<'a> {
        if self.setting.as_user {
            Rights::User {
                uid: self.sender.uid,
                gid: self.sender.gid,
                own,
                hidden: Some(&self.setting.roster.hidden),
            }
        } else {
            Rights::All
        }
    }

    fn alone(&mut self, case: &Case) -> Result<(), Failure> {
        let epoch = case.iteration / EPOCH;
        let socket = match self.socket.take() {
            Some((opened, socket)) if opened == epoch => socket,
            _ => Socket::open(case.settings)?,
        };
        let actor = self.actor(Knowledge::Roster);
        let rights = self.rights(self.sender.tgid);
        let turns = Turns::all(rights);
        let (bytes, control) = encode(case, &actor);
        self.show(&bytes, &control);

        let mut exchange = self
            .exchange(&socket, case, &bytes)
            .recording(self.keeper.is_some());
        let Some(knowledge) = exchange.send(&bytes, &control, &actor)? else {
            self.socket = Some((epoch, socket));
            return Ok(());
        };
        let end = exchange.read(&mut self.buffers, &turns, &actor)?;
        let record = exchange.record.take();
        let oracle = exchange.oracle;
        if let (Some(keeper), Some(record), Some(shape), End::Complete) =
            (&mut self.keeper, record, oracle.shape(), end)
        {
            keeper.keep(&shape, &record)?;
        }
        // A dump makes its next datagram before it hands one out, so where
        // there is none, none comes.
        if end != End::Abandoned && !oracle.has_lost() {
            self.socket = Some((epoch, socket));
        }
        self.finish(oracle, knowledge, self.sender.tgid)
    }

    fn exchange<'e>(&self, socket: &'e Socket, case: &'e Case, bytes: &[u8]) -> Exchange<'e> {
        let setting = self.setting;
        Exchange::new(socket, case, setting.family, bytes.len(), setting.shared)
            .showing(setting.show)
    }

    /// Closes an exchange: counts what was in it, and looks at whole dumps.
    fn finish(&self, oracle: Oracle, knowledge: Knowledge, own: u32) -> Result<(), Failure> {
        self.setting.shared.add(&oracle.counts);
        for dump in oracle.finish()? {
            let checked = match knowledge {
                Knowledge::Nothing => continue,
                Knowledge::Roster => self.setting.roster.check(&dump, own),
                Knowledge::Alone => check_alone(&dump, own),
            };
            checked.map_err(Finding)?;
            self.setting.shared.whole_dumps.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    fn show(&self, bytes: &[u8], control: &[u8]) {
        if self.setting.show {
            println!("sent, {} bytes", bytes.len());
            report::dump(bytes);
            if !control.is_empty() {
                println!("with control messages, {} bytes", control.len());
                report::dump(control);
            }
        }
    }
}

/// Where there is one task, every dump but that of its children is of it.
fn check_alone(dump: &Dump, own: u32) -> Result<(), String> {
    let children = dump.query.strategy == taskdiag::abi::TASK_DIAG_DUMP_CHILDREN;
    let expected: &[u32] = if children { &[] } else { &[own] };
    if dump.pids == expected {
        Ok(())
    } else {
        Err(format!(
            "in a pid namespace of its own, {dump:?} instead of {expected:?}"
        ))
    }
}
