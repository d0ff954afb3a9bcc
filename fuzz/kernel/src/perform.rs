// SPDX-License-Identifier: MIT
//! Performs cases one by one.

mod scenarios;

use std::sync::atomic::Ordering::Relaxed;

use nix::unistd::{getgid, getpid, getppid, getuid};

use crate::caller::{Caller, Knowledge};
use crate::case::{Case, EPOCH, Scenario, Transport};
use crate::check::{Checker, Dump, Finding, Rights};
use crate::descriptors::Descriptors;
use crate::error;
use crate::exchange::{Buffers, DatagramRights, End, Exchange, Link, encode};
use crate::known_tasks::KnownTasks;
use crate::model::control::Sender;
use crate::model::{Features, Level, PidNs};
use crate::process::User;
use crate::report::{self, Reporter};
use crate::seeds::SeedWriter;
use crate::shared::Shared;
use taskdiag::abi;

/// Reason why a case failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The kernel violated the protocol.
    #[error(transparent)]
    Finding(#[from] Finding),
    /// A system call that the case needs failed.
    #[error(transparent)]
    Socket(#[from] error::Error),
    #[error("cannot {0}: {1}")]
    System(&'static str, nix::Error),
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    #[error("the system does not allow the scenario")]
    NotAllowed,
    #[error("a process of the scenario failed")]
    Reported,
    #[error("cannot save a reply as seed: {0}")]
    Seed(#[from] std::io::Error),
    #[error("cannot open descriptors of the process: {0}")]
    Descriptors(#[source] std::io::Error),
}

/// Constants of a run.
#[derive(Debug)]
pub(crate) struct RunConfig<'a> {
    pub(crate) reporter: Reporter,
    pub(crate) family: u16,
    /// Features that the kernel reported.
    pub(crate) features: Features,
    pub(crate) shared: &'static Shared,
    pub(crate) known_tasks: &'a KnownTasks,
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
    config: &'a RunConfig<'a>,
    sender: Sender,
    /// The group of this process in the user namespace of the run.
    group: u32,
    parent: u32,
    descriptors: Descriptors,
    /// Socket or file of the previous case, and its epoch.
    link: Option<(u64, Link)>,
    buffers: Buffers,
    seed_writer: Option<SeedWriter>,
}

impl<'a> Performer<'a> {
    pub(crate) fn new(
        config: &'a RunConfig<'a>,
        mut descriptors: Descriptors,
        seed_writer: Option<SeedWriter>,
    ) -> Result<Self, Failure> {
        descriptors
            .open_own(getpid().as_raw() as u32, PidNs::Outer)
            .map_err(Failure::Descriptors)?;
        Ok(Self {
            config,
            descriptors,
            sender: Sender {
                tgid: getpid().as_raw() as u32,
                uid: getuid().as_raw(),
                gid: getgid().as_raw(),
                privileged: getuid().is_root(),
            },
            group: getgid().as_raw(),
            parent: getppid().as_raw() as u32,
            link: None,
            buffers: Buffers::default(),
            seed_writer,
        })
    }

    pub(crate) fn perform(&mut self, case: &Case) -> Result<(), Failure> {
        if case.transport == Transport::File {
            self.config.shared.files.fetch_add(1, Relaxed);
        }
        let names_mount = |(kind, _)| kind == abi::TASK_DIAG_CMD_ATTR_PROC_FD;
        if case.descriptors().any(names_mount) {
            self.config.shared.mounts.fetch_add(1, Relaxed);
        }
        if case.scenario == Scenario::Alone {
            self.alone(case)
        } else {
            self.config.shared.scenarios.fetch_add(1, Relaxed);
            match self.with_others(case) {
                Err(Failure::NotAllowed) => {
                    self.config
                        .shared
                        .scenarios_not_allowed
                        .fetch_add(1, Relaxed);
                    Ok(())
                }
                result => result,
            }
        }
    }

    /// Returns the view of this process. `pid_ns` is the pid namespace of requests
    /// over netlink.
    fn caller(&self, link: &Link, knowledge: Knowledge, pid_ns: PidNs) -> Caller<'_> {
        let mount = match link {
            Link::Socket(_) => None,
            Link::File(_) => Some(link.mount().unwrap_or(self.descriptors.proc())),
        };
        Caller {
            family: self.config.family,
            features: self.config.features,
            sender: self.sender,
            parent: self.parent,
            just_exited: self.config.shared.just_exited.load(Relaxed),
            known_tasks: self.config.known_tasks,
            knowledge,
            descriptors: &self.descriptors,
            pid_ns: mount.map_or(pid_ns, |mount| mount.pid_ns),
            mount,
            is_opener: true,
            group: self.group,
            sees_root: self.sees_root(knowledge),
        }
    }

    fn sees_root(&self, knowledge: Knowledge) -> bool {
        !self.config.as_user && knowledge == Knowledge::KnownTasks
    }

    /// Returns the rows that this process, with pid `own`, may see.
    fn rights(&self, own: u32) -> Rights<'a> {
        if self.config.as_user {
            Rights::User {
                uid: self.sender.uid,
                gid: self.sender.gid,
                own,
                sight: Some(&self.config.known_tasks.sight),
                groups: [self.group; 2],
            }
        } else {
            Rights::All
        }
    }

    fn alone(&mut self, case: &Case) -> Result<(), Failure> {
        let epoch = case.iteration / EPOCH;
        let link = match self.link.take() {
            Some((opened, link)) if opened == epoch => link,
            _ => Link::open(case, &self.descriptors)?,
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
        let caller = self.caller(link, Knowledge::KnownTasks, PidNs::Outer);
        let rights = self.rights(self.sender.tgid);
        let datagram_rights = DatagramRights::all(rights);
        let (bytes, control) = encode(case, &caller);
        self.show(&bytes, &control);

        let mut exchange = self
            .exchange(link, case, &bytes)
            .recording(self.seed_writer.is_some());
        if !exchange.send(&bytes, &control, &caller)? {
            return Ok(true);
        }
        let end = exchange.read(buffers, &datagram_rights, &caller)?;
        let record = exchange.record.take();
        let checker = exchange.checker;
        if let (Some(seed_writer), Some(record), Some(shape), End::Complete) =
            (&mut self.seed_writer, record, checker.shape(), end)
        {
            seed_writer.save(&shape, &record)?;
        }
        // A dump makes its next datagram before it delivers one, so an empty socket
        // stays empty.
        let again = end != End::Abandoned && !checker.has_lost();
        self.finish(checker, Knowledge::KnownTasks, self.sender.tgid)?;
        Ok(again)
    }

    fn exchange<'e>(&self, link: &'e Link, case: &'e Case, bytes: &[u8]) -> Exchange<'e> {
        let config = self.config;
        Exchange::new(
            link,
            case,
            config.family,
            config.features,
            bytes.len(),
            config.shared,
        )
        .showing(config.show)
    }

    /// Ends an exchange: adds its counts, and checks complete dumps.
    fn finish(&self, checker: Checker, knowledge: Knowledge, own: u32) -> Result<(), Failure> {
        self.config.shared.add(&checker.counts);
        for dump in checker.finish()? {
            let others = dump.query.visibility.level(&[self.group]);
            let root = if self.sees_root(knowledge) {
                Some(Level::Full)
            } else {
                others
            };
            let checked = match (knowledge, dump.query.pid_ns) {
                (Knowledge::Nothing, _) => continue,
                (_, PidNs::Child) => self.config.known_tasks.check_child(&dump, root),
                (Knowledge::KnownTasks, PidNs::Outer) => {
                    self.config.known_tasks.check(&dump, own, others)
                }
                (Knowledge::Alone, PidNs::Inner) => check_alone(&dump),
                _ => continue,
            };
            checked.map_err(Finding)?;
            self.config.shared.whole_dumps.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    fn show(&self, bytes: &[u8], control: &[u8]) {
        if self.config.show {
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
    if dump.query.is_filtered() || dump.pids == expected {
        Ok(())
    } else {
        Err(format!(
            "in a pid namespace of its own: {dump:?}, expected {expected:?}"
        ))
    }
}
