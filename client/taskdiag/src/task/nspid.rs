// SPDX-License-Identifier: MIT
//! The group NSPID: pids in each pid namespace.

use std::slice;

use super::mirror;
use crate::abi::TaskDiagNspid;
use crate::netlink::{Malformed, read};

mirror! {
    /// Pids of a task in one pid namespace, as in `/proc/PID/status`.
    pub struct NsPid: TaskDiagNspid {
        /// Pid of the task's process: NStgid.
        tgid: u32,
        /// Pid of the task: NSpid.
        pid: u32,
        /// Process group id; 0: none in the namespace. NSpgid.
        pgid: u32,
        /// Session id; 0: none in the namespace. NSsid.
        sid: u32,
    }
}

impl From<NsPid> for TaskDiagNspid {
    fn from(nspid: NsPid) -> Self {
        Self {
            tgid: nspid.tgid,
            pid: nspid.pid,
            pgid: nspid.pgid,
            sid: nspid.sid,
        }
    }
}

const SIZE: usize = size_of::<TaskDiagNspid>();

/// Iterator over the pids of a task in each pid namespace, from that of the request down
/// to the innermost one.
#[derive(Clone, Debug)]
pub struct NsPids<'a>(Inner<'a>);

#[derive(Clone, Debug)]
enum Inner<'a> {
    Received(slice::ChunksExact<'a, u8>),
    Built(slice::Iter<'a, NsPid>),
}

impl<'a> NsPids<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Inner::Received(bytes.chunks_exact(SIZE)))
    }

    pub(super) fn built(nspids: &'a [NsPid]) -> Self {
        Self(Inner::Built(nspids.iter()))
    }

    /// Checks that the attribute consists of whole structures, which never grow.
    pub(super) fn check(bytes: &[u8]) -> Result<(), Malformed> {
        match bytes.len() % SIZE {
            0 => Ok(()),
            _ => Err(Malformed("pids of a namespace are incomplete")),
        }
    }
}

impl Iterator for NsPids<'_> {
    type Item = NsPid;

    fn next(&mut self) -> Option<NsPid> {
        match &mut self.0 {
            Inner::Received(chunks) => Some(read::<TaskDiagNspid>(chunks.next()?).into()),
            Inner::Built(nspids) => nspids.next().copied(),
        }
    }
}
