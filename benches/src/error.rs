// SPDX-License-Identifier: MIT
//! What can go wrong, told apart by whose fault it is.

use std::io;

/// The exit status that says: this machine does not have what the rival needs.
const EXIT_MISSING: u8 = 3;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The machine does not have it: no such family, no such file of `/proc`.
    #[error("not here: {0}")]
    Missing(String),

    /// It is there, and did not do what it should.
    #[error("{0}")]
    Failed(String),

    #[error("{context}: {source}")]
    Io { context: String, source: io::Error },
}

impl Error {
    /// Puts what was tried before what the system says to it.
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

    /// What a rival's process that ended with this status has meant.
    pub(crate) fn from_exit(code: Option<i32>, said: &str) -> Self {
        let said = said.trim().trim_start_matches("bench: ");
        if code == Some(i32::from(EXIT_MISSING)) {
            Self::Missing(said.trim_start_matches("not here: ").to_owned())
        } else {
            Self::Failed(said.to_owned())
        }
    }
}
