// SPDX-License-Identifier: MIT
//! Attributes of tasks from the TASKDIAG netlink family of the kernel.
//!
//! Reading `/proc/PID/*` costs at least three system calls per process, and the
//! result is text. With task_diag, a program sends one request and receives a binary
//! stream. The request selects tasks ([`Strategy`], [`Filters`]), attribute groups
//! ([`Show`]) and a pid namespace ([`Scope`]).
//!
//! ```
//! use taskdiag::{Client, Request, Show, Strategy};
//!
//! let mut client = Client::connect_any()?;
//! let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
//! let mut dump = client.dump(&request)?;
//! while let Some(task) = dump.next()? {
//!     if let (Some(base), Some(cred)) = (task.base(), task.cred()) {
//!         println!("{:7} {:?} {} {}", base.pid, cred.euid, base.state, base.comm);
//!     }
//! }
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! [`Dump::next`] returns each task borrowed from one receive buffer and allocates
//! nothing for it; [`Dump::tasks`] returns owned tasks. The kernel decides which
//! tasks and groups a caller may see: those that the caller's procfs mount shows.
//! [`Client::visibility`] returns whether a transport shows less.
//!
//! The [`guide`] explains lists, filters, memory and transports by example.
//!
//! # Kernels without task_diag
//!
//! [`Client::connect_any`] opens the fastest available transport that shows all that the
//! caller can read in `/proc`: the netlink family, the transaction file `/proc/task-diag`, the daemon `taskdiagd`, or the files of
//! `/proc/PID`, which every Linux has. [`AnySource::kind`] returns its kind.
//! Requests, tasks and errors are the same for all of them; [`Procfs`] lists the
//! fields that procfs does not have. Procfs costs several system calls per task
//! instead of about a thousand instructions.
//!
//! # Following processes
//!
//! [`Live`] is a table of all processes that events of the kernel keep current. The
//! module [`events`] provides the events themselves.
//!
//! # Features
//!
//! - `netlink` (default): the netlink family and `/proc/task-diag`.
//! - `procfs` (default): the files of `/proc/PID`.
//! - `daemon`: the client of `taskdiagd`.
//! - `events`: process events of the proc connector, and [`Live`].
//! - `tokio`: the asynchronous client, in the module [`asynchronous`].
//! - `serde`: `Serialize` and `Deserialize` for the owned types.
//!
//! The [`guide`] needs `netlink`, `procfs`, `daemon` and `events`.
//!
//! Without any feature, [`Client::with_transport`] reads replies from a
//! [`Transport`] of the program.

// Links to items of features that are not enabled.
#![doc = ""]
#![cfg_attr(
    not(all(
        feature = "netlink",
        feature = "procfs",
        feature = "daemon",
        feature = "events"
    )),
    doc = "[`guide`]: #features"
)]
#![cfg_attr(not(feature = "events"), doc = "[`Live`]: #features")]
#![cfg_attr(not(feature = "events"), doc = "[`events`]: #features")]
#![cfg_attr(not(feature = "tokio"), doc = "[`asynchronous`]: #features")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!(
    "taskdiag: the crate needs Linux: task_diag, procfs and the proc connector exist on no other system"
);

pub mod abi;
#[cfg(feature = "tokio")]
pub mod asynchronous;
mod caps;
mod client;
pub mod daemon_protocol;
#[cfg(any(feature = "netlink", feature = "events"))]
mod datagram;
mod dump;
mod error;
pub mod escape;
#[cfg(feature = "events")]
pub mod events;
#[cfg(feature = "netlink")]
mod file;
#[cfg(all(
    feature = "netlink",
    feature = "procfs",
    feature = "daemon",
    feature = "events"
))]
pub mod guide;
#[cfg(feature = "events")]
pub mod live;
mod name_list;
#[cfg(feature = "procfs")]
pub mod names;
pub mod netlink;
#[cfg(any(feature = "netlink", feature = "daemon"))]
mod opener;
mod pid;
#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
mod proc_mount;
mod proc_state;
#[cfg(feature = "procfs")]
pub mod procfs;
pub mod reassembly;
mod receiver;
mod request;
mod show;
#[cfg(feature = "netlink")]
mod socket;
mod source;
mod sys;
mod task;
mod transport;
mod visibility;

pub use caps::{CapSet, Capability};
pub use client::Client;
pub use dump::Dump;
pub use error::{BadAttr, Error, KernelError, NoEvents, Result};
#[cfg(feature = "netlink")]
pub use file::TransactionFile;
#[cfg(feature = "events")]
pub use live::Live;
pub use netlink::Framing;
pub use pid::Pid;
pub use proc_state::ProcState;
#[cfg(feature = "procfs")]
pub use procfs::Procfs;
pub use receiver::{RECEIVE_BUFFER, RECEIVE_MIN, Stats};
pub use request::{
    Features, FilterKinds, Filters, Options, ParseStatesError, Request, Scope, States, Strategies,
    Strategy,
};
pub use show::{ParseShowError, Show};
#[cfg(feature = "netlink")]
pub use socket::Socket;
#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
pub use source::{AnyReply, AnySource, ClientBuilder, TransportKind};
pub use source::{Mode, NetlinkReply, NetlinkSource, Reply, Source};
pub use task::{
    Absent, Base, Cgroup, Cmdline, Comm, Cred, Environ, FileCounts, Files, Ident, Io, IoPriority,
    Limit, Limits, Memory, Ns, NsPid, NsPids, NumberSet, Oom, ParseNumberSetError, Paths, Sched,
    Signals, Stat, State, Task, TaskPath, TaskRef, Vma, VmaFlags, VmaStat, VmaStats, Vmas,
};
pub use transport::Transport;
#[cfg(feature = "daemon")]
pub use transport::{DAEMON_SOCKET, DAEMON_VARIABLE, Daemon};
pub use visibility::{Restriction, Visibility};
