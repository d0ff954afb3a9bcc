// SPDX-License-Identifier: MIT
//! Errors: an unsupported implementation, or a failure.

use std::io;

/// Exit status: this machine does not support the implementation.
const EXIT_MISSING: u8 = 3;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The machine lacks a netlink family, a file of `/proc` or a program.
    #[error("not supported: {0}")]
    Missing(String),

    /// A supported operation failed or returned wrong data.
    #[error("{0}")]
    Failed(String),

    #[error("{context}: {source}")]
    Io { context: String, source: io::Error },
}

impl Error {
    /// Adds a description of the failed operation to an error of the system.
    pub(crate) fn io<E: Into<io::Error>>(context: impl Into<String>) -> impl FnOnce(E) -> Self {
        let context = context.into();
        move |source| Self::Io {
            context,
            source: source.into(),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "for map_err()")]
    pub(crate) fn missing(what: impl ToString) -> Self {
        Self::Missing(what.to_string())
    }

    #[expect(clippy::needless_pass_by_value, reason = "for map_err()")]
    pub(crate) fn failed(what: impl ToString) -> Self {
        Self::Failed(what.to_string())
    }

    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Missing(_) => EXIT_MISSING,
            Self::Failed(_) | Self::Io { .. } => 1,
        }
    }

    /// Returns the error that a process with this exit status and message reported.
    pub(crate) fn from_exit(code: Option<i32>, message: &str) -> Self {
        let message = message.trim().trim_start_matches("bench: ");
        if code == Some(i32::from(EXIT_MISSING)) {
            Self::Missing(message.trim_start_matches("not supported: ").to_owned())
        } else {
            Self::Failed(message.to_owned())
        }
    }
}
