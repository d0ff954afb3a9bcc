// SPDX-License-Identifier: MIT
//! The generic netlink socket: connects it, finds the family, sends, receives.
//!
//! The one module that does I/O and the one that may hold `unsafe` code. It
//! knows nothing of tasks.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use log::{debug, warn};
use neli::socket::NlSocket;
use netlink_packet_core::{NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_generic::GenlMessage;
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType,
    UnixCredentials, connect, getsockname, recvmsg, sendmsg, setsockopt, socket,
};
use nix::unistd::{getgid, getuid};

use crate::abi;
use crate::error::{Error, Result};
#[cfg(feature = "tokio")]
use crate::events::Connector;
use crate::netlink::from_error;
use crate::request::Scope;
use crate::transport::{Framing, Transport};

/// The kernel, as an address.
const KERNEL: u32 = 0;
/// The sequence number of the question for the family.
const RESOLVE_SEQ: u32 = 1;

#[allow(unreachable_pub, missing_docs, reason = "the macro makes it public")]
mod sockopt {
    use nix::libc;
    use nix::{setsockopt_impl, sockopt_impl};

    // SAFETY: the macro calls setsockopt() with the address and the size of an
    // int, which is what NETLINK_EXT_ACK takes.
    sockopt_impl!(
        ExtAck,
        SetOnly,
        libc::SOL_NETLINK,
        libc::NETLINK_EXT_ACK,
        bool
    );
}

/// A generic netlink socket that knows the TASKDIAG family.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    port: u32,
    family: u16,
}

impl Socket {
    /// Opens a socket and asks the kernel for the family.
    ///
    /// Receives into `buffer`, whose length tells the kernel how large it may
    /// make the datagrams of the first dump.
    ///
    /// # Errors
    ///
    /// [`Error::NoFamily`] if the kernel has no TASKDIAG family, else
    /// [`Error::Io`].
    pub fn connect(buffer: &mut [u8]) -> Result<Self> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkGeneric,
        )
        .map_err(io("cannot open a netlink socket"))?;
        setsockopt(&fd, sockopt::ExtAck, &true)
            .map_err(io("cannot ask for extended acknowledgements"))?;
        // Binds it, too, and lets nobody but the kernel send to it.
        connect(fd.as_raw_fd(), &NetlinkAddr::new(KERNEL, 0))
            .map_err(io("cannot connect to the kernel"))?;
        let port = port(fd.as_raw_fd())?;
        let family = resolve(fd.as_raw_fd(), buffer)?;
        debug!("port {port}, family {family}");
        Ok(Self { fd, port, family })
    }
}

impl Transport for Socket {
    fn framing(&self) -> Framing {
        self.family.into()
    }

    fn port(&self) -> u32 {
        self.port
    }

    fn send(&mut self, request: &[u8], scope: Scope) -> Result<()> {
        send(self.fd.as_raw_fd(), request, scope)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        receive(self.fd.as_raw_fd(), buffer)
    }

    /// Opens another socket: closing one is the only way to have the kernel
    /// drop a dump that is under way without reading it to its end.
    fn reset(&mut self, buffer: &mut [u8]) -> Result<()> {
        *self = Self::connect(buffer)?;
        Ok(())
    }
}

/// The number that a socket has among those of its protocol.
pub(crate) fn port(fd: RawFd) -> Result<u32> {
    getsockname::<NetlinkAddr>(fd)
        .map(|address| address.pid())
        .map_err(io("cannot tell the socket's port number"))
}

/// Takes over a socket that neli has opened.
pub(crate) fn take_over(socket: NlSocket) -> OwnedFd {
    // SAFETY: a socket of neli's owns its descriptor, and gives it up here.
    unsafe { OwnedFd::from_raw_fd(socket.into_raw_fd()) }
}

/// Sends a message to the kernel, in the name of whom the scope says.
pub(crate) fn send(fd: RawFd, message: &[u8], scope: Scope) -> Result<()> {
    let iov = [IoSlice::new(message)];
    let sent = match scope {
        Scope::Own => sendmsg::<NetlinkAddr>(fd, &iov, &[], MsgFlags::empty(), None)
            .map_err(io("cannot send the request")),
        Scope::Process(pid) => {
            let credentials = UnixCredentials::from(libc::ucred {
                // A number that is none is for the kernel to refuse.
                pid: pid as libc::pid_t,
                uid: getuid().as_raw(),
                gid: getgid().as_raw(),
            });
            let control = [ControlMessage::ScmCredentials(&credentials)];
            sendmsg::<NetlinkAddr>(fd, &iov, &control, MsgFlags::empty(), None).map_err(|errno| {
                match errno {
                    Errno::EAGAIN => io("cannot send the request")(errno),
                    _ => Error::Scope {
                        pid,
                        source: errno.into(),
                    },
                }
            })
        }
    };
    sent.map(drop)
}

/// Receives one datagram from the kernel and tells its length.
pub(crate) fn receive(fd: RawFd, buffer: &mut [u8]) -> Result<usize> {
    let room = buffer.len();
    loop {
        let mut iov = [IoSliceMut::new(buffer)];
        // With MSG_TRUNC the length is that of the datagram, fit or not.
        let (message, sender) =
            match recvmsg::<NetlinkAddr>(fd, &mut iov, None, MsgFlags::MSG_TRUNC) {
                Ok(received) => (received.bytes, received.address),
                Err(Errno::EINTR) => continue,
                Err(Errno::ENOBUFS) => return Err(Error::Overrun),
                Err(errno) => return Err(io("cannot receive the answer")(errno)),
            };
        if let Some(sender) = sender.filter(|sender| sender.pid() != KERNEL) {
            warn!("dropping a datagram that came from port {}", sender.pid());
            continue;
        }
        if message > room {
            return Err(Error::Truncated {
                message,
                buffer: room,
            });
        }
        return Ok(message);
    }
}

/// Lets tokio watch a socket.
#[cfg(feature = "tokio")]
pub(crate) fn register(
    socket: netlink_sys::Socket,
) -> io::Result<tokio::io::unix::AsyncFd<netlink_sys::Socket>> {
    // SAFETY: a netlink_sys::Socket owns its descriptor, closes it when it is
    // dropped and not before, and always tells the same one. The one owner of
    // the AsyncFd, TokioLink, never puts another socket in its place.
    Ok(unsafe { tokio::io::unix::AsyncFd::register(socket) }?)
}

/// Lets tokio watch the connector.
#[cfg(feature = "tokio")]
pub(crate) fn register_connector(
    connector: Connector,
) -> io::Result<tokio::io::unix::AsyncFd<Connector>> {
    // SAFETY: a Connector owns its descriptor, closes it when it is dropped
    // and not before, and always tells the same one. The one owner of the
    // AsyncFd, EventStream, never puts another in its place.
    Ok(unsafe { tokio::io::unix::AsyncFd::register(connector) }?)
}

/// Asks the kernel for the family's number.
fn resolve(fd: RawFd, buffer: &mut [u8]) -> Result<u16> {
    let mut question = NetlinkMessage::from(GenlMessage::from_payload(GenlCtrl {
        cmd: GenlCtrlCmd::GetFamily,
        nlas: vec![GenlCtrlAttrs::FamilyName(
            abi::TASK_DIAG_GENL_NAME.to_owned(),
        )],
    }));
    question.header.flags = NLM_F_REQUEST;
    question.header.sequence_number = RESOLVE_SEQ;
    question.finalize();
    let mut bytes = vec![0; question.buffer_len()];
    question.serialize(&mut bytes);
    send(fd, &bytes, Scope::Own)?;

    let len = receive(fd, buffer)?;
    let decode = |what: String| Error::Decode {
        what: format!("the answer to which number the family has: {what}"),
    };
    let answer = NetlinkMessage::<GenlMessage<GenlCtrl>>::deserialize(&buffer[..len])
        .map_err(|error| decode(error.to_string()))?;
    match answer.payload {
        NetlinkPayload::InnerMessage(family) => family
            .payload
            .nlas
            .iter()
            .find_map(|attribute| match attribute {
                GenlCtrlAttrs::FamilyId(id) => Some(*id),
                _ => None,
            })
            .ok_or_else(|| decode("there is none".to_owned())),
        NetlinkPayload::Error(error) if error.raw_code() == -libc::ENOENT => Err(Error::NoFamily),
        NetlinkPayload::Error(_) => {
            let error = from_error(answer.header.flags, &buffer[16..len]);
            Err(error.map_or_else(|| decode("an acknowledgement".to_owned()), Error::from))
        }
        _ => Err(decode("it is something else".to_owned())),
    }
}

/// Puts what was tried before what the system says to it.
fn io(context: &'static str) -> impl Fn(Errno) -> Error {
    move |errno| Error::Io {
        context,
        source: io::Error::from(errno),
    }
}
