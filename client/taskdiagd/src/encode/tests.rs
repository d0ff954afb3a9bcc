// SPDX-License-Identifier: MIT
//! Tasks that are encoded and parsed again.

use taskdiag::reassembly::{Event, Reassembly};
use taskdiag::{
    Absent, Base, CapSet, Cgroup, Cmdline, Comm, Cred, Environ, FileCounts, Files, Framing, Ident,
    Io, IoPriority, Limits, Memory, Ns, NsPid, Oom, Pid, RECEIVE_BUFFER, Show, Signals, Stat,
    State, Task, Vma, VmaFlags, VmaStat,
};

use super::*;

const REQUEST: [u8; 16] = [16, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];

/// Encodes a task, and parses the messages.
fn round_trip(task: &Task) -> (Task, usize) {
    let mut messages = Vec::new();
    let mut encoder = RowEncoder::new(&REQUEST, true);
    encoder.encode(TaskRef::from(task), &mut |message| {
        assert!(message.len() <= RECEIVE_BUFFER, "{}", message.len());
        messages.push(message.to_vec());
    });
    let mut reassembly = Reassembly::new(Framing::Plain, 7, 0);
    reassembly.accept_forwarded(true);
    for message in &messages {
        let mut feed = reassembly.feed(message);
        if let Event::Task(parsed) = feed.next().unwrap() {
            return (parsed.to_owned(), messages.len());
        }
    }
    panic!("no task in {} messages", messages.len());
}

/// `$type` with these fields: its structures are not exhaustive.
macro_rules! with {
    ($type:ty { $($field:ident: $value:expr),* $(,)? }) => {{
        let mut value = <$type>::default();
        $(value.$field = $value;)*
        value
    }};
}

fn task(pid: Pid) -> Task {
    with!(Task {
        pid: pid,
        tgid: pid,
        base: Some(with!(Base {
            pid: pid,
            tgid: pid,
            ppid: 1,
            tpid: Some(9),
            sid: None,
            pgid: Some(0),
            state: State::Zombie,
            comm: Comm::new(b"sh"),
        })),
        cred: Some(with!(Cred {
            uid: Some(0),
            euid: Some(3),
            suid: Some(0),
            fsuid: Some(0),
            cap_effective: Some(CapSet(1 << 5)),
            no_new_privs: Some(true)
        })),
        stat: Some(with!(Stat {
            start_time: 5,
            tty_pgrp: -1,
            run_delay: Some(0),
            memory: Some(with!(Memory {
                vsize: 4096,
                rss: Some(8192),
                locked: Some(1)
            })),
            exit_code: Some(3 << 8),
        })),
        ident: Some(with!(Ident {
            start_time: 6,
            pidfd_ino: Some(7),
            leader: true
        })),
        ns: Some(with!(Ns {
            mnt: Some(8),
            user_id: Some(9)
        })),
        files: Some(with!(Files {
            limit_soft: Some(0),
            limit_hard: Some(u64::MAX),
            total: Some(3),
            counts: Some(with!(FileCounts { total: 3, other: 1 })),
        })),
        io: Some(with!(Io {
            rchar: 11,
            cancelled_write_bytes: 12
        })),
        signals: Some(with!(Signals {
            pending: 13,
            queued: 14
        })),
        limits: Some(Limits::default()),
        oom: Some(with!(Oom {
            score_adj: -15,
            score: 16
        })),
        sched: Some(with!(Sched<'static> {
            policy: 6,
            nice: -5,
            flags: Some(1),
            runtime: Some(17),
            deadline: Some(18),
            period: Some(19),
            util_min: Some(0),
            util_max: Some(1024),
            ioprio: Some(IoPriority::new(0)),
            ioprio_effective: Some(IoPriority::new(1 << 13 | 3)),
            timer_slack: Some(50_000),
            autogroup: Some(20),
            autogroup_nice: Some(-21),
            cpus: Some([0, 1, 127].into_iter().collect()),
            mems: Some([64].into_iter().collect()),
        })),
        nspids: Some(vec![
            with!(NsPid {
                tgid: 22,
                pid: 23,
                pgid: 24,
                sid: 25
            }),
            NsPid::default(),
        ]),
        cgroup: Some(with!(Cgroup<'static> {
            id: Some(10),
            deleted: true,
            path: Some(b"/a (deleted)".into()),
        })),
        paths: Some(with!(Paths<'static> {
            exe: Some(with!(TaskPath<'static> {
                path: Some(b"/bin/x (deleted)".into()),
                deleted: true,
            })),
            cwd: Some(TaskPath::default()),
        })),
    })
}

#[test]
fn every_group_is_parsed_as_it_was_encoded() {
    let mut expected = task(7);
    expected.cmdline = Some(Cmdline::from(b"a\0b\0".to_vec()));
    expected.environ = Some(Environ::from(b"A=1\0".to_vec()));
    expected.absent.denied = Show::VMA;
    let (parsed, messages) = round_trip(&expected);
    assert_eq!((parsed, messages), (expected, 1));

    let mut cached = task(7);
    cached.cached = true;
    assert!(round_trip(&cached).0.cached);
    let empty = with!(Task { pid: 7, tgid: 7 });
    assert_eq!(round_trip(&empty).0, empty);
}

#[test]
fn long_groups_are_split_into_messages() {
    let name = |i: u64| b"n".repeat(i as usize % 4000);
    let mut expected = task(7);
    expected.cmdline = Some(Cmdline::from(vec![b'x'; 100_001]));
    expected.environ = Some(Environ::from(vec![b'y'; 70_003]));
    let long = |byte| {
        Some(with!(TaskPath<'static> {
            path: Some(vec![byte; 4095].into())
        }))
    };
    expected.paths = Some(with!(Paths<'static> {
        exe: long(b'e'),
        cwd: long(b'c'),
        root: long(b'r'),
    }));
    expected.vmas = Some(
        (0..500)
            .map(|i| {
                with!(Vma<'static> {
                    start: i << 12,
                    end: (i + 1) << 12,
                    flags: VmaFlags::READ,
                    dev_minor: 3,
                    name: (i > 0).then(|| name(i).into()),
                })
            })
            .collect(),
    );
    expected.vma_stats = Some(
        (0..500)
            .map(|i| {
                with!(VmaStat {
                    start: i << 12,
                    end: (i + 1) << 12,
                    rss: i
                })
            })
            .collect(),
    );
    expected.absent = with!(Absent { gone: Show::VMA });
    let (parsed, messages) = round_trip(&expected);
    assert_eq!(parsed, expected);
    assert!(messages >= 10, "{messages}");
}

#[test]
fn empty_long_groups_are_present() {
    let mut expected = task(7);
    expected.cmdline = Some(Cmdline::default());
    expected.environ = Some(Environ::default());
    expected.paths = Some(Paths::default());
    expected.vmas = Some(vec![]);
    expected.vma_stats = Some(vec![]);
    assert_eq!(round_trip(&expected), (expected, 1));
}

/// Both attributes of the mappings are empty, and CMDLINE leaves too little space for
/// them in some of the messages.
#[test]
fn empty_mappings_after_long_cmdline_fit_in_message() {
    for len in 32_500..32_800 {
        let expected = with!(Task {
            pid: 7,
            tgid: 7,
            cmdline: Some(Cmdline::from(vec![b'x'; len])),
            vmas: Some(vec![]),
            vma_stats: Some(vec![]),
            absent: with!(Absent { gone: Show::NS }),
        });
        assert_eq!(round_trip(&expected).0, expected, "{len}");
    }
}
