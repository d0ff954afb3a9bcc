// SPDX-License-Identifier: MIT
//! What can be said to `watch`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use regex::bytes::Regex;
use taskdiag::Pid;
use taskdiag::events::{EVENT_BUFFER, Events};

use crate::filter;
use crate::pid::parse_arg;

#[derive(Clone, Debug, Args)]
pub(crate) struct Watch {
    /// Which events, between commas: fork, exec, uid, gid, sid, ptrace, comm,
    /// coredump, exit, nonzero-exit [default: all]
    #[arg(long, value_name = "EVENT,...", value_parser = parse_events,
          default_value_t = Events::all(), hide_default_value = true)]
    pub(super) events: Events,

    /// Of this process, and of those that it starts the beginning
    #[arg(long, value_name = "PID", value_parser = parse_arg)]
    pub(super) pid: Option<Pid>,

    /// Of processes of this effective user
    #[arg(long, value_name = "USER", value_parser = filter::parse_user)]
    pub(super) uid: Option<u32>,

    /// Of processes whose name matches this regular expression
    #[arg(long, value_name = "RE", value_parser = parse_regex)]
    pub(super) comm: Option<Regex>,

    /// Of threads as well, where they begin and end
    #[arg(long)]
    pub(super) threads: bool,

    /// Follow what names and users depend on as well, so that they are known of
    /// what has ended; --uid and --comm do
    #[arg(long)]
    pub(super) names: bool,

    /// What to write
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: EventFormat,

    /// Leave users and groups as numbers
    #[arg(long)]
    pub(super) numeric: bool,

    /// Leave out the line of headers (table)
    #[arg(long)]
    pub(super) no_headers: bool,

    /// End after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,

    /// End after so many seconds; with exit status 124 if that is too early for
    /// --count or --until
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    pub(super) timeout: Option<Duration>,

    /// End when this process does, with its exit status, or 128 and the number
    /// of the signal that ended it
    #[arg(long, value_name = "PID", value_parser = parse_arg)]
    pub(super) until: Option<Pid>,

    /// How large a buffer to ask the kernel for; an event takes some 800
    #[arg(long, value_name = "BYTES", default_value_t = EVENT_BUFFER)]
    pub(super) buffer: usize,

    /// Tell on standard error what it took: events, receives, waits
    #[arg(long)]
    pub(super) stats: bool,
}

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum EventFormat {
    /// Aligned columns, for the eye
    #[default]
    Table,
    /// One array of objects
    Json,
    /// An object a line
    Ndjson,
}

fn parse_events(list: &str) -> Result<Events, String> {
    match list.parse() {
        Ok(events) if events == Events::empty() => Err("no event is named".to_owned()),
        Ok(events) => Ok(events),
        Err(error) => Err(error.to_string()),
    }
}

/// What is wrong with it is in the last line of what the parser says.
fn parse_regex(word: &str) -> Result<Regex, String> {
    Regex::new(word).map_err(|error| {
        let error = error.to_string();
        let last = error.lines().last().unwrap_or_default();
        last.trim_start_matches("error: ").to_owned()
    })
}

fn parse_seconds(word: &str) -> Result<Duration, String> {
    word.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a time is a number of seconds, and none is below 0".to_owned())
}

impl Watch {
    /// What names and users depend on.
    pub(super) const TRACKING: Events = Events::FORK
        .union(Events::EXEC)
        .union(Events::UID)
        .union(Events::COMM)
        .union(Events::EXIT);

    /// The events to listen to: those to be shown, and those that tell what
    /// is to be known of them.
    pub(super) fn subscribed_events(&self) -> Events {
        let mut events = self.events;
        if self.names || self.uid.is_some() || self.comm.is_some() {
            events |= Self::TRACKING;
        }
        if self.until.is_some() {
            events |= Events::EXIT;
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        watch: Watch,
    }

    fn parse(line: &str) -> Result<Watch, clap::Error> {
        let words = std::iter::once("watch").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.watch)
    }

    #[test]
    fn options_extend_the_subscribed_events() {
        let needed = |line: &str| parse(line).expect(line).subscribed_events();
        assert_eq!(needed(""), Events::all());
        assert_eq!(needed("--events nonzero-exit"), Events::NONZERO_EXIT);
        assert_eq!(needed("--events sid --pid 7"), Events::SID);
        assert_eq!(needed("--events sid --until 7"), Events::SID | Events::EXIT);
        for more in ["--names", "--uid 0", "--comm ^a"] {
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
