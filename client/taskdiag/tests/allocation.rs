// SPDX-License-Identifier: MIT
//! The blocking client allocates nothing per task: an allocator that counts its
//! calls, over dumps of up to 10,000 tasks.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::*;
use taskdiag::{Client, NetlinkSource, Request, Show, Strategy};

/// Counts the allocations of each thread; the test harness has other threads.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends has destroyed the counter; nothing is counted then.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is passed to the system allocator unchanged; the counter
// neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the requirements are those of the system allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the requirements are those of the system allocator.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the requirements are those of the system allocator.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the requirements are those of the system allocator.
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

/// Returns a reply with this number of tasks; every hundredth row has two messages.
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

/// Reads a reply to its end, and returns the number of tasks, a sum of their fields,
/// and the number of allocations since the first task.
fn read(client: &mut Client<NetlinkSource<Script>>) -> (u64, u64, usize) {
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
    let mut dump = client.dump(&request).unwrap();
    let before = allocations();
    let mut sum = 0;
    while let Some(task) = dump.next().unwrap() {
        let (base, cred) = (task.base().unwrap(), task.cred().unwrap());
        sum +=
            u64::from(base.pid) + u64::from(cred.euid.unwrap()) + base.comm.as_bytes().len() as u64;
    }
    (dump.stats().tasks, sum, allocations() - before)
}

#[test]
fn dump_allocates_nothing_per_task() {
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

const MAPPINGS: u64 = 60_000;
const NAME: &[u8] = &[b'n'; 40];
const ARGUMENTS: usize = 2 << 20;

/// Returns the row of a process with [`MAPPINGS`] memory mappings and a command line of
/// [`ARGUMENTS`] bytes, in messages shorter than a datagram.
fn huge_process() -> Vec<Vec<u8>> {
    let arguments = vec![b'a'; ARGUMENTS];
    let mappings: Vec<_> = (0..MAPPINGS).map(|page| vma(page, Some(NAME))).collect();
    let arguments = arguments
        .chunks(32_000)
        .map(|some| attribute(CMDLINE, some));
    let mappings = mappings
        .chunks(300)
        .map(|some| attribute(VMA, &some.concat()));
    let groups: Vec<_> = std::iter::once(base(1))
        .chain(arguments)
        .chain(mappings)
        .collect();
    let mut datagrams = pieces(1, &groups);
    let last = [base(2), absent([(1 << 3) | (1 << 5), 0, 0, 0, 0])].concat();
    datagrams.push([row(2, 0, &last), done(0)].concat());
    datagrams
}

#[test]
fn dump_in_pieces_allocates_nothing_for_a_huge_process() {
    let mut client = Client::with_transport(
        Script::new([huge_process(), huge_process()]),
        taskdiag::RECEIVE_BUFFER,
    );
    let request = Request::new(Strategy::All).show(Show::VMA | Show::CMDLINE);
    let mut dump = client.dump(&request).unwrap();
    let before = allocations();
    let (mut mappings, mut arguments) = (0, 0);
    while let Some(piece) = dump.next_piece().unwrap() {
        for vma in piece.vmas().into_iter().flatten() {
            assert_eq!(
                (vma.start >> 12, vma.name.as_deref()),
                (mappings, Some(NAME))
            );
            mappings += 1;
        }
        arguments += piece.cmdline().map_or(0, |args| args.as_bytes().len());
    }
    assert_eq!((mappings, arguments), (MAPPINGS, ARGUMENTS));
    assert_eq!((dump.stats().tasks, allocations() - before), (2, 0));

    // A whole row is held in memory while it is joined.
    let mut dump = client.dump(&request).unwrap();
    let task = dump.next().unwrap().unwrap().to_owned();
    assert_eq!(task.vmas.unwrap().len() as u64, MAPPINGS);
    assert_eq!(task.cmdline.unwrap().as_bytes(), vec![b'a'; ARGUMENTS]);
    assert_eq!(dump.next().unwrap().unwrap().pid(), 2);
    assert!(dump.next().unwrap().is_none());
}

#[test]
fn allocations_are_counted() {
    let before = allocations();
    drop(std::hint::black_box(vec![1u8; 10]));
    assert_eq!(allocations() - before, 1);
}

#[test]
fn procfs_dump_allocates_nothing_per_task() {
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
