// SPDX-License-Identifier: MIT
//! The groups except BASE and CRED: every field, of structures of older and later
//! kernels, in the borrowed and the owned form; and malformed attributes.

mod common;

use common::*;
use proptest::prelude::*;
use taskdiag::{Error, NumberSet, Task, TaskRef, Vma, VmaFlags};

/// Returns a task with these attributes.
fn task(attributes: &[u8]) -> TaskRef<'_> {
    TaskRef::new(7, 7, attributes).unwrap()
}

fn what(attributes: &[u8]) -> String {
    match TaskRef::new(7, 7, attributes) {
        Err(Error::Decode { what }) => what,
        other => panic!("{other:?}"),
    }
}

/// Returns the owned form of a task, and asserts that both have the same fields.
fn owned(task: TaskRef<'_>) -> Task {
    let owned = task.to_owned();
    assert_eq!(owned.stat, task.stat());
    assert_eq!(owned.files, task.files());
    assert_eq!(owned.ident, task.ident());
    assert_eq!(owned.ns, task.ns());
    assert_eq!(owned.cgroup, task.cgroup());
    assert_eq!(owned.io, task.io());
    assert_eq!(owned.signals, task.signals());
    assert_eq!(owned.limits, task.limits());
    assert_eq!(owned.oom, task.oom());
    assert_eq!(owned.sched, task.sched());
    assert_eq!(owned.nspids, task.nspids().map(Iterator::collect));
    assert_eq!(owned.cmdline, task.cmdline());
    assert_eq!(owned.environ, task.environ());
    assert_eq!(owned.paths, task.paths());
    assert_eq!(owned.vmas, task.vmas().map(Iterator::collect));
    assert_eq!(owned.vma_stats, task.vma_stats().map(Iterator::collect));
    assert_eq!(owned.absent, task.absent());
    assert_eq!(owned.cached, task.is_cached());
    owned
}

/// Asserts that missing fields of a structure are read as zeros, and that unknown
/// fields behind it are ignored.
fn assert_grows<T: PartialEq + std::fmt::Debug>(
    kind: u16,
    value: &[u8],
    read: impl Fn(TaskRef<'_>) -> Option<T>,
) {
    let with = |value: &[u8]| read(task(&attribute(kind, value))).unwrap();
    let whole = with(value);
    assert_eq!(with(&[value, &[0xee; 24]].concat()), whole);
    for len in 0..value.len() {
        let mut short = value[..len].to_vec();
        let read = with(&short);
        short.resize(value.len(), 0);
        assert_eq!(read, with(&short), "{len} bytes");
    }
}

proptest! {
    #[test]
    fn stat_is_read(quad in any::<[u64; 24]>(), word in any::<[u32; 11]>(), unknown: u32) {
        // Bits that this version has no name for are ignored. Bits from 16 on belong
        // to the daemon.
        let valid = unknown & 0xffff | 0b1111;
        let value = [quads(&quad), words(&word), words(&[valid])].concat();
        let bytes = attribute(STAT, &value);
        let stat = owned(task(&bytes)).stat.unwrap();
        let memory = stat.memory.unwrap();
        prop_assert_eq!(quad, [
            stat.start_time, stat.utime, stat.stime, stat.gtime, stat.cutime,
            stat.cstime, stat.cgtime, stat.min_flt, stat.maj_flt, stat.cmin_flt,
            stat.cmaj_flt, stat.nvcsw.unwrap(), stat.nivcsw.unwrap(), stat.run_delay.unwrap(),
            stat.blkio_delay.unwrap(), memory.vsize, memory.rss_anon.unwrap(),
            memory.rss_file.unwrap(), memory.rss_shmem.unwrap(), memory.rss_peak.unwrap(),
            memory.swap.unwrap(), memory.text.unwrap(), memory.data.unwrap(),
            memory.locked.unwrap()
        ]);
        prop_assert_eq!(word, [
            stat.flags, stat.tty, stat.tty_pgrp.cast_unsigned(),
            stat.priority.cast_unsigned(), stat.nice.cast_unsigned(),
            stat.rt_priority, stat.policy, stat.num_threads, stat.processor,
            stat.exit_signal.cast_unsigned(), stat.exit_code.unwrap().cast_unsigned()
        ]);
        assert_grows(STAT, &value, |task| task.stat());
    }

    #[test]
    fn invalid_fields_of_stat_are_none(valid: u32) {
        let value = [quads(&[7; 24]), words(&[7; 11]), words(&[valid])].concat();
        let stat = owned(task(&attribute(STAT, &value))).stat.unwrap();
        let bit = |bit: u32| valid & 1 << bit != 0;
        prop_assert_eq!(stat.memory.is_some(), bit(0));
        prop_assert_eq!(stat.run_delay, bit(1).then_some(7));
        prop_assert_eq!(stat.blkio_delay, bit(2).then_some(7));
        prop_assert_eq!(stat.exit_code, bit(3).then_some(7));
        prop_assert_eq!((stat.utime, stat.processor), (7, 7));
    }

    #[test]
    fn files_are_read(
        limits in any::<[u64; 2]>(),
        word in any::<[u32; 7]>(),
        valid: u32,
    ) {
        // Bits from 16 on belong to the daemon.
        let valid = valid & 0xffff;
        let value = [quads(&limits), words(&word), words(&[valid])].concat();
        let bytes = attribute(FILES, &value);
        let files = owned(task(&bytes)).files.unwrap();
        prop_assert_eq!(limits.map(Some), [files.limit_soft, files.limit_hard]);
        let counts = files.counts.map(|counts| [
            counts.total, counts.regular, counts.socket, counts.pipe, counts.eventfd,
            counts.epoll, counts.other
        ]);
        prop_assert_eq!(counts, (valid & 1 != 0).then_some(word));
        assert_grows(FILES, &value, |task| task.files());
    }

    #[test]
    fn ident_is_read(start_time: u64, ino: u64, flags: u32, valid: u32) {
        let value = [quads(&[start_time, ino]), words(&[flags, valid])].concat();
        let bytes = attribute(IDENT, &value);
        let ident = owned(task(&bytes)).ident.unwrap();
        prop_assert_eq!(ident.start_time, start_time);
        prop_assert_eq!(ident.pidfd_ino, (valid & 1 != 0).then_some(ino));
        prop_assert_eq!(ident.leader, flags & 1 != 0);
        assert_grows(IDENT, &value, |task| task.ident());
    }

    #[test]
    fn ns_is_read(valid: u64, word in any::<[u32; 10]>(), quad in any::<[u64; 10]>()) {
        let value = [quads(&[valid]), words(&word), quads(&quad)].concat();
        let bytes = attribute(NS, &value);
        let ns = owned(task(&bytes)).ns.unwrap();
        let inodes = [
            ns.cgroup, ns.ipc, ns.mnt, ns.net, ns.pid, ns.pid_for_children, ns.time,
            ns.time_for_children, ns.user, ns.uts
        ];
        let ids = [
            ns.cgroup_id, ns.ipc_id, ns.mnt_id, ns.net_id, ns.pid_id,
            ns.pid_for_children_id, ns.time_id, ns.time_for_children_id, ns.user_id,
            ns.uts_id
        ];
        for bit in 0..10 {
            prop_assert_eq!(inodes[bit], (valid & 1 << bit != 0).then_some(word[bit]));
            prop_assert_eq!(ids[bit], (valid & 1 << (32 + bit) != 0).then_some(quad[bit]));
        }
        assert_grows(NS, &value, |task| task.ns());
    }

    #[test]
    fn io_is_read(quad in any::<[u64; 7]>()) {
        let value = quads(&quad);
        let bytes = attribute(IO, &value);
        let io = owned(task(&bytes)).io.unwrap();
        prop_assert_eq!(quad, [
            io.rchar, io.wchar, io.syscr, io.syscw, io.read_bytes, io.write_bytes,
            io.cancelled_write_bytes
        ]);
        assert_grows(IO, &value, |task| task.io());
    }

    #[test]
    fn signals_are_read(quad in any::<[u64; 6]>(), queued: u32) {
        let value = [quads(&quad), words(&[queued, 0])].concat();
        let bytes = attribute(SIGNALS, &value);
        let signals = owned(task(&bytes)).signals.unwrap();
        prop_assert_eq!(quad, [
            signals.pending, signals.shared_pending, signals.blocked, signals.ignored,
            signals.caught, signals.queue_limit
        ]);
        prop_assert_eq!(signals.queued, queued);
        assert_grows(SIGNALS, &value, |task| task.signals());
    }

    #[test]
    fn limits_are_read(quad in any::<[u64; 32]>()) {
        let value = quads(&quad);
        let bytes = attribute(LIMITS, &value);
        let limits = owned(task(&bytes)).limits.unwrap();
        for (resource, limit) in (0..).zip(quad.chunks_exact(2)) {
            let read = limits.get(resource).unwrap();
            prop_assert_eq!(limit, [read.soft, read.hard]);
        }
        prop_assert_eq!(limits.get(16), None);
        assert_grows(LIMITS, &value, |task| task.limits());
    }

    #[test]
    fn oom_is_read(score_adj: i32, score: u32) {
        let value = words(&[score_adj.cast_unsigned(), score]);
        let bytes = attribute(OOM, &value);
        let oom = owned(task(&bytes)).oom.unwrap();
        prop_assert_eq!((oom.score_adj, oom.score), (score_adj, score));
        assert_grows(OOM, &value, |task| task.oom());
    }

    #[test]
    fn sched_is_read(
        quad in any::<[u64; 6]>(),
        word in any::<[u32; 9]>(),
        valid: u32,
        more in prop::collection::vec(any::<u8>(), 0..20),
        cpus in prop::collection::vec(any::<u64>(), 1..4),
        mems in prop::collection::vec(any::<u64>(), 1..4),
    ) {
        let at = 104 + more.len() as u32;
        let (cpus, mems) = (quads(&cpus), quads(&mems));
        let (cpus_len, mems_len) = (cpus.len() as u32, mems.len() as u32);
        let bitmaps = words(&[at, cpus_len, at + cpus_len, mems_len, valid]);
        let value = [quads(&quad), words(&word), bitmaps, more, cpus.clone(), mems.clone()];
        let bytes = attribute(SCHED, &value.concat());
        let sched = owned(task(&bytes)).sched.unwrap();
        let bit = |bit: u32| valid & 1 << bit != 0;
        let [flags, runtime, deadline, period, timer_slack, autogroup] = quad;
        prop_assert_eq!([sched.flags, sched.runtime, sched.timer_slack], [
            bit(0).then_some(flags), bit(1).then_some(runtime), bit(5).then_some(timer_slack)
        ]);
        let expected = bit(2).then_some((deadline, period));
        prop_assert_eq!(sched.deadline.zip(sched.period), expected);
        prop_assert_eq!(sched.util_min.zip(sched.util_max), bit(3).then_some((word[5], word[6])));
        let ioprio = sched.ioprio.zip(sched.ioprio_effective);
        let ioprio = ioprio.map(|(set, used)| (set.value(), used.value()));
        prop_assert_eq!(ioprio, bit(4).then_some((word[7], word[8])));
        let expected = bit(6).then_some((autogroup, word[4].cast_signed()));
        prop_assert_eq!(sched.autogroup.zip(sched.autogroup_nice), expected);
        prop_assert_eq!([word[0], word[3]], [sched.policy, sched.rt_priority]);
        prop_assert_eq!([word[1].cast_signed(), word[2].cast_signed()], [sched.nice, sched.priority]);
        let bitmap = |set: &Option<NumberSet<'_>>| set.as_ref().map(|set| set.as_bytes().to_vec());
        prop_assert_eq!(bitmap(&sched.cpus), bit(7).then_some(cpus));
        prop_assert_eq!(bitmap(&sched.mems), bit(8).then_some(mems));
    }

    #[test]
    fn pids_of_each_namespace_are_read(levels in prop::collection::vec(any::<[u32; 4]>(), 0..34)) {
        let bytes = attribute(NSPID, &words(&levels.concat()));
        let nspids = owned(task(&bytes)).nspids.unwrap();
        let read: Vec<_> = nspids
            .iter()
            .map(|nspid| [nspid.tgid, nspid.pid, nspid.pgid, nspid.sid])
            .collect();
        prop_assert_eq!(read, levels);
    }

    #[test]
    fn cgroup_is_read(
        id: u64,
        flags: u32,
        more in prop::collection::vec(any::<u8>(), 0..20),
        path in prop::collection::vec(1u8.., 0..200),
        behind in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let offset = 16 + more.len() as u32;
        let value = [quads(&[id]), words(&[offset, flags]), more, path.clone(), vec![0], behind];
        let bytes = attribute(CGROUP, &value.concat());
        let cgroup = owned(task(&bytes)).cgroup.unwrap();
        prop_assert_eq!((cgroup.id, cgroup.deleted), (Some(id), flags & 1 != 0));
        prop_assert_eq!(cgroup.path.as_deref(), Some(&path[..]));
    }

    #[test]
    fn absent_is_read(masks in any::<[u64; 5]>()) {
        let value = quads(&masks);
        let bytes = [base(1), attribute(ABSENT, &value)].concat();
        let absent = owned(task(&bytes)).absent;
        prop_assert_eq!(masks, [
            absent.gone.bits(), absent.denied.bits(), absent.busy.bits(),
            absent.limit.bits(), absent.leader.bits()
        ]);
        prop_assert_eq!(absent.groups().bits(), masks.iter().fold(0, |all, mask| all | mask));
        assert_grows(ABSENT, &value, |task| Some(task.absent()));
    }

    #[test]
    fn arguments_are_one_after_the_other(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..5),
    ) {
        let bytes: Vec<_> = pieces.iter().flat_map(|piece| attribute(CMDLINE, piece)).collect();
        let cmdline = owned(task(&bytes)).cmdline.unwrap();
        prop_assert_eq!(cmdline.as_bytes(), pieces.concat());
        let args: Vec<_> = cmdline.args().flat_map(|arg| [arg, b"\0"].concat()).collect();
        match cmdline.as_bytes() {
            [.., last] if *last != 0 => prop_assert_eq!(args.strip_suffix(b"\0").unwrap(), cmdline.as_bytes()),
            bytes => prop_assert_eq!(args, bytes),
        }
    }
}

proptest! {
    #[test]
    fn variables_are_one_after_the_other(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..5),
    ) {
        let bytes: Vec<_> = pieces.iter().flat_map(|piece| attribute(ENVIRON, piece)).collect();
        let environ = owned(task(&bytes)).environ.unwrap();
        prop_assert_eq!(environ.as_bytes(), pieces.concat());
        let vars: Vec<_> = environ.vars().flat_map(|var| [var, b"\0"].concat()).collect();
        match environ.as_bytes() {
            [.., last] if *last != 0 => prop_assert_eq!(vars.strip_suffix(b"\0").unwrap(), environ.as_bytes()),
            bytes => prop_assert_eq!(vars, bytes),
        }
    }

    #[test]
    fn paths_are_read_from_any_attribute(
        texts in any::<[Option<Vec<u8>>; 3]>(),
        flags in any::<[u32; 3]>(),
        more in prop::collection::vec(any::<u8>(), 0..20),
        at in 0usize..4,
    ) {
        let texts = texts.map(|text| {
            text.map(|text| text.into_iter().filter(|&byte| byte != 0).collect::<Vec<_>>())
        });
        // A structure of a later kernel, and a kind that this crate does not know.
        let record = |kind: u32, flags, text: Option<&[u8]>| {
            let offset = text.map_or(0, |_| 16 + more.len() as u32);
            let text = text.map(|text| [text, b"\0"].concat()).unwrap_or_default();
            let mut record = [words(&[0, offset, kind, flags]), more.clone(), text].concat();
            record.resize(record.len().next_multiple_of(8), 0);
            let len = record.len() as u32;
            record[..4].copy_from_slice(&len.to_ne_bytes());
            record
        };
        let mut records: Vec<_> = (0..3)
            .map(|kind| record(kind as u32, flags[kind], texts[kind].as_deref()))
            .collect();
        records.push(record(9, 0, Some(b"/")));
        let (first, second) = records.split_at(at);
        let bytes = [attribute(PATHS, &first.concat()), attribute(PATHS, &second.concat())];
        let paths = owned(task(&bytes.concat())).paths.unwrap();
        for (kind, path) in [paths.exe, paths.cwd, paths.root].into_iter().enumerate() {
            let (flags, text) = (flags[kind], &texts[kind]);
            prop_assert_eq!(path.is_some(), text.is_some() || flags & 2 != 0);
            if let Some(path) = path {
                prop_assert_eq!(path.path.as_deref(), text.as_deref());
                prop_assert_eq!(path.deleted, flags & 1 != 0);
            }
        }
    }
}

/// The expected fields of a memory mapping, and the fields of a later kernel.
#[derive(Clone, Debug)]
struct Area {
    quad: [u64; 5],
    dev: [u32; 2],
    more: Vec<u8>,
    name: Option<Vec<u8>>,
}

impl Area {
    fn record(&self) -> Vec<u8> {
        let fields = [quads(&self.quad), words(&self.dev), self.more.clone()].concat();
        vma_record(&fields, self.name.as_deref())
    }
}

impl PartialEq<Vma<'_>> for Area {
    fn eq(&self, vma: &Vma<'_>) -> bool {
        self.quad == [vma.start, vma.end, vma.pgoff, vma.ino, vma.flags.bits()]
            && self.dev == [vma.dev_major, vma.dev_minor]
            && self.name.as_deref() == vma.name.as_deref()
    }
}

fn areas() -> impl Strategy<Value = Vec<Area>> {
    let area = (
        any::<([u64; 5], [u32; 2])>(),
        prop::collection::vec(any::<u8>(), 0..24),
        prop::option::of(prop_oneof![
            prop::collection::vec(1u8.., 0..40),
            (1u8..).prop_map(|byte| vec![byte; 4095]),
        ]),
    )
        .prop_map(|((quad, dev), more, name)| Area {
            quad,
            dev,
            more,
            name,
        });
    prop::collection::vec(area, 0..8)
}

proptest! {
    #[test]
    fn areas_are_read_over_attributes(
        attributes in prop::collection::vec(areas(), 1..4),
        pad in any::<bool>(),
    ) {
        let bytes: Vec<_> = attributes
            .iter()
            .flat_map(|areas| {
                let records: Vec<_> = areas.iter().flat_map(Area::record).collect();
                let before = if pad { attribute(PAD, &[]) } else { vec![] };
                [before, attribute(VMA, &records)].concat()
            })
            .collect();
        let read = owned(task(&bytes)).vmas.unwrap();
        prop_assert_eq!(attributes.concat(), read);
    }

    #[test]
    fn figures_of_areas_are_read(
        records in prop::collection::vec(any::<[u64; 21]>(), 0..20),
        more in prop::collection::vec(any::<u64>(), 0..3),
        at in any::<prop::sample::Index>(),
    ) {
        let made: Vec<_> = records
            .iter()
            .map(|record| vma_stat_record(&[quads(record), quads(&more)].concat()))
            .collect();
        let (some, others) = made.split_at(at.index(made.len() + 1));
        let bytes = [attribute(VMA_STAT, &some.concat()), attribute(VMA_STAT, &others.concat())];
        let read = owned(task(&bytes.concat())).vma_stats.unwrap();
        let read: Vec<_> = read
            .iter()
            .map(|stat| [
                stat.start, stat.end, stat.rss, stat.pss, stat.pss_dirty,
                stat.shared_clean, stat.shared_dirty, stat.private_clean,
                stat.private_dirty, stat.referenced, stat.anonymous, stat.ksm,
                stat.lazy_free, stat.anon_thp, stat.shmem_thp, stat.file_thp,
                stat.shared_hugetlb, stat.private_hugetlb, stat.swap, stat.swap_pss,
                stat.locked
            ])
            .collect();
        prop_assert_eq!(records, read);
    }

    #[test]
    fn any_bytes_are_a_group_or_an_error(
        bit in 0u16..18,
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        len in any::<Option<u8>>(),
        offset in any::<Option<u8>>(),
    ) {
        let mut bytes = bytes;
        // Small numbers, so that more of it is looked at.
        for (at, number) in [(0, len), (4, offset), (8, offset)] {
            if let (Some(number), true) = (number, bytes.len() >= at + 4) {
                bytes[at..at + 4].copy_from_slice(&words(&[number.into()]));
            }
        }
        let attributes = attribute(BASE + bit, &bytes);
        if let Ok(task) = TaskRef::new(1, 1, &attributes) {
            let owned = owned(task);
            let _ = format!("{owned:?}");
            let args: usize = owned.cmdline.iter().flat_map(|cmdline| cmdline.args()).map(<[u8]>::len).sum();
            prop_assert!(args <= bytes.len());
        }
    }
}

#[test]
fn records_of_an_older_kernel_are_read() {
    // Up to `pgoff`, and with it the name begins.
    let record = vma_record(&quads(&[0x1000, 0x3000, 9]), Some(b"[heap]"));
    let bytes = attribute(VMA, &[record, vma_record(&[], None)].concat());
    let vmas = owned(task(&bytes)).vmas.unwrap();
    assert_eq!(
        (vmas[0].start, vmas[0].end, vmas[0].pgoff),
        (0x1000, 0x3000, 9)
    );
    assert_eq!(
        (vmas[0].ino, vmas[0].dev_minor, vmas[0].size()),
        (0, 0, 0x2000)
    );
    assert_eq!(vmas[0].name.as_deref(), Some(&b"[heap]"[..]));
    assert_eq!(vmas[1], Vma::default());

    let bytes = attribute(VMA_STAT, &vma_stat_record(&quads(&[1, 2, 3])));
    let stats = owned(task(&bytes)).vma_stats.unwrap();
    assert_eq!((stats[0].start, stats[0].end, stats[0].rss), (1, 2, 3));
    assert_eq!((stats[0].pss, stats[0].locked), (0, 0));
}

#[test]
fn empty_groups_are_present() {
    let bytes = [VMA, VMA_STAT, CMDLINE, PATHS, ENVIRON]
        .map(|kind| attribute(kind, &[]))
        .concat();
    let task = owned(task(&bytes));
    assert_eq!(task.vmas, Some(vec![]));
    assert_eq!(task.vma_stats, Some(vec![]));
    assert_eq!(task.cmdline.unwrap().args().count(), 0);
    assert_eq!(task.environ.unwrap().vars().count(), 0);
    assert_eq!(task.paths, Some(taskdiag::Paths::default()));
    let none = owned(TaskRef::new(1, 1, &[]).unwrap());
    assert_eq!(
        (none.vmas, none.vma_stats, none.cmdline),
        (None, None, None)
    );
    assert_eq!((none.paths, none.environ), (None, None));
}

#[test]
fn malformed_groups_return_an_error_with_the_reason() {
    let length = "a record has an invalid length";
    let sound = vma(1, Some(b"name"));
    for kind in [VMA, VMA_STAT] {
        for len in [0u32, 1, 7, 9, 60, 72, u32::MAX] {
            let mut broken = vma(2, Some(b"name"));
            broken[..4].copy_from_slice(&len.to_ne_bytes());
            assert_eq!(what(&attribute(kind, &broken)), length, "{len}");
            let behind = [&sound[..], &broken].concat();
            assert_eq!(what(&attribute(kind, &behind)), length, "{len}");
        }
        assert_eq!(what(&attribute(kind, &[8, 0])), length);
        assert_eq!(what(&attribute(kind, &sound[..sound.len() - 8])), length);
    }
    let offset = |record: &[u8], offset: u32| {
        let mut record = record.to_vec();
        record[4..8].copy_from_slice(&offset.to_ne_bytes());
        attribute(VMA, &record)
    };
    let behind = "a string begins after the end of its structure";
    let endless = "a string has no NUL";
    for at in [65, 1000, u32::MAX] {
        assert_eq!(what(&offset(&sound, at)), behind, "{at}");
    }
    assert_eq!(what(&offset(&sound, 64)), endless);
    let mut full = vma(1, Some(b"1234567"));
    *full.last_mut().unwrap() = b'8';
    assert_eq!(what(&attribute(VMA, &full)), endless);

    let exe = path_record(0, 0, Some(b"/bin/sh"));
    for len in [0u32, 1, 12, 32, u32::MAX] {
        let broken = [&len.to_ne_bytes(), &exe[4..]].concat();
        assert_eq!(what(&attribute(PATHS, &broken)), length, "{len}");
    }
    let at = |at: u32| [&exe[..4], &at.to_ne_bytes(), &exe[8..]].concat();
    assert_eq!(what(&attribute(PATHS, &at(25))), behind);
    assert_eq!(what(&attribute(PATHS, &at(24))), endless);

    let path = |at: u32, path: &[u8]| {
        attribute(CGROUP, &[&quads(&[1])[..], &words(&[at, 0]), path].concat())
    };
    assert_eq!(what(&path(16, b"/no/end")), endless);
    assert_eq!(what(&path(16, b"")), endless);
    assert_eq!(what(&path(18, b"/")), behind);
    assert_eq!(what(&path(u32::MAX, b"/\0")), behind);
    assert_eq!(task(&path(0, b"")).cgroup().unwrap().path, None);

    assert_eq!(
        what(&attribute(NSPID, &words(&[1, 2, 3, 4, 5]))),
        "pids of a namespace are incomplete"
    );

    let bitmap = |field: usize, offset: u32, len: u32| {
        let mut value = vec![0; 112];
        value[field..field + 8].copy_from_slice(&words(&[offset, len]));
        attribute(SCHED, &value)
    };
    let outside = "a bitmap ends after the end of its attribute";
    for field in [84, 92] {
        for (offset, len) in [(104, 9), (113, 1), (u32::MAX, 8), (0, u32::MAX)] {
            assert_eq!(what(&bitmap(field, offset, len)), outside, "{offset} {len}");
        }
        let sound = bitmap(field, 104, 8);
        assert_eq!(task(&sound).sched().unwrap().cpus, None);
    }
}

#[test]
fn repeated_structure_returns_the_first_value() {
    let bytes = [
        attribute(NS, &[quads(&[u64::MAX]), words(&[1; 10])].concat()),
        attribute(NS, &[quads(&[u64::MAX]), words(&[2; 10])].concat()),
        cgroup(1, b"/one"),
        cgroup(2, b"/two"),
    ]
    .concat();
    let task = owned(task(&bytes));
    assert_eq!(task.ns.unwrap().uts, Some(1));
    assert_eq!(task.cgroup.unwrap().id, Some(1));
    let kinds: Vec<_> = task.other.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [NS, CGROUP]);
}

#[test]
fn row_with_absent_twice_returns_an_error() {
    let twice = [absent([1, 0, 0, 0, 0]), absent([1, 0, 0, 0, 0])].concat();
    assert_eq!(what(&twice), "a row with TASK_DIAG_ABSENT twice");
    assert_eq!(
        what(&[base(1), cred(), twice].concat()),
        "a row with TASK_DIAG_ABSENT twice"
    );
}

#[test]
fn vma_flags_display_as_in_maps_and_smaps() {
    let flags = VmaFlags::READ | VmaFlags::EXEC | VmaFlags::MAYREAD | VmaFlags::FILE;
    assert_eq!(flags.permissions(), "r-xp");
    assert_eq!((flags | VmaFlags::MAYSHARE).permissions(), "r-xs");
    assert_eq!(VmaFlags::WRITE.permissions(), "-w-p");
    assert_eq!(VmaFlags::empty().permissions(), "---p");
    assert_eq!(VmaFlags::all().permissions(), "rwxs");
    assert_eq!(flags.mnemonics().collect::<Vec<_>>(), ["rd", "ex", "mr"]);
    // All but FILE and DELETED have a word of their own.
    let mut words: Vec<_> = VmaFlags::all().mnemonics().collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), VmaFlags::all().iter().count() - 2);
}

#[cfg(feature = "serde")]
#[test]
fn groups_serialise_with_names() {
    let bytes = [
        attribute(CMDLINE, b"sh\0-c\0\xff\0"),
        attribute(ENVIRON, b"A=1\0\xff\0"),
        attribute(PATHS, &path_record(0, 1, Some(b"/x (deleted)"))),
        attribute(PATHS, &path_record(1, 2, None)),
        attribute(PATHS, &path_record(2, 0, None)),
        cgroup(9, b"/a\xffb"),
        attribute(VMA, &[vma(1, Some(b"/lib\xff")), vma(2, None)].concat()),
    ]
    .concat();
    let json = serde_json::to_value(task(&bytes).to_owned()).unwrap();
    assert_eq!(json["cmdline"], serde_json::json!(["sh", "-c", [0xff]]));
    assert_eq!(json["cgroup"]["path"], serde_json::json!(b"/a\xffb"));
    assert_eq!(json["cgroup"]["deleted"], false);
    assert_eq!(json["environ"], serde_json::json!(["A=1", [0xff]]));
    assert_eq!(
        json["paths"],
        serde_json::json!({
            "exe": {"path": "/x (deleted)", "deleted": true},
            "cwd": {"path": null, "deleted": false},
            "root": null,
        })
    );
    assert_eq!(json["vmas"][0]["name"], serde_json::json!(b"/lib\xff"));
    assert_eq!(
        json["vmas"][0]["flags"],
        serde_json::json!(["read", "exec"])
    );
    assert_eq!(json["vmas"][1]["name"], serde_json::Value::Null);
    assert_eq!(json.get("absent"), None);
}

#[cfg(feature = "serde")]
#[test]
fn invalid_fields_serialise_as_null() {
    let bytes = [
        attribute(STAT, &[0; 240]),
        attribute(FILES, &[0; 48]),
        attribute(NS, &[0; 128]),
        absent([0, 0b11 << 3, 0, 1 << 5, 0]),
    ]
    .concat();
    let json = serde_json::to_value(task(&bytes).to_owned()).unwrap();
    let null = serde_json::Value::Null;
    assert_eq!(json["stat"]["memory"], null);
    assert_eq!(json["stat"]["run_delay"], null);
    assert_eq!(json["files"]["counts"], null);
    assert_eq!(json["ns"]["mnt_id"], null);
    assert_eq!(
        json["absent"],
        serde_json::json!({"denied": "vma,vma_stat", "limit": "cmdline"})
    );
}
