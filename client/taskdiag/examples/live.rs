// SPDX-License-Identifier: MIT
//! Lists all processes, and then prints each that starts, changes or ends; for
//! this many seconds if a number is given.
//!
//! ```sh
//! cargo run -p taskdiag --example live -- 10
//! ```
//!
//! Requires a kernel with `CONFIG_PROC_EVENTS`, and root before Linux 6.6.

mod common;

use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use common::{Outcome, unless_closed};
use taskdiag::live::Change;
use taskdiag::{Live, Show, Task};

fn main() -> Outcome {
    unless_closed(follow())
}

fn follow() -> Outcome {
    let seconds = std::env::args()
        .nth(1)
        .map(|word| word.parse())
        .transpose()?;
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));

    let mut live = Live::follow(Show::BASE)?;
    let mut out = stdout().lock();
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        for change in live.poll(left)? {
            print(&mut out, &change)?;
        }
        out.flush()?;
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(());
        }
    }
}

fn print(out: &mut impl Write, change: &Change) -> std::io::Result<()> {
    match change {
        Change::Added(task) => writeln!(out, "+ {}", name(task)),
        Change::Changed { new, .. } => writeln!(out, "  {}", name(new)),
        Change::Removed { task, exit } => {
            let how = exit.map_or_else(|| "gone".to_owned(), |exit| exit.to_string());
            writeln!(out, "- {}: {how}", name(task))
        }
        _ => Ok(()),
    }
}

fn name(task: &Task) -> String {
    task.base.map_or_else(String::new, |base| {
        format!(
            "{:>7} {:>7} {} {}",
            base.pid, base.ppid, base.state, base.comm
        )
    })
}
