// SPDX-License-Identifier: MIT
//! The rows that a reader may receive, and the groups that they may contain.

use super::Row;
use crate::known_tasks::Sight;
use crate::model::{Level, PidNs, Query};

/// The rows that a datagram may contain. Of all other tasks, it may contain as much
/// as the procfs mount of the request shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rights<'a> {
    /// Rows of all tasks.
    All,
    /// Rows of tasks that an unprivileged user may ptrace, and of its own process.
    User {
        uid: u32,
        gid: u32,
        own: u32,
        /// Processes of the whole run that this user may or may not ptrace.
        sight: Option<&'a Sight>,
        /// The groups of the sender and of the reader.
        groups: [u32; 2],
    },
    /// Rows of these processes, by pid in a pid namespace.
    Processes {
        seen: &'a [(PidNs, u32)],
        /// The group of the sender and the reader.
        group: u32,
    },
    /// No rows: the reader is not the process that sent the request.
    None,
}

/// The valid levels of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    pub(super) full: bool,
    pub(super) readable: bool,
    pub(super) listed: bool,
    /// The task and its level stay the same for the whole run.
    pub(super) constant: bool,
}

impl Levels {
    const FULL: Self = Self {
        full: true,
        readable: false,
        listed: false,
        constant: true,
    };

    /// Whether the row may be reported.
    pub(super) const fn permit_row(self) -> bool {
        self.full || self.readable || self.listed
    }

    const fn or_full(self) -> Self {
        Self {
            full: true,
            constant: false,
            ..self
        }
    }

    const fn varying(self) -> Self {
        Self {
            constant: false,
            ..self
        }
    }
}

impl Rights<'_> {
    /// Returns the valid levels of the row that begins with this message.
    pub(super) fn levels(&self, row: &Row, query: &Query) -> Levels {
        let others = self.levels_of_others(row, query);
        match *self {
            Self::All => Levels::FULL,
            Self::None => Levels::default(),
            Self::Processes { seen, .. } if seen.contains(&(query.pid_ns, row.tgid)) => {
                Levels::FULL
            }
            Self::Processes { .. } => others.varying(),
            // The contained processes belong to root.
            Self::User { .. } if query.pid_ns == PidNs::Child => others,
            Self::User {
                uid,
                gid,
                own,
                sight,
                ..
            } => {
                let outer = query.pid_ns == PidNs::Outer;
                let sight = sight.filter(|_| outer);
                if outer && row.tgid == own {
                    return Levels::FULL;
                }
                if sight.is_some_and(|sight| sight.visible.contains(&row.tgid)) {
                    return Levels::FULL;
                }
                if sight.is_some_and(|sight| sight.hidden.contains(&row.tgid)) {
                    return others;
                }
                let has_ids = row.creds.is_none_or(|creds| {
                    [creds.uid, creds.euid, creds.suid] == [uid; 3]
                        && [creds.gid, creds.egid, creds.sgid] == [gid; 3]
                });
                if has_ids {
                    others.or_full()
                } else {
                    others.varying()
                }
            }
        }
    }

    /// Returns the valid levels of tasks that the reader may not ptrace.
    fn levels_of_others(&self, row: &Row, query: &Query) -> Levels {
        let level = match self {
            Self::All | Self::None => Some(Level::Hidden),
            Self::User { groups, .. } => query.visibility.level(groups),
            Self::Processes { group, .. } => query.visibility.level(&[*group]),
        };
        let is = |wanted| level.is_none_or(|level| level == wanted);
        Levels {
            full: false,
            readable: is(Level::Readable),
            listed: is(Level::Listed) && query.selects_listed(row.pid == row.tgid),
            constant: level.is_some(),
        }
    }
}
