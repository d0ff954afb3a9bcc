// SPDX-License-Identifier: MIT
//! The group BASE: pids, state and name of a task.

use std::fmt::{self, Write as _};

use crate::abi::{self, TaskDiagBase};
use crate::daemon_protocol;
use crate::escape::Escaped;
use crate::pid::Pid;

/// Pids, state and name of a task.
///
/// All pids are those of the request's pid namespace; 0 means a task,
/// session or process group without a pid there. A pid is `None` if it is not known:
/// the procfs of a sandbox may lack it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Base {
    /// Thread group id: pid of its process.
    pub tgid: Pid,
    /// Pid of the task.
    pub pid: Pid,
    /// Pid of the process of its parent.
    pub ppid: Pid,
    /// Pid of its tracer, 0 if it has none.
    pub tpid: Option<Pid>,
    /// Session id.
    pub sid: Option<Pid>,
    /// Process group id.
    pub pgid: Option<Pid>,
    /// State.
    pub state: State,
    /// Name.
    pub comm: Comm,
}

impl From<TaskDiagBase> for Base {
    #[inline]
    fn from(base: TaskDiagBase) -> Self {
        let known = |pid| (pid != daemon_protocol::PID_UNKNOWN).then_some(pid);
        Self {
            tgid: base.tgid,
            pid: base.pid,
            ppid: base.ppid,
            tpid: known(base.tpid),
            sid: known(base.sid),
            pgid: known(base.pgid),
            state: base.state.into(),
            comm: Comm(base.comm),
        }
    }
}

impl From<Base> for TaskDiagBase {
    fn from(base: Base) -> Self {
        Self {
            tgid: base.tgid,
            pid: base.pid,
            ppid: base.ppid,
            tpid: base.tpid.unwrap_or(daemon_protocol::PID_UNKNOWN),
            sid: base.sid.unwrap_or(daemon_protocol::PID_UNKNOWN),
            pgid: base.pgid.unwrap_or(daemon_protocol::PID_UNKNOWN),
            state: base.state.into(),
            comm: base.comm.0,
            pad: [0; 3],
        }
    }
}

/// State of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Running or ready to run: `R`.
    #[default]
    Running,
    /// Sleeping, woken by signals: `S`.
    Interruptible,
    /// Sleeping, not woken by signals: `D`.
    Uninterruptible,
    /// Stopped by a signal: `T`.
    Stopped,
    /// Stopped by its tracer: `t`.
    TraceStop,
    /// Dead and about to disappear: `X`.
    Dead,
    /// Dead and not yet waited for by its parent: `Z`.
    Zombie,
    /// A parked kernel thread: `P`.
    Parked,
    /// An idle kernel thread: `I`.
    Idle,
    /// Not known: `?`. In a [cached row](crate::TaskRef::is_cached), and if `stat` of
    /// procfs has a letter that this crate does not know, or cannot be read.
    Unknown,
    /// A state newer than this crate, by number: `?`.
    Other(u8),
}

impl State {
    /// Returns the letter of the state, as in `ps` and `/proc/PID/stat`.
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
            Self::Unknown | Self::Other(_) => '?',
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
            daemon_protocol::STATE_UNKNOWN => Self::Unknown,
            other => Self::Other(other),
        }
    }
}

impl From<State> for u8 {
    fn from(state: State) -> Self {
        match state {
            State::Running => abi::TASK_DIAG_RUNNING,
            State::Interruptible => abi::TASK_DIAG_INTERRUPTIBLE,
            State::Uninterruptible => abi::TASK_DIAG_UNINTERRUPTIBLE,
            State::Stopped => abi::TASK_DIAG_STOPPED,
            State::TraceStop => abi::TASK_DIAG_TRACE_STOP,
            State::Dead => abi::TASK_DIAG_DEAD,
            State::Zombie => abi::TASK_DIAG_ZOMBIE,
            State::Parked => abi::TASK_DIAG_PARKED,
            State::Idle => abi::TASK_DIAG_IDLE,
            State::Unknown => daemon_protocol::STATE_UNKNOWN,
            State::Other(number) => number,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char(self.letter())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for State {
    /// Deserializes the letter; `?` is [`State::Unknown`].
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let letter = char::deserialize(deserializer)?;
        (0..=u8::MAX)
            .rev()
            .map(Self::from)
            .find(|state| state.letter() == letter)
            .ok_or_else(|| serde::de::Error::custom(format!("unknown state {letter:?}")))
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for State {
    /// Serializes the letter.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_char(self.letter())
    }
}

/// A task's name: at most 15 bytes, any except NUL.
///
/// It is displayed as [`Escaped`], with escape sequences for control characters,
/// invisible characters, bytes that are not UTF-8 and the backslash, so that
/// different names look different:
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
    /// Returns a name of the bytes up to the first NUL, at most 15 as in the
    /// kernel.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        let mut comm = [0; abi::TASK_DIAG_COMM_LEN];
        let space = &mut comm[..abi::TASK_DIAG_COMM_LEN - 1];
        for (to, &from) in space.iter_mut().zip(name.iter().take_while(|&&b| b != 0)) {
            *to = from;
        }
        Self(comm)
    }

    /// Returns the bytes of the name, without the NULs that end and pad it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// Returns the bytes of the name with the NULs that end and pad it, as the
    /// kernel sends them: for callers that only copy or compare.
    #[must_use]
    pub const fn padded(&self) -> &[u8; abi::TASK_DIAG_COMM_LEN] {
        &self.0
    }

    /// Returns the name as text, with U+FFFD for bytes that are not UTF-8.
    #[must_use]
    pub fn to_string_lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }
}

impl fmt::Display for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(self.as_bytes()).fmt(f)
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Comm {
    /// Deserializes the form that [`Comm`] is serialized to, like [`Comm::new`].
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&super::bytes::deserialize(deserializer)?))
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Comm {
    /// Serializes a string, or an array of the bytes if they are not UTF-8.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::bytes::serialize(self.as_bytes(), serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_has_the_letter_of_its_number() {
        let letters: String = (0..9).map(|number| State::from(number).letter()).collect();
        assert_eq!(letters, "RSDTtXZPI");
        assert_eq!(State::from(9), State::Other(9));
        assert_eq!(State::from(9).to_string(), "?");
        assert_eq!(State::from(255), State::Unknown);
        assert!((0..=255).all(|number| u8::from(State::from(number)) == number));
        assert_eq!(State::Unknown.to_string(), "?");
    }

    #[test]
    fn different_names_are_displayed_differently() {
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
    fn name_ends_at_first_nul_or_at_the_end() {
        let name = |comm| Comm(comm).as_bytes().to_vec();
        assert_eq!(name(*b"abc\0def\0\0\0\0\0\0\0\0\0"), b"abc");
        assert_eq!(name(*b"0123456789abcdef"), b"0123456789abcdef");
        assert_eq!(Comm::new(b"0123456789abcdef").as_bytes().len(), 15);
    }
}
