// SPDX-License-Identifier: MIT
//! Extensions of the kernel's protocol by `taskdiagd`.
//!
//! The daemon replies with the messages of `/proc/task-diag`. The kernel never
//! sets bits 16 to 31 of
//! [`TaskDiagMsg::flags`](crate::abi::TaskDiagMsg::flags). A client accepts them
//! only from a transport that forwards rows, see
//! [`Transport::forwards`](crate::Transport::forwards), and ignores them in
//! replies of the kernel.
//!
//! The kernel never sets bits 16 to 31 of
//! [`TaskDiagCreds::valid`](crate::abi::TaskDiagCreds::valid),
//! [`TaskDiagStat::valid`](crate::abi::TaskDiagStat::valid) and
//! [`TaskDiagFiles::valid`](crate::abi::TaskDiagFiles::valid) either. The daemon sets
//! them for values that procfs lacks on other kernels, and in sandboxes.

/// The bits of [`TaskDiagMsg::flags`](crate::abi::TaskDiagMsg::flags) that belong
/// to programs that forward messages.
pub const FORWARDER_FLAGS: u32 = 0xffff_0000;

/// In [`TaskDiagMsg::flags`](crate::abi::TaskDiagMsg::flags): a cached row, kept
/// current by events; see [`TaskRef::is_cached`](crate::TaskRef::is_cached).
pub const FLAG_CACHED: u32 = 1 << 31;

/// In [`TaskDiagFiles::valid`](crate::abi::TaskDiagFiles::valid): `total` is valid,
/// although the numbers by kind are not. The kernel never sets it.
pub const FILES_VALID_TOTAL: u32 = 1 << 31;

/// [`TaskDiagBase::state`](crate::abi::TaskDiagBase::state) of a cached row whose
/// state is not known.
pub const STATE_UNKNOWN: u8 = 255;

/// A pid of [`TaskDiagBase`](crate::abi::TaskDiagBase) that is not known.
pub const PID_UNKNOWN: u32 = u32::MAX;

/// In [`TaskDiagCreds::valid`](crate::abi::TaskDiagCreds::valid): the user ids are not
/// known.
pub const CRED_UNKNOWN_UIDS: u32 = 1 << 16;
/// The group ids are not known.
pub const CRED_UNKNOWN_GIDS: u32 = 1 << 17;
/// The inheritable capabilities are not known.
pub const CRED_UNKNOWN_CAP_INHERITABLE: u32 = 1 << 18;
/// The permitted capabilities are not known.
pub const CRED_UNKNOWN_CAP_PERMITTED: u32 = 1 << 19;
/// The effective capabilities are not known.
pub const CRED_UNKNOWN_CAP_EFFECTIVE: u32 = 1 << 20;
/// The capability bounding set is not known.
pub const CRED_UNKNOWN_CAP_BSET: u32 = 1 << 21;
/// The ambient capabilities are not known.
pub const CRED_UNKNOWN_CAP_AMBIENT: u32 = 1 << 22;
/// `no_new_privs` is not known.
pub const CRED_UNKNOWN_NO_NEW_PRIVS: u32 = 1 << 23;

/// In [`TaskDiagStat::valid`](crate::abi::TaskDiagStat::valid): `nvcsw` is not known.
pub const STAT_UNKNOWN_NVCSW: u32 = 1 << 16;
/// `nivcsw` is not known.
pub const STAT_UNKNOWN_NIVCSW: u32 = 1 << 17;
/// `rss_anon` is the resident memory of all kinds; `rss_file` and `rss_shmem` are
/// not known.
pub const STAT_UNKNOWN_RSS_KINDS: u32 = 1 << 18;
/// The resident memory is not known.
pub const STAT_UNKNOWN_RSS: u32 = 1 << 24;
/// `rss_peak` is not known.
pub const STAT_UNKNOWN_RSS_PEAK: u32 = 1 << 19;
/// `swap` is not known.
pub const STAT_UNKNOWN_SWAP: u32 = 1 << 20;
/// `text` is not known.
pub const STAT_UNKNOWN_TEXT: u32 = 1 << 21;
/// `data` is not known.
pub const STAT_UNKNOWN_DATA: u32 = 1 << 22;
/// `locked` is not known.
pub const STAT_UNKNOWN_LOCKED: u32 = 1 << 23;

/// In [`TaskDiagFiles::valid`](crate::abi::TaskDiagFiles::valid): the limits are not
/// known.
pub const FILES_UNKNOWN_LIMITS: u32 = 1 << 16;
