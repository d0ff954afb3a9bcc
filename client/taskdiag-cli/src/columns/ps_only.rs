// SPDX-License-Identifier: MIT
//! Columns of `ps` whose data task_diag does not report.

/// Returns the file or program that `ps` reads such a column from.
pub(super) fn source(name: &str) -> Option<&'static str> {
    PS_ONLY
        .iter()
        .find(|(names, _)| names.contains(&name))
        .map(|(_, source)| *source)
}

#[rustfmt::skip]
const PS_ONLY: &[(&[&str], &str)] = &[
    (&["wchan", "wname", "nwchan"], "/proc/PID/wchan"),
    (&["luid"], "/proc/PID/loginuid"),
    (&["label", "context", "zone"], "/proc/PID/attr/current"),
    (&["supgid", "supgrp"], "/proc/PID/status"),
    (&["sig", "tsig"], "/proc/PID/status"),
    (&["eip", "esp", "stackp", "start_stack", "lim"], "/proc/PID/stat"),
    (&["drs", "dsiz", "m_drs", "trs", "trss", "tsiz", "m_trs"], "the addresses in /proc/PID/stat; see size and text"),
    (&["lsession", "machine", "ouid", "seat", "slice", "unit", "uunit"], "systemd"),
    (&["cgname", "lxc", "docker"], "/proc/PID/cgroup; see cgpath"),
    (&["numa"], "/sys/devices/system/node"),
];
