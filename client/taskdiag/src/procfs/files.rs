// SPDX-License-Identifier: MIT
//! The group FILES: `/proc/PID/fd` and `limits`.

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::{AtFlags, readlinkat};
use nix::sys::stat::{FileStat, SFlag, fstatat};

use super::folder::{Folder, Lack, Proc};
use super::text;
use crate::abi::{self, TaskDiagFiles};

/// Counts the open files of a task. A zombie has no descriptor table.
pub(super) fn read(proc: &mut Proc, folder: &Folder) -> Result<TaskDiagFiles, Lack> {
    let limits = proc.read_in(folder, "limits")?;
    let mut files = TaskDiagFiles::default();
    (files.limit_soft, files.limit_hard) = limit_in(limits).unwrap_or_default();
    let kinds = folder.entries("fd", |name| kind(folder, name))?;
    for kind in kinds {
        files.total += 1;
        *match kind {
            Kind::Regular => &mut files.regular,
            Kind::Socket => &mut files.socket,
            Kind::Pipe => &mut files.pipe,
            Kind::Eventfd => &mut files.eventfd,
            Kind::Epoll => &mut files.epoll,
            Kind::Other => &mut files.other,
        } += 1;
    }
    if files.total > 0 || has_table(proc, folder)? {
        files.valid = abi::TASK_DIAG_FILES_VALID_COUNTS;
    }
    Ok(files)
}

fn has_table(proc: &mut Proc, folder: &Folder) -> Result<bool, Lack> {
    let stat = proc.read_in(folder, "stat")?;
    let state = text::Stat::parse(stat).map(|stat| stat.state);
    Ok(!matches!(
        state,
        Some(abi::TASK_DIAG_ZOMBIE | abi::TASK_DIAG_DEAD)
    ))
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

/// What a descriptor is; `None` if it is none, or has been closed meanwhile.
fn kind(folder: &Folder, name: &CStr) -> Option<Kind> {
    let number: u32 = text::number(name.to_bytes())?;
    let path = format!("fd/{number}");
    let link = readlinkat(folder.fd(), path.as_str()).ok()?;
    kind_by_link(link.as_bytes()).or_else(|| {
        Some(kind_by_mode(
            &fstatat(folder.fd(), path.as_str(), AtFlags::empty()).ok()?,
        ))
    })
}

/// What a file without a path is, by what the kernel calls it.
fn kind_by_link(link: &[u8]) -> Option<Kind> {
    let (class, name) = link.split_at(link.iter().position(|&byte| byte == b':')?);
    Some(match (class, name) {
        (b"anon_inode", b":[eventfd]") => Kind::Eventfd,
        (b"anon_inode", b":[eventpoll]") => Kind::Epoll,
        (b"anon_inode", _) => Kind::Other,
        (b"socket", _) => Kind::Socket,
        (b"pipe", _) => Kind::Pipe,
        // A path begins with a slash; and there are others.
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

/// "Max open files            1024                 524288               files"
fn limit_in(limits: &[u8]) -> Option<(u64, u64)> {
    let mut lines = limits.split(|&byte| byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"Max open files"))?;
    let mut words = text::words(line);
    let mut limit = || match words.next()? {
        b"unlimited" => Some(u64::MAX),
        word => text::number(word),
    };
    Some((limit()?, limit()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let limits = b"Limit      Soft Limit  Hard Limit  Units\n\
                       Max cpu time    unlimited  unlimited  seconds\n\
                       Max open files  1024       unlimited  files\n";
        assert_eq!(limit_in(limits), Some((1024, u64::MAX)));
        assert_eq!(limit_in(b"Max open files 12\n"), None);
    }

    #[test]
    fn files_without_a_path_are_known_by_their_links() {
        assert_eq!(kind_by_link(b"anon_inode:[eventfd]"), Some(Kind::Eventfd));
        assert_eq!(kind_by_link(b"anon_inode:[eventpoll]"), Some(Kind::Epoll));
        assert_eq!(kind_by_link(b"anon_inode:bpf-map"), Some(Kind::Other));
        assert_eq!(kind_by_link(b"socket:[12]"), Some(Kind::Socket));
        assert_eq!(kind_by_link(b"/tmp/socket:[12]"), None);
        assert_eq!(kind_by_link(b"/tmp/x"), None);
    }
}
