// SPDX-License-Identifier: MIT
//! Decides which exit event is the end of a process: no I/O.
//!
//! The kernel sends an exit event per thread, after the thread has left its
//! process. A process ends with its last thread: the first thread may end before,
//! and another thread that calls execve() ends the first thread and takes its
//! pid. The number of events shows the last one:
//!
//! - a process whose start was received has as many threads as fork events,
//!   and ends with as many exit events. execve() changes nothing: each thread
//!   that it ends sends one exit event, with the pid of the first thread or of
//!   the thread that has called execve().
//! - of a process that is older than the subscription, or than a loss of
//!   events, the threads are listed, and the process is looked up at each exit
//!   event of one of its threads. If it has ended and is reaped, the events of
//!   the listed threads are awaited for a while: the kernel sends them after the
//!   parent may reap the process. The end of a process that cannot be listed is
//!   reported when no event is queued.

use std::collections::{HashMap, HashSet};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use taskdiag::Pid;
use taskdiag::events::{Event, EventKind};

/// Time between the end of a process and its exit event, which the kernel sends
/// after the end. After this time the event is taken for lost.
pub(super) const EVENT_DELAY: Duration = Duration::from_secs(5);

/// State of a process when it is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// A thread is left.
    Running,
    /// The process is a zombie, with the status that wait(2) will return, if the
    /// caller may read it.
    Ended(Option<ExitStatus>),
    /// The process is reaped.
    Gone,
}

/// Looks up a process, which is another one if `start_time` differs.
pub(super) trait Lookup {
    fn life(&mut self, pid: Pid, start_time: Option<u64>) -> Life;
}

/// The exit of a thread.
#[derive(Clone, Copy, Debug)]
struct ThreadExit {
    time: Duration,
    cpu: Option<u32>,
    status: ExitStatus,
}

/// The threads of a process, as far as events show them.
#[derive(Debug, Default)]
struct Process {
    /// The process was listed, or an event of it was received.
    known: bool,
    /// Distinguishes an older process from a later one with the same pid.
    start_time: Option<u64>,
    /// Number of threads whose exit event is to come, if it is known.
    threads: Option<u32>,
    /// Listed threads of an older process whose exit event is to come.
    listed: HashSet<Pid>,
    /// An older process has called execve(), which gives a thread another pid.
    executed: bool,
    /// The exit event with the last time.
    last: Option<ThreadExit>,
    /// Threads have ended with different statuses.
    differs: bool,
    /// Parent in an exit event, which those of reaped threads do not contain.
    parent: (Pid, Pid),
    /// Signal that the parent receives.
    exit_signal: i32,
    /// The process has ended, and its last event is awaited until this time.
    ending: Option<Instant>,
    /// The end has been reported. Further events of its threads are ignored
    /// until a process starts with this pid.
    reported: bool,
    /// Threads of the former process with this pid whose exit event is to come.
    former: Option<Box<Process>>,
}

impl Process {
    fn note(&mut self, event: &Event) {
        let EventKind::Exit {
            status,
            exit_signal,
            parent_pid,
            parent_tgid,
            ..
        } = event.kind
        else {
            return;
        };
        if parent_tgid != 0 {
            self.parent = (parent_pid, parent_tgid);
        }
        if exit_signal > 0 {
            self.exit_signal = exit_signal;
        }
        self.differs |= self.last.is_some_and(|last| last.status != status);
        if self.last.is_none_or(|last| last.time <= event.time) {
            self.last = Some(ThreadExit {
                time: event.time,
                cpu: event.cpu,
                status,
            });
        }
    }

    /// Removes a listed thread that has ended.
    fn unlist(&mut self, pid: Pid, tgid: Pid) {
        if !self.listed.remove(&pid) && pid == tgid && self.executed {
            // The exit event of the former first thread had the other pid.
            if let Some(&other) = self.listed.iter().next() {
                self.listed.remove(&other);
            }
        }
    }

    /// Applies execve(), after which the calling thread has the pid of the process.
    fn execute(&mut self, tgid: Pid) {
        self.executed = true;
        if self.threads.is_none() && !self.listed.is_empty() && !self.listed.contains(&tgid) {
            // The exit event of the first thread had the pid of the process.
            self.unlist(tgid, tgid);
            self.listed.insert(tgid);
        }
    }

    /// Returns the exit event of the process. Without a status of the kernel, the
    /// status is that of the thread that ended last.
    fn end(&self, pid: Pid, status: Option<ExitStatus>) -> Option<Event> {
        let last = self.last?;
        let kind = EventKind::Exit {
            pid,
            tgid: pid,
            status: status.unwrap_or(last.status),
            exit_signal: self.exit_signal,
            parent_pid: self.parent.0,
            parent_tgid: self.parent.1,
        };
        Some(Event::new(last.time, last.cpu, kind))
    }
}

/// The processes, by pid.
#[derive(Debug, Default)]
pub(super) struct EndTracker {
    processes: HashMap<Pid, Process>,
    /// Pids of processes that have ended, and whose last event is awaited.
    ending: Vec<Pid>,
}

impl EndTracker {
    /// Adds a process that was listed. After a loss of events, the known number of
    /// its threads is void.
    pub(super) fn listed(&mut self, pid: Pid, start_time: Option<u64>) {
        let process = self.processes.entry(pid).or_default();
        let same = process.start_time.is_none() || process.start_time == start_time;
        if !same {
            *process = Process::default();
        }
        process.known = true;
        process.start_time = start_time;
    }

    /// Adds a thread that was listed and has not ended.
    pub(super) fn listed_thread(&mut self, pid: Pid, tgid: Pid) {
        let process = self.processes.get_mut(&tgid);
        if let Some(process) = process.filter(|process| process.threads.is_none()) {
            process.listed.insert(pid);
        }
    }

    /// Events were lost: the threads are not known.
    pub(super) fn lost(&mut self) {
        for process in self.processes.values_mut() {
            process.threads = None;
            process.listed.clear();
            process.former = None;
        }
    }

    /// Applies an event, and returns the exit event of the process if it was the
    /// last event of its threads.
    pub(super) fn note(&mut self, event: &Event, lookup: &mut impl Lookup) -> Option<Event> {
        match event.kind {
            EventKind::Fork { pid, tgid, .. } if pid == tgid => self.start(pid),
            EventKind::Fork { pid, tgid, .. } => {
                match self.processes.get_mut(&tgid) {
                    Some(Process {
                        threads: Some(threads),
                        ..
                    }) => *threads += 1,
                    Some(process) => drop(process.listed.insert(pid)),
                    None => {}
                }
                None
            }
            EventKind::Exec { tgid, .. } => {
                if let Some(process) = self.processes.get_mut(&tgid) {
                    process.execute(tgid);
                }
                None
            }
            EventKind::Exit { pid, tgid, .. } => self.exit(pid, tgid, event, lookup),
            _ => None,
        }
    }

    /// A process has started. Returns the exit event of the former process with
    /// this pid, if its last event was still awaited.
    fn start(&mut self, pid: Pid) -> Option<Event> {
        let former = self.processes.remove(&pid).unwrap_or_default();
        let end = former.ending.and_then(|_| former.end(pid, None));
        let exact = former.threads.is_some();
        // An older process that has not ended yet may be this one, which was
        // listed before its event was received.
        let is_new = exact || former.reported || former.ending.is_some() || !former.known;
        let process = Process {
            known: true,
            threads: is_new.then_some(1),
            // The parent can reap a process before the last event is sent.
            former: exact.then(|| Box::new(former)),
            ..Process::default()
        };
        self.processes.insert(pid, process);
        end
    }

    fn exit(
        &mut self,
        thread: Pid,
        pid: Pid,
        event: &Event,
        lookup: &mut impl Lookup,
    ) -> Option<Event> {
        let process = self.processes.entry(pid).or_default();
        process.known = true;
        if let Some(mut former) = process.former.take() {
            former.note(event);
            former.threads = former.threads.map(|threads| threads.saturating_sub(1));
            if former.threads == Some(0) {
                return former.end(pid, None);
            }
            process.former = Some(former);
            return None;
        }
        if process.reported {
            return None;
        }
        process.note(event);
        if let Some(threads) = &mut process.threads {
            *threads = threads.saturating_sub(1);
            if *threads > 0 {
                return None;
            }
            let process = self.processes.remove(&pid)?;
            let status = match process.differs {
                true => match lookup.life(pid, process.start_time) {
                    Life::Ended(status) => status,
                    Life::Running | Life::Gone => None,
                },
                false => None,
            };
            return process.end(pid, status);
        }
        process.unlist(thread, pid);
        if process.ending.is_some() {
            return None;
        }
        match lookup.life(pid, process.start_time) {
            Life::Running => None,
            Life::Ended(Some(status)) => {
                process.reported = true;
                process.end(pid, Some(status))
            }
            Life::Ended(None) | Life::Gone => {
                process.ending = Some(Instant::now() + EVENT_DELAY);
                self.ending.push(pid);
                None
            }
        }
    }

    /// Whether a process with this pid has started, and its end has not been
    /// reported.
    pub(super) fn is_running(&self, pid: Pid) -> bool {
        let process = self.processes.get(&pid);
        process.is_some_and(|process| !process.reported)
    }

    /// Returns the exit events of processes that have ended, when no event is
    /// queued: unless the event of a listed thread is still awaited at this time.
    pub(super) fn settle(&mut self, now: Instant) -> Vec<Event> {
        let mut ends = Vec::new();
        self.ending.retain(|&pid| {
            let Some(process) = self.processes.get_mut(&pid) else {
                return false;
            };
            let Some(limit) = process.ending else {
                return false;
            };
            if !process.listed.is_empty() && now < limit {
                return true;
            }
            process.ending = None;
            process.reported = true;
            ends.extend(process.end(pid, None));
            false
        });
        ends
    }

    /// Returns the time at which the first wait for an event ends.
    pub(super) fn limit(&self) -> Option<Instant> {
        let awaited = self.ending.iter().filter_map(|pid| self.processes.get(pid));
        awaited.filter_map(|process| process.ending).min()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    /// Reports the process in this state.
    struct Fixed(Life);

    impl Lookup for Fixed {
        fn life(&mut self, _: Pid, _: Option<u64>) -> Life {
            self.0
        }
    }

    struct NoLookup;

    impl Lookup for NoLookup {
        fn life(&mut self, pid: Pid, _: Option<u64>) -> Life {
            panic!("process {pid} was looked up");
        }
    }

    fn status(code: i32) -> ExitStatus {
        ExitStatus::from_raw(code << 8)
    }

    fn fork(pid: Pid, tgid: Pid) -> EventKind {
        EventKind::Fork {
            pid,
            tgid,
            parent_pid: 1,
            parent_tgid: 1,
        }
    }

    /// Exit of a thread. As in the kernel, only the first thread has a parent.
    fn exit(pid: Pid, tgid: Pid, code: i32) -> EventKind {
        let parent = Pid::from(pid == tgid);
        EventKind::Exit {
            pid,
            tgid,
            status: status(code),
            exit_signal: if pid == tgid { 17 } else { -1 },
            parent_pid: parent,
            parent_tgid: parent,
        }
    }

    fn exec(pid: Pid) -> EventKind {
        EventKind::Exec { pid, tgid: pid }
    }

    /// Applies events, and returns the index of the event after which each end was
    /// reported, with its code.
    fn ends(
        tracker: &mut EndTracker,
        events: &[EventKind],
        lookup: &mut impl Lookup,
    ) -> Vec<(usize, i32)> {
        let mut ends = Vec::new();
        for (index, kind) in events.iter().enumerate() {
            let time = Duration::from_secs(index as u64);
            let event = Event::new(time, Some(0), *kind);
            if let Some(end) = tracker.note(&event, lookup) {
                ends.push((index, code(&end)));
            }
        }
        ends
    }

    fn code(end: &Event) -> i32 {
        let EventKind::Exit {
            pid, tgid, status, ..
        } = end.kind
        else {
            panic!("{end:?}");
        };
        assert_eq!(pid, tgid);
        status.code().expect("a code")
    }

    fn followed(events: &[EventKind]) -> Vec<(usize, i32)> {
        ends(&mut EndTracker::default(), events, &mut Fixed(Life::Gone))
    }

    #[test]
    fn process_with_one_thread_ends_with_its_exit_event() {
        let mut tracker = EndTracker::default();
        let events = [fork(7, 7), exec(7), exit(7, 7, 3)];
        assert_eq!(ends(&mut tracker, &events, &mut NoLookup), [(2, 3)]);
        assert!(tracker.processes.is_empty());
    }

    #[test]
    fn process_ends_with_its_last_thread() {
        let events = [
            fork(7, 7),
            fork(8, 7),
            exit(7, 7, 0),
            fork(9, 7),
            exit(8, 7, 0),
            exit(9, 7, 5),
        ];
        assert_eq!(followed(&events), [(5, 5)]);
    }

    #[test]
    fn execve_of_another_thread_is_not_the_end() {
        // The exit event of the first thread has its pid or that of the other.
        for pid in [7, 8] {
            let events = [
                fork(7, 7),
                fork(8, 7),
                exit(pid, 7, 0),
                exec(7),
                exit(7, 7, 6),
            ];
            assert_eq!(followed(&events), [(4, 6)]);
        }
        // Events of two CPUs may be received in another order.
        let events = [
            fork(7, 7),
            fork(8, 7),
            exec(7),
            exit(7, 7, 0),
            exit(7, 7, 6),
        ];
        assert_eq!(followed(&events), [(4, 6)]);
    }

    #[test]
    fn status_of_the_kernel_precedes_those_of_the_threads() {
        let events = [fork(7, 7), fork(8, 7), exit(7, 7, 5), exit(8, 7, 0)];
        let mut zombie = Fixed(Life::Ended(Some(status(5))));
        let ended = ends(&mut EndTracker::default(), &events, &mut zombie);
        assert_eq!(ended, [(3, 5)]);
        // No lookup if all threads have ended with the same status.
        let events = [fork(7, 7), fork(8, 7), exit(7, 7, 5), exit(8, 7, 5)];
        let ended = ends(&mut EndTracker::default(), &events, &mut NoLookup);
        assert_eq!(ended, [(3, 5)]);
    }

    #[test]
    fn exit_event_of_a_process_after_reuse_of_its_pid_is_its_own() {
        let events = [fork(7, 7), fork(7, 7), exit(7, 7, 1), exit(7, 7, 2)];
        assert_eq!(followed(&events), [(2, 1), (3, 2)]);
    }

    #[test]
    fn older_process_is_looked_up_at_each_exit_of_its_threads() {
        let mut tracker = EndTracker::default();
        tracker.listed(7, Some(100));
        let events = [exit(7, 7, 0), exit(8, 7, 1)];
        assert_eq!(ends(&mut tracker, &events, &mut Fixed(Life::Running)), []);
        assert_eq!(tracker.settle(Instant::now()), []);
        let mut zombie = Fixed(Life::Ended(Some(status(5))));
        // Further events of the process that was reported are ignored.
        let events = [exit(9, 7, 0), exit(10, 7, 5)];
        assert_eq!(ends(&mut tracker, &events, &mut zombie), [(0, 5)]);
        // The next process with this pid is not.
        let events = [fork(7, 7), exit(7, 7, 4)];
        assert_eq!(ends(&mut tracker, &events, &mut NoLookup), [(1, 4)]);
    }

    #[test]
    fn reaped_process_has_the_status_of_its_last_queued_event() {
        let mut tracker = EndTracker::default();
        tracker.listed(7, Some(100));
        let events = [exit(7, 7, 0), exit(8, 7, 5)];
        assert_eq!(ends(&mut tracker, &events, &mut Fixed(Life::Gone)), []);
        assert_eq!(settled(&mut tracker, Instant::now()), [5]);
        assert_eq!(tracker.settle(Instant::now()), []);
        let late = [exit(9, 7, 0)];
        assert_eq!(ends(&mut tracker, &late, &mut NoLookup), []);
    }

    fn settled(tracker: &mut EndTracker, now: Instant) -> Vec<i32> {
        tracker.settle(now).iter().map(code).collect()
    }

    #[test]
    fn reaped_process_waits_for_the_events_of_its_listed_threads() {
        let mut tracker = EndTracker::default();
        let begin = Instant::now();
        for pid in [7, 17] {
            tracker.listed(pid, Some(100));
            tracker.listed_thread(pid, pid);
            tracker.listed_thread(pid + 1, pid);
        }
        let mut reaped = Fixed(Life::Gone);
        let events = [fork(9, 7), exit(8, 7, 0), exit(7, 7, 3), exit(17, 17, 3)];
        assert_eq!(ends(&mut tracker, &events, &mut reaped), []);
        assert!(settled(&mut tracker, begin).is_empty());
        assert!(tracker.limit().is_some_and(|limit| limit > begin));
        let late = Event::new(Duration::from_secs(9), Some(0), exit(9, 7, 5));
        assert!(tracker.note(&late, &mut NoLookup).is_none());
        assert_eq!(settled(&mut tracker, begin), [5]);
        // The event of the other thread was lost.
        let limit = tracker.limit().expect("the other process");
        assert_eq!(settled(&mut tracker, limit), [3]);
        assert_eq!(tracker.limit(), None);
    }

    #[test]
    fn execve_of_a_listed_thread_changes_its_pid() {
        let now = Instant::now();
        let orders = [
            [exit(9, 7, 0), exit(7, 7, 0), exec(7)],
            [exit(8, 7, 0), exit(9, 7, 0), exec(7)],
            [exec(7), exit(7, 7, 0), exit(9, 7, 0)],
            [exit(9, 7, 0), exec(7), exit(8, 7, 0)],
        ];
        for events in orders {
            let mut tracker = EndTracker::default();
            tracker.listed(7, Some(100));
            for thread in [7, 8, 9] {
                tracker.listed_thread(thread, 7);
            }
            assert_eq!(ends(&mut tracker, &events, &mut Fixed(Life::Running)), []);
            let last = Event::new(Duration::from_secs(9), Some(0), exit(7, 7, 6));
            assert!(tracker.note(&last, &mut Fixed(Life::Gone)).is_none());
            assert_eq!(settled(&mut tracker, now), [6], "{events:?}");
        }
    }

    #[test]
    fn after_a_loss_processes_are_looked_up() {
        let mut tracker = EndTracker::default();
        ends(&mut tracker, &[fork(7, 7), fork(8, 7)], &mut NoLookup);
        tracker.lost();
        let mut zombie = Fixed(Life::Ended(Some(status(5))));
        assert_eq!(ends(&mut tracker, &[exit(7, 7, 0)], &mut zombie), [(0, 5)]);
    }

    #[test]
    fn end_has_the_parent_of_the_first_thread() {
        let mut tracker = EndTracker::default();
        let mut last = None;
        for kind in [fork(7, 7), fork(8, 7), exit(7, 7, 0), exit(8, 7, 0)] {
            let event = Event::new(Duration::ZERO, Some(0), kind);
            last = last.or(tracker.note(&event, &mut NoLookup));
        }
        let kind = last.expect("an end").kind;
        assert!(
            matches!(
                kind,
                EventKind::Exit {
                    parent_tgid: 1,
                    exit_signal: 17,
                    ..
                }
            ),
            "{kind:?}"
        );
    }
}
