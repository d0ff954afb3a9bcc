// SPDX-License-Identifier: MIT
//! The credentials with which a descriptor of the kernel or of the daemon was opened.
//!
//! The kernel reports only tasks that the opener of a socket or file may see as well, and
//! refuses a request over a socket that names a procfs mount if the opener has other
//! credentials than the sender. So a source resets its transport after a change. A change
//! of the state of security modules only, as by Landlock, is not noticed.

use nix::unistd::{Gid, Uid, getgroups, getresgid, getresuid};

use crate::sys;

/// The credentials of a thread, without those of security modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opener {
    uids: Option<[Uid; 3]>,
    gids: Option<[Gid; 3]>,
    groups: Option<Vec<Gid>>,
    /// The effective and the permitted capabilities.
    capabilities: Option<[u64; 2]>,
}

impl Opener {
    /// Returns those of the calling thread.
    pub(crate) fn current() -> Self {
        let uids = getresuid().ok();
        let gids = getresgid().ok();
        Self {
            uids: uids.map(|ids| [ids.real, ids.effective, ids.saved]),
            gids: gids.map(|ids| [ids.real, ids.effective, ids.saved]),
            groups: getgroups().ok(),
            capabilities: sys::capabilities(),
        }
    }

    /// Whether the calling thread has other credentials.
    pub(crate) fn has_changed(&self) -> bool {
        *self != Self::current()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opener_is_current_until_credentials_change() {
        let mut opener = Opener::current();
        assert!(opener.uids.is_some() && opener.gids.is_some() && opener.groups.is_some());
        assert!(opener.capabilities.is_some() && !opener.has_changed());
        opener.capabilities = opener
            .capabilities
            .map(|[effective, _]| [effective, u64::MAX]);
        assert!(opener.has_changed());
    }
}
