// SPDX-License-Identifier: MIT
//! The blocking client: sends requests through a [`Transport`] and returns the
//! tasks of the reply.

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};

#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
use crate::any::{AnyTransport, Way};
use crate::dump::Dump;
use crate::error::Result;
use crate::features::Features;
use crate::netlink::TaskDiagMessage;
use crate::pid::Pid;
#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
use crate::receiver::RECEIVE_BUFFER;
#[cfg(feature = "netlink")]
use crate::receiver::RECEIVE_MIN;
use crate::receiver::Receiver;
use crate::request::{Request, Scope, Strategy};
use crate::show::Show;
#[cfg(feature = "netlink")]
use crate::socket::Socket;
use crate::task::Task;
use crate::transport::{DefaultTransport, Transport};

/// A connection to the TASKDIAG family of the kernel, or to another transport.
///
/// The credentials of the process that opened the transport and of the process
/// that sends the request must both permit access to a task. Only the process
/// that sent the request can read the reply.
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
pub struct Client<T = DefaultTransport> {
    transport: T,
    receiver: Receiver,
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
        Ok(Self::over(socket, buffer))
    }
}

#[cfg(any(feature = "netlink", feature = "procfs", feature = "daemon"))]
impl Client<AnyTransport> {
    /// Opens the best available transport: on a kernel without task_diag, the
    /// files of `/proc/PID`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::NoFamily`] if no transport is available, not even `/proc`.
    pub fn connect_any() -> Result<Self> {
        let mut buffer = vec![0; RECEIVE_BUFFER].into_boxed_slice();
        let transport = AnyTransport::open_best(&mut buffer)?;
        Ok(Self::over(transport, buffer))
    }

    /// Opens this transport.
    ///
    /// # Errors
    ///
    /// [`crate::Error::NoFamily`], [`crate::Error::NoFile`], [`crate::Error::NoDaemon`] and
    /// [`crate::Error::Io`] if the transport is not available.
    pub fn connect_by(way: Way) -> Result<Self> {
        let mut buffer = vec![0; RECEIVE_BUFFER].into_boxed_slice();
        let transport = AnyTransport::open(way, &mut buffer)?;
        Ok(Self::over(transport, buffer))
    }
}

impl<T: Transport> Client<T> {
    /// Creates a client over this transport, with a receive buffer of this length
    /// in bytes.
    pub fn with_transport(transport: T, len: usize) -> Self {
        Self::over(transport, vec![0; len].into_boxed_slice())
    }

    /// Returns the transport.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    fn over(transport: T, buffer: Box<[u8]>) -> Self {
        Self {
            transport,
            receiver: Receiver::new(buffer),
        }
    }

    /// Requests tasks, which [`Dump::next`] returns one by one.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`], [`crate::Error::Scope`] and [`crate::Error::TooLong`] if the request
    /// cannot be sent. An error of the kernel is returned by [`Dump::next`].
    pub fn dump(&mut self, request: &Request<'_>) -> Result<Dump<'_, T>> {
        self.send_message(request.into(), NLM_F_REQUEST | NLM_F_DUMP, request.scope)
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
        let mut reply =
            self.send_message(request.into(), request.flags_for_one(), request.scope)?;
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
        self.send_message(TaskDiagMessage::features(), NLM_F_REQUEST, Scope::Own)?
            .features()
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
    ) -> Result<Dump<'_, T>> {
        let Self {
            transport,
            receiver,
        } = self;
        if receiver.is_unread() {
            transport.reset(receiver.buffer())?;
        }
        let framing = transport.framing();
        let request = receiver.encode(message, framing, flags)?;
        transport.send(request, scope)?;
        let reply = receiver.reply(framing, transport.port(), transport.forwards());
        Ok(Dump { transport, reply })
    }
}
