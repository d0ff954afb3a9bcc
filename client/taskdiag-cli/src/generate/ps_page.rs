// SPDX-License-Identifier: MIT
//! The options of `ps` in its manual page. clap does not know them.

/// The section with the options, in the form of the long help.
pub(super) const OPTIONS: &str = "\
Options:
  The options are those of ps(1) of procps, in their three styles: letters with a
  dash, letters without a dash, and words with two dashes.

  -A, -e              select all processes
  -a                  select all except session leaders and processes without a
                      terminal
  -d                  select all except session leaders
  -N, --deselect      select all that the other options do not select
  a, x, r, T          without a dash: processes with a terminal, without one,
                      running, of this terminal
  -C NAME,...         select by name
  -p, p, --pid PID,...
                      select by pid
  -q, q, --quick-pid PID,...
                      select by pid, in the given order
  --ppid PID,...      select by parent
  -s, --sid PID,...   select by session
  -t, t, --tty TTY,...
                      select by terminal
  -u, U, --user USER,...
                      select by effective user
  -U, --User USER,... select by real user
  -g, --group GROUP,...
                      select by session or effective group
  -G, --Group GROUP,...
                      select by real group

  -f, -F              full format, extra full format
  -j, j, -l, l        jobs format, long format
  u, v, s, X          without a dash: by user, virtual memory, signals, registers
  -o, o, --format COLUMN,...
                      these columns; COLUMN=HEADING and COLUMN:WIDTH
  -O, O COLUMN,...    some columns, and these
  -L, H, -T, m        show threads
  -H, f, --forest     show the tree of processes
  -w, w               wide output; twice: unlimited
  -n, n               numbers instead of names
  h, --no-headers     no line of headings
  --cols, --columns, --width N
                      width of the output
  --lines, --rows N   lines of a page, for repeated headings
  k, --sort [-]COLUMN,...
                      sort by these columns
  c, e, S             name instead of arguments, environment, times with children
  --transport TRANSPORT
                      auto, netlink, file, daemon or procfs; procps does not have
                      this option
";
