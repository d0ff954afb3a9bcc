// SPDX-License-Identifier: MIT
//! What a row has to look like, field by field.

use crate::groups::GROUPS;
use crate::wire::{Attributes, GENL_HEADER, NLA_TYPE_MASK, u32_at};
use taskdiag::abi;
use zerocopy::FromBytes;

/// The highest capability: `CAP_CHECKPOINT_RESTORE`.
const CAP_LAST_CAP: u32 = 40;
/// `SECURE_ALL_BITS` and their locks.
const SECURE_BITS: u32 = 0xff;

/// A row that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) pid: u32,
    pub(crate) tgid: u32,
    pub(crate) base: Option<abi::TaskDiagBase>,
    pub(crate) creds: Option<abi::TaskDiagCreds>,
}

/// Reads the payload of a row's message, in which these groups have to be and
/// nothing else; or says what is wrong with it.
pub(super) fn read(payload: &[u8], show: u64) -> Result<Row, String> {
    let genl = [abi::TASK_DIAG_CMD_GET, abi::TASK_DIAG_GENL_VERSION, 0, 0];
    if payload.get(..GENL_HEADER) != Some(&genl) {
        return Err("its generic netlink header is not that of TASK_DIAG_CMD_GET".to_owned());
    }
    let mut walk = Attributes::new(&payload[GENL_HEADER..]);
    let mut take = |kind: u16, size: usize| -> Result<&[u8], String> {
        let attribute = walk
            .next()
            .ok_or_else(|| format!("attribute {kind} is missing"))?;
        if attribute.kind != kind {
            let was = attribute.kind & NLA_TYPE_MASK;
            return Err(format!("attribute {was} is where {kind} should be"));
        }
        if attribute.value.len() != size {
            let was = attribute.value.len();
            return Err(format!(
                "attribute {kind} has {was} bytes instead of {size}"
            ));
        }
        Ok(attribute.value)
    };

    let msg = take(abi::TASK_DIAG_MSG, size_of::<abi::TaskDiagMsg>())?;
    let mut row = Row {
        pid: u32_at(msg, 0).unwrap_or_default(),
        tgid: u32_at(msg, 4).unwrap_or_default(),
        base: None,
        creds: None,
    };
    if u32_at(msg, 8) != Some(0) {
        return Err("it has flags, though it fits one message".to_owned());
    }
    if row.pid == 0 || row.tgid == 0 {
        return Err(format!("its task is {}, of process {}", row.pid, row.tgid));
    }
    for group in GROUPS {
        let Some(size) = group.size.filter(|_| show & (1 << group.bit) != 0) else {
            continue;
        };
        let value = take(abi::TASK_DIAG_ATTR_GROUPS + group.bit, size)?;
        match group.bit {
            abi::TASK_DIAG_GROUP_BASE => row.base = Some(base(value, &row)?),
            abi::TASK_DIAG_GROUP_CRED => row.creds = Some(creds(value)?),
            _ => {}
        }
    }
    if walk.next().is_some() || !walk.rest().is_empty() {
        return Err("there is something behind its last group".to_owned());
    }
    Ok(row)
}

fn base(value: &[u8], row: &Row) -> Result<abi::TaskDiagBase, String> {
    let base = abi::TaskDiagBase::read_from_bytes(value)
        .map_err(|_| "BASE has another length".to_owned())?;
    if (base.pid, base.tgid) != (row.pid, row.tgid) {
        return Err(format!("BASE is about {} of {}", base.pid, base.tgid));
    }
    if base.state > abi::TASK_DIAG_IDLE {
        return Err(format!("there is no state {}", base.state));
    }
    let name = base.comm.iter().take_while(|byte| **byte != 0).count();
    if name == base.comm.len() {
        return Err("its name has no end".to_owned());
    }
    if base.comm[name..].iter().any(|byte| *byte != 0) {
        return Err(format!(
            "its name is not padded with NULs: {:02x?}",
            base.comm
        ));
    }
    if base.pad != [0; 3] {
        return Err(format!("__pad is not zero: {:02x?}", base.pad));
    }
    Ok(base)
}

fn creds(value: &[u8]) -> Result<abi::TaskDiagCreds, String> {
    let creds = abi::TaskDiagCreds::read_from_bytes(value)
        .map_err(|_| "CRED has another length".to_owned())?;
    for (name, set) in [
        ("cap_inheritable", creds.cap_inheritable),
        ("cap_permitted", creds.cap_permitted),
        ("cap_effective", creds.cap_effective),
        ("cap_bset", creds.cap_bset),
        ("cap_ambient", creds.cap_ambient),
    ] {
        if set.cap[1] >> (CAP_LAST_CAP - 31) != 0 {
            return Err(format!(
                "there are no such capabilities: {name} {:x?}",
                set.cap
            ));
        }
    }
    if creds.securebits & !SECURE_BITS != 0 {
        return Err(format!(
            "there are no such securebits: {:#x}",
            creds.securebits
        ));
    }
    if creds.no_new_privs > 1 {
        return Err(format!("no_new_privs is {}", creds.no_new_privs));
    }
    Ok(creds)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use zerocopy::IntoBytes;

    fn put(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
        to.extend((4 + value.len() as u16).to_ne_bytes());
        to.extend(kind.to_ne_bytes());
        to.extend(value);
    }

    pub(crate) fn comm(name: &[u8]) -> [u8; 16] {
        let mut comm = [0; 16];
        comm[..name.len()].copy_from_slice(name);
        comm
    }

    /// A row with BASE and CRED, changed before it is written down.
    pub(crate) fn payload(
        pid: u32,
        tgid: u32,
        change: impl FnOnce(&mut abi::TaskDiagBase, &mut abi::TaskDiagCreds),
    ) -> Vec<u8> {
        let mut base = abi::TaskDiagBase {
            pid,
            tgid,
            comm: comm(b"sh"),
            ..Default::default()
        };
        let mut creds = abi::TaskDiagCreds::default();
        change(&mut base, &mut creds);
        let mut bytes = vec![1, 1, 0, 0];
        put(&mut bytes, 2, [pid, tgid, 0].as_bytes());
        put(&mut bytes, 16, base.as_bytes());
        put(&mut bytes, 17, creds.as_bytes());
        bytes
    }

    #[test]
    fn a_row_in_order_is_read() {
        let row = read(&payload(7, 5, |_, _| ()), 3).unwrap();
        assert_eq!((row.pid, row.tgid), (7, 5));
        assert_eq!(row.base.unwrap().comm, comm(b"sh"));
        assert!(row.creds.is_some());
    }

    #[test]
    fn rows_have_the_groups_that_were_asked_for() {
        let bytes = payload(7, 5, |_, _| ());
        assert!(read(&bytes, 1).is_err());
        assert!(read(&bytes, 2).is_err());
        assert!(read(&bytes[..bytes.len() - 84], 3).is_err());
        assert!(read(&bytes[..bytes.len() - 84], 1).is_ok());
        assert!(read(&bytes[..20], 0).is_ok());
    }

    #[test]
    fn what_should_be_zero_is_looked_at() {
        let wrong = |change: fn(&mut abi::TaskDiagBase, &mut abi::TaskDiagCreds)| {
            read(&payload(7, 5, change), 3).unwrap_err()
        };
        assert!(wrong(|base, _| base.pad[2] = 0x6b).contains("__pad"));
        assert!(wrong(|base, _| base.comm[9] = 1).contains("padded"));
        assert!(wrong(|base, _| base.comm = [b'x'; 16]).contains("end"));
        assert!(wrong(|base, _| base.state = 9).contains("state"));
        assert!(wrong(|base, _| base.pid = 8).contains("about"));
        assert!(wrong(|_, creds| creds.cap_bset.cap[1] = 0x200).contains("cap_bset"));
        assert!(wrong(|_, creds| creds.securebits = 0x100).contains("securebits"));
        assert!(wrong(|_, creds| creds.no_new_privs = 2).contains("no_new_privs"));
    }

    #[test]
    fn a_task_has_numbers() {
        assert!(read(&payload(0, 5, |_, _| ()), 3).is_err());
        assert!(read(&payload(7, 0, |_, _| ()), 3).is_err());
    }
}
