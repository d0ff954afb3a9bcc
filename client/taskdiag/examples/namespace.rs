// SPDX-License-Identifier: MIT
//! The processes of a container, with the numbers they have in it. Name any
//! process of it by the number it has here.
//!
//! That takes the netlink family, and `CAP_SYS_ADMIN`: no other way can carry
//! from where to look. Who has either not is told so, and shown what the own
//! namespace has.
//!
//! ```sh
//! sudo cargo run -p taskdiag --example namespace -- 1234
//! ```

mod common;

use std::io::{Write, stdout};

use common::{Outcome, unless_closed};
use taskdiag::{AnySource, Client, Dump, Error, Pid, Request, Scope, Strategy};

fn main() -> Outcome {
    unless_closed(namespace())
}

fn namespace() -> Outcome {
    let own = std::process::id();
    let pid: Pid = std::env::args()
        .nth(1)
        .map_or(Ok(own), |word| word.parse())?;
    let mut client = Client::connect_any()?;
    let within = Request::new(Strategy::All).scope(Scope::Process(pid));
    match client.dump(&within) {
        Err(error @ (Error::Scope { .. } | Error::ScopeNeedsNetlink { .. })) => {
            eprintln!("{error}");
            eprintln!("This is the own namespace:");
            show(client.dump(&Request::new(Strategy::All))?)
        }
        dump => show(dump?),
    }
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
