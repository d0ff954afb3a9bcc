// SPDX-License-Identifier: MIT
//! Facts about tasks from the kernel's TASKDIAG netlink family.

pub mod abi;
mod caps;
mod dump;
mod error;
mod request;
mod socket;
mod task;
mod transport;
mod wire;

pub use caps::{CapSet, Capability};
pub use dump::{Client, Dump, Stats};
pub use error::{BadAttr, Error, KernelError, Result};
pub use request::{ParseShowError, Pid, Request, Scope, Show, Strategy};
pub use socket::Socket;
pub use task::{Base, Comm, Cred, State, Task, TaskRef};
pub use transport::Transport;
