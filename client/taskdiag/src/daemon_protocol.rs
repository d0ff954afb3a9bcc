// SPDX-License-Identifier: MIT
//! Extensions of the kernel's protocol by `taskdiagd`.
//!
//! The daemon replies with the messages of `/proc/task-diag`. The kernel never
//! sets bits 16 to 31 of
//! [`TaskDiagMsg::flags`](crate::abi::TaskDiagMsg::flags). A client accepts them
//! only from a transport that forwards rows, see
//! [`Transport::forwards`](crate::Transport::forwards), and ignores them in
//! replies of the kernel.

/// The bits of [`TaskDiagMsg::flags`](crate::abi::TaskDiagMsg::flags) that belong
/// to programs that forward messages.
pub const FORWARDER_FLAGS: u32 = 0xffff_0000;

/// In [`TaskDiagMsg::flags`](crate::abi::TaskDiagMsg::flags): a cached row, kept
/// current by events; see [`TaskRef::is_cached`](crate::TaskRef::is_cached).
pub const FLAG_CACHED: u32 = 1 << 31;

/// In [`TaskDiagFiles::valid`](crate::abi::TaskDiagFiles::valid): `total` is valid,
/// although the numbers by kind are not. The kernel never sets it.
pub const FILES_VALID_TOTAL: u32 = 1 << 31;

/// In [`TaskDiagFeatures::options`](crate::abi::TaskDiagFeatures::options): the replies
/// have the tasks and groups that the client could read in its own `/proc`. The kernel
/// never sets it.
pub const OPTION_FOLLOWS_PROC: u64 = 1 << 63;

/// [`TaskDiagBase::state`](crate::abi::TaskDiagBase::state) of a cached row whose
/// state is not known.
pub const STATE_UNKNOWN: u8 = 255;
