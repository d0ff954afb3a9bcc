// SPDX-License-Identifier: MIT
//! A simulated kernel: its processes, its replies to queries, and its events.
//!
//! It is worse than a real one: so few pids that they are soon reused, events
//! that are delayed, reordered or lost, and changes during a dump.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::rc::Rc;
use std::time::Duration;

use taskdiag::events::{Event, EventKind, EventSource, Lost};
use taskdiag::live::TaskSource;
use taskdiag::{Comm, Error, Pid, Request, Result, State, Strategy, Task};

/// The first process, which adopts and reaps orphans.
pub(crate) const INIT: Pid = 1;
/// The largest pid.
const PIDS: Pid = 12;

/// An operation. The first number selects the process among those for which it
/// is possible.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Fork(u8),
    Thread(u8),
    Exec(u8),
    ThreadExec(u8),
    Uid(u8, u32),
    Name(u8, u8),
    Session(u8),
    /// Exit of a whole process.
    Exit(u8, u8),
    /// Exit of one thread, possibly the first before the others.
    ThreadExit(u8, u8),
    Reap(u8),
    /// Sends a delayed event.
    Send(u8),
    /// Stops the delivery of events, or restarts it.
    ToggleDelivery,
}

/// Imperfections of the kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    /// Events are sent at once and received in order, and nothing happens
    /// during a query.
    pub(crate) ordered: bool,
    /// Number of events that the receive buffer can hold.
    pub(crate) capacity: usize,
    /// One call in this many fails; 0 for none.
    pub(crate) fails: u64,
    /// Pidfds have inode numbers of their own.
    pub(crate) inodes: bool,
}

#[derive(Clone, Debug)]
struct Process {
    /// Unique start time.
    start: u64,
    ppid: Pid,
    sid: Pid,
    uid: u32,
    comm: u8,
    /// Exit code of the first thread, if it has ended.
    ended: Option<u8>,
    /// Threads except the first.
    threads: BTreeSet<Pid>,
}

impl Process {
    fn is_over(&self) -> bool {
        self.ended.is_some() && self.threads.is_empty()
    }

    fn task(&self, pid: Pid, inodes: bool) -> Task {
        let mut task = Task::default();
        (task.pid, task.tgid) = (pid, pid);
        let base = task.base.insert(Default::default());
        (base.pid, base.tgid) = (pid, pid);
        (base.ppid, base.sid) = (self.ppid, Some(self.sid));
        base.comm = Comm::new(&[b'a' + self.comm % 26]);
        if self.ended.is_some() {
            base.state = State::Zombie;
        }
        let cred = task.cred.insert(Default::default());
        cred.uid = Some(self.uid);
        let ident = task.ident.insert(Default::default());
        ident.start_time = self.start;
        ident.pidfd_ino = inodes.then_some(self.start);
        task
    }
}

/// A log entry, printed if a test fails.
#[derive(Debug)]
#[allow(dead_code, reason = "read by Debug only")]
pub(crate) enum LogEntry {
    Raised(EventKind),
    Received(Event),
    Reaped(Pid),
    Listed(Pid, State),
}

#[derive(Debug)]
pub(crate) struct SimulatedKernel {
    processes: BTreeMap<Pid, Process>,
    faults: Faults,
    clock: u64,
    seed: u64,
    /// Operations to come.
    pub(crate) script: VecDeque<Op>,
    /// Delayed events, with the CPU that will send them.
    late: Vec<(usize, EventKind)>,
    queues: [VecDeque<Event>; 2],
    losing: bool,
    delivery_stopped: bool,
    /// An event was not sent since the last probe.
    unsent: bool,
    pub(crate) log: Vec<(u64, LogEntry)>,
    pub(crate) losses: u64,
    pub(crate) failures: u64,
    /// Exit statuses by start time: of the first thread, and of the threads
    /// that ended after it, as far as the events show.
    pub(crate) ends: BTreeMap<u64, Vec<ExitStatus>>,
    /// Number of processes and threads that have had each pid.
    pub(crate) pid_uses: BTreeMap<Pid, u32>,
}

impl SimulatedKernel {
    pub(crate) fn new(faults: Faults, seed: u64, script: Vec<Op>) -> Self {
        let mut kernel = Self {
            processes: BTreeMap::new(),
            faults,
            clock: 0,
            seed,
            script: script.into(),
            late: Vec::new(),
            queues: Default::default(),
            losing: false,
            delivery_stopped: false,
            unsent: false,
            log: Vec::new(),
            losses: 0,
            failures: 0,
            ends: BTreeMap::new(),
            pid_uses: BTreeMap::new(),
        };
        kernel.add_process(INIT, 0, 0, 0);
        kernel
    }

    /// Returns the reply to a dump of all processes.
    pub(crate) fn tasks(&self) -> Vec<Task> {
        let inodes = self.faults.inodes;
        let each = self.processes.iter();
        each.map(|(&pid, process)| process.task(pid, inodes))
            .collect()
    }

    pub(crate) fn is_ordered(&self) -> bool {
        self.faults.ordered
    }

    pub(crate) fn stop_failing(&mut self) {
        self.faults.fails = 0;
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock
    }

    fn random(&mut self, sides: u64) -> u64 {
        // Knuth's multiplier; the low bits have the least randomness.
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005) + 1;
        (self.seed >> 33) % sides
    }

    /// Applies the next operations, at most this many.
    pub(crate) fn advance(&mut self, most: u64) {
        for _ in 0..self.random(most + 1) {
            if let Some(op) = self.script.pop_front() {
                self.apply(op);
            }
        }
    }

    /// Sends all delayed events.
    pub(crate) fn send_all(&mut self) {
        while !self.late.is_empty() {
            self.send(0);
        }
    }

    pub(crate) fn apply(&mut self, op: Op) {
        self.clock += 1;
        match op {
            Op::Fork(which) => self.fork(which),
            Op::Thread(which) => self.start_thread(which),
            Op::Exec(which) => self.exec(which),
            Op::ThreadExec(which) => self.thread_exec(which),
            Op::Uid(which, uid) => self.alter(which, |pid, process| {
                process.uid = uid;
                let (ruid, euid) = (uid, uid);
                let tgid = pid;
                EventKind::Uid {
                    pid,
                    tgid,
                    ruid,
                    euid,
                }
            }),
            Op::Name(which, name) => self.alter(which, |pid, process| {
                process.comm = name;
                let comm = Comm::new(&[name]);
                let tgid = pid;
                EventKind::Comm { pid, tgid, comm }
            }),
            Op::Session(which) => self.alter(which, |pid, process| {
                process.sid = pid;
                EventKind::Sid { pid, tgid: pid }
            }),
            Op::Exit(which, code) => self.exit(which, code),
            Op::ThreadExit(which, code) => self.thread_exit(which, code),
            Op::Reap(which) => self.reap(which),
            Op::Send(which) => self.send(which.into()),
            Op::ToggleDelivery => self.delivery_stopped ^= true,
        }
    }

    fn pick(&self, which: u8, may: impl Fn(Pid, &Process) -> bool) -> Option<Pid> {
        let all: Vec<Pid> = self
            .processes
            .iter()
            .filter(|&(&pid, process)| may(pid, process))
            .map(|(&pid, _)| pid)
            .collect();
        all.get(usize::from(which) % all.len().max(1)).copied()
    }

    fn free_number(&mut self) -> Option<Pid> {
        let taken = |pid: &Pid| {
            let mut all = self.processes.iter();
            all.any(|(leader, process)| leader == pid || process.threads.contains(pid))
        };
        let free: Vec<Pid> = (INIT + 1..=PIDS).filter(|pid| !taken(pid)).collect();
        let sides = u64::try_from(free.len()).unwrap();
        let which = usize::try_from(self.random(sides.max(1))).unwrap();
        free.get(which).copied()
    }

    fn add_process(&mut self, pid: Pid, ppid: Pid, sid: Pid, uid: u32) {
        self.clock += 1;
        let process = Process {
            start: self.clock,
            ppid,
            sid,
            uid,
            comm: 0,
            ended: None,
            threads: BTreeSet::new(),
        };
        self.processes.insert(pid, process);
        *self.pid_uses.entry(pid).or_default() += 1;
    }

    fn fork(&mut self, which: u8) {
        let Some(parent) = self.pick(which, |_, process| process.ended.is_none()) else {
            return;
        };
        let Some(pid) = self.free_number() else {
            return;
        };
        let Process { sid, uid, .. } = self.processes[&parent];
        self.add_process(pid, parent, sid, uid);
        self.raise(EventKind::Fork {
            pid,
            tgid: pid,
            parent_pid: parent,
            parent_tgid: parent,
        });
    }

    fn start_thread(&mut self, which: u8) {
        let Some(tgid) = self.pick(which, |pid, process| pid != INIT && process.ended.is_none())
        else {
            return;
        };
        let Some(pid) = self.free_number() else {
            return;
        };
        self.process(tgid).threads.insert(pid);
        *self.pid_uses.entry(pid).or_default() += 1;
        self.raise(EventKind::Fork {
            pid,
            tgid,
            parent_pid: tgid,
            parent_tgid: tgid,
        });
    }

    fn process(&mut self, pid: Pid) -> &mut Process {
        self.processes.get_mut(&pid).unwrap()
    }

    /// Changes the first thread of a process.
    fn alter(&mut self, which: u8, alter: impl Fn(Pid, &mut Process) -> EventKind) {
        if let Some(pid) = self.pick(which, |_, process| process.ended.is_none()) {
            let event = alter(pid, self.process(pid));
            self.raise(event);
        }
    }

    fn exec(&mut self, which: u8) {
        self.alter(which, |pid, process| {
            process.comm = process.comm.wrapping_add(1);
            EventKind::Exec { pid, tgid: pid }
        });
    }

    /// All other threads end, and this one becomes the first thread.
    fn thread_exec(&mut self, which: u8) {
        let Some(tgid) = self.pick(which, |_, process| !process.threads.is_empty()) else {
            return;
        };
        let process = self.process(tgid);
        let mut ended = std::mem::take(&mut process.threads);
        let leader_ended = process.ended.take().is_some();
        process.comm = process.comm.wrapping_add(1);
        ended.pop_first();
        if !leader_ended {
            ended.insert(tgid);
        }
        for pid in ended {
            self.raise_exit(pid, tgid, 0);
        }
        self.raise(EventKind::Exec { pid: tgid, tgid });
    }

    fn exit(&mut self, which: u8, code: u8) {
        let Some(tgid) = self.pick(which, |pid, process| pid != INIT && !process.is_over()) else {
            return;
        };
        let process = self.process(tgid);
        let mut ended = std::mem::take(&mut process.threads);
        if process.ended.replace(code).is_none() {
            ended.insert(tgid);
        }
        for pid in ended {
            self.raise_exit(pid, tgid, code);
        }
        self.end(tgid);
    }

    fn thread_exit(&mut self, which: u8, code: u8) {
        let Some(tgid) = self.pick(which, |_, process| !process.threads.is_empty()) else {
            return;
        };
        let first = code & 1 == 1;
        let process = self.process(tgid);
        let pid = if first && process.ended.is_none() {
            process.ended = Some(code);
            tgid
        } else {
            process.threads.pop_first().unwrap()
        };
        let over = process.is_over();
        self.raise_exit(pid, tgid, code);
        if over {
            self.end(tgid);
        }
    }

    /// The last thread of a process has ended.
    fn end(&mut self, pid: Pid) {
        let ppid = self.processes[&pid].ppid;
        let mut reaped = Vec::new();
        for (&child, process) in &mut self.processes {
            if process.ppid == pid {
                process.ppid = INIT;
                if process.is_over() {
                    reaped.push(child);
                }
            }
        }
        // Some parents ignore SIGCHLD, so the kernel reaps the process.
        if ppid == INIT || self.random(3) == 0 {
            reaped.push(pid);
        }
        for pid in reaped {
            self.processes.remove(&pid);
            self.log(LogEntry::Reaped(pid));
        }
    }

    fn reap(&mut self, which: u8) {
        if let Some(pid) = self.pick(which, |_, process| process.is_over()) {
            self.processes.remove(&pid);
            self.log(LogEntry::Reaped(pid));
        }
    }

    fn raise_exit(&mut self, pid: Pid, tgid: Pid, code: u8) {
        let process = &self.processes[&tgid];
        if process.ended.is_some() || !self.faults.ordered {
            let ends = self.ends.entry(process.start).or_default();
            ends.push(status(code));
        }
        self.raise(EventKind::Exit {
            pid,
            tgid,
            status: status(code),
            exit_signal: 17,
            parent_pid: 0,
            parent_tgid: 0,
        });
    }

    fn raise(&mut self, event: EventKind) {
        self.log(LogEntry::Raised(event));
        let cpu = usize::try_from(self.random(2)).unwrap();
        self.late.push((cpu, event));
        if self.faults.ordered || self.random(2) == 0 {
            self.send(0);
        }
    }

    fn log(&mut self, entry: LogEntry) {
        self.log.push((self.clock, entry));
    }

    /// Sends a delayed event, the oldest of its task.
    fn send(&mut self, which: usize) {
        if self.late.is_empty() {
            return;
        }
        let (_, picked) = self.late[which % self.late.len()];
        let of_same = |(_, event): &(usize, EventKind)| event.task() == picked.task();
        let oldest = self.late.iter().position(of_same).unwrap();
        let (cpu, event) = self.late.remove(oldest);
        self.clock += 1;
        if self.delivery_stopped {
            self.unsent = true;
            return;
        }
        let waiting: usize = self.queues.iter().map(VecDeque::len).sum();
        if waiting >= self.faults.capacity {
            self.losing = true;
            return;
        }
        let time = Duration::from_nanos(self.clock);
        let number = u32::try_from(cpu).unwrap();
        self.queues[cpu].push_back(Event::new(time, Some(number), event));
    }

    fn receive(&mut self) -> Option<Event> {
        let first = |queue: &VecDeque<Event>| queue.front().map(|event| event.time);
        let waiting: Vec<usize> = (0..2)
            .filter(|&cpu| first(&self.queues[cpu]).is_some())
            .collect();
        let cpu = match (&waiting[..], self.faults.ordered) {
            ([], _) if self.losing => {
                self.losing = false;
                self.losses += 1;
                let lost = EventKind::Lost(Lost::Overflow);
                return Some(Event::new(Duration::from_nanos(self.clock), None, lost));
            }
            ([], _) => return None,
            (_, true) => *waiting
                .iter()
                .min_by_key(|&&cpu| first(&self.queues[cpu]))
                .unwrap(),
            (_, false) => waiting[usize::try_from(self.random(2)).unwrap() % waiting.len()],
        };
        let event = self.queues[cpu].pop_front();
        self.log(LogEntry::Received(event?));
        event
    }

    /// Fails at random.
    fn maybe_fail(&mut self, context: &'static str) -> Result<()> {
        if self.faults.fails != 0 && self.random(self.faults.fails) == 0 {
            self.failures += 1;
            return Err(Error::Io {
                context,
                source: io::Error::other("simulated"),
            });
        }
        Ok(())
    }
}

pub(crate) fn status(code: u8) -> ExitStatus {
    ExitStatus::from_raw(i32::from(code) << 8)
}

/// The simulated kernel as a source of tasks and of events.
#[derive(Clone, Debug)]
pub(crate) struct KernelHandle(pub(crate) Rc<RefCell<SimulatedKernel>>);

impl TaskSource for KernelHandle {
    fn list(&mut self, request: &Request<'_>, each: &mut dyn FnMut(Task)) -> Result<()> {
        assert_eq!(request.strategy, Strategy::All);
        let listed = request.filters.pids.clone();
        for pid in INIT..=PIDS {
            if listed.as_ref().is_some_and(|listed| !listed.contains(&pid)) {
                continue;
            }
            let task = {
                let mut kernel = self.0.borrow_mut();
                kernel.maybe_fail("list")?;
                if !kernel.faults.ordered {
                    kernel.advance(2);
                }
                let inodes = kernel.faults.inodes;
                kernel
                    .processes
                    .get(&pid)
                    .map(|process| process.task(pid, inodes))
            };
            if let Some(task) = task {
                let entry = LogEntry::Listed(pid, task.base.unwrap().state);
                self.0.borrow_mut().log(entry);
                each(task);
            }
        }
        Ok(())
    }
}

impl EventSource for KernelHandle {
    fn next_event(&mut self, timeout: Option<Duration>) -> Result<Option<Event>> {
        assert_eq!(timeout, Some(Duration::ZERO), "a wait would never end");
        let mut kernel = self.0.borrow_mut();
        kernel.maybe_fail("receive")?;
        Ok(kernel.receive())
    }

    fn probe(&mut self) -> Result<()> {
        let mut kernel = self.0.borrow_mut();
        kernel.maybe_fail("probe")?;
        kernel.losing |= std::mem::take(&mut kernel.unsent);
        Ok(())
    }
}
