// SPDX-License-Identifier: MIT
//! The generic netlink socket of the TASKDIAG family.
//!
//! Must not depend on tasks.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use log::debug;
use netlink_packet_core::{NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_generic::GenlMessage;
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use nix::libc;
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, connect, setsockopt, socket,
};

use crate::abi;
use crate::datagram::{KERNEL, io, port, receive, send};
use crate::error::{Error, Result};
use crate::netlink::{Framing, Header, from_error};
use crate::request::Scope;
use crate::sys::sockopt;
use crate::transport::Transport;

/// The sequence number of the request that resolves the family.
const RESOLVE_SEQ: u32 = 1;

/// A generic netlink socket, with the id of the TASKDIAG family.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    port: u32,
    family: u16,
}

impl Socket {
    /// Opens a socket and resolves the family.
    ///
    /// Receives into `buffer`. The kernel makes the datagrams of the first dump as
    /// long as the longest buffer that it has seen on the socket.
    ///
    /// # Errors
    ///
    /// [`Error::NoFamily`] if the kernel has no TASKDIAG family, otherwise
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
            .map_err(io("cannot enable extended acknowledgements"))?;
        // connect() binds the socket too, and only the kernel can send to it then.
        connect(fd.as_raw_fd(), &NetlinkAddr::new(KERNEL, 0))
            .map_err(io("cannot connect to the kernel"))?;
        let port = port(fd.as_raw_fd())?;
        let family = resolve(fd.as_raw_fd(), buffer)?;
        debug!("port {port}, family {family}");
        Ok(Self { fd, port, family })
    }

    /// Returns the descriptor, the port number and the family id.
    #[cfg(feature = "tokio")]
    pub(crate) fn into_parts(self) -> (OwnedFd, u32, u16) {
        (self.fd, self.port, self.family)
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

    /// Opens another socket: the kernel ends an unfinished dump only when its
    /// socket is closed.
    fn reset(&mut self, buffer: &mut [u8]) -> Result<()> {
        *self = Self::connect(buffer)?;
        Ok(())
    }
}

/// Queries the id of the family.
fn resolve(fd: RawFd, buffer: &mut [u8]) -> Result<u16> {
    let mut request = NetlinkMessage::from(GenlMessage::from_payload(GenlCtrl {
        cmd: GenlCtrlCmd::GetFamily,
        nlas: vec![GenlCtrlAttrs::FamilyName(
            abi::TASK_DIAG_GENL_NAME.to_owned(),
        )],
    }));
    request.header.flags = NLM_F_REQUEST;
    request.header.sequence_number = RESOLVE_SEQ;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    send(fd, &bytes, Scope::Own)?;

    let len = receive(fd, buffer)?;
    let decode = |what: String| Error::Decode {
        what: format!("the reply with the family id: {what}"),
    };
    let reply = &buffer[..len];
    let message = NetlinkMessage::<GenlMessage<GenlCtrl>>::deserialize(reply)
        .map_err(|error| decode(error.to_string()))?;
    match message.payload {
        NetlinkPayload::InnerMessage(family) => family
            .payload
            .nlas
            .iter()
            .find_map(|attribute| match attribute {
                GenlCtrlAttrs::FamilyId(id) => Some(*id),
                _ => None,
            })
            .ok_or_else(|| decode("no family id".to_owned())),
        NetlinkPayload::Error(error) if error.raw_code() == -libc::ENOENT => Err(Error::NoFamily),
        NetlinkPayload::Error(_) => {
            let (header, payload, _) = Header::split(reply)?;
            let error = from_error(header.flags, payload);
            Err(error.map_or_else(
                || decode("an acknowledgement instead of a family".to_owned()),
                Error::from,
            ))
        }
        _ => Err(decode("a message of another type".to_owned())),
    }
}
