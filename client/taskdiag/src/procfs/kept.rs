// SPDX-License-Identifier: MIT
//! Rows that somebody keeps, so that procfs need not be searched for them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use zerocopy::IntoBytes;

use super::request::Tasks;
use crate::abi::{self, TaskDiagBase, TaskDiagCreds};
use crate::answer::Message;
use crate::daemon_protocol;
use crate::error::Result;
use crate::filter::Filters;
use crate::pid::Pid;
use crate::request::Strategy;
use crate::show::Show;
use crate::task::{Base, State, Task};

/// The groups that are kept, as far as events tell of them.
const GROUPS: Show = Show::BASE.union(Show::CRED);

/// Keeps the groups BASE and CRED of every process.
pub trait Keep: fmt::Debug + Send {
    /// Appends the next processes with numbers from `from` on, in ascending
    /// order, as many as it likes; none if there are no more. Those alone that
    /// whoever asks may see. Tells whether any process came or went since the
    /// call before.
    ///
    /// # Errors
    ///
    /// Where there is no table to be had any more.
    fn next(&mut self, from: Pid, rows: &mut VecDeque<Arc<Task>>) -> Result<bool>;
}

/// Whether the answer to a request can be kept. Which state a task is in
/// cannot, and who asks about few is better told anew.
pub(super) fn is_cached(tasks: &Tasks) -> bool {
    let Filters {
        uid: _,
        comm: _,
        cgroup,
        states,
        pids,
        vma_flags,
    } = &tasks.filters;
    tasks.strategy == Strategy::All
        && GROUPS.contains(tasks.show)
        && cgroup.is_none()
        && states.is_none()
        && pids.is_none()
        && vma_flags.is_none()
}

/// How far the kept rows have been handed out.
#[derive(Debug, Default)]
pub(super) struct Rows {
    from: Pid,
    at_hand: VecDeque<Arc<Task>>,
    /// A process came or went meanwhile.
    pub(super) interrupted: bool,
}

impl Rows {
    /// The next one that the filters hold for.
    pub(super) fn next(
        &mut self,
        keeper: &mut dyn Keep,
        tasks: &Tasks,
    ) -> Result<Option<Arc<Task>>> {
        loop {
            if self.at_hand.is_empty() {
                let first = self.from == 0;
                let changed = keeper.next(self.from, &mut self.at_hand)?;
                self.interrupted |= changed && !first;
            }
            let Some(task) = self.at_hand.pop_front() else {
                return Ok(None);
            };
            self.from = task.pid + 1;
            if is_wanted(&task, &tasks.filters) {
                return Ok(Some(task));
            }
        }
    }
}

fn is_wanted(task: &Task, filters: &Filters) -> bool {
    let (Some(base), Some(cred)) = (&task.base, &task.cred) else {
        return false;
    };
    let named = |comm: &Vec<u8>| base.comm.as_bytes().starts_with(comm);
    filters.uid.is_none_or(|uid| cred.euid == uid) && filters.comm.as_ref().is_none_or(named)
}

/// Puts the row of such a task.
pub(super) fn put(message: &mut Message, task: &Task, tasks: &Tasks) {
    let flags = daemon_protocol::FLAG_CACHED;
    message.begin_row((task.pid, task.tgid), tasks.multi, flags);
    if let Some(base) = task.base.filter(|_| tasks.show.contains(Show::BASE)) {
        message.put(abi::TASK_DIAG_BASE, to_abi(&base).as_bytes());
    }
    if let Some(cred) = task.cred.filter(|_| tasks.show.contains(Show::CRED)) {
        message.put(abi::TASK_DIAG_CRED, TaskDiagCreds::from(cred).as_bytes());
    }
    message.end();
}

/// As it is told: nobody comes back from the dead, and of everything else a
/// task may do there is no event.
fn to_abi(base: &Base) -> TaskDiagBase {
    TaskDiagBase {
        tgid: base.tgid,
        pid: base.pid,
        ppid: base.ppid,
        tpid: base.tpid,
        sid: base.sid,
        pgid: base.pgid,
        state: match base.state {
            State::Zombie => abi::TASK_DIAG_ZOMBIE,
            _ => daemon_protocol::STATE_UNKNOWN,
        },
        comm: *base.comm.padded(),
        pad: [0; 3],
    }
}
