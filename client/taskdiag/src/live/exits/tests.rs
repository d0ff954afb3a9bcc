// SPDX-License-Identifier: MIT
//! What is told of ends where a number has had several bearers: the right
//! thing or nothing.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use super::*;

const PID: Pid = 7;

fn end(time: u64) -> End {
    End {
        time: Duration::from_secs(time),
        status: ExitStatus::from_raw(9),
    }
}

fn told(time: u64) -> Ending {
    Ending::Told(end(time))
}

/// So many exits were heard of, the last at this time.
fn exits(exits: u32, last: u64) -> Hint {
    Hint {
        exits,
        end: Some(end(last)),
        ..Hint::default()
    }
}

fn forks(forks: u32, hint: Hint) -> Hint {
    Hint { forks, ..hint }
}

fn exec(time: u64, hint: Hint) -> Hint {
    let exec = Some(Duration::from_secs(time));
    Hint { exec, ..hint }
}

const ALIVE: Option<Dead> = Some(false);
const ZOMBIE: Option<Dead> = Some(true);
const NOBODY: Option<Dead> = None;

/// One that was alive is now this.
fn same(now: Option<Dead>) -> Bearers {
    Bearers {
        before: Some(Ending::NotYet),
        same: true,
        now,
    }
}

/// One that was alive is gone, and in its place is this.
fn gone(now: Option<Dead>) -> Bearers {
    Bearers {
        same: false,
        ..same(now)
    }
}

/// There was nobody.
fn new(now: Option<Dead>) -> Bearers {
    Bearers {
        before: None,
        same: false,
        now,
    }
}

fn settle(who: Bearers, hint: &Hint) -> Ends {
    Owed::default().settle(PID, who, hint, false)
}

#[test]
fn one_that_ends_is_told() {
    assert_eq!(settle(same(ZOMBIE), &exits(1, 5)).now, told(5));
    assert_eq!(settle(gone(NOBODY), &exits(1, 5)).before, told(5));
    let whole_life = forks(1, exec(3, exits(1, 5)));
    assert_eq!(settle(new(ZOMBIE), &whole_life).now, told(5));
}

#[test]
fn a_thread_that_outlives_the_first_says_how() {
    let thread_end = Some(end(6));
    let both = Hint {
        thread_end,
        ..exits(1, 5)
    };
    assert_eq!(settle(gone(NOBODY), &both).before, told(6));
    let thread = Hint {
        thread_end,
        ..Hint::default()
    };
    let zombie = Bearers {
        before: Some(told(5)),
        ..same(ZOMBIE)
    };
    assert_eq!(settle(zombie, &thread).now, told(6));
    // Of one whose first thread has not ended it says nothing.
    assert_eq!(settle(same(ALIVE), &thread).now, Ending::NotYet);
}

#[test]
fn the_first_thread_s_end_by_an_exec_is_not_the_process_s() {
    let hint = exec(6, exits(1, 5));
    assert_eq!(settle(same(ALIVE), &hint).now, Ending::NotYet);
    assert_eq!(settle(same(ZOMBIE), &hint).now, Ending::NotYet);
    let and_then = exec(6, exits(2, 7));
    assert_eq!(settle(gone(NOBODY), &and_then).before, told(7));
    let whole_life = forks(1, and_then);
    assert_eq!(settle(new(ZOMBIE), &whole_life).now, told(7));
}

#[test]
fn whoever_has_the_number_next_is_another() {
    // The old one has ended, the new one lives.
    let ends = settle(gone(ALIVE), &forks(1, exits(1, 5)));
    assert_eq!(ends.before, told(5));
    // Both have, and the second exit is the new one's.
    let ends = settle(gone(ZOMBIE), &forks(1, exits(2, 8)));
    assert_eq!((ends.before, ends.now), (Ending::Untold, told(8)));
}

#[test]
fn nobody_knows_whose_exit_it_is() {
    let untold = |who, hint: &Hint| {
        let ends = settle(who, hint);
        assert_eq!(ends.before.told(), None, "{ends:?}");
        assert_eq!(ends.now.told(), None, "{ends:?}");
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
    let mut owed = Owed::default();
    let ends = owed.settle(PID, gone(ALIVE), &forks(1, Hint::default()), false);
    assert_eq!(ends.before, Ending::NotYet);
    // That of the old one or of the new one?
    let ends = owed.settle(PID, same(ZOMBIE), &exits(1, 5), false);
    assert_eq!(ends.now, Ending::Untold);

    // Nor do more than enough exits help.
    let mut owed = Owed::default();
    owed.settle(PID, gone(ALIVE), &forks(1, Hint::default()), false);
    let ends = owed.settle(PID, same(ZOMBIE), &exits(3, 5), false);
    assert_eq!(ends.now, Ending::Untold);

    // If the new one lives it was the old one's, and then all is settled.
    let mut owed = Owed::default();
    owed.settle(PID, gone(ALIVE), &forks(1, Hint::default()), false);
    owed.settle(PID, same(ALIVE), &exits(1, 5), false);
    let ends = owed.settle(PID, same(ZOMBIE), &exits(1, 9), false);
    assert_eq!(ends.now, told(9));
    assert!(owed.0.is_empty());
}

#[test]
fn after_a_loss_the_count_begins_anew() {
    let mut owed = Owed::default();
    owed.settle(PID, gone(NOBODY), &Hint::default(), false);
    assert_eq!(owed.0.get(&PID), Some(&1));
    let ends = owed.settle(PID, new(ZOMBIE), &exits(1, 5), true);
    assert_eq!(ends.now, Ending::Untold);
    assert!(owed.0.is_empty());
}
