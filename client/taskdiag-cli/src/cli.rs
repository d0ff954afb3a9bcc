// SPDX-License-Identifier: MIT
//! Parses the command line into a [`Job`].
//!
//! All usage errors are reported here, before the first request to the kernel.

mod args;
mod long_help;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, FromArgMatches};
use taskdiag::{Request, Scope, Show, Strategy};

use crate::columns::{self, SelectedColumn};
use crate::filter;
use crate::generate::{self, Artifact};
use crate::row_filter::RowFilter;
use crate::sort::SortKey;
use crate::watch::Watch;

use args::{CommandLine, Subcommand};
use long_help::long_help;

pub(crate) use args::{Format, TransportChoice};

/// A valid command line.
#[derive(Debug)]
pub(crate) enum Job {
    List(ListJob),
    Maps(MapsJob),
    Features {
        transport: TransportChoice,
        json: bool,
    },
    Doctor {
        json: bool,
    },
    /// Arguments of `ps`, which [`crate::ps`] parses.
    Ps(Vec<OsString>),
    Watch(Box<Watch>),
    Generate {
        artifact: Artifact,
        directory: PathBuf,
    },
}

/// Lists tasks or memory mappings in rows and columns.
#[derive(Debug)]
pub(crate) struct ListJob {
    pub(crate) request: Request<'static>,
    pub(crate) transport: TransportChoice,
    /// Conditions for which the kernel has no filter.
    pub(crate) row_filters: Vec<RowFilter>,
    pub(crate) columns: Vec<SelectedColumn>,
    pub(crate) sort: Vec<SortKey>,
    pub(crate) format: Format,
    pub(crate) tree: bool,
    pub(crate) numeric: bool,
    pub(crate) headers: bool,
    pub(crate) stats: bool,
}

impl ListJob {
    /// Whether each row is a memory mapping instead of a task.
    pub(crate) fn lists_mappings(&self) -> bool {
        self.columns
            .iter()
            .any(|selected| selected.column.per_mapping)
    }
}

/// Prints the memory mappings of a process in the text format of procfs.
#[derive(Debug)]
pub(crate) struct MapsJob {
    pub(crate) request: Request<'static>,
    pub(crate) transport: TransportChoice,
    pub(crate) stats: bool,
}

/// Parses a command line.
///
/// # Errors
///
/// Usage errors, and also `--help` and `--version`: clap returns their output as
/// an error whose exit status is 0.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Job, clap::Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some((word, rest)) = args.get(1..).and_then(<[_]>::split_first) {
        // ps has its own rules for all words, such as `--`, which clap removes.
        if word == "ps" {
            return Ok(Job::Ps(rest.to_vec()));
        }
    }
    let mut command = command().after_long_help(long_help());
    let line = command
        .try_get_matches_from_mut(args)
        .and_then(|matches| CommandLine::from_arg_matches(&matches))
        .map_err(|error| error.format(&mut command))?;
    line.into_job()
        .map_err(|conflict| command.error(ErrorKind::ArgumentConflict, conflict))
}

/// Writes manual pages or completions into a directory.
pub(crate) fn generate(artifact: Artifact, directory: &Path) -> io::Result<()> {
    generate::write(artifact, directory, command(), &long_help())
}

/// Returns the clap definition.
///
/// Negative numbers are values of the option before them, so that `--pid -1` is
/// reported as an invalid value rather than as an unknown option.
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

/// The error of `--maps` with a condition on rows.
const MAPS_FILTERS: &str = "\
--maps and --smaps accept only conditions that the kernel evaluates: state, uid= with one user, \
comm= with one name, cgroup=, pid= and vma=";

impl CommandLine {
    fn into_job(self) -> Result<Job, String> {
        match self.subcommand {
            Some(Subcommand::Features { json, transport }) => {
                return Ok(Job::Features { transport, json });
            }
            Some(Subcommand::Doctor { json }) => return Ok(Job::Doctor { json }),
            Some(Subcommand::Ps { args }) => return Ok(Job::Ps(args)),
            Some(Subcommand::Watch(watch)) => return Ok(Job::Watch(watch)),
            Some(Subcommand::Generate {
                artifact,
                directory,
            }) => {
                return Ok(Job::Generate {
                    artifact,
                    directory,
                });
            }
            None => {}
        }
        let Self {
            mut tasks,
            query,
            output,
            ..
        } = self;
        let conditions = std::mem::take(&mut tasks.filter).into_iter();
        let (filters, row_filters) = filter::combine(conditions.flat_map(|list| list.0).collect())?;
        let mapping_groups = Show::VMA | Show::VMA_STAT;
        let transport = query.transport;
        let scope = query.scope_pid.map_or(Scope::Own, Scope::Process);
        let about_mappings =
            filters.vma_flags.is_some() || row_filters.iter().any(RowFilter::is_of_mappings);
        let request = |strategy, show: Show| {
            if about_mappings && !show.intersects(mapping_groups) {
                return Err("--filter vma requires rows of memory mappings; add vma to --show");
            }
            let mut request = Request::new(strategy).show(show).scope(scope);
            request.filters = filters.clone();
            Ok(request)
        };
        if let Some((pid, show)) = tasks.maps_request() {
            if !row_filters.is_empty() {
                return Err(MAPS_FILTERS.to_owned());
            }
            return Ok(Job::Maps(MapsJob {
                request: request(Strategy::One(pid), show)?,
                transport,
                stats: output.stats,
            }));
        }

        let strategy = tasks.strategy();
        let selected: Vec<SelectedColumn> =
            query.columns.into_iter().flat_map(|list| list.0).collect();
        let mut show = required_groups(query.show, &selected, &output.sort)?;
        let columns = if selected.is_empty() {
            columns::default_columns(show, strategy)
        } else {
            selected
        };
        if output.tree {
            output.check_tree()?;
            // The tree is built from the parent pids in this group.
            show |= Show::BASE;
        }
        let mut request = request(strategy, show)?;
        // The conditions need more groups, but no columns.
        request.show = row_filters
            .iter()
            .fold(show, |show, filter| show | filter.groups());
        let rows = ListJob {
            request,
            row_filters,
            transport,
            columns,
            sort: output.sort,
            format: output.format,
            tree: output.tree,
            numeric: output.numeric,
            headers: !output.no_headers,
            stats: output.stats,
        };
        check_row_kind(&rows)?;
        Ok(Job::List(rows))
    }
}

/// Returns the groups to request: those of `--show`, or else those that the
/// columns and the sort keys need.
///
/// # Errors
///
/// Duplicate columns, and columns or sort keys whose groups `--show` omits.
fn required_groups(
    show: Option<Show>,
    columns: &[SelectedColumn],
    sort: &[SortKey],
) -> Result<Show, String> {
    for (index, selected) in columns.iter().enumerate() {
        let key = selected.key();
        if columns[..index].iter().any(|other| other.key() == key) {
            return Err(format!("duplicate column {key:?}"));
        }
    }

    let named = || columns.iter().chain(sort.iter().map(|key| &key.selected));
    let Some(show) = show else {
        let start = if columns.is_empty() {
            Show::BASE
        } else {
            Show::empty()
        };
        let show = named().fold(start, |show, selected| show | selected.column.groups);
        let mappings = named().any(|selected| selected.column.per_mapping);
        // Both groups contain the addresses, so one of them is sufficient.
        return Ok(if mappings && !show.intersects(Show::VMA_STAT) {
            show | Show::VMA
        } else {
            show
        });
    };
    match named().find(|selected| !show.contains(selected.column.groups)) {
        None => Ok(show),
        Some(SelectedColumn { name, column, .. }) => Err(format!(
            "column \"{name}\" requires the group {group}, which --show omits; \
             add {group} to --show, or remove --show",
            group = column.groups - show,
        )),
    }
}

/// Rejects columns and sort keys that do not match the kind of the rows: tasks
/// or memory mappings.
fn check_row_kind(rows: &ListJob) -> Result<(), String> {
    let is_sum = |selected: &&SelectedColumn| {
        !selected.column.per_mapping && selected.column.groups.contains(Show::VMA_STAT)
    };
    let keys = || rows.sort.iter().map(|key| &key.selected);
    if !rows.lists_mappings() {
        if rows.row_filters.iter().any(RowFilter::is_of_mappings) {
            return Err(
                "--filter vma!= requires columns of memory mappings, such as vm_start".to_owned(),
            );
        }
        return match keys().find(|selected| selected.column.per_mapping) {
            Some(key) => Err(format!(
                "cannot sort by {:?}: no column of memory mappings is shown",
                key.name
            )),
            None => Ok(()),
        };
    }
    if let Some(sum) = rows.columns.iter().chain(keys()).find(is_sum) {
        return Err(format!(
            "column {:?} is a sum over a process, but each row is one memory mapping",
            sum.name
        ));
    }
    if rows.tree {
        return Err(
            "--tree cannot be combined with rows of memory mappings (--show vma)".to_owned(),
        );
    }
    Ok(())
}
