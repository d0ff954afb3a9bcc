// SPDX-License-Identifier: MIT
//! Each criterion selects its tasks, and invalid lists are rejected.

use taskdiag::Stat;

use super::*;
use crate::row::samples::plain;

const CALLER: Caller = Caller {
    euid: 0,
    terminal: 0x8801,
    reads_files: true,
};

/// The pid of a task without files in `/proc`.
const NO_TASK: u32 = i32::MAX.unsigned_abs();

/// Returns a task with this user and terminal. `leads` makes it a session leader.
fn row(euid: u32, tty: u32, leads: bool) -> TaskRow {
    let mut row = plain(7, b"name");
    row.cred.get_or_insert_default().euid = Some(euid);
    row.base.get_or_insert_default().sid = Some(if leads { 7 } else { 1 });
    let mut stat = Stat::default();
    stat.tty = tty;
    row.stat = Some(Box::new(stat));
    row
}

fn selected(selection: Selection, bsd: bool) -> Vec<usize> {
    let mut selection = selection;
    selection.resolve(bsd, false).expect("no conflict");
    let rows = [
        row(0, 0x8801, false),
        row(0, 0x8802, false),
        row(0, 0, true),
        row(5, 0x8801, true),
        row(5, 0, false),
    ];
    let rows = rows.iter().enumerate();
    rows.filter(|(_, row)| selection.selects(row, CALLER))
        .map(|(index, _)| index)
        .collect()
}

fn simple(simple: SimpleOptions) -> Selection {
    Selection {
        simple,
        ..Selection::default()
    }
}

fn listed(list: SelectionList) -> Selection {
    Selection {
        lists: vec![list],
        ..Selection::default()
    }
}

#[test]
fn simple_options_select_by_user_and_terminal() {
    assert_eq!(selected(Selection::default(), false), [0]);
    assert_eq!(selected(Selection::default(), true), [0, 1]);
    for (options, expected) in [
        (SimpleOptions::BSD_A, &[0, 1, 3][..]),
        (SimpleOptions::BSD_X, &[0, 1, 2]),
        (SimpleOptions::BSD_G, &[0, 1]),
        (
            SimpleOptions::BSD_A | SimpleOptions::BSD_X,
            &[0, 1, 2, 3, 4],
        ),
        (SimpleOptions::UNIX_A, &[0, 1]),
        (SimpleOptions::UNIX_D, &[0, 1, 4]),
        (SimpleOptions::UNIX_A | SimpleOptions::UNIX_D, &[0, 1, 4]),
    ] {
        assert_eq!(selected(simple(options), true), expected, "{options:?}");
    }
    for bsd in [SimpleOptions::BSD_X, SimpleOptions::BSD_G] {
        let mut conflict = simple(SimpleOptions::UNIX_A | bsd);
        assert!(conflict.resolve(true, false).is_err());
    }
}

#[test]
fn negated_selection_of_all_processes_is_empty() {
    let all = || Selection {
        all: true,
        ..Selection::default()
    };
    assert_eq!(selected(all(), true).len(), 5);
    let none = Selection {
        negated: true,
        ..all()
    };
    assert!(selected(none, true).is_empty());
    let running = Selection {
        running: true,
        ..all()
    };
    assert!(selected(running, true).is_empty());
    let not_running = Selection {
        running: true,
        negated: true,
        ..all()
    };
    assert_eq!(selected(not_running, true).len(), 5);
}

#[test]
fn lists_are_united_and_negated() {
    assert_eq!(
        selected(listed(SelectionList::Users(vec![5])), true),
        [3, 4]
    );
    let both = || Selection {
        lists: vec![SelectionList::Users(vec![5]), SelectionList::OwnTerminal],
        ..Selection::default()
    };
    assert_eq!(selected(both(), true), [0, 3, 4]);
    let negated = Selection {
        negated: true,
        ..both()
    };
    assert_eq!(selected(negated, true), [1, 2]);
}

#[test]
fn no_terminal_is_a_terminal_of_lists() {
    for word in ["?", "-"] {
        let list = SelectionList::terminals(word.as_bytes()).expect(word);
        assert_eq!(list, SelectionList::Terminals(vec![0]));
        assert_eq!(selected(listed(list), false), [2, 4]);
    }
    let caller = Caller {
        terminal: 0,
        ..CALLER
    };
    assert!(SelectionList::OwnTerminal.contains(&row(0, 0, false), caller));
}

#[test]
fn selecting_all_processes_needs_only_base() {
    let mut all = simple(SimpleOptions::BSD_A | SimpleOptions::BSD_X);
    all.resolve(true, false).expect("no conflict");
    assert_eq!(all.groups(), Show::BASE);
    let row = TaskRow {
        cred: None,
        ..plain(7, b"name")
    };
    assert!(all.selects(&row, Caller::UNKNOWN));
    let mut other = simple(SimpleOptions::BSD_A);
    other.resolve(true, false).expect("no conflict");
    assert_eq!(other.groups(), Show::BASE | Show::CRED | Show::STAT);
}

#[test]
fn names_are_compared_up_to_15_bytes() {
    let list = SelectionList::names(b"0123456789abcdefgh,sh,a b,\xff").expect("a list");
    let contains = |name| list.contains(&plain(NO_TASK, name), Caller::UNKNOWN);
    assert!(contains(b"0123456789abcde"));
    assert!(contains(b"sh"));
    assert!(contains(b"\xff"));
    assert!(!contains(b"s"));
    assert!(!contains(b"shell"));
}

#[test]
fn name_with_a_separator_is_the_list_as_a_whole() {
    let list = SelectionList::names(b"a,b").expect("a list");
    for name in [&b"a"[..], b"b", b"a,b"] {
        assert!(list.contains(&plain(NO_TASK, name), Caller::UNKNOWN));
    }
}

#[test]
fn listed_pids_become_a_kernel_filter() {
    let mut selection = Selection::default();
    assert_eq!(selection.pids(), None);
    selection.add(SelectionList::pids(b"2 1,4194305").expect("a list"));
    assert_eq!(selection.pids(), Some(vec![2, 1]));
    selection.add(SelectionList::Users(vec![0]));
    assert_eq!(selection.pids(), None);
    selection.add_quick(b"5 3").expect("a list");
    assert_eq!(selection.pids(), Some(vec![5, 3]));
    assert!(selection.add_quick(b"7").is_err());
}

#[test]
fn invalid_lists_are_rejected() {
    for (list, text) in [
        (SelectionList::pids(b""), "empty word"),
        (SelectionList::pids(b"1,"), "empty word"),
        (SelectionList::pids(b"1,,2"), "empty word"),
        (SelectionList::pids(b"x"), "invalid number \"x\""),
        (SelectionList::pids(b"0"), "invalid number \"0\""),
        (SelectionList::parents(b"x"), "invalid number \"x\""),
        (
            SelectionList::pids(b"2147483648"),
            "expected 1 to 2147483647",
        ),
        (
            SelectionList::users(b"no-such-name", false),
            "invalid user name",
        ),
        (
            SelectionList::groups(b"no-such-name", false),
            "invalid group name",
        ),
        (
            SelectionList::terminals(b"no-such-tty"),
            "terminal \"no-such-tty\" not found",
        ),
        (
            SelectionList::terminals(b"/etc/passwd"),
            "is not a terminal",
        ),
    ] {
        let error = list.expect_err(text);
        assert!(error.contains(text), "{error}");
    }
    assert_eq!(
        SelectionList::parents(b"0"),
        Ok(SelectionList::Parents(vec![0]))
    );
    let unknown = SelectionList::users(b"no-such-name", true);
    assert_eq!(unknown, Ok(SelectionList::Users(vec![NO_ID])));
}

#[test]
fn device_numbers_have_the_encoding_of_the_kernel() {
    let device = nix::sys::stat::makedev(136, 0x1ff);
    assert_eq!(device_number(device), 0x10_88ff);
}
