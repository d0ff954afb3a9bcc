// SPDX-License-Identifier: MIT
//! Exit statuses and error messages.
//!
//! Errors of the library are described here in terms of the command line.

use std::io;
use std::process::ExitCode;

use taskdiag::{Error, Features, Filters, Pid, ProcState, Request, Scope, Show, Strategy};

/// Exit statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The output is complete, or its reader closed it early.
    Success,
    /// The request failed, or the output could not be written.
    Failure,
    /// The command line is invalid.
    Usage,
    /// Exit status of `watch`: that of the awaited process, or of a timeout or
    /// signal.
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

/// Reasons to exit before the output is complete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The reader closed the output, as `head` does. This is not an error.
    #[error("output closed by its reader")]
    ClosedPipe,

    #[error("cannot write the output: {0}")]
    Output(io::Error),

    #[error("{}", describe_request(.0, .1))]
    Request(Error, Box<Request<'static>>),

    /// The kernel is older than features of the request.
    #[error(
        "the running kernel does not support {}; \"taskdiag-cli features\" lists supported features",
        list_unsupported(.0)
    )]
    Unsupported(Features),

    #[error("{}", describe(.0))]
    Other(Error),

    /// The caller may not read these groups of the process that it asked for.
    #[error("cannot read {1} of process {0}: permission denied")]
    Denied(Pid, Show),

    /// A condition of this command does not match the only process of the request.
    #[error("process {0}: excluded by --filter")]
    Excluded(Pid),

    /// Invalid options of `ps`. As in procps, the exit status is 1.
    #[error("error: {0}\n\n{PS_USAGE}")]
    PsUsage(String),

    /// `ps` selected no process, which only the exit status reports.
    #[error("no process selected")]
    NoTask,

    /// The process of `--until` does not exist.
    #[error("cannot wait for process {0}: not found, or not visible to you")]
    NoProcess(Pid),

    /// The process of `--tree` does not exist.
    #[error("cannot follow the descendants of process {0}: not found, or not visible to you")]
    NoTree(Pid),

    /// The process of `--until` has exited, and its exit event was lost.
    #[error("cannot report the exit status of process {0}: its exit event was lost")]
    ExitLost(Pid),

    /// The process of `--until` is a zombie of another user.
    #[error(
        "cannot report the exit status of process {0}: the status of a zombie can be read by its \
         user and with CAP_SYS_PTRACE only"
    )]
    ExitUnreadable(Pid),

    /// Only `/proc` is available, which the output of `doctor` reports.
    #[error("the running kernel has no task_diag")]
    NoTaskDiag,
}

const PS_USAGE: &str = "\
Usage:
 taskdiag-cli ps [options]

 Try 'taskdiag-cli ps --help <simple|list|output|threads|misc|all>'";

impl Failure {
    /// Returns the failure of a request.
    pub(crate) fn request(error: Error, request: &Request<'static>) -> Self {
        Self::Request(error, Box::new(request.clone()))
    }

    /// Whether no message is printed.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self, Self::ClosedPipe | Self::NoTask | Self::NoTaskDiag)
    }

    /// Returns the exit status.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::ClosedPipe => Exit::Success,
            Self::Output(_)
            | Self::Request(..)
            | Self::Unsupported(_)
            | Self::Other(_)
            | Self::Denied(..)
            | Self::Excluded(_)
            | Self::PsUsage(_)
            | Self::NoTask
            | Self::NoTree(_)
            | Self::NoTaskDiag => Exit::Failure,
            Self::ExitLost(_) | Self::ExitUnreadable(_) => Exit::Status(126),
            Self::NoProcess(_) => Exit::Status(127),
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
        Error::NoFamily => no_family(ProcState::read()),
        Error::Kernel(kernel) => format!("the kernel rejected the request: {kernel}"),
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
    list.join(" or ")
}

/// Returns the message about a kernel without the family. Every transport failed if
/// `/proc` is not mounted.
fn no_family(proc: ProcState) -> String {
    match proc {
        ProcState::NotMounted => NO_PROC.to_owned(),
        _ => NO_FAMILY.to_owned(),
    }
}

const NO_PROC: &str = "\
cannot list processes: no procfs is mounted on /proc, and the running
kernel has no TASKDIAG family; mount -t proc proc /proc mounts one";

const NO_FAMILY: &str = "\
the running kernel has no TASKDIAG family: a kernel that is built
with CONFIG_TASKDIAG, or the module task_diag, is required

Run one of these commands in the source directory of task_diag. The first one
installs the module for the running kernel. The second one boots a kernel with
task_diag and runs this command in it.

    scripts/install
    scripts/run taskdiag-cli --all";

/// The largest pid that the kernel can assign, `PID_MAX_LIMIT`.
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
        Scope::Process(scope) => format!(" in the pid namespace of process {scope}"),
        _ => String::new(),
    };
    let causes = if request.filters == Filters::default() {
        "not found, or not visible to you"
    } else {
        "not found, not visible to you, or excluded by --filter"
    };
    Some(format!("process {pid}{scope}: {causes}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::libc::{EINVAL, ESRCH};

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
                    Some("process 123: not found, or not visible to you")
                );
            }
            let request = request.scope(Scope::Process(7));
            assert_eq!(
                missing_task(ESRCH, GET, &request).as_deref(),
                Some(
                    "process 123 in the pid namespace of process 7: not found, or not visible to you"
                )
            );
        }
        let large = Request::new(Strategy::One(u32::MAX));
        assert_eq!(
            missing_task(EINVAL, GET, &large).as_deref(),
            Some("process 4294967295: not found, or not visible to you")
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
            "the running kernel does not support group stat,vma or strategy descendants or filter \
             uid; \"taskdiag-cli features\" lists supported features"
        );
        let failure =
            Failure::Unsupported(Features::FIRST.lacking(&Request::new(Strategy::All).uid(0)));
        assert!(failure.to_string().contains(" not support filter uid; "));
        let mut features = Features::FIRST;
        features.filters = taskdiag::FilterKinds::all();
        let request = Request::new(Strategy::All).vma_flags(taskdiag::VmaFlags::SEALED);
        let failure = Failure::Unsupported(features.lacking(&request));
        assert!(failure.to_string().contains(" not support flag sealed; "));
    }

    #[test]
    fn missing_family_comes_with_a_remedy() {
        let request = Request::new(Strategy::All);
        let text = Failure::request(Error::NoFamily, &request).to_string();
        let no_proc = no_family(ProcState::NotMounted);
        assert!(no_proc.contains("/proc") && !no_proc.contains("scripts/"));
        for word in ["CONFIG_TASKDIAG", "scripts/install", "scripts/run"] {
            assert!(text.contains(word), "{word} is not in: {text}");
        }
    }
}
