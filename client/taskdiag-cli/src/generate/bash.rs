// SPDX-License-Identifier: MIT
//! Completions for bash.
//!
//! The script of clap_complete completes nothing behind a subcommand, and values
//! as names of files.

use std::io::{self, Write};

use clap::{Arg, Command};

use super::values::{self, Values};

const HEAD: &str = r#"# bash completion of taskdiag-cli

# Completes the last of some values that are separated by commas.
_taskdiag_cli_list() {
    local before=
    [[ $2 == *,* ]] && before=${2%,*},
    local last=${2##*,}
    [[ $3 == signed && $last == [-+]* ]] && before+=${last:0:1} last=${last:1}
    COMPREPLY=($(compgen -P "$before" -W "$1" -- "$last"))
}

_taskdiag_cli_pids() {
    COMPREPLY=($(compgen -W "$(cd /proc 2>/dev/null && echo [0-9]*)" -- "$1"))
}

"#;

const FUNCTION: &str = r#"_taskdiag_cli() {
    local cur=$2 prev=$3 command=
    COMPREPLY=()
    # An equals sign is a word of its own.
    [[ $cur == = ]] && cur= prev==
    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}
    if ((COMP_CWORD > 1)); then
        command=${COMP_WORDS[1]}
    fi
"#;

/// The options of `ps` that take values, and the values.
const PS: &str = r#"        ps)
            case $prev in
                -o|o|-O|O|k|--format) _taskdiag_cli_list "@COLUMNS@" "$cur" ;;
                --sort) _taskdiag_cli_list "@COLUMNS@" "$cur" signed ;;
                -p|p|-q|q|--pid|--quick-pid|--ppid|-s|--sid) _taskdiag_cli_pids "$cur" ;;
                -u|U|-U|--user|--User) COMPREPLY=($(compgen -u -- "$cur")) ;;
                -g|-G|--group|--Group) COMPREPLY=($(compgen -g -- "$cur")) ;;
                --transport) COMPREPLY=($(compgen -W "@TRANSPORTS@" -- "$cur")) ;;
                *) COMPREPLY=($(compgen -W "@OPTIONS@" -- "$cur")) ;;
            esac
            return
            ;;
"#;

const PS_OPTIONS: &str = "aux axf -A -a -d -e -f -F -j -l -L -N -p -q -s -t -u -U -g -G -C -o -O -w -H --cols \
                          --columns --deselect --forest --format --group --Group --headers --lines \
                          --no-headers --pid --ppid --quick-pid --rows --sid --sort --transport --tty \
                          --user --User --width";

/// Writes the script.
pub(super) fn write(out: &mut impl Write, command: &Command) -> io::Result<()> {
    out.write_all(HEAD.as_bytes())?;
    out.write_all(FUNCTION.as_bytes())?;
    writeln!(out, "    case $command in")?;
    for subcommand in visible(command) {
        if subcommand.get_name() == "ps" {
            let columns = values::columns();
            let ps = PS.replace("@COLUMNS@", &columns);
            let ps = ps.replace("@TRANSPORTS@", &transports(command));
            out.write_all(ps.replace("@OPTIONS@", PS_OPTIONS).as_bytes())?;
            continue;
        }
        writeln!(out, "        {})", subcommand.get_name())?;
        write_options(out, subcommand, "            ")?;
        writeln!(out, "            return\n            ;;")?;
    }
    writeln!(out, "    esac")?;
    write_options(out, command, "    ")?;
    writeln!(out, "}}\n\ncomplete -F _taskdiag_cli taskdiag-cli")
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set())
}

/// Writes the completion of the options of a command, and of their values.
fn write_options(out: &mut impl Write, command: &Command, indent: &str) -> io::Result<()> {
    writeln!(out, "{indent}case $prev in")?;
    for arg in command.get_arguments() {
        let Some(values) = values::of(arg) else {
            continue;
        };
        let names = names(arg).join("|");
        writeln!(out, "{indent}    {names}) {} ;;", complete(&values))?;
    }
    let mut words: Vec<String> = command.get_arguments().flat_map(names).collect();
    writeln!(out, "{indent}    *)")?;
    if words.iter().any(|word| word == "--filter") {
        writeln!(
            out,
            "{indent}        [[ $prev == uid ]] && COMPREPLY=($(compgen -u -- \"$cur\")) && return"
        )?;
        writeln!(
            out,
            "{indent}        [[ $prev == gid ]] && COMPREPLY=($(compgen -g -- \"$cur\")) && return"
        )?;
        writeln!(
            out,
            "{indent}        [[ $prev == pid || $prev == ppid ]] && _taskdiag_cli_pids \"$cur\" && return"
        )?;
    }
    let subcommands: Vec<&str> = visible(command).map(Command::get_name).collect();
    if !subcommands.is_empty() {
        let subcommands = subcommands.join(" ");
        writeln!(
            out,
            "{indent}        ((COMP_CWORD == 1)) && COMPREPLY=($(compgen -W \"{subcommands}\" -- \"$cur\"))"
        )?;
    }
    words.sort_by_key(|word| !word.starts_with("--"));
    writeln!(
        out,
        "{indent}        COMPREPLY+=($(compgen -W \"{}\" -- \"$cur\"))\n{indent}        ;;",
        words.join(" ")
    )?;
    writeln!(out, "{indent}esac")
}

fn names(arg: &Arg) -> Vec<String> {
    let long = arg.get_long().map(|name| format!("--{name}"));
    let short = arg.get_short().map(|name| format!("-{name}"));
    long.into_iter().chain(short).collect()
}

fn complete(values: &Values) -> String {
    match values {
        Values::None => "COMPREPLY=()".to_owned(),
        Values::Pids => "_taskdiag_cli_pids \"$cur\"".to_owned(),
        Values::Users => "COMPREPLY=($(compgen -u -- \"$cur\"))".to_owned(),
        Values::Words(words) => format!("COMPREPLY=($(compgen -W \"{words}\" -- \"$cur\"))"),
        Values::List(words) => format!("_taskdiag_cli_list \"{words}\" \"$cur\""),
        Values::SignedList(words) => format!("_taskdiag_cli_list \"{words}\" \"$cur\" signed"),
        Values::Conditions(words) => {
            format!("_taskdiag_cli_list \"{words}\" \"$cur\"; compopt -o nospace 2>/dev/null")
        }
    }
}

fn transports(command: &Command) -> String {
    let arg = command
        .get_arguments()
        .find(|arg| arg.get_id() == "transport");
    match arg.and_then(values::of) {
        Some(Values::Words(words)) => words,
        _ => String::new(),
    }
}
