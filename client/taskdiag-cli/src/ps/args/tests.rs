// SPDX-License-Identifier: MIT
//! Words of all dialects, and their fallback.

use super::super::help::Section;
use super::super::select::SimpleOptions;
use super::*;

fn parsed(words: &[&str]) -> Result<PsOptions, String> {
    let args: Vec<OsString> = words.iter().map(OsString::from).collect();
    parse(&args, Personality::default(), None).map(|(options, _)| options)
}

fn options(line: &str) -> Result<PsOptions, String> {
    parsed(&line.split_whitespace().collect::<Vec<_>>())
}

fn good(line: &str) -> PsOptions {
    options(line).expect(line)
}

#[test]
fn common_command_lines_are_parsed() {
    let aux = good("aux");
    assert!(aux.bsd && aux.selection.simple == SimpleOptions::BSD_A | SimpleOptions::BSD_X);
    assert_eq!(aux.formats, Formats::BSD_USER);

    let ef = good("-ef");
    assert!(!ef.bsd && ef.selection.all && ef.formats == Formats::UNIX_FULL);

    let some = good("ax -o pid,ppid");
    assert!(some.bsd && some.lists == [ColumnOption::Columns("pid,ppid".to_owned())]);
    assert_eq!(some, good("axo pid,ppid"));
    assert_eq!(good("-opid"), good("-o pid"));
    for line in ["--format=pid", "--format:pid"] {
        assert_eq!(good(line), good("--format pid"));
    }
}

#[test]
fn words_with_a_dash_fall_back_to_bsd_options() {
    for (line, like) in [
        ("-aux", "aux"),
        ("-auxww", "auxww"),
        ("-axo pid", "axo pid"),
        ("-o pid -ax", "o pid ax"),
        ("-x", "x"),
        ("-eax", "eax"),
    ] {
        let (dashed, plain) = (good(line), good(like));
        assert_eq!(dashed.selection, plain.selection, "{line}");
        assert_eq!((dashed.formats, dashed.bsd), (plain.formats, true));
        assert_eq!(dashed.environment, plain.environment);
    }
    // This is valid as a UNIX option, because the user exists.
    assert_ne!(options("-au root"), options("au root"));
    // In the second pass, m selects a format.
    assert_eq!(good("-axm").formats, Formats::OLD_MEMORY);
    assert_eq!(good("axm").threads, ThreadOptions::BSD_M);
    // The error is that of the first pass.
    let error = options("-u no-such-name").expect_err("no such user");
    assert!(error.contains("invalid user name"), "{error}");
}

#[test]
fn numbers_are_pids_in_every_dialect() {
    let lists = [SelectionList::Pids(vec![1, 2])];
    for line in ["-p 1,2", "p 1,2", "--pid 1,2", "--pid=1,2", "-p1,2", "x1,2"] {
        assert_eq!(good(line).selection.lists, lists, "{line}");
    }
    assert_eq!(
        good("1 -2 +3").selection.lists,
        [
            SelectionList::Pids(vec![1]),
            SelectionList::ProcessGroups(vec![2]),
            SelectionList::Sessions(vec![3]),
        ]
    );
    assert!(options("1,2").is_err());
    assert!(options("1 x").is_err());
}

#[test]
fn clustered_options_are_combined() {
    let options = good("-eLfww --no-headers --cols 80 k -rss");
    assert_eq!(options.threads, ThreadOptions::UNIX_L);
    assert_eq!(options.formats, Formats::UNIX_FULL);
    assert_eq!(options.headings, Some(Headings::Never));
    assert_eq!((options.wide, options.width), (2, Some(80)));
    assert_eq!(options.lists, [ColumnOption::Sort("-rss".to_owned())]);
}

#[test]
fn terminal_of_t_may_be_missing() {
    for line in ["t", "T", "-t"] {
        assert_eq!(good(line).selection.lists, [SelectionList::OwnTerminal]);
    }
    let none = [SelectionList::Terminals(vec![0])];
    assert_eq!(good("-t ?").selection.lists, none);
}

#[test]
fn options_that_print_a_text_are_alone() {
    for (line, text) in [
        ("L", Text::Columns),
        ("V", Text::Version),
        ("-V", Text::Version),
        ("--version", Text::Version),
        ("--info", Text::Settings),
        ("--help", Text::Help(Section::Overview)),
        ("--help output", Text::Help(Section::Output)),
        ("--help=all", Text::Help(Section::All)),
    ] {
        assert_eq!(good(line).text, Some(text), "{line}");
    }
    assert!(options("L -e").is_err());
}

#[test]
fn transport_option_is_parsed() {
    assert_eq!(good("aux").transport, TransportChoice::Auto);
    let result = good("aux --transport=file");
    assert!(result.bsd && result.transport == TransportChoice::File);
    assert_eq!(
        good("--transport procfs -ef").transport,
        TransportChoice::Procfs
    );
}

#[test]
fn errors_name_the_option() {
    for (line, text) in [
        ("-z", "option -z is not supported"),
        ("axz", "option z is not supported"),
        ("--nonsense", "option --nonsense is not supported"),
        ("-o", "option -o requires a value"),
        ("--pid", "option --pid requires a value"),
        ("--pid=", "option --pid requires a value"),
        ("--forest=1", "option --forest takes no value"),
        ("--cols 0", "invalid number of columns \"0\""),
        ("--delimiter ab", "invalid delimiter \"ab\""),
        ("h --headers", "only one option may change the headings"),
        (
            "--transport pigeon",
            "invalid value \"pigeon\" for --transport: expected auto",
        ),
        ("-p x", "invalid number \"x\""),
        ("--ppid x", "invalid number \"x\""),
        ("-", "invalid option \"-\""),
        ("--", "invalid option \"--\""),
        ("-- -e", "invalid option \"--\""),
    ] {
        let error = options(line).expect_err(line);
        assert!(error.contains(text), "{line}: {error}");
    }
    assert!(parsed(&[""]).is_err());
    assert!(parsed(&["-p", ""]).is_err());
}
