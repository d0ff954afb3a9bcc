// SPDX-License-Identifier: MIT
//! The sections that `--help` and the manual page print after the options.

use crate::columns;

/// Returns all sections. Each begins with a heading in the first column.
pub(super) fn long_help() -> String {
    let columns = columns::help();
    format!(
        r#"Columns:
{columns}
  All threads of a process have the same pid; each has its own tid. Headings and
  JSON keys use the column name as given, or HEADING for NAME=HEADING.

Conditions of --filter:
  uid=root+daemon    one of these effective users, by name or id
  gid=adm+4          one of these effective groups
  state=RD           one of these states
  comm=PREFIX        name that begins with this text; comm=a+b has two alternatives,
                     and comm=g++ or comm=a\x2bb one name
  args=PREFIX        arguments, joined by blanks, that begin with this text, in which
                     + has no meaning; [name] for a task without arguments
  cgroup=PATH        cgroup of the default hierarchy, or one below it; an id or a path
  tty=pts/0+tty1     one of these terminals; tty=- selects tasks without a terminal
  pid=1+2, ppid=1+2  one of these tasks, or a child of one of these processes
  vma=exec+file      memory mappings with all of these flags
  KEY!=VALUE negates a condition, except cgroup. comm~REGEX, args~REGEX,
  cgroup~REGEX (matched with the path) and tty~REGEX (matched with a name such as
  pts/0) search for a regular expression, and KEY!~REGEX negates that. A field that
  is not known matches neither a condition nor its negation. A comma ends a value;
  write \x2c for a comma in a value. In a regular expression, a comma ends it only
  if another condition follows. The kernel evaluates state, uid= with one user,
  comm= with one name, cgroup=, pid= and vma=. This command evaluates the other
  conditions.

Names and values:
  In tables and CSV, each byte of a name, argument or path that is not valid UTF-8
  is written as \xNN, control and other unprintable characters as \t, \r, \n, \0
  or \u{{N}}, and a backslash as \\. Different names therefore look different.
  --filter accepts this form. JSON contains names, arguments and paths unchanged:
  each is a string or, if it is not valid UTF-8, an array of its bytes as numbers.
  Arguments are separated by blanks, and [name] is shown if all are empty; in JSON,
  argv is an array of all arguments.
  User and group names are those of this machine; an id without a name is shown
  as digits. A capability set is a list of names; a table shows a full set as
  "all", a nearly full set as "all,-cap_NAME" and an empty set as "-". In JSON,
  capability sets are arrays of strings, users are strings, ids and securebits
  are numbers, and nnp is true or false. --numeric shows users and groups as
  numbers and capability sets as the 16 hexadecimal digits of /proc/PID/status.
  Times and dates have the format of ps, in the time zone TZ or that of this
  machine; times, etimes and start_ns are numbers.
  A value that is not known is "-" in a table, null in JSON and empty in CSV; an
  unknown state is "?". /proc of a sandbox or of an older kernel may lack values.
  In JSON, a row with groups that you may not read has the array "denied" with
  their names.

Environment:
  TASKDIAG_TRANSPORT  transport that --transport auto, ps and watch select
  TASKDIAG_SOCKET     socket of taskdiagd, instead of /run/taskdiag.sock
  TASKDIAG_QUIET      if not empty, omit the notice that /proc is read, which is
                      printed on terminals only, and the warning that a selected
                      transport shows less than /proc
  TZ                  time zone of dates: a name such as Europe/Berlin, or a rule
  RUST_LOG            level of messages for debugging: info, debug or trace
  NO_COLOR            if set, watch prints no colours

Exit status:
  0  success; also if the reader of the output closed it early
  1  the request failed, or you may not read a group of the process that --pid,
     --maps or --smaps selects; for doctor: only /proc is available
  2  invalid command line
  watch --until exits with the status of the process, as a shell reports it; with
  125 for an error, 126 if the status is not known, 127 without such a process.
  watch exits with 124 if --timeout ended it before --until or --count was
  satisfied, and with 128 plus the signal number if a signal did. Otherwise watch
  exits with 3 if events were lost, of which a line "lost" is printed.
  Tasks that change during a dump are not an error: --stats reports them, and so
  does the log if RUST_LOG=info is set in the environment.

Examples:
  List every process with its credentials:
    taskdiag-cli --all --show base,cred
  Select columns, and sort by user and then by descending pid:
    taskdiag-cli --all --columns user,pid,comm --sort user,-pid
  List the threads of a process:
    taskdiag-cli --threads 1234
  List the processes of a container with their pids in the container:
    taskdiag-cli --all --scope-pid 1234
  Show the descendants of a shell as a tree:
    taskdiag-cli --descendants $$ --tree -o pid,stat,etime,args
  List executable file mappings in all processes of a user:
    taskdiag-cli --all --show vma --filter uid=www-data,vma=exec+file
  List processes of other users than root whose arguments contain a pattern:
    taskdiag-cli --all --filter 'uid!=root,args~--config[= ]' -o pid,user,args
  Print every process that exits with a non-zero status:
    taskdiag-cli watch --events nonzero-exit
  List processes that may load kernel modules:
    taskdiag-cli --all --columns pid,comm,caps --format ndjson |
      jq -c 'select(.caps | index("cap_sys_module"))'"#
    )
}
