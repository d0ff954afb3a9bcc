// SPDX-License-Identifier: MIT
//! The type of pids.

/// Pid of a task (thread or process), in the pid namespace of the request.
pub type Pid = u32;
