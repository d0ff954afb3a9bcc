// SPDX-License-Identifier: MIT
//! Who silences the proc connector has nobody believe what was before.
//!
//! A program of its own, and ignored unless asked for, as whoever listens
//! beside it hears nothing meanwhile: see the library's test of that name.

mod common;
#[path = "../../taskdiag/tests/common/connector_control.rs"]
mod connector_control;

use common::{House, Target};
use connector_control::{restore_delivery, stop_delivery};
use taskdiag::{Request, Show, Strategy, Task};

/// Those of these numbers whom the daemon tells of.
fn told(house: &House, pids: &[u32]) -> Vec<u32> {
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);
    let tasks = house.ask(&request).unwrap();
    assert!(tasks.iter().all(|task| task.cached));
    let all = tasks.iter().map(|task: &Task| task.pid);
    all.filter(|pid| pids.contains(pid)).collect()
}

fn sleeper() -> Target {
    Target::new(&["sleep"])
}

#[test]
#[ignore = "needs a kernel of its own"]
fn a_silence_is_noticed_while_it_lasts_and_when_it_is_over() {
    let house = House::new("procfs", &[]);
    let (first, second) = (sleeper(), sleeper());
    let before = [first.pid(), second.pid()];
    assert_eq!(told(&house, &before), before);

    stop_delivery();
    let third = sleeper();
    let all = [first.pid(), second.pid(), third.pid()];
    first.end();
    assert_eq!(told(&house, &all), all[1..]);
    // Once more, as what is noticed once may be taken for granted.
    third.end();
    assert_eq!(told(&house, &all), all[1..2]);

    // Nobody asks until it is over.
    second.end();
    restore_delivery();
    assert_eq!(told(&house, &all), []);
    let fourth = sleeper();
    assert_eq!(told(&house, &[fourth.pid()]), [fourth.pid()]);
    stop_delivery();
    let pid = fourth.pid();
    fourth.end();
    restore_delivery();
    assert_eq!(told(&house, &[pid]), []);
}
