// SPDX-License-Identifier: MIT
//! Lists the users with the most resident memory, and the number of their
//! processes.
//!
//! ```sh
//! cargo run -p taskdiag --example top_memory
//! ```

mod common;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{Write, stdout};

use common::{Outcome, unless_closed};
use taskdiag::{Client, Request, Show, Strategy};

fn main() -> Outcome {
    unless_closed(top_memory())
}

fn top_memory() -> Outcome {
    let mut client = Client::connect_any()?;
    let request = Request::new(Strategy::All).show(Show::CRED | Show::STAT);

    // Number of processes and bytes, per user.
    let mut users = BTreeMap::<u32, (usize, u64)>::new();
    client.dump(&request)?.for_each(|task| {
        if let (Some(cred), Some(stat)) = (task.cred(), task.stat()) {
            let Some(user) = cred.euid else { return };
            let (processes, bytes) = users.entry(user).or_default();
            *processes += 1;
            *bytes += stat.memory.and_then(|memory| memory.rss).unwrap_or(0);
        }
    })?;

    let mut users: Vec<_> = users.into_iter().collect();
    users.sort_by_key(|&(_, (_, bytes))| Reverse(bytes));
    let mut out = stdout().lock();
    writeln!(out, "{:>7} {:>9} {:>9}", "UID", "PROCESSES", "MIB")?;
    for (uid, (processes, bytes)) in users.into_iter().take(10) {
        writeln!(out, "{uid:>7} {processes:>9} {:>9}", bytes >> 20)?;
    }
    Ok(())
}
