// SPDX-License-Identifier: MIT
//! What `taskdiagd` adds to the kernel's protocol.
//!
//! The daemon answers with the messages of `/proc/task-diag`. Bits 16 to 31 of
//! [`TaskDiagMsg::flags`](crate::abi::TaskDiagMsg::flags) are never the kernel's:
//! a client accepts them only from a transport that forwards rows, see
//! [`Transport::forwards`](crate::Transport::forwards), and ignores them in
//! answers of the kernel.

/// The bits of [`TaskDiagMsg::flags`](crate::abi::TaskDiagMsg::flags) that belong
/// to programs that forward messages.
pub const FORWARDER_FLAGS: u32 = 0xffff_0000;

/// In [`TaskDiagMsg::flags`](crate::abi::TaskDiagMsg::flags): a cached row, kept
/// current by events; see [`TaskRef::is_kept`](crate::TaskRef::is_kept).
pub const FLAG_CACHED: u32 = 1 << 31;

/// [`TaskDiagBase::state`](crate::abi::TaskDiagBase::state) of a cached row whose
/// state is not known.
pub const STATE_UNKNOWN: u8 = 255;
