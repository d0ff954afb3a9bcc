// SPDX-License-Identifier: MIT
//! `--maps`, `--smaps` and rows of memory mappings, against procfs.

use std::fs;

use crate::common::{Sleeper, answer, objects};

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn maps_and_smaps_equal_those_of_procfs() {
    let sleeper = Sleeper::start(&mut Sleeper::shell());
    let pid = sleeper.pid().to_string();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("procfs");
    assert_eq!(answer(&["--maps", &pid]), maps);

    // What the kernel does not tell here is of page sizes and keys; and who
    // looks shares libraries with what is looked at.
    let left_out = [
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
            .filter(|line| !left_out.iter().any(|name| line.starts_with(name)))
            .map(str::to_owned)
            .collect()
    };
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).expect("procfs");
    let text = answer(&["--smaps", &pid]);
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
    let first = maps.lines().next().expect("an area");
    let start = rows[0]["vm_start"].as_str().expect("an address");
    assert!(first.starts_with(&format!("{start}-")), "{first}: {rows:?}");

    let executable = objects(&["--pid", &pid, "--show", "vma", "--filter", "vma=exec+file"]);
    let expected = maps
        .lines()
        .filter(|line| line.contains("r-xp") && line.contains('/'))
        .count();
    assert_eq!(executable.len(), expected);
}
