// SPDX-License-Identifier: MIT
//! The options of `watch`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use regex::bytes::Regex;
use taskdiag::Pid;
use taskdiag::events::{EVENT_BUFFER, Events};

use crate::filter;
use crate::pid::parse_arg;

/// The options of `watch`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Watch {
    /// Show only these events: fork, exec, uid, gid, sid, ptrace, comm, coredump,
    /// exit, nonzero-exit [default: all]
    #[arg(long, value_name = "EVENT,...", value_parser = parse_events,
          default_value_t = Events::all(), hide_default_value = true)]
    pub(super) events: Events,

    /// Show only events of this process, and fork events of its children
    #[arg(long, value_name = "PID", value_parser = parse_arg)]
    pub(super) pid: Option<Pid>,

    /// Show only events of this process and its descendants, including those whose
    /// parents end
    #[arg(long, value_name = "PID", value_parser = parse_arg)]
    pub(super) tree: Option<Pid>,

    /// Show only events of processes in this cgroup and below it: an id, or a path
    /// in the default hierarchy
    #[arg(long, value_name = "CGROUP", value_parser = filter::parse_cgroup)]
    pub(super) cgroup: Option<u64>,

    /// Show only events of processes with this effective user
    #[arg(long, value_name = "USER", value_parser = filter::parse_user)]
    pub(super) uid: Option<u32>,

    /// Show only events of processes whose name matches this regular expression
    #[arg(long, value_name = "REGEX", value_parser = filter::parse_regex)]
    pub(super) comm: Option<Regex>,

    /// Show fork and exit events of threads as well; a process ends with its last
    /// thread
    #[arg(long)]
    pub(super) threads: bool,

    /// Follow all changes of names and users, so that both are known after an
    /// exit; implied by --uid, --comm, --tree, --cgroup, --until, and by the events
    /// exit and nonzero-exit
    #[arg(long)]
    pub(super) names: bool,

    /// Select the output format
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: EventFormat,

    /// Show users and groups as numbers
    #[arg(long)]
    pub(super) numeric: bool,

    /// Omit the line of headings (table)
    #[arg(long)]
    pub(super) no_headers: bool,

    /// Exit after this number of events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,

    /// Exit after this time; with status 124 if --count or --until is not
    /// satisfied yet
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(super) timeout: Option<Duration>,

    /// Exit when this process exits, with its exit status, or with 128 plus the
    /// number of the signal that killed it; at once for a zombie. Shows only events
    /// of this process unless others are selected. Other statuses: 124 for
    /// --timeout, 125 for an error, 126 if the exit status is not known, 127 if
    /// the process does not exist
    #[arg(long, value_name = "PID", value_parser = parse_arg)]
    pub(super) until: Option<Pid>,

    /// Request a receive buffer of this size; each event uses about 800 bytes
    #[arg(long, value_name = "BYTES", default_value_t = EVENT_BUFFER)]
    pub(super) buffer: usize,

    /// Print statistics on standard error: events, receives, buffer size, filter
    #[arg(long)]
    pub(super) stats: bool,
}

/// Output formats for events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum EventFormat {
    /// Aligned columns
    #[default]
    Table,
    /// One array of objects
    Json,
    /// One object per line
    Ndjson,
}

fn parse_events(list: &str) -> Result<Events, String> {
    match list.parse() {
        Ok(events) if events == Events::empty() => Err("no event given".to_owned()),
        Ok(events) => Ok(events),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_seconds(word: &str) -> Result<Duration, String> {
    word.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a number of seconds that is not negative".to_owned())
}

impl Watch {
    /// The events that change names and users of processes.
    pub(super) const TRACKING: Events = Events::FORK
        .union(Events::EXEC)
        .union(Events::UID)
        .union(Events::COMM)
        .union(Events::EXIT);

    /// Returns the process whose events are shown, if only one is.
    pub(super) fn only_process(&self) -> Option<Pid> {
        let selects = self.uid.is_some()
            || self.comm.is_some()
            || self.tree.is_some()
            || self.cgroup.is_some();
        self.pid.or(self.until.filter(|_| !selects))
    }

    /// Returns the events to subscribe to: those to show, and those that are
    /// necessary to track names and users or to detect an exit.
    pub(super) fn subscribed_events(&self) -> Events {
        let mut events = self.events;
        // An exit event is of a thread: its process has ended if all the threads
        // that were started have.
        let ends = events.intersects(Events::EXIT | Events::NONZERO_EXIT);
        let selects = self.uid.is_some()
            || self.comm.is_some()
            || self.tree.is_some()
            || self.cgroup.is_some()
            || self.until.is_some();
        if self.names || ends || selects {
            events |= Self::TRACKING;
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::parse;

    #[test]
    fn options_extend_the_subscribed_events() {
        let needed = |line: &str| parse(line).expect(line).subscribed_events();
        assert_eq!(needed(""), Events::all());
        assert_eq!(
            needed("--events nonzero-exit"),
            Events::NONZERO_EXIT | Watch::TRACKING
        );
        assert_eq!(needed("--events sid --pid 7"), Events::SID);
        for more in [
            "--names",
            "--uid 0",
            "--comm ^a",
            "--tree 7",
            "--cgroup 7",
            "--until 7",
        ] {
            let line = format!("--events sid {more}");
            assert_eq!(needed(&line), Events::SID | Watch::TRACKING, "{line}");
        }
    }

    #[test]
    fn invalid_values_are_rejected() {
        for line in [
            "--events ,",
            "--events dance",
            "--pid 0",
            "--tree 0",
            "--cgroup /proc",
            "--comm (",
            "--count 0",
            "--timeout -1",
            "--timeout soon",
            "--format csv",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let watch = parse("--timeout 0.25").expect("a time");
        assert_eq!(watch.timeout, Some(Duration::from_millis(250)));
    }
}
