// SPDX-License-Identifier: MIT
//! Checks a message with a row against the request and the previous rows.

use super::row::{self, Pending, Row};
use super::{Checker, LinkProperties, Rights};
use crate::case::Transport;
use crate::groups;
use crate::model::{Query, Visibility};
use crate::wire::{Header, NLM_F_MULTI};
use taskdiag::abi;

/// Maximum length of a message of a row.
const MAX_MESSAGE: u32 = 32 * 1024;

impl Checker {
    pub(super) fn row(
        &mut self,
        index: usize,
        header: Header,
        payload: &[u8],
        rights: &Rights<'_>,
    ) -> Result<(), String> {
        let unsure = self.is_unsure();
        let LinkProperties {
            transport,
            features,
            lossy,
            ..
        } = self.link;
        let request = &mut self.requests[index];
        if request.expectation.features {
            if request.features_received || header.flags != 0 {
                return Err("the features were reported twice or as a dump".to_owned());
            }
            request.features_received = true;
            return row::read_features(transport, payload, features);
        }
        let Some(query) = &request.expectation.query else {
            return Err(format!(
                "a row, expected {:?}",
                request.expectation.refusals
            ));
        };
        if request.ended || request.failed {
            return Err("a row after the end".to_owned());
        }
        if header.flags != if query.dump { NLM_F_MULTI } else { 0 } {
            return Err(format!("a row with flags {:#x}", header.flags));
        }
        if header.len > MAX_MESSAGE {
            return Err(format!("a message of {} bytes", header.len));
        }
        let by_mount = !matches!(query.visibility, Visibility::Strict);
        if query.dump && by_mount && row::is_empty(transport, payload) {
            // The rows are made in recvmsg(), which may wait, and which opens files of a
            // limited number of tasks.
            request.first.get_or_insert(self.datagrams);
            return Ok(());
        }
        let row = row::read(transport, payload, query.show)?;
        let (pid, tgid) = (row.pid, row.tgid);
        let appended = query.show & groups::appended();
        let exact = transport == Transport::Socket && !lossy && !unsure;
        if query.dump && appended != 0 && exact {
            // The kernel makes the first datagram in sendmsg(), where it must not
            // wait for other tasks.
            let more = match request.first {
                None => row.groups & appended != 0 || row.absent.is_some(),
                Some(first) => first == self.datagrams,
            };
            if more {
                return Err(format!("sendmsg() filled an appended group: {row:?}"));
            }
            request.first.get_or_insert(self.datagrams);
        }
        // A row that started before the change ends with a message that lists the
        // remaining groups as denied.
        let denied_since = self.changed && row.is_continuation && row.groups == 0;
        let levels = rights.levels(&row, query);
        if !denied_since && !levels.permit_row() {
            return Err(format!("this row is not visible to the reader: {row:?}"));
        }
        if query.is_for_processes() && pid != tgid {
            return Err(format!(
                "thread {pid} of process {tgid} in a dump of processes"
            ));
        }
        let last = request.pids.last().copied();
        self.counts.absent += u64::from(row.absent.is_some());
        if row.is_continuation {
            self.counts.continued += 1;
            let Some(pending) = &mut request.pending else {
                // The previous message may have been truncated.
                return if unsure {
                    Ok(())
                } else {
                    Err(format!("a continuation of task {pid} after task {last:?}"))
                };
            };
            pending.add(&row)?;
            let partial = request.end_row_if_complete(self.changed)?;
            self.counts.partial += u64::from(partial);
            return Ok(());
        }
        if let Some(pending) = request.pending {
            return Err(format!("task {pid} before the end of {pending:?}"));
        }
        check_filters(query, &row)?;
        match query.strategy {
            _ if query.is_for_all() && last.is_some_and(|last| last >= pid) => {
                return Err(format!("task {pid} after task {last:?}"));
            }
            abi::TASK_DIAG_DUMP_ONE if query.pid != 0 && pid != query.pid || last.is_some() => {
                return Err(format!("an unexpected row of task {pid}"));
            }
            abi::TASK_DIAG_DUMP_THREAD if *request.relative.get_or_insert(tgid) != tgid => {
                return Err(format!("thread {pid} of another process, {tgid}"));
            }
            _ => {}
        }
        if row.more && !query.dump {
            return Err(format!(
                "a row of several messages, but the request is not a dump: {row:?}"
            ));
        }
        request.pids.push(pid);
        if !unsure {
            request.pending = Some(Pending::new(&row, levels));
        }
        self.counts.rows += 1;
        let partial = request.end_row_if_complete(self.changed)?;
        self.counts.partial += u64::from(partial);
        Ok(())
    }
}

/// Checks that the filters of the request include the row.
fn check_filters(query: &Query, row: &Row) -> Result<(), String> {
    let pids = query.pids.as_ref();
    if pids.is_some_and(|pids| !pids.contains(&row.pid)) {
        return Err(format!("task {} is not in PIDS", row.pid));
    }
    match (query.states, row.base) {
        (Some(states), Some(base)) if states & (1 << base.state) == 0 => {
            Err(format!("state {} is not in {states:#x}", base.state))
        }
        _ => Ok(()),
    }
}
