// SPDX-License-Identifier: MIT
//! A message that was sent, and the reply so far.

use super::row::Pending;
use crate::model::Expectation;

/// A message that was sent, and the reply so far.
#[derive(Debug)]
pub(super) struct SentRequest {
    pub(super) expectation: Expectation,
    /// Bytes of the message, which errors repeat.
    pub(super) bytes: Vec<u8>,
    pub(super) pids: Vec<u32>,
    pub(super) gone: Vec<u32>,
    /// The number of the datagram with the first row.
    pub(super) first: Option<u64>,
    /// The row whose last message has not been received.
    pub(super) pending: Option<Pending>,
    /// The process whose threads are reported.
    pub(super) relative: Option<u32>,
    pub(super) failed: bool,
    pub(super) ended: bool,
    pub(super) acked: bool,
    /// `TASK_DIAG_CMD_FEATURES` has been answered.
    pub(super) features_received: bool,
}

impl SentRequest {
    /// Whether the reply is complete.
    pub(super) fn is_complete(&self) -> bool {
        let wants_ack = self.expectation.wants_ack;
        match &self.expectation.query {
            _ if self.failed => true,
            Some(query) if query.dump => self.ended,
            Some(_) => !self.pids.is_empty() && (!wants_ack || self.acked),
            None => {
                self.expectation.refusals.is_empty()
                    && self.expectation.features == self.features_received
                    && (!wants_ack || self.acked)
            }
        }
    }

    pub(super) fn is_dump(&self) -> bool {
        self.expectation
            .query
            .as_ref()
            .is_some_and(|query| query.dump)
    }

    /// Checks the current row if it has no more messages. Returns true if it is
    /// complete, but lacks groups or fields.
    pub(super) fn end_row_if_complete(&mut self, changed: bool) -> Result<bool, String> {
        if self.pending.is_some_and(|pending| pending.is_complete()) {
            return self.end_row(changed);
        }
        Ok(false)
    }

    /// Checks the current row, which has no more messages. Returns true if it lacks
    /// groups or fields that the caller may not read.
    pub(super) fn end_row(&mut self, changed: bool) -> Result<bool, String> {
        let (Some(pending), Some(query)) = (self.pending.take(), &self.expectation.query) else {
            return Ok(false);
        };
        if pending.end(query.show)? != 0 {
            self.gone.push(pending.pid);
        }
        Ok(!pending.check_level(query.show, changed)?)
    }
}
