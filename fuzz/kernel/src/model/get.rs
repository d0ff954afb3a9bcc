// SPDX-License-Identifier: MIT
//! Checks of a `TASK_DIAG_CMD_GET`: its fields, filters, pid namespace, procfs mount
//! and task.

use nix::libc::{EBADF, EINVAL, ENOENT, EOPNOTSUPP, EPERM, ESRCH};

use super::attributes::{self, Found};
use super::{Environment, Opened, PID_MAX_LIMIT, PidNs, Presence, Query, Refusal, Visibility};
use crate::groups::{self, GROUPS};
use crate::wire::{NLM_F_DUMP, u32_at, u64_at};
use taskdiag::abi;

/// Faults of a request, of which the kernel reports one.
#[derive(Debug, Default)]
struct Faults {
    /// Faults with which the request cannot succeed.
    certain: Vec<Refusal>,
    /// Errors of a request that may also succeed.
    possible: Vec<Refusal>,
}

impl Faults {
    /// Returns the query, unless a fault is certain, and the possible errors.
    fn resolve(self, query: Query) -> (Option<Query>, Vec<Refusal>) {
        let query = self.certain.is_empty().then_some(query);
        let mut refusals = self.certain;
        refusals.extend(self.possible);
        (query, refusals)
    }
}

/// Returns the query and the possible errors of a `TASK_DIAG_CMD_GET`. Its
/// attributes begin at `begin`.
pub(super) fn request_message(
    message: &[u8],
    begin: usize,
    flags: u16,
    environment: &dyn Environment,
) -> (Option<Query>, Vec<Refusal>) {
    let parsed = attributes::parse(message, begin);
    if parsed.fault.is_some() {
        return (None, parsed.faults().collect());
    }
    let dump = flags & NLM_F_DUMP == NLM_F_DUMP;
    let mut faults = Faults {
        certain: Vec::new(),
        possible: Vec::new(),
    };
    faults.certain.extend(parsed.last_faults());
    if environment.source_may_be_gone() {
        faults.possible.push(Refusal::no_such_task());
    }
    let Some(get) = parsed.last(abi::TASK_DIAG_CMD_ATTR_GET) else {
        faults.certain.push(Refusal::plain(EINVAL));
        let refusals = faults.certain.into_iter().chain(faults.possible);
        return (None, refusals.collect());
    };

    let mut query = read_request(get, dump, environment, &mut faults);
    check_filters(&parsed, &mut query, environment, &mut faults);
    find_scope(&parsed, &mut query, environment, &mut faults);
    find_task(&parsed, get, &mut query, environment, &mut faults);
    if query.is_filtered() && query.strategy == abi::TASK_DIAG_DUMP_ONE {
        faults.possible.push(Refusal::no_such_task());
    }
    faults.resolve(query)
}

/// Checks `TASK_DIAG_CMD_ATTR_GET`.
fn read_request(
    get: &Found<'_>,
    dump: bool,
    environment: &dyn Environment,
    faults: &mut Faults,
) -> Query {
    let request = get.value;
    let query = Query {
        show: u64_at(request, 0).unwrap_or_default(),
        strategy: u64_at(request, 8).unwrap_or_default(),
        pid: u32_at(request, 16).unwrap_or_default(),
        pid_ns: environment.pid_ns(),
        dump,
        filters: 0,
        visibility: Visibility::Strict,
        pids: None,
        states: None,
    };
    let features = environment.features();
    let mut fault = |errno| faults.certain.push(Refusal::at(errno, get.at));
    if u32_at(request, 20) != Some(0) {
        fault(EINVAL);
    }
    if query.show & !groups::known() != 0 {
        fault(EINVAL);
    }
    if query.show & groups::known() & !features.groups != 0 {
        fault(EOPNOTSUPP);
    }
    if !dump
        && GROUPS
            .iter()
            .any(|group| query.show & (1 << group.bit) != 0 && group.is_long())
    {
        fault(EINVAL);
    }
    if query.strategy > abi::TASK_DIAG_DUMP_MAX {
        fault(EINVAL);
    } else if features.strategies & (1 << query.strategy) == 0 {
        fault(EOPNOTSUPP);
    }
    if !dump && query.strategy != abi::TASK_DIAG_DUMP_ONE {
        fault(EINVAL);
    }
    query
}

fn check_filters(
    parsed: &attributes::Parsed<'_>,
    query: &mut Query,
    environment: &dyn Environment,
    faults: &mut Faults,
) {
    let supported = environment.features().filters;
    for filter in 0..=abi::TASK_DIAG_FILTER_MAX {
        let Some(found) = parsed.last(abi::TASK_DIAG_ATTR_FILTERS + filter) else {
            continue;
        };
        query.filters |= 1 << filter;
        let mut fault = |errno| faults.certain.push(Refusal::at(errno, found.at));
        if supported & (1 << filter) == 0 {
            fault(EOPNOTSUPP);
        }
        match found.kind {
            abi::TASK_DIAG_CMD_ATTR_UID => {
                match u32_at(found.value, 0).map(|uid| environment.has_uid(uid)) {
                    Some(Some(true)) | None => {}
                    Some(Some(false)) => fault(EINVAL),
                    Some(None) => faults.possible.push(Refusal::at(EINVAL, found.at)),
                }
            }
            // The model does not know which cgroups exist.
            abi::TASK_DIAG_CMD_ATTR_CGROUP => {
                faults.possible.push(Refusal::at(ENOENT, found.at));
            }
            abi::TASK_DIAG_CMD_ATTR_STATES => query.states = u32_at(found.value, 0),
            abi::TASK_DIAG_CMD_ATTR_PIDS => {
                query.pids = Some(
                    found
                        .value
                        .chunks_exact(4)
                        .filter_map(|pid| u32_at(pid, 0))
                        .collect(),
                );
            }
            abi::TASK_DIAG_CMD_ATTR_VMA_FLAGS => {
                let needs = abi::TASK_DIAG_SHOW_VMA | abi::TASK_DIAG_SHOW_VMA_STAT;
                if query.show & needs == 0 {
                    fault(EINVAL);
                }
                let flags = u64_at(found.value, 0).unwrap_or_default();
                if flags & !environment.features().vma_flags != 0 {
                    fault(EOPNOTSUPP);
                }
            }
            _ => {}
        }
    }
}

/// Determines the pid namespace and the visibility of a request.
fn find_scope(
    parsed: &attributes::Parsed<'_>,
    query: &mut Query,
    environment: &dyn Environment,
    faults: &mut Faults,
) {
    if let Some(found) = parsed.last(abi::TASK_DIAG_CMD_ATTR_PROC_FD) {
        let pidns_fd = parsed.last(abi::TASK_DIAG_CMD_ATTR_PIDNS_FD);
        find_mount(found, pidns_fd.is_some(), query, environment, faults);
    } else {
        find_pid_ns(parsed, query, environment, faults);
        if let Some(mount) = environment.mount() {
            query.visibility = Visibility::of(mount, query.pid_ns);
        }
    }
    if environment.features().is_strict() {
        query.visibility = Visibility::Strict;
    }
}

/// Checks `TASK_DIAG_CMD_ATTR_PROC_FD`. `combined`: the request has
/// `TASK_DIAG_CMD_ATTR_PIDNS_FD` as well.
fn find_mount(
    found: &Found<'_>,
    combined: bool,
    query: &mut Query,
    environment: &dyn Environment,
    faults: &mut Faults,
) {
    let mut fault = |errno| faults.certain.push(Refusal::at(errno, found.at));
    if environment.features().options & abi::TASK_DIAG_OPTION_PROC_FD == 0 {
        fault(EOPNOTSUPP);
    }
    // The transaction file belongs to a mount, and a single request may not wait.
    if combined || environment.mount().is_some() || !query.dump {
        return fault(EINVAL);
    }
    if !environment.has_credentials_of_opener() {
        return fault(EPERM);
    }
    match environment.opened(u32_at(found.value, 0).unwrap_or_default()) {
        Opened::Nothing => fault(EBADF),
        Opened::Mount { mount, .. } => {
            query.pid_ns = mount.pid_ns;
            query.visibility = Visibility::ByMount(mount);
        }
        Opened::Unsure => {
            query.pid_ns = PidNs::Unknown;
            query.visibility = Visibility::Unknown;
            let refusals = [EBADF, EINVAL].map(|errno| Refusal::at(errno, found.at));
            faults.possible.extend(refusals);
        }
        Opened::Other
        | Opened::Path
        | Opened::Task(_)
        | Opened::EndedTask
        | Opened::PidNamespace(_) => fault(EINVAL),
    }
}

/// Checks `TASK_DIAG_CMD_ATTR_PIDNS_FD`.
fn find_pid_ns(
    parsed: &attributes::Parsed<'_>,
    query: &mut Query,
    environment: &dyn Environment,
    faults: &mut Faults,
) {
    let Some(found) = parsed.last(abi::TASK_DIAG_CMD_ATTR_PIDNS_FD) else {
        return;
    };
    if environment.features().options & abi::TASK_DIAG_OPTION_PIDNS_FD == 0 {
        faults.certain.push(Refusal::at(EOPNOTSUPP, found.at));
    }
    let mut fault = |errno| faults.certain.push(Refusal::at(errno, found.at));
    match environment.opened(u32_at(found.value, 0).unwrap_or_default()) {
        Opened::Nothing
        | Opened::Path
        | Opened::Mount {
            path_only: true, ..
        } => fault(EBADF),
        Opened::Other | Opened::Mount { .. } | Opened::Task(_) | Opened::EndedTask => {
            fault(EINVAL);
        }
        Opened::PidNamespace(pid_ns) => {
            if !pid_ns.is_within(environment.pid_ns()) && !environment.may_enter_any_pid_ns() {
                fault(EPERM);
            }
            query.pid_ns = pid_ns;
        }
        Opened::Unsure => {
            query.pid_ns = PidNs::Unknown;
            let refusals = [EBADF, EINVAL, EPERM].map(|errno| Refusal::at(errno, found.at));
            faults.possible.extend(refusals);
        }
    }
}

/// Checks the task that the strategy refers to, by pid or by pidfd.
fn find_task(
    parsed: &attributes::Parsed<'_>,
    get: &Found<'_>,
    query: &mut Query,
    environment: &dyn Environment,
    faults: &mut Faults,
) {
    let Some(found) = parsed.last(abi::TASK_DIAG_CMD_ATTR_PIDFD) else {
        if query.is_for_all() || query.strategy > abi::TASK_DIAG_DUMP_MAX {
            return;
        }
        if !(1..=PID_MAX_LIMIT).contains(&query.pid) {
            faults.certain.push(Refusal::at(EINVAL, get.at));
            return;
        }
        let no_such_task = Refusal::at(ESRCH, get.at);
        match environment.presence(query, query.pid) {
            Presence::Present => {}
            Presence::Absent => faults.certain.push(no_such_task),
            Presence::Unsure => faults.possible.push(no_such_task),
        }
        return;
    };

    if environment.features().options & abi::TASK_DIAG_OPTION_PIDFD == 0 {
        faults.certain.push(Refusal::at(EOPNOTSUPP, found.at));
    }
    if query.pid != 0 || query.is_for_all() {
        faults.certain.push(Refusal::at(EINVAL, found.at));
    }
    query.pid = 0;
    match environment.opened(u32_at(found.value, 0).unwrap_or_default()) {
        Opened::Nothing
        | Opened::Other
        | Opened::Path
        | Opened::Mount { .. }
        | Opened::PidNamespace(_) => {
            faults.certain.push(Refusal::at(EBADF, found.at));
        }
        Opened::EndedTask => faults.certain.push(Refusal::no_such_task()),
        Opened::Task(outer) => {
            let (presence, pid) = environment.translate(query, outer);
            query.pid = pid.unwrap_or_default();
            match presence {
                Presence::Present => {}
                Presence::Absent => faults.certain.push(Refusal::no_such_task()),
                Presence::Unsure => faults.possible.push(Refusal::no_such_task()),
            }
        }
        Opened::Unsure => {
            faults.possible.push(Refusal::at(EBADF, found.at));
            faults.possible.push(Refusal::no_such_task());
        }
    }
}
