// SPDX-License-Identifier: MIT
//! The notice that the slow transport is in use.

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal as _};

use crate::stdio::print_message;

/// The variable that disables the notice if it is set and not empty.
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
