// SPDX-License-Identifier: MIT
//! A walk through the library, from a list to the areas of a process's memory.
//!
//! There is nothing in this module but text. Its programs run on any Linux;
//! more to start from are in the folder `examples`.
//!
//! # A list
//!
//! A [`Client`](crate::Client) is connected once, and asked as often as one
//! likes. A [`Request`](crate::Request) has a strategy, *which tasks*, and a
//! set of groups, *what about them*.
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
//!         println!("{} {} {}", base.pid, cred.euid, base.comm);
//!     }
//!     processes += 1;
//! }
//! assert!(processes > 0);
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! A group is an `Option`, as the kernel may leave one out: a kernel thread has
//! no arguments, and the memory of others is not for everybody.
//!
//! The task is lent out of the receive buffer, until the next is asked for. To
//! keep some, take [`Dump::tasks`](crate::Dump::tasks), which gives a
//! [`Task`](crate::Task) for each; about a single one ask
//! [`Client::one`](crate::Client::one):
//!
//! ```
//! use taskdiag::{Client, Show};
//!
//! let mut client = Client::connect_any()?;
//! let me = client.one(std::process::id(), Show::BASE | Show::STAT)?;
//! assert!(me.stat.and_then(|stat| stat.memory).is_some_and(|memory| memory.rss() > 0));
//!
//! let mut child = std::process::Command::new("true").spawn().unwrap();
//! child.wait().unwrap();
//! let error = client.one(child.id(), Show::BASE).unwrap_err();
//! assert_eq!(error.errno(), Some(nix::libc::ESRCH));
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! A task that the caller may not see is indistinguishable from one that does
//! not exist. [`Error::is_gone`](crate::Error::is_gone) is true
//! for both.
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
//! # Only some of them
//!
//! [`Filters`](crate::Filters) are applied by the kernel, before it looks at
//! anything that costs; all of them have to hold.
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
//!     let base = task?.base.expect("it was asked for");
//!     assert_eq!(base.state.to_string(), "R");
//! }
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! Relatives are strategies of their own:
//! [`Strategy::Children`](crate::Strategy::Children),
//! [`Strategy::Threads`](crate::Strategy::Threads) and
//! [`Strategy::Descendants`](crate::Strategy::Descendants).
//!
//! # Memory
//!
//! The areas of a process are a group too, [`Show::VMA`](crate::Show::VMA), and
//! what of them is resident is another, [`Show::VMA_STAT`](crate::Show::VMA_STAT),
//! which costs a walk through its pages. The figures come in the order of the
//! areas.
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
//!     let (Some(areas), Some(figures)) = (piece.vmas(), piece.vma_stats()) else {
//!         continue;
//!     };
//!     for (area, figures) in areas.zip(figures) {
//!         println!("{:x} {} KiB", area.start, figures.rss / 1024);
//!         code += figures.rss;
//!     }
//! }
//! assert!(code > 0);
//! # Ok::<(), taskdiag::Error>(())
//! ```
//!
//! A process with many areas is told of in several messages.
//! [`Dump::next`](crate::Dump::next) puts them together;
//! [`Dump::next_piece`](crate::Dump::next_piece), as here, gives them one by
//! one, and needs no more memory for a million areas than for ten.
//!
//! # Events
//!
//! [`events`](crate::events) tells of processes that begin, change and end: the
//! proc connector of the kernel, which needs no task_diag. From Linux 6.6 on,
//! who wants to know of bad exits is woken by these alone.
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
//! An event is a hint: it may be lost, which is told, and its number may be
//! another's by the time it is read. `docs/events.md` has what was measured.
//!
//! # As it happens
//!
//! Who lists over and over pays for all processes each time, and does not see
//! what comes and goes in between. [`Live`](crate::Live) lists once, listens to
//! the kernel's events, and asks about those alone that something happened to.
//!
//! ```
//! use std::time::Duration;
//! use taskdiag::live::Change;
//! use taskdiag::{Error, Live, Show};
//!
//! let mut live = match Live::follow(Show::BASE | Show::CRED) {
//!     // In a container, say: the error tells what is in the way.
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
//! // Whatever is lost, the table is what is there.
//! assert!(live.get(1).is_some());
//! # Ok::<(), Error>(())
//! ```
//!
//! The module [`live`](crate::live) says what events keep current and what they
//! do not. Both sources are traits, so that a test can be the kernel. A loop
//! with more to wait for waits for the descriptor of
//! [`Live::events`](crate::Live::events) for at most as long as
//! [`Live::due`](crate::Live::due) says.
//!
//! # From where
//!
//! Numbers are those of the own pid namespace. With
//! [`Scope::Process`](crate::Scope::Process) they are those of another's, a
//! container's for example. That takes the netlink family, and
//! `CAP_SYS_ADMIN`; errors say which of them is missing.
//!
//! # By which way
//!
//! [`Client::connect_any`](crate::Client::connect_any) takes the best
//! [`TransportKind`](crate::TransportKind) there is: the netlink family, `/proc/task-diag`, the
//! daemon `taskdiagd`, or the files of `/proc/PID`. Rows that the daemon keeps by
//! events, and has not read anew, [say so](crate::TaskRef::is_cached). A program that would rather fail than be slow says so:
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
//! println!("it can tell {}", features.groups);
//! # Ok::<(), Error>(())
//! ```
//!
//! What a kernel can tell is asked with
//! [`Client::features`](crate::Client::features), and
//! [`Features::lacking`](crate::Features::lacking) compares a request with it.
//! [`Client::connect`](crate::Client::connect) is netlink and nothing else,
//! without a call through a table for each message; the feature `tokio` has the
//! same on an asynchronous socket.
