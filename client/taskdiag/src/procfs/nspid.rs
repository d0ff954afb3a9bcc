// SPDX-License-Identifier: MIT
//! The group NSPID: `/proc/PID/status`.

use super::dir::{Proc, ReadError, TaskDir};
use super::parse;
use crate::task::NsPid;

/// Reads the group; `None` if the kernel has no pid namespaces.
pub(super) fn read(proc: &mut Proc, dir: &TaskDir) -> Result<Option<Vec<NsPid>>, ReadError> {
    Ok(nspids_in(proc.read_in(dir, "status")?))
}

fn nspids_in(status: &[u8]) -> Option<Vec<NsPid>> {
    let pids = |name: &[u8]| -> Option<Vec<u32>> {
        let mut lines = status.split(|&byte| byte == b'\n');
        let line = lines.find_map(|line| line.strip_prefix(name))?;
        parse::words(line).map(parse::number).collect()
    };
    let (tgids, nspids) = (pids(b"NStgid:")?, pids(b"NSpid:")?);
    let (pgids, sids) = (pids(b"NSpgid:")?, pids(b"NSsid:")?);
    let levels = tgids.iter().zip(&nspids).zip(pgids.iter().zip(&sids));
    Some(
        levels
            .map(|((&tgid, &pid), (&pgid, &sid))| NsPid {
                tgid,
                pid,
                pgid,
                sid,
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_of_the_lines_is_a_namespace() {
        let status =
            b"Name:\tNSpid:\nNStgid:\t10\t3\nNSpid:\t11\t4\nNSpgid:\t10\t0\nNSsid:\t9\t0\n";
        let nspids = nspids_in(status).unwrap();
        let [outer, inner] = nspids[..] else {
            panic!("{nspids:?}");
        };
        assert_eq!(
            (outer.tgid, outer.pid, outer.pgid, outer.sid),
            (10, 11, 10, 9)
        );
        assert_eq!((inner.tgid, inner.pid, inner.pgid, inner.sid), (3, 4, 0, 0));
        assert_eq!(nspids_in(b"NStgid:\t1\n"), None);
    }
}
