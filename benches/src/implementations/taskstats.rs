// SPDX-License-Identifier: MIT
//! Taskstats, the kernel's older binary interface: one request per task, by pid. The
//! pids are read from `/proc`, and several requests are sent at once.

use std::os::fd::AsFd;

use super::procfs_text::{each_pid, number, open_proc};
use crate::error::{Error, Result};
use crate::genl::{Genl, NLMSG_ERROR, attributes, messages};
use crate::source::{Consumer, Source};
use crate::task_fields::TaskFields;

const FAMILY: &str = "TASKSTATS";
const CMD_GET: u8 = 1;
const CMD_ATTR_PID: u16 = 1;
const TYPE_STATS: u16 = 3;
const TYPE_AGGR_PID: u16 = 4;

/// Offsets of ac_comm, ac_uid, ac_gid, ac_pid and ac_ppid in `struct taskstats`.
const AC_COMM: usize = 80;
const AC_UID: usize = 120;
const AC_GID: usize = 124;
const AC_PID: usize = 128;
const AC_PPID: usize = 132;

/// Number of requests per send(). Their replies must fit the socket's buffer.
const BATCH: usize = 32;

pub(crate) struct Taskstats {
    genl: Genl,
    pids: Vec<u32>,
    receives: u64,
}

impl Taskstats {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            genl: Genl::connect(FAMILY)?,
            pids: Vec::new(),
            receives: 0,
        })
    }

    fn receive_replies<C: Consumer>(&mut self, requests: usize, consumer: &mut C) -> Result<()> {
        let mut received = 0;
        while received < requests {
            let len = self.genl.receive()?;
            self.receives += 1;
            for message in messages(&self.genl.buffer[..len]) {
                received += 1;
                // The reply for a task that has exited is an error.
                if message.kind != NLMSG_ERROR {
                    consumer.task(&fields(message.payload())?);
                }
            }
        }
        Ok(())
    }
}

impl Source for Taskstats {
    fn dump<C: Consumer>(&mut self, consumer: &mut C) -> Result<()> {
        self.receives = 0;
        let mut pids = std::mem::take(&mut self.pids);
        pids.clear();
        each_pid(open_proc()?.as_fd(), |name| {
            pids.push(number(name).0.try_into().unwrap_or(u32::MAX));
            Ok(())
        })?;
        let mut batch = Vec::new();
        for batch_pids in pids.chunks(BATCH) {
            batch.clear();
            for pid in batch_pids {
                batch.extend(
                    self.genl
                        .message(CMD_GET, 0, CMD_ATTR_PID, &pid.to_ne_bytes()),
                );
            }
            self.genl.send(&batch)?;
            self.receive_replies(batch_pids.len(), consumer)?;
        }
        self.pids = pids;
        Ok(())
    }

    fn receives(&self) -> u64 {
        self.receives
    }
}

#[inline(always)]
fn fields(payload: &[u8]) -> Result<TaskFields> {
    let within = attributes(payload)
        .find(|(kind, _)| *kind == TYPE_AGGR_PID)
        .and_then(|(_, nest)| attributes(nest).find(|(kind, _)| *kind == TYPE_STATS))
        .map(|(_, stats)| stats)
        .filter(|stats| stats.len() >= AC_PPID + 4)
        .ok_or_else(|| Error::failed("invalid reply of taskstats"))?;
    let word = |at: usize| {
        let bytes = within[at..].first_chunk().copied();
        u32::from_ne_bytes(bytes.unwrap_or_default())
    };
    Ok(TaskFields {
        pid: word(AC_PID),
        ppid: word(AC_PPID),
        uids: [word(AC_UID), 0, 0, 0],
        gids: [word(AC_GID), 0, 0, 0],
        comm: *within[AC_COMM..].first_chunk().unwrap_or(&[0; 16]),
        ..TaskFields::default()
    })
}
