// SPDX-License-Identifier: MIT
//! Impersonation: a thread takes the credentials of a client.
//!
//! The kernel decides whether a task is visible from the ids and capabilities of the
//! reader, the dumpable flag of the task, user namespaces and security modules, at the
//! time of the access. A decision from values that were read before would show tasks
//! that have changed since. So the daemon decides nothing itself: a thread takes the
//! client's effective ids, its supplementary groups and its effective capabilities, and
//! accesses the task. The kernel checks `fsuid` and `fsgid`, which follow the effective
//! ids, and `euid` if the task is in a user namespace that was created by that user.
//!
//! Capabilities that the daemon itself does not have are missing, so a client never sees
//! more tasks through the daemon than in procfs.

use std::collections::HashSet;
use std::marker::PhantomData;

use caps::{CapSet, Capability};
use rustix::process::{getgid, getgroups, getuid};
use rustix::thread::{Gid, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::error::{Error, Result, io};
use crate::peer::{Credentials, Rights};

/// The capabilities that the daemon needs, to take any ids and to see all tasks.
const NEEDED: [(Capability, &str); 3] = [
    (Capability::CAP_SETUID, "CAP_SETUID"),
    (Capability::CAP_SETGID, "CAP_SETGID"),
    (Capability::CAP_SYS_PTRACE, "CAP_SYS_PTRACE"),
];

/// The calling thread has the ids of a client until this is dropped.
#[derive(Debug)]
pub(crate) struct Impersonation {
    own: HashSet<Capability>,
    own_groups: Vec<Gid>,
    /// Credentials belong to a thread.
    _thread: PhantomData<*const ()>,
}

/// Gives the calling thread the credentials of a client with these rights. `None` if
/// the client may read everything.
pub(crate) fn impersonate(rights: &Rights) -> Result<Option<Impersonation>> {
    match rights {
        Rights::All => Ok(None),
        Rights::Of(credentials) => Impersonation::begin(credentials, &[]).map(Some),
    }
}

/// As [`impersonate`], with `CAP_SYS_PTRACE`: the thread forwards requests over a
/// descriptor that was opened without it, so that the opener decides about every task,
/// the daemon included.
pub(crate) fn impersonate_forwarder(rights: &Rights) -> Result<Option<Impersonation>> {
    match rights {
        Rights::All => Ok(None),
        Rights::Of(credentials) => {
            Impersonation::begin(credentials, &[Capability::CAP_SYS_PTRACE]).map(Some)
        }
    }
}

impl Impersonation {
    /// Takes these credentials, and further capabilities. After an error the thread has
    /// its own credentials.
    fn begin(credentials: &Credentials, more: &[Capability]) -> Result<Self> {
        let own = caps::read(None, CapSet::Effective).map_err(|error| caps_error(&error))?;
        let impersonation = Self {
            own,
            own_groups: getgroups().map_err(io(FAILED))?,
            _thread: PhantomData,
        };
        let groups: Vec<_> = credentials
            .groups
            .iter()
            .copied()
            .map(Gid::from_raw)
            .collect();
        let has = |capability: &Capability| {
            credentials.capabilities.contains(capability.index()) || more.contains(capability)
        };
        let capabilities = impersonation.own.iter().copied().filter(has).collect();
        // The groups first: changing the user id drops CAP_SETGID.
        set_thread_groups(&groups).map_err(io(FAILED))?;
        set_thread_res_gid(None, Gid::from_raw(credentials.gid), None).map_err(io(FAILED))?;
        set_thread_res_uid(None, Uid::from_raw(credentials.uid), None).map_err(io(FAILED))?;
        caps::set(None, CapSet::Effective, &capabilities).map_err(|error| caps_error(&error))?;
        Ok(impersonation)
    }

    /// Restores the ids and capabilities of the daemon. Restoring the user id restores
    /// the effective capabilities that are needed for the rest.
    fn end(&self) -> Result<()> {
        set_thread_res_uid(None, getuid(), None).map_err(io(FAILED))?;
        caps::set(None, CapSet::Effective, &self.own).map_err(|error| caps_error(&error))?;
        set_thread_res_gid(None, getgid(), None).map_err(io(FAILED))?;
        set_thread_groups(&self.own_groups).map_err(io(FAILED))
    }
}

impl Drop for Impersonation {
    /// Aborts if the thread cannot restore its credentials: it must not continue with
    /// those of a client.
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            log::error!("cannot restore the daemon's credentials: {error}");
            std::process::abort();
        }
    }
}

const FAILED: &str = "cannot change the ids and groups of a thread";

/// Checks that the daemon has the capabilities that it needs.
///
/// # Errors
///
/// [`Error::Rights`] with the first missing capability.
pub(crate) fn check_capabilities() -> Result<()> {
    for (capability, name) in NEEDED {
        if !caps::has_cap(None, CapSet::Effective, capability)
            .map_err(|error| caps_error(&error))?
        {
            return Err(Error::Rights { capability: name });
        }
    }
    Ok(())
}

fn caps_error(error: &caps::errors::CapsError) -> Error {
    io("cannot change capabilities")(std::io::Error::other(error.to_string()))
}
