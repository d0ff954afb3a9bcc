// SPDX-License-Identifier: MIT
//! Mount options of `/proc` that hide processes.

use std::fs;

use serde::Serialize;

/// Mount options of procfs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Mount {
    /// `off`, `noaccess`, `invisible` or `ptraceable`.
    pub(super) hidepid: String,
    /// The group that is exempt from `hidepid`.
    pub(super) gid: Option<u32>,
    /// `pid`, if only process directories are visible.
    pub(super) subset: Option<String>,
}

impl Mount {
    /// Returns the options of the procfs on `/proc`; `None` if another file system
    /// is mounted there, or mountinfo cannot be read.
    pub(super) fn find() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/mountinfo").ok()?)
    }

    /// Finds the topmost mount on `/proc`, which is the visible one.
    fn parse(mountinfo: &str) -> Option<Self> {
        let on_proc = |line: &&str| line.split(' ').nth(4) == Some("/proc");
        let top = mountinfo.lines().rfind(on_proc)?;
        let (_, source) = top.split_once(" - ")?;
        let mut words = source.split(' ');
        let (kind, options) = (words.next()?, words.nth(1)?);
        (kind == "proc").then(|| Self::from_options(options))
    }

    fn from_options(options: &str) -> Self {
        let value = |key| {
            let mut pairs = options.split(',').filter_map(|word| word.split_once('='));
            pairs.find_map(|(name, value)| (name == key).then_some(value))
        };
        // Kernels before 5.8 show the number.
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

    fn parse(line: &str) -> Option<Mount> {
        Mount::parse(&format!("{OTHER}{line}\n{OTHER}"))
    }

    #[test]
    fn options_are_parsed_from_the_superblock_fields() {
        let mount = parse("22 28 0:21 / /proc rw,relatime shared:5 - proc proc rw").expect("proc");
        assert_eq!((&mount.hidepid[..], mount.gid), ("off", None));
        assert_eq!(mount.subset, None);

        let mount = parse("22 28 0:21 / /proc rw - proc proc rw,gid=4,hidepid=2,subset=pid");
        let mount = mount.expect("proc");
        assert_eq!((&mount.hidepid[..], mount.gid), ("invisible", Some(4)));
        assert_eq!(mount.subset.as_deref(), Some("pid"));

        let mount = parse("22 28 0:21 / /proc rw - proc proc rw,hidepid=ptraceable");
        assert_eq!(mount.expect("proc").hidepid, "ptraceable");
    }

    #[test]
    fn topmost_mount_is_reported() {
        let below = "22 28 0:21 / /proc rw - proc proc rw";
        let above = "90 22 0:50 / /proc rw - proc proc rw,hidepid=noaccess";
        let mount = parse(&format!("{below}\n{above}")).expect("proc");
        assert_eq!(mount.hidepid, "noaccess");
        let above = "90 22 0:50 / /proc rw - tmpfs none rw";
        assert_eq!(parse(&format!("{below}\n{above}")), None);
        assert_eq!(Mount::parse(OTHER), None);
    }
}
