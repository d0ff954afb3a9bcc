// SPDX-License-Identifier: MIT
//! The options and subcommands of the command line.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, ValueEnum};
use taskdiag::{Pid, Show, Strategy, TransportKind};

use crate::columns::{self, ColumnError, SelectedColumn};
use crate::filter::ConditionList;
use crate::generate::Artifact;
use crate::pid::parse_arg;
use crate::sort::SortKey;
use crate::watch::Watch;

/// List processes and threads with selected properties, in one request to the
/// kernel
#[derive(Debug, Parser)]
#[command(
    name = "taskdiag-cli",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    override_usage = "taskdiag-cli <TASKS> [OPTIONS]\n       \
                      taskdiag-cli features [--json] [--transport <TRANSPORT>]\n       \
                      taskdiag-cli doctor [--json]\n       \
                      taskdiag-cli ps [PS OPTIONS]\n       \
                      taskdiag-cli watch [OPTIONS]",
    max_term_width = 100,
    after_help = "Use --help for columns, the escaping of names, exit statuses and examples."
)]
pub(super) struct CommandLine {
    #[command(subcommand)]
    pub(super) subcommand: Option<Subcommand>,
    #[command(flatten)]
    pub(super) tasks: TaskOptions,
    #[command(flatten)]
    pub(super) query: QueryOptions,
    #[command(flatten)]
    pub(super) output: OutputOptions,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Subcommand {
    /// List the groups, strategies and filters that the running kernel supports
    Features {
        /// Print a JSON object
        #[arg(long)]
        json: bool,

        /// Select the transport
        #[arg(long, value_name = "TRANSPORT", value_enum, default_value_t)]
        transport: TransportChoice,
    },

    /// Report available transports, missing features and a remedy; exit with
    /// status 1 if only /proc is available
    Doctor {
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },

    /// List processes with the options of ps(1), such as aux, -ef or ax -o
    /// pid,ppid, --transport and --scope-pid
    #[command(disable_help_flag = true)]
    Ps {
        /// Options of ps(1)
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },

    /// Print one line per process event: start, change or exit
    Watch(Box<Watch>),

    /// Write manual pages or shell completions to a directory
    #[command(hide = true)]
    Generate {
        artifact: Artifact,
        directory: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(
    next_help_heading = "Tasks (exactly one of these)",
    group(ArgGroup::new("strategy").required(true))
)]
pub(super) struct TaskOptions {
    /// List every process
    #[arg(long, group = "strategy")]
    pub(super) all: bool,

    /// List every thread of every process
    #[arg(long, group = "strategy")]
    pub(super) all_threads: bool,

    /// List one process or thread
    #[arg(long, value_name = "PID", group = "strategy", value_parser = parse_arg)]
    pub(super) pid: Option<Pid>,

    /// List the children of a process
    #[arg(long, value_name = "PID", group = "strategy", value_parser = parse_arg)]
    pub(super) children: Option<Pid>,

    /// List the threads of a process
    #[arg(long, value_name = "PID", group = "strategy", value_parser = parse_arg)]
    pub(super) threads: Option<Pid>,

    /// List all descendants of a process
    #[arg(long, value_name = "PID", group = "strategy", value_parser = parse_arg)]
    pub(super) descendants: Option<Pid>,

    /// Print the memory mappings of a process in the format of /proc/PID/maps
    #[arg(long, value_name = "PID", group = "strategy", value_parser = parse_arg,
          conflicts_with_all = ROW_OPTIONS)]
    pub(super) maps: Option<Pid>,

    /// Print the memory mappings of a process in the format of /proc/PID/smaps
    #[arg(long, value_name = "PID", group = "strategy", value_parser = parse_arg,
          conflicts_with_all = ROW_OPTIONS)]
    pub(super) smaps: Option<Pid>,

    /// List only tasks that match all conditions: uid=USER, gid=GROUP, state=RD,
    /// comm=PREFIX, args=PREFIX, cgroup=PATH, tty=TTY, pid=1+2, ppid=PID; vma=exec+file
    /// selects mappings. != negates; comm, args, cgroup and tty accept ~REGEX and !~REGEX
    #[arg(long, value_name = "KEY=VALUE,...", help_heading = "Filters")]
    pub(super) filter: Vec<ConditionList>,
}

/// Options about rows, which conflict with `--maps` and `--smaps`: those print
/// text.
const ROW_OPTIONS: [&str; 7] = [
    "show",
    "columns",
    "format",
    "sort",
    "tree",
    "numeric",
    "no_headers",
];

#[derive(Debug, Args)]
#[command(next_help_heading = "Fields")]
pub(super) struct QueryOptions {
    /// Request these attribute groups: base (ids, state, name), cred
    /// (credentials), stat (times and sizes), cmdline, files, ident, ns, cgroup,
    /// io, signals, limits (resource limits), oom (order of the OOM killer), paths
    /// (exe, cwd, root), environ, sched (scheduling), nspid (pids in each pid
    /// namespace), vma and vma_stat (one row per memory mapping) [default: the
    /// groups of --columns and --sort, or base]
    #[arg(long, value_name = "GROUP,...")]
    pub(super) show: Option<Show>,

    /// Show these columns, as in ps -o: NAME or NAME=HEADING [default: some
    /// columns of each requested group]
    #[arg(short = 'o', long, value_name = "COLUMN,...")]
    pub(super) columns: Vec<ColumnList>,

    /// List the tasks in the pid namespace of this process, with their pids in
    /// that namespace; requires the right to read its /proc/PID/root, or
    /// CAP_SYS_ADMIN
    #[arg(long, value_name = "PID", value_parser = parse_arg)]
    pub(super) scope_pid: Option<Pid>,

    /// Select the transport
    #[arg(long, value_name = "TRANSPORT", value_enum, default_value_t)]
    pub(super) transport: TransportChoice,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputOptions {
    /// Select the output format
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,

    /// Sort by these columns; a minus sign selects descending order [default:
    /// the order of the kernel]
    #[arg(
        long,
        value_name = "[-]COLUMN,...",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(super) sort: Vec<SortKey>,

    /// Show children below their parents (table, json and ndjson)
    #[arg(long)]
    pub(super) tree: bool,

    /// Show users, groups and capability sets as numbers
    #[arg(long)]
    pub(super) numeric: bool,

    /// Omit the line of headings (table and csv)
    #[arg(long)]
    pub(super) no_headers: bool,

    /// Print statistics of the dump on standard error: tasks, receives, bytes,
    /// time, transport
    #[arg(long)]
    pub(super) stats: bool,
}

/// The columns of one `--columns` option.
#[derive(Clone, Debug)]
pub(super) struct ColumnList(pub(super) Vec<SelectedColumn>);

impl std::str::FromStr for ColumnList {
    type Err = ColumnError;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        columns::parse_list(list).map(Self)
    }
}

/// Output formats for rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns
    #[default]
    Table,
    /// One array of objects, written at the end
    Json,
    /// One object per line, written as rows arrive
    Ndjson,
    /// Comma-separated values, written as rows arrive
    Csv,
}

/// Values of `--transport`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TransportChoice {
    /// $TASKDIAG_TRANSPORT, or else the first transport in this order that shows all that
    /// you can read in /proc
    #[default]
    Auto,
    /// The generic netlink family TASKDIAG
    Netlink,
    /// The file /proc/task-diag
    File,
    /// The daemon taskdiagd, at /run/taskdiag.sock or $TASKDIAG_SOCKET
    Daemon,
    /// Files below /proc/PID: slow, but available on every kernel
    Procfs,
}

impl TransportChoice {
    /// The variable with the transport that `auto` selects.
    const VARIABLE: &str = "TASKDIAG_TRANSPORT";

    /// Returns the value of `TASKDIAG_TRANSPORT`: `auto` if it is not set or empty.
    ///
    /// # Errors
    ///
    /// Another value than those of `--transport`.
    pub(crate) fn from_env() -> Result<Self, String> {
        match env::var_os(Self::VARIABLE) {
            Some(value) if !value.is_empty() => Self::parse_variable(&value),
            _ => Ok(Self::Auto),
        }
    }

    fn parse_variable(value: &OsStr) -> Result<Self, String> {
        let text = value.to_string_lossy();
        Self::from_str(&text, false).map_err(|_| {
            format!(
                "invalid value {text:?} of {}: expected auto, netlink, file, daemon or procfs",
                Self::VARIABLE
            )
        })
    }

    /// Returns the transport to use, or `None` for the first complete one.
    pub(crate) fn kind(self) -> Option<TransportKind> {
        let choice = match self {
            // An invalid value was refused before.
            Self::Auto => Self::from_env().unwrap_or_default(),
            choice => choice,
        };
        Some(match choice {
            Self::Auto => return None,
            Self::Netlink => TransportKind::Netlink,
            Self::File => TransportKind::File,
            Self::Daemon => TransportKind::Daemon,
            Self::Procfs => TransportKind::Procfs,
        })
    }
}

impl TaskOptions {
    /// Returns the strategy of the option that was given.
    pub(super) fn strategy(&self) -> Strategy {
        let one_of = [
            self.pid.map(Strategy::One),
            self.children.map(Strategy::Children),
            self.threads.map(Strategy::Threads),
            self.descendants.map(Strategy::Descendants),
            self.all_threads.then_some(Strategy::AllThreads),
        ];
        // clap accepts exactly one option of the group: without any other, --all.
        one_of.into_iter().flatten().next().unwrap_or(Strategy::All)
    }

    /// Returns the process of `--maps` or `--smaps`, and the groups to request.
    pub(super) fn maps_request(&self) -> Option<(Pid, Show)> {
        let maps = self.maps.map(|pid| (pid, Show::VMA));
        let smaps = self.smaps.map(|pid| (pid, Show::VMA | Show::VMA_STAT));
        maps.or(smaps)
    }
}

impl OutputOptions {
    /// Rejects `--tree` with a format that has no trees.
    pub(super) fn check_tree(&self) -> Result<(), String> {
        match self.format {
            Format::Csv => {
                Err("--tree cannot be combined with --format csv; use table, json or ndjson")
            }
            _ => Ok(()),
        }
        .map_err(str::to_owned)
    }
}
