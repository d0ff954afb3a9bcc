// SPDX-License-Identifier: MIT
//! Rows of a request.

use std::collections::BTreeSet;

use taskdiag::{Client, Request, Source, Task};

/// Returns the tasks of a dump.
pub(crate) fn tasks<S: Source>(mut client: Client<S>, request: &Request<'_>) -> Vec<Task> {
    let mut dump = client.dump(request).unwrap();
    dump.tasks().collect::<Result<_, _>>().unwrap()
}

/// Returns the pids of tasks, which must be distinct.
pub(crate) fn pids(tasks: &[Task]) -> BTreeSet<u32> {
    let pids: BTreeSet<_> = tasks.iter().map(|task| task.pid).collect();
    assert_eq!(pids.len(), tasks.len(), "a task came twice");
    pids
}
