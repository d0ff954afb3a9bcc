// SPDX-License-Identifier: MIT
//! The procfs that is mounted on `/proc`, and what its options hide.

use std::fs;

use serde::Serialize;

/// How procfs is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Mount {
    /// Whose processes are hidden: `off`, `noaccess`, `invisible` or
    /// `ptraceable`.
    pub(super) hidepid: String,
    /// The group that nothing is hidden from.
    pub(super) gid: Option<u32>,
    /// `pid`, if there is nothing but processes in it.
    pub(super) subset: Option<String>,
}

impl Mount {
    /// That of `/proc`; nothing, if something else is there, or it cannot be
    /// known.
    pub(super) fn find() -> Option<Self> {
        Self::among(&fs::read_to_string("/proc/self/mountinfo").ok()?)
    }

    /// The topmost one on `/proc` is the one that is seen.
    fn among(mountinfo: &str) -> Option<Self> {
        let on_proc = |line: &&str| line.split(' ').nth(4) == Some("/proc");
        let top = mountinfo.lines().rfind(on_proc)?;
        let (_, source) = top.split_once(" - ")?;
        let mut words = source.split(' ');
        let (kind, options) = (words.next()?, words.nth(1)?);
        (kind == "proc").then(|| Self::with(options))
    }

    fn with(options: &str) -> Self {
        let value = |key| {
            let mut pairs = options.split(',').filter_map(|word| word.split_once('='));
            pairs.find_map(|(name, value)| (name == key).then_some(value))
        };
        // Kernels before 5.8 write the number.
        let hidepid = match value("hidepid") {
            None | Some("0") => "off",
            Some("1") => "noaccess",
            Some("2") => "invisible",
            Some("4") => "ptraceable",
            Some(word) => word,
        };
        Self {
            hidepid: hidepid.to_owned(),
            gid: value("gid").and_then(|gid| gid.parse().ok()),
            subset: value("subset").map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: &str = "28 1 0:5 / /dev rw - devtmpfs udev rw,size=4k\n";

    fn among(line: &str) -> Option<Mount> {
        Mount::among(&format!("{OTHER}{line}\n{OTHER}"))
    }

    #[test]
    fn options_are_parsed_from_the_superblock_fields() {
        let mount = among("22 28 0:21 / /proc rw,relatime shared:5 - proc proc rw").expect("proc");
        assert_eq!((&mount.hidepid[..], mount.gid), ("off", None));
        assert_eq!(mount.subset, None);

        let mount = among("22 28 0:21 / /proc rw - proc proc rw,gid=4,hidepid=2,subset=pid");
        let mount = mount.expect("proc");
        assert_eq!((&mount.hidepid[..], mount.gid), ("invisible", Some(4)));
        assert_eq!(mount.subset.as_deref(), Some("pid"));

        let mount = among("22 28 0:21 / /proc rw - proc proc rw,hidepid=ptraceable");
        assert_eq!(mount.expect("proc").hidepid, "ptraceable");
    }

    #[test]
    fn topmost_mount_is_reported() {
        let below = "22 28 0:21 / /proc rw - proc proc rw";
        let above = "90 22 0:50 / /proc rw - proc proc rw,hidepid=noaccess";
        let mount = among(&format!("{below}\n{above}")).expect("proc");
        assert_eq!(mount.hidepid, "noaccess");
        let above = "90 22 0:50 / /proc rw - tmpfs none rw";
        assert_eq!(among(&format!("{below}\n{above}")), None);
        assert_eq!(Mount::among(OTHER), None);
    }
}
