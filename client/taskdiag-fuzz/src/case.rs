// SPDX-License-Identifier: MIT
//! A case: what is sent, how the answer is read, and who else is on stage.
//!
//! Plain data. Processes are named by the part they play, so that a case means
//! the same in every run, whatever numbers its processes have.

/// So many cases in a row share a socket, if nothing happens to it.
pub(crate) const EPOCH: u64 = 32;

/// The interface that requests go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// The generic netlink family.
    Socket,
    /// `/proc/task-diag`.
    File,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) iteration: u64,
    pub(crate) transport: Transport,
    pub(crate) settings: Settings,
    pub(crate) control: Vec<Control>,
    /// So many bytes are missing at the end of the control messages.
    pub(crate) control_cut: usize,
    pub(crate) messages: Vec<Message>,
    /// Behind the last message.
    pub(crate) tail: Vec<u8>,
    pub(crate) reading: Reading,
    pub(crate) scene: Scene,
}

/// Options of the socket or file. The same for a whole epoch; a file has none
/// of the socket's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `NETLINK_EXT_ACK`.
    pub(crate) ext_ack: bool,
    /// `NETLINK_CAP_ACK`.
    pub(crate) cap_ack: bool,
    /// `NETLINK_GET_STRICT_CHK`.
    pub(crate) strict: bool,
    /// `SO_RCVBUF`.
    pub(crate) receive_buffer: Option<usize>,
}

/// A process or thread, by its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// This number, as it is.
    Number(u32),
    /// The process that performs the case.
    Own,
    /// The parent of that, which belongs to root.
    Parent,
    /// A process of the population that stays, modulo how many there are.
    Pillar(u8),
    /// A thread of a process that stays.
    PillarThread(u8, u8),
    /// A child of a process that stays.
    PillarChild(u8, u8),
    /// A zombie that stays.
    Zombie,
    /// A process in a pid namespace of its own.
    Contained(u8),
    /// A process that has just been reaped.
    JustExited,
    /// A number that no task can have here, though it is in the range.
    Free,
}

/// A user or group id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    /// That of the process that performs the case.
    Own,
    /// This one.
    Number(u32),
}

/// A descriptor of the process that sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Descriptor {
    /// A pidfd of the process that performs the case.
    OwnTask,
    /// A pidfd of a process that stays, modulo the number of these pidfds.
    Task(u8),
    /// A pidfd of a thread.
    Thread,
    /// A pidfd of a zombie.
    Zombie,
    /// A pidfd of a process that has been reaped.
    Ended,
    /// A pidfd of a process in the child pid namespace.
    ContainedTask,
    /// The pid namespace of the process that performs the case.
    OwnNamespace,
    /// The pid namespace of the run.
    OuterNamespace,
    /// The pid namespace of the contained processes.
    ChildNamespace,
    /// A namespace of another kind, modulo the number of these.
    OtherNamespace(u8),
    /// Neither a task nor a namespace, modulo the number of these.
    Plain(u8),
    /// Opened with `O_PATH`.
    Path,
    /// A number without an open file.
    Closed,
}

/// A control message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// `SCM_CREDENTIALS`, well formed.
    Credentials { pid: Who, uid: Id, gid: Id },
    /// Any other.
    Raw {
        level: i32,
        kind: i32,
        /// What its header says, beside the length it has.
        off: i64,
        data: Vec<u8>,
    },
}

/// What a length field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    True,
    /// So much beside the truth.
    Off(i32),
    Is(u32),
}

/// What `nlmsg_type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Family,
    Number(u16),
}

/// A netlink message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) len: Length,
    pub(crate) kind: Kind,
    pub(crate) flags: u16,
    pub(crate) seq: u32,
    pub(crate) pid: u32,
    pub(crate) cmd: u8,
    pub(crate) version: u8,
    pub(crate) reserved: u16,
    pub(crate) attributes: Vec<Attribute>,
    /// So many bytes are missing at its end.
    pub(crate) cut: usize,
}

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) kind: u16,
    pub(crate) len: Length,
    pub(crate) value: Value,
}

/// What is in an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Request(Request),
    Bytes(Vec<u8>),
    /// The number of a descriptor.
    Descriptor(Descriptor),
    Nested(Vec<Attribute>),
}

/// `struct task_diag_pid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) show_flags: u64,
    pub(crate) strategy: u64,
    pub(crate) pid: Who,
    pub(crate) reserved: u32,
    /// So many bytes longer than it is, or shorter.
    pub(crate) off: i8,
}

impl Value {
    /// At most so many bytes.
    pub(crate) fn room(&self) -> usize {
        match self {
            Self::Request(_) => 24 + i8::MAX as usize,
            Self::Bytes(bytes) => bytes.len(),
            Self::Descriptor(_) => 4,
            Self::Nested(inner) => inner.iter().map(Attribute::room).sum(),
        }
    }
}

impl Attribute {
    /// At most so many bytes.
    pub(crate) fn room(&self) -> usize {
        4 + self.value.room() + 3
    }
}

impl Message {
    /// At most so many bytes.
    pub(crate) fn room(&self) -> usize {
        20 + self.attributes.iter().map(Attribute::room).sum::<usize>()
    }
}

/// How an answer is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The sizes of the buffers, in turn.
    pub(crate) sizes: Vec<usize>,
    /// Without `MSG_DONTWAIT` or `O_NONBLOCK`, where more has to come.
    pub(crate) wait: bool,
    /// Call `recvmsg()` with `MSG_PEEK`, or `poll()`, before each read.
    pub(crate) peek: bool,
    /// With `MSG_TRUNC`.
    pub(crate) tell_length: bool,
    /// Read on until nothing comes, however complete the answer is.
    pub(crate) drain: bool,
    /// Close the socket or file after so many reads.
    pub(crate) stop_after: Option<usize>,
    /// Send another message after so many reads.
    pub(crate) interject: Option<(usize, Message)>,
}

/// Who else is on stage, and what happens between the request and the reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// One thread asks and reads.
    Alone,
    /// Another thread of the process reads.
    ThreadReads,
    /// A thread asks and is gone when the answer is read.
    ThreadAsks,
    /// A forked process reads, then the one that asked.
    ForkReads,
    /// A forked process asks and is gone when the answer is read.
    ForkAsks,
    /// What a forked process with a socket of its own does to itself between
    /// asking and reading.
    Changes(Change),
    /// A process in user, pid and network namespaces of its own asks.
    Contained {
        /// Through a socket that was opened outside.
        inherited: bool,
    },
}

/// What a process does to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Becomes a plain user.
    User,
    /// Enters a new user namespace.
    UserNamespace,
    /// Has its children born in a new pid namespace.
    PidNamespace,
    /// Enters a new network namespace.
    NetNamespace,
    /// May not be dumped any more.
    Undumpable,
}

impl Scene {
    /// No other process has a hand in it.
    pub(crate) const fn is_of_one_process(self) -> bool {
        matches!(self, Self::Alone | Self::ThreadReads | Self::ThreadAsks)
    }
}
