// SPDX-License-Identifier: MIT
//! The group FILES: `/proc/PID/fd` and `limits`.

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::{AtFlags, readlinkat};
use nix::sys::stat::{FileStat, SFlag, fstatat};

use super::dir::{Proc, ReadError, TaskDir};
use super::parse;
use crate::task::{FileCounts, Files, State};

/// Reads the limits of a task, and counts its open files. Returns whether the caller may
/// read the descriptors, too. A zombie has no descriptor table.
///
/// # Errors
///
/// [`ReadError::Denied`] if the caller may not read the limits either.
pub(super) fn read(proc: &mut Proc, dir: &TaskDir) -> Result<(Files, bool), ReadError> {
    let limits = proc.read_in(dir, "limits")?;
    let (limit_soft, limit_hard) = limit_in(limits).unzip();
    let mut files = Files {
        limit_soft,
        limit_hard,
        ..Files::default()
    };
    let kinds = match dir.entries("fd", |name| kind(dir, name).transpose()) {
        Ok(kinds) => kinds,
        Err(ReadError::Denied) => return Ok((files, false)),
        Err(error) => return Err(error),
    };
    let mut counts = FileCounts::default();
    let mut is_readable = true;
    for kind in kinds {
        counts.total += 1;
        *match kind {
            Ok(Kind::Regular) => &mut counts.regular,
            Ok(Kind::Socket) => &mut counts.socket,
            Ok(Kind::Pipe) => &mut counts.pipe,
            Ok(Kind::Eventfd) => &mut counts.eventfd,
            Ok(Kind::Epoll) => &mut counts.epoll,
            Ok(Kind::Other) => &mut counts.other,
            // Listing the directory and reading its links need different rights.
            Err(ReadError::Denied) => {
                is_readable = false;
                continue;
            }
            Err(error) => return Err(error),
        } += 1;
    }
    if counts.total > 0 || is_alive(proc, dir)? {
        files.total = Some(counts.total);
        files.counts = is_readable.then_some(counts);
    }
    Ok((files, is_readable))
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
fn kind(dir: &TaskDir, name: &CStr) -> Result<Option<Kind>, ReadError> {
    let Some(number) = parse::number::<u32>(name.to_bytes()) else {
        return Ok(None);
    };
    let path = format!("fd/{number}");
    let read = || {
        let link = readlinkat(dir.fd(), path.as_str())?;
        match kind_by_link(link.as_bytes()) {
            Some(kind) => Ok(kind),
            None => fstatat(dir.fd(), path.as_str(), AtFlags::empty()).map(|of| kind_by_mode(&of)),
        }
    };
    match read().map_err(ReadError::from) {
        Ok(kind) => Ok(Some(kind)),
        Err(ReadError::Gone) => Ok(None),
        Err(error @ ReadError::Denied) => Err(error),
        // The file may be on a file system that does not reply.
        Err(_) => Ok(Some(Kind::Other)),
    }
}

/// Returns the kind of a file that has no path.
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
