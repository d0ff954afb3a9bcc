// SPDX-License-Identifier: MIT
//! The command line: what can be said, and what it comes to.
//!
//! Everything that can be wrong with a command line is found here, before
//! the kernel is asked anything.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{
    ArgGroup, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
};
use taskdiag::{Pid, Request, Scope, Show, Strategy, Way};

use crate::columns::{self, BadColumn, Chosen};
use crate::filter::{self, Condition};
use crate::generate::{self, What};
use crate::sort::Key;
use crate::watch::Watch;

/// Show tasks: ask the kernel for all of them, and for what you want to know
/// of them, in one request
#[derive(Debug, Parser)]
#[command(
    name = "taskdiag-cli",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    subcommand_help_heading = "Or",
    override_usage = "taskdiag-cli <WHICH TASKS> [OPTIONS]\n       \
                      taskdiag-cli features [--json] [--transport <WAY>]\n       \
                      taskdiag-cli doctor [--json]\n       \
                      taskdiag-cli ps [WORDS OF PS]\n       \
                      taskdiag-cli watch [OPTIONS]",
    max_term_width = 100,
    after_help = "--help tells more: the columns, how names are written, exit statuses, examples."
)]
struct CommandLine {
    #[command(subcommand)]
    other: Option<Other>,
    #[command(flatten)]
    tasks: Tasks,
    #[command(flatten)]
    facts: Facts,
    #[command(flatten)]
    view: View,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Tell which groups, strategies and filters the running kernel has
    Features {
        /// Write an object
        #[arg(long)]
        json: bool,

        /// How to ask
        #[arg(long, value_name = "WAY", value_enum, default_value_t)]
        transport: Ask,
    },

    /// Tell what this host has to ask, what it lacks, and how to get that;
    /// exit status 1 if there is only /proc
    Doctor {
        /// Write an object
        #[arg(long)]
        json: bool,
    },

    /// Do what ps does with these words: ps aux, ps -ef, ps ax -o pid,ppid; and
    /// with --transport WAY
    #[command(disable_help_flag = true)]
    Ps {
        /// What to say to ps
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },

    /// Tell of processes that begin, change and end, a line each, as it happens
    Watch(Box<Watch>),

    /// Write the manual pages or the shells' completions into a folder
    #[command(hide = true)]
    Generate { what: What, folder: PathBuf },
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

    /// The children of a process, theirs, and so on
    #[arg(long, value_name = "PID", group = "strategy", value_parser = pid)]
    descendants: Option<Pid>,

    /// The areas of a process's memory, as /proc/PID/maps has them
    #[arg(long, value_name = "PID", group = "strategy", value_parser = pid,
          conflicts_with_all = ROWS)]
    maps: Option<Pid>,

    /// Likewise with what is there of them, as /proc/PID/smaps
    #[arg(long, value_name = "PID", group = "strategy", value_parser = pid,
          conflicts_with_all = ROWS)]
    smaps: Option<Pid>,

    /// Of these only those that all conditions hold for: uid=USER, state=RD,
    /// comm=BEGINNING, cgroup=PATH, pid=1+2; and of areas vma=exec+file
    #[arg(long, value_name = "KEY=VALUE,...", value_delimiter = ',')]
    filter: Vec<Condition>,
}

/// What there are no rows for in the text of procfs.
const ROWS: [&str; 7] = [
    "show",
    "columns",
    "format",
    "sort",
    "tree",
    "numeric",
    "no_headers",
];

#[derive(Debug, Args)]
#[command(next_help_heading = "What about them")]
struct Facts {
    /// Groups of facts to ask for, between commas: base (who a task is), cred
    /// (its credentials), stat (times and sizes), cmdline, files, ident, ns,
    /// cgroup, vma and vma_stat (its memory, a row an area) [default: what
    /// --columns and --sort need, or base]
    #[arg(long, value_name = "GROUP,...")]
    show: Option<Show>,

    /// Columns to show, as ps -o has them: NAME, NAME=HEADING [default: a few
    /// of each group shown]
    #[arg(short = 'o', long, value_name = "COLUMN,...")]
    columns: Vec<Columns>,

    /// Ask as seen from this process's pid namespace: its tasks, with their
    /// numbers there. Needs CAP_SYS_ADMIN
    #[arg(long, value_name = "PID", value_parser = pid)]
    scope_pid: Option<Pid>,

    /// How to ask
    #[arg(long, value_name = "WAY", value_enum, default_value_t)]
    transport: Ask,
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

    /// Put children below their parents (table, json and ndjson)
    #[arg(long)]
    tree: bool,

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

/// A list of columns, as one `--columns` has it.
#[derive(Clone, Debug)]
struct Columns(Vec<Chosen>);

impl std::str::FromStr for Columns {
    type Err = BadColumn;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        columns::choose(list).map(Self)
    }
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

/// How the kernel is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ask {
    /// The first of these that is there
    #[default]
    Auto,
    /// By the TASKDIAG family
    Netlink,
    /// By /proc/task-diag
    File,
    /// By taskdiagd, at /run/taskdiag.sock or where TASKDIAG_SOCKET says
    Daemon,
    /// Not at all, but to read /proc/PID: slow, and there on any kernel
    Procfs,
}

impl Ask {
    /// The way that is asked for, if one is.
    pub(crate) fn way(self) -> Option<Way> {
        Some(match self {
            Self::Auto => return None,
            Self::Netlink => Way::Netlink,
            Self::File => Way::File,
            Self::Daemon => Way::Daemon,
            Self::Procfs => Way::Procfs,
        })
    }
}

/// A pid is what could be one; whether it is, is for the kernel to say.
pub(crate) fn pid(word: &str) -> Result<Pid, String> {
    word.parse()
        .ok()
        .filter(|pid| (1..=i32::MAX.unsigned_abs()).contains(pid))
        .ok_or_else(|| format!("a PID is a number from 1 to {}", i32::MAX))
}

/// A command line that makes sense.
#[derive(Debug)]
pub(crate) enum Job {
    Rows(Rows),
    Maps(Maps),
    Features {
        ask: Ask,
        json: bool,
    },
    Doctor {
        json: bool,
    },
    /// What is said to `ps` is for its own parser.
    Ps(Vec<String>),
    Watch(Box<Watch>),
    Generate {
        what: What,
        folder: PathBuf,
    },
}

/// Tasks are to be shown, in rows and columns.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) request: Request,
    pub(crate) ask: Ask,
    pub(crate) columns: Vec<Chosen>,
    pub(crate) sort: Vec<Key>,
    pub(crate) format: Format,
    pub(crate) tree: bool,
    pub(crate) numeric: bool,
    pub(crate) headers: bool,
    pub(crate) stats: bool,
}

impl Rows {
    /// Whether a row is an area of memory, and not a task.
    pub(crate) fn are_areas(&self) -> bool {
        self.columns.iter().any(|chosen| chosen.column.of_area)
    }
}

/// The memory of a process is to be shown, in the text of procfs.
#[derive(Debug)]
pub(crate) struct Maps {
    pub(crate) request: Request,
    pub(crate) ask: Ask,
    pub(crate) stats: bool,
}

/// Reads a command line. `--help` and `--version` are errors too, as clap
/// has it; they know that they are none.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Job, clap::Error> {
    let mut command = command().after_long_help(details());
    let line = command
        .try_get_matches_from_mut(words)
        .and_then(|matches| CommandLine::from_arg_matches(&matches))
        .map_err(|error| error.format(&mut command))?;
    line.job()
        .map_err(|conflict| command.error(ErrorKind::ArgumentConflict, conflict))
}

/// Writes files made of the command line.
pub(crate) fn generate(what: What, folder: &Path) -> io::Result<()> {
    generate::write(what, folder, command(), &details())
}

/// What can be said. A number below zero is a wrong value, and not an option
/// that there is not.
fn command() -> Command {
    fn with_numbers(command: Command) -> Command {
        command
            .mut_args(|arg| match arg.get_action().takes_values() {
                true => arg.allow_negative_numbers(true),
                false => arg,
            })
            .mut_subcommands(with_numbers)
    }
    with_numbers(CommandLine::command())
}

impl CommandLine {
    fn job(self) -> Result<Job, String> {
        match self.other {
            Some(Other::Features { json, transport }) => {
                return Ok(Job::Features {
                    ask: transport,
                    json,
                });
            }
            Some(Other::Doctor { json }) => return Ok(Job::Doctor { json }),
            Some(Other::Ps { words }) => return Ok(Job::Ps(words)),
            Some(Other::Watch(watch)) => return Ok(Job::Watch(watch)),
            Some(Other::Generate { what, folder }) => return Ok(Job::Generate { what, folder }),
            None => {}
        }
        let Self {
            mut tasks,
            facts,
            view,
            ..
        } = self;
        let filters = filter::combine(std::mem::take(&mut tasks.filter))?;
        let memory = Show::VMA | Show::VMA_STAT;
        let transport = facts.transport;
        let scope = facts.scope_pid.map_or(Scope::Own, Scope::Process);
        let ask = |strategy, show: Show| {
            if filters.vma_flags.is_some() && !show.intersects(memory) {
                return Err("the filter vma is of areas, and none are shown: add vma to --show");
            }
            let mut request = Request::new(strategy).show(show).scope(scope);
            request.filters = filters.clone();
            Ok(request)
        };
        if let Some((pid, show)) = tasks.memory() {
            return Ok(Job::Maps(Maps {
                request: ask(Strategy::One(pid), show)?,
                ask: transport,
                stats: view.stats,
            }));
        }

        let strategy = tasks.strategy();
        let chosen: Vec<Chosen> = facts.columns.into_iter().flat_map(|list| list.0).collect();
        let mut show = groups(facts.show, &chosen, &view.sort)?;
        let columns = if chosen.is_empty() {
            columns::default(show, strategy)
        } else {
            chosen
        };
        if view.tree {
            view.check_tree()?;
            // The parents are what it is made of.
            show |= Show::BASE;
        }
        let rows = Rows {
            request: ask(strategy, show)?,
            ask: transport,
            columns,
            sort: view.sort,
            format: view.format,
            tree: view.tree,
            numeric: view.numeric,
            headers: !view.no_headers,
            stats: view.stats,
        };
        check_areas(&rows)?;
        Ok(Job::Rows(rows))
    }
}

impl Tasks {
    fn strategy(&self) -> Strategy {
        let one_of = [
            self.pid.map(Strategy::One),
            self.children.map(Strategy::Children),
            self.threads.map(Strategy::Threads),
            self.descendants.map(Strategy::Descendants),
            self.all_threads.then_some(Strategy::AllThreads),
        ];
        // The group sees to it that there is exactly one; the last is --all.
        one_of.into_iter().flatten().next().unwrap_or(Strategy::All)
    }

    /// The process whose memory is to be shown, and the groups for that.
    fn memory(&self) -> Option<(Pid, Show)> {
        let maps = self.maps.map(|pid| (pid, Show::VMA));
        let smaps = self.smaps.map(|pid| (pid, Show::VMA | Show::VMA_STAT));
        maps.or(smaps)
    }
}

impl View {
    fn check_tree(&self) -> Result<(), String> {
        match self.format {
            Format::Csv => Err("--tree: there are no trees in CSV; take table, json or ndjson"),
            _ => Ok(()),
        }
        .map_err(str::to_owned)
    }
}

/// The groups to ask for.
///
/// Who names columns means them, and the groups follow; who names the groups
/// too gets these, and is told if the two do not go together.
fn groups(show: Option<Show>, columns: &[Chosen], sort: &[Key]) -> Result<Show, String> {
    for (index, chosen) in columns.iter().enumerate() {
        let key = chosen.key();
        if columns[..index].iter().any(|other| other.key() == key) {
            return Err(format!("column {key:?} is named twice"));
        }
    }

    let named = || columns.iter().chain(sort.iter().map(|key| &key.chosen));
    let Some(show) = show else {
        let start = if columns.is_empty() {
            Show::BASE
        } else {
            Show::empty()
        };
        let show = named().fold(start, |show, chosen| show | chosen.column.groups);
        let areas = named().any(|chosen| chosen.column.of_area);
        // Where an area is, either group says.
        return Ok(if areas && !show.intersects(Show::VMA_STAT) {
            show | Show::VMA
        } else {
            show
        });
    };
    match named().find(|chosen| !show.contains(chosen.column.groups)) {
        None => Ok(show),
        Some(Chosen { name, column, .. }) => Err(format!(
            "column \"{name}\" is of the group {group}, which --show leaves out: \
             add {group} to --show, or drop --show",
            group = column.groups - show,
        )),
    }
}

/// A row is a task or an area, and columns and keys are of the one or of the
/// other.
fn check_areas(rows: &Rows) -> Result<(), String> {
    let sums =
        |chosen: &&Chosen| !chosen.column.of_area && chosen.column.groups.contains(Show::VMA_STAT);
    let keys = || rows.sort.iter().map(|key| &key.chosen);
    if !rows.are_areas() {
        return match keys().find(|chosen| chosen.column.of_area) {
            Some(key) => Err(format!(
                "cannot sort by {:?}, which is of an area: no column is",
                key.name
            )),
            None => Ok(()),
        };
    }
    if let Some(sum) = rows.columns.iter().chain(keys()).find(sums) {
        return Err(format!(
            "column {:?} is of a process, and each row is one of its areas",
            sum.name
        ));
    }
    if rows.tree {
        return Err("--tree: areas of memory are nobody's children".to_owned());
    }
    Ok(())
}

/// What `--help` has below the options.
fn details() -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn any(line: &str) -> Result<Job, clap::Error> {
        parse(
            std::iter::once("taskdiag-cli")
                .chain(line.split_whitespace())
                .map(OsString::from),
        )
    }

    fn job(line: &str) -> Result<Rows, clap::Error> {
        match any(line)? {
            Job::Rows(rows) => Ok(rows),
            job => panic!("{job:?} has no rows"),
        }
    }

    fn error(line: &str) -> clap::Error {
        job(line).expect_err("a usage error")
    }

    #[test]
    fn the_definition_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn exactly_one_strategy() {
        for (line, strategy) in [
            ("--all", Strategy::All),
            ("--all-threads", Strategy::AllThreads),
            ("--pid 7", Strategy::One(7)),
            ("--children 7", Strategy::Children(7)),
            ("--threads 7", Strategy::Threads(7)),
            ("--descendants 7", Strategy::Descendants(7)),
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
            (
                "--all --columns pid,weight",
                "there is no column \"weight\"",
            ),
            ("--all --columns pid,,comm", "an empty place"),
            ("--all --columns pid:x", "\"x\" is no width"),
            ("--all --columns pid,wchan", "does not tell \"wchan\""),
            ("--all --sort -weight", "there is no column \"weight\""),
            (
                "--all --columns pid,comm=pid",
                "column \"pid\" is named twice",
            ),
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

    #[test]
    fn several_lists_of_columns_are_one() {
        let names = |line| {
            let columns = job(line).expect(line).columns;
            columns.iter().map(|chosen| chosen.name).collect::<Vec<_>>()
        };
        assert_eq!(
            names("--all -o pid,comm -o user= --columns rss"),
            ["pid", "comm", "user", "rss"]
        );
    }

    #[test]
    fn groups_are_those_of_the_columns() {
        for (line, show) in [
            ("rss", Show::STAT),
            ("stat", Show::BASE | Show::STAT),
            ("args", Show::BASE | Show::CMDLINE),
            ("fds,netns,cgroup", Show::FILES | Show::NS | Show::CGROUP),
            ("start_ns", Show::IDENT),
            ("pss", Show::VMA_STAT),
            ("pid,vm_start", Show::VMA),
            ("pid,vm_start,vm_rss", Show::VMA_STAT),
        ] {
            let line = format!("--all --columns {line}");
            assert_eq!(job(&line).expect(&line).request.show, show, "{line}");
        }
    }

    #[test]
    fn a_row_is_a_task_or_an_area() {
        assert!(job("--all --show vma").expect("areas").are_areas());
        assert!(!job("--all --columns pid,pss").expect("tasks").are_areas());
        for (line, text) in [
            (
                "--all --columns vm_start,pss",
                "column \"pss\" is of a process",
            ),
            (
                "--all --columns pid --sort vm_start",
                "cannot sort by \"vm_start\"",
            ),
            ("--all --show vma --tree", "nobody's children"),
            ("--all --tree --format csv", "no trees in CSV"),
            (
                "--all --filter vma=exec",
                "the filter vma is of areas, and none are shown",
            ),
        ] {
            let error = error(line).to_string();
            assert!(error.contains(text), "{line}: {error}");
        }
    }

    #[test]
    fn a_tree_takes_the_parents() {
        let job = job("--all --tree --columns rss").expect("a tree");
        assert_eq!(job.request.show, Show::BASE | Show::STAT);
    }

    #[test]
    fn filters_go_into_the_request() {
        let job = job("--all --filter uid=0,comm=post --filter pid=1+2").expect("filters");
        let filters = job.request.filters;
        assert_eq!(filters.uid, Some(0));
        assert_eq!(filters.comm.as_deref(), Some(&b"post"[..]));
        assert_eq!(filters.pids, Some(vec![1, 2]));
    }

    #[test]
    fn maps_are_text_and_nothing_else() {
        for (line, show) in [
            ("--maps 7", Show::VMA),
            ("--smaps 7", Show::VMA | Show::VMA_STAT),
        ] {
            match any(line).expect(line) {
                Job::Maps(maps) => {
                    assert_eq!(maps.request.strategy, Strategy::One(7));
                    assert_eq!(maps.request.show, show);
                }
                job => panic!("{job:?}"),
            }
        }
        assert!(any("--maps 7 --filter vma=exec+file").is_ok());
        for line in [
            "--maps 7 --format json",
            "--maps 7 --columns pid",
            "--maps 7 --pid 7",
        ] {
            assert_eq!(error(line).exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn the_other_commands_have_words_of_their_own() {
        for (line, ask, json) in [
            ("features", Ask::Auto, false),
            ("features --json", Ask::Auto, true),
            ("features --transport file", Ask::File, false),
        ] {
            match any(line).expect(line) {
                Job::Features {
                    ask: to,
                    json: as_json,
                } => assert_eq!((to, as_json), (ask, json)),
                job => panic!("{job:?}"),
            }
        }
        assert!(matches!(any("doctor"), Ok(Job::Doctor { json: false })));
        assert!(matches!(
            any("doctor --json"),
            Ok(Job::Doctor { json: true })
        ));
        for (line, expected) in [
            ("ps aux", &["aux"][..]),
            ("ps -ef", &["-ef"]),
            ("ps ax -o pid,ppid", &["ax", "-o", "pid,ppid"]),
            ("ps --help", &["--help"]),
            ("ps", &[]),
        ] {
            match any(line).expect(line) {
                Job::Ps(words) => assert_eq!(words, expected),
                job => panic!("{job:?}"),
            }
        }
        assert!(matches!(any("watch"), Ok(Job::Watch(_))));
        assert_eq!(error("--all features").exit_code(), 2);
    }
}
