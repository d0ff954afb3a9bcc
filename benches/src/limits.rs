// SPDX-License-Identifier: MIT
//! Costs that task_diag promises to bound: the time that a request holds
//! `tasklist_lock`, and the cost of a second set of credentials per row.
//!
//! Where instructions are counted, a nanosecond is an instruction.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, fork, pipe, setgroups};
use taskdiag::abi;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::genl::{Genl, NLMSG_DONE, NLMSG_ERROR, messages};
use crate::implementations::{BASE_CRED, request};
use crate::task_pool::{Kind, TaskPool};

#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// Number of children of one process
    #[arg(long, default_value_t = 30_000)]
    tasks: usize,
}

/// Cost of a dump.
struct Cost {
    /// Cost of `send()`, in which the members of a family are collected.
    send: u64,
    /// Cost of the whole dump.
    total: u64,
    rows: u64,
}

impl Plan {
    pub(crate) fn run(&self) -> Result<()> {
        let mut out = io::stdout().lock();
        let pool = TaskPool::start(Kind::Processes, self.tasks)?;
        let mut genl = Genl::connect(abi::TASK_DIAG_GENL_NAME)?;

        line(&mut out, "request | send() | per task | whole dump | rows")?;
        for (name, strategy) in [
            ("CHILDREN", abi::TASK_DIAG_DUMP_CHILDREN),
            ("DESCENDANTS", abi::TASK_DIAG_DUMP_DESCENDANTS),
        ] {
            let request = request(&genl, BASE_CRED, strategy, pool.pid());
            dump(&mut genl, &request)?;
            let cost = dump(&mut genl, &request)?;
            let per_task = cost.send / cost.rows.max(1);
            line(
                &mut out,
                &format!(
                    "{name} | {} | {per_task} | {} | {}",
                    cost.send, cost.total, cost.rows
                ),
            )?;
        }

        line(&mut out, "sender's credentials | instructions per row")?;
        let request = request(&genl, BASE_CRED, abi::TASK_DIAG_DUMP_ALL, 0);
        for (name, change) in [
            ("the opener's", None),
            ("a copy of the opener's", Some(Change::Copy)),
            ("other supplementary groups", Some(Change::Groups)),
        ] {
            out.flush().map_err(Error::io("stdout"))?;
            let per_row = match change {
                None => per_row(&mut genl, &request)?,
                Some(change) => in_child(change, || per_row(&mut genl, &request))?,
            };
            line(&mut out, &format!("{name} | {per_row}"))?;
        }
        Ok(())
    }
}

fn line(out: &mut impl Write, text: &str) -> Result<()> {
    writeln!(out, "{text}").map_err(Error::io("stdout"))
}

fn dump(genl: &mut Genl, request: &[u8]) -> Result<Cost> {
    let mut rows = 0;
    let start = Clock::Elapsed.now()?;
    genl.send(request)?;
    let sent = Clock::Elapsed.now()?;
    loop {
        let len = genl.receive()?;
        for message in messages(&genl.buffer[..len]) {
            match message.kind {
                NLMSG_DONE | NLMSG_ERROR => {
                    message.result()?;
                    return Ok(Cost {
                        send: sent - start,
                        total: Clock::Elapsed.now()? - start,
                        rows,
                    });
                }
                _ => {
                    black_box(message.payload());
                    rows += 1;
                }
            }
        }
    }
}

fn per_row(genl: &mut Genl, request: &[u8]) -> Result<u64> {
    dump(genl, request)?;
    let cost = dump(genl, request)?;
    Ok(cost.total / cost.rows.max(1))
}

/// Difference between the credentials of a child and those of its parent.
#[derive(Clone, Copy)]
enum Change {
    Copy,
    Groups,
}

/// Runs `measure` in a child with other credentials.
fn in_child(change: Change, measure: impl FnOnce() -> Result<u64>) -> Result<u64> {
    let (from, to) = pipe().map_err(Error::io("pipe"))?;
    let (mut from, mut to) = (File::from(from), File::from(to));
    // SAFETY: This process has one thread.
    match unsafe { fork() }.map_err(Error::io("fork"))? {
        ForkResult::Child => {
            let result = change.apply().and_then(|()| measure());
            let text = result.map_or_else(|error| error.to_string(), |cost| cost.to_string());
            let written = to.write_all(text.as_bytes());
            std::process::exit(i32::from(written.is_err()));
        }
        ForkResult::Parent { child } => {
            drop(to);
            let text = io::read_to_string(&mut from).map_err(Error::io("pipe"))?;
            match waitpid(child, None).map_err(Error::io("waitpid"))? {
                WaitStatus::Exited(_, 0) => text.parse().map_err(|_| Error::failed(text)),
                status => Err(Error::failed(format!("the child ended: {status:?}"))),
            }
        }
    }
}

impl Change {
    /// No module of the kernel decides by supplementary groups, so a row costs
    /// the same for each set of credentials.
    fn apply(self) -> Result<()> {
        match self {
            Self::Copy => Ok(()),
            Self::Groups => {
                setgroups(&[Gid::from_raw(1), Gid::from_raw(2)]).map_err(Error::io("setgroups"))
            }
        }
    }
}
