// SPDX-License-Identifier: MIT
//! `taskdiag-cli watch`: processes that begin, change and end, a line each, as
//! it happens.

mod args;
mod known;
mod line;
mod output;
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

use crate::exit::{Exit, Failure};
use crate::host;
use crate::session;

use known::{Facts, Known};
use line::Wording;
use output::Output;
use until::Until;
use wait::{Came, Waiter};

/// The exit status when the time was not enough, as timeout(1) has it.
const TOO_LATE: u8 = 124;

/// Shows events until something ends it; how it ends.
pub(crate) fn run(job: &Watch) -> Result<Exit, Failure> {
    let waiter = Waiter::new(job.timeout)?;
    let mut connector = ConnectorOptions::new(job.needed())
        .buffer(job.buffer)
        .listen()
        .map_err(Failure::Other)?;
    tell_filter(&connector, job);
    // What happens from now on is told, and what has happened can be asked.
    let (out, _) = session::open_stdout();
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let wording = Wording::new(job.numeric);
    let zone = wording.zone.clone();
    let mut show = Show {
        job,
        known: Known::new(connect()?, job.needed()).map_err(Failure::Other)?,
        until: job
            .until
            .map(|pid| Until::new(connect()?, pid))
            .transpose()?,
        wording,
        output: Output::new(out, job, colour, host::pid_digits(), zone),
        shown: 0,
    };
    show.output.begin()?;
    let end = follow(&mut connector, &waiter, &mut show)?;
    show.output.finish()?;
    if job.stats {
        tell_stats(&connector, show.shown);
    }
    Ok(show.exit(end))
}

/// Whom to ask about processes; that this may be slow goes without saying.
fn connect() -> Result<Client<taskdiag::AnySource>, Failure> {
    Client::connect_any().map_err(Failure::Other)
}

/// Why it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// There have been as many events as were wanted.
    Counted,
    /// The process that was waited for has ended with this status.
    Process(u8),
    Timeout,
    Signal(Signal),
}

/// Shows events as they come.
fn follow(
    connector: &mut Connector,
    waiter: &Waiter,
    show: &mut Show<'_, impl Write>,
) -> Result<End, Failure> {
    loop {
        while let Some(event) = next(connector)? {
            if let Some(end) = show.event(&event)? {
                return Ok(end);
            }
            // Where events never stop coming this is the place to end.
            match waiter.ended() {
                Some(Came::Signal(signal)) => return Ok(End::Signal(signal)),
                Some(Came::Timeout) => return Ok(End::Timeout),
                _ => {}
            }
        }
        show.output.flush()?;
        match waiter.wait(connector.as_fd(), io::stdout().as_fd())? {
            Came::Events => {}
            Came::Signal(signal) => return Ok(End::Signal(signal)),
            Came::Timeout => return Ok(End::Timeout),
            Came::ClosedPipe => return Err(Failure::ClosedPipe),
        }
    }
}

fn next(connector: &mut Connector) -> Result<Option<Event>, Failure> {
    connector
        .next_event(Some(Duration::ZERO))
        .map_err(Failure::Other)
}

/// What becomes of events.
struct Show<'a, W> {
    job: &'a Watch,
    known: Known,
    until: Option<Until>,
    wording: Wording,
    output: Output<W>,
    shown: u64,
}

impl<W: Write> Show<'_, W> {
    /// Shows an event if it is wanted; says if it was the last.
    fn event(&mut self, event: &Event) -> Result<Option<End>, Failure> {
        self.known.before(event).map_err(Failure::Other)?;
        if might_be_wanted(self.job, event) {
            let facts = self.known.of(event);
            if is_of_wanted(self.job, event, facts) {
                self.output.line(&self.wording.line(event, facts))?;
                self.shown += u64::from(!event.is_lost());
            }
        }
        self.known.after(event);
        if let Some(until) = &mut self.until {
            if let Some(status) = until.status(event)? {
                return Ok(Some(End::Process(status)));
            }
        }
        let counted = self.job.count.is_some_and(|count| self.shown >= count);
        Ok(counted.then_some(End::Counted))
    }

    /// What it is worth as an exit status: what was waited for has come, or
    /// nothing was.
    fn exit(&self, end: End) -> Exit {
        let endless = self.job.count.is_none() && self.job.until.is_none();
        match end {
            End::Process(status) => Exit::Status(status),
            End::Timeout if !endless => Exit::Status(TOO_LATE),
            End::Signal(signal) if !endless => Exit::Status(128 + signal as u8),
            End::Counted | End::Timeout | End::Signal(_) => Exit::Success,
        }
    }
}

/// Whether an event is to be shown, whoever it happened to: what was lost may
/// have been of any kind.
fn might_be_wanted(job: &Watch, event: &Event) -> bool {
    let of_process = match event.kind {
        EventKind::Fork { .. } | EventKind::Exit { .. } => event.kind.is_of_process(),
        _ => true,
    };
    let wanted = event.kind.events().intersects(job.events) && (job.threads || of_process);
    wanted || event.is_lost()
}

/// Whether it happened to one that is to be shown.
fn is_of_wanted(job: &Watch, event: &Event, facts: Option<Facts>) -> bool {
    if event.is_lost() {
        return true;
    }
    let parent = match event.kind {
        EventKind::Fork { parent_tgid, .. } => Some(parent_tgid),
        _ => None,
    };
    let pid = |pid| event.tgid() == Some(pid) || parent == Some(pid);
    let uid = |uid| facts.is_some_and(|facts| facts.uid == uid);
    let comm = |re: &regex::bytes::Regex| facts.is_some_and(|f| re.is_match(f.comm.as_bytes()));
    job.pid.is_none_or(pid) && job.uid.is_none_or(uid) && job.comm.as_ref().is_none_or(comm)
}

/// Says so where the kernel does not choose among the events.
fn tell_filter(connector: &Connector, job: &Watch) {
    if connector.filtered_by() == FilteredBy::Client && job.needed() != Events::all() {
        session::say(format_args!(
            "the running kernel is from before Linux 6.6 and tells of all events; the others \
             are left out here"
        ));
    }
}

fn tell_stats(connector: &Connector, shown: u64) {
    session::say(format_args!(
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
