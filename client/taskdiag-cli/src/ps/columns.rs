// SPDX-License-Identifier: MIT
//! Selects the columns of `ps`: predefined sets, and columns of `-o` and `-O`.

use taskdiag::Show;

use super::args::{Dialect, PsOptions, Threads};
use super::layout::LayoutColumn;
use crate::columns::{self, Align, Column, SelectedColumn};
use crate::host;

/// A column of the output of `ps`.
#[derive(Clone, Debug)]
pub(super) struct PsColumn {
    pub(super) layout: LayoutColumn,
    /// `None` for data that task_diag does not report, which is shown as a dash.
    pub(super) column: Option<&'static Column>,
}

/// Returns the columns for these options. `default` is the list in `$PS_FORMAT`.
pub(super) fn for_options(
    options: &PsOptions,
    default: Option<&str>,
) -> Result<Vec<PsColumn>, String> {
    let style = &options.style;
    let named = style.full || style.long || !style.bsd.is_empty();
    let modified =
        style.jobs || style.no_flags || style.processor || style.class || style.extra_full;
    if !options.columns.is_empty() || options.extra_columns.is_some() {
        if style.long || !style.bsd.is_empty() {
            return Err("conflicting format options".to_owned());
        }
        if modified {
            return Err("can not use output modifiers with user-defined output".to_owned());
        }
        return requested(options);
    }
    if style.no_flags && !style.long {
        return Err("modifier -y without format -l makes no sense".to_owned());
    }
    if !named && !modified && options.threads == Threads::No {
        if let Some(list) = default.filter(|list| !list.is_empty()) {
            return selected(options, list);
        }
    }
    match style.bsd.as_slice() {
        [] => unix(options)
            .into_iter()
            .map(|name| column(options, name))
            .collect(),
        [_, ..] if style.full || style.long => Err("conflicting format options".to_owned()),
        ['u'] => bsd(
            options,
            "user pid pcpu pmem vsz rss tname stat start_time bsdtime args",
        ),
        ['j'] => bsd(
            options,
            "ppid pid pgid sid tname tpgid stat uid bsdtime args",
        ),
        ['l'] => bsd(
            options,
            "f uid pid ppid priority ni vsz rss wchan stat tname bsdtime args",
        ),
        _ => Err("conflicting format options".to_owned()),
    }
}

/// Returns the columns of `-o` and `-O`.
fn requested(options: &PsOptions) -> Result<Vec<PsColumn>, String> {
    let mut columns = Vec::new();
    for list in &options.columns {
        columns.extend(selected(options, list)?);
    }
    let Some((list, dialect)) = &options.extra_columns else {
        return Ok(columns);
    };
    let (time, command) = match dialect {
        Dialect::Unix => ("time", "command"),
        Dialect::Bsd => ("cputime", "comm"),
    };
    let mut extra = vec![column(options, "pid")?];
    extra.extend(selected(options, list)?);
    for name in ["state", "tname", time, command] {
        extra.push(column(options, name)?);
    }
    extra.extend(columns);
    Ok(extra)
}

/// Parses a list of columns.
fn selected(options: &PsOptions, list: &str) -> Result<Vec<PsColumn>, String> {
    let selected = columns::parse_list(list).map_err(|error| error.to_string())?;
    Ok(selected
        .into_iter()
        .map(|selected| with_layout(options, &selected))
        .collect())
}

/// Returns a set of the BSD options, with the columns of threads inserted.
fn bsd(options: &PsOptions, names: &str) -> Result<Vec<PsColumn>, String> {
    let mut names: Vec<&str> = names.split(' ').collect();
    let after = |names: &[&str], anchors: &[&str]| {
        let mut indices = anchors.iter().filter_map(|anchor| {
            let index = names.iter().position(|name| name == anchor);
            index.map(|index| index + 1)
        });
        indices.next()
    };
    match options.threads {
        Threads::Lwp => {
            if let Some(index) = after(&names, &["sid", "pgid", "ppid", "pid"]) {
                names.insert(index, "lwp");
            }
            if let Some(index) = after(&names, &["pcpu"]) {
                names.insert(index, "nlwp");
            }
        }
        Threads::Spid => {
            if let Some(index) = after(&names, &["pid"]) {
                names.insert(index, "spid");
            }
        }
        Threads::No | Threads::Plain => {}
    }
    names
        .into_iter()
        .map(|name| column(options, name))
        .collect()
}

/// Returns the union of the sets of the UNIX options.
fn unix(options: &PsOptions) -> Vec<&'static str> {
    let style = &options.style;
    let either = style.full || style.long;
    let (lwp, spid) = (
        options.threads == Threads::Lwp,
        options.threads == Threads::Spid,
    );
    let address = if style.no_flags { "rss" } else { "addr" };
    let resident = style.extra_full && !(style.long && style.no_flags);
    let command = match (options.bsd, style.full || style.long) {
        (true, true) => "cmd",
        (true, false) => "args",
        (false, _) if style.full => "cmd",
        (false, _) => "ucmd",
    };
    [
        (style.long && !style.no_flags, "f"),
        (style.long, "s"),
        (style.full, "uid_hack"),
        (style.long && !style.full, "uid"),
        (true, "pid"),
        (spid, "spid"),
        (either, "ppid"),
        (style.jobs, "pgid"),
        (style.jobs, "sid"),
        (lwp, "lwp"),
        (style.processor, "psr"),
        (either && !style.class, "c"),
        (lwp && style.full, "nlwp"),
        (style.class, "class"),
        (style.class, "pri"),
        (style.long && !style.class, "opri"),
        (style.long && !style.class, "ni"),
        (style.long, address),
        (style.extra_full || style.long, "sz"),
        (style.long, "wchan"),
        (resident, "rss"),
        (style.extra_full && !style.processor, "psr"),
        (style.full, "stime"),
        (true, "tname"),
        (options.bsd && !style.long, "stat"),
        (options.bsd, "bsdtime"),
        (!options.bsd, "time"),
        (true, command),
    ]
    .into_iter()
    .filter_map(|(shown, name)| shown.then_some(name))
    .collect()
}

/// Returns a column of a predefined set.
fn column(options: &PsOptions, name: &str) -> Result<PsColumn, String> {
    let dash = |heading: &str, width| PsColumn {
        layout: LayoutColumn {
            heading: heading.to_owned(),
            width,
            align: Align::Left,
        },
        column: None,
    };
    match name {
        "addr" => return Ok(dash("ADDR", 1)),
        "wchan" => return Ok(dash("WCHAN", 6)),
        _ => {}
    }
    let user = name == "uid_hack";
    let mut selected =
        columns::find(if user { "user" } else { name }).map_err(|e| e.to_string())?;
    if user {
        "UID".clone_into(&mut selected.heading);
    }
    Ok(with_layout(options, &selected))
}

fn with_layout(options: &PsOptions, selected: &SelectedColumn) -> PsColumn {
    let column = selected.column;
    let default = match column.align {
        Align::Pid => host::pid_digits().max(column.name().len().min(5)),
        _ => column.width,
    };
    PsColumn {
        layout: LayoutColumn {
            width: selected
                .width
                .unwrap_or(default.max(selected.heading.len())),
            heading: selected.heading.clone(),
            align: column.align,
        },
        column: Some(replacement(options, column)),
    }
}

/// Replaces the arguments by the name (`c`), or the name by the arguments (`-f`).
fn replacement(options: &PsOptions, column: &'static Column) -> &'static Column {
    let name = match column.name() {
        "args" if options.true_name => "comm",
        "comm" if options.style.full => "args",
        _ => return column,
    };
    columns::find(name).map_or(column, |selected| selected.column)
}

/// Returns the groups that these columns need.
pub(super) fn groups(columns: &[PsColumn]) -> Show {
    let columns = columns.iter().filter_map(|column| column.column);
    columns.map(|column| column.groups).collect()
}

#[cfg(test)]
mod tests {
    use super::super::args;
    use super::*;

    fn columns(line: &str) -> Result<Vec<PsColumn>, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        for_options(&args::parse(&args)?, None)
    }

    fn headings(line: &str) -> Result<String, String> {
        let columns = columns(line)?;
        let headings: Vec<String> = columns
            .into_iter()
            .map(|column| column.layout.heading)
            .collect();
        Ok(headings.join(" "))
    }

    #[test]
    fn format_options_select_columns() {
        for (line, expected) in [
            ("", "PID TTY TIME CMD"),
            ("x", "PID TTY STAT TIME COMMAND"),
            (
                "aux",
                "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND",
            ),
            ("-ef", "UID PID PPID C STIME TTY TIME CMD"),
            ("ax -f", "UID PID PPID C STIME TTY STAT TIME CMD"),
            ("-l", "F S UID PID PPID C PRI NI ADDR SZ WCHAN TTY TIME CMD"),
            ("-ly", "S UID PID PPID C PRI NI RSS SZ WCHAN TTY TIME CMD"),
            ("-cl", "F S UID PID PPID CLS PRI ADDR SZ WCHAN TTY TIME CMD"),
            ("-c", "PID CLS PRI TTY TIME CMD"),
            ("-eF", "UID PID PPID C SZ RSS PSR STIME TTY TIME CMD"),
            ("-j", "PID PGID SID TTY TIME CMD"),
            ("-L", "PID LWP TTY TIME CMD"),
            ("-fL", "UID PID PPID LWP C NLWP STIME TTY TIME CMD"),
            ("-T", "PID SPID TTY TIME CMD"),
            ("j", "PPID PID PGID SID TTY TPGID STAT UID TIME COMMAND"),
            (
                "l",
                "F UID PID PPID PRI NI VSZ RSS WCHAN STAT TTY TIME COMMAND",
            ),
            ("-O rss", "PID RSS S TTY TIME COMMAND"),
            ("-o pid=,comm=NAME -o args", " NAME COMMAND"),
        ] {
            assert_eq!(headings(line).as_deref(), Ok(expected), "{line}");
        }
    }

    #[test]
    fn conflicting_format_options_are_rejected() {
        for (line, text) in [
            ("u -o pid", "conflicting format options"),
            ("u -f", "conflicting format options"),
            ("uj", "conflicting format options"),
            ("-y", "modifier -y without format -l makes no sense"),
            ("-j -o pid", "can not use output modifiers"),
            ("-o size_of_it", "unknown column \"size_of_it\""),
            ("-o wchan", "column \"wchan\" is not available"),
        ] {
            let error = headings(line).expect_err(line);
            assert!(error.contains(text), "{line}: {error}");
        }
    }

    #[test]
    fn width_is_that_of_ps_or_of_the_heading() {
        let widths = |line: &str| {
            let columns = columns(line).expect(line);
            columns
                .iter()
                .map(|column| column.layout.width)
                .collect::<Vec<_>>()
        };
        assert_eq!(widths("-o user,user:20,ni=NICENESS,rss="), [8, 20, 8, 5]);
        assert_eq!(widths("-o tname,stat,args,comm"), [8, 4, 27, 15]);
    }

    #[test]
    fn c_and_f_exchange_comm_and_args() {
        let column = |line: &str| {
            let columns = columns(line).expect(line);
            columns
                .last()
                .and_then(|column| column.column)
                .map(Column::name)
        };
        assert_eq!(column("uc"), Some("comm"));
        assert_eq!(column("u"), Some("args"));
        assert_eq!(column("-e"), Some("comm"));
        assert_eq!(column("-f -o comm"), Some("args"));
    }
}
