// SPDX-License-Identifier: MIT
//! How tasks are called.

/// The number of a process or thread, in the pid namespace of the request.
pub type Pid = u32;
