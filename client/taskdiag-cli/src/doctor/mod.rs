// SPDX-License-Identifier: MIT
//! `doctor`: reports the transports, features and rights that are available on
//! this host, those that are missing, and a remedy.

mod connector;
mod container;
mod mount;

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};

use nix::sys::utsname::uname;
use nix::unistd::geteuid;
use serde::Serialize;
use taskdiag::{
    Client, Features, FilterKinds, Options, ProcState, Show, Strategies, TransportKind,
};

use crate::features::{split_list, write_property};

use connector::Connector;
use mount::Mount;

/// The inode numbers of the initial namespaces, `PROC_*_INIT_INO` of the kernel's
/// `<linux/proc_ns.h>`.
const INITIAL_USER_NS: &str = "user:[4026531837]";
const INITIAL_PID_NS: &str = "pid:[4026531836]";

const GET_TASK_DIAG: &str = "scripts/run taskdiag-cli --all";
const GET_RIGHTS: &str = "sudo taskdiag-cli doctor";
const GET_PROC: &str = "mount -t proc proc /proc";
/// A container can neither load a module nor boot a kernel.
const GET_TASK_DIAG_IN_CONTAINER: &str = "on the host, install task_diag with scripts/install, or start taskdiagd and mount \
     /run/taskdiag.sock into this container";
const GET_RIGHTS_IN_CONTAINER: &str = "start this container with the capability SYS_PTRACE";
const GET_PROC_IN_CONTAINER: &str = "start this container with a whole procfs on /proc";

/// The properties of the host. Its fields are the keys of the JSON output.
#[derive(Debug, Serialize)]
pub(crate) struct Diagnosis {
    kernel: String,
    netlink: TransportStatus,
    file: TransportStatus,
    daemon: TransportStatus,
    /// The features of the kernel, by netlink or else by the file.
    features: Option<FeatureNames>,
    procfs: Option<Mount>,
    /// The reason that files of `/proc` are missing.
    procfs_problem: Option<&'static str>,
    /// The mark of a container that this process has.
    container: Option<String>,
    /// The transport that `--transport auto` selects.
    auto: Option<String>,
    caller: CallerInfo,
    connector: Connector,
    missing: Vec<String>,
    /// A command that provides the first missing item that has a remedy.
    remedy: Option<&'static str>,
}

/// Whether a transport is available.
#[derive(Debug, Serialize)]
struct TransportStatus {
    available: bool,
    /// The error, if it is not available.
    reason: Option<String>,
}

/// The names of features.
#[derive(Debug, Serialize)]
struct FeatureNames {
    groups: Vec<String>,
    strategies: Vec<String>,
    filters: Vec<String>,
    options: Vec<String>,
}

/// The credentials and namespaces of this process.
#[derive(Debug, Serialize)]
struct CallerInfo {
    uid: u32,
    /// `None` if no transport is available.
    cap_sys_ptrace: Option<bool>,
    /// `None` if no transport is available.
    cap_sys_admin: Option<bool>,
    /// `None` if `/proc` is not available.
    in_initial_user_ns: Option<bool>,
    /// `None` if `/proc` is not available.
    in_initial_pid_ns: Option<bool>,
}

impl Diagnosis {
    /// Examines the host.
    pub(crate) fn collect() -> Self {
        let kernel = uname().map_or_else(
            |_| String::new(),
            |name| name.release().to_string_lossy().into_owned(),
        );
        let (netlink, netlink_features) = TransportStatus::probe(TransportKind::Netlink);
        let (file, file_features) = TransportStatus::probe(TransportKind::File);
        let (daemon, _) = TransportStatus::probe(TransportKind::Daemon);
        let features = netlink_features.or(file_features);
        let auto = Client::connect_any().map(|client| client.source().kind());
        let caller = CallerInfo::collect();
        let mut diagnosis = Self {
            connector: Connector::probe(),
            kernel,
            netlink,
            file,
            daemon,
            features: features.as_ref().map(FeatureNames::from),
            procfs: Mount::find(),
            procfs_problem: ProcState::read().problem(),
            container: container::find(caller.in_initial_pid_ns),
            auto: auto.ok().map(|transport| transport.to_string()),
            caller,
            missing: Vec::new(),
            remedy: None,
        };
        diagnosis.find_missing(features);
        diagnosis
    }

    /// Whether the kernel has task_diag.
    pub(crate) fn has_task_diag(&self) -> bool {
        self.netlink.available || self.file.available
    }

    /// Lists missing items, and sets the remedy for the first one that has one.
    fn find_missing(&mut self, features: Option<Features>) {
        let (mut missing, mut first) = (Vec::new(), None::<&'static str>);
        let mut add = |item: String, remedy: Option<&'static str>| {
            missing.push(item);
            first = first.or(remedy);
        };
        let here = |host, container| match self.container {
            Some(_) => Some(container),
            None => Some(host),
        };
        let get_proc = here(GET_PROC, GET_PROC_IN_CONTAINER);
        let get_task_diag = here(GET_TASK_DIAG, GET_TASK_DIAG_IN_CONTAINER);
        let get_rights = here(GET_RIGHTS, GET_RIGHTS_IN_CONTAINER);
        if let Some(problem) = self.procfs_problem {
            let problem = problem.replace("which hides it", "which hides other files");
            add(format!("a whole procfs: {problem}"), get_proc);
        }
        match features {
            None if self.procfs_problem.is_some() => add(
                "the netlink family TASKDIAG; /proc/task-diag cannot be examined".to_owned(),
                get_task_diag,
            ),
            None => add(
                "task_diag, built into the kernel or as a module".to_owned(),
                get_task_diag,
            ),
            Some(features) => {
                for item in missing_features(&features) {
                    add(item, None);
                }
            }
        }
        if self.caller.cap_sys_ptrace == Some(false) {
            let item = "CAP_SYS_PTRACE, to list processes of other users";
            add(item.to_owned(), get_rights);
        }
        if self.connector.reason.is_some() {
            add("proc connector".to_owned(), None);
        }
        (self.missing, self.remedy) = (missing, first);
    }

    /// Prints one line per property, or a JSON object.
    pub(crate) fn write(&self, out: &mut dyn Write, json: bool) -> io::Result<()> {
        if json {
            serde_json::to_writer(&mut *out, self)?;
            return out.write_all(b"\n");
        }
        for (name, value) in self.properties() {
            write_property(out, name, &value)?;
        }
        Ok(())
    }

    /// Returns the names and values of the output lines.
    fn properties(&self) -> Vec<(&'static str, String)> {
        let mut properties = vec![
            ("kernel", self.kernel.clone()),
            ("netlink", self.netlink.describe()),
            ("file", self.file.describe()),
            ("daemon", self.daemon.describe()),
        ];
        if let Some(features) = &self.features {
            properties.push(("groups", features.groups.join(",")));
            properties.push(("strategies", features.strategies.join(",")));
            properties.push(("filters", features.filters.join(",")));
            properties.push(("options", features.options.join(",")));
        }
        let procfs = describe_procfs(self.procfs.as_ref(), self.procfs_problem);
        properties.push(("procfs", procfs));
        properties.push((
            "auto",
            describe_auto(self.auto.as_deref(), self.has_task_diag()),
        ));
        properties.push(("user", self.caller.describe_rights()));
        properties.push(("namespaces", self.caller.describe_namespaces()));
        if let Some(container) = &self.container {
            properties.push(("container", container.clone()));
        }
        properties.push(("connector", describe_connector(&self.connector)));
        let missing = match &self.missing[..] {
            [] => "nothing".to_owned(),
            items => items.join("; "),
        };
        properties.push(("missing", missing));
        if let Some(remedy) = self.remedy {
            properties.push(("remedy", describe_remedy(remedy)));
        }
        properties
    }
}

impl TransportStatus {
    /// Queries the features by this transport.
    fn probe(transport: TransportKind) -> (Self, Option<Features>) {
        let features = Client::connect_over(transport).and_then(|mut client| client.features());
        let reason = features.as_ref().err().map(ToString::to_string);
        let available = features.is_ok();
        (Self { available, reason }, features.ok())
    }

    fn describe(&self) -> String {
        match &self.reason {
            None => "yes".to_owned(),
            Some(reason) => format!("no: {reason}"),
        }
    }
}

impl From<&Features> for FeatureNames {
    fn from(features: &Features) -> Self {
        let names = |set: &dyn Display| {
            let names = set.to_string();
            split_list(&names).into_iter().map(str::to_owned).collect()
        };
        Self {
            groups: names(&features.groups),
            strategies: names(&features.strategies),
            filters: names(&features.filters),
            options: names(&features.options),
        }
    }
}

/// Returns the features that this version supports and the kernel does not.
fn missing_features(features: &Features) -> impl Iterator<Item = String> {
    [
        ("groups", (Show::all() - features.groups).to_string()),
        (
            "strategies",
            (Strategies::all() - features.strategies).to_string(),
        ),
        (
            "filters",
            (FilterKinds::all() - features.filters).to_string(),
        ),
        (
            "options",
            (Options::SELECTABLE - features.options).to_string(),
        ),
    ]
    .into_iter()
    .filter(|(_, names)| !names.is_empty())
    .map(|(kind, names)| format!("{kind} {names}"))
}

impl CallerInfo {
    fn collect() -> Self {
        // Every transport reports the credentials of this process.
        let own = Client::connect_any()
            .and_then(|mut client| client.one(std::process::id(), Show::CRED))
            .ok();
        let capabilities = own
            .and_then(|task| task.cred)
            .and_then(|cred| cred.cap_effective);
        let has = |name| {
            let mut capabilities = capabilities?.iter();
            Some(capabilities.any(|capability| capability.name() == Some(name)))
        };
        let is_in = |name, initial| {
            let link = fs::read_link(format!("/proc/self/ns/{name}")).ok()?;
            Some(link.to_str() == Some(initial))
        };
        Self {
            uid: geteuid().as_raw(),
            cap_sys_ptrace: has("cap_sys_ptrace"),
            cap_sys_admin: has("cap_sys_admin"),
            in_initial_user_ns: is_in("user", INITIAL_USER_NS),
            in_initial_pid_ns: is_in("pid", INITIAL_PID_NS),
        }
    }

    fn describe_rights(&self) -> String {
        let with = |has| match has {
            Some(true) => "with",
            Some(false) => "without",
            None => "perhaps with",
        };
        format!(
            "uid {}, {} CAP_SYS_PTRACE (to list processes of other users), \
             {} CAP_SYS_ADMIN (for --scope-pid)",
            self.uid,
            with(self.cap_sys_ptrace),
            with(self.cap_sys_admin),
        )
    }

    fn describe_namespaces(&self) -> String {
        let describe = |initial| match initial {
            Some(true) => "initial",
            Some(false) => "not initial",
            None => "unknown",
        };
        format!(
            "user: {}, pid: {}",
            describe(self.in_initial_user_ns),
            describe(self.in_initial_pid_ns),
        )
    }
}

fn describe_procfs(mount: Option<&Mount>, problem: Option<&str>) -> String {
    let Some(mount) = mount else {
        return match problem {
            Some(problem) => format!("no: {problem}"),
            None => "yes: unknown mount options".to_owned(),
        };
    };
    let mut text = format!("yes: hidepid={}", mount.hidepid);
    if let Some(gid) = mount.gid {
        text.push_str(&format!(", gid={gid}"));
    }
    if let Some(subset) = &mount.subset {
        text.push_str(&format!(", subset={subset}"));
    }
    text
}

fn describe_auto(transport: Option<&str>, has_task_diag: bool) -> String {
    match transport {
        None => "none: no transport is available".to_owned(),
        Some(name) if has_task_diag => format!("{name}: one request for all tasks"),
        Some("daemon") => "daemon: one request for all tasks, from its row cache".to_owned(),
        Some(name) => format!("{name}: several system calls per task"),
    }
}

fn describe_connector(connector: &Connector) -> String {
    let filter = if connector.filter { "with" } else { "without" };
    match &connector.reason {
        None => format!("yes, {filter} event filters (since Linux 6.6)"),
        Some(reason) => format!("no: {reason}"),
    }
}

fn describe_remedy(command: &str) -> String {
    match command {
        GET_TASK_DIAG => format!(
            "{command}   (in the source directory of task_diag; for permanent use, run \
             scripts/install there, or build a kernel with CONFIG_TASKDIAG)"
        ),
        _ => command.to_owned(),
    }
}

#[cfg(test)]
mod tests;
