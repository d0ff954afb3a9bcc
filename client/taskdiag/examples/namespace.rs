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

use taskdiag::{AnyTransport, Client, Error, Pid, Request, Scope, Show, Strategy};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let own = std::process::id();
    let pid: Pid = std::env::args()
        .nth(1)
        .map_or(Ok(own), |word| word.parse())?;
    let mut client = Client::connect_any()?;
    match show(&mut client, Scope::Process(pid)) {
        Err(error @ (Error::Scope { .. } | Error::ScopeNeedsNetlink { .. })) => {
            eprintln!("{error}");
            eprintln!("This is the own namespace:");
            show(&mut client, Scope::Own)?;
        }
        shown => shown?,
    }
    Ok(())
}

fn show(client: &mut Client<AnyTransport>, scope: Scope) -> taskdiag::Result<()> {
    let request = Request::new(Strategy::All).show(Show::BASE).scope(scope);
    let mut dump = client.dump(&request)?;
    while let Some(task) = dump.next()? {
        if let Some(base) = task.base() {
            println!("{:>7} {:>7} {}", base.pid, base.ppid, base.comm);
        }
    }
    Ok(())
}
