// SPDX-License-Identifier: MIT
//! What `/proc/PID/status` tells of a client. Parsing only.

/// Bit of the capability in `CapEff`.
const CAP_SYS_PTRACE: u32 = 19;

/// What counts of a client's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// The ids that the kernel judges file accesses by.
    pub(crate) fsuid: u32,
    pub(crate) fsgid: u32,
    /// It has `CAP_SYS_PTRACE`, over its own user namespace at least.
    pub(crate) sees_all: bool,
    /// `no_new_privs` is set.
    pub(crate) restrained: bool,
}

impl Credentials {
    /// Reads them; `None` if something is missing. The name of the process,
    /// which is there too, is no text but bytes.
    pub(crate) fn parse(status: &[u8]) -> Option<Self> {
        let field = |name: &str| {
            let mut lines = status.split(|&byte| byte == b'\n');
            let rest = lines.find_map(|line| line.strip_prefix(name.as_bytes()))?;
            std::str::from_utf8(rest.strip_prefix(b":")?).ok()
        };
        let fourth = |name| field(name)?.split_whitespace().nth(3)?.parse().ok();
        let capabilities = u64::from_str_radix(field("CapEff")?.trim(), 16).ok()?;
        Some(Self {
            fsuid: fourth("Uid")?,
            fsgid: fourth("Gid")?,
            sees_all: capabilities & 1 << CAP_SYS_PTRACE != 0,
            // Missing before Linux 4.10: then it cannot be told.
            restrained: field("NoNewPrivs").is_none_or(|value| value.trim() != "0"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tUid:\t9\t9\t9\t9\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n\
                          CapEff:\t0000000000080000\nNoNewPrivs:\t0\n";

    fn parse(status: &str) -> Option<Credentials> {
        Credentials::parse(status.as_bytes())
    }

    #[test]
    fn credentials_are_those_of_the_file_system() {
        let read = parse(STATUS).unwrap();
        assert_eq!((read.fsuid, read.fsgid), (4, 8));
        assert!(read.sees_all && !read.restrained);
        let less = STATUS
            .replace("80000", "7ffff")
            .replace("Privs:\t0", "Privs:\t1");
        let read = parse(&less).unwrap();
        assert!(!read.sees_all && read.restrained);
    }

    #[test]
    fn what_is_missing_is_not_made_up() {
        for line in ["Uid:\t1", "Gid", "CapEff"] {
            assert_eq!(parse(&STATUS.replace(line, "x")), None);
        }
        assert_eq!(parse(""), None);
    }
}
