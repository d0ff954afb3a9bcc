// SPDX-License-Identifier: MIT
//! Facts about tasks from the kernel's TASKDIAG netlink family.
//!
//! `/proc/PID/*` costs at least three system calls a process, in text. This
//! asks once, and receives a binary stream: *which tasks* ([`Strategy`]),
//! *what about them* ([`Show`]), *as seen from where* ([`Scope`]).
//!
//! ```no_run
//! use taskdiag::{Client, Request, Show, Strategy};
//!
//! let mut client = Client::connect()?;
//! let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
//! let mut dump = client.dump(&request)?;
//! while let Some(task) = dump.next()? {
//!     if let (Some(base), Some(cred)) = (task.base(), task.cred()) {
//!         println!("{:7} {:7} {} {}", base.pid, cred.euid, base.state, base.comm);
//!     }
//! }
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! [`Dump::next`] lends each task from one receive buffer, and allocates
//! nothing for it; [`Dump::tasks`] gives owned ones. Who may see which task is
//! the kernel's to say: the answer is that of procfs mounted with
//! `hidepid=ptraceable`.
//!
//! The [`guide`] walks through lists, filters, memory and transports.
//!
//! # Kernels without task_diag
//!
//! [`Client::connect_any`] takes the best there is: the netlink family, the
//! transaction file `/proc/task-diag`, the daemon `taskdiagd`, or else the files
//! of `/proc/PID`, which every Linux has. [`AnySource::kind`] tells which.
//! Requests, tasks and errors are the same; what procfs cannot tell is said at
//! [`Procfs`]. It costs several system calls a task instead of about a thousand
//! instructions.
//!
//! ```
//! use taskdiag::{Client, Request, Strategy};
//!
//! let mut client = Client::connect_any()?;
//! println!("by {}", client.source().kind());
//! let mut dump = client.dump(&Request::new(Strategy::All))?;
//! assert!(dump.next()?.is_some());
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! # Following
//!
//! [`Live`] is a table of all processes that the kernel's events keep current;
//! the module [`events`] has the events alone.
//!
//! # Features
//!
//! - `tokio`: the asynchronous client, in the module `asynchronous`.
//! - `serde`: `Serialize` for the owned types.

#![deny(unsafe_code)]

pub mod abi;
#[cfg(feature = "tokio")]
pub mod asynchronous;
mod caps;
mod client;
pub mod daemon_protocol;
mod dump;
mod error;
pub mod events;
mod features;
mod file;
mod filter;
pub mod guide;
pub mod live;
mod names;
pub mod netlink;
mod pid;
pub mod procfs;
pub mod reassembly;
mod receiver;
mod request;
mod show;
#[allow(unsafe_code, reason = "socket options that nix does not have")]
mod socket;
mod source;
mod task;
mod transport;

pub use caps::{CapSet, Capability};
pub use client::Client;
pub use dump::Dump;
pub use error::{BadAttr, Error, KernelError, Result};
pub use features::{Features, FilterKinds, Options, Strategies};
pub use file::TransactionFile;
pub use filter::{Filters, ParseStatesError, States};
pub use live::Live;
pub use pid::Pid;
pub use procfs::Procfs;
pub use receiver::{RECEIVE_BUFFER, RECEIVE_MIN, Stats};
pub use request::{Request, Scope, Strategy};
pub use show::{ParseShowError, Show};
pub use socket::Socket;
pub use source::{
    AnyReply, AnySource, Mode, NetlinkReply, NetlinkSource, Reply, Source, TransportKind,
};
pub use task::{
    Absent, Base, Cgroup, Cmdline, Comm, Cred, FileCounts, Files, Ident, Memory, Ns, Stat, State,
    Task, TaskRef, Vma, VmaFlags, VmaStat, VmaStats, Vmas,
};
pub use transport::{DAEMON_SOCKET, DAEMON_VARIABLE, Daemon, Framing, Transport};
