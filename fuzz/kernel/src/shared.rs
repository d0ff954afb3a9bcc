// SPDX-License-Identifier: MIT
//! Counters of a run, in a page that all its processes share.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use crate::check::Counts;

/// Error numbers are below this.
const ERRNOS: usize = 134;

/// The counters.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Shared {
    /// The case that is being performed.
    pub(crate) iteration: AtomicU64,
    pub(crate) cases: AtomicU64,
    /// Cases performed through the file.
    pub(crate) files: AtomicU64,
    /// Cases with `TASK_DIAG_CMD_ATTR_PROC_FD`.
    pub(crate) mounts: AtomicU64,
    /// Netlink messages sent.
    pub(crate) requests: AtomicU64,
    /// Datagrams received.
    pub(crate) replies: AtomicU64,
    pub(crate) messages: AtomicU64,
    pub(crate) rows: AtomicU64,
    pub(crate) continued: AtomicU64,
    pub(crate) absent: AtomicU64,
    /// Rows without groups or fields that the caller may not read.
    pub(crate) partial: AtomicU64,
    pub(crate) acks: AtomicU64,
    pub(crate) dones: AtomicU64,
    pub(crate) truncated: AtomicU64,
    /// Reads of the file with a buffer smaller than a message.
    pub(crate) too_small: AtomicU64,
    pub(crate) overruns: AtomicU64,
    /// Complete dumps checked against the known tasks.
    pub(crate) whole_dumps: AtomicU64,
    /// Cases with other threads and processes.
    pub(crate) scenarios: AtomicU64,
    /// Cases with other processes that this system does not allow.
    pub(crate) scenarios_not_allowed: AtomicU64,
    pub(crate) findings: AtomicU32,
    /// The test process that was reaped last.
    pub(crate) just_exited: AtomicU32,
    /// Tasks forked and reaped by the fork storm.
    pub(crate) storm_tasks: AtomicU64,
    /// Perform no more cases.
    pub(crate) stop: AtomicBool,
    /// End the fork storm.
    pub(crate) stop_storm: AtomicBool,
    /// Errors in replies.
    errors: [AtomicU64; ERRNOS],
    /// Errors of `sendmsg()`, and of `write()` and `read()`.
    refused: [AtomicU64; ERRNOS],
}

impl Shared {
    /// Maps zeroed counters, which all processes forked later share.
    pub(crate) fn map() -> nix::Result<&'static Self> {
        let size = NonZeroUsize::new(size_of::<Self>()).ok_or(Errno::EINVAL)?;
        // SAFETY: the kernel chooses the address, so no existing mapping is replaced.
        let page = unsafe {
            mmap_anonymous(
                None,
                size,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
            )
        }?;
        // SAFETY: the mapping is page-aligned, as large as Self, and never unmapped.
        // All-zero is a valid value of each atomic, and all processes access the
        // mapping through the atomics only.
        Ok(unsafe { page.cast::<Self>().as_ref() })
    }

    pub(crate) fn add(&self, counts: &Counts) {
        self.messages.fetch_add(counts.messages, Relaxed);
        self.rows.fetch_add(counts.rows, Relaxed);
        self.continued.fetch_add(counts.continued, Relaxed);
        self.absent.fetch_add(counts.absent, Relaxed);
        self.partial.fetch_add(counts.partial, Relaxed);
        self.acks.fetch_add(counts.acks, Relaxed);
        self.dones.fetch_add(counts.dones, Relaxed);
        for &errno in &counts.errnos {
            count(&self.errors, errno);
        }
    }

    pub(crate) fn add_refused(&self, errno: Errno) {
        count(&self.refused, errno as i32);
    }
}

fn count(errors: &[AtomicU64; ERRNOS], errno: i32) {
    // Index 0 counts invalid error numbers.
    let index = usize::try_from(errno).unwrap_or(0);
    errors[if index < ERRNOS { index } else { 0 }].fetch_add(1, Relaxed);
}

fn show_errors(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    errors: &[AtomicU64; ERRNOS],
) -> fmt::Result {
    let mut separator = title;
    for (errno, count) in errors.iter().enumerate() {
        let count = count.load(Relaxed);
        if count > 0 {
            write!(f, "{separator} {count} {:?}", Errno::from_raw(errno as i32))?;
            separator = ",";
        }
    }
    Ok(())
}

/// The closing line.
impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let get = |counter: &AtomicU64| counter.load(Relaxed);
        write!(
            f,
            "{} cases, {} of them through the file, {} with a procfs mount, {} requests, {} replies with {} messages: {} rows, {} dones, {} acks",
            get(&self.cases),
            get(&self.files),
            get(&self.mounts),
            get(&self.requests),
            get(&self.replies),
            get(&self.messages),
            get(&self.rows),
            get(&self.dones),
            get(&self.acks),
        )?;
        show_errors(f, "; errors:", &self.errors)?;
        show_errors(f, "; refused:", &self.refused)?;
        write!(
            f,
            "; {} continuation messages, {} rows with absent groups, {} partial rows, \
             {} whole dumps, {} truncated replies, {} short reads, {} overruns, {} scenarios",
            get(&self.continued),
            get(&self.absent),
            get(&self.partial),
            get(&self.whole_dumps),
            get(&self.truncated),
            get(&self.too_small),
            get(&self.overruns),
            get(&self.scenarios),
        )?;
        let refused = get(&self.scenarios_not_allowed);
        if refused > 0 {
            write!(f, " ({refused} not allowed here)")?;
        }
        write!(
            f,
            "; {} short-lived tasks; {} findings",
            get(&self.storm_tasks),
            self.findings.load(Relaxed)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_line_names_errors() {
        let shared = Shared::map().unwrap();
        shared.rows.store(7, Relaxed);
        shared.add(&Counts {
            partial: 4,
            errnos: vec![22, 3, 22, -5, 4000],
            ..Counts::default()
        });
        shared.add_refused(Errno::EPERM);
        let line = shared.to_string();
        assert!(line.contains(" 7 rows,"), "{line}");
        assert!(line.contains(" 4 partial rows,"), "{line}");
        assert!(
            line.contains("errors: 2 UnknownErrno, 1 ESRCH, 2 EINVAL;"),
            "{line}"
        );
        assert!(line.contains("refused: 1 EPERM;"), "{line}");
        assert!(line.ends_with("; 0 findings"), "{line}");
    }
}
