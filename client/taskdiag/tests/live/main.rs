// SPDX-License-Identifier: MIT
//! The live table over a simulated kernel: whatever happens there and whatever
//! is lost of it, in the end the table is what a list made then would be.

mod simulation;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use taskdiag::live::{Change, Live};
use taskdiag::{Error, Pid, Show, State, Task};

use simulation::{Faults, KernelHandle, Op, SimulatedKernel};

type SimulatedLive = Live<KernelHandle, KernelHandle>;

/// A table made of nothing but the changes that were told.
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
                    assert_ne!(old, new, "nothing has changed");
                    let before = self.rows.insert(pid, new.clone());
                    assert_eq!(before.as_ref(), Some(old), "changed from something else");
                }
                Change::Removed { task, .. } => {
                    let before = self.rows.remove(&pid);
                    assert_eq!(before.as_ref(), Some(task), "removed what was not there");
                    self.removed.push(change);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn assert_equals(&self, live: &SimulatedLive) {
        let replayed: Vec<_> = self.rows.values().collect();
        let kept: Vec<_> = live.iter().collect();
        assert_eq!(replayed, kept, "the changes are not those of the table");
    }
}

/// How processes ended is told rightly, or not at all.
fn assert_exits(replay: &Replay, kernel: &SimulatedKernel, begun: u64) {
    for change in &replay.removed {
        let Change::Removed { task, exit } = change else {
            unreachable!()
        };
        let Some(exit) = exit else {
            assert!(
                !exit_must_be_known(task, kernel, begun),
                "not told: {task:?}"
            );
            continue;
        };
        if kernel.is_ordered() || kernel.pid_uses[&task.pid] == 1 {
            let ends = kernel.ends.get(&task.ident.unwrap().start_time);
            let right = ends.is_some_and(|ends| ends.contains(exit));
            assert!(right, "{exit} is of another: {task:?}\n{:#?}", kernel.log);
        }
    }
}

/// Whether it could be told how a process ended.
fn exit_must_be_known(task: &Task, kernel: &SimulatedKernel, begun: u64) -> bool {
    kernel.is_ordered()
        && kernel.losses == 0
        && kernel.failures == 0
        && kernel.pid_uses[&task.pid] == 1
        && task.ident.unwrap().start_time > begun
}

fn run(faults: Faults, seed: u64, script: Vec<Op>) {
    let mut kernel = SimulatedKernel::new(faults, seed, script);
    kernel.advance(10);
    let kernel = Rc::new(RefCell::new(kernel));
    let handle = || KernelHandle(kernel.clone());
    let mut live = retry(|| Live::new(handle(), handle(), Show::BASE | Show::CRED));
    let begun = kernel.borrow().now();
    let mut replay = Replay::default();

    while !kernel.borrow().script.is_empty() {
        kernel.borrow_mut().advance(6);
        if let Ok(changes) = live.poll(Some(Duration::ZERO)) {
            replay.apply(changes);
            replay.assert_equals(&live);
        }
    }
    // Then all is quiet.
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
        "asks about nobody again, or not"
    );
    assert_exits(&replay, &kernel.borrow(), begun);
    assert_cost(&live, &kernel.borrow());
}

fn assert_same(kept: &[Task], kernel: &SimulatedKernel) {
    let there = kernel.tasks();
    let differs = kept.iter().zip(&there).find(|(kept, there)| kept != there);
    assert!(
        differs.is_none() && kept.len() == there.len(),
        "the table is not what is there: {differs:#?}\n{:#?}",
        kernel.log
    );
}

/// All are asked about at first, and after losses; else about those of whom
/// there are events.
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

/// Tries until it does not fail.
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

/// Likewise, with silences that nobody is told of.
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

/// However many events wait, what they are about is in the table behind one
/// call: here that a process ends, which is the last of them.
#[test]
fn everything_that_has_happened_is_looked_at_in_one_call() {
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

/// Zombies are asked about once when all are, and then each with the rows it is
/// among; not all of them with each few rows.
#[test]
fn who_needs_some_rows_has_no_other_zombies_asked_about() {
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
        let among_them = portion.iter().filter(|pid| is_zombie(pid)).count();
        assert_eq!(asked(&mut live, Some(portion)), among_them);
    }
    assert_eq!(asked(&mut live, Some(&[])), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn the_table_is_what_is_there(faults in faults(), seed: u64, script in script()) {
        run(faults, seed, script);
    }

    /// Nobody is late or forgets: then every exit is told.
    #[test]
    fn exits_are_told(inodes: bool, seed: u64, script in script()) {
        let faults = Faults { ordered: true, capacity: usize::MAX, fails: 0, inodes };
        run(faults, seed, script);
    }

    /// The rows that somebody needs are as they are now, whatever was lost, or
    /// not even sent.
    #[test]
    fn rows_that_are_needed_are_those_that_are_there(
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
            let there = kernel.borrow().tasks();
            for &pid in needed {
                let is_it = |task: &&Task| task.pid == pid;
                let kept = live.get(pid).map(|task| &**task);
                prop_assert_eq!(kept, there.iter().find(is_it), "{:#?}", kernel.borrow().log);
            }
        }
        live.sync().unwrap();
        let kept: Vec<Task> = live.iter().map(|task| (**task).clone()).collect();
        assert_same(&kept, &kernel.borrow());
    }
}
