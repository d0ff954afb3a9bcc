// SPDX-License-Identifier: MIT
//! From datagrams to tasks: finds the messages of one answer, takes the pieces
//! of a task together, and tells how the answer ended.
//!
//! Pure: knows no socket. Any bytes may be fed to it; it answers with tasks or
//! with an error.

use log::debug;

use crate::abi::{self, TaskDiagFeatures, TaskDiagMsg};
use crate::daemon::protocol::FORWARDER_FLAGS;
use crate::error::{Error, KernelError, Result};
use crate::extack;
use crate::pid::Pid;
use crate::show::Show;
use crate::task::{Absent, Groups, TaskRef, absent_in, groups_in, read};
use crate::transport::Framing;
use crate::wire::{
    Address, Attributes, FLAG_INTERRUPTED, FLAG_MULTI, GenlInner, Header, Inner, Malformed,
    PlainInner, TaskHead, align,
};

const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
/// How much of the buffer for tasks that do not lie in one datagram is kept for
/// the next one, in bytes.
const GATHERED_KEPT: usize = 256 * 1024;

/// Puts one answer together.
///
/// A task may go on in the next message, so it is known to be whole only when
/// that has been seen. A task that is still open when a datagram ends is copied
/// aside, into a buffer that is kept for the purpose; all others are handed out
/// where they lie. When an answer fails, the task that was open may lack
/// something, and is not handed out.
///
/// A task whose areas and arguments are more than one wants to hold can be had
/// in pieces instead: see [`Feed::next_piece`].
///
/// Messages with another sequence or port number belong to other answers, for
/// example one that was left half-read; they are passed over.
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
    /// How far the present datagram has been read.
    position: usize,
    /// The task that may still go on in the next message, if there is one.
    open: Piece,
    place: Place,
    /// The header of the message that it began with, if messages are put
    /// plainly, and if they are not: of no message is a header of zeros that of
    /// a task.
    usual: [Header; 2],
    /// The attributes of a task whose pieces do not lie together.
    gathered: Vec<u8>,
    /// The `NLM_F_*` flags of all messages so far.
    flags: u16,
    /// The groups that each row has or lists as absent.
    requested: Show,
    /// Whether rows may have flags of a program that forwards them.
    forwarded: bool,
    /// TASK_DIAG_ABSENT has ended the open task.
    concluded: bool,
    /// The groups of the task that is returned in pieces; `None` if some of its
    /// pieces were passed over.
    pieces: Option<Seen>,
    /// Nothing comes any more.
    ended: bool,
    /// The end of the answer has not been seen.
    unread: bool,
}

/// The groups of a task whose pieces are returned one by one.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    there: Show,
    absent: Absent,
}

/// A message, or several, about one task, and where their attributes are.
#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    pid: Pid,
    tgid: Pid,
    start: usize,
    end: usize,
    /// `TASK_DIAG_FLAG_*` of all of them.
    flags: u32,
}

/// Where the open task lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// There is none.
    #[default]
    Nowhere,
    InDatagram,
    /// In [`Reassembly::gathered`].
    Aside,
    /// Nowhere any more: what came of it so far has been handed out.
    HandedOut,
}

/// What is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Portion {
    /// Whole tasks.
    Tasks,
    /// Messages about tasks, each as it comes.
    Pieces,
}

/// A task, or a piece of one, as a place rather than a view: what a caller needs that owns
/// both the datagram and the reassembly. Its attributes have not been looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    piece: Piece,
    aside: bool,
    /// Not a piece of a task.
    whole: bool,
}

/// What comes next, with a task as a place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Task(Row),
    More,
    End,
}

/// What comes next in an answer.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A whole task, or a piece, if one asks for these.
    Task(TaskRef<'a>),
    /// The datagram has been read: feed the next one.
    More,
    /// The answer has ended well.
    End,
}

impl Reassembly {
    /// Awaits the answer that is put so (for netlink the family's number will
    /// do), with this sequence number and port number (of the socket that
    /// asked).
    #[must_use]
    pub fn new(framing: impl Into<Framing>, seq: u32, port: u32) -> Self {
        let mut reassembly = Self::default();
        reassembly.restart(framing, seq, port);
        reassembly
    }

    /// Awaits another answer, forgetting what is left of this one; keeps its
    /// memory.
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

    /// Checks rows against a request for these groups: one that neither has a
    /// group nor lists it as absent is an error. To be called before the first
    /// datagram is read.
    pub const fn request(&mut self, groups: Show) {
        self.requested = groups;
    }

    /// Accepts the flags of a program that forwards rows: see
    /// [`crate::daemon_protocol`]. Otherwise they are ignored.
    pub const fn accept_forwarded(&mut self, forwarded: bool) {
        self.forwarded = forwarded;
    }

    /// Reads a datagram. One must be read up to [`Event::More`] before the
    /// next is fed.
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
        self.flags & FLAG_INTERRUPTED != 0
    }

    /// Whether something of the answer may still be under way: its end has not
    /// been seen, be it because it was not read so far, be it because it could
    /// not be read.
    pub(crate) const fn unread(&self) -> bool {
        self.unread
    }

    /// The next call of [`Self::step`] will be given another datagram.
    pub(crate) const fn next_datagram(&mut self) {
        self.position = 0;
    }

    /// Nothing comes any more.
    pub(crate) const fn end(&mut self) {
        self.place = Place::Nowhere;
        self.ended = true;
    }

    /// Goes on to the next event of the datagram.
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

    /// What comes nearly always: the message of a task that begins, behind
    /// that of another in the same datagram, which thereby is whole; the two
    /// headers are the same. Everything else, and every doubt, is left to
    /// [`Self::step_slowly`].
    #[inline(always)]
    pub(crate) fn step_fast<I: Inner>(&mut self, datagram: &[u8]) -> Option<Row> {
        let rest = datagram.get(self.position..)?;
        let head = TaskHead::<I>::view(rest)?;
        let len = head.header.len as usize;
        let usual = self.place == Place::InDatagram
            && head.header.is(&self.usual[usize::from(I::IN_GENL)])
            && len >= size_of::<TaskHead<I>>()
            && head.msg.flags == 0
            && len <= rest.len();
        if !usual {
            return None;
        }
        let piece = self.open;
        self.open = Piece {
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

    /// The task that has been found, when this datagram was read.
    #[inline(always)]
    pub(crate) fn task<'a>(&'a mut self, datagram: &'a [u8], row: Row) -> Result<TaskRef<'a>> {
        let buffer = if row.aside { &self.gathered } else { datagram };
        let error = match row.piece.view(buffer) {
            Ok(task) if row.whole => match task.missing(self.requested) {
                missing if missing.is_empty() => return Ok(task),
                missing => lacking(missing),
            },
            Ok(task) => {
                see(&mut self.pieces, task);
                return Ok(task);
            }
            Err(malformed) => malformed.into(),
        };
        self.place = Place::Nowhere;
        self.ended = true;
        Err(error)
    }

    /// What [`Self::step_fast`] leaves.
    #[cold]
    pub(crate) fn step_slowly(&mut self, datagram: &[u8]) -> Result<Step> {
        self.advance(datagram, Portion::Tasks)
    }

    /// Goes on to the next message about a task, or to another event, of the
    /// datagram.
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
        if portion == Portion::Tasks {
            self.pieces = None;
        }
        if portion == Portion::Pieces && self.is_open() {
            // Left from when whole tasks were asked for.
            return Ok(self.hand_out(false));
        }
        loop {
            let Some(message) = self.read_message(datagram)? else {
                self.put_aside(datagram)?;
                return Ok(Step::More);
            };
            if !self.framing.is_kind(message.header.kind) {
                let error = message.error();
                if error.is_none() && self.is_open() {
                    // This message is read again when the task is out.
                    return Ok(self.whole());
                }
                self.unread = false;
                if error.is_none() {
                    self.check_pieces()?;
                }
                return error.map_or(Ok(Step::End), |error| Err(error.into()));
            }
            let header = message.header;
            let (piece, goes_on) = message.piece(self.framing, self.forwarded)?;
            let step = match portion {
                Portion::Tasks if goes_on => self.go_on(datagram, piece)?,
                Portion::Pieces if goes_on => Some(self.go_on_apart(header, piece)?),
                _ if header.flags & FLAG_MULTI == 0 => Some(self.only_one(header, piece)?),
                Portion::Tasks => self.begin(header, piece),
                Portion::Pieces => {
                    self.check_pieces()?;
                    Some(self.begin_apart(header, piece))
                }
            };
            self.position += message.len;
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    /// The answer to the question for what the kernel can tell; `None` if it
    /// is not in this datagram.
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

    /// Finds the next message of this answer, which is the family's, an error
    /// or the end; `None` if the datagram has no more. The position stays at
    /// its beginning.
    fn read_message<'a>(&mut self, datagram: &'a [u8]) -> Result<Option<Message<'a>>> {
        loop {
            let rest = datagram.get(self.position..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(None);
            }
            let (header, payload, len) = Header::split(rest)?;
            if header.address != self.address {
                debug!("passing over a message of another answer: {header:?}");
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

    /// There is a task that has not been handed out.
    fn is_open(&self) -> bool {
        matches!(self.place, Place::InDatagram | Place::Aside)
    }

    /// The open task is whole: hands it out.
    fn whole(&mut self) -> Step {
        let step = self.hand_out(true);
        self.place = Place::Nowhere;
        step
    }

    /// Hands the open task out, as far as it has come.
    fn hand_out(&mut self, whole: bool) -> Step {
        let aside = self.place == Place::Aside;
        self.place = Place::HandedOut;
        Step::Task(Row {
            piece: self.open,
            aside,
            whole,
        })
    }

    /// A task begins, and another thereby is whole.
    fn begin(&mut self, header: Header, piece: Piece) -> Option<Step> {
        let whole = self.is_open().then(|| self.whole());
        self.open = piece;
        self.concluded = false;
        self.usual[usize::from(self.framing != Framing::Plain)] = header;
        self.place = Place::InDatagram;
        whole
    }

    /// A task begins, and that is handed out by itself.
    fn begin_apart(&mut self, header: Header, piece: Piece) -> Step {
        self.begin(header, piece);
        self.hand_out(false)
    }

    /// A message that is not one of many is the whole answer.
    fn only_one(&mut self, header: Header, piece: Piece) -> Result<Step> {
        if self.place != Place::Nowhere {
            return Err(Malformed("a message that is no part of a dump, in a dump").into());
        }
        self.begin(header, piece);
        let whole = self.whole();
        self.unread = false;
        self.end();
        Ok(whole)
    }

    /// Adds a piece to the open task; passes it over, if that has been handed
    /// out in pieces so far.
    fn go_on(&mut self, datagram: &[u8], piece: Piece) -> Result<Option<Step>> {
        self.check_continues(piece)?;
        if self.is_open() {
            self.put_aside(datagram)?;
            if self.concluded {
                return Err(Malformed(BEHIND_ABSENT).into());
            }
            self.open.flags |= piece.flags & !abi::TASK_DIAG_FLAG_CONT;
            self.gather(datagram, piece)?;
        }
        Ok(None)
    }

    /// Hands out a piece by itself.
    fn go_on_apart(&mut self, header: Header, piece: Piece) -> Result<Step> {
        self.check_continues(piece)?;
        if self.pieces.is_some_and(|seen| !seen.absent.is_empty()) {
            return Err(Malformed(BEHIND_ABSENT).into());
        }
        Ok(self.begin_apart(header, piece))
    }

    /// A piece goes on with the task of the message before.
    fn check_continues(&self, piece: Piece) -> Result<()> {
        if self.place == Place::Nowhere || self.open.pid != piece.pid {
            return Err(Malformed("a message goes on with a task that did not begin").into());
        }
        Ok(())
    }

    /// The task whose pieces have been returned has every requested group.
    fn check_pieces(&mut self) -> Result<()> {
        let Some(seen) = self.pieces.take() else {
            return Ok(());
        };
        let missing = self.requested.difference(seen.there);
        match missing.difference(seen.absent.groups()) {
            missing if missing.is_empty() => Ok(()),
            missing => Err(lacking(missing)),
        }
    }

    /// Copies the open task, if it lies in the datagram.
    fn put_aside(&mut self, datagram: &[u8]) -> Result<()> {
        if self.place != Place::InDatagram {
            return Ok(());
        }
        self.gathered.clear();
        self.gathered.shrink_to(GATHERED_KEPT);
        let piece = self.open;
        self.open.start = 0;
        self.place = Place::Aside;
        self.gather(datagram, piece)
    }

    /// Appends the attributes of a piece to what is gathered. They are looked
    /// at first, so that a broken piece does not become a sound one by what
    /// follows it.
    fn gather(&mut self, datagram: &[u8], piece: Piece) -> Result<()> {
        let attributes = piece.attributes(datagram)?;
        Groups::find(attributes)?;
        self.concluded |= absent_in(attributes).is_some();
        let len = align(self.gathered.len() + attributes.len());
        self.open.end = len;
        self.gathered.extend_from_slice(attributes);
        self.gathered.resize(len, 0);
        Ok(())
    }
}

const BEHIND_ABSENT: &str = "a message continues a row behind TASK_DIAG_ABSENT";

/// A row neither has these groups nor lists them as absent.
#[cold]
fn lacking(missing: Show) -> Error {
    Error::Decode {
        what: format!("a row lacks {missing} without a reason"),
    }
}

/// Adds the groups of a piece to those of its task.
fn see(pieces: &mut Option<Seen>, piece: TaskRef<'_>) {
    if !piece.goes_on() {
        *pieces = Some(Seen::default());
    }
    if let Some(seen) = pieces {
        seen.there |= groups_in(piece.as_bytes());
        seen.absent.add(piece.absent());
    }
}

impl Piece {
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

/// A datagram being read.
#[derive(Debug)]
pub struct Feed<'a> {
    reassembly: &'a mut Reassembly,
    datagram: &'a [u8],
}

impl Feed<'_> {
    /// What comes next. After an error or the end there is only
    /// [`Event::End`].
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] if the answer is an error or ends with one,
    /// [`Error::Overrun`] if the kernel says that messages are lost, and
    /// [`Error::Decode`] if these are not the bytes of an answer.
    #[expect(
        clippy::should_implement_trait,
        reason = "lends from the buffer, which no Iterator can"
    )]
    pub fn next(&mut self) -> Result<Event<'_>> {
        let step = self.reassembly.step(self.datagram)?;
        self.event(step)
    }

    /// As [`Self::next`], but with each message about a task by itself, as it
    /// comes: a task that goes on in further messages comes in as many
    /// pieces, and all but the first say so, see [`TaskRef::goes_on`].
    ///
    /// The two may be mixed: after a piece, [`Self::next`] passes over the
    /// rest of its task.
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

/// A message of the answer.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    header: Header,
    payload: &'a [u8],
    /// Where it begins in the datagram.
    position: usize,
    /// Its length, with the padding behind it.
    len: usize,
}

impl<'a> Message<'a> {
    /// What the kernel says, if this is an error of its, or the end of a dump
    /// with one.
    fn error(&self) -> Option<KernelError> {
        match self.header.kind {
            NLMSG_ERROR => extack::from_error(self.header.flags, self.payload),
            _ => extack::from_done(self.header.flags, self.payload),
        }
    }

    /// Which task it is about, where the attributes behind that are, and
    /// whether it goes on with that task.
    fn piece(&self, framing: Framing, forwarded: bool) -> Result<(Piece, bool), Malformed> {
        let mut walk = self.attributes(
            framing,
            abi::TASK_DIAG_CMD_GET,
            "the command is not TASK_DIAG_CMD_GET",
        )?;
        let Some((abi::TASK_DIAG_MSG, value)) = walk.next().transpose()? else {
            return Err(Malformed("the first attribute is not TASK_DIAG_MSG"));
        };
        let mut msg: TaskDiagMsg = read(value);
        if !forwarded {
            msg.flags &= !FORWARDER_FLAGS;
        }
        let rest = walk.rest().len();
        let end = self.position + size_of::<Header>() + self.payload.len();
        let piece = Piece {
            pid: msg.pid,
            tgid: msg.tgid,
            start: end - rest,
            end,
            flags: msg.flags,
        };
        Ok((piece, msg.flags & abi::TASK_DIAG_FLAG_CONT != 0))
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

    /// What it carries, if it has this command.
    fn attributes(
        &self,
        framing: Framing,
        cmd: u8,
        otherwise: &'static str,
    ) -> Result<Attributes<'a>, Malformed> {
        let attributes = self
            .payload
            .get(framing.inner_header()..)
            .ok_or(Malformed("there is no generic netlink header"))?;
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
