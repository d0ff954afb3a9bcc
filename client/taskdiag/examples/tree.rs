// SPDX-License-Identifier: MIT
//! Prints the descendants of a process as a tree; those of pid 1 if no pid is
//! given.
//!
//! ```sh
//! cargo run -p taskdiag --example tree -- 1
//! ```

mod common;

use std::collections::BTreeMap;
use std::io::{self, Write, stdout};

use common::{Outcome, unless_closed};
use taskdiag::{Client, Pid, Request, Show, Strategy, Task};

fn main() -> Outcome {
    unless_closed(tree())
}

fn tree() -> Outcome {
    let root: Pid = std::env::args().nth(1).map_or(Ok(1), |word| word.parse())?;
    let mut client = Client::connect_any()?;
    let mut out = stdout().lock();
    writeln!(out, "{}", name(&client.one(root, Show::BASE)?))?;

    // The kernel reports parents before their children.
    let request = Request::new(Strategy::Descendants(root)).show(Show::BASE);
    let mut children = BTreeMap::<Pid, Vec<Task>>::new();
    for task in client.dump(&request)?.tasks() {
        let task = task?;
        let parent = task.base.map_or(0, |base| base.ppid);
        children.entry(parent).or_default().push(task);
    }
    print(&mut out, &children, root, 1)?;
    Ok(())
}

fn print(
    out: &mut impl Write,
    children: &BTreeMap<Pid, Vec<Task>>,
    parent: Pid,
    depth: usize,
) -> io::Result<()> {
    for child in children.get(&parent).into_iter().flatten() {
        writeln!(out, "{:indent$}{}", "", name(child), indent = 2 * depth)?;
        print(out, children, child.pid, depth + 1)?;
    }
    Ok(())
}

fn name(task: &Task) -> String {
    let comm = task.base.map_or_else(String::new, |b| b.comm.to_string());
    format!("{} {comm}", task.pid)
}
