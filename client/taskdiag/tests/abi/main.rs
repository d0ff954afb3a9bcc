// SPDX-License-Identifier: MIT
//! The ABI header against its Rust mirror and the YNL specification, with the C
//! compiler as the judge.
//!
//! The names are taken from the header itself, so that one the mirror lacks
//! fails the test as much as one that differs. The compiler then says what
//! each of them is worth.

mod frozen;
mod spec;

use std::collections::BTreeMap;
use std::fs;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use spec::Spec;
use taskdiag::abi::*;

const INCLUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../include/uapi");
const HEADER: &str = "linux/taskdiag.h";

/// What is compared: the C expression, and its value.
type Facts = BTreeMap<String, i128>;

/// Every number in the mirror, under its name in the header.
fn numbers() -> Facts {
    macro_rules! numbers {
        ($($name:ident)*) => { [$((stringify!($name), number($name))),*] };
    }
    let mut facts: Facts = numbers![
        TASK_DIAG_GENL_VERSION TASK_DIAG_NLMSG_BASE
        TASK_DIAG_CMD_UNSPEC TASK_DIAG_CMD_GET TASK_DIAG_CMD_FEATURES TASK_DIAG_CMD_MAX
        TASK_DIAG_GROUP_BASE TASK_DIAG_GROUP_CRED TASK_DIAG_GROUP_STAT TASK_DIAG_GROUP_VMA
        TASK_DIAG_GROUP_VMA_STAT TASK_DIAG_GROUP_CMDLINE TASK_DIAG_GROUP_FILES
        TASK_DIAG_GROUP_IDENT TASK_DIAG_GROUP_NS TASK_DIAG_GROUP_CGROUP
        TASK_DIAG_GROUP_MAX
        TASK_DIAG_SHOW_BASE TASK_DIAG_SHOW_CRED TASK_DIAG_SHOW_STAT TASK_DIAG_SHOW_VMA
        TASK_DIAG_SHOW_VMA_STAT TASK_DIAG_SHOW_CMDLINE TASK_DIAG_SHOW_FILES
        TASK_DIAG_SHOW_IDENT TASK_DIAG_SHOW_NS TASK_DIAG_SHOW_CGROUP
        TASK_DIAG_FILTER_UID TASK_DIAG_FILTER_CGROUP TASK_DIAG_FILTER_STATES
        TASK_DIAG_FILTER_COMM TASK_DIAG_FILTER_PIDS TASK_DIAG_FILTER_VMA_FLAGS
        TASK_DIAG_FILTER_MAX
        TASK_DIAG_ATTR_FILTERS TASK_DIAG_ATTR_GROUPS
        TASK_DIAG_ATTR_UNSPEC TASK_DIAG_CMD_ATTR_GET TASK_DIAG_MSG
        TASK_DIAG_ABSENT TASK_DIAG_CMD_ATTR_PIDNS_FD TASK_DIAG_CMD_ATTR_PIDFD
        TASK_DIAG_PAD TASK_DIAG_CMD_ATTR_UID TASK_DIAG_CMD_ATTR_CGROUP
        TASK_DIAG_CMD_ATTR_STATES TASK_DIAG_CMD_ATTR_COMM TASK_DIAG_CMD_ATTR_PIDS
        TASK_DIAG_CMD_ATTR_VMA_FLAGS TASK_DIAG_FEATURES TASK_DIAG_BASE TASK_DIAG_CRED
        TASK_DIAG_STAT TASK_DIAG_VMA TASK_DIAG_VMA_STAT TASK_DIAG_CMDLINE TASK_DIAG_FILES
        TASK_DIAG_IDENT TASK_DIAG_NS TASK_DIAG_CGROUP TASK_DIAG_ATTR_MAX
        TASK_DIAG_DUMP_ALL TASK_DIAG_DUMP_ONE TASK_DIAG_DUMP_CHILDREN TASK_DIAG_DUMP_THREAD
        TASK_DIAG_DUMP_ALL_THREAD TASK_DIAG_DUMP_DESCENDANTS TASK_DIAG_DUMP_MAX
        TASK_DIAG_FLAG_CONT TASK_DIAG_FLAG_MORE
        TASK_DIAG_RUNNING TASK_DIAG_INTERRUPTIBLE TASK_DIAG_UNINTERRUPTIBLE TASK_DIAG_STOPPED
        TASK_DIAG_TRACE_STOP TASK_DIAG_DEAD TASK_DIAG_ZOMBIE TASK_DIAG_PARKED TASK_DIAG_IDLE
        TASK_DIAG_COMM_LEN
        TASK_DIAG_VMA_READ TASK_DIAG_VMA_WRITE TASK_DIAG_VMA_EXEC TASK_DIAG_VMA_SHARED
        TASK_DIAG_VMA_FILE TASK_DIAG_VMA_DELETED TASK_DIAG_VMA_MAYREAD
        TASK_DIAG_VMA_MAYWRITE TASK_DIAG_VMA_MAYEXEC TASK_DIAG_VMA_MAYSHARE
        TASK_DIAG_VMA_GROWSDOWN TASK_DIAG_VMA_PFNMAP TASK_DIAG_VMA_LOCKED TASK_DIAG_VMA_IO
        TASK_DIAG_VMA_SEQ_READ TASK_DIAG_VMA_RAND_READ TASK_DIAG_VMA_DONTCOPY
        TASK_DIAG_VMA_DONTEXPAND TASK_DIAG_VMA_ACCOUNT TASK_DIAG_VMA_NORESERVE
        TASK_DIAG_VMA_HUGETLB TASK_DIAG_VMA_SYNC TASK_DIAG_VMA_WIPEONFORK
        TASK_DIAG_VMA_DONTDUMP TASK_DIAG_VMA_MIXEDMAP TASK_DIAG_VMA_HUGEPAGE
        TASK_DIAG_VMA_NOHUGEPAGE TASK_DIAG_VMA_MERGEABLE TASK_DIAG_VMA_LOCKONFAULT
        TASK_DIAG_VMA_SOFTDIRTY TASK_DIAG_VMA_UFFD_MISSING TASK_DIAG_VMA_UFFD_MINOR
        TASK_DIAG_VMA_UFFD_WP TASK_DIAG_VMA_SEALED
        TASK_DIAG_IDENT_LEADER TASK_DIAG_IDENT_VALID_PIDFD_INO
        TASK_DIAG_STAT_VALID_MEMORY TASK_DIAG_STAT_VALID_RUN_DELAY
        TASK_DIAG_STAT_VALID_BLKIO_DELAY TASK_DIAG_STAT_VALID_EXIT_CODE
        TASK_DIAG_FILES_VALID_COUNTS
        TASK_DIAG_NS_CGROUP TASK_DIAG_NS_IPC TASK_DIAG_NS_MNT TASK_DIAG_NS_NET
        TASK_DIAG_NS_PID TASK_DIAG_NS_PID_FOR_CHILDREN TASK_DIAG_NS_TIME
        TASK_DIAG_NS_TIME_FOR_CHILDREN TASK_DIAG_NS_USER TASK_DIAG_NS_UTS
        TASK_DIAG_NS_MAX TASK_DIAG_NS_IDS
        TASK_DIAG_CGROUP_DELETED TASK_DIAG_OPTION_PIDNS_FD TASK_DIAG_OPTION_PIDFD
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    // The header counts with these; each is one more than the highest.
    for (name, highest) in [
        ("__TASK_DIAG_CMD_MAX", i128::from(TASK_DIAG_CMD_MAX)),
        ("__TASK_DIAG_GROUP_MAX", i128::from(TASK_DIAG_GROUP_MAX)),
        ("__TASK_DIAG_FILTER_MAX", i128::from(TASK_DIAG_FILTER_MAX)),
        ("__TASK_DIAG_NS_MAX", i128::from(TASK_DIAG_NS_MAX)),
        ("__TASK_DIAG_ATTR_MAX", i128::from(TASK_DIAG_ATTR_MAX)),
        ("__TASK_DIAG_DUMP_MAX", i128::from(TASK_DIAG_DUMP_MAX)),
    ] {
        facts.insert(name.to_owned(), highest + 1);
    }
    facts
}

fn number(value: impl TryInto<i128, Error: std::fmt::Debug>) -> i128 {
    value.try_into().unwrap()
}

/// Every structure in the mirror: its size, and the offset and the size of
/// each field.
fn structures() -> Facts {
    let mut facts = Facts::new();
    macro_rules! structure {
        ($c:literal $rust:ident { $($field:ident $(as $c_field:literal)?),* }) => {
            facts.insert(size($c), number(size_of::<$rust>()));
            $(
                let name = [$($c_field,)? stringify!($field)][0];
                facts.insert(offset($c, name), number(offset_of!($rust, $field)));
                facts.insert(field_size($c, name), number(size_of_field(|s: &$rust| &s.$field)));
            )*
            // Names every field, so that one that is forgotten does not compile.
            let $rust { $($field: _),* } = $rust::default();
        };
    }
    structure!("task_diag_pid" TaskDiagPid { show_flags, dump_strategy, pid, reserved });
    structure!("task_diag_msg" TaskDiagMsg { pid, tgid, flags });
    structure!("task_diag_absent" TaskDiagAbsent { gone, denied, busy, limit, leader });
    structure!("task_diag_base" TaskDiagBase {
        tgid, pid, ppid, tpid, sid, pgid, state, comm, pad as "__pad"
    });
    structure!("task_diag_caps" TaskDiagCaps { cap });
    structure!("task_diag_creds" TaskDiagCreds {
        uid, euid, suid, fsuid, gid, egid, sgid, fsgid,
        cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient,
        securebits, no_new_privs
    });
    structure!("task_diag_stat" TaskDiagStat {
        start_time, utime, stime, gtime, cutime, cstime, cgtime, min_flt, maj_flt,
        cmin_flt, cmaj_flt, nvcsw, nivcsw, run_delay, blkio_delay, vsize, rss_anon,
        rss_file, rss_shmem, rss_peak, swap, text, data, locked, flags, tty, tty_pgrp,
        priority, nice, rt_priority, policy, num_threads, processor, exit_signal,
        exit_code, valid
    });
    structure!("task_diag_vma" TaskDiagVma {
        len, name_off, start, end, pgoff, ino, flags, dev_major, dev_minor
    });
    structure!("task_diag_vma_stat" TaskDiagVmaStat {
        len, pad as "__pad", start, end, rss, pss, pss_dirty, shared_clean, shared_dirty,
        private_clean, private_dirty, referenced, anonymous, ksm, lazy_free, anon_thp,
        shmem_thp, file_thp, shared_hugetlb, private_hugetlb, swap, swap_pss, locked
    });
    structure!("task_diag_files" TaskDiagFiles {
        limit_soft, limit_hard, total, regular, socket, pipe, eventfd, epoll, other, valid
    });
    structure!("task_diag_ident" TaskDiagIdent {
        start_time, pidfd_ino, flags, valid
    });
    structure!("task_diag_ns" TaskDiagNs {
        valid,
        cgroup, ipc, mnt, net, pid, pid_for_children, time, time_for_children, user, uts,
        cgroup_id, ipc_id, mnt_id, net_id, pid_id, pid_for_children_id, time_id,
        time_for_children_id, user_id, uts_id
    });
    structure!("task_diag_cgroup" TaskDiagCgroup {
        id, path_off, flags
    });
    structure!("task_diag_features" TaskDiagFeatures {
        groups, strategies, filters, options, vma_flags, recv_min, pad as "__pad"
    });
    facts
}

fn size_of_field<S, F>(_: impl Fn(&S) -> &F) -> usize {
    size_of::<F>()
}

fn size(structure: &str) -> String {
    format!("sizeof(struct {structure})")
}

fn offset(structure: &str, field: &str) -> String {
    format!("offsetof(struct {structure}, {field})")
}

fn field_size(structure: &str, field: &str) -> String {
    format!("sizeof(((struct {structure} *)0)->{field})")
}

/// The header without its comments and the backslashes that go on a line.
fn header() -> String {
    let path = Path::new(INCLUDE).join(HEADER);
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
        .replace("\\\n", " ");
    let mut code = String::new();
    let mut rest = text.as_str();
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        code.push(' ');
        rest = comment.split_once("*/").expect("a comment without end").1;
    }
    code + rest
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// The names of all numbers that the header defines: the `#define`s, and what
/// stands in its `enum`s.
fn numbers_in(header: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut code = String::new();
    for line in header.lines() {
        match line.trim_start().strip_prefix("#define") {
            Some(define) => {
                let name = words(define).next().expect("a define without a name");
                let value = define.trim_start().strip_prefix(name).unwrap();
                assert!(!value.starts_with('('), "{name}: a macro with arguments");
                let value = value.trim();
                // The guard has no value, and the family's name is no number.
                if !value.is_empty() && !value.starts_with('"') {
                    names.push(name.to_owned());
                }
            }
            None if line.trim_start().starts_with('#') => {}
            None => {
                code.push_str(line);
                code.push('\n');
            }
        }
    }
    for part in code.split("enum").skip(1) {
        let body = part.split_once('{').expect("an enum without a body").1;
        let body = body.split_once('}').expect("an enum without end").0;
        names.extend(
            body.split(',')
                .filter_map(|entry| words(entry).next())
                .map(str::to_owned),
        );
    }
    names
}

/// The structures that the header defines, and their fields.
fn structures_in(header: &str) -> Vec<(String, Vec<String>)> {
    let mut structures = Vec::new();
    for (at, keyword) in header.match_indices("struct ") {
        let rest = header[at + keyword.len()..].trim_start();
        let name = words(rest).next().expect("a structure without a name");
        // What uses a structure goes on with the name of a field.
        let Some(body) = rest[name.len()..].trim_start().strip_prefix('{') else {
            continue;
        };
        let body = body.split_once('}').expect("a structure without end").0;
        let fields = body
            .split(';')
            .filter(|field| !field.trim().is_empty())
            .map(|field| {
                let declared = field.split('[').next().unwrap();
                assert!(!declared.contains(','), "{name}: one field a declaration");
                words(declared).last().unwrap().to_owned()
            })
            .collect();
        structures.push((name.to_owned(), fields));
    }
    structures
}

/// What the C compiler makes of these expressions.
fn compile(expressions: &[String]) -> Facts {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "abi-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    fs::create_dir_all(&dir).unwrap();
    let source = dir.join("abi.c");
    let program = dir.join("abi");
    let mut c = format!("#include <stddef.h>\n#include <stdio.h>\n#include <{HEADER}>\n");
    c += "int main(void)\n{\n";
    for expression in expressions {
        c += &format!("\tprintf(\"%s=%lld\\n\", \"{expression}\", (long long)({expression}));\n");
    }
    c += "\tprintf(\"name=%s\\n\", TASK_DIAG_GENL_NAME);\n";
    c += "\tprintf(\"file=%s\\n\", TASK_DIAG_PROC_NAME);\n\treturn 0;\n}\n";
    fs::write(&source, c).unwrap();

    let compiled = Command::new("cc")
        .args(["-std=gnu11", "-Wall", "-Werror", "-I", INCLUDE, "-o"])
        .arg(&program)
        .arg(&source)
        .output()
        .expect("this test needs a C compiler: cc in PATH");
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    let printed = Command::new(&program).output().unwrap();
    assert!(printed.status.success());
    fs::remove_dir_all(&dir).unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let mut facts = Facts::new();
    for line in printed.lines() {
        let (expression, value) = line.rsplit_once('=').unwrap();
        if expression == "name" {
            assert_eq!(value, TASK_DIAG_GENL_NAME);
        } else if expression == "file" {
            assert_eq!(value, TASK_DIAG_PROC_NAME);
        } else {
            facts.insert(expression.to_owned(), value.parse().unwrap());
        }
    }
    facts
}

/// Both sides have the same entries with the same values; tells all that
/// differ.
fn assert_same(c: &Facts, rust: &Facts) {
    let mut wrong = Vec::new();
    for (name, value) in c {
        match rust.get(name) {
            None => wrong.push(format!("{name}: {value} in C, missing in Rust")),
            Some(other) if other != value => {
                wrong.push(format!("{name}: {value} in C, {other} in Rust"));
            }
            Some(_) => {}
        }
    }
    for name in rust.keys().filter(|name| !c.contains_key(*name)) {
        wrong.push(format!("{name}: not in the header"));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_number_and_structure_is_mirrored() {
    let header = header();
    let mut expressions = numbers_in(&header);
    for (structure, fields) in structures_in(&header) {
        expressions.push(size(&structure));
        for field in fields {
            expressions.push(offset(&structure, &field));
            expressions.push(field_size(&structure, &field));
        }
    }
    let mut rust = numbers();
    rust.extend(structures());
    assert_same(&compile(&expressions), &rust);
}

/// What the specification need not say: what only C counts with, and the
/// message types of the transaction file, which is no generic netlink.
fn is_for_c_alone(name: &str) -> bool {
    name.ends_with("_UNSPEC")
        || name.ends_with("_MAX")
        || name.starts_with("TASK_DIAG_GROUP_")
        || [
            "TASK_DIAG_ATTR_FILTERS",
            "TASK_DIAG_ATTR_GROUPS",
            "TASK_DIAG_COMM_LEN",
            "TASK_DIAG_GENL_VERSION",
            "TASK_DIAG_NLMSG_BASE",
            "TASK_DIAG_NS_IDS",
        ]
        .contains(&name)
}

#[test]
fn every_number_is_in_the_specification() {
    let mut names = numbers_in(&header());
    names.retain(|name| !is_for_c_alone(name));
    let said: Facts = Spec::read().numbers().into_iter().collect();
    assert_same(&compile(&names), &said);
}

#[test]
fn every_structure_is_in_the_specification() {
    // Capability sets are bytes there, as YNL nests structures in attributes only.
    let mut structures = structures_in(&header());
    structures.retain(|(name, _)| name != "task_diag_caps");
    let mut expressions = Vec::new();
    for (structure, fields) in &structures {
        expressions.push(size(structure));
        expressions.extend(fields.iter().map(|field| offset(structure, field)));
        expressions.extend(fields.iter().map(|field| field_size(structure, field)));
    }
    let mut said = Facts::new();
    for (structure, fields) in Spec::read().structures() {
        let mut at = 0;
        for (field, len) in fields {
            said.insert(offset(&structure, &field), at);
            said.insert(field_size(&structure, &field), len);
            at += len;
        }
        said.insert(size(&structure), at);
    }
    assert_same(&compile(&expressions), &said);
}

/// An attribute that is one structure and nothing else says so.
#[test]
fn attributes_have_their_structures_in_the_specification() {
    let wanted = [
        ("cmd-attr-get", "task_diag_pid"),
        ("msg", "task_diag_msg"),
        ("features", "task_diag_features"),
        ("absent", "task_diag_absent"),
        ("base", "task_diag_base"),
        ("cred", "task_diag_creds"),
        ("stat", "task_diag_stat"),
        ("files", "task_diag_files"),
        ("ident", "task_diag_ident"),
        ("ns", "task_diag_ns"),
    ];
    for (attribute, structure) in Spec::read().of_attributes() {
        let wanted = wanted.iter().find(|(name, _)| *name == attribute);
        assert_eq!(
            structure.as_deref(),
            wanted.map(|(_, name)| *name),
            "{attribute}"
        );
    }
}

/// The names come from a reader of C that is just good enough for the header;
/// this holds it to what it must find.
#[test]
fn names_are_found_in_every_form() {
    let code = "#define GUARD\n#define NAME \"n\"\n#define ONE 1\n#include <x.h>\n\
                enum {\n\tA,\n\tB = A + 4,\n\n\t__MAX,\n#define MAX (__MAX - 1)\n};\n\
                struct s {\n\t__u32\tx;\n\tchar\ty[ONE];\n};\n\
                struct t {\n\tstruct s z[2];\n};\n";
    let mut numbers = numbers_in(code);
    numbers.sort();
    assert_eq!(numbers, ["A", "B", "MAX", "ONE", "__MAX"]);
    let fields = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(
        structures_in(code),
        [
            ("s".to_owned(), fields(&["x", "y"])),
            ("t".to_owned(), fields(&["z"])),
        ]
    );
}
