// SPDX-License-Identifier: MIT
//! Notices about the transport: it is slow, or shows less than `/proc`.

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal as _};

use taskdiag::{Restriction, TransportKind};

use crate::stdio::print_message;

/// The variable that disables the notices if it is set and not empty.
const QUIET: &str = "TASKDIAG_QUIET";

const SLOW: &str = "\
warning: no task_diag: reading /proc, which is slow (see taskdiag-cli doctor)";

/// Prints that `/proc` is read because the kernel has no task_diag. Only on a terminal:
/// the output of cron jobs is mailed.
pub(crate) fn print_slow() {
    let quiet = env::var_os(QUIET);
    if is_wanted(io::stderr().is_terminal(), quiet.as_deref()) {
        print_message(format_args!("{SLOW}"));
    }
}

/// Prints that `/proc` is read because a faster transport would show less. Only on a
/// terminal, like [`print_slow`].
pub(crate) fn print_passed_over(faster: TransportKind, restriction: Restriction) {
    let quiet = env::var_os(QUIET);
    if is_wanted(io::stderr().is_terminal(), quiet.as_deref()) {
        print_message(format_args!(
            "warning: reading /proc, which is slow, because {faster} would show less: {restriction}"
        ));
    }
}

/// Prints that the output may lack processes. Not only on a terminal: a script may take
/// the output for complete.
pub(crate) fn print_restricted(kind: TransportKind, restriction: Restriction) {
    let quiet = env::var_os(QUIET);
    if is_wanted(true, quiet.as_deref()) {
        print_message(format_args!(
            "warning: {kind} shows only processes that you may trace: {restriction}"
        ));
    }
}

fn is_wanted(is_terminal: bool, quiet: Option<&OsStr>) -> bool {
    is_terminal && quiet.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notice_is_one_line_on_a_terminal() {
        assert!(!SLOW.contains('\n'));
        assert!(is_wanted(true, None) && is_wanted(true, Some(OsStr::new(""))));
        assert!(!is_wanted(true, Some(OsStr::new("1"))) && !is_wanted(false, None));
    }
}
