// SPDX-License-Identifier: MIT
//! The proc connector, which tells of processes that begin and end
//! (`CONFIG_PROC_EVENTS`).

use std::io;

use netlink_sys::protocols::NETLINK_CONNECTOR;
use netlink_sys::{Socket, SocketAddr};
use serde::Serialize;

/// The connector's number in `<linux/connector.h>`, and its multicast group.
const CN_IDX_PROC: u32 = 1;

/// The first kernel that lets a listener choose among the events.
const FILTER_SINCE: (u32, u32) = (6, 6);

/// Whether events of processes can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Connector {
    /// Why they cannot.
    pub(super) why_not: Option<String>,
    /// Whether the kernel lets a listener choose among them.
    pub(super) filter: bool,
}

impl Connector {
    /// Tries to join those that are told of events, and leaves at once.
    pub(super) fn find(release: &str) -> Self {
        Self {
            why_not: join().err().map(|error| explain(&error)),
            filter: version(release) >= Some(FILTER_SINCE),
        }
    }
}

/// A kernel with the connector and without the events would let one join too;
/// it has no such name in its list. Where the list cannot be read, as in a
/// network namespace of one's own, joining has to do.
fn join() -> io::Result<()> {
    let mut socket = Socket::new(NETLINK_CONNECTOR)?;
    socket.bind(&SocketAddr::new(0, 1 << (CN_IDX_PROC - 1)))?;
    match std::fs::read_to_string("/proc/net/connector") {
        Ok(list) if !list.lines().any(|line| line.starts_with("cn_proc ")) => {
            Err(io::ErrorKind::Unsupported.into())
        }
        _ => Ok(()),
    }
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "that needs CAP_NET_ADMIN before Linux 6.6".to_owned(),
        io::ErrorKind::Unsupported => "the kernel is built without CONFIG_PROC_EVENTS".to_owned(),
        _ if error.raw_os_error() == Some(nix::libc::EPROTONOSUPPORT) => {
            "the kernel is built without CONFIG_CONNECTOR".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Of a release such as `6.12.48-amd64` the first two numbers.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next()?.parse().ok();
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_came_with_6_6() {
        assert_eq!(version("6.12.48+deb13-amd64"), Some((6, 12)));
        assert_eq!(version("6.6-rc1"), Some((6, 6)));
        assert_eq!(version("linux"), None);
        for (release, filter) in [
            ("6.1.0-9", false),
            ("6.5.13", false),
            ("6.6.0", true),
            ("7.0", true),
            ("", false),
        ] {
            assert_eq!(Connector::find(release).filter, filter, "{release}");
        }
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        for (errno, word) in [
            (nix::libc::EPERM, "CAP_NET_ADMIN"),
            (nix::libc::EPROTONOSUPPORT, "CONFIG_CONNECTOR"),
        ] {
            let text = explain(&io::Error::from_raw_os_error(errno));
            assert!(text.contains(word), "{text}");
        }
        assert!(explain(&io::ErrorKind::Unsupported.into()).contains("CONFIG_PROC_EVENTS"));
    }
}
