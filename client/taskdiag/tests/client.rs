// SPDX-License-Identifier: MIT
//! The blocking client over replies from `common`: requests that it sends, tasks
//! that it returns, and replies that fail or are not read to their end.

mod common;

use std::os::fd::AsFd;

use common::*;
use taskdiag::abi::TaskDiagPid;
use taskdiag::reassembly::{Event, Reassembly};
use taskdiag::{
    Client, Error, Features, FilterKinds, NetlinkSource, Options, RECEIVE_MIN, Request, Scope,
    Show, States, Strategies, Strategy, VmaFlags,
};
use zerocopy::FromBytes;

fn client(answers: Vec<Vec<Vec<u8>>>) -> Client<NetlinkSource<Script>> {
    Client::with_transport(Script::new(answers), 4096)
}

fn all() -> Request<'static> {
    Request::new(Strategy::All).show(Show::BASE | Show::CRED)
}

fn rows(pids: std::ops::Range<u32>) -> Vec<u8> {
    pids.flat_map(|pid| row(pid, 0, &[base(pid), cred()].concat()))
        .collect()
}

#[test]
fn dump_returns_every_task_and_counts_them() {
    let mut client = client(vec![vec![rows(1..11), [rows(11..14), done(0)].concat()]]);
    let mut dump = client.dump(&all()).unwrap();
    for pid in 1..14 {
        let task = dump.next().unwrap().unwrap();
        assert_eq!((task.pid(), task.tgid()), (pid, pid + 1000));
        assert_eq!(task.base().unwrap().pid, pid);
        assert_eq!(task.cred().unwrap().fsgid, Some(107));
    }
    assert!(dump.next().unwrap().is_none());
    assert!(dump.next().unwrap().is_none());
    let stats = dump.stats();
    assert_eq!((stats.receives, stats.bytes), (2, 13 * 168 + 20));
    assert_eq!((stats.tasks, stats.interrupted), (13, false));
}

#[test]
fn requests_have_scope_flags_and_new_sequence_numbers() {
    let mut client = client(vec![vec![done(0)], vec![row_with(0, 9, 0, &base(9))]]);
    let request = Request::new(Strategy::Children(7))
        .show(Show::CRED)
        .scope(Scope::Process(3));
    client.dump(&request).unwrap().for_each(|_| ()).unwrap();
    assert_eq!(client.one(9, Show::BASE).unwrap().base.unwrap().pid, 9);

    let sent = &client.transport().sent;
    assert_eq!(sent[0].1, Scope::Process(3));
    assert_eq!(sent[1].1, Scope::Own);
    let flags = |at: usize| u16::from_ne_bytes(sent[at].0[6..8].try_into().unwrap());
    assert_eq!(flags(0), 0x301, "NLM_F_REQUEST | NLM_F_DUMP");
    assert_eq!(flags(1), 0x001, "NLM_F_REQUEST");
    assert_ne!(sent[0].0[8..12], sent[1].0[8..12], "sequence numbers");
    let asked = |at: usize| TaskDiagPid::read_from_bytes(&sent[at].0[24..]).unwrap();
    assert_eq!(
        asked(0),
        TaskDiagPid {
            show_flags: 2,
            dump_strategy: 2,
            pid: 7,
            reserved: 0
        }
    );
    assert_eq!((asked(1).dump_strategy, asked(1).pid), (1, 9));
}

#[test]
fn owned_tasks_equal_the_borrowed_ones() {
    let answer = vec![rows(1..5), done(0)];
    let mut client = client(vec![answer.clone(), answer]);
    let mut borrowed = Vec::new();
    let stats = client
        .dump(&all())
        .unwrap()
        .for_each(|task| borrowed.push(task.to_owned()))
        .unwrap();
    assert_eq!(stats.tasks, 4);
    let mut dump = client.dump(&all()).unwrap();
    let owned: Result<Vec<_>, _> = dump.tasks().collect();
    assert_eq!(owned.unwrap(), borrowed);
    assert_eq!(dump.stats().tasks, 4);
}

#[test]
fn refused_request_returns_errno_message_and_attribute() {
    // The kernel repeats the request: 48 bytes.
    let repeated = [&48u32.to_ne_bytes()[..], &[0; 44]].concat();
    let refusal = failure(NLMSG_ERROR, -3, &repeated, "pid: no such task", Some(20));
    let mut client = client(vec![vec![refusal.clone()], vec![refusal], vec![done(0)]]);

    let error = client.one(9, Show::BASE).unwrap_err();
    assert_eq!(error.errno(), Some(3));
    assert_eq!(
        error.to_string(),
        "No such process (os error 3): pid: no such task \
         (attribute TASK_DIAG_CMD_ATTR_GET at byte 20)"
    );

    let mut dump = client.dump(&all()).unwrap();
    let Err(Error::Kernel(error)) = dump.next() else {
        panic!("no error of the kernel's");
    };
    assert_eq!(error.message.as_deref(), Some("pid: no such task"));
    let attribute = error.attribute.unwrap();
    assert_eq!(attribute.offset, Some(20));
    assert_eq!(attribute.name(), Some("TASK_DIAG_CMD_ATTR_GET"));
    assert!(dump.next().unwrap().is_none(), "nothing after an error");

    // An answered error leaves nothing under way.
    client.dump(&all()).unwrap().for_each(|_| ()).unwrap();
    assert_eq!(client.transport().resets, 0);
}

#[test]
fn dump_that_ends_early_returns_an_error_after_its_rows() {
    let mut client = client(vec![vec![
        rows(1..4),
        row(4, MORE, &[base(4), cred()].concat()),
        failure(NLMSG_DONE, -1, &[], "only the process that asked", None),
    ]]);
    let mut dump = client.dump(&all()).unwrap();
    let tasks: Vec<_> = dump.tasks().collect();
    // The fourth row is incomplete.
    assert_eq!(tasks.len(), 4);
    assert!(tasks[..3].iter().all(Result::is_ok));
    assert_eq!(
        tasks[3].as_ref().unwrap_err().to_string(),
        "Operation not permitted (os error 1): only the process that asked"
    );
}

#[test]
fn interrupted_dump_sets_the_flag_of_the_statistics() {
    for datagrams in [
        vec![
            row_with(MULTI | INTERRUPTED, 1, 0, &[]),
            row(2, 0, &[]),
            done(0),
        ],
        vec![
            [
                row(1, 0, &[]),
                row_with(MULTI | INTERRUPTED, 2, 0, &[]),
                row(3, 0, &[]),
            ]
            .concat(),
            done(0),
        ],
        vec![
            row(1, 0, &[]),
            message(NLMSG_DONE, MULTI | INTERRUPTED, &[0; 4]),
        ],
    ] {
        let mut client = client(vec![datagrams]);
        let request = Request::new(Strategy::All).show(Show::empty());
        let stats = client.dump(&request).unwrap().for_each(|_| ()).unwrap();
        assert!(stats.interrupted);
    }
}

#[test]
fn dropped_dump_does_not_return_rows_to_the_next() {
    let mut client = client(vec![vec![rows(1..4)], vec![rows(5..6), done(0)]]);
    let mut dump = client.dump(&all()).unwrap();
    assert_eq!(dump.next().unwrap().unwrap().pid(), 1);
    // dropped here
    let mut dump = client.dump(&all()).unwrap();
    assert_eq!(dump.next().unwrap().unwrap().pid(), 5);
    assert!(dump.next().unwrap().is_none());
    assert_eq!(client.transport().resets, 1);
}

#[test]
fn dump_that_was_never_read_resets_the_transport() {
    let mut client = client(vec![vec![done(0)]]);
    let _ = client.dump(&all()).unwrap();
    client.dump(&all()).unwrap().for_each(|_| ()).unwrap();
    assert_eq!(client.transport().resets, 1);
}

#[test]
fn lost_datagram_returns_an_error() {
    let mut script = Script::new(vec![
        vec![rows(1..4)],
        vec![vec![0; 9000]],
        vec![rows(9..10), done(0)],
    ]);
    script.answers[0].push_back(Receive::Overrun);
    let mut client = Client::with_transport(script, 4096);

    let mut dump = client.dump(&all()).unwrap();
    let tasks: Vec<_> = dump.tasks().collect();
    assert!(matches!(tasks.last(), Some(Err(Error::Overrun))));

    let error = client.dump(&all()).unwrap().for_each(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot receive a message of 9000 bytes: the receive buffer has 8192; \
         connect with a larger buffer"
    );

    let mut pids = Vec::new();
    let dump = client.dump(&all()).unwrap();
    dump.for_each(|task| pids.push(task.pid())).unwrap();
    assert_eq!(pids, [9]);
    assert_eq!(client.transport().resets, 2);
}

#[test]
fn receive_buffer_has_at_least_the_minimum_length() {
    let padding = attribute(99, &[0; RECEIVE_MIN - 172]);
    let task = row(1, 0, &[base(1), cred(), padding].concat());
    assert_eq!(task.len(), RECEIVE_MIN);
    for len in [0, 1, RECEIVE_MIN] {
        let script = Script::new([[task.clone(), done(0)]]);
        let mut client = Client::with_transport(script, len);
        let tasks: Result<Vec<_>, _> = client.dump(&all()).unwrap().tasks().collect();
        assert_eq!(tasks.unwrap().len(), 1);
    }
}

#[test]
fn malformed_row_ends_the_dump() {
    let broken = row(2, 0, &[200, 0, 16, 0]);
    let mut client = client(vec![
        vec![[rows(1..2), broken, rows(3..5), done(0)].concat()],
        vec![done(0)],
    ]);
    let mut dump = client.dump(&all()).unwrap();
    let tasks: Vec<_> = dump.tasks().collect();
    assert_eq!(tasks.len(), 2);
    assert!(matches!(tasks[1], Err(Error::Decode { .. })));
    assert!(dump.next().unwrap().is_none());
    client.dump(&all()).unwrap().for_each(|_| ()).unwrap();
    assert_eq!(client.transport().resets, 1, "its end was not seen");
}

#[test]
fn reply_without_a_task_is_an_error_for_one() {
    let mut client = client(vec![vec![message(NLMSG_ERROR, 0, &[0; 20])]]);
    let error = client.one(1, Show::BASE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the kernel's answer: the reply has no task"
    );
}

#[test]
fn filters_follow_the_request_in_order_of_their_types() {
    let mut client = client(vec![vec![done(0)]]);
    let request = Request::new(Strategy::Descendants(7))
        .show(Show::VMA)
        .vma_flags(VmaFlags::EXEC | VmaFlags::FILE)
        .pids([9, 8])
        .comm(b"post")
        .states(States::RUNNING | States::ZOMBIE)
        .cgroup(1 << 40)
        .uid(1000);
    client.dump(&request).unwrap().for_each(|_| ()).unwrap();
    let sent = &client.transport().sent[0].0;
    let asked = [quads(&[8, 5]), words(&[7, 0])].concat();
    let expected = [
        attribute(1, &asked),
        attribute(32, &words(&[1000])),
        attribute(33, &quads(&[1 << 40])),
        attribute(34, &words(&[0b100_0001])),
        attribute(35, b"post"),
        attribute(36, &words(&[9, 8])),
        attribute(37, &quads(&[0b1_0100])),
    ];
    assert_eq!(sent[20..], expected.concat());
}

#[test]
fn filter_longer_than_an_attribute_is_not_sent() {
    let mut client = client(vec![vec![done(0)]]);
    let most = 16_382;
    client
        .dump(&all().pids(0..most))
        .unwrap()
        .for_each(|_| ())
        .unwrap();
    let error = client.dump(&all().pids(0..most + 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot encode TASK_DIAG_CMD_ATTR_PIDS: 65532 bytes exceed the maximum of 65531"
    );
    assert_eq!(client.transport().sent.len(), 1);
}

#[test]
fn one_with_groups_of_any_length_sends_a_dump() {
    let areas = |page| [base(9), attribute(VMA, &vma(page, None))].concat();
    let [first, last] = &pieces(9, &[areas(1), areas(2)])[..] else {
        panic!("two messages");
    };
    let mut client = client(vec![
        vec![first.clone(), [&last[..], &done(0)].concat()],
        vec![done(0)],
        vec![row_with(
            0,
            9,
            0,
            &[base(9), absent([0, 0, 1 << 6, 0, 0])].concat(),
        )],
        vec![done(0)],
    ]);
    let task = client.one(9, Show::BASE | Show::VMA).unwrap();
    assert_eq!(task.vmas.unwrap().len(), 2);
    // The task has ended before its row was begun.
    let error = client.one(9, Show::CMDLINE).unwrap_err();
    assert_eq!(error.errno(), Some(3));
    let task = client.one(9, Show::BASE | Show::FILES).unwrap();
    assert_eq!((task.files, task.absent.busy), (None, Show::FILES));
    // The library sends the request; the kernel refuses it.
    let many = Request::new(Strategy::All).show(Show::VMA);
    client.get(&many).unwrap_err();

    let sent = &client.transport().sent;
    let flags: Vec<_> = sent.iter().map(|(request, _)| request[7]).collect();
    assert_eq!(flags, [3, 3, 0, 0], "NLM_F_DUMP");
    assert_eq!(client.transport().resets, 0);
}

#[test]
fn pieces_are_counted_as_one_task() {
    let datagrams = vec![
        [
            rows(1..2),
            row(2, MORE, &cred()),
            row(2, CONT | MORE, &base(2)),
        ]
        .concat(),
        [
            row(2, CONT, &absent([1 << 5, 0, 0, 0, 0])),
            rows(3..4),
            done(0),
        ]
        .concat(),
    ];
    let mut client = client(vec![datagrams]);
    let mut dump = client.dump(&all()).unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = dump.next_piece().unwrap() {
        let absent = !piece.absent().is_empty();
        pieces.push((
            piece.pid(),
            piece.is_continuation(),
            piece.has_more(),
            absent,
        ));
    }
    assert_eq!(
        pieces,
        [
            (1, false, false, false),
            (2, false, true, false),
            (2, true, true, false),
            (2, true, false, true),
            (3, false, false, false)
        ]
    );
    assert_eq!(dump.stats().tasks, 3);
}

fn features(groups: u64, strategies: u64, filters: u64) -> Vec<u8> {
    let fields = [
        quads(&[groups, strategies, filters, 0x11, 1 << 50 | 0b11]),
        words(&[8192, 0]),
        quads(&[99]),
    ];
    let told = attribute(FEATURES, &fields.concat());
    let payload = [&[2, 1, 0, 0], &attribute(PAD, &[])[..], &told].concat();
    message(FAMILY, 0, &payload)
}

#[test]
fn features_returns_the_bits_of_the_reply() {
    let mut client = client(vec![vec![features(0x8_0103, 0x21, 0b11)], vec![done(0)]]);
    let told = client.features().unwrap();
    assert_eq!(told.groups.to_string(), "base,cred,ns,0x80000");
    assert_eq!(told.strategies, Strategies::ALL | Strategies::DESCENDANTS);
    assert_eq!(told.filters.to_string(), "uid,cgroup");
    assert_eq!(told.options.to_string(), "pidns_fd,0x10");
    assert_eq!(told.vma_flags.to_string(), "read,write,0x4000000000000");
    assert_eq!(told.recv_min, 8192);
    let sent = &client.transport().sent[0].0;
    assert_eq!((sent.len(), sent[16], sent[7]), (20, 2, 0));

    let request = Request::new(Strategy::All)
        .show(Show::NS | Show::STAT)
        .uid(1)
        .comm(b"x");
    let lacking = told.lacking(&request);
    assert_eq!(lacking.groups, Show::STAT);
    assert_eq!(lacking.strategies, Strategies::empty());
    assert_eq!(lacking.filters, FilterKinds::COMM);
    assert_eq!(lacking.options, Options::empty());
    assert_eq!(lacking.vma_flags, VmaFlags::empty());
    assert!(!lacking.is_empty());
    let sealed = VmaFlags::READ | VmaFlags::SEALED;
    let by_flags = Request::new(Strategy::All).vma_flags(sealed);
    assert_eq!(told.lacking(&by_flags).vma_flags, VmaFlags::SEALED);
    let stdin = std::io::stdin();
    let by_descriptors = Request::new(Strategy::All)
        .pidfd(stdin.as_fd())
        .pidns_fd(stdin.as_fd());
    assert_eq!(told.lacking(&by_descriptors).options, Options::PIDFD);
    assert!(
        told.lacking(&Request::new(Strategy::Descendants(1)).cgroup(1))
            .is_empty()
    );
    assert_eq!(
        told.lacking(&Request::new(Strategy::One(1))).strategies,
        Strategies::ONE
    );

    // The client goes on.
    client.dump(&all()).unwrap().for_each(|_| ()).unwrap();
    assert_eq!(client.transport().resets, 0);
}

#[test]
fn features_of_a_kernel_without_the_command_are_the_first() {
    let refusal = |code| failure(NLMSG_ERROR, code, &words(&[20, 0, 0, 0, 0]), "", None);
    let mut client = client(vec![
        vec![refusal(-95)],
        vec![refusal(-1)],
        vec![done(0)],
        vec![rows(1..2)],
        vec![message(FAMILY, 0, &[2, 1, 0, 0])],
        vec![message(FAMILY, 0, &[2])],
        vec![message(NLMSG_OVERRUN, 0, &[])],
        vec![message(0x99, 0, &[])],
        vec![features(1, 1, 1)[..30].to_vec()],
    ]);
    let told = client.features().unwrap();
    assert_eq!(told, Features::FIRST);
    assert!(told.lacking(&all()).is_empty());
    assert_eq!(
        told.strategies.to_string(),
        "all,one,children,threads,all_threads"
    );

    assert_eq!(client.features().unwrap_err().errno(), Some(1));
    let mut text = || client.features().unwrap_err().to_string();
    let unreadable = |what: &str| format!("cannot read the kernel's answer: {what}");
    assert_eq!(text(), unreadable("it holds no features"));
    assert_eq!(
        text(),
        unreadable("the command is not TASK_DIAG_CMD_FEATURES")
    );
    assert_eq!(text(), unreadable("it holds no features"));
    assert_eq!(text(), unreadable("the generic netlink header is missing"));
    assert!(matches!(client.features(), Err(Error::Overrun)));
    client.features().unwrap_err();
    client.features().unwrap_err();
}

/// Whatever the text says, the errno decides.
#[test]
fn error_predicates_depend_on_the_errno_only() {
    let repeated = [&48u32.to_ne_bytes()[..], &[0; 44]].concat();
    let refusal = |code, text| failure(NLMSG_ERROR, code, &repeated, text, Some(20));
    let mut client = client(vec![
        vec![refusal(-3, "show_flags: unknown bits 0x220")],
        vec![refusal(-95, "pid: no such task")],
        vec![refusal(-22, "show_flags: unknown bits 0x220")],
    ]);
    let mut fails = || {
        let error = client.one(1, Show::CMDLINE | Show::CGROUP).unwrap_err();
        (error.is_gone(), error.is_unsupported(), error.to_string())
    };
    assert!(matches!(fails(), (true, false, _)));
    assert!(matches!(fails(), (false, true, _)));
    let (gone, unsupported, text) = fails();
    assert!(!gone && !unsupported);
    assert_eq!(
        text,
        "Invalid argument (os error 22): show_flags: unknown bits 0x220 \
         (attribute TASK_DIAG_CMD_ATTR_GET at byte 20)"
    );
}

#[test]
fn row_without_a_requested_group_ends_the_dump() {
    let mut client = client(vec![vec![
        [rows(1..3), row(3, 0, &base(3)), done(0)].concat(),
    ]]);
    let mut dump = client.dump(&all()).unwrap();
    let tasks: Vec<_> = dump.tasks().collect();
    assert_eq!(tasks.len(), 3);
    assert_eq!(
        tasks[2].as_ref().unwrap_err().to_string(),
        "cannot read the kernel's answer: a row lacks cred without a reason"
    );
}

#[test]
fn cached_flag_is_accepted_from_forwarders_only() {
    for forwards in [false, true] {
        let answer = [row(1, CACHED, &[base(1), cred()].concat()), done(0)].concat();
        let script = Script {
            forwards,
            ..Script::new([[answer]])
        };
        let mut client = Client::with_transport(script, 4096);
        let mut dump = client.dump(&all()).unwrap();
        assert_eq!(dump.next().unwrap().unwrap().is_cached(), forwards);
    }
}

#[test]
fn plain_framing_does_not_take_the_generic_netlink_fast_path() {
    // Both messages have equal headers; the attributes of one are in another framing.
    let sound = |pid: u32| {
        [
            attribute(MSG, &words(&[pid, pid, 0])),
            attribute(40, &[0; 4]),
        ]
    };
    let other = |pid: u32| {
        [
            vec![1, 1, 0, 0],
            attribute(MSG, &words(&[pid, pid, 0])),
            attribute(40, &[]),
        ]
    };
    let message = |attributes: &[Vec<u8>]| message(0x11, MULTI, &attributes.concat());
    let datagram = [
        message(&sound(1)),
        message(&sound(2)),
        message(&other(666)),
        done(0),
    ];
    let script = Script {
        plain: true,
        ..Script::new([[datagram.concat()]])
    };
    let mut client = Client::with_transport(script, 4096);
    let request = Request::new(Strategy::All).show(Show::empty());
    let mut dump = client.dump(&request).unwrap();
    assert_eq!(dump.next().unwrap().unwrap().pid(), 1);
    assert_eq!(dump.next().unwrap().unwrap().pid(), 2);
    assert!(matches!(dump.next(), Err(Error::Decode { .. })));
}

/// The sequence number of a client's first request.
const FIRST_SEQ: u32 = 2;

/// Reads a datagram with `Dump::next`, which has the fast path for these rows.
fn read_by_client(show: Show, datagram: &[u8]) -> String {
    let end = message(NLMSG_DONE, MULTI, &[0; 4]);
    let mut client = client(vec![vec![datagram.to_vec(), end]]);
    let mut dump = client
        .dump(&Request::new(Strategy::All).show(show))
        .unwrap();
    let mut out = String::new();
    loop {
        match dump.next() {
            Ok(Some(task)) => out += &format!("{:?} {:?}\n", task.to_owned(), task.stat()),
            Ok(None) => return out,
            Err(error) => return out + &error.to_string(),
        }
    }
}

/// Reads a datagram with `Feed::next`, which has no fast path for these rows.
fn read_by_feed(show: Show, datagram: &[u8]) -> String {
    let mut reassembly = Reassembly::new(FAMILY, FIRST_SEQ, PORT);
    reassembly.request(show);
    let mut feed = reassembly.feed(datagram);
    let mut out = String::new();
    loop {
        match feed.next() {
            Ok(Event::Task(task)) => out += &format!("{:?} {:?}\n", task.to_owned(), task.stat()),
            Ok(Event::More | Event::End) => return out,
            Err(error) => return out + &error.to_string(),
        }
    }
}

/// Three rows with these attributes behind BASE and CRED, and the length of each.
fn three_rows(rest: &[u8]) -> (Vec<u8>, usize) {
    let mut rows: Vec<_> = (11..14)
        .map(|pid| row(pid, 0, &[&base(pid)[..], &cred(), rest].concat()))
        .collect();
    for row in &mut rows {
        row[8..12].copy_from_slice(&FIRST_SEQ.to_ne_bytes());
    }
    (rows.concat(), rows[0].len())
}

#[test]
fn fast_path_accepts_exactly_the_rows_that_the_slow_path_accepts() {
    let shows = [
        Show::BASE,
        Show::BASE | Show::CRED,
        Show::BASE | Show::CRED | Show::STAT,
    ];
    for rest in [vec![], attribute(STAT, &[1; 240])] {
        let (datagram, len) = three_rows(&rest);
        for show in shows {
            let read = read_by_client(show, &datagram);
            assert_eq!(read, read_by_feed(show, &datagram));
            let complete = !rest.is_empty() || !show.contains(Show::STAT);
            assert_eq!(read.lines().count() == 3, complete, "{read}");
            for at in len..2 * len {
                for change in [1, 2, 0x80, 0xff] {
                    let mut changed = datagram.clone();
                    changed[at] ^= change;
                    let expected = read_by_feed(show, &changed);
                    assert_eq!(read_by_client(show, &changed), expected, "{at} {change}");
                }
            }
            for end in len..3 * len {
                let expected = read_by_feed(show, &datagram[..end]);
                assert_eq!(read_by_client(show, &datagram[..end]), expected, "{end}");
            }
        }
    }
}

#[test]
fn message_of_zeros_is_an_error_on_the_fast_path() {
    let (mut datagram, len) = three_rows(&[]);
    datagram[len..len + 16].fill(0);
    let read = read_by_client(Show::BASE | Show::CRED, &datagram);
    assert_eq!(read, read_by_feed(Show::BASE | Show::CRED, &datagram));
    assert_eq!(read.lines().count(), 2, "{read}");
}

#[test]
fn row_of_the_same_length_without_a_requested_group_is_an_error() {
    // The first row has the header of a row of BASE and CRED, but is complete.
    let lists = [
        base(1),
        absent([1 << 1, 1 << 9, 0, 0, 0]),
        attribute(PAD, &[0; 36]),
    ]
    .concat();
    let first = row(1, 0, &lists);
    let second = row(2, 0, &[base(2), cred()].concat());
    assert_eq!(first.len(), second.len());

    let mut client = client(vec![vec![[first, second].concat()]]);
    let show = Show::BASE | Show::CRED | Show::CGROUP;
    let mut dump = client
        .dump(&Request::new(Strategy::All).show(show))
        .unwrap();
    assert_eq!(dump.next().unwrap().unwrap().pid(), 1);
    let error = dump.next().unwrap_err().to_string();
    assert!(error.contains("lacks cgroup"), "{error}");
    assert!(dump.next().unwrap().is_none());
}
