// SPDX-License-Identifier: MIT
//! What `--help` and the manual page have behind the options.

use crate::columns;

/// All of it; each part has a heading.
pub(super) fn long_help() -> String {
    let columns = columns::help();
    format!(
        r#"Columns:
{columns}
  Among threads pid is the number they share and tid their own. A column is
  called what you call it, in headers and as a key in JSON; NAME=HEADING calls
  it HEADING.

Names and values:
  In names, arguments and paths, what is not UTF-8 is written \xNN, a byte each;
  control and other unprintable characters \t, \r, \n or \u{{N}}; a backslash \\.
  So different names look different, in every format. Arguments have a blank
  between them.
  Users and groups are names of this machine, or digits where there is none.
  Capability sets are lists of names; in a table "all", "all,-cap_NAME" for
  all but a few, "-" for none. In JSON they are arrays of strings, users
  strings, ids and securebits numbers, nnp true or false. With --numeric sets
  have the 16 hexadecimal digits of /proc/PID/status, users are numbers.
  Times and dates are as ps writes them; times, etimes and start_ns are numbers.
  What the kernel did not tell is "-" in a table, null in JSON, empty in CSV.

Exit status:
  0  everything was shown, or the reader of the output wanted no more
  1  the request failed; of doctor: there is no task_diag here, only /proc
  2  the command line makes no sense
  Of watch --until that of the process, as a shell tells it; 124 if --timeout
  was too early for --until or --count, 128 and its number if a signal was.
  That the tasks changed during a dump is no failure: --stats tells, and so
  does the log with RUST_LOG=info in the environment.

Examples:
  Every process, who it is and what it may:
    taskdiag-cli --all --show base,cred
  A column set of your own, sorted by user, the newest processes first:
    taskdiag-cli --all --columns user,pid,comm --sort user,-pid
  The threads of a process:
    taskdiag-cli --threads 1234
  A container's processes with the numbers they have in it:
    taskdiag-cli --all --scope-pid 1234
  What runs under a shell, as a tree:
    taskdiag-cli --descendants $$ --tree -o pid,stat,etime,args
  What is mapped to be executed, in all processes of a user:
    taskdiag-cli --all --show vma --filter uid=www-data,vma=exec+file
  Every process that ends badly, as it does:
    taskdiag-cli watch --events nonzero-exit
  Who may load kernel modules?
    taskdiag-cli --all --columns pid,comm,caps --format ndjson |
      jq -c 'select(.caps | index("cap_sys_module"))'"#
    )
}
