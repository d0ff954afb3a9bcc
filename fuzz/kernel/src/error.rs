// SPDX-License-Identifier: MIT
//! Errors of the fuzzer's own sockets and files.

use nix::errno::Errno;

/// An error of the fuzzer's own socket or file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("this kernel has no TASKDIAG family; use scripts/run taskdiag-fuzz")]
    NoFamily,
    #[error("this kernel has no /proc/task-diag; use --transport socket")]
    NoFile,
    #[error("cannot {0}: {1}")]
    System(&'static str, Errno),
    #[error("the kernel does not report the family id, or no valid features")]
    NoReply,
}

/// Returns a function that makes an error of an errno.
pub(crate) fn cannot(what: &'static str) -> impl Fn(Errno) -> Error {
    move |errno| Error::System(what, errno)
}
