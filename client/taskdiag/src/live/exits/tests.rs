// SPDX-License-Identifier: MIT
//! What is told of ends where a number has had several bearers: the right
//! thing or nothing.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use super::*;

const PID: Pid = 7;

fn end(time: u64) -> ExitRecord {
    ExitRecord {
        time: Duration::from_secs(time),
        status: ExitStatus::from_raw(9),
    }
}

fn known(time: u64) -> ExitState {
    ExitState::Known(end(time))
}

/// So many exits were heard of, the last at this time.
fn exits(exits: u32, last: u64) -> PendingUpdate {
    PendingUpdate {
        exits,
        leader_exit: Some(end(last)),
        ..PendingUpdate::default()
    }
}

fn forks(forks: u32, pending: PendingUpdate) -> PendingUpdate {
    PendingUpdate { forks, ..pending }
}

fn exec(time: u64, pending: PendingUpdate) -> PendingUpdate {
    let exec = Some(Duration::from_secs(time));
    PendingUpdate { exec, ..pending }
}

const ALIVE: Option<IsDead> = Some(false);
const ZOMBIE: Option<IsDead> = Some(true);
const NOBODY: Option<IsDead> = None;

/// One that was alive is now this.
fn same(now: Option<IsDead>) -> PidHistory {
    PidHistory {
        before: Some(ExitState::NotReported),
        same: true,
        now,
    }
}

/// One that was alive is gone, and in its place is this.
fn gone(now: Option<IsDead>) -> PidHistory {
    PidHistory {
        same: false,
        ..same(now)
    }
}

/// There was nobody.
fn new(now: Option<IsDead>) -> PidHistory {
    PidHistory {
        before: None,
        same: false,
        now,
    }
}

fn assign(history: PidHistory, pending: &PendingUpdate) -> ExitStates {
    MissingExits::default().assign(PID, history, pending, false)
}

#[test]
fn one_that_ends_is_told() {
    assert_eq!(assign(same(ZOMBIE), &exits(1, 5)).now, known(5));
    assert_eq!(assign(gone(NOBODY), &exits(1, 5)).before, known(5));
    let whole_life = forks(1, exec(3, exits(1, 5)));
    assert_eq!(assign(new(ZOMBIE), &whole_life).now, known(5));
}

#[test]
fn a_thread_that_outlives_the_first_says_how() {
    let thread_exit = Some(end(6));
    let both = PendingUpdate {
        thread_exit,
        ..exits(1, 5)
    };
    assert_eq!(assign(gone(NOBODY), &both).before, known(6));
    let thread = PendingUpdate {
        thread_exit,
        ..PendingUpdate::default()
    };
    let zombie = PidHistory {
        before: Some(known(5)),
        ..same(ZOMBIE)
    };
    assert_eq!(assign(zombie, &thread).now, known(6));
    // Of one whose first thread has not ended it says nothing.
    assert_eq!(assign(same(ALIVE), &thread).now, ExitState::NotReported);
}

#[test]
fn the_first_thread_s_end_by_an_exec_is_not_the_process_s() {
    let pending = exec(6, exits(1, 5));
    assert_eq!(assign(same(ALIVE), &pending).now, ExitState::NotReported);
    assert_eq!(assign(same(ZOMBIE), &pending).now, ExitState::NotReported);
    let and_then = exec(6, exits(2, 7));
    assert_eq!(assign(gone(NOBODY), &and_then).before, known(7));
    let whole_life = forks(1, and_then);
    assert_eq!(assign(new(ZOMBIE), &whole_life).now, known(7));
}

#[test]
fn whoever_has_the_number_next_is_another() {
    // The old one has ended, the new one lives.
    let ends = assign(gone(ALIVE), &forks(1, exits(1, 5)));
    assert_eq!(ends.before, known(5));
    // Both have, and the second exit is the new one's.
    let ends = assign(gone(ZOMBIE), &forks(1, exits(2, 8)));
    assert_eq!((ends.before, ends.now), (ExitState::Unknown, known(8)));
}

#[test]
fn nobody_knows_whose_exit_it_is() {
    let untold = |history, pending: &PendingUpdate| {
        let ends = assign(history, pending);
        assert_eq!(ends.before.known(), None, "{ends:?}");
        assert_eq!(ends.now.known(), None, "{ends:?}");
    };
    // One for two that died, or three.
    untold(gone(ZOMBIE), &forks(1, exits(1, 5)));
    untold(gone(NOBODY), &forks(1, exits(1, 5)));
    untold(gone(ZOMBIE), &forks(2, exits(2, 5)));
    // Two for one: a thread of either has run another program.
    untold(gone(ALIVE), &forks(1, exits(2, 5)));
    untold(gone(ALIVE), &forks(1, exec(6, exits(1, 5))));
}

#[test]
fn an_exit_that_comes_late_is_not_the_next_one_s() {
    let mut missing = MissingExits::default();
    let ends = missing.assign(PID, gone(ALIVE), &forks(1, PendingUpdate::default()), false);
    assert_eq!(ends.before, ExitState::NotReported);
    // That of the old one or of the new one?
    let ends = missing.assign(PID, same(ZOMBIE), &exits(1, 5), false);
    assert_eq!(ends.now, ExitState::Unknown);

    // Nor do more than enough exits help.
    let mut missing = MissingExits::default();
    missing.assign(PID, gone(ALIVE), &forks(1, PendingUpdate::default()), false);
    let ends = missing.assign(PID, same(ZOMBIE), &exits(3, 5), false);
    assert_eq!(ends.now, ExitState::Unknown);

    // If the new one lives it was the old one's, and then all is settled.
    let mut missing = MissingExits::default();
    missing.assign(PID, gone(ALIVE), &forks(1, PendingUpdate::default()), false);
    missing.assign(PID, same(ALIVE), &exits(1, 5), false);
    let ends = missing.assign(PID, same(ZOMBIE), &exits(1, 9), false);
    assert_eq!(ends.now, known(9));
    assert!(missing.0.is_empty());
}

#[test]
fn after_a_loss_the_count_begins_anew() {
    let mut missing = MissingExits::default();
    missing.assign(PID, gone(NOBODY), &PendingUpdate::default(), false);
    assert_eq!(missing.0.get(&PID), Some(&1));
    let ends = missing.assign(PID, new(ZOMBIE), &exits(1, 5), true);
    assert_eq!(ends.now, ExitState::Unknown);
    assert!(missing.0.is_empty());
}
