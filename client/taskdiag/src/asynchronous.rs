// SPDX-License-Identifier: MIT
//! The asynchronous client, on tokio.
//!
//! [`AsyncClient`] sends the same requests and returns the same tasks and errors as
//! [`Client`](crate::Client), and shares its receive path: one receive buffer, no
//! allocation per task, constant memory for a dump of any length.
//!
//! Every function of a client may be cancelled by dropping its future. A dump that
//! is dropped before its end leaves the client usable. A connection to the daemon is
//! made on a thread for blocking calls; if the future is dropped meanwhile, the thread
//! runs until the connection is made or its timeout of up to 30 seconds has passed.
//!
//! ```no_run
//! use taskdiag::asynchronous::AsyncClient;
//! use taskdiag::{Request, Strategy};
//!
//! # async fn example() -> taskdiag::Result<()> {
//! let mut client = AsyncClient::connect().await?;
//! let mut dump = client.dump(&Request::new(Strategy::All)).await?;
//! while let Some(task) = dump.next().await? {
//!     println!("{}", task.pid());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Transports
//!
//! - The netlink socket and the socket of the daemon are non-blocking, and the
//!   runtime watches them.
//! - `/proc/task-diag` cannot be watched: the kernel prepares the reply within
//!   read(2), as it does within recvmsg(2) for the netlink socket. The client reads
//!   it in the same way, and gives other tasks of the runtime their turn between
//!   reads.
//! - Reading `/proc/PID` takes several blocking system calls per task and has no
//!   asynchronous form. Use the blocking client on a thread for blocking calls:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> taskdiag::Result<()> {
//! use taskdiag::{Client, Request, Strategy, Task};
//!
//! let tasks = tokio::task::spawn_blocking(|| {
//!     let mut client = Client::connect_any()?;
//!     let mut dump = client.dump(&Request::new(Strategy::All))?;
//!     dump.tasks().collect::<taskdiag::Result<Vec<Task>>>()
//! });
//! assert!(!tasks.await.unwrap()?.is_empty());
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "daemon")]
mod daemon;
mod dump;
#[cfg(feature = "netlink")]
mod file;
#[cfg(feature = "netlink")]
mod socket;
mod transport;

use std::future::poll_fn;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};

use crate::error::Result;
use crate::netlink::TaskDiagMessage;
use crate::pid::Pid;
use crate::receiver::{RECEIVE_MIN, Receiver};
use crate::request::Features;
use crate::request::{Request, Scope, Strategy};
use crate::show::Show;
use crate::task::Task;
use crate::visibility::Visibility;

pub use dump::{AsyncDump, Tasks};
pub use transport::AsyncTransport;

/// A client whose functions return futures. See the [module](self).
#[derive(Debug)]
pub struct AsyncClient<T = Box<dyn AsyncTransport>> {
    transport: T,
    receiver: Receiver,
}

#[cfg(feature = "netlink")]
impl AsyncClient {
    /// Opens a netlink socket and resolves the family, as
    /// [`Client::connect`](crate::Client::connect).
    ///
    /// # Errors
    ///
    /// [`Error::NoFamily`](crate::Error::NoFamily) if the running kernel has no
    /// TASKDIAG family, [`Error::Io`](crate::Error::Io) if a system call fails.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O enabled.
    pub async fn connect() -> Result<Self> {
        let mut buffer = vec![0; crate::RECEIVE_BUFFER].into_boxed_slice();
        let socket = socket::AsyncSocket::connect(&mut buffer)?;
        Ok(Self::over(Box::new(socket), buffer))
    }

    /// Opens `/proc/task-diag`.
    ///
    /// # Errors
    ///
    /// [`Error::NoFile`](crate::Error::NoFile) if the running kernel has no such
    /// file, [`Error::Io`](crate::Error::Io) if a system call fails.
    pub async fn open_file() -> Result<Self> {
        let file = Box::new(file::AsyncFile::open()?);
        Ok(Self::with_transport(file, crate::RECEIVE_BUFFER))
    }
}

#[cfg(feature = "daemon")]
impl AsyncClient {
    /// Connects to the daemon in its usual place, as
    /// [`Daemon::connect`](crate::Daemon::connect).
    ///
    /// # Errors
    ///
    /// As [`Daemon::connect_to`](crate::Daemon::connect_to).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O enabled.
    pub async fn connect_to_daemon() -> Result<Self> {
        let daemon = daemon::AsyncDaemon::connect(crate::Daemon::connect).await?;
        Ok(Self::with_transport(
            Box::new(daemon),
            crate::RECEIVE_BUFFER,
        ))
    }

    /// Connects to the daemon whose socket has this path.
    ///
    /// # Errors
    ///
    /// As [`Daemon::connect_to`](crate::Daemon::connect_to).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O enabled.
    pub async fn connect_to_daemon_at(path: impl Into<std::path::PathBuf>) -> Result<Self> {
        let path = path.into();
        let daemon = daemon::AsyncDaemon::connect(move || crate::Daemon::connect_to(&path)).await?;
        Ok(Self::with_transport(
            Box::new(daemon),
            crate::RECEIVE_BUFFER,
        ))
    }
}

#[cfg(feature = "daemon")]
impl AsyncClient {
    async fn connect_quickly() -> Result<Self> {
        let daemon = daemon::AsyncDaemon::connect(|| crate::Daemon::connect_quickly(None)).await?;
        Ok(Self::with_transport(
            Box::new(daemon),
            crate::RECEIVE_BUFFER,
        ))
    }
}

#[cfg(any(feature = "netlink", feature = "daemon"))]
impl AsyncClient {
    /// Opens the fastest available transport of the enabled features that shows all
    /// tasks and groups that the caller can read in `/proc`: the netlink socket,
    /// `/proc/task-diag`, or the daemon.
    ///
    /// Unlike [`Client::connect_any`](crate::Client::connect_any), this function never
    /// opens procfs, which has no asynchronous form. It therefore returns an error on
    /// a kernel without task_diag, and if each transport may show less than procfs. See
    /// the [module](self) for such a kernel.
    ///
    /// # Errors
    ///
    /// The error of the first of these transports if none is available, and
    /// [`Error::Restricted`](crate::Error::Restricted).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O enabled.
    pub async fn connect_any() -> Result<Self> {
        let mut first = None;
        #[cfg(feature = "netlink")]
        {
            match complete(Self::connect()).await {
                Err(error) => keep_first(&mut first, "netlink socket", error),
                client => return client,
            }
            match complete(Self::open_file()).await {
                Err(error) => keep_first(&mut first, "transaction file", error),
                client => return client,
            }
        }
        #[cfg(feature = "daemon")]
        match complete(Self::connect_quickly()).await {
            Err(error) => keep_first(&mut first, "daemon", error),
            client => return client,
        }
        Err(first.unwrap_or(crate::Error::NoFamily))
    }
}

/// Returns the client of a transport that shows as much as procfs.
#[cfg(any(feature = "netlink", feature = "daemon"))]
async fn complete(connect: impl Future<Output = Result<AsyncClient>>) -> Result<AsyncClient> {
    let mut client = connect.await?;
    match client.visibility().await?.restriction() {
        None => Ok(client),
        Some(restriction) => Err(crate::Error::Restricted(restriction)),
    }
}

/// Logs why a transport is not available, and keeps the error if it is the first.
#[cfg(any(feature = "netlink", feature = "daemon"))]
fn keep_first(first: &mut Option<crate::Error>, transport: &str, error: crate::Error) {
    log::debug!("no {transport}: {error}");
    first.get_or_insert(error);
}

impl<T: AsyncTransport> AsyncClient<T> {
    /// Creates a client over this transport, with a receive buffer of this length
    /// in bytes, but at least [`RECEIVE_MIN`].
    pub fn with_transport(transport: T, len: usize) -> Self {
        Self::over(transport, vec![0; len.max(RECEIVE_MIN)].into_boxed_slice())
    }

    fn over(transport: T, buffer: Box<[u8]>) -> Self {
        Self {
            transport,
            receiver: Receiver::new(buffer),
        }
    }

    /// Returns the transport.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// Requests tasks, which [`AsyncDump::next`] returns one by one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), [`Error::Scope`](crate::Error::Scope) and
    /// [`Error::TooLong`](crate::Error::TooLong) if the request cannot be sent. An
    /// error of the kernel is returned by [`AsyncDump::next`].
    pub async fn dump(&mut self, request: &Request<'_>) -> Result<AsyncDump<'_, T>> {
        let flags = NLM_F_REQUEST | NLM_F_DUMP;
        let message = TaskDiagMessage::in_mount(request, self.transport.proc_mount());
        self.send_message(message, flags, request.scope).await
    }

    /// Returns one process or thread with these groups.
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`](crate::Error::Kernel) with `ESRCH` if the task does not
    /// exist or the caller may not see it; otherwise as [`AsyncDump::next`].
    pub async fn one(&mut self, pid: Pid, show: Show) -> Result<Task> {
        self.get(&Request::new(Strategy::One(pid)).show(show)).await
    }

    /// Returns the task of a request. The kernel refuses any strategy except
    /// [`Strategy::One`].
    ///
    /// # Errors
    ///
    /// As [`Self::one`].
    pub async fn get(&mut self, request: &Request<'_>) -> Result<Task> {
        let mount = self.transport.proc_mount();
        let (message, flags) = TaskDiagMessage::for_one(request, mount);
        let mut reply = self.send_message(message, flags, request.scope).await?;
        let task = reply.next().await?.map(|task| task.to_owned());
        // The end of a dump follows its last row.
        reply.next().await?;
        task.ok_or_else(|| request.without_answer())
    }

    /// Queries the supported features, as
    /// [`Client::features`](crate::Client::features).
    ///
    /// # Errors
    ///
    /// As [`AsyncDump::next`].
    pub async fn features(&mut self) -> Result<Features> {
        self.send_message(TaskDiagMessage::features(), NLM_F_REQUEST, Scope::Own)
            .await?
            .features()
            .await
    }

    /// Queries whether the client shows all that the caller can read in its procfs
    /// mount, as [`Client::visibility`](crate::Client::visibility).
    ///
    /// # Errors
    ///
    /// As [`AsyncDump::next`].
    pub async fn visibility(&mut self) -> Result<Visibility> {
        let options = self.features().await?.options;
        Ok(self.transport.visibility(options))
    }

    /// Sends any message to the family with these `NLM_F_*` flags, for requests
    /// that [`Request`] cannot express.
    ///
    /// # Errors
    ///
    /// As [`Self::dump`].
    pub async fn send_message(
        &mut self,
        message: TaskDiagMessage,
        flags: u16,
        scope: Scope,
    ) -> Result<AsyncDump<'_, T>> {
        let Self {
            transport,
            receiver,
        } = self;
        if receiver.is_unread() || transport.has_other_opener() {
            poll_fn(|cx| transport.poll_reset(cx, receiver.buffer())).await?;
        }
        let framing = transport.framing();
        let request = receiver.encode(message, framing, flags)?;
        poll_fn(|cx| transport.poll_send(cx, request, scope)).await?;
        let reply = receiver.reply(framing, transport.port(), transport.forwards());
        Ok(AsyncDump { transport, reply })
    }
}
