// SPDX-License-Identifier: MIT
//! The transaction file in the asynchronous client.
//!
//! The kernel prepares each datagram within read(2) and has no way to wait for it,
//! so reads are plain calls. They take part in the cooperative scheduling of tokio.

use std::task::{Context, Poll, ready};

use tokio::task::coop;

use super::transport::AsyncTransport;
use crate::error::Result;
use crate::file::TransactionFile;
use crate::netlink::Framing;
use crate::request::{Options, Scope};
use crate::transport::Transport;
use crate::visibility::Visibility;

/// The open transaction file.
#[derive(Debug)]
pub(super) struct AsyncFile(TransactionFile);

impl AsyncFile {
    pub(super) fn open() -> Result<Self> {
        TransactionFile::open().map(Self)
    }
}

impl AsyncTransport for AsyncFile {
    fn framing(&self) -> Framing {
        self.0.framing()
    }

    fn port(&self) -> u32 {
        self.0.port()
    }

    fn visibility(&self, options: Options) -> Visibility {
        self.0.visibility(options)
    }

    fn has_other_opener(&self) -> bool {
        self.0.has_other_opener()
    }

    fn poll_send(&mut self, _: &mut Context<'_>, request: &[u8], scope: Scope) -> Poll<Result<()>> {
        Poll::Ready(self.0.send(request, scope))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
        let turn = ready!(coop::poll_proceed(cx));
        turn.made_progress();
        Poll::Ready(self.0.receive(buffer))
    }

    fn poll_reset(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<()>> {
        Poll::Ready(self.0.reset(buffer))
    }
}
