// SPDX-License-Identifier: MIT
//! A bare netlink socket, for messages and control messages that no library
//! would send.

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, getsockname,
    recvmsg, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::buffer::Buffer;
use crate::case::Settings;
use crate::check::features;
use crate::error::{Error, cannot};
use crate::model::Features;
use crate::transaction::Transaction;
use crate::wire::{
    Attributes, GENL_HEADER, HEADER, Header, NLM_F_REQUEST, NLMSG_ERROR, u16_at, u32_at,
};
use taskdiag::abi;

/// `GENL_ID_CTRL`, and its command and attributes that find a family.
const GENL_ID_CTRL: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

/// Receive timeout in seconds.
const RECEIVE_TIMEOUT_SECONDS: i64 = 20;

#[allow(unreachable_pub, missing_docs, reason = "the macro makes them public")]
mod options {
    use nix::libc;
    use nix::{setsockopt_impl, sockopt_impl};

    // SAFETY: each macro calls setsockopt() with the address and the size of
    // an int, which is what these options take.
    sockopt_impl!(
        ExtAck,
        SetOnly,
        libc::SOL_NETLINK,
        libc::NETLINK_EXT_ACK,
        bool
    );
    sockopt_impl!(
        CapAck,
        SetOnly,
        libc::SOL_NETLINK,
        libc::NETLINK_CAP_ACK,
        bool
    );
    sockopt_impl!(
        Strict,
        SetOnly,
        libc::SOL_NETLINK,
        libc::NETLINK_GET_STRICT_CHK,
        bool
    );
}

/// An open socket.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    /// The port, to which replies are addressed.
    pub(crate) port: u32,
    /// The largest buffer of a read so far. The kernel's datagrams grow with it.
    largest: AtomicUsize,
}

impl Socket {
    pub(crate) fn open(settings: Settings) -> Result<Self, Error> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkGeneric,
        )
        .map_err(cannot("open a netlink socket"))?;
        let set = cannot("set a socket option");
        if settings.ext_ack {
            setsockopt(&fd, options::ExtAck, &true).map_err(&set)?;
        }
        if settings.cap_ack {
            setsockopt(&fd, options::CapAck, &true).map_err(&set)?;
        }
        if settings.strict {
            setsockopt(&fd, options::Strict, &true).map_err(&set)?;
        }
        if let Some(len) = settings.receive_buffer {
            setsockopt(&fd, sockopt::RcvBuf, &len).map_err(&set)?;
        }
        setsockopt(
            &fd,
            sockopt::ReceiveTimeout,
            &TimeVal::seconds(RECEIVE_TIMEOUT_SECONDS),
        )
        .map_err(&set)?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0)).map_err(cannot("bind a netlink socket"))?;
        let port = getsockname::<NetlinkAddr>(fd.as_raw_fd())
            .map_err(cannot("query the port of a socket"))?
            .pid();
        Ok(Self {
            fd,
            port,
            largest: AtomicUsize::new(0),
        })
    }

    /// Sends bytes with control messages, which may be malformed.
    pub(crate) fn send(&self, bytes: &[u8], control: &[u8]) -> nix::Result<usize> {
        let mut iov = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        // SAFETY: all-zero is a valid msghdr: no name, no data, no control.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = &raw mut iov;
        message.msg_iovlen = 1;
        if !control.is_empty() {
            message.msg_control = control.as_ptr().cast_mut().cast();
            message.msg_controllen = control.len();
        }
        loop {
            // SAFETY: message points to iov, bytes and control, which outlive the call
            // and which sendmsg() only reads.
            let sent = unsafe { libc::sendmsg(self.fd.as_raw_fd(), &raw const message, 0) };
            match Errno::result(sent) {
                Err(Errno::EINTR) => {}
                result => return result.map(|sent| sent as usize),
            }
        }
    }

    /// Receives a datagram into the first `size` bytes of the buffer.
    pub(crate) fn receive(
        &self,
        buffer: &mut Buffer,
        size: usize,
        flags: MsgFlags,
    ) -> nix::Result<Received> {
        let largest = self.largest.fetch_max(size, Relaxed);
        buffer.fill(size, |bytes| {
            loop {
                let mut iov = [IoSliceMut::new(bytes)];
                match recvmsg::<NetlinkAddr>(self.fd.as_raw_fd(), &mut iov, None, flags) {
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno),
                    Ok(message) => {
                        let received = Received {
                            len: message.bytes,
                            size,
                            largest,
                            truncated: message.flags.contains(MsgFlags::MSG_TRUNC),
                            has_full_len: flags.contains(MsgFlags::MSG_TRUNC),
                            from: message.address.map(|address| address.pid()),
                        };
                        return Ok((received.buffered(), received));
                    }
                }
            }
        })
    }
}

/// Results of `recvmsg()` for a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) len: usize,
    pub(crate) size: usize,
    /// The largest buffer of the previous reads.
    pub(crate) largest: usize,
    pub(crate) truncated: bool,
    pub(crate) has_full_len: bool,
    pub(crate) from: Option<u32>,
}

impl Received {
    /// Returns the number of bytes in the buffer.
    pub(crate) fn buffered(&self) -> usize {
        self.len.min(self.size)
    }
}

/// Queries the family id.
pub(crate) fn query_family() -> Result<u16, Error> {
    let mut name = abi::TASK_DIAG_GENL_NAME.as_bytes().to_vec();
    name.push(0);

    let mut request = Vec::new();
    request.extend((4 + name.len() as u16).to_ne_bytes());
    request.extend(CTRL_ATTR_FAMILY_NAME.to_ne_bytes());
    request.extend(name);
    let reply = query(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, &request)?;
    find_attribute(&reply, CTRL_ATTR_FAMILY_ID)
        .and_then(|value| u16_at(value, 0))
        .ok_or(Error::NoReply)
}

/// Queries the supported features over netlink.
pub(crate) fn query_features(family: u16) -> Result<Features, Error> {
    let reply = query(family, abi::TASK_DIAG_CMD_FEATURES, &[])?;
    features(&reply).ok_or(Error::NoReply)
}

/// Queries the supported features through the file.
pub(crate) fn query_features_of_file() -> Result<Features, Error> {
    let file = Transaction::open(None)?;
    let mut request = Vec::new();
    Header {
        len: HEADER as u32,
        kind: abi::TASK_DIAG_NLMSG_BASE + u16::from(abi::TASK_DIAG_CMD_FEATURES),
        flags: NLM_F_REQUEST,
        seq: 1,
        pid: 0,
    }
    .write(&mut request);
    file.write(&request)
        .map_err(cannot("write to /proc/task-diag"))?;
    let mut buffer = Buffer::default();
    file.read(&mut buffer, 8192, false)
        .map_err(cannot("read from /proc/task-diag"))?;
    let attributes = buffer.bytes().get(HEADER..).ok_or(Error::NoReply)?;
    features(attributes).ok_or(Error::NoReply)
}

fn find_attribute(attributes: &[u8], kind: u16) -> Option<&[u8]> {
    Attributes::new(attributes)
        .find(|attribute| attribute.kind == kind)
        .map(|attribute| attribute.value)
}

/// Sends a command with these attributes. Returns the attributes of the reply.
fn query(family: u16, command: u8, attributes: &[u8]) -> Result<Vec<u8>, Error> {
    let socket = Socket::open(Settings {
        ext_ack: false,
        cap_ack: false,
        strict: false,
        receive_buffer: None,
        mount: None,
    })?;
    let mut request = Vec::new();
    Header {
        len: (HEADER + GENL_HEADER + attributes.len()) as u32,
        kind: family,
        flags: NLM_F_REQUEST,
        seq: 1,
        pid: 0,
    }
    .write(&mut request);
    request.extend([command, 1, 0, 0]);
    request.extend(attributes);
    socket
        .send(&request, &[])
        .map_err(cannot("send to the kernel"))?;

    let mut buffer = Buffer::default();
    socket
        .receive(&mut buffer, 32768, MsgFlags::empty())
        .map_err(cannot("receive from the kernel"))?;
    let reply = buffer.bytes();
    let header = Header::read(reply).ok_or(Error::NoReply)?;
    if header.kind == NLMSG_ERROR {
        let code = u32_at(reply, HEADER).ok_or(Error::NoReply)? as i32;
        return Err(match Errno::from_raw(code.wrapping_neg()) {
            Errno::ENOENT => Error::NoFamily,
            errno => Error::System("query the family", errno),
        });
    }
    reply
        .get(HEADER + GENL_HEADER..)
        .map(<[u8]>::to_vec)
        .ok_or(Error::NoReply)
}
