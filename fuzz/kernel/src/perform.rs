// SPDX-License-Identifier: MIT
//! Performs cases one by one.

mod scenes;

use std::sync::atomic::Ordering::Relaxed;

use nix::unistd::{getgid, getpid, getppid, getuid};

use crate::actor::{Actor, Knowledge};
use crate::case::{Case, EPOCH, Scene, Transport};
use crate::descriptors::Descriptors;
use crate::exchange::{Buffers, End, Exchange, Link, Turns, encode};
use crate::keep::Keeper;
use crate::model::control::Sender;
use crate::model::{Features, Space};
use crate::oracle::{Dump, Finding, Oracle, Rights};
use crate::process::User;
use crate::report::{self, Reporter};
use crate::roster::Roster;
use crate::shared::Shared;
use crate::socket;
use taskdiag::abi;

/// Reason why a case failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The kernel violated the protocol.
    #[error(transparent)]
    Finding(#[from] Finding),
    /// A system call that the case needs failed.
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
    #[error("cannot open descriptors of the process: {0}")]
    Descriptors(#[source] std::io::Error),
}

/// Constants of a run.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) reporter: Reporter,
    pub(crate) family: u16,
    /// Features that the kernel reported.
    pub(crate) features: Features,
    pub(crate) shared: &'static Shared,
    pub(crate) roster: &'a Roster,
    /// Cases are performed as the unprivileged user, not as root.
    pub(crate) as_user: bool,
    /// The unprivileged user, if processes can switch to it.
    pub(crate) user: Option<User>,
    /// Print sent and received data.
    pub(crate) show: bool,
}

/// Performs cases in this process.
#[derive(Debug)]
pub(crate) struct Performer<'a> {
    setting: &'a Setting<'a>,
    sender: Sender,
    parent: u32,
    descriptors: Descriptors,
    /// Socket or file of the previous case, and its epoch.
    link: Option<(u64, Link)>,
    buffers: Buffers,
    keeper: Option<Keeper>,
}

impl<'a> Performer<'a> {
    pub(crate) fn new(
        setting: &'a Setting<'a>,
        mut descriptors: Descriptors,
        keeper: Option<Keeper>,
    ) -> Result<Self, Failure> {
        descriptors
            .open_own(getpid().as_raw() as u32, Space::Outer)
            .map_err(Failure::Descriptors)?;
        Ok(Self {
            setting,
            descriptors,
            sender: Sender {
                tgid: getpid().as_raw() as u32,
                uid: getuid().as_raw(),
                gid: getgid().as_raw(),
                privileged: getuid().is_root(),
            },
            parent: getppid().as_raw() as u32,
            link: None,
            buffers: Buffers::default(),
            keeper,
        })
    }

    pub(crate) fn perform(&mut self, case: &Case) -> Result<(), Failure> {
        if case.transport == Transport::File {
            self.setting.shared.files.fetch_add(1, Relaxed);
        }
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

    fn actor(&self, knowledge: Knowledge, space: Space) -> Actor<'_> {
        Actor {
            family: self.setting.family,
            features: self.setting.features,
            sender: self.sender,
            parent: self.parent,
            just_exited: self.setting.shared.just_exited.load(Relaxed),
            roster: self.setting.roster,
            knowledge,
            descriptors: &self.descriptors,
            space,
            sees_root: !self.setting.as_user && knowledge == Knowledge::Roster,
        }
    }

    /// Returns the rows that this process, with pid `own`, may see.
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
        let link = match self.link.take() {
            Some((opened, link)) if opened == epoch => link,
            _ => Link::open(case.transport, case.settings)?,
        };
        let mut buffers = std::mem::take(&mut self.buffers);
        let result = self.alone_through(case, &link, &mut buffers);
        self.buffers = buffers;
        if result? {
            self.link = Some((epoch, link));
        }
        Ok(())
    }

    /// Returns true if the socket or file can be used again.
    fn alone_through(
        &mut self,
        case: &Case,
        link: &Link,
        buffers: &mut Buffers,
    ) -> Result<bool, Failure> {
        let actor = self.actor(Knowledge::Roster, Space::Outer);
        let rights = self.rights(self.sender.tgid);
        let turns = Turns::all(rights);
        let (bytes, control) = encode(case, &actor);
        self.show(&bytes, &control);

        let mut exchange = self
            .exchange(link, case, &bytes)
            .recording(self.keeper.is_some());
        if !exchange.send(&bytes, &control, &actor)? {
            return Ok(true);
        }
        let end = exchange.read(buffers, &turns, &actor)?;
        let record = exchange.record.take();
        let oracle = exchange.oracle;
        if let (Some(keeper), Some(record), Some(shape), End::Complete) =
            (&mut self.keeper, record, oracle.shape(), end)
        {
            keeper.keep(&shape, &record)?;
        }
        // A dump makes its next datagram before it delivers one, so an empty socket
        // stays empty.
        let again = end != End::Abandoned && !oracle.has_lost();
        self.finish(oracle, Knowledge::Roster, self.sender.tgid)?;
        Ok(again)
    }

    fn exchange<'e>(&self, link: &'e Link, case: &'e Case, bytes: &[u8]) -> Exchange<'e> {
        let setting = self.setting;
        Exchange::new(
            link,
            case,
            setting.family,
            setting.features,
            bytes.len(),
            setting.shared,
        )
        .showing(setting.show)
    }

    /// Ends an exchange: adds its counts, and checks complete dumps.
    fn finish(&self, oracle: Oracle, knowledge: Knowledge, own: u32) -> Result<(), Failure> {
        self.setting.shared.add(&oracle.counts);
        for dump in oracle.finish()? {
            let sees_root = !self.setting.as_user && knowledge == Knowledge::Roster;
            let checked = match (knowledge, dump.query.space) {
                (Knowledge::Nothing, _) => continue,
                (_, Space::Child) => self.setting.roster.check_child(&dump, sees_root),
                (Knowledge::Roster, Space::Outer) => self.setting.roster.check(&dump, own),
                (Knowledge::Alone, Space::Inner) => check_alone(&dump),
                _ => continue,
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

/// Checks a dump in a pid namespace with one task: it reports the task, unless it
/// is a dump of children.
fn check_alone(dump: &Dump) -> Result<(), String> {
    let none = [
        abi::TASK_DIAG_DUMP_CHILDREN,
        abi::TASK_DIAG_DUMP_DESCENDANTS,
    ];
    let expected: &[u32] = if none.contains(&dump.query.strategy) {
        &[]
    } else {
        &[1]
    };
    if dump.query.filtered || dump.pids == expected {
        Ok(())
    } else {
        Err(format!(
            "in a pid namespace of its own, {dump:?} instead of {expected:?}"
        ))
    }
}
