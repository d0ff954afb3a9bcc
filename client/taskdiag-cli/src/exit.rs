// SPDX-License-Identifier: MIT
//! How the command ends: its exit statuses, and what it says when it fails.
//!
//! The library's errors tell what went wrong; here it is told in terms of
//! what the user typed.

use std::io;
use std::process::ExitCode;

use taskdiag::{Error, Features, Filters, Pid, Request, Scope, Strategy};

/// The exit statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything asked for was shown, or its reader wanted no more.
    Success,
    /// The request failed, or its answer could not be written.
    Failure,
    /// The command line makes no sense.
    Usage,
    /// As `watch` was told to end, or had to.
    Status(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Status(status) => status,
        })
    }
}

/// Why it ends before everything was shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Whoever reads the output has gone, as `head` does: nobody is left to
    /// tell, and nothing is wrong.
    #[error("the reader of the output has gone")]
    ClosedPipe,

    #[error("cannot write the output: {0}")]
    Output(io::Error),

    #[error("{}", describe_request(.0, .1))]
    Request(Error, Box<Request<'static>>),

    /// The kernel is older than what was asked of it.
    #[error("the running kernel has no {}; \"taskdiag-cli features\" lists what it has", list_unsupported(.0))]
    Unsupported(Features),

    #[error("{}", describe(.0))]
    Other(Error),

    /// What was said to `ps` makes no sense. `ps` has no status of its own
    /// for that.
    #[error("{0}\n\n{PS_USAGE}")]
    PsUsage(String),

    /// There is nobody to show, which `ps` tells by its exit status alone.
    #[error("no process selected")]
    NoTask,

    /// The process whose end is to be waited for is not there.
    #[error("no process {0} (or it is not visible to you)")]
    NoProcess(Pid),

    /// It has ended, and what tells how is lost.
    #[error("process {0} has ended; how is among the events that were lost")]
    ExitLost(Pid),

    /// Requests are answered from `/proc` alone, which `doctor` has told.
    #[error("the running kernel has no task_diag")]
    NoTaskDiag,
}

const PS_USAGE: &str = "\
Usage:
    taskdiag-cli ps [options]

It understands what ps(1) of procps does as far as the kernel tells it:
    ps aux    ps -ef    ps ax -o pid,ppid,args --sort -rss    ps -eLf    ps axf";

impl Failure {
    /// What failed, and what was asked.
    pub(crate) fn request(error: Error, request: &Request<'static>) -> Self {
        Self::Request(error, Box::new(request.clone()))
    }

    /// Whether it goes without saying.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self, Self::ClosedPipe | Self::NoTask | Self::NoTaskDiag)
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::ClosedPipe => Exit::Success,
            Self::Output(_)
            | Self::Request(..)
            | Self::Unsupported(_)
            | Self::Other(_)
            | Self::PsUsage(_)
            | Self::NoTask
            | Self::NoProcess(_)
            | Self::ExitLost(_)
            | Self::NoTaskDiag => Exit::Failure,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ClosedPipe
        } else {
            Self::Output(error)
        }
    }
}

fn describe_request(error: &Error, request: &Request<'_>) -> String {
    match error {
        Error::Kernel(kernel) => {
            let attribute = kernel.attribute.and_then(|attribute| attribute.name());
            missing_task(kernel.errno, attribute, request).unwrap_or_else(|| describe(error))
        }
        _ => describe(error),
    }
}

fn describe(error: &Error) -> String {
    match error {
        Error::NoFamily => NO_FAMILY.to_owned(),
        Error::Kernel(kernel) => format!("the kernel refused: {kernel}"),
        _ => error.to_string(),
    }
}

fn list_unsupported(unsupported: &Features) -> String {
    let kinds = [
        ("group", unsupported.groups.to_string()),
        ("strategy", unsupported.strategies.to_string()),
        ("filter", unsupported.filters.to_string()),
        ("option", unsupported.options.to_string()),
        ("flag", unsupported.vma_flags.to_string()),
    ];
    let present = kinds.into_iter().filter(|(_, names)| !names.is_empty());
    let list: Vec<String> = present
        .map(|(kind, names)| format!("{kind} {names}"))
        .collect();
    list.join(" and no ")
}

const NO_FAMILY: &str = "\
the running kernel has no TASKDIAG family to ask.

It takes a kernel that is built with CONFIG_TASKDIAG, or has task_diag as a
module. In the sources of task_diag, the first of these gives the running kernel
the module, the second boots a kernel and runs this command in it:

    scripts/install
    scripts/run taskdiag-cli --all";

/// No task has a greater pid.
const PID_MAX: Pid = 4 * 1024 * 1024;

/// Reports which task is missing, if the error is about it. With
/// [`Scope::Process`] an error that names no attribute may be about the process
/// of the scope instead.
fn missing_task(errno: i32, attribute: Option<&str>, request: &Request<'_>) -> Option<String> {
    let (Strategy::One(pid)
    | Strategy::Children(pid)
    | Strategy::Threads(pid)
    | Strategy::Descendants(pid)) = request.strategy
    else {
        return None;
    };
    let names_task = attribute == Some("TASK_DIAG_CMD_ATTR_GET");
    let missing = match errno {
        nix::libc::ESRCH => names_task || request.scope == Scope::Own,
        nix::libc::EINVAL => names_task && !(1..=PID_MAX).contains(&pid),
        _ => false,
    };
    if !missing {
        return None;
    }
    let scope = match request.scope {
        Scope::Process(scope) => format!(" as seen from process {scope}"),
        _ => String::new(),
    };
    let filtered = if request.filters == Filters::default() {
        ""
    } else {
        ", or the filters do not hold for it"
    };
    Some(format!(
        "no process {pid}{scope} (or it is not visible to you{filtered})"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::libc::{EINVAL, ESRCH};
    use taskdiag::Show;

    const GET: Option<&str> = Some("TASK_DIAG_CMD_ATTR_GET");

    #[test]
    fn missing_task_is_named() {
        for strategy in [
            Strategy::One(123),
            Strategy::Children(123),
            Strategy::Threads(123),
            Strategy::Descendants(123),
        ] {
            let request = Request::new(strategy);
            // A task that ended after the request arrived has no attribute.
            for attribute in [GET, None] {
                assert_eq!(
                    missing_task(ESRCH, attribute, &request).as_deref(),
                    Some("no process 123 (or it is not visible to you)")
                );
            }
            let request = request.scope(Scope::Process(7));
            assert_eq!(
                missing_task(ESRCH, GET, &request).as_deref(),
                Some("no process 123 as seen from process 7 (or it is not visible to you)")
            );
        }
        let large = Request::new(Strategy::One(u32::MAX));
        assert_eq!(
            missing_task(EINVAL, GET, &large).as_deref(),
            Some("no process 4294967295 (or it is not visible to you)")
        );
    }

    #[test]
    fn other_errors_keep_the_text_of_the_kernel() {
        let request = Request::new(Strategy::One(123)).scope(Scope::Process(7));
        assert_eq!(missing_task(ESRCH, None, &request), None);
        assert_eq!(missing_task(EINVAL, GET, &request), None);
        let all = Request::new(Strategy::All);
        assert_eq!(missing_task(ESRCH, GET, &all), None);
    }

    #[test]
    fn unsupported_features_are_listed() {
        let request = Request::new(Strategy::Descendants(1))
            .show(Show::BASE | Show::STAT | Show::VMA)
            .uid(0);
        let failure = Failure::Unsupported(Features::FIRST.lacking(&request));
        assert_eq!(
            failure.to_string(),
            "the running kernel has no group stat,vma and no strategy descendants and no filter \
             uid; \"taskdiag-cli features\" lists what it has"
        );
        let failure =
            Failure::Unsupported(Features::FIRST.lacking(&Request::new(Strategy::All).uid(0)));
        assert!(failure.to_string().contains(" has no filter uid; "));
        let mut features = Features::FIRST;
        features.filters = taskdiag::FilterKinds::all();
        let request = Request::new(Strategy::All).vma_flags(taskdiag::VmaFlags::SEALED);
        let failure = Failure::Unsupported(features.lacking(&request));
        assert!(failure.to_string().contains(" has no flag sealed; "));
    }

    #[test]
    fn missing_family_comes_with_a_remedy() {
        let request = Request::new(Strategy::All);
        let text = Failure::request(Error::NoFamily, &request).to_string();
        for word in ["CONFIG_TASKDIAG", "scripts/install", "scripts/run"] {
            assert!(text.contains(word), "{word} is not in: {text}");
        }
    }
}
