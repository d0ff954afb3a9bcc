// SPDX-License-Identifier: MIT
//! Reassembles tasks from datagrams: finds the messages of one reply, joins
//! multi-message rows, and reports how the reply ended.
//!
//! Does no I/O and accepts any bytes: the result is tasks or an error. Must not
//! depend on transports or clients.

use std::marker::PhantomData;

use log::debug;
use netlink_packet_core::{
    NLM_F_DUMP_INTR, NLM_F_MULTIPART, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN,
};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::abi::{self, TaskDiagFeatures, TaskDiagMsg};
use crate::daemon_protocol::FORWARDER_FLAGS;
use crate::error::{Error, KernelError, Result};
use crate::netlink::{
    Address, Attributes, Framing, GenlInner, Header, Inner, Malformed, PlainInner, TaskHead, align,
    from_done, from_error, read,
};
use crate::pid::Pid;
use crate::show::Show;
use crate::task::{FastAttributes, Groups, TaskRef, absent_in, groups_in};

/// Capacity of the buffer for multi-message rows that is kept for the next row, in
/// bytes.
const GATHERED_KEPT: usize = 256 * 1024;

/// Reassembles the rows of one answer.
///
/// A row is complete with its first message without `TASK_DIAG_FLAG_MORE`, and is
/// returned at once. A row of one message is returned where it lies in the
/// datagram. The messages of a multi-message row are copied to a buffer, which is
/// kept for the next one. A row that is open when the answer ends, by an error or
/// not, is never returned.
///
/// [`Feed::next_piece`] returns the messages of a row one by one, which limits the
/// memory for a row with many memory mappings or long arguments.
///
/// Messages with another sequence or port number belong to other replies, for
/// example to one that was not read to its end; they are skipped.
///
/// With [`Self::request`] each row is checked against the request: a group that
/// a row neither has nor lists as absent is an error.
///
/// ```
/// use taskdiag::reassembly::{Event, Reassembly};
///
/// # fn receive() -> Option<Vec<u8>> { None }
/// let mut reassembly = Reassembly::new(0x1d, 1, 4711);
/// 'answer: while let Some(datagram) = receive() {
///     let mut feed = reassembly.feed(&datagram);
///     loop {
///         match feed.next()? {
///             Event::Task(task) => println!("{}", task.pid()),
///             Event::More => break,
///             Event::End => break 'answer,
///         }
///     }
/// }
/// # Ok::<(), taskdiag::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Reassembly {
    framing: Framing,
    address: Address,
    /// Offset of the next message in the datagram.
    position: usize,
    place: Place,
    /// The row that the next message continues, unless there is none.
    open: Piece,
    /// Header of the last row of one message, indexed by framing. Zeros match no
    /// message: those are in the slot of the unused framing, and in both slots
    /// while a row is open and after the end.
    usual: [Header; 2],
    /// The attributes of a multi-message row.
    gathered: Vec<u8>,
    /// Whether a row has been received.
    begun: bool,
    /// `NLM_F_*` flags of all messages so far.
    flags: u16,
    /// The groups that each row has or lists as absent.
    requested: Show,
    /// Whether rows may have flags of a program that forwards them.
    forwarded: bool,
    /// The groups so far of the row that is returned in pieces; `None` if not all
    /// of its pieces are returned.
    pieces: Option<Show>,
    /// Whether no further row is returned.
    ended: bool,
    /// Whether the end of the reply has not been received.
    unread: bool,
}

/// One or several messages of a row, and the place of their attributes in a buffer.
#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    pid: Pid,
    tgid: Pid,
    start: usize,
    end: usize,
    /// `TASK_DIAG_FLAG_*` of all the messages.
    flags: u32,
}

/// A message without flags that has exactly these attributes. Its length is a
/// multiple of the alignment, because the length of each structure is.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct FastMessage<I, A> {
    head: TaskHead<I>,
    attributes: A,
}

impl<I: Inner, A: FastAttributes> FastMessage<I, A> {
    /// The message at the beginning of these bytes, if its length, its attributes
    /// and its flags are right. The caller compares the rest of the header.
    #[inline(always)]
    fn view(bytes: &[u8]) -> Option<&Self> {
        let (message, _) = Self::ref_from_prefix(bytes).ok()?;
        let sound = message.head.header.len as usize == size_of::<Self>()
            && message.head.is_expected()
            && message.head.msg.flags == 0
            && message.attributes.is_sound();
        sound.then_some(message)
    }
}

/// The position of a row of exactly these attributes: see [`Row`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct FastRow<I, A> {
    start: usize,
    form: PhantomData<(I, A)>,
}

impl<I: Inner, A: FastAttributes> FastRow<I, A> {
    /// Views the row, in the buffer with the datagram that [`Reassembly::step_exact`]
    /// returned it from.
    #[inline(always)]
    pub(crate) fn task(self, buffer: &[u8]) -> Result<TaskRef<'_>> {
        let message = buffer
            .get(self.start..)
            .and_then(|bytes| FastMessage::<I, A>::ref_from_prefix(bytes).ok());
        match message {
            Some((message, _)) => {
                let msg = message.head.msg;
                Ok(TaskRef::fast(msg.pid, msg.tgid, &message.attributes))
            }
            None => Err(Malformed("a message that is shorter than its headers").into()),
        }
    }
}

/// Whether a row is open, and its messages so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// No row is open.
    #[default]
    Nowhere,
    /// The messages so far are in [`Reassembly::gathered`].
    Gathered,
    /// The messages so far have been returned as pieces.
    Returned,
}

/// The unit that a step returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Portion {
    /// Whole rows.
    Tasks,
    /// Messages of rows, each as it is received.
    Pieces,
}

/// The position of a row, or of a piece of a row, for a caller that owns both the
/// datagram and the reassembly and so cannot keep a view. The attributes have not
/// been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    piece: Piece,
    aside: bool,
    /// Whether it is a whole row, not a piece.
    whole: bool,
}

/// The result of a step, with a row as a position.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Task(Row),
    More,
    End,
}

/// The next event of a reply.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A task: a whole row, or a piece from [`Feed::next_piece`].
    Task(TaskRef<'a>),
    /// The datagram has been read to its end: feed the next one.
    More,
    /// The reply has ended without an error.
    End,
}

impl Reassembly {
    /// Expects the reply to a request with this framing, sequence number and port
    /// number. A family id converts to [`Framing::Genl`].
    #[must_use]
    pub fn new(framing: impl Into<Framing>, seq: u32, port: u32) -> Self {
        let mut reassembly = Self::default();
        reassembly.restart(framing, seq, port);
        reassembly
    }

    /// Expects another reply and discards the rest of this one; keeps the
    /// allocated memory.
    pub fn restart(&mut self, framing: impl Into<Framing>, seq: u32, port: u32) {
        let framing = framing.into();
        *self = Self {
            framing,
            address: Address::new(seq, port),
            unread: true,
            gathered: std::mem::take(&mut self.gathered),
            ..Self::default()
        };
    }

    /// Checks rows against a request for these groups: a row that neither has a
    /// group nor lists it as absent is an error. Call it before the first datagram
    /// is read.
    pub const fn request(&mut self, groups: Show) {
        self.requested = groups;
    }

    /// Sets whether the flags of a program that forwards rows are accepted: see
    /// [`crate::daemon_protocol`]. They are ignored otherwise.
    pub const fn accept_forwarded(&mut self, forwarded: bool) {
        self.forwarded = forwarded;
    }

    /// Reads a datagram, which must be read up to [`Event::More`] before the next
    /// one is fed.
    pub fn feed<'a>(&'a mut self, datagram: &'a [u8]) -> Feed<'a> {
        self.next_datagram();
        Feed {
            reassembly: self,
            datagram,
        }
    }

    pub(crate) const fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether a message so far has `NLM_F_DUMP_INTR`. The kernel never sets it;
    /// a daemon that answers from a table may.
    #[must_use]
    pub const fn interrupted(&self) -> bool {
        self.flags & NLM_F_DUMP_INTR != 0
    }

    /// Whether messages of the reply may still arrive: its end has not been
    /// received, because the reader stopped or because of an error.
    pub(crate) const fn unread(&self) -> bool {
        self.unread
    }

    /// Resets the position: the next call of [`Self::step`] gets another datagram.
    pub(crate) const fn next_datagram(&mut self) {
        self.position = 0;
    }

    /// Ends the reply: no further row is returned.
    pub(crate) fn end(&mut self) {
        self.place = Place::Nowhere;
        self.usual = Default::default();
        self.ended = true;
    }

    /// Returns the next event of the datagram, with whole rows.
    pub(crate) fn step(&mut self, datagram: &[u8]) -> Result<Step> {
        let usual = match self.framing {
            Framing::Plain => self.step_fast::<PlainInner>(datagram),
            Framing::Genl { .. } => self.step_fast::<GenlInner>(datagram),
        };
        match usual {
            Some(row) => Ok(Step::Task(row)),
            None => self.step_slowly(datagram),
        }
    }

    /// Returns the next message, if it is a row of exactly these attributes with the
    /// same header as the last row of one message, and no other group is requested.
    /// Leaves everything else to [`Self::step_fast`].
    ///
    /// The row needs no other check: it has every requested group, and lists none
    /// as absent. `usual` matches no message while a row is open and after the end.
    #[inline(always)]
    pub(crate) fn step_exact<I: Inner, A: FastAttributes>(
        &mut self,
        datagram: &[u8],
    ) -> Option<FastRow<I, A>> {
        let start = self.position;
        let message = FastMessage::<I, A>::view(datagram.get(start..)?)?;
        let header = message.head.header;
        let fast = header.is(&self.usual[usize::from(I::IN_GENL)])
            && self.requested.difference(A::GROUPS).is_empty();
        if !fast {
            return None;
        }
        self.position = start + size_of::<FastMessage<I, A>>();
        Some(FastRow {
            start,
            form: PhantomData,
        })
    }

    /// Returns the next message, if it is a row of one message with the same header
    /// as the last such row. Leaves everything else to [`Self::step_slowly`].
    #[inline(always)]
    pub(crate) fn step_fast<I: Inner>(&mut self, datagram: &[u8]) -> Option<Row> {
        let rest = datagram.get(self.position..)?;
        let head = TaskHead::<I>::view(rest)?;
        let len = head.header.len as usize;
        let header = head.header;
        let usual = header.is(&self.usual[usize::from(I::IN_GENL)])
            && len >= size_of::<TaskHead<I>>()
            && head.msg.flags == 0
            && len <= rest.len();
        if !usual {
            return None;
        }
        let piece = Piece {
            pid: head.msg.pid,
            tgid: head.msg.tgid,
            start: self.position + size_of::<TaskHead<I>>(),
            end: self.position + len,
            flags: 0,
        };
        self.position += align(len);
        Some(Row {
            piece,
            aside: false,
            whole: true,
        })
    }

    /// Views the row that a step of this datagram returned.
    #[inline(always)]
    pub(crate) fn task<'a>(&'a mut self, datagram: &'a [u8], row: Row) -> Result<TaskRef<'a>> {
        let buffer = if row.aside { &self.gathered } else { datagram };
        let error = match row.piece.view(buffer) {
            Ok(task) if row.whole => match task.missing(self.requested) {
                missing if missing.is_empty() => return Ok(task),
                missing => lacking(missing),
            },
            Ok(piece) => match check_piece(&mut self.pieces, piece, self.requested) {
                Ok(()) => return Ok(piece),
                Err(error) => error,
            },
            Err(malformed) => malformed.into(),
        };
        self.place = Place::Nowhere;
        self.usual = Default::default();
        self.ended = true;
        Err(error)
    }

    /// Takes the steps that [`Self::step_fast`] does not.
    #[cold]
    pub(crate) fn step_slowly(&mut self, datagram: &[u8]) -> Result<Step> {
        self.advance(datagram, Portion::Tasks)
    }

    /// Returns the next event of the datagram, with each message of a row by itself.
    pub(crate) fn step_piece(&mut self, datagram: &[u8]) -> Result<Step> {
        self.advance(datagram, Portion::Pieces)
    }

    fn advance(&mut self, datagram: &[u8], portion: Portion) -> Result<Step> {
        if self.ended {
            return Ok(Step::End);
        }
        let step = self.read_messages(datagram, portion);
        if matches!(step, Ok(Step::End) | Err(_)) {
            self.end();
        }
        step
    }

    fn read_messages(&mut self, datagram: &[u8], portion: Portion) -> Result<Step> {
        match (portion, self.place) {
            (Portion::Tasks, _) => self.pieces = None,
            // The row was begun while whole rows were read.
            (Portion::Pieces, Place::Gathered) => {
                self.place = Place::Returned;
                return Ok(Step::Task(Row {
                    piece: self.open,
                    aside: true,
                    whole: false,
                }));
            }
            (Portion::Pieces, _) => {}
        }
        loop {
            let Some(message) = self.read_message(datagram)? else {
                return Ok(Step::More);
            };
            if !self.framing.is_kind(message.header.kind) {
                return self.conclude(&message);
            }
            let Some(piece) = message.piece(self.framing, self.forwarded)? else {
                self.position += message.len;
                continue;
            };
            self.check_order(message.header, piece)?;
            self.position += message.len;
            let row = if piece.is_whole() {
                Some(self.take_whole(message.header, piece))
            } else {
                self.usual = Default::default();
                match portion {
                    Portion::Tasks => self.gather(datagram, piece)?,
                    Portion::Pieces => Some(self.take_piece(piece)),
                }
            };
            if let Some(row) = row {
                return Ok(Step::Task(row));
            }
        }
    }

    /// Returns the supported features; `None` if this datagram does not contain the
    /// reply.
    pub(crate) fn features(&mut self, datagram: &[u8]) -> Result<Option<TaskDiagFeatures>> {
        let Some(message) = self.read_message(datagram)? else {
            return Ok(None);
        };
        self.unread = false;
        self.end();
        if self.framing.is_kind(message.header.kind) {
            return Ok(Some(message.features(self.framing)?));
        }
        Err(match message.error() {
            Some(error) => error.into(),
            None => Malformed("it holds no features").into(),
        })
    }

    /// Returns the next message of this reply: a message of the family, an error or
    /// the end; `None` if the datagram has no more. The position stays at its start.
    fn read_message<'a>(&mut self, datagram: &'a [u8]) -> Result<Option<Message<'a>>> {
        loop {
            let rest = datagram.get(self.position..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(None);
            }
            let (header, payload, len) = Header::split(rest)?;
            if header.address != self.address {
                debug!("skipped a message of another reply: {header:?}");
                self.position += len;
                continue;
            }
            self.flags |= header.flags;
            match header.kind {
                NLMSG_NOOP => self.position += len,
                NLMSG_OVERRUN => return Err(Error::Overrun),
                kind if self.framing.is_kind(kind) || kind == NLMSG_ERROR || kind == NLMSG_DONE => {
                    return Ok(Some(Message {
                        header,
                        payload,
                        position: self.position,
                        len,
                    }));
                }
                kind => {
                    return Err(Error::Decode {
                        what: format!("a message of type {kind}, which is not the family's"),
                    });
                }
            }
        }
    }

    /// Reads a message that is not a row: the end of the reply, or an error.
    fn conclude(&mut self, message: &Message<'_>) -> Result<Step> {
        self.unread = false;
        match message.error() {
            Some(error) => Err(error.into()),
            None if self.place != Place::Nowhere => {
                Err(Malformed("the answer ends within a row").into())
            }
            None => Ok(Step::End),
        }
    }

    /// Checks that this message may follow the previous one.
    fn check_order(&mut self, header: Header, piece: Piece) -> Result<()> {
        let open = self.place != Place::Nowhere;
        let wrong = match piece.continues() {
            _ if header.flags & NLM_F_MULTIPART == 0 && (self.begun || !piece.is_whole()) => {
                "a message without NLM_F_MULTI in a dump"
            }
            true if !open => "a message continues a row without TASK_DIAG_FLAG_MORE",
            true if piece.pid != self.open.pid => "a message continues the row of another task",
            false if open => "a row begins before the previous row has ended",
            _ => {
                self.begun = true;
                return Ok(());
            }
        };
        Err(Malformed(wrong).into())
    }

    /// Returns a row of one message.
    fn take_whole(&mut self, header: Header, piece: Piece) -> Row {
        if header.flags & NLM_F_MULTIPART == 0 {
            // The message is the whole reply.
            self.unread = false;
            self.end();
        } else {
            self.usual[usize::from(self.framing != Framing::Plain)] = header;
        }
        Row {
            piece,
            aside: false,
            whole: true,
        }
    }

    /// Returns a message of a multi-message row.
    fn take_piece(&mut self, piece: Piece) -> Row {
        self.open = piece;
        self.place = match piece.has_more() {
            true => Place::Returned,
            false => Place::Nowhere,
        };
        Row {
            piece,
            aside: false,
            whole: false,
        }
    }

    /// Adds a message to its multi-message row, and returns that with its last
    /// message. Skips the message if the row has been returned in pieces so far.
    fn gather(&mut self, datagram: &[u8], piece: Piece) -> Result<Option<Row>> {
        let skipped = self.place == Place::Returned;
        if !skipped {
            self.append(datagram, piece)?;
        }
        if piece.has_more() {
            return Ok(None);
        }
        self.place = Place::Nowhere;
        self.open.flags &= !abi::TASK_DIAG_FLAG_MORE;
        Ok((!skipped).then_some(Row {
            piece: self.open,
            aside: true,
            whole: true,
        }))
    }

    /// Appends the attributes of a message to those of its row. They are checked
    /// before, so that the next message cannot complete a malformed one.
    fn append(&mut self, datagram: &[u8], piece: Piece) -> Result<()> {
        let attributes = piece.attributes(datagram)?;
        Groups::find(attributes)?;
        if piece.has_more() && absent_in(attributes).is_some() {
            return Err(Malformed(ABSENT_BEFORE_LAST).into());
        }
        if self.place == Place::Nowhere {
            self.gathered.clear();
            self.gathered.shrink_to(GATHERED_KEPT);
            self.open = Piece { start: 0, ..piece };
            self.place = Place::Gathered;
        }
        self.open.flags |= piece.flags & !abi::TASK_DIAG_FLAG_CONT;
        self.gathered.extend_from_slice(attributes);
        self.open.end = align(self.gathered.len());
        self.gathered.resize(self.open.end, 0);
        Ok(())
    }
}

const ABSENT_BEFORE_LAST: &str = "TASK_DIAG_ABSENT before the last message of a row";

/// A row neither has these groups nor lists them as absent.
#[cold]
fn lacking(missing: Show) -> Error {
    Error::Decode {
        what: format!("a row lacks {missing} without a reason"),
    }
}

/// Checks a piece, and with the last piece of a row that it has every requested
/// group.
fn check_piece(pieces: &mut Option<Show>, piece: TaskRef<'_>, requested: Show) -> Result<()> {
    let attributes = piece.as_bytes();
    if !piece.is_continuation() {
        *pieces = Some(Show::empty());
    }
    if piece.has_more() {
        if absent_in(attributes).is_some() {
            return Err(Malformed(ABSENT_BEFORE_LAST).into());
        }
        if let Some(there) = pieces {
            *there |= groups_in(attributes);
        }
        return Ok(());
    }
    let there = pieces.take().unwrap_or(requested);
    match piece.missing(requested.difference(there)) {
        missing if missing.is_empty() => Ok(()),
        missing => Err(lacking(missing)),
    }
}

impl Piece {
    /// Whether it continues the row of the previous message.
    const fn continues(self) -> bool {
        self.flags & abi::TASK_DIAG_FLAG_CONT != 0
    }

    /// Whether the next message continues its row.
    const fn has_more(self) -> bool {
        self.flags & abi::TASK_DIAG_FLAG_MORE != 0
    }

    /// Whether it is a row by itself.
    const fn is_whole(self) -> bool {
        !self.continues() && !self.has_more()
    }

    /// Its attributes, in the buffer that it lies in.
    #[inline]
    fn attributes(self, buffer: &[u8]) -> Result<&[u8], Malformed> {
        let within = buffer.get(self.start..self.end);
        within.ok_or(Malformed("a message that is shorter than its headers"))
    }

    /// The task itself, if its attributes are sound.
    #[inline]
    fn view(self, buffer: &[u8]) -> Result<TaskRef<'_>, Malformed> {
        TaskRef::view(self.pid, self.tgid, self.flags, self.attributes(buffer)?)
    }
}

/// A datagram that is being read.
#[derive(Debug)]
pub struct Feed<'a> {
    reassembly: &'a mut Reassembly,
    datagram: &'a [u8],
}

impl Feed<'_> {
    /// Returns the next event; [`Event::End`] after an error and at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] if the reply is an error or ends with one,
    /// [`Error::Overrun`] if the kernel reports lost messages, and
    /// [`Error::Decode`] if the bytes violate the protocol.
    #[expect(
        clippy::should_implement_trait,
        reason = "the task borrows from the buffer, which the item of an Iterator cannot"
    )]
    pub fn next(&mut self) -> Result<Event<'_>> {
        let step = self.reassembly.step(self.datagram)?;
        self.event(step)
    }

    /// Returns the next event, with each message of a multi-message row as a piece.
    /// See [`crate::Dump::next_piece`].
    ///
    /// Calls of both functions may be mixed: after a piece, [`Self::next`] skips the
    /// rest of its row.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn next_piece(&mut self) -> Result<Event<'_>> {
        let step = self.reassembly.step_piece(self.datagram)?;
        self.event(step)
    }

    fn event(&mut self, step: Step) -> Result<Event<'_>> {
        Ok(match step {
            Step::Task(row) => Event::Task(self.reassembly.task(self.datagram, row)?),
            Step::More => Event::More,
            Step::End => Event::End,
        })
    }
}

/// A message of the reply.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    header: Header,
    payload: &'a [u8],
    /// Offset of the message in the datagram.
    position: usize,
    /// Length of the message with the padding that follows.
    len: usize,
}

impl<'a> Message<'a> {
    /// Returns the error of the kernel if the message is one, or is the end of a
    /// dump with one.
    fn error(&self) -> Option<KernelError> {
        match self.header.kind {
            NLMSG_ERROR => from_error(self.header.flags, self.payload),
            _ => from_done(self.header.flags, self.payload),
        }
    }

    /// Returns the task of the message, and the place of the attributes that follow;
    /// `None` if the message has no attributes. The kernel sends such a message if it
    /// may not wait for the next row before the message has been received.
    fn piece(&self, framing: Framing, forwarded: bool) -> Result<Option<Piece>, Malformed> {
        let mut walk = self.attributes(
            framing,
            abi::TASK_DIAG_CMD_GET,
            "the command is not TASK_DIAG_CMD_GET",
        )?;
        let value = match walk.next().transpose()? {
            None => return Ok(None),
            Some((abi::TASK_DIAG_MSG, value)) => value,
            Some(_) => return Err(Malformed("the first attribute is not TASK_DIAG_MSG")),
        };
        let mut msg: TaskDiagMsg = read(value);
        if !forwarded {
            msg.flags &= !FORWARDER_FLAGS;
        }
        let rest = walk.rest().len();
        let end = self.position + size_of::<Header>() + self.payload.len();
        Ok(Some(Piece {
            pid: msg.pid,
            tgid: msg.tgid,
            start: end - rest,
            end,
            flags: msg.flags,
        }))
    }

    fn features(&self, framing: Framing) -> Result<TaskDiagFeatures, Malformed> {
        let walk = self.attributes(
            framing,
            abi::TASK_DIAG_CMD_FEATURES,
            "the command is not TASK_DIAG_CMD_FEATURES",
        )?;
        for attribute in walk {
            if let (abi::TASK_DIAG_FEATURES, value) = attribute? {
                return Ok(read(value));
            }
        }
        Err(Malformed("it holds no features"))
    }

    /// Returns the attributes if the message has this command.
    fn attributes(
        &self,
        framing: Framing,
        cmd: u8,
        otherwise: &'static str,
    ) -> Result<Attributes<'a>, Malformed> {
        let attributes = self
            .payload
            .get(framing.inner_header()..)
            .ok_or(Malformed("the generic netlink header is missing"))?;
        let as_asked = match framing {
            Framing::Plain => self.header.kind == framing.kind(cmd),
            Framing::Genl { .. } => self.payload.first() == Some(&cmd),
        };
        match as_asked {
            true => Ok(Attributes::new(attributes)),
            false => Err(Malformed(otherwise)),
        }
    }
}
