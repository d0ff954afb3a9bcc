// SPDX-License-Identifier: MIT
//! The group BASE: who a task is.

use std::fmt::{self, Write as _};

use crate::abi::{self, TaskDiagBase};
use crate::daemon_protocol;
use crate::pid::Pid;

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

impl From<Base> for TaskDiagBase {
    fn from(base: Base) -> Self {
        Self {
            tgid: base.tgid,
            pid: base.pid,
            ppid: base.ppid,
            tpid: base.tpid,
            sid: base.sid,
            pgid: base.pgid,
            state: base.state.into(),
            comm: base.comm.0,
            pad: [0; 3],
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
    /// Not known, in a [cached row](crate::TaskRef::is_cached): `?`.
    Unknown,
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

    /// The name's bytes with the NULs that end and pad it, as the kernel sends
    /// them: for whoever only copies or compares.
    #[must_use]
    pub const fn padded(&self) -> &[u8; abi::TASK_DIAG_COMM_LEN] {
        &self.0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_letters_of_the_abi() {
        let letters: String = (0..9).map(|number| State::from(number).letter()).collect();
        assert_eq!(letters, "RSDTtXZPI");
        assert_eq!(State::from(9), State::Other(9));
        assert_eq!(State::from(9).to_string(), "?");
        assert_eq!(State::from(255), State::Unknown);
        assert!((0..=255).all(|number| u8::from(State::from(number)) == number));
        assert_eq!(State::Unknown.to_string(), "?");
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
}
