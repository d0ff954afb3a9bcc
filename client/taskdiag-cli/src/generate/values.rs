// SPDX-License-Identifier: MIT
//! The values of options that shells complete, by the name of the value.

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, ValueHint};
use taskdiag::Show;
use taskdiag::events::Events;

use crate::columns;

/// The values of an option, separated by blanks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Any text.
    None,
    Pids,
    Users,
    Words(String),
    /// Words that are separated by commas.
    List(String),
    /// Words that are separated by commas, each with a sign.
    SignedList(String),
    /// The beginnings of conditions.
    Conditions(String),
}

/// Returns the values of an option; `None` if it has no values.
pub(super) fn of(arg: &Arg) -> Option<Values> {
    if !arg.get_action().takes_values() || arg.is_positional() {
        return None;
    }
    let words = arg.get_possible_values();
    if !words.is_empty() {
        let words: Vec<&str> = words.iter().map(|value| value.get_name()).collect();
        return Some(Values::Words(words.join(" ")));
    }
    let name = arg.get_value_names().and_then(<[_]>::first);
    Some(match name.map(|name| name.as_str()).unwrap_or_default() {
        "PID" => Values::Pids,
        "USER" => Values::Users,
        "GROUP,..." => Values::List(separated(&Show::all().to_string())),
        "EVENT,..." => Values::List(separated(&Events::all().to_string())),
        "COLUMN,..." => Values::List(columns()),
        "[-]COLUMN,..." => Values::SignedList(columns()),
        "KEY=VALUE,..." => Values::Conditions(CONDITIONS.to_owned()),
        _ => Values::None,
    })
}

/// The keys of `--filter`.
const CONDITIONS: &str = "uid= state= comm= cgroup= pid= vma= gid= ppid= tty= args=";

/// Returns the names of all columns.
pub(super) fn columns() -> String {
    columns::column_names().collect::<Vec<_>>().join(" ")
}

fn separated(list: &str) -> String {
    list.replace(',', " ")
}

/// Sets the values of all options, for the completions of zsh and fish. No option has
/// the name of a file.
pub(super) fn set(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let words = match of(&arg) {
                None | Some(Values::Words(_)) => return arg,
                Some(Values::Users) => return arg.value_hint(ValueHint::Username),
                Some(Values::None | Values::Pids | Values::Conditions(_)) => {
                    return arg.value_hint(ValueHint::Other);
                }
                Some(Values::List(words) | Values::SignedList(words)) => words,
            };
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            arg.value_parser(PossibleValuesParser::new(words))
        })
        .mut_subcommands(set)
}
