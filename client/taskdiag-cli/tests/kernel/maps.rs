// SPDX-License-Identifier: MIT
//! `--maps`, `--smaps` and rows of memory mappings, against procfs.

use std::fs;

use crate::common::{Sleeper, objects, output_of};

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn maps_and_smaps_equal_those_of_procfs() {
    let sleeper = Sleeper::start(&mut Sleeper::shell());
    let pid = sleeper.pid().to_string();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("procfs");
    assert_eq!(output_of(&["--maps", &pid]), maps);

    // task_diag does not report page sizes and keys. Counters of library pages
    // differ, because the reader shares these pages with the process.
    let excluded = [
        "KernelPageSize:",
        "MMUPageSize:",
        "THPeligible:",
        "ProtectionKey:",
        "Pss:",
        "Shared_Clean:",
        "Private_Clean:",
    ];
    let compared = |text: &str| -> Vec<String> {
        let lines = text.lines();
        lines
            .filter(|line| !excluded.iter().any(|name| line.starts_with(name)))
            .map(str::to_owned)
            .collect()
    };
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).expect("procfs");
    let text = output_of(&["--smaps", &pid]);
    assert_eq!(compared(&text), compared(&smaps));
    for name in ["Pss:", "Shared_Clean:", "Private_Clean:"] {
        let count = |text: &str| text.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!(count(&text), count(&smaps));
    }

    let rows = objects(&[
        "--pid",
        &pid,
        "--columns",
        "pid,vm_start,vm_perms,vm_rss,vm_path",
    ]);
    assert_eq!(rows.len(), maps.lines().count());
    let first = maps.lines().next().expect("a mapping");
    let start = rows[0]["vm_start"].as_str().expect("an address");
    assert!(first.starts_with(&format!("{start}-")), "{first}: {rows:?}");

    let executable = objects(&["--pid", &pid, "--show", "vma", "--filter", "vma=exec+file"]);
    let expected = maps
        .lines()
        .filter(|line| line.contains("r-xp") && line.contains('/'))
        .count();
    assert_eq!(executable.len(), expected);
}
