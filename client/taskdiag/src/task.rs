// SPDX-License-Identifier: MIT
//! A task: a borrowed view of what was received about it, and the owned form.
//!
//! Pure: reads attributes from bytes, knows neither messages nor sockets.

use std::fmt::{self, Write as _};

use zerocopy::{FromBytes, IntoBytes};

use crate::abi::{self, TaskDiagBase, TaskDiagCreds};
use crate::caps::CapSet;
use crate::error::Result;
use crate::request::Pid;
use crate::wire::{Attributes, Malformed};

/// Reads a structure as the ABI says: what is missing from a shorter one is
/// zero, what a longer one has more is left out.
#[inline]
pub(crate) fn read<T: FromBytes + IntoBytes>(bytes: &[u8]) -> T {
    match T::read_from_prefix(bytes) {
        Ok((value, _)) => value,
        Err(_) => read_short(bytes),
    }
}

#[cold]
fn read_short<T: FromBytes + IntoBytes>(bytes: &[u8]) -> T {
    let mut value = T::new_zeroed();
    value.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
    value
}

/// What was received about one task, borrowed from the receive buffer.
///
/// Nothing is decoded until it is asked for, and nothing is allocated.
#[derive(Clone, Copy)]
pub struct TaskRef<'a> {
    attributes: &'a [u8],
    pid: Pid,
    tgid: Pid,
    groups: Groups,
}

/// Where the groups that this crate decodes begin among a task's attributes,
/// or [`NOWHERE`]; the first, where one comes more than once.
///
/// Numbers rather than slices: a task is moved more often than it is looked
/// at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Groups {
    base: u32,
    cred: u32,
}

/// No attribute begins there: it takes four bytes to begin one.
const NOWHERE: u32 = u32::MAX;

impl Groups {
    /// Walks the attributes, to the last byte.
    #[inline]
    pub(crate) fn find(attributes: &[u8]) -> Result<Self, Malformed> {
        let mut groups = Self {
            base: NOWHERE,
            cred: NOWHERE,
        };
        if attributes.len() > NOWHERE as usize {
            return Err(Malformed("a task of 4 GiB and more"));
        }
        let mut walk = Attributes::new(attributes);
        loop {
            let at = walk.at() as u32;
            match walk.next() {
                None => return Ok(groups),
                Some(Err(malformed)) => return Err(malformed),
                Some(Ok((abi::TASK_DIAG_BASE, _))) if groups.base == NOWHERE => groups.base = at,
                Some(Ok((abi::TASK_DIAG_CRED, _))) if groups.cred == NOWHERE => groups.cred = at,
                Some(Ok(_)) => {}
            }
        }
    }
}

impl<'a> TaskRef<'a> {
    /// Views the attributes that follow `TASK_DIAG_MSG`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Decode`] if these are not attributes to the last byte.
    pub fn new(pid: Pid, tgid: Pid, attributes: &'a [u8]) -> Result<Self> {
        let groups = Groups::find(attributes)?;
        Ok(Self::with_groups(pid, tgid, attributes, groups))
    }

    /// Views attributes that have been walked.
    #[inline]
    pub(crate) const fn with_groups(
        pid: Pid,
        tgid: Pid,
        attributes: &'a [u8],
        groups: Groups,
    ) -> Self {
        Self {
            attributes,
            pid,
            tgid,
            groups,
        }
    }

    /// The value of the attribute that begins there.
    #[inline]
    fn value(&self, at: u32) -> Option<&'a [u8]> {
        let mut walk = Attributes::new(self.attributes.get(at as usize..)?);
        let (_, value) = walk.next()?.ok()?;
        Some(value)
    }

    /// The number of the task (thread).
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// The number of its process.
    #[must_use]
    pub const fn tgid(&self) -> Pid {
        self.tgid
    }

    /// Who the task is, if that was asked for.
    #[inline]
    #[must_use]
    pub fn base(&self) -> Option<Base> {
        Some(read::<TaskDiagBase>(self.value(self.groups.base)?).into())
    }

    /// Its credentials, if they were asked for.
    #[inline]
    #[must_use]
    pub fn cred(&self) -> Option<Cred> {
        Some(read::<TaskDiagCreds>(self.value(self.groups.cred)?).into())
    }

    /// The bytes of the group with this bit in [`crate::Show`] (BASE is 0), as
    /// received; the first, where a group came in several attributes.
    #[must_use]
    pub fn group(&self, bit: u16) -> Option<&'a [u8]> {
        let wanted = abi::TASK_DIAG_ATTR_GROUPS.checked_add(bit)?;
        self.attributes()
            .find_map(|(kind, value)| (kind == wanted).then_some(value))
    }

    /// Every attribute that came with the task, in order, as its type and its
    /// bytes; padding is left out.
    pub fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        // They have been walked to the last byte, so there is no error.
        Attributes::new(self.attributes)
            .map_while(Result::ok)
            .filter(|&(kind, _)| kind != abi::TASK_DIAG_PAD)
    }

    /// A copy that outlives the receive buffer.
    #[must_use]
    pub fn to_owned(&self) -> Task {
        let (mut base, mut cred) = (self.base(), self.cred());
        let mut task = Task {
            pid: self.pid,
            tgid: self.tgid,
            base: None,
            cred: None,
            other: Vec::new(),
        };
        for (kind, value) in self.attributes() {
            match kind {
                abi::TASK_DIAG_BASE if base.is_some() => task.base = base.take(),
                abi::TASK_DIAG_CRED if cred.is_some() => task.cred = cred.take(),
                _ => task.other.push((kind, value.to_vec())),
            }
        }
        task
    }
}

impl fmt::Debug for TaskRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskRef")
            .field("pid", &self.pid)
            .field("tgid", &self.tgid)
            .field("base", &self.base())
            .field("cred", &self.cred())
            .finish_non_exhaustive()
    }
}

/// A task, owned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Task {
    /// The number of the task (thread).
    pub pid: Pid,
    /// The number of its process.
    pub tgid: Pid,
    /// Who it is, if that was asked for.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub base: Option<Base>,
    /// Its credentials, if they were asked for.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cred: Option<Cred>,
    /// The attributes this crate does not decode, as received: type and bytes.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub other: Vec<(u16, Vec<u8>)>,
}

/// Who a task is.
///
/// All numbers are those of the request's pid namespace; 0 stands for what has
/// no number there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Base {
    /// The number of its process.
    pub tgid: Pid,
    /// Its own number.
    pub pid: Pid,
    /// The process number of its parent.
    pub ppid: Pid,
    /// The number of the task that traces it, 0 if none does.
    pub tpid: Pid,
    /// Its session.
    pub sid: Pid,
    /// Its process group.
    pub pgid: Pid,
    /// What it is doing.
    pub state: State,
    /// Its name.
    pub comm: Comm,
}

impl From<TaskDiagBase> for Base {
    #[inline]
    fn from(base: TaskDiagBase) -> Self {
        Self {
            tgid: base.tgid,
            pid: base.pid,
            ppid: base.ppid,
            tpid: base.tpid,
            sid: base.sid,
            pgid: base.pgid,
            state: base.state.into(),
            comm: Comm(base.comm),
        }
    }
}

/// What a task is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Running or ready to run: `R`.
    #[default]
    Running,
    /// Asleep, a signal wakes it: `S`.
    Interruptible,
    /// Asleep, a signal does not wake it: `D`.
    Uninterruptible,
    /// Stopped by a signal: `T`.
    Stopped,
    /// Stopped by its tracer: `t`.
    TraceStop,
    /// Dead, about to go: `X`.
    Dead,
    /// Dead, its parent has not waited for it yet: `Z`.
    Zombie,
    /// A parked kernel thread: `P`.
    Parked,
    /// An idle kernel thread: `I`.
    Idle,
    /// A state newer than this crate, by number: `?`.
    Other(u8),
}

impl State {
    /// Its letter, as in `ps` and `/proc/PID/stat`.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Running => 'R',
            Self::Interruptible => 'S',
            Self::Uninterruptible => 'D',
            Self::Stopped => 'T',
            Self::TraceStop => 't',
            Self::Dead => 'X',
            Self::Zombie => 'Z',
            Self::Parked => 'P',
            Self::Idle => 'I',
            Self::Other(_) => '?',
        }
    }
}

impl From<u8> for State {
    #[inline]
    fn from(number: u8) -> Self {
        match number {
            abi::TASK_DIAG_RUNNING => Self::Running,
            abi::TASK_DIAG_INTERRUPTIBLE => Self::Interruptible,
            abi::TASK_DIAG_UNINTERRUPTIBLE => Self::Uninterruptible,
            abi::TASK_DIAG_STOPPED => Self::Stopped,
            abi::TASK_DIAG_TRACE_STOP => Self::TraceStop,
            abi::TASK_DIAG_DEAD => Self::Dead,
            abi::TASK_DIAG_ZOMBIE => Self::Zombie,
            abi::TASK_DIAG_PARKED => Self::Parked,
            abi::TASK_DIAG_IDLE => Self::Idle,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char(self.letter())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for State {
    /// As its letter.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_char(self.letter())
    }
}

/// A task's name: any bytes but NUL, 15 at most.
///
/// Shown with what a terminal should not see escaped, a backslash included,
/// so that different names look different:
///
/// ```
/// use taskdiag::Comm;
///
/// let comm = Comm::new(b"a\tb\xff\\");
/// assert_eq!(comm.as_bytes(), b"a\tb\xff\\");
/// assert_eq!(comm.to_string(), r"a\tb\xff\\");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Comm([u8; abi::TASK_DIAG_COMM_LEN]);

impl Comm {
    /// A name from the bytes up to the first NUL, cut at 15 as the kernel
    /// does.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        let mut comm = [0; abi::TASK_DIAG_COMM_LEN];
        let room = &mut comm[..abi::TASK_DIAG_COMM_LEN - 1];
        for (to, &from) in room.iter_mut().zip(name.iter().take_while(|&&b| b != 0)) {
            *to = from;
        }
        Self(comm)
    }

    /// The name's bytes, without the NULs that end and pad it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// The name as text, with U+FFFD for what is not UTF-8.
    #[must_use]
    pub fn to_string_lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }
}

impl fmt::Display for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.as_bytes().utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\'' | '"' => f.write_char(c)?,
                    c => write!(f, "{}", c.escape_debug())?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Comm {
    /// As [`Comm::to_string_lossy`].
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string_lossy())
    }
}

/// A task's credentials.
///
/// Ids are those of the asker's user namespace; an id without a mapping there
/// is the overflow id, 65534 unless the administrator chose another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Cred {
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Saved user id.
    pub suid: u32,
    /// User id for file access.
    pub fsuid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective group id.
    pub egid: u32,
    /// Saved group id.
    pub sgid: u32,
    /// Group id for file access.
    pub fsgid: u32,
    /// Inheritable capabilities.
    pub cap_inheritable: CapSet,
    /// Permitted capabilities.
    pub cap_permitted: CapSet,
    /// Effective capabilities.
    pub cap_effective: CapSet,
    /// The capability bounding set.
    pub cap_bset: CapSet,
    /// Ambient capabilities.
    pub cap_ambient: CapSet,
    /// `SECBIT_*` of `<linux/securebits.h>`.
    pub securebits: u32,
    /// Whether `execve` cannot grant privileges any more.
    pub no_new_privs: bool,
}

impl From<TaskDiagCreds> for Cred {
    #[inline]
    fn from(creds: TaskDiagCreds) -> Self {
        Self {
            uid: creds.uid,
            euid: creds.euid,
            suid: creds.suid,
            fsuid: creds.fsuid,
            gid: creds.gid,
            egid: creds.egid,
            sgid: creds.sgid,
            fsgid: creds.fsgid,
            cap_inheritable: creds.cap_inheritable.into(),
            cap_permitted: creds.cap_permitted.into(),
            cap_effective: creds.cap_effective.into(),
            cap_bset: creds.cap_bset.into(),
            cap_ambient: creds.cap_ambient.into(),
            securebits: creds.securebits,
            no_new_privs: creds.no_new_privs != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_letters_of_the_abi() {
        let letters: String = (0..9).map(|number| State::from(number).letter()).collect();
        assert_eq!(letters, "RSDTtXZPI");
        assert_eq!(State::from(9), State::Other(9));
        assert_eq!(State::from(9).to_string(), "?");
    }

    #[test]
    fn names_are_bytes_and_are_shown_apart() {
        let shown = |name: &[u8]| Comm::new(name).to_string();
        assert_eq!(shown(b"bash"), "bash");
        assert_eq!(shown(b"a b (c) 'd' \"e\""), "a b (c) 'd' \"e\"");
        assert_eq!(shown(b"new\nline\\n"), "new\\nline\\\\n");
        assert_eq!(shown(b"\x1b[31m\x7f"), "\\u{1b}[31m\\u{7f}");
        assert_eq!(shown("größe\u{202e}".as_bytes()), "größe\\u{202e}");
        assert_eq!(shown(b"\xffx\xc3"), "\\xffx\\xc3");
        assert_eq!(shown(b""), "");
    }

    #[test]
    fn a_name_ends_at_its_first_nul_or_at_the_end() {
        let name = |comm| Comm(comm).as_bytes().to_vec();
        assert_eq!(name(*b"abc\0def\0\0\0\0\0\0\0\0\0"), b"abc");
        assert_eq!(name(*b"0123456789abcdef"), b"0123456789abcdef");
        assert_eq!(Comm::new(b"0123456789abcdef").as_bytes().len(), 15);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_task_is_serialised_for_people() {
        let task = Task {
            pid: 7,
            tgid: 7,
            base: Some(Base {
                state: State::Zombie,
                comm: Comm::new(b"sh\n\xff"),
                ..Base::default()
            }),
            cred: Some(Cred {
                cap_effective: CapSet(0b10_0001),
                ..Cred::default()
            }),
            other: vec![],
        };
        let json = serde_json::to_value(&task).unwrap();
        assert_eq!(json["base"]["state"], "Z");
        assert_eq!(json["base"]["comm"], "sh\n\u{fffd}");
        assert_eq!(
            json["cred"]["cap_effective"],
            serde_json::json!(["cap_chown", "cap_kill"])
        );
        assert_eq!(json.get("other"), None);
        let none = serde_json::to_value(Task::default()).unwrap();
        assert_eq!(none, serde_json::json!({"pid": 0, "tgid": 0}));
    }
}
