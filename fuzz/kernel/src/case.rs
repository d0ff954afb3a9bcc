// SPDX-License-Identifier: MIT
//! A case: the request, the reads of its reply, and the other processes involved.
//!
//! Plain data. Processes are named by role, so that a case means the same in
//! every run, whatever pids its processes have.

/// Number of consecutive cases that share a socket or file, unless one of them
/// makes it unusable.
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
    /// Number of bytes cut off the end of the control messages.
    pub(crate) control_cut: usize,
    pub(crate) messages: Vec<Message>,
    /// Bytes after the last message.
    pub(crate) tail: Vec<u8>,
    pub(crate) reading: Reading,
    pub(crate) scenario: Scenario,
}

impl Case {
    /// Returns the descriptors that the messages name, with the types of their
    /// attributes.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = (u16, Descriptor)> {
        self.messages
            .iter()
            .flat_map(|message| &message.attributes)
            .filter_map(|attribute| match attribute.value {
                Value::Descriptor(descriptor) => Some((attribute.kind, descriptor)),
                _ => None,
            })
    }
}

/// Socket options, and the mount of a file. They are the same for all cases of an epoch.
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
    /// The procfs mount whose transaction file is used, modulo the number of these;
    /// `None`: `/proc`.
    pub(crate) mount: Option<u8>,
}

/// A process or thread, by role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The task with this pid.
    Pid(u32),
    /// The process that performs the case.
    Own,
    /// The parent of the process that performs the case. It belongs to root.
    Parent,
    /// A process that runs for the whole run, modulo the number of these processes.
    Permanent(u8),
    /// A thread of a process that runs for the whole run.
    PermanentThread(u8, u8),
    /// A child of a process that runs for the whole run.
    PermanentChild(u8, u8),
    /// A zombie that is not reaped during the run.
    Zombie,
    /// A process in the child pid namespace.
    Contained(u8),
    /// A process that has just been reaped.
    JustExited,
    /// A valid pid that no task has.
    Free,
}

/// A user or group id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    /// The id of the process that performs the case.
    Own,
    /// This id.
    Number(u32),
}

/// A descriptor of the process that sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Descriptor {
    /// A pidfd of the process that performs the case.
    OwnTask,
    /// A pidfd of a process that runs for the whole run, modulo the number of these
    /// pidfds.
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
    /// The root directory of a procfs mount, modulo the number of these.
    Mount(u8),
    /// The root directory of a procfs mount, opened with `O_PATH`.
    MountPath(u8),
    /// A file or directory of procfs that is not the root, modulo the number of these.
    NotRoot(u8),
    /// A number that is not an open descriptor.
    Closed,
}

/// A control message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// `SCM_CREDENTIALS`, well formed.
    Credentials { pid: Role, uid: Id, gid: Id },
    /// Any other control message.
    Raw {
        level: i32,
        kind: i32,
        /// Difference between the length in the header and the actual length.
        off: i64,
        data: Vec<u8>,
    },
}

/// Contents of a length field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    True,
    /// The actual length plus this difference.
    Off(i32),
    Is(u32),
}

/// Contents of `nlmsg_type`.
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
    /// Number of bytes cut off the end of the message.
    pub(crate) cut: usize,
}

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) kind: u16,
    pub(crate) len: Length,
    pub(crate) value: Value,
}

/// Payload of an attribute.
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
    pub(crate) pid: Role,
    pub(crate) reserved: u32,
    /// Difference between the length of the payload and the structure's size.
    pub(crate) off: i8,
}

impl Value {
    /// Returns an upper bound of the encoded length.
    pub(crate) fn max_len(&self) -> usize {
        match self {
            Self::Request(_) => 24 + i8::MAX as usize,
            Self::Bytes(bytes) => bytes.len(),
            Self::Descriptor(_) => 4,
            Self::Nested(inner) => inner.iter().map(Attribute::max_len).sum(),
        }
    }
}

impl Attribute {
    /// Returns an upper bound of the encoded length.
    pub(crate) fn max_len(&self) -> usize {
        4 + self.value.max_len() + 3
    }
}

impl Message {
    /// Returns an upper bound of the encoded length.
    pub(crate) fn max_len(&self) -> usize {
        20 + self
            .attributes
            .iter()
            .map(Attribute::max_len)
            .sum::<usize>()
    }
}

/// The reads of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The buffer sizes of the reads, used cyclically.
    pub(crate) sizes: Vec<usize>,
    /// Read without `MSG_DONTWAIT` or `O_NONBLOCK` while more data is expected.
    pub(crate) wait: bool,
    /// Call `recvmsg()` with `MSG_PEEK`, or `poll()`, before each read.
    pub(crate) peek: bool,
    /// Read with `MSG_TRUNC`, or through a duplicate of the file.
    pub(crate) return_length: bool,
    /// Read until no more data is available, even if the reply is complete.
    pub(crate) drain: bool,
    /// Close the socket or file after this number of reads.
    pub(crate) stop_after: Option<usize>,
    /// Send another message after this number of reads.
    pub(crate) interject: Option<(usize, Message)>,
}

/// Other threads and processes of a case, and events between request and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// One thread sends and reads.
    Alone,
    /// Another thread of the process reads.
    ThreadReads,
    /// Another thread sends and has ended when the reply is read.
    ThreadSends,
    /// A forked process reads, then the sender.
    ForkReads,
    /// A forked process sends and has ended when the reply is read.
    ForkSends,
    /// A forked process with its own socket or file changes between sending and
    /// reading.
    Changes(Change),
    /// A process in new user, pid and network namespaces sends and reads.
    Contained {
        /// The socket or file was opened before the namespaces were created.
        inherited: bool,
    },
}

/// A change of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Switches to an unprivileged user.
    User,
    /// Enters a new user namespace.
    UserNamespace,
    /// Creates a new pid namespace for its children.
    PidNamespace,
    /// Enters a new network namespace.
    NetNamespace,
    /// Becomes undumpable.
    Undumpable,
}

impl Scenario {
    /// Whether no other process takes part.
    pub(crate) const fn has_one_process(self) -> bool {
        matches!(self, Self::Alone | Self::ThreadReads | Self::ThreadSends)
    }
}
