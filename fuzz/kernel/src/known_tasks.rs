// SPDX-License-Identifier: MIT
//! Known tasks: the test tasks that run for the whole run, and checks of dumps
//! against them.
//!
//! Pure.

use std::collections::{HashMap, HashSet};

use crate::check::Dump;
use crate::model::{PID_MAX_LIMIT, Presence, strategy_name};
use taskdiag::abi;

/// A process that runs for the whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PermanentProcess {
    pub(crate) pid: u32,
    /// Visible to the process that performs the cases.
    pub(crate) visible: bool,
    /// Visible to the unprivileged user.
    pub(crate) visible_to_user: bool,
    /// In ascending order, including the leader.
    pub(crate) threads: Vec<u32>,
    /// In ascending order; each is a permanent process as well.
    pub(crate) children: Vec<u32>,
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
    /// Processes that the performer may not see.
    pub(crate) hidden: HashSet<u32>,
    /// Processes that the unprivileged user may not see.
    pub(crate) hidden_from_user: HashSet<u32>,
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
            if !process.visible {
                known_tasks.hidden.insert(process.pid);
            }
            if !process.visible_to_user {
                known_tasks.hidden_from_user.insert(process.pid);
            }
        }
        known_tasks.permanent = permanent;
        known_tasks
    }

    fn process_of(&self, pid: u32) -> Option<&PermanentProcess> {
        self.owners.get(&pid).map(|&index| &self.permanent[index])
    }

    /// Whether a request finds the task with this pid.
    pub(crate) fn presence(&self, pid: u32) -> Presence {
        if pid >= self.pid_max {
            return Presence::Absent;
        }
        match self.process_of(pid) {
            Some(process) if process.visible => Presence::Present,
            Some(_) => Presence::Absent,
            None if self.hidden.contains(&pid) => Presence::Absent,
            None => Presence::Unsure,
        }
    }

    /// Whether a request finds the task with this pid in the child pid namespace.
    /// `visible`: the caller may see the contained processes.
    pub(crate) fn presence_in_child(&self, pid: u32, visible: bool) -> Presence {
        if visible && (1..=self.contained.len()).contains(&(pid as usize)) {
            Presence::Present
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
    /// processes.
    pub(crate) fn check_child(&self, dump: &Dump, visible: bool) -> Result<(), String> {
        let Dump { query, pids, .. } = dump;
        let all: Vec<u32> = if visible {
            (1..=self.contained.len() as u32).collect()
        } else {
            Vec::new()
        };
        let expected = match query.strategy {
            abi::TASK_DIAG_DUMP_ALL | abi::TASK_DIAG_DUMP_ALL_THREAD => all,
            abi::TASK_DIAG_DUMP_CHILDREN | abi::TASK_DIAG_DUMP_DESCENDANTS => Vec::new(),
            _ => vec![query.pid],
        };
        if query.filtered || *pids == expected {
            return Ok(());
        }
        Err(format!(
            "in the child pid namespace {} of {} is {pids:?}, expected {expected:?}",
            strategy_name(query.strategy),
            query.pid
        ))
    }

    /// Checks a complete dump against the known tasks. `own` is the sender.
    pub(crate) fn check(&self, dump: &Dump, own: u32) -> Result<(), String> {
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
        if query.filtered {
            return Ok(());
        }
        let title = || format!("{} of {}", strategy_name(query.strategy), query.pid);
        match query.strategy {
            abi::TASK_DIAG_DUMP_ALL | abi::TASK_DIAG_DUMP_ALL_THREAD => {
                let threads = query.strategy == abi::TASK_DIAG_DUMP_ALL_THREAD;
                let visible = self.permanent.iter().filter(|process| process.visible);
                let tasks = visible.flat_map(|process| {
                    if threads {
                        process.threads.as_slice()
                    } else {
                        std::slice::from_ref(&process.pid)
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
                let relatives = if query.strategy == abi::TASK_DIAG_DUMP_THREAD {
                    &process.threads
                } else {
                    &process.children
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PidNs, Query};

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
        let dump = Dump {
            query: Query {
                strategy,
                show: 0,
                pid,
                pid_ns: PidNs::Outer,
                filtered: false,
                dump: true,
                pids: None,
                states: None,
            },
            pids: pids.to_vec(),
            gone: gone.to_vec(),
        };
        known_tasks().check(&dump, 5)
    }

    #[test]
    fn presence_depends_on_the_known_tasks() {
        let known_tasks = known_tasks();
        assert_eq!(known_tasks.presence(11), Presence::Present);
        assert_eq!(known_tasks.presence(31), Presence::Absent);
        assert_eq!(known_tasks.existence(31), Presence::Present);
        assert_eq!(known_tasks.presence(50), Presence::Unsure);
        assert_eq!(known_tasks.presence(known_tasks.free()), Presence::Absent);
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
    fn groups_of_permanent_tasks_must_not_be_gone() {
        let dump = |gone| check_with_gone(abi::TASK_DIAG_DUMP_ALL, 0, &[5, 10, 20], gone);
        assert_eq!(dump(&[50]), Ok(()));
        assert!(dump(&[20]).is_err());
    }

    #[test]
    fn contained_processes_have_pids_from_1() {
        let mut known_tasks = known_tasks();
        known_tasks.contained = vec![40, 41];
        assert_eq!(known_tasks.presence_in_child(2, true), Presence::Present);
        assert_eq!(known_tasks.presence_in_child(3, true), Presence::Absent);
        assert_eq!(known_tasks.presence_in_child(2, false), Presence::Absent);
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
