// SPDX-License-Identifier: MIT
//! The groups IO, SIGNALS, LIMITS and OOM: `/proc/PID/io`, `status`, `limits`,
//! `oom_score` and `oom_score_adj`.

use super::dir::{Proc, ReadError, TaskDir};
use super::parse::{self, Status};
use crate::task::{Io, Limits, Oom, Signals};

/// Reads the group IO, which requires the right to ptrace the task.
pub(super) fn io(proc: &mut Proc, dir: &TaskDir) -> Result<Option<Io>, ReadError> {
    Ok(io_in(proc.read_in(dir, "io")?))
}

fn io_in(text: &[u8]) -> Option<Io> {
    let number = |name: &[u8]| parse::number(value_of(text, name)?);
    Some(Io {
        rchar: number(b"rchar")?,
        wchar: number(b"wchar")?,
        syscr: number(b"syscr")?,
        syscw: number(b"syscw")?,
        read_bytes: number(b"read_bytes")?,
        write_bytes: number(b"write_bytes")?,
        cancelled_write_bytes: number(b"cancelled_write_bytes")?,
    })
}

/// Returns the group SIGNALS; `None` if the file lacks one of its lines.
pub(super) fn signals(status: &Status) -> Option<Signals> {
    let (queued, queue_limit) = status.queue?;
    Some(Signals {
        pending: status.pending?,
        shared_pending: status.shared_pending?,
        blocked: status.blocked?,
        ignored: status.ignored?,
        caught: status.caught?,
        queue_limit,
        queued,
    })
}

/// Returns the first word behind `name:` at the beginning of a line.
fn value_of<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let line = text.split(|byte| *byte == b'\n').find_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.strip_prefix(b":")
    })?;
    parse::words(line).next()
}

/// Width of the names in `/proc/PID/limits`.
const LIMIT_NAME: usize = 25;

/// Reads the group LIMITS; `None` if the file lacks one of the limits.
pub(super) fn limits(proc: &mut Proc, dir: &TaskDir) -> Result<Option<Limits>, ReadError> {
    Ok(limits_in(proc.read_in(dir, "limits")?))
}

/// Parses the lines behind the heading, which are in the order of the limits' numbers.
fn limits_in(text: &[u8]) -> Option<Limits> {
    let mut lines = text.split(|byte| *byte == b'\n').skip(1);
    let mut limits = Limits::default();
    for resource in 0..Limits::COUNT as u32 {
        let mut numbers = parse::words(lines.next()?.get(LIMIT_NAME..)?).map(limit);
        limits.set(resource, numbers.next()??, numbers.next()??);
    }
    Some(limits)
}

fn limit(word: &[u8]) -> Option<u64> {
    match word {
        b"unlimited" => Some(u64::MAX),
        word => parse::number(word),
    }
}

/// Reads the group OOM.
pub(super) fn oom(proc: &mut Proc, dir: &TaskDir) -> Result<Option<Oom>, ReadError> {
    let score = parse::words(proc.read_in(dir, "oom_score")?)
        .next()
        .and_then(parse::number);
    let score_adj = parse::words(proc.read_in(dir, "oom_score_adj")?)
        .next()
        .and_then(signed);
    Ok(score
        .zip(score_adj)
        .map(|(score, score_adj)| Oom { score_adj, score }))
}

fn signed(word: &[u8]) -> Option<i32> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use nix::sys::resource::{Resource, getrlimit};

    use super::*;

    #[test]
    fn io_is_read_by_name() {
        let text = b"rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\n\
            write_bytes: 6\ncancelled_write_bytes: 7\n";
        let io = io_in(text).unwrap();
        assert_eq!((io.rchar, io.wchar, io.syscr, io.syscw), (1, 2, 3, 4));
        let bytes = (io.read_bytes, io.write_bytes, io.cancelled_write_bytes);
        assert_eq!(bytes, (5, 6, 7));
        assert_eq!(io_in(b"rchar: 1\n"), None);
        assert_eq!(io_in(b""), None);
    }

    #[test]
    fn masks_are_hexadecimal_and_the_queue_is_decimal() {
        let text = b"Name:\tSigQ: 9/9\nSigQ:\t10/63200\nSigPnd:\t0000000000000001\n\
            ShdPnd:\t0000000000000002\nSigBlk:\t8000000000000000\n\
            SigIgn:\t0000000000001000\nSigCgt:\t00000001ffffffff\n";
        let signals = signals(&Status::parse(text)).unwrap();
        assert_eq!((signals.queued, signals.queue_limit), (10, 63_200));
        assert_eq!((signals.pending, signals.shared_pending), (1, 2));
        assert_eq!(signals.blocked, 1 << 63);
        assert_eq!((signals.ignored, signals.caught), (0x1000, 0x1_ffff_ffff));
        let incomplete = Status::parse(b"SigQ:\t1/2\n");
        assert_eq!(super::signals(&incomplete), None);
    }

    #[test]
    fn limits_have_the_order_of_their_numbers() {
        let text = std::fs::read("/proc/self/limits").unwrap();
        let limits = limits_in(&text).unwrap();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let limit = limits.get(Resource::RLIMIT_NOFILE as u32).unwrap();
        assert_eq!((limit.soft, limit.hard), (soft, hard));
        assert_eq!(limits.get(Limits::COUNT as u32), None);
        assert_eq!(
            limits_in(b"Max cpu time unlimited unlimited seconds\n"),
            None
        );
    }
}
