// SPDX-License-Identifier: MIT
//! Parses requests as the kernel does: the same requests are refused, with the
//! same errno and attribute.

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};
use nix::libc;

use super::cgroups::Cgroups;
use super::folder::Proc;
use super::text;
use crate::abi::{self, TASK_DIAG_COMM_LEN, TaskDiagFeatures, TaskDiagPid};
use crate::answer::{self, Blame, Refusal};
use crate::features::{Features, FilterKinds, Strategies};
use crate::filter::{Filters, States};
use crate::netlink::{Attributes, Header};
use crate::pid::Pid;
use crate::receiver::RECEIVE_MIN;
use crate::request::Strategy;
use crate::show::Show;
use crate::task::{VmaFlags, read};

/// No task has a greater number.
const PID_MAX: Pid = if cfg!(target_pointer_width = "64") {
    4 * 1024 * 1024
} else {
    32 * 1024
};

/// What is asked.
#[derive(Debug)]
pub(super) enum Asked {
    Features,
    Tasks(Tasks),
}

/// Which tasks, and what about them.
#[derive(Debug)]
pub(super) struct Tasks {
    pub(super) show: Show,
    pub(super) strategy: Strategy,
    /// The pids in ascending order, each once.
    pub(super) filters: Filters,
    /// The path of the cgroup that is filtered by.
    pub(super) cgroup: Option<Vec<u8>>,
    /// There may be any number of messages.
    pub(super) multi: bool,
    /// It is about one task.
    pub(super) single: bool,
    /// Where the request names the task it is about.
    pub(super) blame: Blame,
    /// Nanoseconds that the caller's time namespace adds to the time since boot.
    pub(super) boot_offset: i64,
    /// Whether the kernel counts waiting for block devices.
    pub(super) counts_delays: bool,
}

impl Tasks {
    /// Whether the list of pids has this one, if there is a list.
    pub(super) fn lists(&self, pid: Pid) -> bool {
        let pids = self.filters.pids.as_ref();
        pids.is_none_or(|pids| pids.binary_search(&pid).is_ok())
    }
}

/// What requests are held against.
#[derive(Debug)]
pub(super) struct Host<'a> {
    pub(super) proc: &'a mut Proc,
    pub(super) cgroups: &'a Cgroups,
    pub(super) features: Features,
}

/// What can be told here.
pub(super) fn features(proc: &Proc, cgroups: &Cgroups) -> Features {
    let mut features = Features::from(TaskDiagFeatures::default());
    features.groups = Show::all();
    features.recv_min = RECEIVE_MIN as u32;
    features.strategies = Strategies::all();
    features.filters = FilterKinds::all();
    features.vma_flags = VmaFlags::all();
    if !proc.tells_areas() {
        features.groups -= Show::VMA | Show::VMA_STAT;
        features.filters -= FilterKinds::VMA_FLAGS;
        features.vma_flags = VmaFlags::empty();
    }
    if !proc.tells_cgroups() {
        features.groups -= Show::CGROUP;
    }
    if !cgroups.are_mounted() {
        features.filters -= FilterKinds::CGROUP;
    }
    features
}

/// An attribute of a request.
#[derive(Clone, Copy, Debug)]
struct Attribute<'a> {
    value: &'a [u8],
    blame: Blame,
}

/// The attributes of a request, by their types; of one given twice the last.
type Given<'a> = [Option<Attribute<'a>>; abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS as usize + 1];

/// Takes a request in.
pub(super) fn parse(request: &[u8], host: &mut Host<'_>) -> Result<Asked, Refusal> {
    let Ok((header, payload, _)) = Header::split(request) else {
        return Err(Refusal::invalid("nlmsg_len: no message", Blame::Nothing));
    };
    if header.flags & NLM_F_REQUEST == 0 {
        let text = "nlmsg_flags: NLM_F_REQUEST is missing";
        return Err(Refusal::invalid(text, Blame::Nothing));
    }
    let given = attributes(payload)?;
    match header.kind {
        GET => {
            let multi = header.flags & NLM_F_DUMP == NLM_F_DUMP;
            Ok(Asked::Tasks(tasks(&given, multi, host)?))
        }
        FEATURES if payload.is_empty() => Ok(Asked::Features),
        FEATURES => {
            let text = "attributes: there are none";
            Err(Refusal::invalid(text, Blame::Nothing))
        }
        kind => Err(Refusal::new(
            libc::EOPNOTSUPP,
            format!("nlmsg_type: unknown type {kind}"),
            Blame::Nothing,
        )),
    }
}

const GET: u16 = abi::task_diag_nlmsg(abi::TASK_DIAG_CMD_GET);
const FEATURES: u16 = abi::task_diag_nlmsg(abi::TASK_DIAG_CMD_FEATURES);

fn attributes(payload: &[u8]) -> Result<Given<'_>, Refusal> {
    let mut given: Given<'_> = [None; abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS as usize + 1];
    let mut walk = Attributes::new(payload);
    loop {
        let blame = Blame::At((answer::HEADER + walk.at()) as u32);
        match walk.next() {
            None => return Ok(given),
            Some(Err(_)) => {
                let text = "bytes leftover after parsing attributes";
                return Err(Refusal::invalid(text, Blame::Nothing));
            }
            Some(Ok((kind, value))) => match given.get_mut(usize::from(kind)) {
                Some(place) if is_asked_with(kind) => *place = Some(Attribute { value, blame }),
                _ => return Err(Refusal::invalid("Unknown attribute type", blame)),
            },
        }
    }
}

/// Whether it is an attribute of requests.
fn is_asked_with(kind: u16) -> bool {
    kind == abi::TASK_DIAG_CMD_ATTR_GET
        || answer::is_descriptor(kind)
        || kind >= abi::TASK_DIAG_ATTR_FILTERS
}

fn tasks(given: &Given<'_>, multi: bool, host: &mut Host<'_>) -> Result<Tasks, Refusal> {
    let Some(get) = given[usize::from(abi::TASK_DIAG_CMD_ATTR_GET)] else {
        let blame = Blame::Missing(abi::TASK_DIAG_CMD_ATTR_GET);
        let text = "TASK_DIAG_CMD_ATTR_GET is missing";
        return Err(Refusal::invalid(text, blame));
    };
    let blame = get.blame;
    let wrong = |text: String| Refusal::invalid(text, blame);
    let TaskDiagPid {
        show_flags,
        dump_strategy,
        pid,
        reserved,
    } = match get.value.len() {
        24 => read(get.value),
        len => {
            let text = format!("struct task_diag_pid: {len} bytes instead of 24");
            return Err(Refusal::new(libc::ERANGE, text, blame));
        }
    };
    for kind in answer::DESCRIPTORS {
        if let Some(attribute) = given[usize::from(kind)] {
            return Err(answer::no_descriptors(kind, "procfs", attribute.blame));
        }
    }
    if reserved != 0 {
        return Err(wrong("reserved: must be 0".to_owned()));
    }
    let show = groups(show_flags, multi, &host.features, blame)?;
    let features = host.features;
    let mut filters = filters(given, show, &features)?;
    check_uid(&filters, given, host.proc)?;
    let cgroup = find_cgroup(&filters, given, host.cgroups)?;
    if let Some(pids) = &mut filters.pids {
        pids.sort_unstable();
        pids.dedup();
    }
    let strategy = strategy(dump_strategy, pid)
        .ok_or_else(|| wrong(format!("dump_strategy: unknown strategy {dump_strategy}")))?;
    let single = matches!(strategy, Strategy::One(_));
    if !multi && !single {
        return Err(wrong("dump_strategy: needs NLM_F_DUMP".to_owned()));
    }
    let about_one = !matches!(strategy, Strategy::All | Strategy::AllThreads);
    if about_one && !is_number(pid) {
        return Err(wrong("pid: not the number of a task".to_owned()));
    }
    Ok(Tasks {
        show,
        strategy,
        filters,
        cgroup,
        multi,
        single,
        blame,
        boot_offset: match show.contains(Show::IDENT) {
            true => boot_offset(host.proc),
            false => 0,
        },
        counts_delays: show.contains(Show::STAT) && counts_delays(host.proc),
    })
}

/// Reads the offset of the caller's time namespace; 0 without time namespaces.
fn boot_offset(proc: &mut Proc) -> i64 {
    let text = proc.read_all(format_args!("self/timens_offsets"));
    text.map_or(0, |text| boot_offset_in(&text).unwrap_or(0))
}

/// "boottime           -5 500000000"
fn boot_offset_in(text: &[u8]) -> Option<i64> {
    let mut lines = text.split(|&byte| byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"boottime"))?;
    let mut words = text::words(line).map(|word| std::str::from_utf8(word).ok()?.parse().ok());
    let (seconds, nanoseconds): (i64, i64) = (words.next()??, words.next()??);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

fn counts_delays(proc: &mut Proc) -> bool {
    let text = proc.read_all(format_args!("sys/kernel/task_delayacct"));
    text.is_ok_and(|text| text.trim_ascii() == b"1")
}

fn is_number(pid: Pid) -> bool {
    (1..=PID_MAX).contains(&pid)
}

fn groups(flags: u64, multi: bool, features: &Features, blame: Blame) -> Result<Show, Refusal> {
    let show = Show::from_bits_retain(flags);
    let unknown = show.difference(Show::all());
    if !unknown.is_empty() {
        let text = format!("show_flags: unknown bits 0x{:x}", unknown.bits());
        return Err(Refusal::invalid(text, blame));
    }
    for (name, group) in show.iter_names() {
        if !features.groups.contains(group) {
            let text = format!("show_flags: no group {name} in this kernel");
            return Err(Refusal::new(libc::EOPNOTSUPP, text, blame));
        }
        if !multi && Show::NEEDS_DUMP.contains(group) {
            let text = format!("show_flags: {name} needs NLM_F_DUMP");
            return Err(Refusal::invalid(text, blame));
        }
    }
    Ok(show)
}

fn strategy(number: u64, pid: Pid) -> Option<Strategy> {
    Some(match number {
        abi::TASK_DIAG_DUMP_ALL => Strategy::All,
        abi::TASK_DIAG_DUMP_ONE => Strategy::One(pid),
        abi::TASK_DIAG_DUMP_CHILDREN => Strategy::Children(pid),
        abi::TASK_DIAG_DUMP_THREAD => Strategy::Threads(pid),
        abi::TASK_DIAG_DUMP_ALL_THREAD => Strategy::AllThreads,
        abi::TASK_DIAG_DUMP_DESCENDANTS => Strategy::Descendants(pid),
        _ => return None,
    })
}

/// Reads the filters, in the order of their numbers.
fn filters(given: &Given<'_>, show: Show, features: &Features) -> Result<Filters, Refusal> {
    let mut filters = Filters::default();
    let given = |kind: u16| given[usize::from(kind)];
    if let Some(attribute) = given(abi::TASK_DIAG_CMD_ATTR_UID) {
        filters.uid = Some(read(sized("uid", 4, attribute)?));
    }
    if let Some(attribute) = given(abi::TASK_DIAG_CMD_ATTR_CGROUP) {
        if !features.filters.contains(FilterKinds::CGROUP) {
            let text = "cgroup: no such filter in this kernel";
            return Err(Refusal::new(libc::EOPNOTSUPP, text, attribute.blame));
        }
        filters.cgroup = Some(read(sized("cgroup", 8, attribute)?));
    }
    if let Some(attribute) = given(abi::TASK_DIAG_CMD_ATTR_STATES) {
        filters.states = Some(states(attribute)?);
    }
    if let Some(attribute) = given(abi::TASK_DIAG_CMD_ATTR_COMM) {
        filters.comm = Some(comm(attribute)?);
    }
    if let Some(attribute) = given(abi::TASK_DIAG_CMD_ATTR_PIDS) {
        filters.pids = Some(pids(attribute)?);
    }
    if let Some(attribute) = given(abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS) {
        filters.vma_flags = Some(vma_flags(attribute)?);
        if !show.intersects(Show::VMA | Show::VMA_STAT) {
            let text = "vma_flags: show_flags asks for no areas";
            return Err(Refusal::invalid(text, attribute.blame));
        }
    }
    Ok(filters)
}

fn sized<'a>(name: &str, size: usize, attribute: Attribute<'a>) -> Result<&'a [u8], Refusal> {
    match attribute.value.len() {
        len if len == size => Ok(attribute.value),
        len => {
            let text = format!("{name}: {len} bytes instead of {size}");
            Err(Refusal::invalid(text, attribute.blame))
        }
    }
}

fn states(attribute: Attribute<'_>) -> Result<States, Refusal> {
    let states = States::from_bits_retain(read(sized("states", 4, attribute)?));
    let unknown = states.difference(States::all()).bits();
    let text = match unknown {
        0 if states.is_empty() => "states: none".to_owned(),
        0 => return Ok(states),
        _ => format!("states: unknown bits 0x{unknown:x}"),
    };
    Err(Refusal::invalid(text, attribute.blame))
}

fn comm(attribute: Attribute<'_>) -> Result<Vec<u8>, Refusal> {
    let longest = TASK_DIAG_COMM_LEN - 1;
    let name = attribute.value;
    let name = name.strip_suffix(b"\0").unwrap_or(name);
    let (errno, text) = match name.len() {
        len if attribute.value.is_empty() || len > longest => {
            let text = format!("comm: {len} bytes instead of 1 to {longest}");
            (libc::ERANGE, text)
        }
        0 => (libc::EINVAL, "comm: empty".to_owned()),
        _ if name.contains(&0) => (libc::EINVAL, "comm: a NUL before its end".to_owned()),
        _ => return Ok(name.to_owned()),
    };
    Err(Refusal::new(errno, text, attribute.blame))
}

fn pids(attribute: Attribute<'_>) -> Result<Vec<Pid>, Refusal> {
    let len = attribute.value.len();
    if len == 0 || len % size_of::<Pid>() != 0 {
        let text = format!("pids: {len} bytes are no list of u32");
        return Err(Refusal::invalid(text, attribute.blame));
    }
    let pids: Vec<Pid> = attribute.value.chunks(size_of::<Pid>()).map(read).collect();
    if !pids.iter().copied().all(is_number) {
        let text = "pids: not the number of a task";
        return Err(Refusal::invalid(text, attribute.blame));
    }
    Ok(pids)
}

fn vma_flags(attribute: Attribute<'_>) -> Result<VmaFlags, Refusal> {
    let flags = VmaFlags::from_bits_retain(read(sized("vma_flags", 8, attribute)?));
    match flags.difference(VmaFlags::all()).bits() {
        0 => Ok(flags),
        unknown => {
            let text = format!("vma_flags: unknown bits 0x{unknown:x}");
            Err(Refusal::invalid(text, attribute.blame))
        }
    }
}

fn blame_of(given: &Given<'_>, kind: u16) -> Blame {
    given[usize::from(kind)].map_or(Blame::Nothing, |attribute| attribute.blame)
}

/// An id without a mapping into the caller's user namespace is nobody's.
fn check_uid(filters: &Filters, given: &Given<'_>, proc: &mut Proc) -> Result<(), Refusal> {
    match filters.uid {
        Some(uid) if !has_mapping(uid, proc) => Err(Refusal::invalid(
            "uid: no such id in the user namespace",
            blame_of(given, abi::TASK_DIAG_CMD_ATTR_UID),
        )),
        _ => Ok(()),
    }
}

fn has_mapping(uid: u32, proc: &mut Proc) -> bool {
    // Kernels without user namespaces have no such file, and every id.
    let Ok(map) = proc.read_all(format_args!("self/uid_map")) else {
        return uid != u32::MAX;
    };
    map.split(|&byte| byte == b'\n').any(|line| {
        let mut numbers = text::words(line).map(text::number::<u64>);
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Some(first)), Some(_), Some(Some(count))) => {
                u64::from(uid) >= first && u64::from(uid) - first < count
            }
            _ => false,
        }
    })
}

fn find_cgroup(
    filters: &Filters,
    given: &Given<'_>,
    cgroups: &Cgroups,
) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(id) = filters.cgroup else {
        return Ok(None);
    };
    let blame = blame_of(given, abi::TASK_DIAG_CMD_ATTR_CGROUP);
    let missing = || Refusal::new(libc::ENOENT, "cgroup: no such cgroup", blame);
    cgroups.path_of(id).map(Some).ok_or_else(missing)
}
