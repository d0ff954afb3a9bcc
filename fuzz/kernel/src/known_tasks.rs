// SPDX-License-Identifier: MIT
//! Known tasks: the test tasks that run for the whole run, and checks of dumps
//! against them.
//!
//! Pure.

use std::collections::{HashMap, HashSet};

use crate::check::Dump;
use crate::model::{Level, PID_MAX_LIMIT, Presence, Query, strategy_name};
use taskdiag::abi;

/// A process that runs for the whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PermanentProcess {
    pub(crate) pid: u32,
    /// Visible to the process that performs the cases, whatever the mount.
    pub(crate) visible: bool,
    /// Visible to the unprivileged user, whatever the mount.
    pub(crate) visible_to_user: bool,
    /// In ascending order, including the leader.
    pub(crate) threads: Vec<u32>,
    /// In ascending order; each is a permanent process as well.
    pub(crate) children: Vec<u32>,
}

/// Processes that one process may or may not ptrace during the whole run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sight {
    pub(crate) visible: HashSet<u32>,
    pub(crate) hidden: HashSet<u32>,
}

impl Sight {
    fn add(&mut self, pid: u32, visible: bool) {
        if visible {
            self.visible.insert(pid);
        } else {
            self.hidden.insert(pid);
        }
    }
}

/// All known tasks.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownTasks {
    pub(crate) permanent: Vec<PermanentProcess>,
    /// The processes in the child pid namespace, in which they have the pids from 1
    /// on, in this order.
    pub(crate) contained: Vec<u32>,
    /// The processes that have exited and are not reaped.
    pub(crate) zombies: Vec<u32>,
    /// Processes that the performer may or may not ptrace.
    pub(crate) sight: Sight,
    /// Processes that the unprivileged user may or may not ptrace.
    pub(crate) sight_of_user: Sight,
    /// No task has this pid or a greater one.
    pub(crate) pid_max: u32,
    /// Index in [`Self::permanent`] for each thread.
    owners: HashMap<u32, usize>,
}

impl KnownTasks {
    pub(crate) fn new(permanent: Vec<PermanentProcess>, pid_max: u32) -> Self {
        let mut known_tasks = Self {
            pid_max,
            ..Self::default()
        };
        for (index, process) in permanent.iter().enumerate() {
            for &thread in &process.threads {
                known_tasks.owners.insert(thread, index);
            }
            known_tasks.sight.add(process.pid, process.visible);
            known_tasks
                .sight_of_user
                .add(process.pid, process.visible_to_user);
        }
        known_tasks.permanent = permanent;
        known_tasks
    }

    fn process_of(&self, pid: u32) -> Option<&PermanentProcess> {
        self.owners.get(&pid).map(|&index| &self.permanent[index])
    }

    /// Whether a request finds the task with this pid. `others`: level of tasks that
    /// the performer may not ptrace.
    pub(crate) fn presence(&self, query: &Query, pid: u32, others: Option<Level>) -> Presence {
        if pid >= self.pid_max {
            return Presence::Absent;
        }
        match self.process_of(pid) {
            Some(process) if process.visible => Presence::Present,
            Some(process) => presence_at(others, query, pid == process.pid),
            None if self.sight.hidden.contains(&pid) => presence_at(others, query, true),
            None => Presence::Unsure,
        }
    }

    /// Whether a request finds the task with this pid in the child pid namespace.
    /// `level`: level of the contained processes.
    pub(crate) fn presence_in_child(
        &self,
        query: &Query,
        pid: u32,
        level: Option<Level>,
    ) -> Presence {
        if (1..=self.contained.len()).contains(&(pid as usize)) {
            presence_at(level, query, true)
        } else {
            Presence::Absent
        }
    }

    /// Returns the pid of a contained process in its pid namespace.
    pub(crate) fn number_in_child(&self, pid: u32) -> Option<u32> {
        let index = self.contained.iter().position(|other| *other == pid)?;
        Some(index as u32 + 1)
    }

    /// Whether a task with this pid exists, visible or not.
    pub(crate) fn existence(&self, pid: u32) -> Presence {
        if pid == 0 || pid >= self.pid_max {
            return Presence::Absent;
        }
        match self.process_of(pid) {
            Some(_) => Presence::Present,
            None => Presence::Unsure,
        }
    }

    /// Returns a valid pid that no task has.
    pub(crate) fn free(&self) -> u32 {
        (self.pid_max + 7).min(PID_MAX_LIMIT)
    }

    /// Checks a complete dump of the child pid namespace against the contained
    /// processes. `level`: level of these processes.
    pub(crate) fn check_child(&self, dump: &Dump, level: Option<Level>) -> Result<(), String> {
        let Dump { query, pids, .. } = dump;
        let Some(level) = level else {
            return Ok(());
        };
        let all = match level {
            Level::Hidden => Vec::new(),
            _ => (1..=self.contained.len() as u32).collect(),
        };
        let expected = match query.strategy {
            abi::TASK_DIAG_DUMP_ALL | abi::TASK_DIAG_DUMP_ALL_THREAD => all,
            abi::TASK_DIAG_DUMP_CHILDREN | abi::TASK_DIAG_DUMP_DESCENDANTS => Vec::new(),
            abi::TASK_DIAG_DUMP_THREAD if level == Level::Listed => Vec::new(),
            _ => vec![query.pid],
        };
        if query.is_filtered() || *pids == expected {
            return Ok(());
        }
        Err(format!(
            "in the child pid namespace {} of {} is {pids:?}, expected {expected:?}",
            strategy_name(query.strategy),
            query.pid
        ))
    }

    /// Checks a complete dump against the known tasks. `own` is the sender. `others`:
    /// level of tasks that the performer may not ptrace.
    pub(crate) fn check(&self, dump: &Dump, own: u32, others: Option<Level>) -> Result<(), String> {
        let Dump { query, pids, gone } = dump;
        let stays = |pid: &&u32| {
            self.process_of(**pid)
                .is_some_and(|process| !self.zombies.contains(&process.pid))
        };
        if let Some(pid) = gone.iter().find(stays) {
            return Err(format!(
                "groups of task {pid} are gone, but the task still runs"
            ));
        }
        if query.is_filtered() {
            return Ok(());
        }
        let title = || format!("{} of {}", strategy_name(query.strategy), query.pid);
        let level_of = |process: &PermanentProcess| {
            if process.visible {
                Some(Level::Full)
            } else {
                others
            }
        };
        match query.strategy {
            abi::TASK_DIAG_DUMP_ALL | abi::TASK_DIAG_DUMP_ALL_THREAD => {
                let threads = query.strategy == abi::TASK_DIAG_DUMP_ALL_THREAD;
                let tasks = self.permanent.iter().flat_map(|process| {
                    let leader = std::slice::from_ref(&process.pid);
                    match level_of(process) {
                        None | Some(Level::Hidden) => &[],
                        Some(Level::Readable | Level::Full) if threads => {
                            process.threads.as_slice()
                        }
                        Some(_) => leader,
                    }
                });
                for task in tasks.chain(std::iter::once(&own)) {
                    if pids.binary_search(task).is_err() {
                        return Err(format!(
                            "{} lacks task {task}, which exists for the whole run ({} rows)",
                            title(),
                            pids.len()
                        ));
                    }
                }
                Ok(())
            }
            abi::TASK_DIAG_DUMP_CHILDREN | abi::TASK_DIAG_DUMP_THREAD => {
                let Some(process) = self.process_of(query.pid) else {
                    return Ok(());
                };
                let relatives = match level_of(process) {
                    None => return Ok(()),
                    Some(Level::Hidden | Level::Listed) => &[],
                    Some(_) if query.strategy == abi::TASK_DIAG_DUMP_THREAD => {
                        process.threads.as_slice()
                    }
                    Some(_) => process.children.as_slice(),
                };
                if pids == relatives {
                    Ok(())
                } else {
                    Err(format!("{} is {pids:?}, expected {relatives:?}", title()))
                }
            }
            _ => Ok(()),
        }
    }
}

/// Whether a request finds a task of this level that exists.
fn presence_at(level: Option<Level>, query: &Query, is_leader: bool) -> Presence {
    match level {
        None => Presence::Unsure,
        Some(Level::Hidden) => Presence::Absent,
        // Of a thread, not even the pid is reported. A dump finds that out only after
        // it has begun.
        Some(Level::Listed) if !is_leader && query.strategy == abi::TASK_DIAG_DUMP_ONE => {
            if query.dump {
                Presence::Unsure
            } else {
                Presence::Absent
            }
        }
        Some(_) => Presence::Present,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PidNs, Visibility};

    fn known_tasks() -> KnownTasks {
        let process = |pid, visible, threads: &[u32], children: &[u32]| PermanentProcess {
            pid,
            visible,
            visible_to_user: visible,
            threads: threads.to_vec(),
            children: children.to_vec(),
        };
        KnownTasks::new(
            vec![
                process(10, true, &[10, 11], &[20]),
                process(20, true, &[20], &[]),
                process(30, false, &[30, 31], &[]),
            ],
            100,
        )
    }

    fn check(strategy: u64, pid: u32, pids: &[u32]) -> Result<(), String> {
        check_with_gone(strategy, pid, pids, &[])
    }

    fn check_with_gone(strategy: u64, pid: u32, pids: &[u32], gone: &[u32]) -> Result<(), String> {
        check_at(Some(Level::Hidden), strategy, pid, pids, gone)
    }

    fn check_at(
        others: Option<Level>,
        strategy: u64,
        pid: u32,
        pids: &[u32],
        gone: &[u32],
    ) -> Result<(), String> {
        let dump = Dump {
            query: query(strategy, pid),
            pids: pids.to_vec(),
            gone: gone.to_vec(),
        };
        known_tasks().check(&dump, 5, others)
    }

    fn query(strategy: u64, pid: u32) -> Query {
        Query {
            strategy,
            show: 0,
            pid,
            pid_ns: PidNs::Outer,
            filters: 0,
            visibility: Visibility::Strict,
            dump: true,
            pids: None,
            states: None,
        }
    }

    #[test]
    fn presence_depends_on_the_known_tasks() {
        let known_tasks = known_tasks();
        let one = query(abi::TASK_DIAG_DUMP_ONE, 0);
        let presence_at = |pid, level| known_tasks.presence(&one, pid, Some(level));
        let presence = |pid| presence_at(pid, Level::Hidden);
        assert_eq!(presence(11), Presence::Present);
        assert_eq!(presence(31), Presence::Absent);
        assert_eq!(known_tasks.existence(31), Presence::Present);
        assert_eq!(presence(50), Presence::Unsure);
        assert_eq!(presence(known_tasks.free()), Presence::Absent);
        // Process 30 may not be ptraced.
        assert_eq!(presence_at(31, Level::Readable), Presence::Present);
        assert_eq!(presence_at(30, Level::Listed), Presence::Present);
        assert_eq!(presence_at(31, Level::Listed), Presence::Unsure);
        let single = Query {
            dump: false,
            ..one.clone()
        };
        let thread = known_tasks.presence(&single, 31, Some(Level::Listed));
        assert_eq!(thread, Presence::Absent);
        assert_eq!(known_tasks.presence(&one, 30, None), Presence::Unsure);
        let threads = query(abi::TASK_DIAG_DUMP_THREAD, 0);
        let thread = known_tasks.presence(&threads, 31, Some(Level::Listed));
        assert_eq!(thread, Presence::Present);
        assert_eq!(known_tasks.existence(0), Presence::Absent);
    }

    #[test]
    fn dump_must_contain_all_permanent_tasks() {
        assert_eq!(
            check(abi::TASK_DIAG_DUMP_ALL, 0, &[1, 5, 10, 20, 40]),
            Ok(())
        );
        assert!(check(abi::TASK_DIAG_DUMP_ALL, 0, &[1, 5, 20]).is_err());
        assert!(check(abi::TASK_DIAG_DUMP_ALL, 0, &[1, 10, 20]).is_err());
        assert!(check(abi::TASK_DIAG_DUMP_ALL_THREAD, 0, &[5, 10, 20]).is_err());
        assert_eq!(
            check(abi::TASK_DIAG_DUMP_ALL_THREAD, 0, &[5, 10, 11, 20]),
            Ok(())
        );
    }

    #[test]
    fn dump_must_contain_the_tasks_that_the_mount_shows() {
        let all = |others, pids: &[u32]| check_at(others, abi::TASK_DIAG_DUMP_ALL, 0, pids, &[]);
        let threads =
            |others, pids: &[u32]| check_at(others, abi::TASK_DIAG_DUMP_ALL_THREAD, 0, pids, &[]);
        let relatives =
            |others, pids: &[u32]| check_at(others, abi::TASK_DIAG_DUMP_THREAD, 30, pids, &[]);
        assert!(all(Some(Level::Listed), &[5, 10, 20]).is_err());
        assert_eq!(all(None, &[5, 10, 20]), Ok(()));
        assert_eq!(all(Some(Level::Listed), &[5, 10, 20, 30]), Ok(()));
        assert!(threads(Some(Level::Readable), &[5, 10, 11, 20, 30]).is_err());
        assert_eq!(threads(Some(Level::Listed), &[5, 10, 11, 20, 30]), Ok(()));
        assert_eq!(
            threads(Some(Level::Readable), &[5, 10, 11, 20, 30, 31]),
            Ok(())
        );
        assert_eq!(relatives(Some(Level::Readable), &[30, 31]), Ok(()));
        assert!(relatives(Some(Level::Readable), &[30]).is_err());
        assert_eq!(relatives(Some(Level::Listed), &[]), Ok(()));
        assert!(relatives(Some(Level::Listed), &[30]).is_err());
    }

    #[test]
    fn contained_processes_are_reported_as_the_mount_shows_them() {
        let mut known_tasks = known_tasks();
        known_tasks.contained = vec![40, 41];
        let check = |level, strategy, pids: &[u32]| {
            let dump = Dump {
                query: query(strategy, 2),
                pids: pids.to_vec(),
                gone: Vec::new(),
            };
            known_tasks.check_child(&dump, Some(level))
        };
        assert_eq!(
            check(Level::Listed, abi::TASK_DIAG_DUMP_ALL, &[1, 2]),
            Ok(())
        );
        assert_eq!(check(Level::Hidden, abi::TASK_DIAG_DUMP_ALL, &[]), Ok(()));
        assert!(check(Level::Hidden, abi::TASK_DIAG_DUMP_ALL, &[1, 2]).is_err());
        assert_eq!(check(Level::Listed, abi::TASK_DIAG_DUMP_ONE, &[2]), Ok(()));
        assert_eq!(
            check(Level::Readable, abi::TASK_DIAG_DUMP_THREAD, &[2]),
            Ok(())
        );
        assert!(check(Level::Listed, abi::TASK_DIAG_DUMP_THREAD, &[2]).is_err());
    }

    #[test]
    fn groups_of_permanent_tasks_must_not_be_gone() {
        let dump = |gone| check_with_gone(abi::TASK_DIAG_DUMP_ALL, 0, &[5, 10, 20], gone);
        assert_eq!(dump(&[50]), Ok(()));
        assert!(dump(&[20]).is_err());
    }

    #[test]
    fn contained_processes_have_pids_from_1() {
        let mut known_tasks = known_tasks();
        known_tasks.contained = vec![40, 41];
        let one = query(abi::TASK_DIAG_DUMP_ONE, 0);
        let presence = |pid, level| known_tasks.presence_in_child(&one, pid, Some(level));
        assert_eq!(presence(2, Level::Full), Presence::Present);
        assert_eq!(presence(3, Level::Full), Presence::Absent);
        assert_eq!(presence(2, Level::Listed), Presence::Present);
        assert_eq!(presence(2, Level::Hidden), Presence::Absent);
        assert_eq!(known_tasks.number_in_child(41), Some(2));
        assert_eq!(known_tasks.number_in_child(10), None);
    }

    #[test]
    fn relatives_must_match_exactly() {
        assert_eq!(check(abi::TASK_DIAG_DUMP_THREAD, 11, &[10, 11]), Ok(()));
        assert!(check(abi::TASK_DIAG_DUMP_THREAD, 10, &[10]).is_err());
        assert_eq!(check(abi::TASK_DIAG_DUMP_CHILDREN, 10, &[20]), Ok(()));
        assert!(check(abi::TASK_DIAG_DUMP_CHILDREN, 20, &[20]).is_err());
        assert_eq!(check(abi::TASK_DIAG_DUMP_CHILDREN, 50, &[51]), Ok(()));
    }
}
