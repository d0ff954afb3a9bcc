// SPDX-License-Identifier: MIT
//! Lists the processes of a container with their pids inside of it. The
//! argument is the pid, outside of it, of any process in the container.
//!
//! Requires the right to read the process with ptrace, and a procfs of its pid
//! namespace at its `/proc`. Otherwise the example prints the reason and lists its
//! own pid namespace.
//!
//! ```sh
//! sudo cargo run -p taskdiag --example namespace -- 1234
//! ```

mod common;

use std::io::{Write, stdout};

use common::{Outcome, unless_closed};
use taskdiag::{AnySource, Client, ClientBuilder, Dump, Pid, Request, Strategy};

fn main() -> Outcome {
    unless_closed(namespace())
}

fn namespace() -> Outcome {
    let own = std::process::id();
    let pid: Pid = std::env::args()
        .nth(1)
        .map_or(Ok(own), |word| word.parse())?;
    let mut client = match ClientBuilder::new().proc_mount_of(pid) {
        Ok(builder) => builder.connect()?,
        Err(error) => {
            eprintln!("{error}");
            eprintln!("Listing the own pid namespace:");
            Client::connect_any()?
        }
    };
    show(client.dump(&Request::new(Strategy::All))?)
}

fn show(mut dump: Dump<'_, AnySource>) -> Outcome {
    let mut out = stdout().lock();
    while let Some(task) = dump.next()? {
        if let Some(base) = task.base() {
            writeln!(out, "{:>7} {:>7} {}", base.pid, base.ppid, base.comm)?;
        }
    }
    Ok(())
}
