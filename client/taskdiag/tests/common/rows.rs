// SPDX-License-Identifier: MIT
//! Rows that a test has asked for.

use std::collections::BTreeSet;

use taskdiag::{Client, Request, Source, Task};

/// All that there are.
pub(crate) fn tasks<S: Source>(mut client: Client<S>, request: &Request<'_>) -> Vec<Task> {
    let mut dump = client.dump(request).unwrap();
    dump.tasks().collect::<Result<_, _>>().unwrap()
}

/// The numbers of these tasks, none of which may come twice.
pub(crate) fn pids(tasks: &[Task]) -> BTreeSet<u32> {
    let pids: BTreeSet<_> = tasks.iter().map(|task| task.pid).collect();
    assert_eq!(pids.len(), tasks.len(), "a task came twice");
    pids
}
