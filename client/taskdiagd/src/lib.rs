// SPDX-License-Identifier: MIT
//! Serves requests for tasks on a Unix socket, in the messages of the kernel's
//! transaction file.
//!
//! ```text
//! client ──▶ server ──▶ session ──▶ peer      who asks, and what may they see
//!                         │
//!                         ▼
//!                       source ──▶ kernel     where it has task_diag: asked with
//!                         │                   the rights of the client
//!                         ▼
//!                       procfs ──▶ table      elsewhere: kept by events
//! ```
//!
//! Each client has a thread. Whom it keeps waiting, by reading slowly or by
//! asking for what takes long, is itself alone.
//!
//! Whether a client may see a task is never judged here: the kernel is asked,
//! in the client's name. See [`eyes`].

#![deny(unsafe_code)]

pub mod cli;
mod crowd;
mod error;
pub mod eyes;
mod keeper;
#[allow(unsafe_code, reason = "descriptors that are inherited")]
mod listener;
mod peer;
mod procfs;
mod server;
mod session;
mod source;
mod status;
mod table;

pub use cli::run;
pub use error::{Error, Result};
