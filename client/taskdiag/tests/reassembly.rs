// SPDX-License-Identifier: MIT
//! The reassembly: however a stream is cut, the tasks are the same; whatever
//! the bytes, there is a task or an error.

mod common;

use common::*;
use proptest::prelude::*;
use taskdiag::reassembly::{Event, Reassembly};
use taskdiag::{Error, Show, Task, TaskRef};

fn reassembly() -> Reassembly {
    Reassembly::new(FAMILY, SEQ, PORT)
}

/// Feeds a stream to its end, with a new buffer for each datagram.
fn read<'a>(
    reassembly: &mut Reassembly,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<Task>, bool), Error> {
    let mut tasks = Vec::new();
    for datagram in datagrams {
        let mut feed = reassembly.feed(datagram);
        loop {
            match feed.next()? {
                Event::Task(task) => tasks.push(touch(task)),
                Event::More => break,
                Event::End => return Ok((tasks, true)),
            }
        }
    }
    Ok((tasks, false))
}

/// Reads every group of a task.
fn touch(task: TaskRef<'_>) -> Task {
    let owned = task.to_owned();
    assert_eq!((task.pid(), task.tgid()), (owned.pid, owned.tgid));
    assert_eq!((task.base(), task.cred()), (owned.base, owned.cred));
    assert_eq!((task.stat(), task.absent()), (owned.stat, owned.absent));
    assert_eq!(task.cmdline(), owned.cmdline);
    assert_eq!(task.paths(), owned.paths);
    assert_eq!(task.environ(), owned.environ);
    assert_eq!(task.vmas().map(Iterator::collect), owned.vmas);
    assert_eq!(task.vma_stats().map(Iterator::collect), owned.vma_stats);
    for bit in [0, 1, 2, 100, u16::MAX] {
        let _ = task.group(bit);
    }
    let _ = format!(
        "{task:?} {:?}",
        owned.base.map(|base| base.comm.to_string())
    );
    owned
}

fn tasks<'a>(datagrams: impl IntoIterator<Item = &'a [u8]>) -> Vec<Task> {
    let (tasks, ended) = read(&mut reassembly(), datagrams).unwrap();
    assert!(ended);
    tasks
}

fn what(datagram: &[u8]) -> String {
    read(&mut reassembly(), [datagram]).unwrap_err().to_string()
}

#[test]
fn messages_of_a_row_are_joined() {
    let pieces = [
        row(1, 0, &base(1)),
        row(2, MORE, &base(2)),
        row(2, CONT | MORE, &cred()),
        row(2, CONT, &attribute(100, b"more")),
        row(3, 0, &[]),
        done(0),
    ];
    let tasks = tasks([&pieces.concat()[..]]);
    assert_eq!(tasks.len(), 3);
    assert!(tasks[0].base.is_some() && tasks[0].cred.is_none());
    assert!(tasks[1].base.is_some() && tasks[1].cred.is_some());
    assert_eq!(tasks[1].other, [(100, b"more".to_vec())]);
    assert_eq!(tasks[2].pid, 3);
}

/// A process in five messages, between two others.
fn long() -> Vec<Vec<u8>> {
    let vmas = |pages: std::ops::Range<u64>| {
        let records: Vec<_> = pages.flat_map(|page| vma(page, Some(b"name"))).collect();
        attribute(VMA, &records)
    };
    vec![
        row(1, 0, &base(1)),
        row(2, MORE, &[base(2), attribute(CMDLINE, b"a\0lo")].concat()),
        row(2, CONT | MORE, &attribute(CMDLINE, b"ng ar")),
        row(
            2,
            CONT | MORE,
            &[attribute(CMDLINE, b"g\0"), vmas(1..3)].concat(),
        ),
        row(2, CONT | MORE, &vmas(3..9)),
        row(2, CONT, &absent([1 << 3, 0, 0, 0, 0])),
        row(3, 0, &base(3)),
        done(0),
    ]
}

#[test]
fn row_over_many_messages_has_every_record() {
    let messages = long();
    let tasks = tasks(messages.iter().map(Vec::as_slice));
    let [one, two, three] = &tasks[..] else {
        panic!("{tasks:?}");
    };
    assert_eq!((one.pid, three.pid), (1, 3));
    assert!(one.absent.is_empty() && three.absent.is_empty());
    assert_eq!(two.absent.gone, Show::VMA);
    assert_eq!(two.absent.groups(), Show::VMA);
    assert_eq!(two.cmdline.as_ref().unwrap().as_bytes(), b"a\0long arg\0");
    let starts = two.vmas.iter().flatten().map(|vma| vma.start >> 12);
    assert!(starts.eq(1..9));
}

#[test]
fn next_piece_returns_each_message() {
    let stream = long().concat();
    let mut reassembly = reassembly();
    let mut feed = reassembly.feed(&stream);
    let mut pieces = Vec::new();
    while let Event::Task(piece) = feed.next_piece().unwrap() {
        let areas = piece.vmas().into_iter().flatten().count();
        let args = piece.cmdline().map_or(0, |args| args.as_bytes().len());
        let absent = !piece.absent().is_empty();
        let ends = (piece.is_continuation(), piece.has_more());
        pieces.push((piece.pid(), ends, absent, args, areas));
    }
    assert_eq!(
        pieces,
        [
            (1, (false, false), false, 0, 0),
            (2, (false, true), false, 4, 0),
            (2, (true, true), false, 5, 0),
            (2, (true, true), false, 2, 2),
            (2, (true, true), false, 0, 6),
            (2, (true, false), true, 0, 0),
            (3, (false, false), false, 0, 0),
        ]
    );
    assert!(matches!(feed.next_piece().unwrap(), Event::End));
}

#[test]
fn next_after_a_piece_skips_the_rest_of_the_row() {
    let stream = long().concat();
    let mut reassembly = reassembly();
    let mut feed = reassembly.feed(&stream);
    let mut pid = |piece: bool| {
        let next = if piece {
            feed.next_piece()
        } else {
            feed.next()
        };
        match next.unwrap() {
            Event::Task(task) => (task.pid(), task.is_continuation()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(pid(false), (1, false));
    assert_eq!(pid(true), (2, false));
    assert_eq!(pid(true), (2, true));
    assert_eq!(pid(false), (3, false));
}

/// The messages so far of a row that was begun as a whole are its first piece.
#[test]
fn next_piece_within_a_row_returns_the_joined_messages_first() {
    let messages = long();
    let mut reassembly = reassembly();
    let mut feed = reassembly.feed(&messages[1]);
    assert!(matches!(feed.next().unwrap(), Event::More));
    let mut feed = reassembly.feed(&messages[2]);
    assert!(matches!(feed.next().unwrap(), Event::More));
    let rest = messages[3..].concat();
    let mut feed = reassembly.feed(&rest);
    let mut pieces = Vec::new();
    while let Event::Task(piece) = feed.next_piece().unwrap() {
        let args = piece.cmdline().map_or(0, |args| args.as_bytes().len());
        pieces.push((piece.pid(), piece.is_continuation(), piece.has_more(), args));
    }
    assert_eq!(
        pieces,
        [
            (2, false, true, 9),
            (2, true, true, 2),
            (2, true, true, 0),
            (2, true, false, 0),
            (3, false, false, 0),
        ]
    );
}

/// Each row is returned with its last message, before the next one arrives.
#[test]
fn complete_row_is_returned_before_the_next_datagram() {
    for by_pieces in [false, true] {
        let mut reassembly = reassembly();
        let mut returned = Vec::new();
        for message in long() {
            let mut feed = reassembly.feed(&message);
            let next = match by_pieces {
                true => feed.next_piece(),
                false => feed.next(),
            };
            returned.push(match next.unwrap() {
                Event::Task(task) => Some((task.pid(), task.has_more())),
                Event::More => None,
                Event::End => Some((0, false)),
            });
        }
        let open = if by_pieces { Some((2, true)) } else { None };
        let ends = [Some((1, false)), open, open, open, open];
        let rest = [Some((2, false)), Some((3, false)), Some((0, false))];
        assert_eq!(returned, [&ends[..], &rest].concat());
    }
}

/// An answer that ends within a row has no complete row there.
#[test]
fn open_row_at_the_end_is_not_returned() {
    for (end, text) in [
        (done(-5), "Input/output error (os error 5)"),
        (
            done(0),
            "cannot read the kernel's answer: the answer ends within a row",
        ),
        (
            failure(NLMSG_ERROR, -5, &words(&[16, 0, 0, 0]), "no", None),
            "Input/output error (os error 5): no",
        ),
    ] {
        for rows in [
            vec![row(2, MORE, &base(2))],
            vec![row(2, MORE, &base(2)), row(2, CONT | MORE, &cred())],
        ] {
            let stream = [row(1, 0, &base(1)), rows.concat(), end.clone()].concat();
            let mut reassembly = reassembly();
            let mut feed = reassembly.feed(&stream);
            assert!(matches!(feed.next().unwrap(), Event::Task(task) if task.pid() == 1));
            assert_eq!(feed.next().unwrap_err().to_string(), text);
            assert!(matches!(feed.next().unwrap(), Event::End));

            reassembly.restart(FAMILY, SEQ, PORT);
            let mut feed = reassembly.feed(&stream);
            let mut last = None;
            let error = loop {
                match feed.next_piece() {
                    Ok(Event::Task(piece)) => last = Some((piece.pid(), piece.has_more())),
                    Ok(other) => panic!("{other:?}"),
                    Err(error) => break error.to_string(),
                }
            };
            assert_eq!((error.as_str(), last), (text, Some((2, true))));
        }
    }
}

/// A row begins without CONT, and ends without MORE.
#[test]
fn messages_out_of_order_return_an_error() {
    const UNBEGUN: &str = "a message continues a row without TASK_DIAG_FLAG_MORE";
    const OTHER: &str = "a message continues the row of another task";
    const OPEN: &str = "a row begins before the previous row has ended";
    const SINGLE: &str = "a message without NLM_F_MULTI in a dump";
    for (messages, text) in [
        (vec![row(1, CONT, &[])], UNBEGUN),
        (vec![row(1, CONT | MORE, &[])], UNBEGUN),
        (vec![row(1, 0, &[]), row(1, CONT, &[])], UNBEGUN),
        (
            vec![row(1, MORE, &[]), row(1, CONT, &[]), row(1, CONT, &[])],
            UNBEGUN,
        ),
        (vec![row(1, MORE, &[]), row(2, CONT, &[])], OTHER),
        (vec![row(1, MORE, &[]), row(1, 0, &[])], OPEN),
        (vec![row(1, MORE, &[]), row(2, 0, &[])], OPEN),
        (vec![row(1, MORE, &[]), row(2, MORE, &[])], OPEN),
        // Behind rows of the same header as well.
        (
            vec![
                row(1, 0, &[]),
                row(2, 0, &[]),
                row(3, MORE, &[]),
                row(4, 0, &[]),
            ],
            OPEN,
        ),
        (vec![row(1, 0, &[]), row_with(0, 2, 0, &[])], SINGLE),
        (vec![row(1, MORE, &[]), row_with(0, 1, CONT, &[])], SINGLE),
        (vec![row_with(0, 1, MORE, &[])], SINGLE),
    ] {
        let stream = [messages.concat(), done(0)].concat();
        let text = format!("cannot read the kernel's answer: {text}");
        assert_eq!(what(&stream), text, "{messages:?}");
        let mut reassembly = reassembly();
        let mut feed = reassembly.feed(&stream);
        let error = loop {
            match feed.next_piece() {
                Ok(Event::Task(_)) => {}
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error.to_string(),
            }
        };
        assert_eq!(error, text, "{messages:?}");
    }
}

#[test]
fn continuation_of_another_task_returns_an_error() {
    for second in [row(2, CONT, &[]), row_with(0, 2, 0, &[])] {
        let stream = [row(1, MORE, &[]), second].concat();
        let mut reassembly = reassembly();
        let mut feed = reassembly.feed(&stream);
        assert!(matches!(feed.next_piece().unwrap(), Event::Task(_)));
        assert!(feed.next_piece().is_err());
        assert!(matches!(feed.next_piece().unwrap(), Event::End));
    }
}

#[test]
fn repeated_group_returns_the_first_value_and_keeps_the_others() {
    let stream = [row(1, 0, &[base(1), base(2)].concat()), done(0)].concat();
    let [task] = &tasks([&stream[..]])[..] else {
        panic!("one task");
    };
    assert_eq!(task.base.unwrap().pid, 1);
    assert_eq!(task.other[0].0, BASE);
}

#[test]
fn messages_of_other_replies_are_skipped() {
    let mut other_seq = row(66, 0, &base(66));
    other_seq[8] ^= 1;
    let mut other_port = row(77, CONT | MORE, &base(77));
    other_port[12] ^= 1;
    let mut other_done = done(-5);
    other_done[8] ^= 1;
    let stream = [
        other_seq.clone(),
        row(1, MORE, &base(1)),
        other_port,
        row(1, CONT, &cred()),
        other_seq,
        row(2, 0, &[]),
        other_done,
        message(NLMSG_NOOP, 0, &[]),
        done(0),
    ]
    .concat();
    let tasks = tasks([&stream[..]]);
    assert_eq!(tasks.iter().map(|t| t.pid).collect::<Vec<_>>(), [1, 2]);
    assert!(tasks[0].cred.is_some());
}

#[test]
fn message_without_multi_flag_is_the_whole_reply() {
    let stream = row_with(0, 1, 0, &base(1));
    let mut reassembly = reassembly();
    let mut feed = reassembly.feed(&stream);
    assert!(matches!(feed.next().unwrap(), Event::Task(task) if task.pid() == 1));
    assert!(matches!(feed.next().unwrap(), Event::End));
    assert!(matches!(feed.next().unwrap(), Event::End));
}

#[test]
fn short_and_long_task_headers_are_read() {
    // TASK_DIAG_MSG with a field that is not known yet, without the flags,
    // and without anything; the family in a later version.
    for (msg, pid, tgid) in [
        (words(&[1, 2, 0, 99]), 1, 2),
        (words(&[1, 2]), 1, 2),
        (vec![], 0, 0),
    ] {
        for version in [1, 2] {
            let head = [1, version, 0, 0];
            let payload = [&head[..], &attribute(MSG, &msg), &base(5)].concat();
            let stream = [
                row(8, 0, &[]),
                message(FAMILY, MULTI, &payload),
                row(9, 0, &[]),
                done(0),
            ]
            .concat();
            let tasks = tasks([&stream[..]]);
            assert_eq!(tasks.len(), 3);
            assert_eq!((tasks[1].pid, tasks[1].tgid), (pid, tgid));
            assert_eq!(tasks[1].base.unwrap().pid, 5);
        }
    }
}

#[test]
fn last_message_without_padding_is_read() {
    let mut last = row(2, MORE, &attribute(99, b"12345"));
    let len = (last.len() - 3) as u32;
    last[..4].copy_from_slice(&len.to_ne_bytes());
    last.truncate(len as usize);
    let first = [row(1, 0, &[]), last].concat();
    let second = [row(2, CONT, &attribute(98, b"6")), done(0)].concat();
    let tasks = tasks([&first[..], &second[..]]);
    assert_eq!(
        tasks[1].other,
        [(99, b"12345".to_vec()), (98, b"6".to_vec())]
    );
}

#[test]
fn message_without_attributes_is_skipped() {
    let empty = message(FAMILY, MULTI, &[1, 1, 0, 0]);
    let rest = [row(1, 0, &base(1)), done(0)].concat();
    assert_eq!(tasks([&empty[..], &rest[..]]).len(), 1);
    assert_eq!(tasks([&[empty, rest].concat()[..]]).len(), 1);
}

#[test]
fn malformed_messages_return_an_error_with_the_reason() {
    assert_eq!(
        what(&message(
            FAMILY,
            MULTI,
            &[&[1, 1, 0, 0], &base(1)[..]].concat()
        )),
        "cannot read the kernel's answer: the first attribute is not TASK_DIAG_MSG"
    );
    assert_eq!(
        what(&message(FAMILY, MULTI, &[9, 1, 0, 0])),
        "cannot read the kernel's answer: the command is not TASK_DIAG_CMD_GET"
    );
    assert_eq!(
        what(&message(FAMILY, MULTI, &[1, 1])),
        "cannot read the kernel's answer: the generic netlink header is missing"
    );
    assert_eq!(
        what(&message(0x99, MULTI, &[])),
        "cannot read the kernel's answer: a message of type 153, which is not the family's"
    );
    assert_eq!(
        what(&done(0)[..15]),
        "cannot read the kernel's answer: fewer bytes than a message header"
    );
    assert!(matches!(
        read(&mut reassembly(), [&message(NLMSG_OVERRUN, 0, &[])[..]]),
        Err(Error::Overrun)
    ));
}

/// A broken piece does not become a sound one by what follows it.
#[test]
fn malformed_piece_returns_an_error_although_the_next_completes_it() {
    let stream = [
        row(1, MORE, &[12, 0, 99, 0, 1, 2, 3, 4]),
        row(1, CONT, &[5, 6, 7, 8]),
        done(0),
    ]
    .concat();
    assert!(read(&mut reassembly(), [&stream[..]]).is_err());
}

#[test]
fn next_returns_end_after_an_error() {
    let stream = [row(7, CONT, &[]), row(8, 0, &[]), done(0)].concat();
    let mut reassembly = reassembly();
    let mut feed = reassembly.feed(&stream);
    assert!(feed.next().is_err());
    assert!(matches!(feed.next().unwrap(), Event::End));
    let mut feed = reassembly.feed(&stream);
    assert!(matches!(feed.next().unwrap(), Event::End));
}

#[test]
fn restart_discards_the_open_row() {
    let mut reassembly = reassembly();
    let begun = row_with(MULTI | INTERRUPTED, 1, MORE, &base(1));
    let (tasks, ended) = read(&mut reassembly, [&begun[..]]).unwrap();
    assert!(tasks.is_empty() && !ended && reassembly.interrupted());
    reassembly.restart(FAMILY, SEQ, PORT);
    let (tasks, ended) = read(&mut reassembly, [&done(0)[..]]).unwrap();
    assert!(tasks.is_empty() && ended && !reassembly.interrupted());
}

/// A task before it is cut: its number and its attributes.
#[derive(Clone, Debug)]
struct Plan {
    attributes: Vec<Vec<u8>>,
}

/// Each row has every requested group, or lists it as absent.
#[test]
fn row_that_neither_has_nor_lists_a_group_returns_an_error() {
    let requested = Show::BASE | Show::STAT | Show::FILES;
    let stat = attribute(STAT, &[0; 240]);
    let files = attribute(FILES, &[0; 48]);
    let sound = [
        row(1, 0, &[base(1), stat.clone(), files.clone()].concat()),
        row(2, MORE, &[base(2), stat.clone()].concat()),
        row(2, CONT, &files),
        row(3, 0, &[base(3), absent([1 << 2, 0, 0, 1 << 6, 0])].concat()),
        row(4, MORE, &[base(4), stat.clone()].concat()),
        row(4, CONT, &absent([0, 1 << 6, 0, 0, 0])),
        // Groups that were not requested, and reasons for them, are ignored.
        row(
            5,
            0,
            &[
                base(5),
                cred(),
                stat.clone(),
                files.clone(),
                absent([0, 0, 0, 0, 1 << 40]),
            ]
            .concat(),
        ),
    ];
    // Groups that a row neither has nor lists: in a row between two others, in the
    // last row, and in a multi-message row.
    let broken = [
        (vec![row(6, 0, &base(6))], "stat,files"),
        (
            vec![row(6, 0, &[base(6), stat.clone()].concat()), row(7, 0, &[])],
            "files",
        ),
        (vec![row(6, MORE, &base(6)), row(6, CONT, &files)], "stat"),
        (
            vec![row(
                6,
                0,
                &[base(6), stat, absent([1, 0, 0, 0, 0])].concat(),
            )],
            "files",
        ),
        (
            vec![row(6, MORE, &files), row(6, CONT, &absent([0, 1, 0, 0, 0]))],
            "stat",
        ),
    ];
    let read = |stream: &[u8], by_pieces: bool| {
        let mut reassembly = reassembly();
        reassembly.request(requested);
        let mut feed = reassembly.feed(stream);
        let mut pids = Vec::new();
        loop {
            let next = if by_pieces {
                feed.next_piece()
            } else {
                feed.next()
            };
            match next {
                Ok(Event::Task(task)) if task.is_continuation() => {}
                Ok(Event::Task(task)) => pids.push(task.pid()),
                Ok(Event::More) => panic!("the end is there"),
                Ok(Event::End) => return (pids, None),
                Err(error) => {
                    assert!(matches!(feed.next(), Ok(Event::End)));
                    return (pids, Some(error.to_string()));
                }
            }
        }
    };
    for by_pieces in [false, true] {
        let stream = [&sound[..], &[done(0)]].concat().concat();
        assert_eq!(read(&stream, by_pieces), (vec![1, 2, 3, 4, 5], None));
        for (rows, missing) in &broken {
            let stream = [&sound[..], rows, &[done(0)]].concat().concat();
            let (pids, error) = read(&stream, by_pieces);
            let text =
                format!("cannot read the kernel's answer: a row lacks {missing} without a reason");
            assert_eq!(error.as_deref(), Some(&text[..]), "{missing}");
            assert!(pids.starts_with(&[1, 2, 3, 4, 5]), "{pids:?}");
        }
    }
    // A dump that fails may have ended in the middle of its last row.
    let stream = [row(6, MORE, &base(6)), done(-5)].concat();
    let (pids, error) = read(&stream, true);
    assert_eq!(pids, [6]);
    assert_eq!(error.as_deref(), Some("Input/output error (os error 5)"));
}

#[test]
fn absent_before_the_last_message_returns_an_error() {
    let behind =
        "cannot read the kernel's answer: TASK_DIAG_ABSENT before the last message of a row";
    let rows = [
        vec![
            row(1, MORE, &absent([1, 0, 0, 0, 0])),
            row(1, CONT, &base(1)),
        ],
        vec![
            row(1, MORE, &base(1)),
            row(1, CONT | MORE, &absent([2, 0, 0, 0, 0])),
            row(1, CONT, &cred()),
        ],
    ];
    for rows in rows {
        let stream = [rows.concat(), done(0)].concat();
        assert_eq!(what(&stream), behind);
        let mut reassembly = reassembly();
        let mut feed = reassembly.feed(&stream);
        let error = loop {
            match feed.next_piece() {
                Ok(Event::Task(_)) => {}
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error.to_string(),
            }
        };
        assert_eq!(error, behind);
    }
}

#[test]
fn flags_of_a_forwarder_are_ignored_unless_accepted() {
    let stream = [row(1, CACHED, &base(1)), row(2, 1 << 16, &base(2)), done(0)].concat();
    for forwarded in [false, true] {
        let mut reassembly = reassembly();
        reassembly.accept_forwarded(forwarded);
        let (tasks, _) = read(&mut reassembly, [&stream[..]]).unwrap();
        let kept: Vec<_> = tasks.iter().map(|task| task.cached).collect();
        assert_eq!(kept, [forwarded, false]);
    }
}

/// Reads a datagram at an even address and at an odd one.
fn read_both_ways(datagram: &[u8]) -> [(Vec<Task>, String); 2] {
    let mut buffer = vec![0u8; datagram.len() + 8];
    let even = buffer.as_ptr().align_offset(4);
    [even, even + 1].map(|at| {
        let bytes = &mut buffer[at..at + datagram.len()];
        bytes.copy_from_slice(datagram);
        let mut reassembly = reassembly();
        let mut feed = reassembly.feed(bytes);
        let mut tasks = Vec::new();
        loop {
            match feed.next() {
                Ok(Event::Task(task)) => tasks.push(touch(task)),
                Ok(Event::More) => break (tasks, "more".to_owned()),
                Ok(Event::End) => break (tasks, "end".to_owned()),
                Err(error) => break (tasks, error.to_string()),
            }
        }
    })
}

#[test]
fn attributes_beyond_the_message_are_not_read() {
    let behind = vec![0; size_of::<taskdiag::abi::TaskDiagMsg>()];
    let stream = [short_row(4), short_row(4), short_row(16), behind, done(0)].concat();
    let [usual, unusual] = read_both_ways(&stream);
    assert_eq!(usual, unusual);
    assert_eq!(usual.0.len(), 2);
}

/// Returns a message that consists of a `TASK_DIAG_MSG` without a value, whose
/// header has this length.
fn short_row(len: u16) -> Vec<u8> {
    let mut row = row(0, 0, &[]);
    row.truncate(24);
    row[0] = 24;
    row[20..22].copy_from_slice(&len.to_ne_bytes());
    row
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let other = (82u16..0x4000, prop::collection::vec(any::<u8>(), 0..40));
    let attribute = prop_oneof![
        any::<u16>().prop_map(|pid| base(pid.into())),
        Just(cred()),
        Just(attribute(PAD, &[])),
        areas(),
        areas(),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| attribute(CMDLINE, &bytes)),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| attribute(ENVIRON, &bytes)),
        (0u32..4, any::<Option<[u8; 5]>>()).prop_map(|(kind, path)| {
            let path = path.map(|path| path.map(|byte| byte.max(1)));
            attribute(
                PATHS,
                &path_record(kind, 0, path.as_ref().map(|path| &path[..])),
            )
        }),
        Just(cgroup(1, b"/a/b")),
        prop::collection::vec(any::<[u8; 16]>(), 0..4)
            .prop_map(|pids| attribute(NSPID, &pids.concat())),
        // A structure of any length.
        (
            prop_oneof![BASE..=STAT, FILES..=NS],
            prop::collection::vec(any::<u8>(), 0..120)
        )
            .prop_map(|(kind, value)| attribute(kind, &value)),
        other.prop_map(|(kind, value)| attribute(kind, &value)),
    ];
    prop::collection::vec(
        prop::collection::vec(attribute, 0..6).prop_map(|attributes| Plan { attributes }),
        0..8,
    )
}

/// VMA or VMA_STAT with up to three records.
fn areas() -> impl Strategy<Value = Vec<u8>> {
    (any::<bool>(), prop::collection::vec(0u64..9, 0..4)).prop_map(|(named, pages)| {
        let name = named.then_some(&b"a name"[..]);
        let vmas: Vec<_> = pages.iter().flat_map(|&page| vma(page, name)).collect();
        let stats: Vec<_> = pages
            .iter()
            .flat_map(|&page| vma_stat_record(&quads(&[page; 22])))
            .collect();
        match named {
            true => attribute(VMA, &vmas),
            false => attribute(VMA_STAT, &stats),
        }
    })
}

/// One message per task, in one datagram.
fn whole(plans: &[Plan]) -> Vec<Task> {
    let mut stream = Vec::new();
    for (pid, plan) in plans.iter().enumerate() {
        stream.extend(row(pid as u32, 0, &plan.attributes.concat()));
    }
    stream.extend(done(0));
    tasks([&stream[..]])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(1000)))]

    #[test]
    fn however_a_stream_is_cut_the_tasks_are_the_same(
        plans in plans(),
        pieces in prop::collection::vec(any::<bool>(), 64),
        datagrams in prop::collection::vec(any::<bool>(), 128),
        interrupted in any::<prop::sample::Index>(),
    ) {
        let mut messages = Vec::new();
        let mut cuts = pieces.into_iter().cycle();
        for (pid, plan) in plans.iter().enumerate() {
            let mut row = vec![Vec::new()];
            for attribute in &plan.attributes {
                if cuts.next().unwrap() {
                    row.push(Vec::new());
                }
                row.last_mut().unwrap().extend(attribute);
            }
            messages.extend(common::pieces(pid as u32, &row));
        }
        messages.push(done(0));
        let interrupted = interrupted.index(messages.len());
        messages[interrupted][6] |= INTERRUPTED as u8;

        let mut stream: Vec<Vec<u8>> = vec![Vec::new()];
        for (message, cut) in messages.iter().zip(datagrams.into_iter().cycle()) {
            if cut {
                stream.push(Vec::new());
            }
            stream.last_mut().unwrap().extend(message);
        }
        let mut reassembly = reassembly();
        let (tasks, ended) = read(&mut reassembly, stream.iter().map(Vec::as_slice)).unwrap();
        prop_assert!(ended && reassembly.interrupted());
        let whole = whole(&plans);
        prop_assert_eq!(&tasks, &whole);

        // Piece by piece it is the same.
        reassembly.restart(FAMILY, SEQ, PORT);
        let mut apart: Vec<Vec<u8>> = Vec::new();
        let mut ended = false;
        for datagram in &stream {
            let mut feed = reassembly.feed(datagram);
            while let Event::Task(piece) = feed.next_piece().unwrap() {
                if !piece.is_continuation() {
                    prop_assert_eq!(piece.pid() as usize, apart.len());
                    apart.push(Vec::new());
                }
                let task = apart.last_mut().unwrap();
                for (kind, value) in piece.attributes() {
                    task.extend(attribute(kind, value));
                }
            }
            ended = matches!(feed.next_piece().unwrap(), Event::End);
        }
        prop_assert!(ended);
        let together: Vec<_> = apart
            .iter()
            .enumerate()
            .map(|(pid, attributes)| {
                let pid = pid as u32;
                TaskRef::new(pid, pid + 1000, attributes).unwrap().to_owned()
            })
            .collect();
        prop_assert_eq!(together, whole);
    }

    #[test]
    fn tasks_and_pieces_may_be_mixed(
        plans in plans(),
        ways in prop::collection::vec(any::<bool>(), 1..40),
    ) {
        let mut stream = Vec::new();
        for (pid, plan) in plans.iter().enumerate() {
            let row = [&[Vec::new()], &plan.attributes[..]].concat();
            stream.extend(pieces(pid as u32, &row));
        }
        stream.push(done(0));
        let mut reassembly = reassembly();
        let mut ways = ways.into_iter().cycle();
        let mut begun = Vec::new();
        for datagram in stream.chunks(3) {
            let datagram = datagram.concat();
            let mut feed = reassembly.feed(&datagram);
            loop {
                let next = if ways.next().unwrap() { feed.next_piece() } else { feed.next() };
                match next.unwrap() {
                    Event::Task(task) if task.is_continuation() => {
                        prop_assert_eq!(begun.last(), Some(&task.pid()));
                    }
                    Event::Task(task) => begun.push(task.pid()),
                    Event::More | Event::End => break,
                }
            }
        }
        prop_assert!(begun.into_iter().eq(0..plans.len() as u32));
    }

    #[test]
    fn any_bytes_are_tasks_or_an_error(
        datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..4),
    ) {
        let _ = read(&mut reassembly(), datagrams.iter().map(Vec::as_slice));
        let _ = read(&mut Reassembly::default(), datagrams.iter().map(Vec::as_slice));
        for bytes in &datagrams {
            if let Ok(task) = TaskRef::new(1, 2, bytes) {
                touch(task);
            }
            // Behind a sound head, so that more of them are looked at.
            let stream = [row(1, 0, bytes), row(2, MORE, &[]), row(2, CONT, bytes), done(0)].concat();
            let _ = read(&mut reassembly(), [&stream[..]]);
            for kind in [NLMSG_ERROR, NLMSG_DONE, FAMILY] {
                let stream = message(kind, ACK_TLVS, bytes);
                let _ = read(&mut reassembly(), [&stream[..]]);
            }
        }
    }

    /// A datagram at an odd address takes the slow path.
    #[test]
    fn fast_path_returns_the_rows_of_the_slow_path(
        shapes in prop::collection::vec(prop_oneof![9 => Just(0), 1 => 1..6], 0..12),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut stream = Vec::new();
        for (pid, shape) in (1u32..).zip(shapes) {
            let usual = [base(pid), cred()].concat();
            stream.extend(match shape {
                0 => row(pid, 0, &usual),
                1 => row(pid, 0, &[cred(), base(pid)].concat()),
                2 => row(pid, 0, &[usual, attribute(STAT, &[7; 9])].concat()),
                3 => short_row(4),
                4 => pieces(pid, &[usual, attribute(CMDLINE, b"more")]).concat(),
                _ => row(pid, MORE, &usual),
            });
        }
        stream.extend(done(0));
        for (at, value) in flips {
            let at = at.index(stream.len());
            stream[at] = value;
        }
        let [usual, unusual] = read_both_ways(&stream);
        prop_assert_eq!(usual, unusual);
    }

    #[test]
    fn stream_with_changed_bytes_is_read_without_panic(
        plans in plans(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut stream = Vec::new();
        for (pid, plan) in plans.iter().enumerate() {
            stream.extend(row(pid as u32, MORE, &plan.attributes.concat()));
            stream.extend(row(pid as u32, CONT, &cred()));
        }
        stream.extend(done(0));
        for (at, value) in flips {
            let at = at.index(stream.len());
            stream[at] = value;
        }
        let (first, second) = stream.split_at(cut.index(stream.len()));
        let _ = read(&mut reassembly(), [first, second]);
        let _ = read(&mut reassembly(), [&stream[..]]);
    }
}

/// Returns a message in the framing of the transaction file: without the generic
/// netlink header, and with the command in its type.
fn plain(genl: &[u8]) -> Vec<u8> {
    let kind = u16::from_ne_bytes(genl[4..6].try_into().unwrap());
    if kind != FAMILY {
        return genl.to_vec();
    }
    let mut message = [&genl[..16], &genl[20..]].concat();
    let len = u32::try_from(message.len()).unwrap();
    message[..4].copy_from_slice(&len.to_ne_bytes());
    message[4..6].copy_from_slice(&(0x10 + u16::from(genl[16])).to_ne_bytes());
    message
}

#[test]
fn plain_framing_returns_the_rows_of_generic_netlink() {
    let messages = [
        row(1, 0, &base(1)),
        row(2, MORE, &base(2)),
        row(2, CONT, &cred()),
        row(3, 0, &[base(3), cred()].concat()),
        done(0),
    ];
    let datagram = messages.concat();
    let plain: Vec<u8> = messages.iter().flat_map(|message| plain(message)).collect();
    let read = |mut reassembly: Reassembly, datagram: &[u8]| {
        let mut feed = reassembly.feed(datagram);
        let mut tasks = Vec::new();
        loop {
            match feed.next().unwrap() {
                Event::Task(task) => tasks.push(task.to_owned()),
                Event::More => panic!("the end is there"),
                Event::End => return tasks,
            }
        }
    };
    let told = read(Reassembly::new(taskdiag::Framing::Plain, SEQ, PORT), &plain);
    assert_eq!(told, read(Reassembly::new(FAMILY, SEQ, PORT), &datagram));
    assert_eq!(told.len(), 3);
    assert!(told[1].base.is_some() && told[1].cred.is_some());

    // Neither is taken for the other.
    let mut reassembly = Reassembly::new(taskdiag::Framing::Plain, SEQ, PORT);
    assert!(reassembly.feed(&datagram).next().is_err());
    let mut reassembly = Reassembly::new(FAMILY, SEQ, PORT);
    assert!(reassembly.feed(&plain).next().is_err());
}
