// SPDX-License-Identifier: MIT
//! `taskdiag-cli watch`: prints process events as they happen, one line per event.

mod args;
mod event_line;
mod output;
mod processes;
mod until;
mod wait;

use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::time::Duration;

use nix::sys::signal::Signal;
use taskdiag::Client;
use taskdiag::events::{
    Connector, ConnectorOptions, Event, EventKind, EventSource as _, Events, FilteredBy,
};

pub(crate) use args::Watch;

use crate::connect;
use crate::exit::{Exit, Failure};
use crate::host;
use crate::stdio;

use event_line::LineFormatter;
use output::EventOutput;
use processes::{ProcessInfo, ProcessTable};
use until::AwaitedProcess;
use wait::{Waiter, WakeReason};

/// The exit status after a timeout, as in timeout(1).
const TIMED_OUT: u8 = 124;

/// Shows events until a stop condition holds, and returns the exit status.
pub(crate) fn run(options: &Watch) -> Result<Exit, Failure> {
    let waiter = Waiter::new(options.timeout)?;
    let mut connector = ConnectorOptions::new(options.subscribed_events())
        .buffer(options.buffer)
        .listen()
        .map_err(Failure::Other)?;
    warn_unfiltered(&connector, options);
    // Subscribe before the query of all processes, so that no change is missed.
    let (out, _) = stdio::open_stdout();
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let formatter = LineFormatter::new(options.numeric);
    let zone = formatter.zone.clone();
    let mut monitor = Monitor {
        options,
        processes: ProcessTable::new(connect()?, options.subscribed_events())
            .map_err(Failure::Other)?,
        until: options
            .until
            .map(|pid| AwaitedProcess::new(Client::connect_any().map_err(Failure::Other)?, pid))
            .transpose()?,
        formatter,
        output: EventOutput::new(out, options, colour, host::pid_digits(), zone),
        shown: 0,
    };
    monitor.output.begin()?;
    let reason = follow(&mut connector, &waiter, &mut monitor)?;
    monitor.output.finish()?;
    if options.stats {
        print_stats(&connector, monitor.shown);
    }
    Ok(monitor.exit(reason))
}

/// Connects for queries about processes, without a warning about slow transports.
fn connect() -> Result<Client<taskdiag::AnySource>, Failure> {
    let mut client = Client::connect_any().map_err(Failure::Other)?;
    connect::warn_if_restricted(&mut client);
    Ok(client)
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

/// Shows events as they arrive, until a stop condition holds.
fn follow(
    connector: &mut Connector,
    waiter: &Waiter,
    monitor: &mut Monitor<'_, impl Write>,
) -> Result<StopReason, Failure> {
    loop {
        while let Some(event) = next_event(connector)? {
            if let Some(reason) = monitor.handle(&event)? {
                return Ok(reason);
            }
            // Check here as well, because the queue of events may never be empty.
            match waiter.expired() {
                Some(WakeReason::Signal(signal)) => return Ok(StopReason::Signal(signal)),
                Some(WakeReason::Timeout) => return Ok(StopReason::Timeout),
                _ => {}
            }
        }
        monitor.output.flush()?;
        match waiter.wait(connector.as_fd(), io::stdout().as_fd())? {
            WakeReason::Events => {}
            WakeReason::Signal(signal) => return Ok(StopReason::Signal(signal)),
            WakeReason::Timeout => return Ok(StopReason::Timeout),
            WakeReason::ClosedPipe => return Err(Failure::ClosedPipe),
        }
    }
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
    until: Option<AwaitedProcess>,
    formatter: LineFormatter,
    output: EventOutput<W>,
    shown: u64,
}

impl<W: Write> Monitor<'_, W> {
    /// Shows an event if the options select it. Returns a stop reason if it was the
    /// last one.
    fn handle(&mut self, event: &Event) -> Result<Option<StopReason>, Failure> {
        self.processes.apply_before(event).map_err(Failure::Other)?;
        if selects_kind(self.options, event) {
            let info = self.processes.lookup(event);
            if selects_process(self.options, event, info) {
                self.output.line(&self.formatter.format(event, info))?;
                self.shown += u64::from(!event.is_lost());
            }
        }
        self.processes.apply_after(event);
        if let Some(until) = &mut self.until {
            if let Some(status) = until.status(event)? {
                return Ok(Some(StopReason::Process(status)));
            }
        }
        let counted = self.options.count.is_some_and(|count| self.shown >= count);
        Ok(counted.then_some(StopReason::Counted))
    }

    /// Returns the exit status: success if the condition of `--count` or `--until`
    /// was reached, or if none was given.
    fn exit(&self, reason: StopReason) -> Exit {
        let unbounded = self.options.count.is_none() && self.options.until.is_none();
        match reason {
            StopReason::Process(status) => Exit::Status(status),
            StopReason::Timeout if !unbounded => Exit::Status(TIMED_OUT),
            StopReason::Signal(signal) if !unbounded => Exit::Status(128 + signal as u8),
            StopReason::Counted | StopReason::Timeout | StopReason::Signal(_) => Exit::Success,
        }
    }
}

/// Whether the options select the kind of an event. Lost events are always shown,
/// because they may be of any kind.
fn selects_kind(options: &Watch, event: &Event) -> bool {
    let of_process = match event.kind {
        EventKind::Fork { .. } | EventKind::Exit { .. } => event.kind.is_of_process(),
        _ => true,
    };
    let selected =
        event.kind.events().intersects(options.events) && (options.threads || of_process);
    selected || event.is_lost()
}

/// Whether the options select the process of an event.
fn selects_process(options: &Watch, event: &Event, info: Option<ProcessInfo>) -> bool {
    if event.is_lost() {
        return true;
    }
    let parent = match event.kind {
        EventKind::Fork { parent_tgid, .. } => Some(parent_tgid),
        _ => None,
    };
    let pid = |pid| event.tgid() == Some(pid) || parent == Some(pid);
    let uid = |uid| info.is_some_and(|info| info.uid == uid);
    let comm = |re: &regex::bytes::Regex| info.is_some_and(|f| re.is_match(f.comm.as_bytes()));
    options.pid.is_none_or(pid)
        && options.uid.is_none_or(uid)
        && options.comm.as_ref().is_none_or(comm)
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
