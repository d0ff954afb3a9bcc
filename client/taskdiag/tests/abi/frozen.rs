// SPDX-License-Identifier: MIT
//! The ABI header against its frozen copy, frozen.txt.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{HEADER, INCLUDE, header, numbers_in, structures_in};

/// Lines as they are in the file, without comments and empty lines.
fn frozen_lines() -> impl Iterator<Item = &'static str> {
    include_str!("frozen.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The line as a C assertion.
///
/// # Panics
///
/// Panics if the line has none of the forms that frozen.txt lists.
fn assertion(line: &str) -> String {
    let condition = match line.splitn(5, ' ').collect::<Vec<_>>()[..] {
        ["number", name, value] => format!("{name} == {value}"),
        ["string", name, value] => {
            return format!(
                "_Static_assert(sizeof({name}) == sizeof(\"{value}\"), \"{line}\");\n\
                 _Static_assert(!__builtin_strcmp({name}, \"{value}\"), \"{line}\");\n"
            );
        }
        ["struct", name, relation @ ("==" | ">="), size] => {
            format!("sizeof(struct {name}) {relation} {size}")
        }
        ["field", structure, name, offset, of_type] => format!(
            "__builtin_offsetof(struct {structure}, {name}) == {offset} && \
             __builtin_types_compatible_p(__typeof__(((struct {structure} *)0)->{name}), {of_type})"
        ),
        _ => panic!("frozen.txt: no such form of line: {line}"),
    };
    format!("_Static_assert({condition}, \"{line}\");\n")
}

/// Returns the compiler's errors about the assertions with the ABI header in
/// `include`.
fn broken(name: &str, include: &str, assertions: &str) -> String {
    let source =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("abi-{name}-{}.c", std::process::id()));
    fs::write(&source, format!("#include <{HEADER}>\n{assertions}")).unwrap();
    let compiled = Command::new("cc")
        .args(["-std=gnu11", "-fsyntax-only", "-I", include])
        .arg(&source)
        .output()
        .expect("cannot run cc: this test needs a C compiler");
    fs::remove_file(&source).unwrap();
    let errors = String::from_utf8_lossy(&compiled.stderr).into_owned();
    assert_eq!(compiled.status.success(), errors.is_empty(), "{errors}");
    errors
}

#[test]
fn header_agrees_with_its_frozen_copy() {
    let assertions: String = frozen_lines().map(assertion).collect();
    let errors = broken("frozen", INCLUDE, &assertions);
    assert!(
        errors.is_empty(),
        "the ABI header breaks its promise:\n{errors}"
    );
}

/// A number or field that is not in the copy would not be protected.
#[test]
fn frozen_copy_lists_the_whole_header() {
    let frozen: BTreeSet<String> = frozen_lines()
        .map(|line| {
            let words: Vec<_> = line.split(' ').collect();
            let names = if words[0] == "field" { 1..3 } else { 1..2 };
            words[names].join(" ")
        })
        .collect();
    // Limits and padding change with each addition.
    let header = header();
    let mut wanted: Vec<String> = numbers_in(&header)
        .into_iter()
        .filter(|name| !name.starts_with("__") && !name.ends_with("_MAX"))
        .collect();
    for (structure, fields) in structures_in(&header) {
        wanted.extend(
            fields
                .iter()
                .filter(|field| !field.starts_with("__"))
                .map(|field| format!("{structure} {field}")),
        );
        wanted.push(structure);
    }
    wanted.retain(|name| !frozen.contains(name));
    assert!(
        wanted.is_empty(),
        "not in frozen.txt, add a line for each: {wanted:?}"
    );
}

/// Changes that the copy must notice, as edits of the header.
#[test]
fn changes_of_the_abi_are_noticed() {
    let assertions: String = frozen_lines().map(assertion).collect();
    let text = fs::read_to_string(Path::new(INCLUDE).join(HEADER)).unwrap();
    let edits = [
        (
            "renumbered",
            "\tTASK_DIAG_MSG,",
            "\tTASK_DIAG_NEW,\n\tTASK_DIAG_MSG,",
        ),
        ("renamed", "\"TASKDIAG\"", "\"taskdiag\""),
        (
            "moved",
            "\t__u32\tpid;\n\t__u32\ttgid;",
            "\t__u32\ttgid;\n\t__u32\tpid;",
        ),
        ("signed", "\t__s32\tnice;", "\t__u32\tnice;"),
        ("shrunk", "\t__u64\tuts_id;\n", ""),
        (
            "grown request",
            "\t__u32\treserved;\n",
            "\t__u32\treserved;\n\t__u64\tmore;\n",
        ),
        ("shifted flag", "_BITUL(0)\t/* cont", "_BITUL(1)\t/* cont"),
    ];
    for (number, (name, from, to)) in edits.into_iter().enumerate() {
        let mut edited = String::new();
        let (before, after) = text
            .split_once(from)
            .unwrap_or_else(|| panic!("{name}: no {from}"));
        write!(edited, "{before}{to}{after}").unwrap();
        assert_ne!(broken_by(number, &edited, &assertions), "", "{name}");
    }
    let grown = text.replacen(
        "\t__u64\tuts_id;\n",
        "\t__u64\tuts_id;\n\t__u64\tmore;\n",
        1,
    );
    assert_eq!(
        broken_by(edits.len(), &grown, &assertions),
        "",
        "a grown reply"
    );
}

/// Returns the compiler's errors with the header replaced by `text`.
fn broken_by(number: usize, text: &str, assertions: &str) -> String {
    let name = format!("edit-{number}");
    let include = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("abi-include-{number}-{}", std::process::id()));
    let path = include.join(HEADER);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    let errors = broken(&name, include.to_str().unwrap(), assertions);
    fs::remove_dir_all(&include).unwrap();
    errors
}
