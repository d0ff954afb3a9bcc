// SPDX-License-Identifier: MIT
//! Compares the Rust mirror of the ABI and the YNL specification with the header.
//!
//! The names come from the header, so the test fails for a name that the mirror
//! lacks. The C compiler evaluates them. A second comparison finds numbers,
//! structures and fields of the mirror that the header does not have.

mod frozen;
mod spec;

use std::collections::BTreeMap;
use std::fs;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use spec::Spec;
use taskdiag::abi::*;

// A link to the header of the repository, so that a package contains it.
const INCLUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/abi/include");
const HEADER: &str = "linux/taskdiag.h";

/// C expressions and their values.
type Values = BTreeMap<String, i128>;

/// Returns every number of the mirror by its name in the header.
fn numbers() -> Values {
    macro_rules! numbers {
        ($($name:ident)*) => { [$((stringify!($name), number($name))),*] };
    }
    let mut values: Values = numbers![
        TASK_DIAG_GENL_VERSION TASK_DIAG_NLMSG_BASE
        TASK_DIAG_CMD_UNSPEC TASK_DIAG_CMD_GET TASK_DIAG_CMD_FEATURES TASK_DIAG_CMD_MAX
        TASK_DIAG_GROUP_BASE TASK_DIAG_GROUP_CRED TASK_DIAG_GROUP_STAT TASK_DIAG_GROUP_VMA
        TASK_DIAG_GROUP_VMA_STAT TASK_DIAG_GROUP_CMDLINE TASK_DIAG_GROUP_FILES
        TASK_DIAG_GROUP_IDENT TASK_DIAG_GROUP_NS TASK_DIAG_GROUP_CGROUP
        TASK_DIAG_GROUP_IO TASK_DIAG_GROUP_SIGNALS TASK_DIAG_GROUP_LIMITS TASK_DIAG_GROUP_OOM
        TASK_DIAG_GROUP_PATHS TASK_DIAG_GROUP_ENVIRON
        TASK_DIAG_GROUP_SCHED TASK_DIAG_GROUP_NSPID
        TASK_DIAG_GROUP_MAX
        TASK_DIAG_SHOW_BASE TASK_DIAG_SHOW_CRED TASK_DIAG_SHOW_STAT TASK_DIAG_SHOW_VMA
        TASK_DIAG_SHOW_VMA_STAT TASK_DIAG_SHOW_CMDLINE TASK_DIAG_SHOW_FILES
        TASK_DIAG_SHOW_IDENT TASK_DIAG_SHOW_NS TASK_DIAG_SHOW_CGROUP
        TASK_DIAG_SHOW_IO TASK_DIAG_SHOW_SIGNALS TASK_DIAG_SHOW_LIMITS TASK_DIAG_SHOW_OOM
        TASK_DIAG_SHOW_PATHS TASK_DIAG_SHOW_ENVIRON
        TASK_DIAG_SHOW_SCHED TASK_DIAG_SHOW_NSPID
        TASK_DIAG_FILTER_UID TASK_DIAG_FILTER_CGROUP TASK_DIAG_FILTER_STATES
        TASK_DIAG_FILTER_COMM TASK_DIAG_FILTER_PIDS TASK_DIAG_FILTER_VMA_FLAGS
        TASK_DIAG_FILTER_MAX
        TASK_DIAG_ATTR_FILTERS TASK_DIAG_ATTR_GROUPS
        TASK_DIAG_ATTR_UNSPEC TASK_DIAG_CMD_ATTR_GET TASK_DIAG_MSG
        TASK_DIAG_ABSENT TASK_DIAG_CMD_ATTR_PIDNS_FD TASK_DIAG_CMD_ATTR_PIDFD
        TASK_DIAG_CMD_ATTR_PROC_FD
        TASK_DIAG_PAD TASK_DIAG_CMD_ATTR_UID TASK_DIAG_CMD_ATTR_CGROUP
        TASK_DIAG_CMD_ATTR_STATES TASK_DIAG_CMD_ATTR_COMM TASK_DIAG_CMD_ATTR_PIDS
        TASK_DIAG_CMD_ATTR_VMA_FLAGS TASK_DIAG_FEATURES TASK_DIAG_BASE TASK_DIAG_CRED
        TASK_DIAG_STAT TASK_DIAG_VMA TASK_DIAG_VMA_STAT TASK_DIAG_CMDLINE TASK_DIAG_FILES
        TASK_DIAG_IDENT TASK_DIAG_NS TASK_DIAG_CGROUP TASK_DIAG_IO TASK_DIAG_SIGNALS
        TASK_DIAG_LIMITS TASK_DIAG_OOM TASK_DIAG_PATHS TASK_DIAG_ENVIRON TASK_DIAG_SCHED
        TASK_DIAG_NSPID TASK_DIAG_RLIMITS TASK_DIAG_ATTR_MAX
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
        TASK_DIAG_SCHED_VALID_FLAGS TASK_DIAG_SCHED_VALID_RUNTIME
        TASK_DIAG_SCHED_VALID_DEADLINE TASK_DIAG_SCHED_VALID_UCLAMP
        TASK_DIAG_SCHED_VALID_IOPRIO TASK_DIAG_SCHED_VALID_TIMER_SLACK
        TASK_DIAG_SCHED_VALID_AUTOGROUP TASK_DIAG_SCHED_VALID_CPUS
        TASK_DIAG_SCHED_VALID_MEMS
        TASK_DIAG_NS_CGROUP TASK_DIAG_NS_IPC TASK_DIAG_NS_MNT TASK_DIAG_NS_NET
        TASK_DIAG_NS_PID TASK_DIAG_NS_PID_FOR_CHILDREN TASK_DIAG_NS_TIME
        TASK_DIAG_NS_TIME_FOR_CHILDREN TASK_DIAG_NS_USER TASK_DIAG_NS_UTS
        TASK_DIAG_NS_MAX TASK_DIAG_NS_IDS
        TASK_DIAG_PATH_EXE TASK_DIAG_PATH_CWD TASK_DIAG_PATH_ROOT TASK_DIAG_PATH_MAX
        TASK_DIAG_PATH_DELETED TASK_DIAG_PATH_TOO_LONG
        TASK_DIAG_CGROUP_DELETED TASK_DIAG_OPTION_PIDNS_FD TASK_DIAG_OPTION_PIDFD
        TASK_DIAG_OPTION_PROC_FD TASK_DIAG_OPTION_STRICT TASK_DIAG_CRED_VALID_SECUREBITS
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    // Names that are private to the header, one more than the highest number each.
    for (name, highest) in [
        ("__TASK_DIAG_CMD_MAX", i128::from(TASK_DIAG_CMD_MAX)),
        ("__TASK_DIAG_GROUP_MAX", i128::from(TASK_DIAG_GROUP_MAX)),
        ("__TASK_DIAG_FILTER_MAX", i128::from(TASK_DIAG_FILTER_MAX)),
        ("__TASK_DIAG_NS_MAX", i128::from(TASK_DIAG_NS_MAX)),
        ("__TASK_DIAG_PATH_MAX", i128::from(TASK_DIAG_PATH_MAX)),
        ("__TASK_DIAG_ATTR_MAX", i128::from(TASK_DIAG_ATTR_MAX)),
        ("__TASK_DIAG_DUMP_MAX", i128::from(TASK_DIAG_DUMP_MAX)),
    ] {
        values.insert(name.to_owned(), highest + 1);
    }
    values
}

fn number(value: impl TryInto<i128, Error: std::fmt::Debug>) -> i128 {
    value.try_into().unwrap()
}

/// Returns the size of every structure of the mirror, and the offset and the size
/// of each field.
fn structures() -> Values {
    let mut values = Values::new();
    macro_rules! structure {
        ($c:literal $rust:ident { $($field:ident $(as $c_field:literal)?),* }) => {
            values.insert(size($c), number(size_of::<$rust>()));
            $(
                let name = [$($c_field,)? stringify!($field)][0];
                values.insert(offset($c, name), number(offset_of!($rust, $field)));
                values.insert(field_size($c, name), number(size_of_field(|s: &$rust| &s.$field)));
            )*
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
        securebits, no_new_privs, valid
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
    structure!("task_diag_io" TaskDiagIo {
        rchar, wchar, syscr, syscw, read_bytes, write_bytes, cancelled_write_bytes
    });
    structure!("task_diag_signals" TaskDiagSignals {
        pending, shared_pending, blocked, ignored, caught, queue_limit, queued, pad as "__pad"
    });
    structure!("task_diag_rlimit" TaskDiagRlimit { soft, hard });
    structure!("task_diag_limits" TaskDiagLimits { limit });
    structure!("task_diag_oom" TaskDiagOom { score_adj, score });
    structure!("task_diag_path" TaskDiagPath { len, path_off, kind, flags });
    structure!("task_diag_sched" TaskDiagSched {
        flags, runtime, deadline, period, timer_slack, autogroup, policy, nice, priority,
        rt_priority, autogroup_nice, util_min, util_max, ioprio, ioprio_effective, cpus_off,
        cpus_len, mems_off, mems_len, valid
    });
    structure!("task_diag_nspid" TaskDiagNspid { tgid, pid, pgid, sid });
    structure!("task_diag_features" TaskDiagFeatures {
        groups, strategies, filters, options, vma_flags, recv_min, pad as "__pad"
    });
    values
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

/// Returns the header without comments and without line continuations.
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

/// Returns the names of all numbers that the header defines, in a `#define` or in
/// an `enum`.
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
                // The include guard has no value, and strings are not numbers.
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

/// Returns the structures that the header defines, with their fields.
fn structures_in(header: &str) -> Vec<(String, Vec<String>)> {
    let mut structures = Vec::new();
    for (at, keyword) in header.match_indices("struct ") {
        let rest = header[at + keyword.len()..].trim_start();
        let name = words(rest).next().expect("a structure without a name");
        // A name without a body is the type of a field.
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

/// Returns the values of these expressions, evaluated by the C compiler.
fn compile(expressions: &[String]) -> Values {
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
    let mut values = Values::new();
    for line in printed.lines() {
        let (expression, value) = line.rsplit_once('=').unwrap();
        if expression == "name" {
            assert_eq!(value, TASK_DIAG_GENL_NAME);
        } else if expression == "file" {
            assert_eq!(value, TASK_DIAG_PROC_NAME);
        } else {
            values.insert(expression.to_owned(), value.parse().unwrap());
        }
    }
    values
}

/// Asserts that both sides have the same names with the same values, and lists all
/// differences.
fn assert_same(c: &Values, rust: &Values) {
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
fn mirror_has_every_number_and_structure_of_the_header() {
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

/// Reads a source file of the repository.
fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the word behind each occurrence of a keyword at the start of a line.
fn words_behind<'a>(source: &'a str, keyword: &'a str) -> impl Iterator<Item = &'a str> {
    source
        .lines()
        .filter_map(move |line| line.trim_start().strip_prefix(keyword))
        .filter_map(|rest| words(rest).next())
}

/// `TaskDiagVmaStat` is `task_diag_vma_stat` in C.
fn c_structure_name(rust: &str) -> String {
    let mut name = String::new();
    for letter in rust.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[test]
fn header_has_every_number_and_structure_of_the_mirror() {
    let mirror = source("src/abi.rs");
    let mut numbers: Vec<_> = numbers().into_keys().collect();
    numbers.retain(|name| !name.starts_with("__"));
    numbers.extend(["TASK_DIAG_GENL_NAME", "TASK_DIAG_PROC_NAME"].map(str::to_owned));
    numbers.sort();
    let mut constants: Vec<_> = words_behind(&mirror, "pub const TASK_DIAG")
        .map(|rest| format!("TASK_DIAG{rest}"))
        .collect();
    constants.sort();
    assert_eq!(constants, numbers);

    let mut fields = Vec::new();
    for part in mirror.split("\npub struct ").skip(1) {
        let (name, body) = part.split_once(" {").expect("a structure with fields");
        let name = c_structure_name(name);
        let (body, _) = body.split_once("\n}").expect("the end of a structure");
        fields.extend(words_behind(body, "pub ").map(|field| match field {
            "pad" => offset(&name, "__pad"),
            field => offset(&name, field),
        }));
    }
    fields.sort();
    let mut offsets: Vec<_> = structures().into_keys().collect();
    offsets.retain(|expression| expression.starts_with("offsetof"));
    offsets.sort();
    assert_eq!(fields, offsets);
}

#[test]
fn attribute_name_is_the_name_in_the_header() {
    for (name, number) in numbers() {
        let is_attribute = match name.strip_prefix("TASK_DIAG_") {
            Some(rest) => {
                rest.starts_with("CMD_ATTR_")
                    || ["MSG", "PAD", "FEATURES", "ABSENT"].contains(&rest)
                    || numbers().contains_key(&format!("TASK_DIAG_GROUP_{rest}"))
            }
            None => false,
        };
        let kind = u16::try_from(number).unwrap_or_default();
        if is_attribute {
            assert_eq!(attribute_name(kind), Some(name.as_str()));
        }
    }
    assert_eq!(attribute_name(TASK_DIAG_ATTR_UNSPEC), None);
    assert_eq!(attribute_name(TASK_DIAG_ATTR_MAX + 1), None);
}

/// Whether the specification does not need this number: it is an aid for C code, or
/// belongs to the transaction file, which is not generic netlink.
fn is_only_in_c(name: &str) -> bool {
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
            "TASK_DIAG_RLIMITS",
        ]
        .contains(&name)
}

#[test]
fn specification_has_every_number_of_the_header() {
    let mut names = numbers_in(&header());
    names.retain(|name| !is_only_in_c(name));
    let specified: Values = Spec::read().numbers().into_iter().collect();
    assert_same(&compile(&names), &specified);
}

#[test]
fn specification_has_every_structure_of_the_header() {
    // Capability sets are bytes there, as YNL nests structures in attributes only.
    let mut structures = structures_in(&header());
    structures.retain(|(name, _)| name != "task_diag_caps");
    let mut expressions = Vec::new();
    for (structure, fields) in &structures {
        expressions.push(size(structure));
        expressions.extend(fields.iter().map(|field| offset(structure, field)));
        expressions.extend(fields.iter().map(|field| field_size(structure, field)));
    }
    let mut specified = Values::new();
    for (structure, fields) in Spec::read().structures() {
        let mut at = 0;
        for (field, len) in fields {
            specified.insert(offset(&structure, &field), at);
            specified.insert(field_size(&structure, &field), len);
            at += len;
        }
        specified.insert(size(&structure), at);
    }
    assert_same(&compile(&expressions), &specified);
}

/// Attributes that consist of one structure have it in the specification.
#[test]
fn specification_has_the_structure_of_each_attribute() {
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
        ("io", "task_diag_io"),
        ("signals", "task_diag_signals"),
        ("limits", "task_diag_limits"),
        ("oom", "task_diag_oom"),
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

/// The reader of C supports the subset of the language that the header uses.
#[test]
fn reader_of_c_finds_numbers_and_structures_of_every_form() {
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
