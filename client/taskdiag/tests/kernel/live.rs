// SPDX-License-Identifier: MIT
//! The live table in a storm of forks and execs: when it is over, the table is
//! what a dump tells.

use std::collections::BTreeMap;
use std::env;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;

use taskdiag::events::{Connector, ConnectorOptions, Events};
use taskdiag::live::Change;
use taskdiag::{CapSet, Live, Pid};

use super::fork_storm;
use super::*;

type Table = Live<Client, Connector>;

/// How long the storms are, in seconds, if not as many as it says here.
const SECONDS: &str = "TASKDIAG_TEST_STORM_SECONDS";
const DEFAULT_SECONDS: u64 = 20;
const STORMS: usize = 3;
const SHOW: Show = Show::BASE.union(Show::CRED).union(Show::CMDLINE);
/// How often a table and a dump are compared, where others make them differ.
const ATTEMPTS: usize = 20;

fn length() -> Duration {
    let told = env::var(SECONDS).ok();
    Duration::from_secs(told.map_or(DEFAULT_SECONDS, |told| told.parse().unwrap()))
}

fn table(options: &ConnectorOptions) -> Table {
    Live::new(client(), options.listen().unwrap(), SHOW).unwrap()
}

/// A table made of the changes that are told, and nothing else.
#[derive(Default)]
struct Replay {
    rows: BTreeMap<Pid, Arc<Task>>,
    added: u64,
    told: u64,
    untold: u64,
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
                        Some(_) => self.told += 1,
                        None => self.untold += 1,
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Follows until the storms are over, and then some.
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

/// What events keep of a task: the rest is as it was when it was asked for.
fn kept(task: &Task) -> Task {
    let mut task = task.clone();
    if let Some(base) = &mut task.base {
        if base.state != State::Zombie {
            base.state = State::Running;
        }
        (base.pgid, base.tpid) = (0, 0);
    }
    if let Some(cred) = &mut task.cred {
        cred.cap_inheritable = CapSet::default();
        cred.securebits = 0;
    }
    task
}

fn rows<'a>(tasks: impl IntoIterator<Item = &'a Task>) -> BTreeMap<Pid, Task> {
    let each = tasks.into_iter();
    each.map(|task| (task.pid, kept(task))).collect()
}

/// The table is what a dump tells. Tries again where others come and go.
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
    panic!("the table is not what is there: {differ:#?}");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn after_a_storm_the_table_is_what_is_there() {
    let mut live = table(&ConnectorOptions::new(Events::all()));
    let mut replay = Replay::default();
    follow_storms(&mut live, &mut replay, length());
    assert_current(&mut live, &mut replay);

    let stats = live.stats();
    let (added, told, untold) = (replay.added, replay.told, replay.untold);
    println!("{stats:?}");
    println!("added: {added}, removed: {told} with an exit, {untold} without");
    assert!(added > 20 && told > 20, "it was no storm");
    assert!(stats.dumps <= 1 + stats.losses, "{stats:?}");
    if stats.losses == 0 {
        // Their number is theirs: nobody gets it again so soon.
        assert!(untold * 10 <= told, "{untold} of {told}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn after_losses_too() {
    // Room for a handful.
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
fn nothing_happens_and_nothing_is_asked() {
    let mut live = table(&ConnectorOptions::new(Events::all()));
    live.sync().unwrap();
    let before = (live.stats(), live.events().receives());
    assert_eq!(live.poll_timeout(), None, "somebody is a zombie for ever");
    let changes = live.poll(Some(Duration::from_secs(2))).unwrap();
    let after = (live.stats(), live.events().receives());
    // Others may not be as quiet; then there was something to ask about.
    if before.1 == after.1 {
        assert_eq!(changes, []);
        assert_eq!(before.0, after.0);
    }
}

/// Each change comes to the one row that it is about, and is told with what it
/// was.
#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn a_life_is_told_in_its_order() {
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
        "it will be reaped, and no event tells"
    );

    child.wait().unwrap();
    let removed = until(&mut live, |live, _| live.get(pid).is_none());
    let exit = removed.iter().find_map(|change| match change {
        Change::Removed { task, exit } if task.pid == pid => *exit,
        _ => None,
    });
    assert_eq!(exit.and_then(|exit| exit.signal()), Some(9));
}

/// Polls until it is so, and tells all that changed.
fn until(live: &mut Table, so: impl Fn(&Table, &[Change]) -> bool) -> Vec<Change> {
    let mut changes = Vec::new();
    while !so(live, &changes) {
        changes.extend(live.poll(None).unwrap());
    }
    changes
}
