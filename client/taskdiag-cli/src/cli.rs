// SPDX-License-Identifier: MIT
//! The command line, and what it comes to.
//!
//! Everything that can be wrong with a command line is found here, before
//! the kernel is asked anything.

mod args;
mod details;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, FromArgMatches};
use taskdiag::{Request, Scope, Show, Strategy};

use crate::columns::{self, Chosen};
use crate::filter;
use crate::generate::{self, What};
use crate::sort::Key;
use crate::watch::Watch;

use args::{CommandLine, Other};
use details::details;

pub(crate) use args::{Ask, Format};

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
    pub(crate) request: Request<'static>,
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
    pub(crate) request: Request<'static>,
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
