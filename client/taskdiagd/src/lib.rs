// SPDX-License-Identifier: MIT
//! Serves requests for tasks on a Unix socket, in the messages of the kernel's
//! transaction file.
//!
//! ```text
//! client ──▶ server ──▶ session ──▶ peer      the client's identity and rights
//!                         │
//!                         ▼
//!                       source ──▶ relay      with task_diag: forwards to the kernel
//!                         │
//!                         ▼
//!                       local ──▶ row_cache   without: rows that events keep current,
//!                         │                   in the table
//!                         ▼
//!                       procfs                all other rows
//! ```
//!
//! Each client has a thread, so that a client which reads slowly, or requests much,
//! delays no other client.
//!
//! The daemon never decides itself whether a client may see a task: a thread takes the
//! client's credentials and looks into the client's procfs mount, and the kernel decides.
//! See the modules `impersonate` and `mount`.

#![deny(unsafe_code)]

pub mod cli;
mod encode;
mod error;
mod hidepid;
mod impersonate;
mod limits;
#[allow(unsafe_code, reason = "takes ownership of inherited descriptors")]
mod listener;
mod local;
mod message;
mod mount;
mod peer;
mod relay;
mod request;
mod row_cache;
mod server;
mod session;
mod source;
mod table;

pub use cli::run;
pub use error::{Error, Result};
