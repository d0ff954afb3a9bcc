// SPDX-License-Identifier: MIT
//! Assignment of exits if several processes have had a pid: the right exit or
//! none.

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

/// That many exit events were received, the last at this time.
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
const ABSENT: Option<IsDead> = None;

/// The process lived before the query, and is in this state now.
fn same(now: Option<IsDead>) -> PidHistory {
    PidHistory {
        before: Some(ExitState::NotReported),
        same: true,
        now,
    }
}

/// The process lived before the query and is gone; another in this state has
/// its pid.
fn gone(now: Option<IsDead>) -> PidHistory {
    PidHistory {
        same: false,
        ..same(now)
    }
}

/// No process had the pid before the query.
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
fn exit_of_a_single_process_is_known() {
    assert_eq!(assign(same(ZOMBIE), &exits(1, 5)).now, known(5));
    assert_eq!(assign(gone(ABSENT), &exits(1, 5)).before, known(5));
    let whole_life = forks(1, exec(3, exits(1, 5)));
    assert_eq!(assign(new(ZOMBIE), &whole_life).now, known(5));
}

#[test]
fn last_thread_determines_the_exit_status() {
    let thread_exit = Some(end(6));
    let both = PendingUpdate {
        thread_exit,
        ..exits(1, 5)
    };
    assert_eq!(assign(gone(ABSENT), &both).before, known(6));
    let thread = PendingUpdate {
        thread_exit,
        ..PendingUpdate::default()
    };
    let zombie = PidHistory {
        before: Some(known(5)),
        ..same(ZOMBIE)
    };
    assert_eq!(assign(zombie, &thread).now, known(6));
    // The exit of a thread says nothing about a process whose first thread
    // lives.
    assert_eq!(assign(same(ALIVE), &thread).now, ExitState::NotReported);
}

#[test]
fn exit_of_first_thread_by_execve_is_not_the_exit_of_the_process() {
    let pending = exec(6, exits(1, 5));
    assert_eq!(assign(same(ALIVE), &pending).now, ExitState::NotReported);
    assert_eq!(assign(same(ZOMBIE), &pending).now, ExitState::NotReported);
    let and_then = exec(6, exits(2, 7));
    assert_eq!(assign(gone(ABSENT), &and_then).before, known(7));
    let whole_life = forks(1, and_then);
    assert_eq!(assign(new(ZOMBIE), &whole_life).now, known(7));
}

#[test]
fn exits_are_assigned_in_order_after_pid_reuse() {
    // The former process has exited, the new one lives.
    let ends = assign(gone(ALIVE), &forks(1, exits(1, 5)));
    assert_eq!(ends.before, known(5));
    // Both have exited, and the second exit belongs to the new one.
    let ends = assign(gone(ZOMBIE), &forks(1, exits(2, 8)));
    assert_eq!((ends.before, ends.now), (ExitState::Unknown, known(8)));
}

#[test]
fn exit_is_unknown_if_the_counts_differ() {
    let assert_unknown = |history, pending: &PendingUpdate| {
        let ends = assign(history, pending);
        assert_eq!(ends.before.known(), None, "{ends:?}");
        assert_eq!(ends.now.known(), None, "{ends:?}");
    };
    // One exit for two processes that died, or two for three.
    assert_unknown(gone(ZOMBIE), &forks(1, exits(1, 5)));
    assert_unknown(gone(ABSENT), &forks(1, exits(1, 5)));
    assert_unknown(gone(ZOMBIE), &forks(2, exits(2, 5)));
    // Two exits for one process: a thread of one of them has called execve().
    assert_unknown(gone(ALIVE), &forks(1, exits(2, 5)));
    assert_unknown(gone(ALIVE), &forks(1, exec(6, exits(1, 5))));
}

#[test]
fn late_exit_is_not_assigned_to_the_next_process() {
    let mut missing = MissingExits::default();
    let ends = missing.assign(PID, gone(ALIVE), &forks(1, PendingUpdate::default()), false);
    assert_eq!(ends.before, ExitState::NotReported);
    // The exit belongs to the former process or to the new one.
    let ends = missing.assign(PID, same(ZOMBIE), &exits(1, 5), false);
    assert_eq!(ends.now, ExitState::Unknown);

    // More exits than processes do not make it certain.
    let mut missing = MissingExits::default();
    missing.assign(PID, gone(ALIVE), &forks(1, PendingUpdate::default()), false);
    let ends = missing.assign(PID, same(ZOMBIE), &exits(3, 5), false);
    assert_eq!(ends.now, ExitState::Unknown);

    // If the new process lives, the exit belonged to the former one.
    let mut missing = MissingExits::default();
    missing.assign(PID, gone(ALIVE), &forks(1, PendingUpdate::default()), false);
    missing.assign(PID, same(ALIVE), &exits(1, 5), false);
    let ends = missing.assign(PID, same(ZOMBIE), &exits(1, 9), false);
    assert_eq!(ends.now, known(9));
    assert!(missing.0.is_empty());
}

#[test]
fn loss_of_events_resets_the_count() {
    let mut missing = MissingExits::default();
    missing.assign(PID, gone(ABSENT), &PendingUpdate::default(), false);
    assert_eq!(missing.0.get(&PID), Some(&1));
    let ends = missing.assign(PID, new(ZOMBIE), &exits(1, 5), true);
    assert_eq!(ends.now, ExitState::Unknown);
    assert!(missing.0.is_empty());
}
