// SPDX-License-Identifier: MIT
//! The group CRED: a task's credentials.

use crate::abi::{TASK_DIAG_CRED_VALID_SECUREBITS, TaskDiagCaps, TaskDiagCreds};
use crate::caps::CapSet;
use crate::daemon_protocol::{
    CRED_UNKNOWN_CAP_AMBIENT, CRED_UNKNOWN_CAP_BSET, CRED_UNKNOWN_CAP_EFFECTIVE,
    CRED_UNKNOWN_CAP_INHERITABLE, CRED_UNKNOWN_CAP_PERMITTED, CRED_UNKNOWN_GIDS,
    CRED_UNKNOWN_NO_NEW_PRIVS, CRED_UNKNOWN_UIDS,
};
use crate::netlink::Exactly;

/// A task's credentials.
///
/// Ids are those of the caller's user namespace. An id without a mapping there
/// is reported as the overflow id, 65534 unless the administrator chose
/// another.
///
/// A value is `None` if it is not known: procfs has no securebits, and the procfs of
/// an older kernel or of a sandbox may lack any other value. task_diag reports all of
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Cred {
    /// Real user id.
    pub uid: Option<u32>,
    /// Effective user id.
    pub euid: Option<u32>,
    /// Saved user id.
    pub suid: Option<u32>,
    /// User id for file access.
    pub fsuid: Option<u32>,
    /// Real group id.
    pub gid: Option<u32>,
    /// Effective group id.
    pub egid: Option<u32>,
    /// Saved group id.
    pub sgid: Option<u32>,
    /// Group id for file access.
    pub fsgid: Option<u32>,
    /// Inheritable capabilities.
    pub cap_inheritable: Option<CapSet>,
    /// Permitted capabilities.
    pub cap_permitted: Option<CapSet>,
    /// Effective capabilities.
    pub cap_effective: Option<CapSet>,
    /// The capability bounding set.
    pub cap_bset: Option<CapSet>,
    /// Ambient capabilities.
    pub cap_ambient: Option<CapSet>,
    /// `SECBIT_*` of `<linux/securebits.h>`; `None` if the caller may read only the
    /// files of the task that every user may read, and from procfs, which does not
    /// report them.
    pub securebits: Option<u32>,
    /// Whether `execve` can no longer grant privileges.
    pub no_new_privs: Option<bool>,
}

impl From<TaskDiagCreds> for Cred {
    fn from(creds: TaskDiagCreds) -> Self {
        Self::decode(&Exactly::holding(creds))
    }
}

impl Cred {
    /// Decodes a structure in place.
    // Each field is an expression of its own, so that the compiler omits the fields
    // that the caller does not use. A branch for all of them would store them all.
    #[inline(always)]
    pub(super) fn decode(creds: &Exactly<TaskDiagCreds>) -> Self {
        let creds = creds.value();
        let known = |unknown| creds.valid & unknown == 0;
        let uid = |id: u32| known(CRED_UNKNOWN_UIDS).then_some(id);
        let gid = |id: u32| known(CRED_UNKNOWN_GIDS).then_some(id);
        let caps = |caps: TaskDiagCaps, unknown| known(unknown).then_some(caps.into());
        Self {
            uid: uid(creds.uid),
            euid: uid(creds.euid),
            suid: uid(creds.suid),
            fsuid: uid(creds.fsuid),
            gid: gid(creds.gid),
            egid: gid(creds.egid),
            sgid: gid(creds.sgid),
            fsgid: gid(creds.fsgid),
            cap_inheritable: caps(creds.cap_inheritable, CRED_UNKNOWN_CAP_INHERITABLE),
            cap_permitted: caps(creds.cap_permitted, CRED_UNKNOWN_CAP_PERMITTED),
            cap_effective: caps(creds.cap_effective, CRED_UNKNOWN_CAP_EFFECTIVE),
            cap_bset: caps(creds.cap_bset, CRED_UNKNOWN_CAP_BSET),
            cap_ambient: caps(creds.cap_ambient, CRED_UNKNOWN_CAP_AMBIENT),
            securebits: (creds.valid & TASK_DIAG_CRED_VALID_SECUREBITS != 0)
                .then_some(creds.securebits),
            no_new_privs: known(CRED_UNKNOWN_NO_NEW_PRIVS).then_some(creds.no_new_privs != 0),
        }
    }
}

impl From<Cred> for TaskDiagCreds {
    /// Sets bits of [`crate::daemon_protocol`] for values that are not known.
    fn from(cred: Cred) -> Self {
        let unless = |known: bool, unknown| if known { 0 } else { unknown };
        let uids = [cred.uid, cred.euid, cred.suid, cred.fsuid];
        let gids = [cred.gid, cred.egid, cred.sgid, cred.fsgid];
        let valid = match cred.securebits {
            Some(_) => TASK_DIAG_CRED_VALID_SECUREBITS,
            None => 0,
        };
        Self {
            uid: cred.uid.unwrap_or_default(),
            euid: cred.euid.unwrap_or_default(),
            suid: cred.suid.unwrap_or_default(),
            fsuid: cred.fsuid.unwrap_or_default(),
            gid: cred.gid.unwrap_or_default(),
            egid: cred.egid.unwrap_or_default(),
            sgid: cred.sgid.unwrap_or_default(),
            fsgid: cred.fsgid.unwrap_or_default(),
            cap_inheritable: cred.cap_inheritable.unwrap_or_default().into(),
            cap_permitted: cred.cap_permitted.unwrap_or_default().into(),
            cap_effective: cred.cap_effective.unwrap_or_default().into(),
            cap_bset: cred.cap_bset.unwrap_or_default().into(),
            cap_ambient: cred.cap_ambient.unwrap_or_default().into(),
            securebits: cred.securebits.unwrap_or_default(),
            no_new_privs: cred.no_new_privs.unwrap_or_default().into(),
            valid: valid
                | unless(uids.iter().all(Option::is_some), CRED_UNKNOWN_UIDS)
                | unless(gids.iter().all(Option::is_some), CRED_UNKNOWN_GIDS)
                | unless(cred.cap_inheritable.is_some(), CRED_UNKNOWN_CAP_INHERITABLE)
                | unless(cred.cap_permitted.is_some(), CRED_UNKNOWN_CAP_PERMITTED)
                | unless(cred.cap_effective.is_some(), CRED_UNKNOWN_CAP_EFFECTIVE)
                | unless(cred.cap_bset.is_some(), CRED_UNKNOWN_CAP_BSET)
                | unless(cred.cap_ambient.is_some(), CRED_UNKNOWN_CAP_AMBIENT)
                | unless(cred.no_new_privs.is_some(), CRED_UNKNOWN_NO_NEW_PRIVS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_survive_the_structure() {
        let known = Cred {
            cap_effective: Some(CapSet(5)),
            no_new_privs: Some(false),
            ..Cred::from(TaskDiagCreds::default())
        };
        assert_eq!((known.euid, known.securebits), (Some(0), None));
        let unknown = |set: &dyn Fn(&mut Cred)| {
            let mut cred = known;
            set(&mut cred);
            cred
        };
        for cred in [
            known,
            Cred::default(),
            unknown(&|cred| {
                (cred.uid, cred.euid, cred.suid, cred.fsuid) = (None, None, None, None);
            }),
            unknown(&|cred| {
                (cred.gid, cred.egid, cred.sgid, cred.fsgid) = (None, None, None, None);
            }),
            unknown(&|cred| cred.cap_inheritable = None),
            unknown(&|cred| cred.cap_permitted = None),
            unknown(&|cred| cred.cap_effective = None),
            unknown(&|cred| cred.cap_bset = None),
            unknown(&|cred| cred.cap_ambient = None),
            unknown(&|cred| cred.no_new_privs = None),
            unknown(&|cred| cred.securebits = Some(0)),
        ] {
            assert_eq!(Cred::from(TaskDiagCreds::from(cred)), cred);
        }
    }
}
