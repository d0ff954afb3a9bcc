// SPDX-License-Identifier: MIT
//! Lists the memory mappings of a process with their resident memory, the
//! largest first; of its own process if no pid is given.
//!
//! ```sh
//! cargo run -p taskdiag --example mappings -- $$
//! ```

mod common;

use std::io::{Write, stdout};

use common::{Outcome, unless_closed};
use taskdiag::{Client, Pid, Request, Show, Strategy};

fn main() -> Outcome {
    unless_closed(mappings())
}

fn mappings() -> Outcome {
    let own = std::process::id();
    let pid: Pid = std::env::args()
        .nth(1)
        .map_or(Ok(own), |word| word.parse())?;
    let mut client = Client::connect_any()?;
    let request = Request::new(Strategy::One(pid)).show(Show::VMA | Show::VMA_STAT);

    // A process with many mappings is reported in several messages: get() waits
    // for all of them. Dump::next_piece() returns each one.
    let task = client.get(&request)?;
    let (Some(mappings), Some(stats)) = (task.vmas, task.vma_stats) else {
        return Err(
            format!("cannot read the memory mappings of process {pid}: permission denied").into(),
        );
    };
    let mut rows: Vec<_> = mappings.iter().zip(&stats).collect();
    rows.sort_by_key(|(_, stat)| std::cmp::Reverse(stat.pss));

    let mut out = stdout().lock();
    writeln!(out, "{:>10} {:>10} PERM NAME", "KIB", "PSS")?;
    for (mapping, stat) in rows {
        writeln!(
            out,
            "{:>10} {:>10} {} {}",
            mapping.size() / 1024,
            stat.pss / 1024,
            mapping.flags.permissions(),
            mapping
                .name
                .as_deref()
                .map_or("".into(), String::from_utf8_lossy),
        )?;
    }
    Ok(())
}
