// SPDX-License-Identifier: MIT
//! The live table during fork storms: afterwards, it equals a dump.

use std::collections::BTreeMap;
use std::env;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;

use taskdiag::events::{Connector, ConnectorOptions, Events};
use taskdiag::live::Change;
use taskdiag::{Live, Pid};

use super::fork_storm;
use super::*;

type Table = Live<Client, Connector>;

/// Environment variable with the duration of the storms in seconds.
const SECONDS: &str = "TASKDIAG_TEST_STORM_SECONDS";
const DEFAULT_SECONDS: u64 = 20;
const STORMS: usize = 3;
const SHOW: Show = Show::BASE.union(Show::CRED).union(Show::CMDLINE);
/// Comparisons of table and dump, which other processes can make differ.
const ATTEMPTS: usize = 20;

fn length() -> Duration {
    let known = env::var(SECONDS).ok();
    Duration::from_secs(known.map_or(DEFAULT_SECONDS, |known| known.parse().unwrap()))
}

fn table(options: &ConnectorOptions) -> Table {
    Live::new(client(), options.listen().unwrap(), SHOW).unwrap()
}

/// A table composed only of the reported changes.
#[derive(Default)]
struct Replay {
    rows: BTreeMap<Pid, Arc<Task>>,
    added: u64,
    known: u64,
    unknown: u64,
}

impl Replay {
    fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            let pid = change.pid();
            match change {
                Change::Added(task) => {
                    self.added += 1;
                    assert_eq!(self.rows.insert(pid, task), None);
                }
                Change::Changed { old, new } => {
                    assert_eq!(self.rows.insert(pid, new), Some(old));
                }
                Change::Removed { task, exit } => {
                    assert_eq!(self.rows.remove(&pid), Some(task));
                    match exit {
                        Some(_) => self.known += 1,
                        None => self.unknown += 1,
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Polls until the storms are over and their orphans have exited.
fn follow_storms(live: &mut Table, replay: &mut Replay, length: Duration) {
    let mut storms: Vec<Child> = (0..STORMS).map(|_| fork_storm::start(length)).collect();
    while !storms.is_empty() {
        replay.apply(live.poll(Some(Duration::from_millis(20))).unwrap());
        storms.retain_mut(|storm| match storm.try_wait().unwrap() {
            None => true,
            Some(status) => {
                assert!(status.success(), "{status}");
                false
            }
        });
    }
    // Orphans live a little longer.
    let end = Instant::now() + Duration::from_millis(100);
    while Instant::now() < end {
        replay.apply(live.poll(Some(Duration::from_millis(10))).unwrap());
    }
}

/// Clears the fields that events do not keep current.
fn tracked_fields(task: &Task) -> Task {
    let mut task = task.clone();
    if let Some(base) = &mut task.base {
        if base.state != State::Zombie {
            base.state = State::Running;
        }
        (base.pgid, base.tpid) = (None, None);
    }
    if let Some(cred) = &mut task.cred {
        cred.cap_inheritable = None;
        cred.securebits = None;
    }
    task
}

fn rows<'a>(tasks: impl IntoIterator<Item = &'a Task>) -> BTreeMap<Pid, Task> {
    let each = tasks.into_iter();
    each.map(|task| (task.pid, tracked_fields(task))).collect()
}

/// Checks that the table equals a dump. Repeats while other processes change.
fn assert_current(live: &mut Table, replay: &mut Replay) {
    let request = everything(Strategy::All).show(SHOW | Show::IDENT);
    let mut differ = Vec::new();
    for _ in 0..ATTEMPTS {
        replay.apply(live.sync().unwrap());
        let kept = rows(live.iter().map(|task| &**task));
        let there = rows(&tasks(&request));
        differ = kept
            .values()
            .filter(|task| there.get(&task.pid) != Some(task))
            .chain(
                there
                    .values()
                    .filter(|task| kept.get(&task.pid) != Some(task)),
            )
            .cloned()
            .collect();
        if differ.is_empty() {
            assert_eq!(rows(replay.rows.values().map(|task| &**task)), kept);
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("the table differs from the dump: {differ:#?}");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn table_equals_dump_after_fork_storm() {
    let mut live = table(&ConnectorOptions::new(Events::all()));
    let mut replay = Replay::default();
    follow_storms(&mut live, &mut replay, length());
    assert_current(&mut live, &mut replay);

    let stats = live.stats();
    let (added, known, unknown) = (replay.added, replay.known, replay.unknown);
    println!("{stats:?}");
    println!("added: {added}, removed: {known} with an exit, {unknown} without");
    assert!(added > 20 && known > 20, "too few processes");
    assert!(stats.dumps <= 1 + stats.losses, "{stats:?}");
    if stats.losses == 0 {
        // A pid is not reused that soon, so most exits can be assigned.
        assert!(unknown * 10 <= known, "{unknown} of {known}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn table_equals_dump_after_lost_events() {
    // Space for a few events.
    let mut live = table(&ConnectorOptions::new(Events::all()).buffer(4096));
    let mut replay = Replay::default();
    follow_storms(&mut live, &mut replay, length() / 4);
    assert_current(&mut live, &mut replay);
    let stats = live.stats();
    println!("{stats:?}");
    assert!(stats.losses > 0, "nothing was lost: {stats:?}");
    assert!(stats.dumps <= 1 + stats.losses, "{stats:?}");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn idle_system_causes_no_queries() {
    let mut live = table(&ConnectorOptions::new(Events::all()));
    live.sync().unwrap();
    let before = (live.stats(), live.events().receives());
    assert_eq!(live.poll_timeout(), None, "a zombie is never reaped");
    let changes = live.poll(Some(Duration::from_secs(2))).unwrap();
    let after = (live.stats(), live.events().receives());
    // If other processes were active, there was something to query.
    if before.1 == after.1 {
        assert_eq!(changes, []);
        assert_eq!(before.0, after.0);
    }
}

/// Each change affects only the row of its process, and carries its previous
/// row.
#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn process_changes_are_reported_in_order() {
    let mut live = table(&ConnectorOptions::new(Events::all()));
    live.sync().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", "exec sleep 1000"])
        .spawn()
        .unwrap();
    let pid = child.id();
    let named = |live: &Table, name: &[u8]| {
        let task = live.get(pid);
        task.is_some_and(|task| task.base.unwrap().comm.as_bytes() == name)
    };
    until(&mut live, |live, _| named(live, b"sleep"));
    assert_eq!(live.get(pid).unwrap().base.unwrap().ppid, own_pid());
    assert!(live.children(own_pid()).any(|child| child == pid));

    child.kill().unwrap();
    let is_zombie = |live: &Table| {
        let task = live.get(pid);
        task.is_some_and(|task| task.base.unwrap().state == State::Zombie)
    };
    until(&mut live, |live, _| is_zombie(live));
    assert!(
        live.poll_timeout().is_some(),
        "no event reports the reaping"
    );

    child.wait().unwrap();
    let removed = until(&mut live, |live, _| live.get(pid).is_none());
    let exit = removed.iter().find_map(|change| match change {
        Change::Removed { task, exit } if task.pid == pid => *exit,
        _ => None,
    });
    assert_eq!(exit.and_then(|exit| exit.signal()), Some(9));
}

/// Polls until `done` holds and returns all changes.
fn until(live: &mut Table, done: impl Fn(&Table, &[Change]) -> bool) -> Vec<Change> {
    let mut changes = Vec::new();
    while !done(live, &changes) {
        changes.extend(live.poll(None).unwrap());
    }
    changes
}
