// SPDX-License-Identifier: MIT
//! Lists of columns and of sort keys.
//!
//! `-o` accepts names separated by commas or blanks, each with a width and a heading,
//! and the descriptors of AIX: `"%p %a"`. Sort keys are names after a sign, or the
//! letters of `O`.

use super::{PsColumn, PsOptions, PsSortKey, named};
use crate::columns::list::{ColumnSpec, is_separator};
use crate::columns::similar;
use crate::ps::specs::{self, Spec};

/// Splits a list. One separator at its end is accepted.
fn words(list: &str) -> Result<Vec<&str>, String> {
    let list = list.strip_suffix(is_separator).unwrap_or(list);
    let words: Vec<&str> = list.split(is_separator).collect();
    if words.contains(&"") {
        return Err(format!("empty word in the list {list:?}"));
    }
    Ok(words)
}

/// Parses a list of columns.
pub(super) fn columns(list: &str, options: &PsOptions) -> Result<Vec<PsColumn>, String> {
    let all = words(list)?;
    let columns: Result<Vec<PsColumn>, String> =
        all.into_iter().map(|word| column(word, options)).collect();
    match columns {
        Err(_) if list.contains('%') => aix(list, options),
        columns => columns,
    }
}

/// Parses `NAME[:WIDTH][=HEADING]`.
fn column(word: &str, options: &PsOptions) -> Result<PsColumn, String> {
    let ColumnSpec {
        name,
        width,
        heading,
    } = ColumnSpec::parse(word).map_err(|error| error.to_string())?;
    let spec = Spec::find(name).ok_or_else(|| {
        format!(
            "unknown user-defined format specifier {name:?}{}; option L lists all columns",
            similar::hint(name, specs::names())
        )
    })?;
    let mut column = PsColumn::new(&spec, options);
    if let Some(heading) = heading {
        column = column.with_heading(heading);
    }
    if let Some(width) = width {
        column.layout.width = width;
    }
    Ok(column)
}

/// The descriptors of AIX, with their columns and headings.
const AIX: &[(char, &str, &str)] = &[
    ('C', "pcpu", "%CPU"),
    ('G', "group", "GROUP"),
    ('P', "ppid", "PPID"),
    ('U', "user", "USER"),
    ('a', "args", "COMMAND"),
    ('c', "comm", "COMMAND"),
    ('g', "rgroup", "RGROUP"),
    ('n', "nice", "NI"),
    ('p', "pid", "PID"),
    ('r', "pgid", "PGID"),
    ('t', "etime", "ELAPSED"),
    ('u', "ruser", "RUSER"),
    ('x', "time", "TIME"),
    ('y', "tty", "TTY"),
    ('z', "vsz", "VSZ"),
];

/// Parses descriptors of AIX. Only blanks may separate them, except one character at
/// the beginning.
fn aix(list: &str, options: &PsOptions) -> Result<Vec<PsColumn>, String> {
    check_aix(list)?;
    let mut pieces = list.split('%');
    let mut columns = Vec::new();
    columns.extend(
        pieces
            .next()
            .filter(|text| !text.is_empty())
            .map(PsColumn::literal),
    );
    for piece in pieces {
        let mut characters = piece.chars();
        let letter = characters
            .next()
            .ok_or("missing AIX field descriptor after %")?;
        let (_, name, heading) = AIX
            .iter()
            .find(|(known, ..)| *known == letter)
            .ok_or_else(|| format!("unknown AIX field descriptor %{letter}"))?;
        let described = named(options, &[name]);
        columns.extend(
            described
                .into_iter()
                .map(|column| column.with_heading(heading)),
        );
        let text = characters.as_str();
        columns.extend(
            Some(text)
                .filter(|text| !text.is_empty())
                .map(PsColumn::literal),
        );
    }
    // Like procps, print an empty text after the last descriptor, which therefore keeps
    // its width.
    columns.push(PsColumn::literal(""));
    Ok(columns)
}

/// Checks the order of descriptors and text, before their names.
fn check_aix(list: &str) -> Result<(), String> {
    let text_is_blank = |text: &str| text.chars().all(|c| c == ' ');
    let mut pieces = list.split('%');
    let mut before = pieces.next().unwrap_or_default().chars();
    before.next();
    if !text_is_blank(before.as_str()) {
        return Err(IMPROPER.to_owned());
    }
    let pieces: Vec<&str> = pieces.collect();
    for (index, piece) in pieces.iter().enumerate() {
        let last = index + 1 == pieces.len();
        let mut characters = piece.chars();
        match characters.next() {
            None if last => return Err("missing AIX field descriptor after %".to_owned()),
            Some(' ') => return Err("missing AIX field descriptor after %".to_owned()),
            _ if text_is_blank(characters.as_str()) => {}
            _ => return Err(IMPROPER.to_owned()),
        }
    }
    Ok(())
}

const IMPROPER: &str = "improper AIX field descriptor: expected blanks between descriptors";

/// Parses a list of sort keys.
pub(super) fn sort_keys(list: &str) -> Result<Vec<PsSortKey>, String> {
    words(list)?.into_iter().map(sort_key).collect()
}

fn sort_key(word: &str) -> Result<PsSortKey, String> {
    let (descending, name) = match word.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let spec = Spec::find(name).ok_or_else(|| {
        format!(
            "unknown sort specifier {name:?}{}",
            similar::hint(name, specs::names())
        )
    })?;
    Ok(PsSortKey {
        source: spec.source,
        descending,
    })
}

/// The letters of `O`, with the names of their columns. Letters without a name are
/// accepted and have no effect.
#[rustfmt::skip]
const SHORT_KEYS: &[(char, &str)] = &[
    ('C', "pcpu"), ('G', "tpgid"), ('J', "cstime"), ('K', ""), ('M', "maj_flt"), ('N', "cmaj_flt"),
    ('P', "ppid"), ('R', "resident"), ('S', "share"), ('T', "start_time"), ('U', "uid"), ('c', "cmd"),
    ('f', "flags"), ('g', "pgrp"), ('j', "cutime"), ('k', "utime"), ('m', "min_flt"), ('n', "cmin_flt"),
    ('o', "session"), ('p', "pid"), ('r', "rss"), ('s', "size"), ('t', "tty"), ('u', "user"),
    ('v', "vsize"), ('y', "priority"),
];

/// Whether the value of `O` is a list of sort keys: letters that are not repeated, with
/// signs before them.
pub(super) fn is_short_sort(list: &str, options: &PsOptions) -> bool {
    let is_sign = |c: char| matches!(c, '+' | '-');
    let mut seen = Vec::new();
    let mut after_sign = false;
    for c in list.chars() {
        if is_sign(c) && after_sign {
            return false;
        }
        after_sign = is_sign(c);
        let known = after_sign || SHORT_KEYS.iter().any(|(letter, _)| *letter == c);
        let conflict = c == 'P' && options.forest.is_some();
        if !known || conflict || seen.contains(&c) {
            return false;
        }
        if !after_sign {
            seen.push(c);
        }
    }
    !after_sign
}

/// Returns the sort keys of the letters of `O`.
pub(super) fn short_sort_keys(list: &str) -> Vec<PsSortKey> {
    let mut keys = Vec::new();
    let mut descending = false;
    for c in list.chars() {
        match c {
            '+' => descending = false,
            '-' => descending = true,
            letter => {
                let name = SHORT_KEYS.iter().find(|(known, _)| *known == letter);
                let spec = name.and_then(|(_, name)| Spec::find(name));
                keys.extend(spec.map(|spec| PsSortKey {
                    source: spec.source,
                    descending,
                }));
                descending = false;
            }
        }
    }
    keys
}
