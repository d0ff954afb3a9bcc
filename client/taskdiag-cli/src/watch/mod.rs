// SPDX-License-Identifier: MIT
//! `taskdiag-cli watch`: prints process events as they happen, one line per event.

mod args;
mod ends;
mod event_line;
mod output;
mod processes;
mod until;
mod wait;

use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use taskdiag::events::{
    Connector, ConnectorOptions, Event, EventKind, EventSource as _, Events, FilteredBy,
};
use taskdiag::{AnySource, Client};

pub(crate) use args::Watch;

use crate::cli::TransportChoice;
use crate::connect;
use crate::exit::{Exit, Failure};
use crate::host;
use crate::stdio;

use ends::EndTracker;
use event_line::LineFormatter;
use output::EventOutput;
use processes::{LifeQuery, ProcessInfo, ProcessTable};
use until::{Awaited, AwaitedProcess};
use wait::{Waiter, WakeReason};

/// The exit status if events were lost, unless another one reports the stop condition.
const INCOMPLETE: u8 = 3;
/// The exit status after a timeout, as in timeout(1).
const TIMED_OUT: u8 = 124;
/// Size of an event in the receive buffer, at least.
const EVENT_SIZE: usize = 512;
/// The exit status after an error with `--until`, as in timeout(1).
const FAILED: u8 = 125;

/// Shows events until a stop condition holds, and returns the exit status.
pub(crate) fn run(options: &Watch) -> Result<Exit, Failure> {
    match watch(options) {
        // The statuses of most processes are below.
        Err(failure) if options.until.is_some() && failure.exit() == Exit::Failure => {
            stdio::print_message(format_args!("{failure}"));
            Ok(Exit::Status(FAILED))
        }
        result => result,
    }
}

fn watch(options: &Watch) -> Result<Exit, Failure> {
    let waiter = Waiter::new(options.timeout)?;
    let mut connector = ConnectorOptions::new(options.subscribed_events())
        .buffer(options.buffer)
        .listen()
        .map_err(Failure::Other)?;
    warn_unfiltered(&connector, options);
    // Subscribe before the query of all processes, so that no change is missed.
    let mut query = LifeQuery(connect()?);
    let (out, _) = stdio::open_stdout();
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let formatter = LineFormatter::new(options.numeric);
    let zone = formatter.zone.clone();
    let mut output = EventOutput::new(out, options, colour, host::pid_digits(), zone);
    let until = match options.until {
        None => None,
        Some(pid) => match AwaitedProcess::find(pid, &mut query)? {
            Awaited::Running(process) => Some(process),
            Awaited::Ended(status) => {
                output.begin()?;
                output.finish()?;
                return Ok(Exit::Status(status));
            }
        },
    };
    let mut ends = EndTracker::default();
    let mut client = connect()?;
    connect::warn_if_restricted(&mut client);
    let processes = ProcessTable::new(client, options, &mut ends).map_err(Failure::Other)?;
    if let Some(root) = options.tree.filter(|_| !processes.has_tree()) {
        return Err(Failure::NoTree(root));
    }
    let mut monitor = Monitor {
        options,
        processes,
        ends,
        query,
        until,
        formatter,
        output,
        shown: 0,
        has_losses: false,
    };
    monitor.output.begin()?;
    let reason = follow(&mut connector, &waiter, &mut monitor)?;
    monitor.output.finish()?;
    if options.stats {
        print_stats(&connector, monitor.shown);
    }
    Ok(exit_status(options, reason, monitor.has_losses))
}

/// Connects for queries about processes over the transport of `TASKDIAG_TRANSPORT`,
/// without a warning about slow transports.
fn connect() -> Result<Client<AnySource>, Failure> {
    let client = match TransportChoice::Auto.kind() {
        Some(kind) => Client::connect_over(kind),
        None => Client::connect_any(),
    };
    client.map_err(Failure::Other)
}

/// The condition that stops `watch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopReason {
    /// The number of events of `--count` was shown.
    Counted,
    /// The process of `--until` exited with this status.
    Process(u8),
    Timeout,
    Signal(Signal),
}

/// Shows events as they arrive, until a stop condition holds. After a signal or a
/// timeout, the events that are queued are shown as well.
fn follow(
    connector: &mut Connector,
    waiter: &Waiter,
    monitor: &mut Monitor<'_, impl Write>,
) -> Result<StopReason, Failure> {
    loop {
        let mut stop = None;
        while let Some(event) = next_event(connector)? {
            if let Some(reason) = monitor.handle(&event)? {
                return Ok(reason);
            }
            // Check here as well, because the queue of events may never be empty.
            stop = waiter.expired();
            if stop.is_some() {
                break;
            }
        }
        if stop.is_none() {
            if let Some(reason) = monitor.settle()? {
                return Ok(reason);
            }
            monitor.output.flush()?;
            let until = monitor.until.as_ref();
            let process = until.and_then(AwaitedProcess::fd);
            let limit = until.and_then(AwaitedProcess::limit);
            let limit = [limit, monitor.ends.limit()].into_iter().flatten().min();
            let stdout = io::stdout();
            stop = Some(waiter.wait(connector.as_fd(), stdout.as_fd(), process, limit)?);
        }
        let reason = match stop {
            None | Some(WakeReason::Events) => continue,
            Some(WakeReason::Signal(signal)) => StopReason::Signal(signal),
            Some(WakeReason::Timeout) => StopReason::Timeout,
            Some(WakeReason::ClosedPipe) => return Err(Failure::ClosedPipe),
        };
        return Ok(drain(connector, waiter, monitor)?.unwrap_or(reason));
    }
}

/// Shows the events that are queued, unless a further signal arrives. Returns
/// another stop reason if they contain one.
fn drain(
    connector: &mut Connector,
    waiter: &Waiter,
    monitor: &mut Monitor<'_, impl Write>,
) -> Result<Option<StopReason>, Failure> {
    // More events may arrive meanwhile.
    for _ in 0..=connector.buffer() / EVENT_SIZE {
        let Some(event) = next_event(connector)? else {
            break;
        };
        if let Some(reason) = monitor.handle(&event)? {
            return Ok(Some(reason));
        }
        if let Some(WakeReason::Signal(_)) = waiter.expired() {
            break;
        }
    }
    monitor.settle()
}

/// Returns the next queued event without waiting.
fn next_event(connector: &mut Connector) -> Result<Option<Event>, Failure> {
    connector
        .next_event(Some(Duration::ZERO))
        .map_err(Failure::Other)
}

/// Tracks processes, and filters and shows events.
struct Monitor<'a, W> {
    options: &'a Watch,
    processes: ProcessTable,
    ends: EndTracker,
    query: LifeQuery,
    until: Option<AwaitedProcess>,
    formatter: LineFormatter,
    output: EventOutput<W>,
    shown: u64,
    has_losses: bool,
}

impl<W: Write> Monitor<'_, W> {
    /// Shows an event if the options select it. Returns a stop reason if it was the
    /// last one.
    fn handle(&mut self, event: &Event) -> Result<Option<StopReason>, Failure> {
        let end = self.ends.note(event, &mut self.query);
        match (event.kind, end) {
            (EventKind::Exit { pid, tgid, .. }, Some(end)) => {
                // If the last thread is the first one, the end is its exit as well.
                if pid != tgid {
                    self.show(event, Level::Thread)?;
                }
                self.end(&end)
            }
            (EventKind::Exit { .. }, None) => {
                self.show(event, Level::Thread)?;
                Ok(self.counted())
            }
            // The end of the former process with the pid of a new one.
            (_, end) => {
                if let Some(end) = end {
                    if let Some(reason) = self.end(&end)? {
                        return Ok(Some(reason));
                    }
                }
                self.processes
                    .apply_before(event, &mut self.ends)
                    .map_err(Failure::Other)?;
                let level = match event.kind {
                    EventKind::Fork { pid, tgid, .. } if pid != tgid => Level::Thread,
                    _ => Level::Process,
                };
                self.show(event, level)?;
                self.processes.apply_after(event);
                if let (true, Some(until)) = (event.is_lost(), &mut self.until) {
                    until.check(&mut self.query);
                }
                Ok(self.counted())
            }
        }
    }

    /// Shows the ends of processes whose events have all been received, when no
    /// event is queued.
    fn settle(&mut self) -> Result<Option<StopReason>, Failure> {
        for end in self.ends.settle(Instant::now()) {
            if let Some(reason) = self.end(&end)? {
                return Ok(Some(reason));
            }
        }
        let Some(until) = &mut self.until else {
            return Ok(None);
        };
        let status = until.status_without_event(&mut self.query)?;
        Ok(status.map(StopReason::Process))
    }

    /// Shows the end of a process.
    fn end(&mut self, end: &Event) -> Result<Option<StopReason>, Failure> {
        self.show(end, Level::Process)?;
        let EventKind::Exit { tgid, status, .. } = end.kind else {
            return Ok(None);
        };
        if !self.ends.is_running(tgid) {
            self.processes.remove(tgid);
        }
        match &self.until {
            Some(until) if until.pid == tgid => {
                Ok(Some(StopReason::Process(until::shell_status(status))))
            }
            _ => Ok(self.counted()),
        }
    }

    /// Writes the line of an event if the options select it.
    fn show(&mut self, event: &Event, level: Level) -> Result<(), Failure> {
        if !selects_kind(self.options, event, level) {
            return Ok(());
        }
        let info = self.processes.lookup(event);
        let info = info.as_ref();
        if !selects_process(self.options, event, info) {
            return Ok(());
        }
        let line = match (level, event.kind) {
            (Level::Thread, EventKind::Exit { .. }) => {
                self.formatter.format_thread_exit(event, info)
            }
            _ => self.formatter.format(event, info),
        };
        self.output.line(&line)?;
        self.shown += u64::from(!event.is_lost());
        self.has_losses |= event.is_lost();
        Ok(())
    }

    fn counted(&self) -> Option<StopReason> {
        let counted = self.options.count.is_some_and(|count| self.shown >= count);
        counted.then_some(StopReason::Counted)
    }
}

/// Returns the exit status: success if the condition of `--count` or `--until` was
/// reached, or if none was given, and no event was lost.
fn exit_status(options: &Watch, reason: StopReason, has_losses: bool) -> Exit {
    let unbounded = options.count.is_none() && options.until.is_none();
    match reason {
        StopReason::Process(status) => Exit::Status(status),
        StopReason::Timeout if !unbounded => Exit::Status(TIMED_OUT),
        StopReason::Signal(signal) if !unbounded => Exit::Status(128 + signal as u8),
        _ if has_losses => Exit::Status(INCOMPLETE),
        StopReason::Counted | StopReason::Timeout | StopReason::Signal(_) => Exit::Success,
    }
}

/// Whether an event is of a thread or of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// A thread started, or ended while its process may continue.
    Thread,
    /// Any other event.
    Process,
}

/// Whether the options select the kind of an event. Lost events are always shown,
/// because they may be of any kind.
fn selects_kind(options: &Watch, event: &Event, level: Level) -> bool {
    let selected = event.kind.events().intersects(options.events)
        && (options.threads || level == Level::Process);
    selected || event.is_lost()
}

/// Whether the options select the process of an event.
fn selects_process(options: &Watch, event: &Event, info: Option<&ProcessInfo>) -> bool {
    if event.is_lost() {
        return true;
    }
    let parent = match event.kind {
        EventKind::Fork { parent_tgid, .. } => Some(parent_tgid),
        _ => None,
    };
    let pid = |pid| event.tgid() == Some(pid) || parent == Some(pid);
    let uid = |uid| info.is_some_and(|info| info.uid == Some(uid));
    let comm = |re: &regex::bytes::Regex| info.is_some_and(|f| re.is_match(f.comm.as_bytes()));
    options.only_process().is_none_or(pid)
        && options.uid.is_none_or(uid)
        && options.comm.as_ref().is_none_or(comm)
        && (options.tree.is_none() || info.is_some_and(|info| info.in_tree))
        && (options.cgroup.is_none() || info.is_some_and(|info| info.in_cgroup))
}

/// Warns if the kernel does not filter events.
fn warn_unfiltered(connector: &Connector, options: &Watch) {
    if connector.filtered_by() == FilteredBy::Client && options.subscribed_events() != Events::all()
    {
        stdio::print_message(format_args!(
            "warning: the running kernel is older than Linux 6.6 and delivers all events; this \
             command filters them"
        ));
    }
}

/// Prints the line of `--stats`.
fn print_stats(connector: &Connector, shown: u64) {
    stdio::print_message(format_args!(
        "events: {shown}, receives: {}, buffer: {}, filtered by: {}",
        connector.receives(),
        connector.buffer(),
        match connector.filtered_by() {
            FilteredBy::Kernel => "the kernel",
            _ => "this command",
        },
    ));
}

#[cfg(test)]
mod tests;
