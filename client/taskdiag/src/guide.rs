// SPDX-License-Identifier: MIT
//! A guide to the library, from a list of processes to their memory mappings.
//!
//! This module contains only documentation. Its programs run on any Linux; the
//! directory `examples` has more.
//!
//! # A list
//!
//! A [`Client`](crate::Client) is connected once and sends any number of
//! requests. A [`Request`](crate::Request) has a strategy, which selects tasks,
//! and a set of groups, which selects their fields.
//!
//! ```
//! use taskdiag::{Client, Request, Show, Strategy};
//!
//! let mut client = Client::connect_any()?;
//! let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
//! let mut dump = client.dump(&request)?;
//! let mut processes = 0;
//! while let Some(task) = dump.next()? {
//!     if let (Some(base), Some(cred)) = (task.base(), task.cred()) {
//!         println!("{} {:?} {}", base.pid, cred.euid, base.comm);
//!     }
//!     processes += 1;
//! }
//! assert!(processes > 0);
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! A group is an `Option`, because a row may lack it: the caller may not read
//! the memory of another user's process, for example. A field is an `Option` if
//! not every kernel or task has it: procfs has no securebits, for example, and that
//! of a sandbox may not have user ids. A value that is not known is never 0.
//!
//! A [`TaskRef`](crate::TaskRef) borrows the receive buffer until the next call
//! of `next()`. [`Dump::tasks`](crate::Dump::tasks) returns owned
//! [`Task`](crate::Task)s instead, and [`Client::one`](crate::Client::one) a
//! single one:
//!
//! ```
//! use taskdiag::{Client, Show};
//!
//! let mut client = Client::connect_any()?;
//! let me = client.one(std::process::id(), Show::BASE | Show::STAT)?;
//! assert!(me.stat.and_then(|stat| stat.memory).is_some_and(|memory| memory.rss > Some(0)));
//!
//! let mut child = std::process::Command::new("true").spawn().unwrap();
//! child.wait().unwrap();
//! let error = client.one(child.id(), Show::BASE).unwrap_err();
//! assert!(error.is_gone());
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! A task that the caller may not see is indistinguishable from one that does
//! not exist. [`Error::is_gone`](crate::Error::is_gone) is true for both.
//! [`Error::is_denied`](crate::Error::is_denied) is true if the caller lacks a
//! permission.
//!
//! A pid may be reused before the request arrives.
//! [`Request::pidfd`](crate::Request::pidfd) names a task by a descriptor, which
//! never refers to a later task, and
//! [`Request::pidns_fd`](crate::Request::pidns_fd) names a pid namespace.
//!
//! Tasks begin and end while they are listed. A task that exists from before the
//! request until the last row is reported exactly once.
//!
//! # Unknown values and incomplete rows
//!
//! Values that the kernel does not report are `None`, never 0: the memory of a
//! task without an address space, delays that are not counted, namespaces that
//! the kernel does not have.
//!
//! A requested group is either complete in a row, or in one of the sets of
//! [`TaskRef::absent`](crate::TaskRef::absent), which say why: the task ended or
//! called `execve`, the caller may not read the group, a lock was held for too
//! long. Memory mappings are reported in the row of a process's leader only.
//!
//! ```no_run
//! use taskdiag::{Client, Show};
//!
//! let task = Client::connect()?.one(1, Show::BASE | Show::FILES)?;
//! match task.files.and_then(|files| files.counts) {
//!     Some(counts) => println!("{} open files", counts.total),
//!     None => println!("unknown: {}", task.absent),
//! }
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! # Filters
//!
//! The kernel applies [`Filters`](crate::Filters) before it collects expensive
//! groups. A task is reported only if all of them hold.
//!
//! ```
//! use taskdiag::{Client, Request, Show, States, Strategy};
//!
//! let mut client = Client::connect_any()?;
//! let request = Request::new(Strategy::All)
//!     .show(Show::BASE)
//!     .states(States::RUNNING)
//!     .pids([1, std::process::id()]);
//! for task in client.dump(&request)?.tasks() {
//!     let base = task?.base.expect("BASE was requested");
//!     assert_eq!(base.state.to_string(), "R");
//! }
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! Strategies for related tasks are
//! [`Strategy::Children`](crate::Strategy::Children),
//! [`Strategy::Threads`](crate::Strategy::Threads) and
//! [`Strategy::Descendants`](crate::Strategy::Descendants).
//!
//! # Memory
//!
//! [`Show::VMA`](crate::Show::VMA) reports the memory mappings of a process.
//! [`Show::VMA_STAT`](crate::Show::VMA_STAT) reports the memory use of each,
//! which requires the kernel to walk the page tables. Both groups have the same
//! order.
//!
//! ```
//! use taskdiag::{Client, Request, Show, Strategy, VmaFlags};
//!
//! let mut client = Client::connect_any()?;
//! let request = Request::new(Strategy::One(std::process::id()))
//!     .show(Show::VMA | Show::VMA_STAT)
//!     .vma_flags(VmaFlags::EXEC);
//! let mut dump = client.dump(&request)?;
//! let mut code = 0;
//! while let Some(piece) = dump.next_piece()? {
//!     let (Some(mappings), Some(stats)) = (piece.vmas(), piece.vma_stats()) else {
//!         continue;
//!     };
//!     for (mapping, stat) in mappings.zip(stats) {
//!         println!("{:x} {} KiB", mapping.start, stat.rss / 1024);
//!         code += stat.rss;
//!     }
//! }
//! assert!(code > 0);
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! A process with many mappings is reported in several messages.
//! [`Dump::next`](crate::Dump::next) joins them.
//! [`Dump::next_piece`](crate::Dump::next_piece), as above, returns them one by
//! one, so its memory use does not depend on the number of mappings.
//!
//! # Events
//!
//! [`events`](crate::events) delivers events of processes that start, change
//! and end. Its source is the kernel's proc connector, which does not require
//! task_diag. Since Linux 6.6, a program that waits for non-zero exits is woken
//! by no other event.
//!
//! ```no_run
//! use taskdiag::events::{Connector, EventKind, EventSource, Events};
//!
//! let mut connector = Connector::listen(Events::NONZERO_EXIT)?;
//! for event in connector.events() {
//!     match event?.kind {
//!         EventKind::Exit { tgid, status, .. } => println!("{tgid}: {status}"),
//!         EventKind::Lost(lost) => println!("{lost}"),
//!         _ => {}
//!     }
//! }
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! An event is a hint: it may be lost, which is reported, and its pid may
//! belong to another process when it is read. `docs/events.md` lists
//! measurements.
//!
//! # Live table
//!
//! A program that lists all processes repeatedly pays for all of them each
//! time, and misses processes that start and end between two lists.
//! [`Live`](crate::Live) lists all processes once, receives the kernel's
//! events, and queries only processes with events.
//!
//! ```
//! use std::time::Duration;
//! use taskdiag::live::Change;
//! use taskdiag::{Error, Live, Show};
//!
//! let mut live = match Live::follow(Show::BASE | Show::CRED) {
//! // In a container, for example: the error names the missing requirement.
//!     Err(error @ Error::NoEvents(_)) => return Ok(println!("{error}")),
//!     live => live?,
//! };
//! println!("{} processes", live.len());
//! for change in live.poll(Some(Duration::from_millis(10)))? {
//!     match change {
//!         Change::Added(task) => println!("{} is new", task.pid),
//!         Change::Changed { old, new } => println!("{old:?} is now {new:?}"),
//!         Change::Removed { task, exit } => println!("{} is gone: {exit:?}", task.pid),
//!         _ => {}
//!     }
//! }
//! // Even after a loss of events, the table contains all processes.
//! assert!(live.get(1).is_some());
//! # Ok::<(), Error>(())
//! ```
//!
//! The module [`live`](crate::live) lists the fields that events keep current.
//! Both sources are traits, so a test can simulate the kernel. An event loop
//! polls the descriptor of [`Live::events`](crate::Live::events), with
//! [`Live::poll_timeout`](crate::Live::poll_timeout) as its timeout.
//!
//! # Pid namespaces
//!
//! Pids are those of the caller's pid namespace. With
//! [`ClientBuilder::proc_mount_of`](crate::ClientBuilder::proc_mount_of) they are those
//! of the procfs that another process sees at `/proc`, for example the init of a
//! container. That requires the right to read the process with ptrace.
//! [`Scope::Process`](crate::Scope::Process) selects the namespace of a process without
//! such a procfs, which requires the netlink family and `CAP_SYS_ADMIN`; the error names
//! the missing one.
//!
//! # Transports
//!
//! [`Client::connect_any`](crate::Client::connect_any) uses the first available
//! [`TransportKind`](crate::TransportKind) that shows all that the caller can read in
//! `/proc`: the netlink family, `/proc/task-diag`, the daemon `taskdiagd`, or the files
//! of `/proc/PID`. A selected transport may show less:
//! [`Client::visibility`](crate::Client::visibility) returns the reason.
//! [`TaskRef::is_cached`](crate::TaskRef::is_cached) is true for rows that the
//! daemon keeps current by events. A program can also select a transport:
//!
//! ```
//! use taskdiag::{Client, Error, TransportKind};
//!
//! let mut client = match Client::connect_over(TransportKind::Netlink) {
//!     Err(Error::NoFamily) => {
//!         eprintln!("this kernel has no task_diag: reading /proc");
//!         Client::connect_over(TransportKind::Procfs)?
//!     }
//!     client => client?,
//! };
//! let features = client.features()?;
//! println!("supported groups: {}", features.groups);
//! # Ok::<(), Error>(())
//! ```
//!
//! [`Client::features`](crate::Client::features) returns the features of the
//! kernel, and [`Features::lacking`](crate::Features::lacking) those that a
//! request needs and the kernel lacks.
//!
//! [`Client::connect`](crate::Client::connect) uses only netlink, without
//! dynamic dispatch per message. The feature `tokio` provides it on an
//! asynchronous socket.
