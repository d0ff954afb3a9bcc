// SPDX-License-Identifier: MIT
//! The areas of a process's memory and what of them is resident, the most
//! costly first; its own if no process is named.
//!
//! ```sh
//! cargo run -p taskdiag --example areas -- $$
//! ```

mod common;

use std::io::{Write, stdout};

use common::{Outcome, unless_closed};
use taskdiag::{Client, Pid, Request, Show, Strategy};

fn main() -> Outcome {
    unless_closed(areas())
}

fn areas() -> Outcome {
    let own = std::process::id();
    let pid: Pid = std::env::args()
        .nth(1)
        .map_or(Ok(own), |word| word.parse())?;
    let mut client = Client::connect_any()?;
    let request = Request::new(Strategy::One(pid)).show(Show::VMA | Show::VMA_STAT);

    // A process with many areas comes in several messages; this waits for all.
    // Dump::next_piece() gives what each of them has.
    let task = client.get(&request)?;
    let (Some(areas), Some(figures)) = (task.vmas, task.vma_stats) else {
        return Err(format!("the memory of process {pid} is not yours to see").into());
    };
    let mut rows: Vec<_> = areas.iter().zip(&figures).collect();
    rows.sort_by_key(|(_, figures)| std::cmp::Reverse(figures.pss));

    let mut out = stdout().lock();
    writeln!(out, "{:>10} {:>10} PERM NAME", "KIB", "PSS")?;
    for (area, figures) in rows {
        writeln!(
            out,
            "{:>10} {:>10} {} {}",
            area.size() / 1024,
            figures.pss / 1024,
            area.flags.permissions(),
            area.name
                .as_deref()
                .map_or("".into(), String::from_utf8_lossy),
        )?;
    }
    Ok(())
}
