// SPDX-License-Identifier: MIT
//! procfs through the crate of that name, used as its documentation shows.

use nix::libc;
use procfs::ProcError;
use procfs::process::{Process, all_processes};

use crate::error::{Error, Result};
use crate::source::{Consumer, Source};
use crate::task_fields::TaskFields;

pub(crate) struct ProcfsCrate;

impl Source for ProcfsCrate {
    fn dump<C: Consumer>(&mut self, consumer: &mut C) -> Result<()> {
        for process in all_processes().map_err(Error::failed)? {
            match process.and_then(|process| fields(&process)) {
                Ok(fields) => consumer.task(&fields),
                Err(error) if has_gone(&error) => {}
                Err(error) => return Err(Error::failed(error)),
            }
        }
        Ok(())
    }
}

/// Whether the task exited before its file was opened, or before it was read.
fn has_gone(error: &ProcError) -> bool {
    match error {
        ProcError::NotFound(_) => true,
        ProcError::Io(error, _) => error.raw_os_error() == Some(libc::ESRCH),
        _ => false,
    }
}

fn fields(process: &Process) -> Result<TaskFields, ProcError> {
    let stat = process.stat()?;
    let status = process.status()?;
    let id = |id: i32| id as u32;
    let mut comm = [0; 16];
    // `status.name` would end before a colon in the name.
    let len = stat.comm.len().min(15);
    comm[..len].copy_from_slice(&stat.comm.as_bytes()[..len]);
    Ok(TaskFields {
        pid: id(status.pid),
        tgid: id(status.tgid),
        ppid: id(status.ppid),
        tpid: id(status.tracerpid),
        sid: id(stat.session),
        pgid: id(stat.pgrp),
        state: "RSDTtXZPI"
            .find(stat.state)
            .map_or(u32::MAX, |at| at as u32),
        comm,
        uids: [status.ruid, status.euid, status.suid, status.fuid],
        gids: [status.rgid, status.egid, status.sgid, status.fgid],
        caps: [
            status.capinh,
            status.capprm,
            status.capeff,
            status.capbnd.unwrap_or_default(),
            status.capamb.unwrap_or_default(),
        ],
        no_new_privs: status.nonewprivs.map_or(0, |nnp| nnp as u32),
        ..TaskFields::default()
    })
}
