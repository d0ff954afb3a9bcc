// SPDX-License-Identifier: MIT
//! The generic netlink socket of the TASKDIAG family.
//!
//! Must not depend on tasks.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

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
use crate::netlink::{Framing, Header, TaskDiagMessage, encode, from_error};
use crate::opener::Opener;
use crate::proc_mount;
use crate::reassembly::Reassembly;
use crate::request::{Features, Options, Scope};
use crate::sys::sockopt;
use crate::transport::Transport;
use crate::visibility::{self, Visibility};

/// The sequence number of the request that resolves the family.
const RESOLVE_SEQ: u32 = 1;
/// The sequence number of the request that queries the features.
const FEATURES_SEQ: u32 = 2;

/// A generic netlink socket, with the id of the TASKDIAG family.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    port: u32,
    family: u16,
    /// The root directory of the procfs mount that requests belong to; `None` if the
    /// kernel does not support it, or the caller has no procfs of its pid namespace.
    proc: Option<OwnedFd>,
    opener: Opener,
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
        let mut socket = Self::open(buffer)?;
        if socket.options(buffer)?.contains(Options::PROC_FD) {
            socket.proc = proc_mount::open_own();
        }
        Ok(socket)
    }

    /// Opens a socket whose requests belong to this procfs mount: its pid namespace,
    /// and its options `hidepid=` and `gid=`.
    ///
    /// # Errors
    ///
    /// [`Error::ProcMount`] if the kernel does not support it, otherwise as
    /// [`Self::connect`].
    pub fn connect_at(root: OwnedFd, buffer: &mut [u8]) -> Result<Self> {
        let mut socket = Self::open(buffer)?;
        if !socket.options(buffer)?.contains(Options::PROC_FD) {
            let asked = "the running version of task_diag";
            return Err(Error::ProcMount { asked });
        }
        socket.proc = Some(root);
        Ok(socket)
    }

    /// Queries the supported options.
    fn options(&self, buffer: &mut [u8]) -> Result<Options> {
        let framing = self.framing();
        let request = encode(
            TaskDiagMessage::features(),
            framing,
            FEATURES_SEQ,
            NLM_F_REQUEST,
        )?;
        send(self.fd.as_raw_fd(), &request, Scope::Own)?;
        let mut reassembly = Reassembly::new(framing, FEATURES_SEQ, self.port);
        let answer = loop {
            let len = receive(self.fd.as_raw_fd(), buffer)?;
            if let Some(answer) = reassembly.features(&buffer[..len]).transpose() {
                break answer;
            }
        };
        Ok(Features::from_answer(answer)?.options)
    }

    /// Opens a socket whose requests belong to no mount.
    pub(crate) fn open(buffer: &mut [u8]) -> Result<Self> {
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
        Ok(Self {
            fd,
            port,
            family,
            proc: None,
            opener: Opener::current(),
        })
    }

    /// Returns the descriptor, the port number, the family id, the procfs mount and the
    /// credentials of the opener.
    #[cfg(feature = "tokio")]
    pub(crate) fn into_parts(self) -> (OwnedFd, u32, u16, Option<OwnedFd>, Opener) {
        (self.fd, self.port, self.family, self.proc, self.opener)
    }
}

impl Transport for Socket {
    fn framing(&self) -> Framing {
        self.family.into()
    }

    fn port(&self) -> u32 {
        self.port
    }

    fn proc_mount(&self) -> Option<BorrowedFd<'_>> {
        self.proc.as_ref().map(AsFd::as_fd)
    }

    fn visibility(&self, options: Options) -> Visibility {
        let own = match self.proc {
            Some(_) => None,
            None => proc_mount::open_own(),
        };
        visibility::of_kernel(
            options,
            self.proc.as_ref().or(own.as_ref()).map(AsFd::as_fd),
        )
    }

    fn has_other_opener(&self) -> bool {
        self.opener.has_changed()
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
        let socket = Self::open(buffer)?;
        // The next request may already contain the number of the mount's descriptor.
        let proc = self.proc.take();
        *self = Self { proc, ..socket };
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
