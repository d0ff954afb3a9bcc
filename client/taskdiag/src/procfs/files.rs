// SPDX-License-Identifier: MIT
//! The group FILES: `/proc/PID/fd` and `limits`.

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::{AtFlags, readlinkat};
use nix::sys::stat::{FileStat, SFlag, fstatat};

use super::dir::{Proc, ReadError, TaskDir};
use super::parse;
use crate::task::{FileCounts, Files, State};

/// Counts the open files of a task. A zombie has no descriptor table.
pub(super) fn read(proc: &mut Proc, dir: &TaskDir) -> Result<Files, ReadError> {
    let limits = proc.read_in(dir, "limits")?;
    let (limit_soft, limit_hard) = limit_in(limits).unwrap_or_default();
    let mut counts = FileCounts::default();
    let kinds = dir.entries("fd", |name| kind(dir, name))?;
    for kind in kinds {
        counts.total += 1;
        *match kind {
            Kind::Regular => &mut counts.regular,
            Kind::Socket => &mut counts.socket,
            Kind::Pipe => &mut counts.pipe,
            Kind::Eventfd => &mut counts.eventfd,
            Kind::Epoll => &mut counts.epoll,
            Kind::Other => &mut counts.other,
        } += 1;
    }
    let has_table = counts.total > 0 || is_alive(proc, dir)?;
    Ok(Files {
        limit_soft,
        limit_hard,
        counts: has_table.then_some(counts),
    })
}

fn is_alive(proc: &mut Proc, dir: &TaskDir) -> Result<bool, ReadError> {
    let stat = parse::Stat::parse(proc.read_in(dir, "stat")?);
    let state = stat.map(|stat| stat.state);
    Ok(!matches!(state, Some(State::Zombie | State::Dead)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Regular,
    Socket,
    Pipe,
    Eventfd,
    Epoll,
    Other,
}

/// Returns the kind of a descriptor; `None` for `.` and `..`, and for a descriptor
/// that has been closed since the directory was read.
fn kind(dir: &TaskDir, name: &CStr) -> Option<Kind> {
    let number: u32 = parse::number(name.to_bytes())?;
    let path = format!("fd/{number}");
    let link = readlinkat(dir.fd(), path.as_str()).ok()?;
    kind_by_link(link.as_bytes()).or_else(|| {
        Some(kind_by_mode(
            &fstatat(dir.fd(), path.as_str(), AtFlags::empty()).ok()?,
        ))
    })
}

/// Returns the kind of a file without a path, from the name that the kernel gives
/// it.
fn kind_by_link(link: &[u8]) -> Option<Kind> {
    let (class, name) = link.split_at(link.iter().position(|&byte| byte == b':')?);
    Some(match (class, name) {
        (b"anon_inode", b":[eventfd]") => Kind::Eventfd,
        (b"anon_inode", b":[eventpoll]") => Kind::Epoll,
        (b"anon_inode", _) => Kind::Other,
        (b"socket", _) => Kind::Socket,
        (b"pipe", _) => Kind::Pipe,
        // A path, which begins with a slash.
        _ => return None,
    })
}

fn kind_by_mode(stat: &FileStat) -> Kind {
    match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFREG => Kind::Regular,
        SFlag::S_IFSOCK => Kind::Socket,
        SFlag::S_IFIFO => Kind::Pipe,
        _ => Kind::Other,
    }
}

/// Parses "Max open files            1024                 524288               files"
fn limit_in(limits: &[u8]) -> Option<(u64, u64)> {
    let mut lines = limits.split(|&byte| byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"Max open files"))?;
    let mut words = parse::words(line);
    let mut limit = || match words.next()? {
        b"unlimited" => Some(u64::MAX),
        word => parse::number(word),
    };
    Some((limit()?, limit()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_unlimited_is_the_maximum() {
        let limits = b"Limit      Soft Limit  Hard Limit  Units\n\
                       Max cpu time    unlimited  unlimited  seconds\n\
                       Max open files  1024       unlimited  files\n";
        assert_eq!(limit_in(limits), Some((1024, u64::MAX)));
        assert_eq!(limit_in(b"Max open files 12\n"), None);
    }

    #[test]
    fn kind_of_a_file_without_a_path_is_in_its_link() {
        assert_eq!(kind_by_link(b"anon_inode:[eventfd]"), Some(Kind::Eventfd));
        assert_eq!(kind_by_link(b"anon_inode:[eventpoll]"), Some(Kind::Epoll));
        assert_eq!(kind_by_link(b"anon_inode:bpf-map"), Some(Kind::Other));
        assert_eq!(kind_by_link(b"socket:[12]"), Some(Kind::Socket));
        assert_eq!(kind_by_link(b"/tmp/socket:[12]"), None);
        assert_eq!(kind_by_link(b"/tmp/x"), None);
    }
}
