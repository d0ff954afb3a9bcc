// SPDX-License-Identifier: MIT
//! The blocking client: sends requests to a [`Source`] and returns the tasks of the
//! reply.

use crate::dump::Dump;
use crate::error::Result;
use crate::netlink::TaskDiagMessage;
use crate::pid::Pid;
#[cfg(feature = "netlink")]
use crate::receiver::RECEIVE_BUFFER;
use crate::receiver::RECEIVE_MIN;
use crate::request::Features;
use crate::request::{Request, Scope, Strategy};
use crate::show::Show;
#[cfg(feature = "netlink")]
use crate::socket::Socket;
#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
use crate::source::{AnySource, TransportKind};
use crate::source::{Mode, NetlinkSource, Reply as _, Source};
use crate::task::Task;
use crate::transport::Transport;
use crate::visibility::Visibility;

/// A connection to the TASKDIAG family of the kernel, or to another source of tasks.
///
/// The credentials of the process that opened the transport and of the process
/// that sends the request must both permit access to a task. Only the process
/// that sent the request can read the reply. A client whose process has changed its
/// credentials opens the transport again for the next request. A program that must not
/// do so, because the opener is to limit its replies, uses the
/// [`Transport`](crate::Transport) itself.
///
/// With the feature `netlink`, the type parameter has a default: a netlink socket.
///
/// ```no_run
/// use taskdiag::{Client, Request, Show, Strategy};
///
/// let mut client = Client::connect()?;
/// let mut dump = client.dump(&Request::new(Strategy::All).show(Show::BASE))?;
/// while let Some(task) = dump.next()? {
///     if let Some(base) = task.base() {
///         println!("{:7} {} {}", base.pid, base.state, base.comm);
///     }
/// }
/// # Ok::<(), taskdiag::Error>(())
/// ```
#[derive(Debug)]
pub struct Client<
    #[cfg(feature = "netlink")] S = NetlinkSource<Socket>,
    #[cfg(not(feature = "netlink"))] S,
> {
    source: S,
}

#[cfg(feature = "netlink")]
impl Client {
    /// Opens a socket and resolves the family.
    ///
    /// # Errors
    ///
    /// [`crate::Error::NoFamily`] if the running kernel has no TASKDIAG family,
    /// [`crate::Error::Io`] if a system call fails.
    pub fn connect() -> Result<Self> {
        Self::connect_with_buffer(RECEIVE_BUFFER)
    }

    /// Opens a socket with a receive buffer of this length in bytes instead of
    /// [`RECEIVE_BUFFER`].
    ///
    /// A shorter buffer costs more system calls; a longer one saves some for tasks
    /// with much data. The buffer has at least [`RECEIVE_MIN`] bytes, which can
    /// hold every message.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`].
    pub fn connect_with_buffer(len: usize) -> Result<Self> {
        let mut buffer = vec![0; len.max(RECEIVE_MIN)].into_boxed_slice();
        let socket = Socket::connect(&mut buffer)?;
        Ok(Self::new(NetlinkSource::new(socket, buffer)))
    }
}

#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
impl Client<AnySource> {
    /// Opens the fastest available source that shows all tasks and groups that the
    /// caller can read in `/proc`: on a kernel without task_diag, and on one that would
    /// show less, the files of `/proc/PID`. See
    /// [`ClientBuilder::connect`](crate::ClientBuilder::connect).
    ///
    /// # Errors
    ///
    /// [`crate::Error::NoFamily`] if no source is available, not even `/proc`.
    pub fn connect_any() -> Result<Self> {
        AnySource::open_best().map(Self::new)
    }

    /// Opens the source of this kind, which may show less than `/proc`: see
    /// [`Self::visibility`].
    ///
    /// # Errors
    ///
    /// [`crate::Error::NoFamily`], [`crate::Error::NoFile`], [`crate::Error::NoDaemon`]
    /// and [`crate::Error::Io`] if it is not available.
    pub fn connect_over(kind: TransportKind) -> Result<Self> {
        AnySource::open(kind).map(Self::new)
    }
}

impl<T: Transport> Client<NetlinkSource<T>> {
    /// Creates a client over this transport, with a receive buffer of this length
    /// in bytes, but at least [`RECEIVE_MIN`].
    pub fn with_transport(transport: T, len: usize) -> Self {
        let buffer = vec![0; len.max(RECEIVE_MIN)].into_boxed_slice();
        Self::new(NetlinkSource::new(transport, buffer))
    }

    /// Returns the transport.
    pub const fn transport(&self) -> &T {
        self.source.transport()
    }

    /// Sends any message to the family with these `NLM_F_*` flags, for requests
    /// that [`Request`] cannot express.
    ///
    /// # Errors
    ///
    /// As [`Self::dump`].
    pub fn send_message(
        &mut self,
        message: TaskDiagMessage,
        flags: u16,
        scope: Scope,
    ) -> Result<Dump<'_, NetlinkSource<T>>> {
        let reply = self.source.send_message(message, flags, scope)?;
        Ok(Dump { reply })
    }
}

impl<S> Client<S> {
    /// Creates a client of this source.
    pub const fn new(source: S) -> Self {
        Self { source }
    }

    /// Returns the source.
    pub const fn source(&self) -> &S {
        &self.source
    }
}

impl<S: Source> Client<S> {
    /// Requests tasks, which [`Dump::next`] returns one by one.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`], [`crate::Error::Scope`] and [`crate::Error::TooLong`] if the request
    /// cannot be sent. An error of the kernel is returned by [`Dump::next`].
    pub fn dump(&mut self, request: &Request<'_>) -> Result<Dump<'_, S>> {
        let reply = self.source.start(request, Mode::Dump)?;
        Ok(Dump { reply })
    }

    /// Returns one process or thread with these groups.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Kernel`] with `ESRCH` if the task does not exist or the caller may
    /// not see it; otherwise as [`Dump::next`].
    pub fn one(&mut self, pid: Pid, show: Show) -> Result<Task> {
        self.get(&Request::new(Strategy::One(pid)).show(show))
    }

    /// Returns the task of a request. The kernel refuses any strategy except
    /// [`Strategy::One`].
    ///
    /// # Errors
    ///
    /// As [`Self::one`].
    pub fn get(&mut self, request: &Request<'_>) -> Result<Task> {
        let mut reply = self.source.start(request, Mode::Get)?;
        let task = reply.next()?.map(|task| task.to_owned());
        // The end of a dump follows its last row.
        reply.next()?;
        task.ok_or_else(|| request.without_answer())
    }

    /// Queries the supported features: groups, strategies, filters, options.
    ///
    /// The first kernels with the family do not have this command. For them the
    /// function returns [`Features::FIRST`].
    ///
    /// # Errors
    ///
    /// As [`Dump::next`].
    pub fn features(&mut self) -> Result<Features> {
        self.source.features()
    }

    /// Queries whether the client shows all that the caller can read in its procfs
    /// mount.
    ///
    /// The result may change at any time, for example with the sysctl
    /// `kernel.task_diag_strict`.
    ///
    /// # Errors
    ///
    /// As [`Self::features`].
    pub fn visibility(&mut self) -> Result<Visibility> {
        self.source.visibility()
    }
}
