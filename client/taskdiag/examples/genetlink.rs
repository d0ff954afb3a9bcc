// SPDX-License-Identifier: MIT
//! Requests a task through the crate genetlink, with the messages of this library.
//!
//! `TaskDiagMessage` implements the traits of netlink-packet-generic, so any netlink
//! crate built on them can send and receive it. For dumps, the clients of this
//! library are better: they copy nothing, and return an error that ends a dump.
//!
//!     cargo run --example genetlink -- [PID]

use std::error::Error;
use std::io::{Write, stdout};

use futures_util::StreamExt;
use netlink_packet_core::{NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_generic::GenlMessage;
use taskdiag::netlink::{TaskDiagAttr, TaskDiagMessage};
use taskdiag::{Request, Show, Strategy};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let pid = match std::env::args().nth(1) {
        Some(pid) => pid.parse()?,
        None => std::process::id(),
    };
    let (connection, mut handle, _) = genetlink::new_connection()?;
    tokio::spawn(connection);

    let request = Request::new(Strategy::One(pid)).show(Show::BASE);
    let mut message =
        NetlinkMessage::from(GenlMessage::from_payload(TaskDiagMessage::from(&request)));
    message.header.flags = NLM_F_REQUEST;
    // Resolves the family first, by the name in the GenlFamily trait.
    let mut replies = handle.request(message).await?;
    while let Some(reply) = replies.next().await {
        match reply?.payload {
            NetlinkPayload::InnerMessage(message) => {
                for attribute in message.payload.attributes {
                    if let TaskDiagAttr::Base(base) = attribute {
                        let (pid, ppid, state) = (base.pid, base.ppid, base.state);
                        writeln!(stdout(), "pid {pid}, ppid {ppid}, state {state}")?;
                    }
                }
            }
            NetlinkPayload::Error(error) => return Err(error.to_io().into()),
            _ => {}
        }
    }
    Ok(())
}
