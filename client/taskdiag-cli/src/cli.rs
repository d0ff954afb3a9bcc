// SPDX-License-Identifier: MIT
//! The command line, and what it comes to.
//!
//! Everything that can be wrong with a command line is found here, before
//! the kernel is asked anything.

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
use crate::sort::SortKey;
use crate::watch::Watch;

use args::{CommandLine, Subcommand};
use long_help::long_help;

pub(crate) use args::{Format, TransportChoice};

/// A command line that makes sense.
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
    /// What is said to `ps` is for its own parser.
    Ps(Vec<String>),
    Watch(Box<Watch>),
    Generate {
        artifact: Artifact,
        directory: PathBuf,
    },
}

/// Tasks are to be shown, in rows and columns.
#[derive(Debug)]
pub(crate) struct ListJob {
    pub(crate) request: Request<'static>,
    pub(crate) transport: TransportChoice,
    pub(crate) columns: Vec<SelectedColumn>,
    pub(crate) sort: Vec<SortKey>,
    pub(crate) format: Format,
    pub(crate) tree: bool,
    pub(crate) numeric: bool,
    pub(crate) headers: bool,
    pub(crate) stats: bool,
}

impl ListJob {
    /// Whether a row is an area of memory, and not a task.
    pub(crate) fn lists_mappings(&self) -> bool {
        self.columns
            .iter()
            .any(|selected| selected.column.per_mapping)
    }
}

/// The memory of a process is to be shown, in the text of procfs.
#[derive(Debug)]
pub(crate) struct MapsJob {
    pub(crate) request: Request<'static>,
    pub(crate) transport: TransportChoice,
    pub(crate) stats: bool,
}

/// Reads a command line. `--help` and `--version` are errors too, as clap
/// has it; they know that they are none.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Job, clap::Error> {
    let mut command = command().after_long_help(long_help());
    let line = command
        .try_get_matches_from_mut(words)
        .and_then(|matches| CommandLine::from_arg_matches(&matches))
        .map_err(|error| error.format(&mut command))?;
    line.into_job()
        .map_err(|conflict| command.error(ErrorKind::ArgumentConflict, conflict))
}

/// Writes files made of the command line.
pub(crate) fn generate(artifact: Artifact, directory: &Path) -> io::Result<()> {
    generate::write(artifact, directory, command(), &long_help())
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
    fn into_job(self) -> Result<Job, String> {
        match self.subcommand {
            Some(Subcommand::Features { json, transport }) => {
                return Ok(Job::Features { transport, json });
            }
            Some(Subcommand::Doctor { json }) => return Ok(Job::Doctor { json }),
            Some(Subcommand::Ps { words }) => return Ok(Job::Ps(words)),
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
        let filters = filter::combine(std::mem::take(&mut tasks.filter))?;
        let mapping_groups = Show::VMA | Show::VMA_STAT;
        let transport = query.transport;
        let scope = query.scope_pid.map_or(Scope::Own, Scope::Process);
        let request = |strategy, show: Show| {
            if filters.vma_flags.is_some() && !show.intersects(mapping_groups) {
                return Err("the filter vma is of areas, and none are shown: add vma to --show");
            }
            let mut request = Request::new(strategy).show(show).scope(scope);
            request.filters = filters.clone();
            Ok(request)
        };
        if let Some((pid, show)) = tasks.maps_request() {
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
            // The parents are what it is made of.
            show |= Show::BASE;
        }
        let rows = ListJob {
            request: request(strategy, show)?,
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

/// The groups to ask for.
///
/// Who names columns means them, and the groups follow; who names the groups
/// too gets these, and is told if the two do not go together.
fn required_groups(
    show: Option<Show>,
    columns: &[SelectedColumn],
    sort: &[SortKey],
) -> Result<Show, String> {
    for (index, selected) in columns.iter().enumerate() {
        let key = selected.key();
        if columns[..index].iter().any(|other| other.key() == key) {
            return Err(format!("column {key:?} is named twice"));
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
        let areas = named().any(|selected| selected.column.per_mapping);
        // Where an area is, either group says.
        return Ok(if areas && !show.intersects(Show::VMA_STAT) {
            show | Show::VMA
        } else {
            show
        });
    };
    match named().find(|selected| !show.contains(selected.column.groups)) {
        None => Ok(show),
        Some(SelectedColumn { name, column, .. }) => Err(format!(
            "column \"{name}\" is of the group {group}, which --show leaves out: \
             add {group} to --show, or drop --show",
            group = column.groups - show,
        )),
    }
}

/// A row is a task or an area, and columns and keys are of the one or of the
/// other.
fn check_row_kind(rows: &ListJob) -> Result<(), String> {
    let sums = |selected: &&SelectedColumn| {
        !selected.column.per_mapping && selected.column.groups.contains(Show::VMA_STAT)
    };
    let keys = || rows.sort.iter().map(|key| &key.selected);
    if !rows.lists_mappings() {
        return match keys().find(|selected| selected.column.per_mapping) {
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
