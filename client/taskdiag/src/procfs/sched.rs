// SPDX-License-Identifier: MIT
//! The group SCHED: `/proc/PID/stat`, `status`, `timerslack_ns` and `autogroup`, and the
//! values that only system calls return.

use super::dir::{Proc, ReadError, TaskDir, optional};
use super::parse::{self, Stat, field};
use super::target::Target;
use crate::sys::{SchedAttr, ioprio_get, sched_getattr};
use crate::task::{IoPriority, NumberSet, Sched};

/// `SCHED_*` of `<linux/sched.h>`.
const FIFO: u32 = 1;
const RR: u32 = 2;
const IDLE: u32 = 5;
const DEADLINE: u32 = 6;

/// Reads the group. System calls take a pid of the caller's namespace, so without
/// `own_pids` they are not called.
pub(super) fn read(
    proc: &mut Proc,
    dir: &TaskDir,
    target: Target,
    stat: &Stat,
    own_pids: bool,
) -> Result<Sched<'static>, ReadError> {
    let mut sched = Sched {
        policy: stat.get(field::POLICY) as u32,
        nice: stat.get(field::NICE) as i32,
        priority: stat.get(field::PRIORITY) as i32,
        rt_priority: stat.get(field::RT_PRIORITY) as u32,
        ..Sched::default()
    };
    if own_pids {
        if let Ok(attr) = sched_getattr(target.pid) {
            set_attr(&mut sched, &attr);
        }
        set_ioprio(&mut sched, ioprio_get(target.pid).ok());
    }
    if let Some(status) = optional(proc.read_in(dir, "status"))? {
        sched.cpus = list_in(status, b"Cpus_allowed_list:");
        sched.mems = list_in(status, b"Mems_allowed_list:");
    }
    // /proc/PID/task/TID has no such files, but /proc/TID has.
    let pid = target.pid;
    let slack = optional(proc.read(format_args!("{pid}/timerslack_ns")))?;
    sched.timer_slack = slack.and_then(|text| parse::number(parse::words(text).next()?));
    let autogroup = optional(proc.read(format_args!("{pid}/autogroup")))?;
    let autogroup = autogroup.and_then(autogroup_in);
    sched.autogroup = autogroup.map(|(number, _)| number);
    sched.autogroup_nice = autogroup.map(|(_, nice)| nice);
    Ok(sched)
}

/// Sets the fields that `stat` does not have.
fn set_attr(sched: &mut Sched<'_>, attr: &SchedAttr) {
    sched.flags = Some(attr.flags);
    sched.runtime = (attr.runtime != 0).then_some(attr.runtime);
    let is_deadline = attr.policy == DEADLINE;
    sched.deadline = is_deadline.then_some(attr.deadline);
    sched.period = is_deadline.then_some(attr.period);
    // A kernel without utilization clamping returns zeros.
    let has_clamps = attr.util_max != 0;
    sched.util_min = has_clamps.then_some(attr.util_min);
    sched.util_max = has_clamps.then_some(attr.util_max);
}

fn set_ioprio(sched: &mut Sched<'_>, value: Option<u32>) {
    let set = value.map(IoPriority::new);
    sched.ioprio = set;
    sched.ioprio_effective = set.map(|set| match set.class {
        0 => derived(sched.policy, sched.nice),
        _ => set,
    });
}

/// Returns the IO priority of a thread that has not set one.
fn derived(policy: u32, nice: i32) -> IoPriority {
    IoPriority {
        class: match policy {
            IDLE => 3,
            FIFO | RR | DEADLINE => 1,
            _ => 2,
        },
        data: u32::try_from((nice + 20) / 5).unwrap_or(0),
    }
}

/// Returns the list in this line of `status`.
fn list_in(status: &[u8], name: &[u8]) -> Option<NumberSet<'static>> {
    let mut lines = status.split(|&byte| byte == b'\n');
    let list = lines.find_map(|line| line.strip_prefix(name))?;
    std::str::from_utf8(list.trim_ascii()).ok()?.parse().ok()
}

/// Parses "/autogroup-12 nice -3".
fn autogroup_in(text: &[u8]) -> Option<(u64, i32)> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let (number, nice) = text.strip_prefix("/autogroup-")?.split_once(" nice ")?;
    Some((number.parse().ok()?, nice.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn autogroup_has_a_number_and_a_nice_value() {
        assert_eq!(autogroup_in(b"/autogroup-12 nice -3\n"), Some((12, -3)));
        assert_eq!(autogroup_in(b"/autogroup-x nice 0\n"), None);
        assert_eq!(autogroup_in(b""), None);
    }

    #[test]
    fn lists_are_found_by_name() {
        let status = b"Name:\tCpus_allowed_list: 9\nCpus_allowed:\tf\nCpus_allowed_list:\t0-3\n";
        let cpus = list_in(status, b"Cpus_allowed_list:").unwrap();
        assert_eq!(cpus.to_string(), "0-3");
        assert_eq!(list_in(status, b"Mems_allowed_list:"), None);
    }

    #[test]
    fn io_priority_is_derived_unless_it_is_set() {
        for (policy, nice, value, effective) in [
            (0, 0, 0, (2, 4)),
            (0, -20, 0, (2, 0)),
            (0, 19, 0, (2, 7)),
            (5, 0, 0, (3, 4)),
            (6, 0, 0, (1, 4)),
            (1, 0, 2 << 13 | 7, (2, 7)),
        ] {
            let mut sched = Sched {
                policy,
                nice,
                ..Sched::default()
            };
            set_ioprio(&mut sched, Some(value));
            let priority = sched.ioprio_effective.unwrap();
            assert_eq!((priority.class, priority.level()), effective);
            assert_eq!(sched.ioprio.unwrap().value(), value);
            set_ioprio(&mut sched, None);
            assert_eq!((sched.ioprio, sched.ioprio_effective), (None, None));
        }
    }

    #[test]
    fn system_calls_are_those_of_this_thread() {
        let attr = sched_getattr(0).unwrap();
        assert_eq!(attr.policy, 0);
        assert!(ioprio_get(0).is_ok());
    }
}
