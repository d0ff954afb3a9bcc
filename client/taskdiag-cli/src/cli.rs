// SPDX-License-Identifier: MIT
//! The command line: what can be said, and what it comes to.
//!
//! Everything that can be wrong with a command line is found here, before
//! the kernel is asked anything.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgGroup, Args, CommandFactory, FromArgMatches, Parser, ValueEnum};
use taskdiag::{Pid, Request, Scope, Show, Strategy};

use crate::columns::{self, Chosen};
use crate::sort::Key;

/// Show tasks: ask the kernel for all of them, and for what you want to know
/// of them, in one request
#[derive(Debug, Parser)]
#[command(
    name = "taskdiag-cli",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "--help tells more: the columns, how names are written, exit statuses, examples."
)]
struct CommandLine {
    #[command(flatten)]
    tasks: Tasks,
    #[command(flatten)]
    facts: Facts,
    #[command(flatten)]
    view: View,
}

#[derive(Debug, Args)]
#[command(
    next_help_heading = "Which tasks, exactly one of",
    group(ArgGroup::new("strategy").required(true))
)]
struct Tasks {
    /// Every process
    #[arg(long, group = "strategy")]
    all: bool,

    /// Every thread of every process
    #[arg(long, group = "strategy")]
    all_threads: bool,

    /// One process or thread
    #[arg(long, value_name = "PID", group = "strategy", value_parser = pid)]
    pid: Option<Pid>,

    /// The children of a process
    #[arg(long, value_name = "PID", group = "strategy", value_parser = pid)]
    children: Option<Pid>,

    /// The threads of a process
    #[arg(long, value_name = "PID", group = "strategy", value_parser = pid)]
    threads: Option<Pid>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What about them")]
struct Facts {
    /// Groups of facts to ask for, between commas: base (who a task is), cred
    /// (its credentials) [default: what --columns and --sort need, or base]
    #[arg(long, value_name = "GROUP,...")]
    show: Option<Show>,

    /// Columns to show, between commas, by the names of ps [default: a few of
    /// each group shown]
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    columns: Vec<Chosen>,

    /// Ask as seen from this process's pid namespace: its tasks, with their
    /// numbers there. Needs CAP_SYS_ADMIN
    #[arg(long, value_name = "PID", value_parser = pid)]
    scope_pid: Option<Pid>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "How to show it")]
struct View {
    /// What to write
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Sort by these columns, with a minus from the highest value down
    /// [default: the kernel's order]
    #[arg(
        long,
        value_name = "[-]COLUMN,...",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    sort: Vec<Key>,

    /// Leave users, groups and capability sets as numbers
    #[arg(long)]
    numeric: bool,

    /// Leave out the line of headers (table and csv)
    #[arg(long)]
    no_headers: bool,

    /// Tell on standard error what the dump took: tasks, receives, bytes, time
    #[arg(long)]
    stats: bool,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns, for the eye
    #[default]
    Table,
    /// One array of objects, at the end
    Json,
    /// An object a line, as rows arrive
    Ndjson,
    /// Comma-separated values, as rows arrive
    Csv,
}

/// A pid is what could be one; whether it is, is for the kernel to say.
fn pid(word: &str) -> Result<Pid, String> {
    word.parse()
        .ok()
        .filter(|pid| (1..=i32::MAX.unsigned_abs()).contains(pid))
        .ok_or_else(|| format!("a PID is a number from 1 to {}", i32::MAX))
}

/// A command line that makes sense.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) columns: Vec<Chosen>,
    pub(crate) sort: Vec<Key>,
    pub(crate) format: Format,
    pub(crate) numeric: bool,
    pub(crate) headers: bool,
    pub(crate) stats: bool,
}

/// Reads a command line. `--help` and `--version` are errors too, as clap
/// has it; they know that they are none.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Job, clap::Error> {
    let mut command = CommandLine::command().after_long_help(details());
    let line = command
        .try_get_matches_from_mut(words)
        .and_then(|matches| CommandLine::from_arg_matches(&matches))
        .map_err(|error| error.format(&mut command))?;
    line.job()
        .map_err(|conflict| command.error(ErrorKind::ArgumentConflict, conflict))
}

impl CommandLine {
    fn job(self) -> Result<Job, String> {
        let Self { tasks, facts, view } = self;
        let strategy = tasks.strategy();
        let show = facts.show(&view.sort)?;
        let scope = facts.scope_pid.map_or(Scope::Own, Scope::Process);
        let columns = if facts.columns.is_empty() {
            columns::default(show, strategy)
        } else {
            facts.columns
        };
        Ok(Job {
            request: Request::new(strategy).show(show).scope(scope),
            columns,
            sort: view.sort,
            format: view.format,
            numeric: view.numeric,
            headers: !view.no_headers,
            stats: view.stats,
        })
    }
}

impl Tasks {
    fn strategy(&self) -> Strategy {
        let one_of = [
            self.pid.map(Strategy::One),
            self.children.map(Strategy::Children),
            self.threads.map(Strategy::Threads),
            self.all_threads.then_some(Strategy::AllThreads),
        ];
        // The group sees to it that there is exactly one; the last is --all.
        one_of.into_iter().flatten().next().unwrap_or(Strategy::All)
    }
}

impl Facts {
    /// The groups to ask for.
    ///
    /// Who names columns means them, and the groups follow; who names the
    /// groups too gets these, and is told if the two do not go together.
    fn show(&self, sort: &[Key]) -> Result<Show, String> {
        for (index, chosen) in self.columns.iter().enumerate() {
            if self.columns[..index].iter().any(|c| c.name == chosen.name) {
                return Err(format!("column \"{}\" is named twice", chosen.name));
            }
        }

        let named = || {
            self.columns
                .iter()
                .chain(sort.iter().map(|key| &key.chosen))
        };
        let Some(show) = self.show else {
            let start = if self.columns.is_empty() {
                Show::BASE
            } else {
                Show::empty()
            };
            return Ok(named().fold(start, |show, chosen| show | chosen.column.group));
        };
        match named().find(|chosen| !show.contains(chosen.column.group)) {
            None => Ok(show),
            Some(Chosen { name, column }) => Err(format!(
                "column \"{name}\" is of the group {group}, which --show leaves out: \
                 add {group} to --show, or drop --show",
                group = column.group,
            )),
        }
    }
}

/// What `--help` has below the options.
fn details() -> String {
    let columns = columns::help();
    format!(
        r#"Columns:
{columns}
  Among threads pid is the number they share and tid their own. A column is
  called what you call it, in headers and as a key in JSON.

Names and values:
  In a task's name, what is not UTF-8 is written \xNN, a byte each; control
  and other unprintable characters \t, \r, \n or \u{{N}}; a backslash \\. So
  different names look different, in every format.
  Users and groups are names of this machine, or digits where there is none.
  Capability sets are lists of names; in a table "all", "all,-cap_NAME" for
  all but a few, "-" for none. In JSON they are arrays of strings, users
  strings, ids and securebits numbers, nnp true or false. With --numeric sets
  have the 16 hexadecimal digits of /proc/PID/status, users are numbers.
  What the kernel did not tell is "-" in a table, null in JSON, empty in CSV.

Exit status:
  0  everything was shown, or the reader of the output wanted no more
  1  the request failed
  2  the command line makes no sense
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
  Who may load kernel modules?
    taskdiag-cli --all --columns pid,comm,caps --format ndjson |
      jq -c 'select(.caps | index("cap_sys_module"))'"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(line: &str) -> Result<Job, clap::Error> {
        parse(
            std::iter::once("taskdiag-cli")
                .chain(line.split_whitespace())
                .map(OsString::from),
        )
    }

    fn error(line: &str) -> clap::Error {
        job(line).expect_err("a usage error")
    }

    #[test]
    fn the_definition_holds_together() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn exactly_one_strategy() {
        for (line, strategy) in [
            ("--all", Strategy::All),
            ("--all-threads", Strategy::AllThreads),
            ("--pid 7", Strategy::One(7)),
            ("--children 7", Strategy::Children(7)),
            ("--threads 7", Strategy::Threads(7)),
        ] {
            let job = job(line).expect("a good command line");
            assert_eq!(job.request, Request::new(strategy));
        }
        for line in ["--stats", "--all --pid 1", "--pid 1 --pid 2", "--all --all"] {
            assert_eq!(error(line).exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn a_pid_could_be_one() {
        for line in [
            "--pid 0",
            "--pid -1",
            "--pid x",
            "--pid 2147483648",
            "--all --scope-pid 0",
        ] {
            assert_eq!(error(line).exit_code(), 2, "{line}");
        }
        assert!(job("--pid 2147483647").is_ok());
    }

    #[test]
    fn groups_follow_what_is_shown_and_sorted_by() {
        for (line, show) in [
            ("--all", Show::BASE),
            ("--all --show cred", Show::CRED),
            ("--all --columns pid", Show::empty()),
            ("--all --columns pid,user", Show::CRED),
            ("--all --columns pid --columns comm", Show::BASE),
            ("--all --columns comm --sort -user", Show::BASE | Show::CRED),
            ("--all --sort user", Show::BASE | Show::CRED),
            (
                "--all --show base,cred --columns pid",
                Show::BASE | Show::CRED,
            ),
        ] {
            assert_eq!(job(line).expect(line).request.show, show, "{line}");
        }
    }

    #[test]
    fn groups_that_are_named_have_to_do() {
        for line in [
            "--all --show base --columns pid,user",
            "--all --show base --sort user",
        ] {
            let error = error(line);
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains("add cred to --show"), "{error}");
        }
    }

    #[test]
    fn scope_is_asked_for() {
        let job = job("--all --scope-pid 9").expect("a good command line");
        assert_eq!(job.request.scope, Scope::Process(9));
    }

    #[test]
    fn columns_that_are_not_there_or_twice_there_are_refused() {
        for (line, text) in [
            ("--all --columns pid,size", "there is no column \"size\""),
            ("--all --columns pid,", "there is no column \"\""),
            ("--all --sort -size", "there is no column \"size\""),
            (
                "--all --columns pid,comm,pid",
                "column \"pid\" is named twice",
            ),
            ("--all --show creds", "there is no group \"creds\""),
        ] {
            let error = error(line).to_string();
            assert!(error.contains(text), "{line}: {error}");
        }
        // Two names of one column are two columns.
        assert!(job("--all --columns pid,tgid").is_ok());
    }
}
