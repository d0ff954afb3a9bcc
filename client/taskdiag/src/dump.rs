// SPDX-License-Identifier: MIT
//! The synchronous client: a request goes out, tasks come back one by one.
//!
//! Owns the buffer that everything is received into, and knows neither where
//! the bytes come from nor what they look like.

use log::debug;
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};

use crate::any::{AnySource, TransportKind};
use crate::codec::{TaskDiagMessage, encode};
use crate::error::{Error, Result};
use crate::features::Features;
use crate::pid::Pid;
use crate::reassembly::{Reassembly, Row, Step};
use crate::request::{Request, Scope, Strategy};
use crate::show::Show;
use crate::socket::Socket;
use crate::task::{BaseAndCred, BaseCredAndStat, Task, TaskRef};
use crate::transport::{Framing, Transport};
use crate::wire::GenlInner;

/// The length of the receive buffer, in bytes, unless one asks for another:
/// the kernel makes no datagram of a dump longer than this.
pub const RECEIVE_BUFFER: usize = 32 * 1024;

/// The least length of a receive buffer, in bytes: a datagram with a single
/// message is never longer. [`Features::recv_min`] is the running kernel's.
pub const RECEIVE_MIN: usize = 8 * 1024;

/// A connection to the kernel's TASKDIAG family.
///
/// What it is allowed to see is settled by whoever opens it and whoever sends
/// through it: both must be allowed to see a task. Only the process that asked
/// can read the answer.
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
pub struct Client<T = Socket> {
    transport: T,
    buffer: Box<[u8]>,
    reassembly: Reassembly,
    /// The request that is being answered, to find what an error points at.
    request: Vec<u8>,
    seq: u32,
}

impl Client {
    /// Opens a socket and finds the family.
    ///
    /// # Errors
    ///
    /// [`Error::NoFamily`] where the running kernel has none, [`Error::Io`]
    /// where there is no socket to be had.
    pub fn connect() -> Result<Self> {
        Self::connect_with_buffer(RECEIVE_BUFFER)
    }

    /// Opens a socket with a receive buffer of another length than
    /// [`RECEIVE_BUFFER`], in bytes.
    ///
    /// A shorter one costs more system calls; a longer one saves some for tasks
    /// with much data. It has at least [`RECEIVE_MIN`] bytes, which is enough for
    /// every message.
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

impl Client<AnySource> {
    /// Takes the best way there is to have requests answered: on a kernel
    /// without task_diag that is the files of `/proc/PID`.
    ///
    /// # Errors
    ///
    /// [`Error::NoFamily`] if there is none, not even `/proc`.
    pub fn connect_any() -> Result<Self> {
        let mut buffer = vec![0; RECEIVE_BUFFER].into_boxed_slice();
        let transport = AnySource::open_best(&mut buffer)?;
        Ok(Self::over(transport, buffer))
    }

    /// Takes this way.
    ///
    /// # Errors
    ///
    /// [`Error::NoFamily`], [`Error::NoFile`], [`Error::NoDaemon`] and
    /// [`Error::Io`] if there is no such way here.
    pub fn connect_over(way: TransportKind) -> Result<Self> {
        let mut buffer = vec![0; RECEIVE_BUFFER].into_boxed_slice();
        let transport = AnySource::open(way, &mut buffer)?;
        Ok(Self::over(transport, buffer))
    }
}

impl<T: Transport> Client<T> {
    /// A client over another transport than a socket, with a receive buffer of
    /// this length in bytes.
    pub fn with_transport(transport: T, len: usize) -> Self {
        Self::over(transport, vec![0; len].into_boxed_slice())
    }

    /// Returns the source of the client's tasks.
    pub const fn source(&self) -> &T {
        &self.transport
    }

    /// Returns the transport of the client's messages.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    fn over(transport: T, buffer: Box<[u8]>) -> Self {
        Self {
            transport,
            buffer,
            reassembly: Reassembly::default(),
            request: Vec::new(),
            seq: 1,
        }
    }

    /// Asks for these tasks, to be read one by one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Scope`] and [`Error::TooLong`] if the request
    /// cannot be sent. What the kernel says to it comes with the first task.
    pub fn dump(&mut self, request: &Request<'_>) -> Result<Dump<'_, T>> {
        self.ask(request.into(), NLM_F_REQUEST | NLM_F_DUMP, request.scope)
    }

    /// Asks for one process or thread, with everything that is to be told of
    /// it.
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] with `ESRCH` if there is no such task, or none that
    /// may be seen; else as [`Dump::next`].
    pub fn one(&mut self, pid: Pid, show: Show) -> Result<Task> {
        self.get(&Request::new(Strategy::One(pid)).show(show))
    }

    /// As [`Self::one`], with a whole request. The kernel refuses any strategy
    /// but [`Strategy::One`].
    ///
    /// # Errors
    ///
    /// As [`Self::one`].
    pub fn get(&mut self, request: &Request<'_>) -> Result<Task> {
        let mut answer = self.ask(request.into(), request.flags_for_one(), request.scope)?;
        let task = answer.next()?.map(|task| task.to_owned());
        // Where it is a dump, its end is still to be read.
        answer.next()?;
        task.ok_or_else(|| request.without_answer())
    }

    /// Queries the supported features: groups, strategies, filters, options.
    ///
    /// The first kernels with the family cannot be asked, and can tell
    /// [`Features::FIRST`]: of them, this is the answer.
    ///
    /// # Errors
    ///
    /// As [`Dump::next`].
    pub fn features(&mut self) -> Result<Features> {
        let mut answer = self.ask(TaskDiagMessage::features(), NLM_F_REQUEST, Scope::Own)?;
        loop {
            answer.receive()?;
            let client = &mut *answer.client;
            let datagram = client.buffer.get(..answer.len).unwrap_or_default();
            if let Some(told) = client.reassembly.features(datagram).transpose() {
                return Features::from_answer(told);
            }
        }
    }

    /// Sends any message to the family, with these `NLM_F_*` flags: for what
    /// the typed requests cannot say.
    ///
    /// # Errors
    ///
    /// As [`Self::dump`].
    pub fn ask(
        &mut self,
        message: TaskDiagMessage,
        flags: u16,
        scope: Scope,
    ) -> Result<Dump<'_, T>> {
        message.check()?;
        if self.reassembly.unread() {
            debug!("an answer was left half-read; starting afresh");
            self.transport.reset(&mut self.buffer)?;
        }
        self.seq = self.seq.wrapping_add(1);
        let framing = self.transport.framing();
        let requested = message.requested();
        self.request = encode(message, framing, self.seq, flags);
        self.transport.send(&self.request, scope)?;
        self.reassembly
            .restart(framing, self.seq, self.transport.port());
        self.reassembly.request(requested);
        self.reassembly.accept_forwarded(self.transport.forwards());
        Ok(Dump {
            client: self,
            len: 0,
            stats: Stats::default(),
        })
    }
}

/// What a dump has cost and found so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// Datagrams received: one system call each.
    pub receives: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Tasks handed out.
    pub tasks: u64,
    /// Whether a message has `NLM_F_DUMP_INTR`. The kernel never sets it; a
    /// daemon that answers from its table sets it if tasks began or ended during
    /// the dump. No task that existed throughout is missing.
    pub interrupted: bool,
}

/// An answer being read.
///
/// One that is dropped before its end leaves the client usable: the next
/// request opens a new socket. Until then the kernel keeps what is left of the
/// answer.
#[derive(Debug)]
pub struct Dump<'a, T = Socket> {
    client: &'a mut Client<T>,
    /// How much of the buffer the present datagram takes.
    len: usize,
    stats: Stats,
}

impl<T: Transport> Dump<'_, T> {
    /// The next task; `None` at the end, and ever after an error.
    ///
    /// The task is borrowed from the receive buffer. Nothing is allocated for
    /// it.
    ///
    /// # Errors
    ///
    /// - [`Error::Kernel`] if the kernel refuses the request, or fails while it
    ///   answers; the tasks before may then not be all there are.
    /// - [`Error::Overrun`] and [`Error::Truncated`] if a part of the answer is
    ///   lost.
    /// - [`Error::Decode`] if it is not what the protocol says.
    /// - [`Error::Io`] if it cannot be received.
    #[expect(
        clippy::should_implement_trait,
        reason = "lends from the buffer, which no Iterator can"
    )]
    // A task would otherwise be written to memory to be returned, and read again.
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<TaskRef<'_>>> {
        // Views the row only after the branch: a task that each step returned would
        // borrow the client in the branches without a task, too.
        let (reassembly, datagram) = self.parts();
        if let Some(row) = reassembly.step_exact::<GenlInner, BaseAndCred>(datagram) {
            self.stats.tasks += 1;
            return row.task(&self.client.buffer).map(Some);
        }
        let (reassembly, datagram) = self.parts();
        if let Some(row) = reassembly.step_exact::<GenlInner, BaseCredAndStat>(datagram) {
            self.stats.tasks += 1;
            return row.task(&self.client.buffer).map(Some);
        }
        let (reassembly, datagram) = self.parts();
        let row = match reassembly.step_fast::<GenlInner>(datagram) {
            Some(row) => row,
            None => match self.find(Reassembly::step)? {
                Some(row) => row,
                None => return Ok(None),
            },
        };
        let client = &mut *self.client;
        let task = client.reassembly.task(&client.buffer, row)?;
        self.stats.tasks += 1;
        Ok(Some(task))
    }

    /// Returns the reassembly, and the current datagram.
    #[inline(always)]
    fn parts(&mut self) -> (&mut Reassembly, &[u8]) {
        let client = &mut *self.client;
        let datagram = client.buffer.get(..self.len).unwrap_or_default();
        (&mut client.reassembly, datagram)
    }

    /// Returns the next message about a task as it is received. This limits the
    /// memory for tasks with many memory mappings or long command lines.
    ///
    /// The row of a task consists of pieces, each at most one datagram long.
    /// [`TaskRef::is_continuation`] is set in every piece of a row except the first, and
    /// [`TaskRef::has_more`] in every piece except the last.
    /// [`TaskRef::vmas`], [`TaskRef::vma_stats`] and [`TaskRef::cmdline`] may be
    /// spread over several pieces; [`TaskRef::files`] and [`TaskRef::cgroup`] are
    /// in exactly one piece, [`TaskRef::absent`] is in the last, and the other
    /// groups are in the first.
    ///
    /// Calls of [`Self::next`] and of this function may be mixed: after a piece,
    /// [`Self::next`] skips the rest of the row.
    ///
    /// ```no_run
    /// use taskdiag::{Client, Request, Show, Strategy};
    ///
    /// let mut client = Client::connect()?;
    /// let request = Request::new(Strategy::All).show(Show::VMA);
    /// let mut dump = client.dump(&request)?;
    /// while let Some(piece) = dump.next_piece()? {
    ///     if !piece.is_continuation() {
    ///         println!("{}:", piece.pid());
    ///     }
    ///     for vma in piece.vmas().into_iter().flatten() {
    ///         println!("  {vma:?}");
    ///     }
    /// }
    /// # Ok::<(), taskdiag::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::next`]. A row is incomplete if an error follows a piece with
    /// [`TaskRef::has_more`].
    pub fn next_piece(&mut self) -> Result<Option<TaskRef<'_>>> {
        let Some(row) = self.find(Reassembly::step_piece)? else {
            return Ok(None);
        };
        let client = &mut *self.client;
        let piece = client.reassembly.task(&client.buffer, row)?;
        self.stats.tasks += u64::from(!piece.is_continuation());
        Ok(Some(piece))
    }

    /// Hands every task that is left to `f`.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn for_each(mut self, mut f: impl FnMut(TaskRef<'_>)) -> Result<Stats> {
        while let Some(task) = self.next()? {
            f(task);
        }
        Ok(self.stats())
    }

    /// The tasks that are left, owned. Nothing comes after an error.
    pub fn tasks(&mut self) -> impl Iterator<Item = Result<Task>> {
        std::iter::from_fn(|| match self.next() {
            Ok(task) => task.map(|task| Ok(task.to_owned())),
            Err(error) => Some(Err(error)),
        })
    }

    /// What it has cost and found so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            interrupted: self.client.reassembly.interrupted(),
            ..self.stats
        }
    }

    /// Receives as often as it takes to find the next task, or piece.
    #[cold]
    fn find(
        &mut self,
        step: impl Fn(&mut Reassembly, &[u8]) -> Result<Step>,
    ) -> Result<Option<Row>> {
        loop {
            let client = &mut *self.client;
            let datagram = client.buffer.get(..self.len).unwrap_or_default();
            match step(&mut client.reassembly, datagram) {
                Ok(Step::Task(row)) => return Ok(Some(row)),
                Ok(Step::More) => self.receive()?,
                Ok(Step::End) => return Ok(None),
                Err(error) => {
                    let framing = client.reassembly.framing();
                    return Err(locate(error, &client.request, framing));
                }
            }
        }
    }

    fn receive(&mut self) -> Result<()> {
        let client = &mut *self.client;
        // Nothing of the old datagram is to be read again if this fails.
        self.len = 0;
        match client.transport.receive(&mut client.buffer) {
            Ok(len) => {
                client.reassembly.next_datagram();
                self.len = len;
                self.stats.receives += 1;
                self.stats.bytes += len as u64;
                Ok(())
            }
            Err(error) => {
                client.reassembly.end();
                Err(error)
            }
        }
    }
}

/// Finds what an error of the kernel's points at.
#[cold]
fn locate(mut error: Error, request: &[u8], framing: Framing) -> Error {
    if let Error::Kernel(error) = &mut error {
        error.locate(request, framing);
    }
    error
}
