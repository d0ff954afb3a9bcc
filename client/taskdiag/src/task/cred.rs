// SPDX-License-Identifier: MIT
//! The group CRED: a task's credentials.

use crate::abi::{self, TaskDiagCreds};
use crate::caps::CapSet;

/// A task's credentials.
///
/// Ids are those of the caller's user namespace. An id without a mapping there
/// is reported as the overflow id, 65534 unless the administrator chose
/// another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
    /// `SECBIT_*` of `<linux/securebits.h>`; `None` if the caller may read only the
    /// files of the task that every user may read, and from procfs, which does not
    /// report them.
    pub securebits: Option<u32>,
    /// Whether `execve` can no longer grant privileges.
    pub no_new_privs: bool,
}

impl From<TaskDiagCreds> for Cred {
    #[inline]
    fn from(creds: TaskDiagCreds) -> Self {
        let has_securebits = creds.valid & abi::TASK_DIAG_CRED_VALID_SECUREBITS != 0;
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
            securebits: has_securebits.then_some(creds.securebits),
            no_new_privs: creds.no_new_privs != 0,
        }
    }
}

impl From<Cred> for TaskDiagCreds {
    fn from(cred: Cred) -> Self {
        Self {
            uid: cred.uid,
            euid: cred.euid,
            suid: cred.suid,
            fsuid: cred.fsuid,
            gid: cred.gid,
            egid: cred.egid,
            sgid: cred.sgid,
            fsgid: cred.fsgid,
            cap_inheritable: cred.cap_inheritable.into(),
            cap_permitted: cred.cap_permitted.into(),
            cap_effective: cred.cap_effective.into(),
            cap_bset: cred.cap_bset.into(),
            cap_ambient: cred.cap_ambient.into(),
            securebits: cred.securebits.unwrap_or_default(),
            no_new_privs: cred.no_new_privs.into(),
            valid: match cred.securebits {
                Some(_) => abi::TASK_DIAG_CRED_VALID_SECUREBITS,
                None => 0,
            },
        }
    }
}
