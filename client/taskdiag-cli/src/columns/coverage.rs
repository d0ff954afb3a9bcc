// SPDX-License-Identifier: MIT
//! Compares `docs/coverage.md` with the columns of this command, and with lists of the
//! values that other programs read.

use std::fs;
use std::path::Path;

use taskdiag::Show;

use super::find;

/// A row of a table: the value that another program reads, and its source here.
struct Item<'a> {
    name: &'a str,
    groups: &'a str,
    columns: Vec<&'a str>,
    note: &'a str,
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the rows of the table under this heading.
fn table<'a>(page: &'a str, heading: &str) -> Vec<Item<'a>> {
    let start = page.find(&format!("\n## {heading}\n")).expect("a heading");
    let lines = page[start..]
        .lines()
        .skip_while(|line| !line.starts_with('|'));
    let rows = lines.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(item).collect()
}

fn item(row: &str) -> Item<'_> {
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    let &[_, name, groups, columns, note, _] = &cells[..] else {
        panic!("four cells: {row}");
    };
    let columns = columns.split(',').map(|word| word.trim().trim_matches('`'));
    Item {
        name,
        groups,
        columns: columns.filter(|word| !word.is_empty()).collect(),
        note,
    }
}

const TABLES: [&str; 5] = ["procps", "psutil", "htop", "perf", "CRIU"];

#[test]
fn page_names_columns_and_their_groups() {
    let page = read("../../docs/coverage.md");
    let mut faults = Vec::new();
    for item in TABLES.iter().flat_map(|heading| table(&page, heading)) {
        let mut groups = Show::empty();
        for name in &item.columns {
            match find(name) {
                Ok(selected) => groups |= selected.column.groups,
                Err(error) => faults.push(format!("{}: {error}", item.name)),
            }
        }
        let expected = groups.to_string().replace(',', ", ");
        if item.groups != expected {
            faults.push(format!("{}: the groups are {expected:?}", item.name));
        }
        if item.columns.is_empty() && !item.note.contains(' ') {
            faults.push(format!("{}: neither a column nor a reason", item.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn page_has_each_item_of_other_programs() {
    let page = read("../../docs/coverage.md");
    for (heading, list) in [
        ("procps", "libproc2"),
        ("psutil", "psutil"),
        ("htop", "htop"),
    ] {
        let names = read(&format!("tests/coverage/{list}.txt"));
        let mut expected: Vec<&str> = names.lines().collect();
        let items = table(&page, heading);
        let mut actual: Vec<&str> = items.iter().map(|item| item.name).collect();
        expected.sort_unstable();
        actual.sort_unstable();
        assert_eq!(actual, expected, "{heading}");
    }
}
