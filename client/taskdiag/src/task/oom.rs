// SPDX-License-Identifier: MIT
//! The group OOM: order in which the OOM killer chooses.

use super::mirror;
use crate::abi::TaskDiagOom;

mirror! {
    /// Order in which the OOM killer chooses a process.
    pub struct Oom: TaskDiagOom {
        /// -1000 to 1000, added to the score: `/proc/PID/oom_score_adj`.
        score_adj: i32,
        /// 0 to 2000; the process with the highest score is killed first:
        /// `/proc/PID/oom_score`.
        score: u32,
    }
}

impl From<Oom> for TaskDiagOom {
    fn from(oom: Oom) -> Self {
        Self {
            score_adj: oom.score_adj,
            score: oom.score,
        }
    }
}
