// SPDX-License-Identifier: MIT
//! The one table of columns: their names, the group they are of, their value.
//!
//! Names and meanings are those of `ps`, which is what fingers know: `pid` is
//! the process, `user` and `uid` are effective.

use std::fmt::Write as _;
use std::str::FromStr;

use taskdiag::{Show, Strategy};

use crate::row::Row;
use crate::value::Value;

/// A column that can be asked for.
#[derive(Debug)]
pub(crate) struct Column {
    /// The names it goes by, the usual one first.
    names: &'static [&'static str],
    /// The group its values come from; empty for what comes with every task.
    pub(crate) group: Show,
    about: &'static str,
    get: Get,
}

/// What kind of value the column has, and where a row has it. The kind is
/// part of the column, so that no two rows can differ in it.
#[derive(Debug)]
enum Get {
    Number(fn(&Row) -> Option<u32>),
    Bits(fn(&Row) -> Option<u32>),
    Flag(fn(&Row) -> Option<bool>),
    State(fn(&Row) -> Option<taskdiag::State>),
    Comm(fn(&Row) -> Option<taskdiag::Comm>),
    User(fn(&Row) -> Option<u32>),
    Group(fn(&Row) -> Option<u32>),
    Caps(fn(&Row) -> Option<taskdiag::CapSet>),
}

const fn column(
    names: &'static [&'static str],
    group: Show,
    get: Get,
    about: &'static str,
) -> Column {
    Column {
        names,
        group,
        about,
        get,
    }
}

const NONE: Show = Show::empty();
const BASE: Show = Show::BASE;
const CRED: Show = Show::CRED;

#[rustfmt::skip]
static COLUMNS: [Column; 31] = [
    column(&["pid", "tgid"], NONE, Get::Number(|row| Some(row.tgid)), "process"),
    column(&["tid", "lwp", "spid"], NONE, Get::Number(|row| Some(row.tid)), "thread; its process's number for the first"),

    column(&["ppid"], BASE, Get::Number(|row| Some(row.base?.ppid)), "parent process"),
    column(&["tpid", "tracer"], BASE, Get::Number(|row| Some(row.base?.tpid)), "task that traces it, 0 for none"),
    column(&["pgid", "pgrp"], BASE, Get::Number(|row| Some(row.base?.pgid)), "process group"),
    column(&["sid", "sess", "session"], BASE, Get::Number(|row| Some(row.base?.sid)), "session"),
    column(&["state", "s", "stat"], BASE, Get::State(|row| Some(row.base?.state)), "state: one of RSDTtXZPI, as in ps"),
    column(&["comm", "ucmd", "ucomm"], BASE, Get::Comm(|row| Some(row.base?.comm)), "name, 15 bytes at most"),

    column(&["user", "euser"], CRED, Get::User(|row| Some(row.cred?.euid)), "effective user"),
    column(&["ruser"], CRED, Get::User(|row| Some(row.cred?.uid)), "real user"),
    column(&["suser", "svuser"], CRED, Get::User(|row| Some(row.cred?.suid)), "saved user"),
    column(&["fuser"], CRED, Get::User(|row| Some(row.cred?.fsuid)), "user for file access"),
    column(&["uid", "euid"], CRED, Get::Number(|row| Some(row.cred?.euid)), "effective user id"),
    column(&["ruid"], CRED, Get::Number(|row| Some(row.cred?.uid)), "real user id"),
    column(&["suid", "svuid"], CRED, Get::Number(|row| Some(row.cred?.suid)), "saved user id"),
    column(&["fsuid", "fuid"], CRED, Get::Number(|row| Some(row.cred?.fsuid)), "user id for file access"),
    column(&["group", "egroup"], CRED, Get::Group(|row| Some(row.cred?.egid)), "effective group"),
    column(&["rgroup"], CRED, Get::Group(|row| Some(row.cred?.gid)), "real group"),
    column(&["sgroup", "svgroup"], CRED, Get::Group(|row| Some(row.cred?.sgid)), "saved group"),
    column(&["fgroup"], CRED, Get::Group(|row| Some(row.cred?.fsgid)), "group for file access"),
    column(&["gid", "egid"], CRED, Get::Number(|row| Some(row.cred?.egid)), "effective group id"),
    column(&["rgid"], CRED, Get::Number(|row| Some(row.cred?.gid)), "real group id"),
    column(&["sgid", "svgid"], CRED, Get::Number(|row| Some(row.cred?.sgid)), "saved group id"),
    column(&["fsgid", "fgid"], CRED, Get::Number(|row| Some(row.cred?.fsgid)), "group id for file access"),
    column(&["capeff", "caps"], CRED, Get::Caps(|row| Some(row.cred?.cap_effective)), "effective capabilities"),
    column(&["capprm"], CRED, Get::Caps(|row| Some(row.cred?.cap_permitted)), "permitted capabilities"),
    column(&["capinh"], CRED, Get::Caps(|row| Some(row.cred?.cap_inheritable)), "inheritable capabilities"),
    column(&["capbnd"], CRED, Get::Caps(|row| Some(row.cred?.cap_bset)), "capability bounding set"),
    column(&["capamb"], CRED, Get::Caps(|row| Some(row.cred?.cap_ambient)), "ambient capabilities"),
    column(&["securebits"], CRED, Get::Bits(|row| Some(row.cred?.securebits)), "secure bits, SECBIT_* of capabilities(7)"),
    column(&["nnp"], CRED, Get::Flag(|row| Some(row.cred?.no_new_privs)), "no_new_privs: execve grants nothing any more"),
];

impl Column {
    fn name(&self) -> &'static str {
        self.names[0]
    }

    pub(crate) fn value(&self, row: &Row) -> Option<Value> {
        match self.get {
            Get::Number(get) => get(row).map(Value::Number),
            Get::Bits(get) => get(row).map(Value::Bits),
            Get::Flag(get) => get(row).map(Value::Flag),
            Get::State(get) => get(row).map(Value::State),
            Get::Comm(get) => get(row).map(Value::Comm),
            Get::User(get) => get(row).map(Value::User),
            Get::Group(get) => get(row).map(Value::Group),
            Get::Caps(get) => get(row).map(Value::Caps),
        }
    }

    /// Whether its cells stand at the right of the column.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.get, Get::Number(_))
    }
}

/// A column as somebody asked for it: it is called what they called it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) name: &'static str,
    pub(crate) column: &'static Column,
}

impl Chosen {
    /// What stands over it in a table.
    pub(crate) fn header(&self) -> String {
        match self.name {
            "comm" => "COMMAND".to_owned(),
            "state" => "S".to_owned(),
            name => name.to_ascii_uppercase(),
        }
    }
}

/// No column has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no column {word:?}; the columns are {}", list())]
pub(crate) struct UnknownColumn {
    word: String,
}

impl FromStr for Chosen {
    type Err = UnknownColumn;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let word = word.trim();
        COLUMNS
            .iter()
            .flat_map(|column| column.names.iter().map(move |&name| Self { name, column }))
            .find(|chosen| chosen.name == word)
            .ok_or_else(|| UnknownColumn {
                word: word.to_owned(),
            })
    }
}

fn list() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(Column::name).collect();
    names.join(",")
}

/// The columns for somebody who names none.
///
/// Threads have a column to be told apart by where there may be some.
pub(crate) fn default(show: Show, strategy: Strategy) -> Vec<Chosen> {
    let threads = !matches!(strategy, Strategy::All | Strategy::Children(_));
    [
        "user", "group", "pid", "tid", "ppid", "pgid", "sid", "state", "comm", "caps",
    ]
    .iter()
    .filter(|&&name| threads || name != "tid")
    .filter_map(|name| name.parse::<Chosen>().ok())
    .filter(|chosen| show.contains(chosen.column.group))
    .collect()
}

/// The table as `--help` has it.
pub(crate) fn help() -> String {
    let mut text = String::new();
    for (group, title) in [
        (NONE, "With every task:"),
        (BASE, "Of the group base:"),
        (CRED, "Of the group cred:"),
    ] {
        let _ = writeln!(text, "  {title}");
        for column in COLUMNS.iter().filter(|column| column.group == group) {
            let _ = writeln!(text, "    {:<20} {}", column.names.join(", "), column.about);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::names::Names;
    use crate::row::samples;
    use crate::value::Cell;

    fn names(columns: &[Chosen]) -> Vec<&'static str> {
        columns.iter().map(|chosen| chosen.name).collect()
    }

    #[test]
    fn every_name_means_one_column() {
        let mut seen = HashSet::new();
        for column in &COLUMNS {
            for name in column.names {
                assert!(seen.insert(name), "{name} twice");
                let chosen: Chosen = name.parse().expect("a name of the table");
                assert_eq!(chosen.column.name(), column.name());
            }
        }
    }

    #[test]
    fn an_unknown_column_is_named_and_the_known_ones_listed() {
        let error = "pcpu".parse::<Chosen>().expect_err("no such column");
        let text = error.to_string();
        assert!(text.starts_with("there is no column \"pcpu\"; the columns are pid,tid,ppid,"));
        assert!(text.ends_with(",securebits,nnp"));
    }

    #[test]
    fn a_column_is_called_what_it_was_asked_for_by() {
        for (name, header) in [
            ("pid", "PID"),
            ("lwp", "LWP"),
            ("comm", "COMMAND"),
            ("ucmd", "UCMD"),
            ("state", "S"),
            ("stat", "STAT"),
            ("tracer", "TRACER"),
        ] {
            let chosen: Chosen = name.parse().expect("a column");
            assert_eq!((chosen.name, chosen.header().as_str()), (name, header));
        }
    }

    #[test]
    fn the_usual_columns_follow_the_groups_and_the_strategy() {
        let usual = |show, strategy| names(&default(show, strategy)).join(",");
        assert_eq!(usual(BASE, Strategy::All), "pid,ppid,pgid,sid,state,comm");
        assert_eq!(
            usual(BASE | CRED, Strategy::Children(1)),
            "user,group,pid,ppid,pgid,sid,state,comm,caps"
        );
        assert_eq!(usual(CRED, Strategy::AllThreads), "user,group,pid,tid,caps");
        assert_eq!(usual(NONE, Strategy::Threads(1)), "pid,tid");
        assert_eq!(usual(NONE, Strategy::One(1)), "pid,tid");
    }

    /// Gives every field a value of its own and looks for it in its column.
    #[test]
    fn every_column_shows_its_field() {
        let mut row = samples::plain(1, b"name");
        (row.tgid, row.tid) = (100, 101);
        let base = row.base.get_or_insert_default();
        (base.ppid, base.tpid, base.pgid, base.sid) = (102, 103, 104, 105);
        let cred = row.cred.get_or_insert_default();
        (cred.uid, cred.euid, cred.suid, cred.fsuid) = (200, 201, 202, 203);
        (cred.gid, cred.egid, cred.sgid, cred.fsgid) = (204, 205, 206, 207);
        for (bit, set) in [
            &mut cred.cap_inheritable,
            &mut cred.cap_permitted,
            &mut cred.cap_effective,
            &mut cred.cap_bset,
            &mut cred.cap_ambient,
        ]
        .into_iter()
        .enumerate()
        {
            set.0 = 1 << bit;
        }
        (cred.securebits, cred.no_new_privs) = (0x10, true);

        let names = Names::new(true);
        for (name, expected) in [
            ("pid", "100"),
            ("tid", "101"),
            ("ppid", "102"),
            ("tpid", "103"),
            ("pgid", "104"),
            ("sid", "105"),
            ("state", "S"),
            ("comm", "name"),
            ("user", "201"),
            ("ruser", "200"),
            ("suser", "202"),
            ("fuser", "203"),
            ("uid", "201"),
            ("ruid", "200"),
            ("suid", "202"),
            ("fsuid", "203"),
            ("group", "205"),
            ("rgroup", "204"),
            ("sgroup", "206"),
            ("fgroup", "207"),
            ("gid", "205"),
            ("rgid", "204"),
            ("sgid", "206"),
            ("fsgid", "207"),
            ("capinh", "0000000000000001"),
            ("capprm", "0000000000000002"),
            ("capeff", "0000000000000004"),
            ("capbnd", "0000000000000008"),
            ("capamb", "0000000000000010"),
            ("securebits", "0x10"),
            ("nnp", "yes"),
        ] {
            let chosen: Chosen = name.parse().expect("a column");
            let value = chosen.column.value(&row);
            let names = &names;
            assert_eq!(Cell { value, names }.to_table(), expected, "{name}");

            let mut bare = row;
            (bare.base, bare.cred) = (None, None);
            let told = chosen.column.value(&bare).is_some();
            assert_eq!(told, chosen.column.group.is_empty(), "{name}");
        }
    }

    #[test]
    fn the_help_has_every_column() {
        let help = help();
        for column in &COLUMNS {
            assert!(help.contains(&column.names.join(", ")));
            assert!(help.contains(column.about));
        }
    }
}
