// SPDX-License-Identifier: MIT
//! The columns that `ps` shows, by the options that name sets of them.

use taskdiag::Show;

use super::args::{Dialect, Options, Threads};
use super::layout::Slot;
use crate::columns::{self, Align, Chosen, Column};
use crate::host;

/// A column of a line.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) slot: Slot,
    /// `None` for what the kernel does not tell: a dash.
    pub(super) column: Option<&'static Column>,
}

/// The columns for these options. `usual` is `$PS_FORMAT`.
pub(super) fn fields(options: &Options, usual: Option<&str>) -> Result<Vec<Field>, String> {
    let style = &options.style;
    let named = style.full || style.long || !style.bsd.is_empty();
    let modified =
        style.jobs || style.no_flags || style.processor || style.class || style.extra_full;
    if !options.columns.is_empty() || options.among.is_some() {
        if style.long || !style.bsd.is_empty() {
            return Err("conflicting format options".to_owned());
        }
        if modified {
            return Err("can not use output modifiers with user-defined output".to_owned());
        }
        return own(options);
    }
    if style.no_flags && !style.long {
        return Err("modifier -y without format -l makes no sense".to_owned());
    }
    if !named && !modified && options.threads == Threads::No {
        if let Some(list) = usual.filter(|list| !list.is_empty()) {
            return chosen(options, list);
        }
    }
    match style.bsd.as_slice() {
        [] => unix(options)
            .into_iter()
            .map(|name| field(options, name))
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

/// Those of `-o` and `-O`.
fn own(options: &Options) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    for list in &options.columns {
        fields.extend(chosen(options, list)?);
    }
    let Some((list, dialect)) = &options.among else {
        return Ok(fields);
    };
    let (time, command) = match dialect {
        Dialect::Unix => ("time", "command"),
        Dialect::Bsd => ("cputime", "comm"),
    };
    let mut among = vec![field(options, "pid")?];
    among.extend(chosen(options, list)?);
    for name in ["state", "tname", time, command] {
        among.push(field(options, name)?);
    }
    among.extend(fields);
    Ok(among)
}

fn chosen(options: &Options, list: &str) -> Result<Vec<Field>, String> {
    let chosen = columns::choose(list).map_err(|error| error.to_string())?;
    Ok(chosen
        .into_iter()
        .map(|chosen| place(options, &chosen))
        .collect())
}

fn bsd(options: &Options, names: &str) -> Result<Vec<Field>, String> {
    let mut names: Vec<&str> = names.split(' ').collect();
    let after = |names: &[&str], anchors: &[&str]| {
        let mut places = anchors.iter().filter_map(|anchor| {
            let place = names.iter().position(|name| name == anchor);
            place.map(|place| place + 1)
        });
        places.next()
    };
    match options.threads {
        Threads::Lwp => {
            if let Some(place) = after(&names, &["sid", "pgid", "ppid", "pid"]) {
                names.insert(place, "lwp");
            }
            if let Some(place) = after(&names, &["pcpu"]) {
                names.insert(place, "nlwp");
            }
        }
        Threads::Spid => {
            if let Some(place) = after(&names, &["pid"]) {
                names.insert(place, "spid");
            }
        }
        Threads::No | Threads::Plain => {}
    }
    names.into_iter().map(|name| field(options, name)).collect()
}

/// The sets of the options with a dash, which add up.
fn unix(options: &Options) -> Vec<&'static str> {
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

/// A column of a set, by the name it has there.
fn field(options: &Options, name: &str) -> Result<Field, String> {
    let dash = |heading: &str, width| Field {
        slot: Slot {
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
    let mut chosen = columns::find(if user { "user" } else { name }).map_err(|e| e.to_string())?;
    if user {
        "UID".clone_into(&mut chosen.heading);
    }
    Ok(place(options, &chosen))
}

fn place(options: &Options, chosen: &Chosen) -> Field {
    let column = chosen.column;
    let usual = match column.align {
        Align::Pid => host::pid_digits().max(column.name().len().min(5)),
        _ => column.width,
    };
    Field {
        slot: Slot {
            width: chosen.width.unwrap_or(usual.max(chosen.heading.len())),
            heading: chosen.heading.clone(),
            align: column.align,
        },
        column: Some(instead(options, column)),
    }
}

/// `c` shows the name in place of the arguments, `-f` the reverse.
fn instead(options: &Options, column: &'static Column) -> &'static Column {
    let name = match column.name() {
        "args" if options.true_name => "comm",
        "comm" if options.style.full => "args",
        _ => return column,
    };
    columns::find(name).map_or(column, |chosen| chosen.column)
}

/// The groups that these columns are of.
pub(super) fn groups(fields: &[Field]) -> Show {
    let columns = fields.iter().filter_map(|field| field.column);
    columns.map(|column| column.groups).collect()
}

#[cfg(test)]
mod tests {
    use super::super::args;
    use super::*;

    fn headings(line: &str) -> Result<String, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let fields = fields(&args::parse(&words)?, None)?;
        let headings: Vec<String> = fields.into_iter().map(|field| field.slot.heading).collect();
        Ok(headings.join(" "))
    }

    #[test]
    fn each_set_has_its_columns() {
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
    fn what_does_not_go_together_is_refused() {
        for (line, text) in [
            ("u -o pid", "conflicting format options"),
            ("u -f", "conflicting format options"),
            ("uj", "conflicting format options"),
            ("-y", "modifier -y without format -l makes no sense"),
            ("-j -o pid", "can not use output modifiers"),
            ("-o size_of_it", "there is no column \"size_of_it\""),
            ("-o wchan", "the kernel does not tell \"wchan\""),
        ] {
            let error = headings(line).expect_err(line);
            assert!(error.contains(text), "{line}: {error}");
        }
    }

    #[test]
    fn widths_are_those_of_ps_or_of_the_heading() {
        let widths = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let options = args::parse(&words).expect("options");
            let fields = fields(&options, None).expect("columns");
            fields
                .iter()
                .map(|field| field.slot.width)
                .collect::<Vec<_>>()
        };
        assert_eq!(widths("-o user,user:20,ni=NICENESS,rss="), [8, 20, 8, 5]);
        assert_eq!(widths("-o tname,stat,args,comm"), [8, 4, 27, 15]);
    }

    #[test]
    fn names_and_arguments_change_places() {
        let column = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let fields = fields(&args::parse(&words).expect("options"), None).expect("columns");
            fields
                .last()
                .and_then(|field| field.column)
                .map(Column::name)
        };
        assert_eq!(column("uc"), Some("comm"));
        assert_eq!(column("u"), Some("args"));
        assert_eq!(column("-e"), Some("comm"));
        assert_eq!(column("-f -o comm"), Some("args"));
    }
}
