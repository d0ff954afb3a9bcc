// SPDX-License-Identifier: MIT
//! What can be said on the command line.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use taskdiag::{Pid, Show, Strategy, TransportKind};

use crate::columns::{self, BadColumn, Chosen};
use crate::filter::Condition;
use crate::generate::What;
use crate::pid::pid;
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
pub(super) struct CommandLine {
    #[command(subcommand)]
    pub(super) other: Option<Other>,
    #[command(flatten)]
    pub(super) tasks: Tasks,
    #[command(flatten)]
    pub(super) facts: Facts,
    #[command(flatten)]
    pub(super) view: View,
}

#[derive(Debug, Subcommand)]
pub(super) enum Other {
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
pub(super) struct Tasks {
    /// Every process
    #[arg(long, group = "strategy")]
    pub(super) all: bool,

    /// Every thread of every process
    #[arg(long, group = "strategy")]
    pub(super) all_threads: bool,

    /// One process or thread
    #[arg(long, value_name = "PID", group = "strategy", value_parser = pid)]
    pub(super) pid: Option<Pid>,

    /// The children of a process
    #[arg(long, value_name = "PID", group = "strategy", value_parser = pid)]
    pub(super) children: Option<Pid>,

    /// The threads of a process
    #[arg(long, value_name = "PID", group = "strategy", value_parser = pid)]
    pub(super) threads: Option<Pid>,

    /// The children of a process, theirs, and so on
    #[arg(long, value_name = "PID", group = "strategy", value_parser = pid)]
    pub(super) descendants: Option<Pid>,

    /// The areas of a process's memory, as /proc/PID/maps has them
    #[arg(long, value_name = "PID", group = "strategy", value_parser = pid,
          conflicts_with_all = ROWS)]
    pub(super) maps: Option<Pid>,

    /// Likewise with what is there of them, as /proc/PID/smaps
    #[arg(long, value_name = "PID", group = "strategy", value_parser = pid,
          conflicts_with_all = ROWS)]
    pub(super) smaps: Option<Pid>,

    /// Of these only those that all conditions hold for: uid=USER, state=RD,
    /// comm=BEGINNING, cgroup=PATH, pid=1+2; and of areas vma=exec+file
    #[arg(long, value_name = "KEY=VALUE,...", value_delimiter = ',')]
    pub(super) filter: Vec<Condition>,
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
pub(super) struct Facts {
    /// Groups of facts to ask for, between commas: base (who a task is), cred
    /// (its credentials), stat (times and sizes), cmdline, files, ident, ns,
    /// cgroup, vma and vma_stat (its memory, a row an area) [default: what
    /// --columns and --sort need, or base]
    #[arg(long, value_name = "GROUP,...")]
    pub(super) show: Option<Show>,

    /// Columns to show, as ps -o has them: NAME, NAME=HEADING [default: a few
    /// of each group shown]
    #[arg(short = 'o', long, value_name = "COLUMN,...")]
    pub(super) columns: Vec<Columns>,

    /// Ask as seen from this process's pid namespace: its tasks, with their
    /// numbers there. Needs CAP_SYS_ADMIN
    #[arg(long, value_name = "PID", value_parser = pid)]
    pub(super) scope_pid: Option<Pid>,

    /// How to ask
    #[arg(long, value_name = "WAY", value_enum, default_value_t)]
    pub(super) transport: Ask,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "How to show it")]
pub(super) struct View {
    /// What to write
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,

    /// Sort by these columns, with a minus from the highest value down
    /// [default: the kernel's order]
    #[arg(
        long,
        value_name = "[-]COLUMN,...",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(super) sort: Vec<Key>,

    /// Put children below their parents (table, json and ndjson)
    #[arg(long)]
    pub(super) tree: bool,

    /// Leave users, groups and capability sets as numbers
    #[arg(long)]
    pub(super) numeric: bool,

    /// Leave out the line of headers (table and csv)
    #[arg(long)]
    pub(super) no_headers: bool,

    /// Tell on standard error what the dump took: tasks, receives, bytes, time
    #[arg(long)]
    pub(super) stats: bool,
}

/// A list of columns, as one `--columns` has it.
#[derive(Clone, Debug)]
pub(super) struct Columns(pub(super) Vec<Chosen>);

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
    pub(crate) fn way(self) -> Option<TransportKind> {
        Some(match self {
            Self::Auto => return None,
            Self::Netlink => TransportKind::Netlink,
            Self::File => TransportKind::File,
            Self::Daemon => TransportKind::Daemon,
            Self::Procfs => TransportKind::Procfs,
        })
    }
}

impl Tasks {
    pub(super) fn strategy(&self) -> Strategy {
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
    pub(super) fn memory(&self) -> Option<(Pid, Show)> {
        let maps = self.maps.map(|pid| (pid, Show::VMA));
        let smaps = self.smaps.map(|pid| (pid, Show::VMA | Show::VMA_STAT));
        maps.or(smaps)
    }
}

impl View {
    pub(super) fn check_tree(&self) -> Result<(), String> {
        match self.format {
            Format::Csv => Err("--tree: there are no trees in CSV; take table, json or ndjson"),
            _ => Ok(()),
        }
        .map_err(str::to_owned)
    }
}
