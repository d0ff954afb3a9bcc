// SPDX-License-Identifier: MIT
//! Fields that are read from the files of one task in `/proc`: those that no attribute
//! group contains, and those of groups that the transport does not have.
//!
//! This is the only module of `ps` that reads `/proc/PID`.

mod systemd;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use nix::unistd::{Gid, Group};

use taskdiag::Show;

use crate::row::{TaskRow, Usage};

/// A field of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProcField {
    AutogroupId,
    AutogroupNice,
    BytesCancelled,
    BytesRead,
    BytesWritten,
    CgroupName,
    Cgroups,
    CharsRead,
    CharsWritten,
    CodeSize,
    DataSize,
    GroupIds,
    GroupNames,
    InstructionPointer,
    Label,
    LoginUid,
    LxcName,
    Machine,
    /// The name of the task without the limit of 15 bytes, which kernel threads have.
    Name,
    NumaNode,
    OomAdjustment,
    OomScore,
    OwnerUid,
    Reads,
    ResidentLimit,
    Seat,
    Session,
    SignalsBlocked,
    SignalsCaught,
    SignalsIgnored,
    SignalsPending,
    SignalsPendingOfThread,
    Slice,
    StackPointer,
    StackStart,
    Unit,
    UserUnit,
    WaitChannel,
    Writes,
}

use ProcField::*;

/// The number of the limit of resident memory.
const RLIMIT_RSS: u32 = 5;

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FieldValue {
    Number(u64),
    Signed(i64),
    /// An address.
    Address(u64),
    /// A set of signals, in hexadecimal digits.
    Signals(Vec<u8>),
    Text(Vec<u8>),
}

use FieldValue::{Address, Number, Signals, Signed, Text};

/// The files of a task.
#[derive(Clone, Debug)]
pub(super) struct TaskFiles {
    directory: PathBuf,
    pid: u32,
    is_thread: bool,
}

impl TaskFiles {
    /// Returns the files of the task of a row. The files of the first thread are those of
    /// the process, which contain sums over its threads.
    pub(super) fn of_row(row: &TaskRow) -> Self {
        let is_thread = row.tid != row.tgid;
        let directory = if is_thread {
            format!("/proc/{}/task/{}", row.tgid, row.tid)
        } else {
            format!("/proc/{}", row.tgid)
        };
        Self {
            directory: directory.into(),
            pid: row.tgid,
            is_thread,
        }
    }

    /// Returns a field of a row from the groups of the row, or else from a file.
    pub(super) fn field_of_row(
        row: &TaskRow,
        field: ProcField,
        reads_files: bool,
    ) -> Option<FieldValue> {
        let is_denied = field
            .group()
            .is_some_and(|group| row.denied.contains(group));
        let value = row
            .usage
            .as_deref()
            .and_then(|usage| field.of_usage(usage, row));
        if value.is_some() || is_denied || !reads_files {
            return value;
        }
        Self::of_row(row).field(field)
    }

    /// Reads a field; `None` if the file is missing or the caller may not read it.
    pub(super) fn field(&self, field: ProcField) -> Option<FieldValue> {
        match field {
            AutogroupId => self.autogroup(0),
            AutogroupNice => self.autogroup(1),
            BytesCancelled => self.io("cancelled_write_bytes"),
            BytesRead => self.io("read_bytes"),
            BytesWritten => self.io("write_bytes"),
            CgroupName => self.cgroup_name(),
            Cgroups => self.cgroups().map(Text),
            CharsRead => self.io("rchar"),
            CharsWritten => self.io("wchar"),
            CodeSize => self.code_and_data().map(|(code, _)| Number(code)),
            DataSize => self.code_and_data().map(|(_, data)| Signed(data)),
            GroupIds => self.groups(|id| id.to_string()),
            GroupNames => self.groups(group_name),
            InstructionPointer => self.stat(30).map(Address),
            Label => self.label(),
            LoginUid => self.login_uid(),
            LxcName => self.lxc_name(),
            Machine | OwnerUid | Seat | Session | Slice | Unit | UserUnit => self.systemd(field),
            Name => self
                .read("comm")
                .map(|name| Text(name.trim_ascii_end().to_vec())),
            NumaNode => self.stat(39).map(numa_node),
            OomAdjustment => self.signed("oom_score_adj"),
            OomScore => self.signed("oom_score"),
            Reads => self.io("syscr"),
            ResidentLimit => self.stat(25).map(resident_limit),
            SignalsBlocked => self.status("SigBlk").map(Signals),
            SignalsCaught => self.status("SigCgt").map(Signals),
            SignalsIgnored => self.status("SigIgn").map(Signals),
            SignalsPending if !self.is_thread => self.status("ShdPnd").map(Signals),
            SignalsPending | SignalsPendingOfThread => self.status("SigPnd").map(Signals),
            StackPointer => self.stat(29).map(Address),
            StackStart => self.stat(28).map(Address),
            WaitChannel => self.wait_channel(),
            Writes => self.io("syscw"),
        }
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.directory.join(name)).ok()
    }

    /// Returns the value of a line of a file of `NAME: VALUE` lines.
    fn line(&self, file: &str, name: &str) -> Option<Vec<u8>> {
        let content = self.read(file)?;
        let mut lines = content.split(|&byte| byte == b'\n');
        lines.find_map(|line| {
            let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?;
            Some(value.trim_ascii().to_vec())
        })
    }

    fn status(&self, name: &str) -> Option<Vec<u8>> {
        self.line("status", name)
    }

    fn io(&self, name: &str) -> Option<FieldValue> {
        parse(&self.line("io", name)?).map(Number)
    }

    /// Returns a number of `stat` by the index that proc(5) uses, from 4.
    fn stat(&self, index: usize) -> Option<u64> {
        let content = self.read("stat")?;
        let name_end = content.iter().rposition(|&byte| byte == b')')?;
        let fields = content[name_end + 1..].trim_ascii();
        parse(fields.split(|&byte| byte == b' ').nth(index - 3)?)
    }

    /// Returns the sizes of the code and of everything else, in KiB.
    fn code_and_data(&self) -> Option<(u64, i64)> {
        let (total, start, end) = (self.stat(23)?, self.stat(26)?, self.stat(27)?);
        if total == 0 {
            return Some((0, 0));
        }
        let code = end.wrapping_sub(start);
        let signed = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
        let data = signed(total).saturating_sub(signed(code)) >> 10;
        Some((code >> 10, data))
    }

    fn signed(&self, file: &str) -> Option<FieldValue> {
        parse(self.read(file)?.trim_ascii()).map(Signed)
    }

    /// Returns the word of the line `/autogroup-ID nice NICE`.
    fn autogroup(&self, index: usize) -> Option<FieldValue> {
        let content = self.read("autogroup")?;
        let line = content.trim_ascii().strip_prefix(b"/autogroup-")?;
        let mut numbers = line
            .split(|&byte| byte == b' ')
            .filter(|word| *word != b"nice");
        parse(numbers.nth(index)?).map(Signed)
    }

    /// Returns the supplementary groups, separated by commas.
    fn groups(&self, shown: impl Fn(u32) -> String) -> Option<FieldValue> {
        let line = self.status("Groups")?;
        let ids = line.split(|&byte| byte == b' ').filter_map(parse::<u32>);
        let names: Vec<String> = ids.map(shown).collect();
        (!names.is_empty()).then(|| Text(names.join(",").into_bytes()))
    }

    /// Returns the label of the security module.
    fn label(&self) -> Option<FieldValue> {
        let content = fs::read(format!("/proc/{}/attr/current", self.pid)).ok()?;
        let printable = |byte: &u8| matches!(byte, b' '..=b'~');
        let label: Vec<u8> = content.into_iter().take_while(printable).collect();
        (!label.is_empty()).then_some(Text(label))
    }

    fn login_uid(&self) -> Option<FieldValue> {
        let uid: u32 = parse(self.read("loginuid")?.trim_ascii())?;
        (uid != u32::MAX).then_some(Number(uid.into()))
    }

    /// Returns the kernel function in which the task waits; `-` if it runs.
    fn wait_channel(&self) -> Option<FieldValue> {
        let name = self.read("wchan").filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| b"?".to_vec());
        let start = name.iter().position(|&byte| !matches!(byte, b'.' | b'_'));
        let shown = &name[start.unwrap_or(0)..];
        (shown != b"0").then(|| Text(shown.to_vec()))
    }

    /// Returns the lines of all hierarchies in which the task is not in the root cgroup.
    fn cgroups(&self) -> Option<Vec<u8>> {
        let content = self.read("cgroup")?;
        let lines = content.split(|&byte| byte == b'\n');
        let lines: Vec<&[u8]> = lines
            .filter(|line| !line.is_empty() && !line.ends_with(b"/"))
            .collect();
        (!lines.is_empty()).then(|| lines.join(&b","[..]))
    }

    /// Returns the part after `:name=`, if a hierarchy has a name.
    fn cgroup_name(&self) -> Option<FieldValue> {
        let lines = self.cgroups()?;
        let named = after(&lines, b":name=").filter(|rest| !rest.is_empty());
        Some(Text(named.unwrap_or(&lines).to_vec()))
    }

    /// Returns the name of an LXC container in the path of a cgroup.
    fn lxc_name(&self) -> Option<FieldValue> {
        let content = self.read("cgroup")?;
        let markers: [&[u8]; 3] = [b"lxc.payload.", b"lxc.payload/", b"lxc/"];
        let rest = markers.iter().find_map(|marker| after(&content, marker))?;
        let name = rest.split(|byte| matches!(byte, b'/' | b'\n')).next()?;
        Some(Text(name.to_vec()))
    }

    fn systemd(&self, field: ProcField) -> Option<FieldValue> {
        let content = self.read("cgroup")?;
        let path = systemd::path(&content)?;
        let text = match field {
            Machine => systemd::machine(path),
            OwnerUid => systemd::owner_uid(path),
            Seat => systemd::seat(path),
            Session => systemd::session(path),
            Slice => Some(systemd::slice(path)),
            UserUnit => systemd::user_unit(path),
            _ => systemd::unit(path),
        };
        text.map(|text| Text(text.into_bytes()))
    }
}

impl ProcField {
    /// Returns the group that contains the field, if the transport has that group.
    pub(super) fn group(self) -> Option<Show> {
        match self {
            BytesCancelled | BytesRead | BytesWritten | CharsRead | CharsWritten | Reads
            | Writes => Some(Show::IO),
            OomAdjustment | OomScore => Some(Show::OOM),
            ResidentLimit => Some(Show::LIMITS),
            SignalsBlocked
            | SignalsCaught
            | SignalsIgnored
            | SignalsPending
            | SignalsPendingOfThread => Some(Show::SIGNALS),
            _ => None,
        }
    }

    /// Returns the field from the groups of a row.
    fn of_usage(self, usage: &Usage, row: &TaskRow) -> Option<FieldValue> {
        let is_thread = row.tid != row.tgid;
        let mask = |mask: u64| Signals(format!("{mask:016x}").into_bytes());
        Some(match self {
            BytesCancelled => Number(usage.io?.cancelled_write_bytes),
            BytesRead => Number(usage.io?.read_bytes),
            BytesWritten => Number(usage.io?.write_bytes),
            CharsRead => Number(usage.io?.rchar),
            CharsWritten => Number(usage.io?.wchar),
            Reads => Number(usage.io?.syscr),
            Writes => Number(usage.io?.syscw),
            OomAdjustment => Signed(usage.oom?.score_adj.into()),
            OomScore => Signed(usage.oom?.score.into()),
            ResidentLimit => resident_limit(usage.limits?.get(RLIMIT_RSS)?.soft),
            SignalsBlocked => mask(usage.signals?.blocked),
            SignalsCaught => mask(usage.signals?.caught),
            SignalsIgnored => mask(usage.signals?.ignored),
            SignalsPending if !is_thread => mask(usage.signals?.shared_pending),
            SignalsPending | SignalsPendingOfThread => mask(usage.signals?.pending),
            _ => return None,
        })
    }

    /// Returns the source of the field, for the list of columns.
    pub(super) fn origin(self) -> &'static str {
        match self {
            AutogroupId | AutogroupNice => "/proc/PID/autogroup",
            BytesCancelled | BytesRead | BytesWritten | CharsRead | CharsWritten | Reads
            | Writes => "group io",
            CgroupName | Cgroups | LxcName => "/proc/PID/cgroup",
            Label => "/proc/PID/attr/current",
            LoginUid => "/proc/PID/loginuid",
            Machine | OwnerUid | Seat | Session | Slice | Unit | UserUnit => {
                "systemd, from /proc/PID/cgroup"
            }
            Name => "/proc/PID/comm",
            OomAdjustment | OomScore => "group oom",
            WaitChannel => "/proc/PID/wchan",
            CodeSize | DataSize | InstructionPointer | NumaNode | StackPointer | StackStart => {
                "/proc/PID/stat"
            }
            GroupIds | GroupNames => "/proc/PID/status",
            ResidentLimit => "group limits",
            SignalsBlocked
            | SignalsCaught
            | SignalsIgnored
            | SignalsPending
            | SignalsPendingOfThread => "group signals",
        }
    }
}

/// Returns the name of a task without the limit of 15 bytes. Kernel threads have longer
/// names, and those of a work queue name their work.
pub(super) fn full_name(row: &TaskRow, name: &[u8], reads_files: bool) -> Vec<u8> {
    let worker: &[u8] = b"kworker/";
    let may_be_longer = name.len() == 15 || name.starts_with(worker) && name != worker;
    match (reads_files && may_be_longer).then(|| TaskFiles::of_row(row).field(Name)) {
        Some(Some(Text(full))) => full,
        _ => name.to_vec(),
    }
}

fn parse<T: std::str::FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Returns the bytes after the first occurrence of the marker.
fn after<'a>(bytes: &'a [u8], marker: &[u8]) -> Option<&'a [u8]> {
    let start = bytes
        .windows(marker.len())
        .position(|window| window == marker)?;
    Some(&bytes[start + marker.len()..])
}

fn group_name(id: u32) -> String {
    match Group::from_gid(Gid::from_raw(id)) {
        Ok(Some(group)) => group.name,
        _ => id.to_string(),
    }
}

/// Returns the limit of resident memory in KiB, or `xx` without one.
fn resident_limit(bytes: u64) -> FieldValue {
    if bytes == u64::MAX {
        return Text(b"xx".to_vec());
    }
    Text(format!("{:5}", bytes >> 10).into_bytes())
}

/// Returns the NUMA node of a processor: 0 on a host without nodes.
fn numa_node(processor: u64) -> FieldValue {
    let directory = format!("/sys/devices/system/cpu/cpu{processor}");
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let node = entries
        .filter_map(|entry| node_number(&entry.file_name()))
        .next();
    Number(node.unwrap_or(0))
}

fn node_number(name: &OsStr) -> Option<u64> {
    parse(name.as_bytes().strip_prefix(b"node")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::samples::plain;

    #[test]
    fn fields_of_this_process_are_read() {
        let files = TaskFiles::of_row(&plain(std::process::id(), b"name"));
        let status = fs::read_to_string("/proc/self/status").expect("procfs");
        let caught = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:\t"))
            .expect("a line");
        assert_eq!(files.field(SignalsCaught), Some(Signals(caught.into())));
        assert!(matches!(files.field(BytesRead), Some(Number(_))));
        assert!(matches!(files.field(StackStart), Some(Address(1..))));
        assert!(matches!(files.field(CodeSize), Some(Number(1..))));
        assert!(matches!(files.field(OomAdjustment), Some(Signed(_))));
    }

    /// Returns the fields of a row of this process with these groups.
    fn fields(usage: Usage, denied: Show, names: &[ProcField]) -> Vec<Option<FieldValue>> {
        let mut row = plain(std::process::id(), b"name");
        row.usage = Some(Box::new(usage));
        row.denied = denied;
        let field = |&name| TaskFiles::field_of_row(&row, name, true);
        names.iter().map(field).collect()
    }

    #[test]
    fn groups_of_the_row_replace_files() {
        let mut signals = taskdiag::Signals::default();
        (signals.pending, signals.shared_pending) = (1, 2);
        let usage = Usage {
            signals: Some(signals),
            ..Usage::default()
        };
        let names = [SignalsPending, SignalsPendingOfThread, SignalsIgnored];
        let masks = [2, 1, 0].map(|mask| Some(Signals(format!("{mask:016x}").into())));
        assert_eq!(fields(usage, Show::empty(), &names), masks);
        // A denied group is not read from the file, and an absent one is.
        let usage = Usage::default();
        assert_eq!(fields(usage, Show::IO, &[BytesRead]), [None]);
        let read = fields(usage, Show::empty(), &[BytesRead]);
        assert!(matches!(read[..], [Some(Number(_))]), "{read:?}");
    }

    #[test]
    fn missing_files_have_no_value() {
        let files = TaskFiles::of_row(&plain(i32::MAX.unsigned_abs(), b"name"));
        for field in [BytesRead, LoginUid, Label, GroupNames, StackStart] {
            assert_eq!(files.field(field), None, "{field:?}");
        }
    }

    #[test]
    fn limits_are_in_kib() {
        assert_eq!(resident_limit(u64::MAX), Text(b"xx".to_vec()));
        assert_eq!(resident_limit(4096), Text(b"    4".to_vec()));
    }

    #[test]
    fn markers_are_found() {
        assert_eq!(after(b"1:name=a/b", b":name="), Some(&b"a/b"[..]));
        assert_eq!(after(b"1:x", b":name="), None);
    }
}
