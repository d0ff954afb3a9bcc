// SPDX-License-Identifier: MIT
//! Checks requests as the kernel does: an invalid request is refused with the same
//! errno and attribute. The text is the kernel's as well, except that of a value which
//! the kernel's netlink policy refuses: the text of the policy does not name the value.

use nix::libc;
use nix::unistd::{SysconfVar, sysconf};

use super::cgroups::Cgroups;
use super::dir::Proc;
use super::parse;
use crate::abi::{self, TASK_DIAG_COMM_LEN, TaskDiagFeatures};
use crate::error::{BadAttr, KernelError};
use crate::pid::Pid;
use crate::receiver::RECEIVE_MIN;
use crate::request::{Features, FilterKinds, Options, Strategies};
use crate::request::{Filters, States};
use crate::request::{Request, Strategy};
use crate::show::Show;
use crate::source::Mode;
use crate::task::VmaFlags;

/// The greatest pid of any kernel.
const PID_MAX: Pid = if cfg!(target_pointer_width = "64") {
    4 * 1024 * 1024
} else {
    32 * 1024
};

type Result<T, E = KernelError> = std::result::Result<T, E>;

/// A valid request, with the values of the host that its rows need.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) show: Show,
    pub(super) strategy: Strategy,
    /// The pids are in ascending order, each once.
    pub(super) filters: Filters,
    /// The path of the cgroup of the filter.
    pub(super) cgroup: Option<Vec<u8>>,
    /// The reply ends after the first row.
    pub(super) is_single: bool,
    /// Nanoseconds that the caller's time namespace adds to the time since boot.
    pub(super) boot_offset: i64,
    /// Size of a page in bytes.
    pub(super) page: u64,
    /// Whether the kernel measures the time that tasks wait for block devices.
    pub(super) counts_delays: bool,
    /// Whether pids of procfs are pids of the caller's namespace, if the request needs
    /// system calls that take a pid.
    pub(super) own_pids: bool,
}

impl Query {
    /// Checks a request.
    pub(super) fn new(
        request: &Request<'_>,
        mode: Mode,
        proc: &mut Proc,
        cgroups: &Cgroups,
        features: &Features,
    ) -> Result<Self> {
        let get = |errno, text: String| refusal(errno, text, abi::TASK_DIAG_CMD_ATTR_GET);
        let is_one = matches!(request.strategy, Strategy::One(_));
        let is_single = mode == Mode::Get;
        check_options(request)?;
        check_policy(&request.filters)?;
        check_groups(request.show, is_single, features)?;
        let cgroup = check_filters(request, proc, cgroups, features)?;
        if is_single && !is_one {
            let text = "dump_strategy: needs NLM_F_DUMP".to_owned();
            return Err(get(libc::EINVAL, text));
        }
        match request.strategy {
            Strategy::All | Strategy::AllThreads => {}
            Strategy::One(pid)
            | Strategy::Children(pid)
            | Strategy::Threads(pid)
            | Strategy::Descendants(pid) => {
                if !is_pid(pid) {
                    let text = "pid: not the number of a task".to_owned();
                    return Err(get(libc::EINVAL, text));
                }
            }
        }
        let mut filters = request.filters.clone();
        if let Some(pids) = &mut filters.pids {
            pids.sort_unstable();
            pids.dedup();
        }
        let show = request.show;
        Ok(Self {
            show,
            strategy: request.strategy,
            filters,
            cgroup,
            is_single,
            boot_offset: match show.contains(Show::IDENT) {
                true => boot_offset(proc),
                false => 0,
            },
            page: page_size(),
            counts_delays: show.contains(Show::STAT) && counts_delays(proc),
            own_pids: show.contains(Show::SCHED) && has_own_pids(proc),
        })
    }

    /// Whether the request is about a single task.
    pub(super) const fn is_one(&self) -> bool {
        matches!(self.strategy, Strategy::One(_))
    }

    /// Whether no filter needs a field of a task other than its pid.
    pub(super) const fn has_only_pid_filter(&self) -> bool {
        let Filters {
            uid,
            cgroup,
            states,
            comm,
            pids: _,
            vma_flags: _,
        } = &self.filters;
        uid.is_none() && cgroup.is_none() && states.is_none() && comm.is_none()
    }

    /// Whether the filter by pids, if there is one, includes this pid.
    pub(super) fn includes(&self, pid: Pid) -> bool {
        let pids = self.filters.pids.as_ref();
        pids.is_none_or(|pids| pids.binary_search(&pid).is_ok())
    }
}

/// The error of a request whose task does not exist.
pub(super) fn no_such_task() -> KernelError {
    let text = "pid: no such task";
    refusal(libc::ESRCH, text, abi::TASK_DIAG_CMD_ATTR_GET)
}

/// The error of a request whose task ended before its row was read.
pub(super) fn gone() -> KernelError {
    KernelError {
        attribute: None,
        ..no_such_task()
    }
}

fn refusal(errno: i32, text: impl Into<String>, attribute: u16) -> KernelError {
    KernelError {
        message: Some(text.into()),
        attribute: Some(BadAttr {
            kind: Some(attribute),
            offset: None,
            missing: false,
        }),
        ..KernelError::new(errno)
    }
}

/// Returns the features of procfs on this host.
pub(super) fn features(proc: &Proc, cgroups: &Cgroups) -> Features {
    let mut features = Features::from(TaskDiagFeatures::default());
    features.groups = Show::all();
    features.recv_min = RECEIVE_MIN as u32;
    features.strategies = Strategies::all();
    features.filters = FilterKinds::all();
    features.vma_flags = VmaFlags::all();
    if !proc.has_smaps() {
        features.groups -= Show::VMA | Show::VMA_STAT;
        features.filters -= FilterKinds::VMA_FLAGS;
        features.vma_flags = VmaFlags::empty();
    }
    if !proc.has_cgroups() {
        features.groups -= Show::CGROUP;
    }
    if !proc.has("self/io") {
        features.groups -= Show::IO;
    }
    if !proc.has("self/oom_score") {
        features.groups -= Show::OOM;
    }
    if !proc.has("self/exe") {
        features.groups -= Show::PATHS;
    }
    if !proc.has("self/environ") {
        features.groups -= Show::ENVIRON;
    }
    if !cgroups.are_mounted() {
        features.filters -= FilterKinds::CGROUP;
    }
    features
}

/// Refuses options that name a namespace or a task by a descriptor.
fn check_options(request: &Request<'_>) -> Result<()> {
    let options = Options::from(request);
    for (option, attribute) in [
        (Options::PIDNS_FD, abi::TASK_DIAG_CMD_ATTR_PIDNS_FD),
        (Options::PIDFD, abi::TASK_DIAG_CMD_ATTR_PIDFD),
    ] {
        if options.contains(option) {
            let name = abi::attribute_name(attribute).unwrap_or("descriptor");
            let text = format!("{name}: not supported by procfs");
            return Err(refusal(libc::EOPNOTSUPP, text, attribute));
        }
    }
    Ok(())
}

fn check_groups(show: Show, is_single: bool, features: &Features) -> Result<()> {
    let attribute = abi::TASK_DIAG_CMD_ATTR_GET;
    let unknown = show.difference(Show::all()).bits();
    if unknown != 0 {
        let text = format!("show_flags: unknown bits 0x{unknown:x}");
        return Err(refusal(libc::EINVAL, text, attribute));
    }
    for (name, group) in show.iter_names() {
        if !features.groups.contains(group) {
            let text = format!("show_flags: group {name} not supported by this kernel");
            return Err(refusal(libc::EOPNOTSUPP, text, attribute));
        }
        if is_single && Show::NEEDS_DUMP.contains(group) {
            let text = format!("show_flags: {name} needs NLM_F_DUMP");
            return Err(refusal(libc::EINVAL, text, attribute));
        }
    }
    Ok(())
}

/// Checks the values that the kernel's netlink policy checks, before all others.
fn check_policy(filters: &Filters) -> Result<()> {
    let states = filters.states.unwrap_or(States::empty());
    let unknown = states.difference(States::all()).bits();
    if unknown != 0 {
        let text = format!("states: unknown bits 0x{unknown:x}");
        return Err(refusal(libc::EINVAL, text, abi::TASK_DIAG_CMD_ATTR_STATES));
    }
    let max = TASK_DIAG_COMM_LEN - 1;
    match filters.comm.as_ref().map(Vec::len) {
        Some(len) if len == 0 || len > max => {
            let text = format!("comm: {len} bytes instead of 1 to {max}");
            Err(refusal(libc::ERANGE, text, abi::TASK_DIAG_CMD_ATTR_COMM))
        }
        _ => Ok(()),
    }
}

/// Checks the values of the filters, in the order of their numbers. Returns the path of
/// the cgroup.
fn check_filters(
    request: &Request<'_>,
    proc: &mut Proc,
    cgroups: &Cgroups,
    features: &Features,
) -> Result<Option<Vec<u8>>> {
    let Filters {
        uid,
        cgroup,
        states,
        comm,
        pids,
        vma_flags,
    } = &request.filters;
    if uid.is_some_and(|uid| !has_mapping(uid, proc)) {
        let text = "uid: no such id in the user namespace";
        return Err(refusal(libc::EINVAL, text, abi::TASK_DIAG_CMD_ATTR_UID));
    }
    let attribute = abi::TASK_DIAG_CMD_ATTR_CGROUP;
    if cgroup.is_some() && !features.filters.contains(FilterKinds::CGROUP) {
        let text = "cgroup: filter not supported by this kernel";
        return Err(refusal(libc::EOPNOTSUPP, text, attribute));
    }
    let cgroup = match *cgroup {
        Some(id) => Some(
            cgroups
                .path_of(id)
                .ok_or_else(|| refusal(libc::ENOENT, "cgroup: no such cgroup", attribute))?,
        ),
        None => None,
    };
    if *states == Some(States::empty()) {
        let text = "states: no state is selected";
        return Err(refusal(libc::EINVAL, text, abi::TASK_DIAG_CMD_ATTR_STATES));
    }
    if comm.as_ref().is_some_and(|comm| comm.contains(&0)) {
        let text = "comm: contains a NUL";
        return Err(refusal(libc::EINVAL, text, abi::TASK_DIAG_CMD_ATTR_COMM));
    }
    if let Some(pids) = pids {
        let text = match pids.is_empty() {
            true => "pids: 0 bytes are not a list of u32",
            false => "pids: contains a number that no task can have",
        };
        if pids.is_empty() || !pids.iter().copied().all(is_pid) {
            return Err(refusal(libc::EINVAL, text, abi::TASK_DIAG_CMD_ATTR_PIDS));
        }
    }
    if let Some(flags) = vma_flags {
        let unknown = flags.difference(VmaFlags::all()).bits();
        let text = match unknown {
            0 if request.show.intersects(Show::VMA | Show::VMA_STAT) => return Ok(cgroup),
            0 => "vma_flags: needs VMA or VMA_STAT in show_flags".to_owned(),
            _ => format!("vma_flags: unknown bits 0x{unknown:x}"),
        };
        return Err(refusal(
            libc::EINVAL,
            text,
            abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS,
        ));
    }
    Ok(cgroup)
}

fn is_pid(pid: Pid) -> bool {
    (1..=PID_MAX).contains(&pid)
}

/// Whether the caller's user namespace maps this id.
fn has_mapping(uid: u32, proc: &mut Proc) -> bool {
    // A kernel without user namespaces has no such file, and all ids.
    let Ok(map) = proc.read_all(format_args!("self/uid_map")) else {
        return uid != u32::MAX;
    };
    map.split(|&byte| byte == b'\n').any(|line| {
        let mut numbers = parse::words(line).map(parse::number::<u64>);
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Some(first)), Some(_), Some(Some(count))) => {
                u64::from(uid) >= first && u64::from(uid) - first < count
            }
            _ => false,
        }
    })
}

/// Reads the offset of the caller's time namespace; 0 without time namespaces.
fn boot_offset(proc: &mut Proc) -> i64 {
    let text = proc.read_all(format_args!("self/timens_offsets"));
    text.map_or(0, |text| boot_offset_in(&text).unwrap_or(0))
}

/// Parses "boottime           -5 500000000".
fn boot_offset_in(text: &[u8]) -> Option<i64> {
    let mut lines = text.split(|&byte| byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"boottime"))?;
    let mut words = parse::words(line).map(|word| std::str::from_utf8(word).ok()?.parse().ok());
    let (seconds, nanoseconds): (i64, i64) = (words.next()??, words.next()??);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

/// Whether procfs shows the caller's pid namespace: in that of an ancestor, the caller
/// has several pids, and in all others none.
fn has_own_pids(proc: &mut Proc) -> bool {
    let Ok(status) = proc.read(format_args!("self/status")) else {
        return false;
    };
    let mut lines = status.split(|&byte| byte == b'\n');
    match lines.find_map(|line| line.strip_prefix(b"NSpid:")) {
        Some(pids) => parse::words(pids).count() == 1,
        // A kernel without pid namespaces.
        None => true,
    }
}

fn page_size() -> u64 {
    let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| size.try_into().ok()).unwrap_or(4096)
}

fn counts_delays(proc: &mut Proc) -> bool {
    let text = proc.read_all(format_args!("sys/kernel/task_delayacct"));
    text.is_ok_and(|text| text.trim_ascii() == b"1")
}
