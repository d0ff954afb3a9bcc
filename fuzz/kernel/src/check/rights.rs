// SPDX-License-Identifier: MIT
//! The rows that a reader may receive.

use std::collections::HashSet;

use super::Row;
use crate::model::{PidNs, Query};

/// The rows that a datagram may contain.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rights<'a> {
    /// Rows of all tasks.
    All,
    /// Rows of tasks that an unprivileged user may see, and of its own process.
    User {
        uid: u32,
        gid: u32,
        own: u32,
        /// Processes of the whole run that this user may not see.
        hidden: Option<&'a HashSet<u32>>,
    },
    /// Rows of these processes, by pid in a pid namespace.
    Processes(&'a [(PidNs, u32)]),
    /// No rows: the reader is not the process that sent the request.
    None,
}

impl Rights<'_> {
    pub(super) fn permit(&self, row: &Row, query: &Query) -> bool {
        match *self {
            Self::All => true,
            Self::None => false,
            Self::Processes(known) => known.contains(&(query.pid_ns, row.tgid)),
            // The contained processes belong to root.
            Self::User { .. } if query.pid_ns == PidNs::Child => false,
            Self::User {
                uid,
                gid,
                own,
                hidden,
            } => {
                let outer = query.pid_ns == PidNs::Outer;
                (outer && row.tgid == own)
                    || (hidden.is_none_or(|hidden| !outer || !hidden.contains(&row.tgid))
                        && row.creds.is_none_or(|creds| {
                            [creds.uid, creds.euid, creds.suid] == [uid; 3]
                                && [creds.gid, creds.egid, creds.sgid] == [gid; 3]
                        }))
            }
        }
    }
}
