// SPDX-License-Identifier: MIT
//! The columns of options and lists.

use std::ffi::OsString;

use super::super::args;
use super::super::personality::Personality;
use super::*;

fn output(line: &str, personality: &str, default: Option<&str>) -> Result<Output, String> {
    let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    args::parse(&args, Personality::named(personality), default).map(|(_, output)| output)
}

fn columns(line: &str) -> Result<Vec<PsColumn>, String> {
    output(line, "", None).map(|output| output.columns)
}

fn join(columns: Vec<PsColumn>) -> String {
    let headings = columns.into_iter().map(|column| column.layout.heading);
    headings.collect::<Vec<String>>().join(" ")
}

fn headings(line: &str) -> Result<String, String> {
    columns(line).map(join)
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
        ("-m", "PID TTY TIME CMD"),
        ("-Z", "LABEL PID TTY TIME CMD"),
        ("--context", "PID CONTEXT COMMAND"),
        ("j", "PPID PID PGID SID TTY TPGID STAT UID TIME COMMAND"),
        (
            "l",
            "F UID PID PPID PRI NI VSZ RSS WCHAN STAT TTY TIME COMMAND",
        ),
        (
            "s",
            "UID PID PENDING BLOCKED IGNORED CAUGHT STAT TTY TIME COMMAND",
        ),
        ("v", "PID TTY STAT TIME MAJFL TRS DRS RSS %MEM COMMAND"),
        ("X", "PID STACKP ESP EIP TMOUT ALARM STAT TTY TIME COMMAND"),
        (
            "u -L",
            "USER PID LWP %CPU NLWP %MEM VSZ RSS TTY STAT START TIME COMMAND",
        ),
        (
            "u -Z",
            "LABEL USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND",
        ),
        ("-O rss", "PID RSS S TTY TIME COMMAND"),
        ("O rss", "PID RSS S TTY TIME COMMAND"),
        ("-o pid=,comm=NAME -o args", " NAME COMMAND"),
        ("-o exe,luid,oom,wchan", "EXE LUID OOM WCHAN"),
    ] {
        assert_eq!(headings(line).as_deref(), Ok(expected), "{line}");
    }
}

#[test]
fn words_with_a_dash_are_bsd_options_in_the_second_pass() {
    for (line, like) in [
        ("-aux", "aux"),
        ("-axo pid,comm", "axo pid,comm"),
        ("-axl", "axl"),
        ("-axj", "axj"),
        ("-x", "x"),
        ("-eax", "eax"),
        ("-u", "u"),
        ("-s", "s"),
        ("-v", "v"),
        ("-X", "X"),
        ("-o pid -ax", "o pid ax"),
    ] {
        assert_eq!(headings(line), headings(like), "{line}");
    }
    // A word without a dash is an error in the second pass.
    assert!(headings("ax -o pid -ax").is_err());
}

#[test]
fn personalities_change_the_columns() {
    for (personality, line, expected) in [
        ("linux", "-f", "USER PID PPID C STIME TTY TIME CMD"),
        (
            "linux",
            "-l",
            "F S UID PID PPID C PRI NI P SZ WCHAN TTY TIME CMD",
        ),
        ("bsd", "", "PID TTY STAT TIME COMMAND"),
        ("old", "", "PID TTY STAT TIME COMMAND"),
        (
            "bsd",
            "-u",
            "USER PID %CPU %MEM VSZ RSS TT STAT STARTED TIME COMMAND",
        ),
        ("debian", "-j", "PID TTY S TIME PGID SID COMMAND"),
        ("tru64", "-f", "USER PID PPID C STARTED TTY TIME CMD"),
        (
            "irix",
            "-l",
            "F S UID PID PPID C PRI NI P SZ : RSS WCHAN TTY TIME CMD",
        ),
        ("s390", "-j", "PID SID PGRP TTY TIME COMMAND"),
        (
            "sysv",
            "-lx",
            "S UID PID PPID C PRI NI RSS SZ WCHAN TTY TIME CMD",
        ),
    ] {
        let columns = output(line, personality, None).map(|output| join(output.columns));
        assert_eq!(columns.as_deref(), Ok(expected), "{personality} {line}");
    }
}

#[test]
fn default_format_of_the_environment_is_used_or_ignored() {
    let shown = |line, default| {
        let output = output(line, "", Some(default)).expect(line);
        (join(output.columns), output.warning.is_some())
    };
    assert_eq!(shown("", "pid,comm"), ("PID COMMAND".to_owned(), false));
    assert_eq!(shown("-T", "pid,comm"), ("PID COMMAND".to_owned(), false));
    let default = headings("-f").expect("columns");
    assert_eq!(shown("-f", "pid,comm"), (default, false));
    let default = headings("").expect("columns");
    assert_eq!(shown("", "pid,foo"), (default, true));
}

#[test]
fn aix_descriptors_are_columns_and_text() {
    assert_eq!(headings("-o %p%a").as_deref(), Ok("PID COMMAND "));
    let list = |list: &str| lists::columns(list, &PsOptions::default()).map(join);
    assert_eq!(list("%p %a").as_deref(), Ok("PID   COMMAND "));
    assert_eq!(list("%cpu,%mem").as_deref(), Ok("%CPU %MEM"));
    for (text, error) in [
        ("%p %G{", "improper AIX field descriptor"),
        ("%p %%a", "missing AIX field descriptor"),
        ("%p %", "missing AIX field descriptor"),
        ("%p %Z", "unknown AIX field descriptor"),
        ("pid,%foo", "improper AIX field descriptor"),
    ] {
        let message = list(text).expect_err(text);
        assert!(message.contains(error), "{text}: {message}");
    }
}

#[test]
fn letters_of_o_are_sort_keys_or_columns() {
    let sorted = |line| output(line, "", None).map(|output| output.sort.len());
    assert_eq!(sorted("O p"), Ok(1));
    assert_eq!(sorted("O -r+p"), Ok(2));
    assert_eq!(sorted("O rss"), Ok(0));
    assert_eq!(sorted("--sort=-rss,pid"), Ok(2));
    assert!(sorted("--sort rss k pid").is_err());
}

#[test]
fn conflicting_format_options_are_rejected() {
    for (line, text) in [
        ("u -o pid", "conflicting format options"),
        ("u -f", "conflicting format options"),
        ("uj", "conflicting format options"),
        ("-y", "modifier -y without format -l makes no sense"),
        ("-j -o pid", "output modifiers"),
        (
            "-o pdi",
            "unknown user-defined format specifier \"pdi\": did you mean \"pid\"?",
        ),
        (
            "--sort pdi",
            "unknown sort specifier \"pdi\": did you mean \"pid\"?",
        ),
        ("-o pid,,comm", "empty word"),
        ("-o pid:0", "invalid column width"),
        ("-L f", "threads cannot be shown in a forest"),
        ("H m", "H cannot be combined"),
        ("m -m", "m cannot be combined"),
        ("-LT", "-L cannot be combined"),
        ("-o pid -O rss", "cannot follow"),
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
        match columns.last().map(|column| column.source) {
            Some(Source::Groups(column)) => Some(column.name()),
            _ => None,
        }
    };
    assert_eq!(column("uc"), Some("comm"));
    assert_eq!(column("u"), Some("args"));
    assert_eq!(column("-e"), Some("comm"));
    // In the second pass, this is a forest.
    assert_eq!(column("-f -o comm"), Some("comm"));
    let hpux = output("-x -o comm", "hpux", None).expect("columns").columns;
    assert!(matches!(hpux[0].source, Source::Groups(column) if column.name() == "args"));
}

#[test]
fn columns_are_of_processes_or_of_threads() {
    let columns = columns("-m -o pid,stat,time").expect("columns");
    let dashes = |source: fn(&PsColumn) -> Source| {
        let sources = columns.iter().map(source);
        sources
            .map(|source| matches!(source, Source::Dash))
            .collect::<Vec<_>>()
    };
    assert_eq!(dashes(PsColumn::source_in_processes), [false, true, false]);
    assert_eq!(dashes(PsColumn::source_in_threads), [true, false, false]);
}
