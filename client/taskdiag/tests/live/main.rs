// SPDX-License-Identifier: MIT
//! The live table over a simulated kernel: after any history and any losses,
//! the table equals a list made at the end.

mod simulation;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use taskdiag::events::{Event, EventKind, EventSource, Lost};
use taskdiag::live::{Change, Live, TaskSource};
use taskdiag::{Error, Pid, Request, Show, State, Task};

use simulation::{Faults, KernelHandle, Op, SimulatedKernel};

type SimulatedLive = Live<KernelHandle, KernelHandle>;

/// A table composed only of the reported changes.
#[derive(Debug, Default)]
struct Replay {
    rows: BTreeMap<Pid, Arc<Task>>,
    removed: Vec<Change>,
}

impl Replay {
    fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            let pid = change.pid();
            match &change {
                Change::Added(task) => {
                    let before = self.rows.insert(pid, task.clone());
                    assert_eq!(before, None, "added twice");
                }
                Change::Changed { old, new } => {
                    assert_ne!(old, new, "changed without a difference");
                    let before = self.rows.insert(pid, new.clone());
                    assert_eq!(before.as_ref(), Some(old), "changed from another row");
                }
                Change::Removed { task, .. } => {
                    let before = self.rows.remove(&pid);
                    assert_eq!(before.as_ref(), Some(task), "removed another row");
                    self.removed.push(change);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn assert_equals(&self, live: &SimulatedLive) {
        let replayed: Vec<_> = self.rows.values().collect();
        let kept: Vec<_> = live.iter().collect();
        assert_eq!(replayed, kept, "the changes do not result in the table");
    }
}

/// Checks that each exit status is right or not known.
fn assert_exits(replay: &Replay, kernel: &SimulatedKernel, created: u64) {
    for change in &replay.removed {
        let Change::Removed { task, exit } = change else {
            unreachable!()
        };
        let Some(exit) = exit else {
            assert!(
                !exit_must_be_known(task, kernel, created),
                "exit not known: {task:?}"
            );
            continue;
        };
        if kernel.is_ordered() || kernel.pid_uses[&task.pid] == 1 {
            let ends = kernel.ends.get(&task.ident.unwrap().start_time);
            let right = ends.is_some_and(|ends| ends.contains(exit));
            assert!(
                right,
                "{exit} belongs to another process: {task:?}\n{:#?}",
                kernel.log
            );
        }
    }
}

/// Whether the exit status must be known.
fn exit_must_be_known(task: &Task, kernel: &SimulatedKernel, created: u64) -> bool {
    kernel.is_ordered()
        && kernel.losses == 0
        && kernel.failures == 0
        && kernel.pid_uses[&task.pid] == 1
        && task.ident.unwrap().start_time > created
}

fn run(faults: Faults, seed: u64, script: Vec<Op>) {
    let mut kernel = SimulatedKernel::new(faults, seed, script);
    kernel.advance(10);
    let kernel = Rc::new(RefCell::new(kernel));
    let handle = || KernelHandle(kernel.clone());
    let mut live = retry(|| Live::new(handle(), handle(), Show::BASE | Show::CRED));
    let created = kernel.borrow().now();
    let mut replay = Replay::default();

    while !kernel.borrow().script.is_empty() {
        kernel.borrow_mut().advance(6);
        if let Ok(changes) = live.poll(Some(Duration::ZERO)) {
            replay.apply(changes);
            replay.assert_equals(&live);
        }
    }
    // Nothing happens from here on.
    kernel.borrow_mut().send_all();
    kernel.borrow_mut().stop_failing();
    replay.apply(live.poll(Some(Duration::ZERO)).unwrap());
    replay.apply(live.sync().unwrap());
    replay.assert_equals(&live);

    let kept: Vec<Task> = live.iter().map(|task| (**task).clone()).collect();
    assert_same(&kept, &kernel.borrow());
    assert!(live.is_current());
    let zombies = kept.iter().any(is_zombie);
    assert_eq!(
        live.poll_timeout().is_some(),
        zombies,
        "a query is scheduled exactly if there are zombies"
    );
    assert_exits(&replay, &kernel.borrow(), created);
    assert_cost(&live, &kernel.borrow());
}

fn assert_same(kept: &[Task], kernel: &SimulatedKernel) {
    let expected = kernel.tasks();
    let differs = kept
        .iter()
        .zip(&expected)
        .find(|(kept, expected)| kept != expected);
    assert!(
        differs.is_none() && kept.len() == expected.len(),
        "the table differs from the kernel: {differs:#?}\n{:#?}",
        kernel.log
    );
}

/// Checks the number of lists: the first one, and one per loss.
fn assert_cost(live: &SimulatedLive, kernel: &SimulatedKernel) {
    let stats = live.stats();
    let reasons = 1 + kernel.losses + kernel.failures;
    assert!(stats.dumps <= reasons, "{} of {reasons}", stats.dumps);
    if kernel.losses + kernel.failures == 0 {
        assert_eq!(stats.dumps, 1);
        assert_eq!(stats.losses, 0);
    }
}

fn is_zombie(task: &Task) -> bool {
    task.base.unwrap().state == State::Zombie
}

/// Repeats a call until it succeeds.
fn retry<T>(mut what: impl FnMut() -> Result<T, Error>) -> T {
    loop {
        if let Ok(done) = what() {
            return done;
        }
    }
}

fn op() -> impl Strategy<Value = Op> {
    let who = any::<u8>;
    prop_oneof![
        6 => who().prop_map(Op::Fork),
        2 => who().prop_map(Op::Thread),
        1 => who().prop_map(Op::Exec),
        1 => who().prop_map(Op::ThreadExec),
        1 => (who(), 0..5_u32).prop_map(|(who, uid)| Op::Uid(who, uid)),
        1 => (who(), 0..5_u8).prop_map(|(who, name)| Op::Name(who, name)),
        1 => who().prop_map(Op::Session),
        3 => (who(), any::<u8>()).prop_map(|(who, code)| Op::Exit(who, code)),
        2 => (who(), any::<u8>()).prop_map(|(who, code)| Op::ThreadExit(who, code)),
        3 => who().prop_map(Op::Reap),
        4 => who().prop_map(Op::Send),
    ]
}

fn script() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 0..120)
}

/// Operations including undetected stops of the delivery.
fn script_with_delivery_stops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![20 => op(), 1 => Just(Op::ToggleDelivery)];
    prop::collection::vec(op, 0..120)
}

fn faults() -> impl Strategy<Value = Faults> {
    let capacity = prop_oneof![Just(usize::MAX), 1..30_usize];
    let fails = prop_oneof![3 => Just(0), 1 => 20..60_u64];
    (any::<bool>(), capacity, fails, any::<bool>()).prop_map(
        |(ordered, capacity, fails, inodes)| Faults {
            ordered,
            capacity,
            fails,
            inodes,
        },
    )
}

/// One call processes any number of queued events: the last one is the exit of
/// a process.
#[test]
fn sync_processes_all_queued_events() {
    for names in [9_000, 100_000] {
        let faults = Faults {
            ordered: true,
            capacity: usize::MAX,
            fails: 0,
            inodes: true,
        };
        let kernel = Rc::new(RefCell::new(SimulatedKernel::new(faults, 1, Vec::new())));
        let apply = |op| kernel.borrow_mut().apply(op);
        let handle = || KernelHandle(kernel.clone());
        apply(Op::Fork(0));
        let mut live = Live::new(handle(), handle(), Show::BASE | Show::CRED).unwrap();
        live.poll(Some(Duration::ZERO)).unwrap();
        for name in 0..names {
            apply(Op::Name(0, u8::try_from(name % 26).unwrap()));
        }
        apply(Op::Exit(0, 0));
        live.sync().unwrap();
        let kept: Vec<Task> = live.iter().map(|task| (**task).clone()).collect();
        assert_same(&kept, &kernel.borrow());
        assert!(live.is_current());
    }
}

/// Each zombie is queried once per sync(), and once per sync_pids() that names
/// it. A sync_pids() with few pids does not query all zombies.
#[test]
fn sync_pids_queries_only_the_named_zombies() {
    let faults = Faults {
        ordered: true,
        capacity: usize::MAX,
        fails: 0,
        inodes: true,
    };
    let kernel = Rc::new(RefCell::new(SimulatedKernel::new(faults, 3, Vec::new())));
    let apply = |op| kernel.borrow_mut().apply(op);
    let handle = || KernelHandle(kernel.clone());
    apply(Op::Fork(0));
    for _ in 0..9 {
        apply(Op::Fork(1));
    }
    for _ in 0..6 {
        apply(Op::Exit(3, 0));
    }
    let mut live = Live::new(handle(), handle(), Show::BASE | Show::CRED).unwrap();
    let rows: Vec<Task> = live.iter().map(|task| (**task).clone()).collect();
    let is_zombie = |pid: &Pid| rows.iter().any(|task| task.pid == *pid && is_zombie(task));
    let pids: Vec<Pid> = rows.iter().map(|task| task.pid).collect();
    let zombies = pids.iter().filter(|pid| is_zombie(pid)).count();
    assert!(zombies > 2 && pids.len() > zombies + 2, "{rows:#?}");

    let asked = |live: &mut SimulatedLive, pids: Option<&[Pid]>| {
        let before = live.stats().requested;
        let changes = match pids {
            Some(pids) => live.sync_pids(pids.iter().copied()),
            None => live.sync(),
        };
        assert_eq!(changes.unwrap(), []);
        usize::try_from(live.stats().requested - before).unwrap()
    };
    live.sync().unwrap();
    assert_eq!(asked(&mut live, None), zombies);
    for portion in pids.chunks(3) {
        let named = portion.iter().filter(|pid| is_zombie(pid)).count();
        assert_eq!(asked(&mut live, Some(portion)), named);
    }
    assert_eq!(asked(&mut live, Some(&[])), 0);
}

/// Replies with one list per call, and then with the last one.
struct Lists(VecDeque<Vec<Task>>);

impl TaskSource for Lists {
    fn list(&mut self, request: &Request<'_>, each: &mut dyn FnMut(Task)) -> Result<(), Error> {
        let tasks = self.0.front().unwrap().clone();
        if self.0.len() > 1 {
            self.0.pop_front();
        }
        let pids = request.filters.pids.as_ref();
        for task in tasks {
            if pids.is_none_or(|pids| pids.contains(&task.pid)) {
                each(task);
            }
        }
        Ok(())
    }
}

struct Recorded(VecDeque<EventKind>);

impl EventSource for Recorded {
    fn next_event(&mut self, _: Option<Duration>) -> Result<Option<Event>, Error> {
        let kind = self.0.pop_front();
        Ok(kind.map(|kind| Event::new(Duration::ZERO, None, kind)))
    }
}

/// The first thread of process 7 ends, and its last thread while all processes
/// are listed: its child 2 has been listed before, and pid 7 is reused.
#[test]
fn child_of_parent_that_ends_during_a_list_has_its_new_parent() {
    let task = |pid, ppid, start, state| {
        let mut task = Task::default();
        (task.pid, task.tgid) = (pid, pid);
        let base = task.base.insert(Default::default());
        (base.pid, base.tgid, base.ppid, base.state) = (pid, pid, ppid, state);
        task.ident.insert(Default::default()).start_time = start;
        task
    };
    let asleep = State::Interruptible;
    let child = |ppid| task(2, ppid, 30, asleep);
    let init = || task(1, 0, 1, asleep);
    let reused = || task(7, 1, 40, asleep);
    let lists = Lists([vec![init(), child(7), task(7, 1, 20, State::Zombie)]].into());
    let fork = EventKind::Fork {
        pid: 7,
        tgid: 7,
        parent_pid: 1,
        parent_tgid: 1,
    };
    let thread_exit = EventKind::Exit {
        pid: 8,
        tgid: 7,
        status: simulation::status(0),
        exit_signal: -1,
        parent_pid: 1,
        parent_tgid: 1,
    };
    let mut live = Live::new(lists, Recorded(VecDeque::new()), Show::BASE).unwrap();
    live.events().0.push_back(EventKind::Lost(Lost::Overflow));
    live.tasks().0 = [
        vec![init(), child(7), reused()],
        vec![init(), child(1), reused()],
    ]
    .into();
    live.poll(Some(Duration::ZERO)).unwrap();
    live.events().0.extend([fork, thread_exit]);
    live.poll(Some(Duration::ZERO)).unwrap();
    assert_eq!(live.get(2).unwrap().base.unwrap().ppid, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn table_equals_the_tasks_of_the_kernel(faults in faults(), seed: u64, script in script()) {
        run(faults, seed, script);
    }

    /// Without delays and losses, every exit status is known.
    #[test]
    fn exits_are_known_without_losses(inodes: bool, seed: u64, script in script()) {
        let faults = Faults { ordered: true, capacity: usize::MAX, fails: 0, inodes };
        run(faults, seed, script);
    }

    /// Named rows are current after any loss, also of events that were not
    /// sent.
    #[test]
    fn sync_pids_returns_current_rows(
        capacity in prop_oneof![Just(usize::MAX), 1..30_usize],
        inodes: bool,
        seed: u64,
        script in script_with_delivery_stops(),
        needed in prop::collection::vec(prop::collection::btree_set(1..=12_u32, 0..6), 1..20),
    ) {
        let faults = Faults { ordered: true, capacity, fails: 0, inodes };
        let kernel = Rc::new(RefCell::new(SimulatedKernel::new(faults, seed, script)));
        let handle = || KernelHandle(kernel.clone());
        let mut live = Live::new(handle(), handle(), Show::BASE | Show::CRED).unwrap();
        for needed in &needed {
            kernel.borrow_mut().advance(12);
            live.sync_pids(needed.iter().copied()).unwrap();
            let expected = kernel.borrow().tasks();
            for &pid in needed {
                let is_it = |task: &&Task| task.pid == pid;
                let kept = live.get(pid).map(|task| &**task);
                prop_assert_eq!(kept, expected.iter().find(is_it), "{:#?}", kernel.borrow().log);
            }
        }
        live.sync().unwrap();
        let kept: Vec<Task> = live.iter().map(|task| (**task).clone()).collect();
        assert_same(&kept, &kernel.borrow());
    }
}
