// SPDX-License-Identifier: MIT
//! System interfaces that have no safe wrapper in nix, neli or tokio.
//!
//! This is the only module of the crate with `unsafe` code; the crate denies it
//! everywhere else.

#![allow(unsafe_code, reason = "wraps unsafe interfaces")]

#[cfg(feature = "netlink")]
#[allow(
    unreachable_pub,
    missing_docs,
    reason = "the macro declares public items"
)]
pub(crate) mod sockopt {
    use nix::libc;
    use nix::{setsockopt_impl, sockopt_impl};

    // SAFETY: the macro calls setsockopt() with the address and the size of an
    // int, which is the type of NETLINK_EXT_ACK.
    sockopt_impl!(
        ExtAck,
        SetOnly,
        libc::SOL_NETLINK,
        libc::NETLINK_EXT_ACK,
        bool
    );
}

/// Takes the descriptor out of a socket that neli opened.
#[cfg(feature = "events")]
pub(crate) fn take_over(socket: neli::socket::NlSocket) -> std::os::fd::OwnedFd {
    use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};

    // SAFETY: into_raw_fd() gives up the ownership of an open descriptor.
    unsafe { OwnedFd::from_raw_fd(socket.into_raw_fd()) }
}

/// Registers a descriptor with the runtime of the caller.
#[cfg(all(feature = "tokio", any(feature = "netlink", feature = "daemon")))]
pub(crate) fn register(
    fd: std::os::fd::OwnedFd,
) -> std::io::Result<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>> {
    // SAFETY: an OwnedFd is open until it is dropped, and always returns the same
    // descriptor. The owners of the AsyncFd, in `asynchronous`, never replace the
    // OwnedFd in it.
    Ok(unsafe { tokio::io::unix::AsyncFd::register(fd) }?)
}

/// Registers a connector with the runtime of the caller.
#[cfg(all(feature = "tokio", feature = "events"))]
pub(crate) fn register_connector(
    connector: crate::events::Connector,
) -> std::io::Result<tokio::io::unix::AsyncFd<crate::events::Connector>> {
    // SAFETY: a Connector owns an open descriptor until it is dropped, and always
    // returns the same one. The owner of the AsyncFd, EventStream, never replaces
    // the Connector in it.
    Ok(unsafe { tokio::io::unix::AsyncFd::register(connector) }?)
}

/// Returns the effective and the permitted capabilities of the calling thread.
#[cfg(any(feature = "netlink", feature = "daemon"))]
pub(crate) fn capabilities() -> Option<[u64; 2]> {
    /// `struct __user_cap_header_struct`.
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    /// `struct __user_cap_data_struct`: half of each set.
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Data {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    /// `_LINUX_CAPABILITY_VERSION_3`, whose sets consist of two halves.
    const VERSION: u32 = 0x2008_0522;

    let mut header = Header {
        version: VERSION,
        pid: 0,
    };
    let mut halves = [Data::default(); 2];
    // SAFETY: the system call reads and writes one header, and writes the two structures
    // that this version has.
    let result =
        unsafe { nix::libc::syscall(nix::libc::SYS_capget, &raw mut header, halves.as_mut_ptr()) };
    let joined =
        |half: fn(Data) -> u32| u64::from(half(halves[1])) << 32 | u64::from(half(halves[0]));
    (result == 0).then(|| [joined(|data| data.effective), joined(|data| data.permitted)])
}

/// Calls pidfd_open().
#[cfg(any(feature = "procfs", feature = "events"))]
pub(crate) fn pidfd_open(
    pid: u32,
    flags: nix::libc::c_uint,
) -> std::io::Result<std::os::fd::OwnedFd> {
    use std::os::fd::{FromRawFd, OwnedFd};

    // SAFETY: the system call takes two numbers and no pointer.
    let fd = unsafe { nix::libc::syscall(nix::libc::SYS_pidfd_open, pid, flags) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// The `struct sched_attr` that Linux 5.3 has in `<linux/sched/types.h>`.
#[cfg(feature = "procfs")]
#[derive(Clone, Copy, Debug, Default, zerocopy::FromBytes, zerocopy::IntoBytes)]
#[repr(C)]
pub(crate) struct SchedAttr {
    size: u32,
    pub(crate) policy: u32,
    pub(crate) flags: u64,
    nice: i32,
    priority: u32,
    pub(crate) runtime: u64,
    pub(crate) deadline: u64,
    pub(crate) period: u64,
    pub(crate) util_min: u32,
    pub(crate) util_max: u32,
}

/// Calls sched_getattr().
#[cfg(feature = "procfs")]
pub(crate) fn sched_getattr(pid: u32) -> std::io::Result<SchedAttr> {
    let mut attr = SchedAttr::default();
    let (size, no_flags) = (size_of::<SchedAttr>() as nix::libc::c_uint, 0u32);
    // SAFETY: the kernel writes at most `size` bytes to the structure, which may have
    // any contents.
    let ret = unsafe {
        let attr = &raw mut attr;
        nix::libc::syscall(nix::libc::SYS_sched_getattr, pid, attr, size, no_flags)
    };
    match ret {
        0 => Ok(attr),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Calls ioprio_get() for a thread.
#[cfg(feature = "procfs")]
pub(crate) fn ioprio_get(pid: u32) -> std::io::Result<u32> {
    /// `IOPRIO_WHO_PROCESS` of `<linux/ioprio.h>`.
    const WHO_PROCESS: nix::libc::c_int = 1;

    // SAFETY: the system call takes two numbers and no pointer.
    let ioprio = unsafe { nix::libc::syscall(nix::libc::SYS_ioprio_get, WHO_PROCESS, pid) };
    u32::try_from(ioprio).map_err(|_| std::io::Error::last_os_error())
}
