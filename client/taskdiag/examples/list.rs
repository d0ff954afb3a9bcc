// SPDX-License-Identifier: MIT
//! Lists every process with its user and name, with a single request.
//!
//! ```sh
//! cargo run -p taskdiag --example list
//! ```

mod common;

use std::io::{Write, stdout};

use common::{Outcome, unless_closed};
use taskdiag::{Client, Request, Show, Strategy};

fn main() -> Outcome {
    unless_closed(list())
}

fn list() -> Outcome {
    let mut client = Client::connect_any()?;
    let request = Request::new(Strategy::All).show(Show::BASE | Show::CRED);

    let mut out = stdout().lock();
    writeln!(out, "{:>7} {:>7} S NAME", "PID", "UID")?;
    let mut dump = client.dump(&request)?;
    // A task borrows the receive buffer until the next call.
    while let Some(task) = dump.next()? {
        if let (Some(base), Some(cred)) = (task.base(), task.cred()) {
            writeln!(
                out,
                "{:>7} {:>7} {} {}",
                base.pid,
                cred.euid.map_or("-".to_owned(), |uid| uid.to_string()),
                base.state,
                base.comm
            )?;
        }
    }
    Ok(())
}
