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

/// [`TaskDiagBase::state`](crate::abi::TaskDiagBase::state) of a cached row whose
/// state is not known.
pub const STATE_UNKNOWN: u8 = 255;
