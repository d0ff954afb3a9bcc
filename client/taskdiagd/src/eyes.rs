// SPDX-License-Identifier: MIT
//! Looking with somebody else's eyes.
//!
//! Whether one may see a task is decided by ids, capabilities, whether the
//! task is dumpable, user namespaces and security modules, at the moment of the
//! question. Who judges that by facts read before, shows what has changed
//! meanwhile. So nothing is judged here: a thread takes the client's effective
//! ids, gives up its effective capabilities, and asks; the verdict is the
//! kernel's own. It goes by `fsuid` and `fsgid`, which follow the effective
//! ids, and by `euid` where somebody has made a user namespace.
//!
//! What a client has beyond its ids (capabilities, supplementary groups) does
//! not come with them: such a client sees less here than the kernel would show
//! it, and never more.

use std::collections::HashSet;
use std::marker::PhantomData;

use caps::{CapSet, Capability};
use rustix::process::{getgid, getuid};
use rustix::thread::{Gid, Uid, set_thread_res_gid, set_thread_res_uid};

use crate::error::{Error, Result, io};

/// What it takes to look with anybody's eyes, and with none at all.
const NEEDED: [(Capability, &str); 3] = [
    (Capability::CAP_SETUID, "CAP_SETUID"),
    (Capability::CAP_SETGID, "CAP_SETGID"),
    (Capability::CAP_SYS_PTRACE, "CAP_SYS_PTRACE"),
];

/// The calling thread sees what these ids may see, as long as this lives.
#[derive(Debug)]
pub struct Eyes {
    own: HashSet<Capability>,
    /// Credentials are a thread's.
    _thread: PhantomData<*const ()>,
}

impl Eyes {
    /// Takes these ids.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the thread may not; it is as before then.
    pub fn of(uid: u32, gid: u32) -> Result<Self> {
        let own = caps::read(None, CapSet::Effective).map_err(|error| capabilities(&error))?;
        let eyes = Self {
            own,
            _thread: PhantomData,
        };
        // The group first: it takes a capability that goes with the user.
        set_thread_res_gid(None, Gid::from_raw(gid), None).map_err(io(CANNOT))?;
        set_thread_res_uid(None, Uid::from_raw(uid), None).map_err(io(CANNOT))?;
        caps::clear(None, CapSet::Effective).map_err(|error| capabilities(&error))?;
        Ok(eyes)
    }

    /// Takes the own ids again. The capability to take any comes back with the
    /// user, or never went.
    fn close(&self) -> Result<()> {
        set_thread_res_uid(None, getuid(), None).map_err(io(CANNOT))?;
        caps::set(None, CapSet::Effective, &self.own).map_err(|error| capabilities(&error))?;
        set_thread_res_gid(None, getgid(), None).map_err(io(CANNOT))
    }
}

impl Drop for Eyes {
    /// A thread that cannot be itself again must not go on.
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            log::error!("cannot take the own credentials again: {error}");
            std::process::abort();
        }
    }
}

const CANNOT: &str = "cannot take a client's ids";

/// Looks whether the daemon has the rights that this takes.
///
/// # Errors
///
/// [`Error::Rights`] with the first that is missing.
pub(crate) fn check_rights() -> Result<()> {
    for (capability, what) in NEEDED {
        if !caps::has_cap(None, CapSet::Effective, capability)
            .map_err(|error| capabilities(&error))?
        {
            return Err(Error::Rights { what });
        }
    }
    Ok(())
}

fn capabilities(error: &caps::errors::CapsError) -> Error {
    io("cannot change capabilities")(std::io::Error::other(error.to_string()))
}
