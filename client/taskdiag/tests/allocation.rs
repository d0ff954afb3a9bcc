// SPDX-License-Identifier: MIT
//! The promise of the synchronous dump: nothing is allocated per task.
//!
//! Counted by the allocator itself, over a stream of 10,000 tasks as the
//! kernel sends it.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::*;
use taskdiag::{Client, NetlinkSource, Request, Show, Strategy};

/// Counts what this thread allocates; the harness has threads of its own.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // Not there any more while a thread ends; nothing is counted then.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is handed on to the system's allocator unchanged; the
// counter neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations() -> usize {
    ALLOCATIONS.with(Cell::get)
}

const ROW: usize = 168;
const PER_DATAGRAM: usize = 32 * 1024 / ROW;

/// An answer of so many tasks; every hundredth comes in two pieces.
fn answer(tasks: u32) -> Vec<Vec<u8>> {
    let messages: Vec<_> = (1..=tasks)
        .flat_map(|pid| match pid % 100 {
            0 => pieces(pid, &[base(pid), cred()]),
            _ => vec![row(pid, 0, &[base(pid), cred()].concat())],
        })
        .collect();
    let mut datagrams: Vec<_> = messages
        .chunks(PER_DATAGRAM)
        .map(<[Vec<u8>]>::concat)
        .collect();
    datagrams.push(done(0));
    datagrams
}

/// Reads an answer to its end: its tasks, a sum over their fields, and what
/// was allocated from the first task on.
fn read(client: &mut Client<NetlinkSource<Script>>) -> (u64, u64, usize) {
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
    let mut dump = client.dump(&request).unwrap();
    let before = allocations();
    let mut sum = 0;
    while let Some(task) = dump.next().unwrap() {
        let (base, cred) = (task.base().unwrap(), task.cred().unwrap());
        sum += u64::from(base.pid) + u64::from(cred.euid) + base.comm.as_bytes().len() as u64;
    }
    (dump.stats().tasks, sum, allocations() - before)
}

#[test]
fn a_dump_allocates_nothing_per_task() {
    let few = 500;
    let many = 10_000;
    let mut client = Client::with_transport(
        Script::new([answer(few), answer(many), answer(many)]),
        taskdiag::RECEIVE_BUFFER,
    );
    // The buffer for multi-message rows grows once.
    let (tasks, _, first) = read(&mut client);
    assert_eq!(tasks, 500);
    assert!(first <= 4, "{first} allocations");

    let pids = u64::from(many) * u64::from(many + 1) / 2;
    for _ in 0..2 {
        let (tasks, sum, allocated) = read(&mut client);
        assert_eq!(tasks, u64::from(many));
        assert_eq!(sum, pids + tasks * (101 + 4));
        assert_eq!(allocated, 0);
    }
}

const AREAS: u64 = 60_000;
const NAME: &[u8] = &[b'n'; 40];
const ARGUMENTS: usize = 2 << 20;

/// A process with so many areas and such a command line, in messages of less
/// than a datagram.
fn giant() -> Vec<Vec<u8>> {
    let arguments = vec![b'a'; ARGUMENTS];
    let areas: Vec<_> = (0..AREAS).map(|page| vma(page, Some(NAME))).collect();
    let arguments = arguments
        .chunks(32_000)
        .map(|some| attribute(CMDLINE, some));
    let areas = areas.chunks(300).map(|some| attribute(VMA, &some.concat()));
    let groups: Vec<_> = std::iter::once(base(1))
        .chain(arguments)
        .chain(areas)
        .collect();
    let mut datagrams = pieces(1, &groups);
    let last = [base(2), absent([(1 << 3) | (1 << 5), 0, 0, 0, 0])].concat();
    datagrams.push([row(2, 0, &last), done(0)].concat());
    datagrams
}

#[test]
fn a_giant_in_pieces_is_never_held() {
    let mut client =
        Client::with_transport(Script::new([giant(), giant()]), taskdiag::RECEIVE_BUFFER);
    let request = Request::new(Strategy::All).show(Show::VMA | Show::CMDLINE);
    let mut dump = client.dump(&request).unwrap();
    let before = allocations();
    let (mut areas, mut arguments) = (0, 0);
    while let Some(piece) = dump.next_piece().unwrap() {
        for vma in piece.vmas().into_iter().flatten() {
            assert_eq!((vma.start >> 12, vma.name.as_deref()), (areas, Some(NAME)));
            areas += 1;
        }
        arguments += piece.cmdline().map_or(0, |args| args.as_bytes().len());
    }
    assert_eq!((areas, arguments), (AREAS, ARGUMENTS));
    assert_eq!((dump.stats().tasks, allocations() - before), (2, 0));

    // As a whole it is, for as long as it takes.
    let mut dump = client.dump(&request).unwrap();
    let task = dump.next().unwrap().unwrap().to_owned();
    assert_eq!(task.vmas.unwrap().len() as u64, AREAS);
    assert_eq!(task.cmdline.unwrap().as_bytes(), vec![b'a'; ARGUMENTS]);
    assert_eq!(dump.next().unwrap().unwrap().pid(), 2);
    assert!(dump.next().unwrap().is_none());
}

#[test]
fn the_count_counts() {
    let before = allocations();
    drop(std::hint::black_box(vec![1u8; 10]));
    assert_eq!(allocations() - before, 1);
}

#[test]
fn nor_does_one_out_of_procfs() {
    let mut client = Client::connect_over(taskdiag::TransportKind::Procfs).unwrap();
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
    // The buffers grow once.
    client.dump(&request).unwrap().for_each(|_| ()).unwrap();
    let mut dump = client.dump(&request).unwrap();
    let before = allocations();
    while dump.next().unwrap().is_some() {}
    assert!(dump.stats().tasks > 0);
    assert_eq!(allocations() - before, 0);
}
