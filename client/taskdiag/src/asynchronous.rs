// SPDX-License-Identifier: MIT
//! The asynchronous client: the same requests and the same answers, through
//! genetlink on tokio.
//!
//! A netlink socket carries one dump at a time, so each request opens its own:
//! any number of them may be under way at once, and one that is dropped is
//! gone with its socket. The socket is driven by whoever awaits the tasks;
//! nothing is spawned.
//!
//! netlink-proto reads ahead as far as it can and copies what it reads, so a
//! large dump lies in memory as a whole. The synchronous [`crate::Client`] does
//! neither; on a thread of its own it is the faster way.
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use taskdiag::{Request, Strategy, asynchronous};
//!
//! # async fn example() -> taskdiag::Result<()> {
//! let mut tasks = asynchronous::dump(&Request::new(Strategy::All)).await?;
//! while let Some(task) = tasks.next().await {
//!     println!("{}", task?.pid);
//! }
//! # Ok(())
//! # }
//! ```

mod link;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_channel::mpsc::UnboundedReceiver;
use futures_util::future::{Either, select};
use futures_util::stream::{Stream, StreamExt};
use genetlink::message::RawGenlMessage;
use genetlink::{GenetlinkError, new_connection_with_socket};
use netlink_packet_core::{
    DecodeError, Emitable, NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, ParseableParametrized,
};
use netlink_packet_generic::{GenlFamily, GenlHeader, GenlMessage};
use netlink_proto::Connection;
use netlink_proto::sys::SocketAddr;
use nix::libc;

use self::link::{Link, TokioLink};
use crate::error::{Error, Result};
use crate::features::Features;
use crate::netlink::{TaskDiagAttr, TaskDiagMessage, encode};
use crate::pid::Pid;
use crate::reassembly::{Reassembly, Step};
use crate::receiver::Stats;
use crate::request::{Request, Scope, Strategy};
use crate::show::Show;
use crate::task::Task;

/// Asks for these tasks.
///
/// # Errors
///
/// [`Error::NoFamily`] where the running kernel has no TASKDIAG family, and
/// [`Error::Io`] where there is no socket to be had. What the kernel says to
/// the request comes with the first task.
///
/// # Panics
///
/// Outside of a tokio runtime with I/O enabled.
pub async fn dump(request: &Request<'_>) -> Result<Tasks> {
    let flags = NLM_F_REQUEST | NLM_F_DUMP;
    let answer = Answer::open(request.into(), flags, request.scope).await?;
    Ok(Tasks(answer))
}

/// Asks for one process or thread, with everything that is to be told of it.
///
/// # Errors
///
/// [`Error::Kernel`] with `ESRCH` if there is no such task, or none that may
/// be seen; else as [`dump`] and [`crate::Dump::next`].
///
/// # Panics
///
/// Outside of a tokio runtime with I/O enabled.
pub async fn one(pid: Pid, show: Show) -> Result<Task> {
    get(&Request::new(Strategy::One(pid)).show(show)).await
}

/// As [`one`], with a whole request. The kernel refuses any strategy but
/// [`Strategy::One`].
///
/// # Errors
///
/// As [`one`].
///
/// # Panics
///
/// Outside of a tokio runtime with I/O enabled.
pub async fn get(request: &Request<'_>) -> Result<Task> {
    let answer = Answer::open(request.into(), request.flags_for_one(), request.scope).await?;
    match Tasks(answer).next().await {
        Some(task) => task,
        None => Err(request.without_answer()),
    }
}

/// Queries the supported features, see [`crate::Client::features`].
///
/// # Errors
///
/// As [`dump`] and [`crate::Dump::next`].
///
/// # Panics
///
/// Outside of a tokio runtime with I/O enabled.
pub async fn features() -> Result<Features> {
    let message = TaskDiagMessage::features();
    let mut answer = Answer::<TokioLink>::open(message, NLM_F_REQUEST, Scope::Own).await?;
    answer.features().await
}

/// The tasks of a dump, as a stream. Nothing comes after an error; the errors
/// are those of [`crate::Dump::next`].
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct Tasks(Answer<TokioLink>);

impl Tasks {
    /// What the dump has cost and found so far. What is received is counted
    /// when it is read, which may be ahead of the tasks handed out.
    #[must_use]
    pub fn stats(&mut self) -> Stats {
        self.0.stats()
    }
}

impl Stream for Tasks {
    type Item = Result<Task>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_task(cx)
    }
}

/// A payload that is left as it is: it is the reassembly that reads it.
#[derive(Clone, Debug)]
struct Payload {
    cmd: u8,
    bytes: Vec<u8>,
}

impl GenlFamily for Payload {
    fn family_name() -> &'static str {
        crate::abi::TASK_DIAG_GENL_NAME
    }

    fn command(&self) -> u8 {
        self.cmd
    }

    fn version(&self) -> u8 {
        crate::abi::TASK_DIAG_GENL_VERSION
    }
}

impl Emitable for Payload {
    fn buffer_len(&self) -> usize {
        self.bytes.len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.bytes);
    }
}

impl ParseableParametrized<[u8], GenlHeader> for Payload {
    fn parse_with_param(payload: &[u8], header: GenlHeader) -> Result<Self, DecodeError> {
        Ok(Self {
            cmd: header.cmd,
            bytes: payload.to_vec(),
        })
    }
}

type Message = NetlinkMessage<GenlMessage<Payload>>;

/// An answer being read.
struct Answer<S>
where
    S: Link,
{
    connection: Connection<RawGenlMessage, S>,
    /// Whether the connection has given up.
    closed: bool,
    messages: Pin<Box<dyn Stream<Item = Result<Message, DecodeError>> + Send>>,
    /// Held so that the connection does not take it for the wish to close.
    _unsolicited: UnboundedReceiver<(NetlinkMessage<RawGenlMessage>, SocketAddr)>,
    /// The request, to find what an error points at.
    request: Vec<u8>,
    reassembly: Reassembly,
    /// The present message, as bytes.
    datagram: Vec<u8>,
    /// What had been received before the answer.
    before: (u64, u64),
    tasks: u64,
}

impl<S: Link> Answer<S> {
    async fn open(message: TaskDiagMessage, flags: u16, scope: Scope) -> Result<Self> {
        message.check()?;
        let (mut connection, mut handle, unsolicited) =
            new_connection_with_socket::<S>().map_err(|source| Error::Io {
                context: "cannot open a netlink socket",
                source,
            })?;
        // Without this an error that ends a dump looks like its end.
        connection.set_forward_done(true);

        let resolved = {
            let resolving = pin!(handle.resolve_family::<Payload>());
            match select(resolving, &mut connection).await {
                Either::Left((resolved, _)) => Some(resolved),
                Either::Right(_) => None,
            }
        };
        let family = resolved
            .ok_or_else(|| closed(&mut connection))?
            .map_err(|error| match error {
                GenetlinkError::NetlinkError(error)
                    if error.raw_os_error() == Some(libc::ENOENT) =>
                {
                    Error::NoFamily
                }
                GenetlinkError::NetlinkError(source) => Error::Io {
                    context: "cannot find the family",
                    source,
                },
                GenetlinkError::DecodeError(error) => decode(&error),
                _ => closed(&mut connection),
            })?
            .id;

        let bytes = encode(message.clone(), family, 0, flags);
        let mut payload = vec![0; message.buffer_len()];
        message.emit(&mut payload);
        let mut asked = NetlinkMessage::from(GenlMessage::new(
            GenlHeader {
                cmd: message.command(),
                version: message.version(),
            },
            Payload {
                cmd: message.command(),
                bytes: payload,
            },
            family,
        ));
        asked.header.flags = flags;
        connection.socket_mut().set_scope(scope);
        let before = connection.socket_mut().received();
        let messages = match handle.send_request(asked) {
            Ok(messages) => messages.boxed(),
            Err(_) => return Err(closed(&mut connection)),
        };
        // The caller may close descriptors when this returns: the kernel has to
        // receive the request before.
        let closed = message.attributes.iter().any(|attribute| {
            matches!(attribute, TaskDiagAttr::PidnsFd(_) | TaskDiagAttr::Pidfd(_))
        }) && poll_fn(|cx| Poll::Ready(Pin::new(&mut connection).poll(cx).is_ready()))
            .await;
        // netlink-proto has looked at the sequence number already.
        let mut reassembly = Reassembly::new(family, 0, 0);
        reassembly.request(message.requested());
        Ok(Self {
            connection,
            closed,
            messages,
            _unsolicited: unsolicited,
            request: bytes,
            reassembly,
            datagram: Vec::new(),
            before,
            tasks: 0,
        })
    }

    fn stats(&mut self) -> Stats {
        let (receives, bytes) = self.connection.socket_mut().received();
        Stats {
            receives: receives - self.before.0,
            bytes: bytes - self.before.1,
            tasks: self.tasks,
            interrupted: self.reassembly.interrupted(),
        }
    }

    fn poll_task(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Task>>> {
        let result = loop {
            match self.reassembly.step(&self.datagram) {
                Ok(Step::Task(row)) => {
                    let task = self.reassembly.task(&self.datagram, row);
                    break task.map(|task| task.to_owned());
                }
                Ok(Step::End) => return Poll::Ready(None),
                Err(error) => break Err(error),
                Ok(Step::More) => {}
            }
            match self.poll_message(cx) {
                Poll::Ready(Ok(message)) => self.take(message),
                Poll::Ready(Err(error)) => break Err(error),
                Poll::Pending => return Poll::Pending,
            }
        };
        Poll::Ready(Some(match result {
            Ok(task) => {
                self.tasks += 1;
                Ok(task)
            }
            Err(mut error) => {
                self.reassembly.end();
                if let Error::Kernel(error) = &mut error {
                    error.locate(&self.request, self.reassembly.framing());
                }
                Err(error)
            }
        }))
    }

    async fn features(&mut self) -> Result<Features> {
        loop {
            let message = poll_fn(|cx| self.poll_message(cx)).await?;
            self.take(message);
            if let Some(told) = self.reassembly.features(&self.datagram).transpose() {
                return Features::from_answer(told);
            }
        }
    }

    /// The next message, driving the connection until there is one.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message>> {
        loop {
            match self.messages.poll_next_unpin(cx) {
                Poll::Ready(Some(message)) => {
                    return Poll::Ready(message.map_err(|error| decode(&error)));
                }
                Poll::Ready(None) => return Poll::Ready(Err(closed(&mut self.connection))),
                Poll::Pending if self.closed => {
                    return Poll::Ready(Err(closed(&mut self.connection)));
                }
                Poll::Pending => {}
            }
            if Pin::new(&mut self.connection).poll(cx).is_ready() {
                self.closed = true;
                continue;
            }
            // What the connection has just read does not wake anybody.
            return match self.messages.poll_next_unpin(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(message)) => Poll::Ready(message.map_err(|error| decode(&error))),
                Poll::Ready(None) => Poll::Ready(Err(closed(&mut self.connection))),
            };
        }
    }

    /// Makes the message the datagram that the reassembly reads, so that one
    /// set of rules serves both clients.
    fn take(&mut self, mut message: Message) {
        message.header.sequence_number = 0;
        message.header.port_number = 0;
        message.finalize();
        self.datagram.clear();
        self.datagram.resize(message.buffer_len(), 0);
        message.serialize(&mut self.datagram);
        self.reassembly.next_datagram();
    }
}

impl<S: Link> fmt::Debug for Answer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("reassembly", &self.reassembly)
            .finish_non_exhaustive()
    }
}

/// Why the connection gave up.
fn closed<S: Link>(connection: &mut Connection<RawGenlMessage, S>) -> Error {
    connection
        .socket_mut()
        .fault()
        .unwrap_or_else(|| Error::Io {
            context: "the answer broke off",
            source: io::ErrorKind::UnexpectedEof.into(),
        })
}

fn decode(error: &DecodeError) -> Error {
    Error::Decode {
        what: error.to_string(),
    }
}
