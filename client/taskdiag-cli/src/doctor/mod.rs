// SPDX-License-Identifier: MIT
//! `doctor`: what this host has to answer requests with, what it lacks, and
//! how to get that.

mod connector;
mod mount;

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};

use nix::sys::utsname::uname;
use nix::unistd::geteuid;
use serde::Serialize;
use taskdiag::{Client, Features, FilterKinds, Options, Show, Strategies, TransportKind};

use crate::features::words;

use connector::Connector;
use mount::Mount;

/// The inodes of the namespaces that the kernel boots with, `PROC_*_INIT_INO`
/// of its `<linux/proc_ns.h>`.
const FIRST_USER_NS: &str = "user:[4026531837]";
const FIRST_PID_NS: &str = "pid:[4026531836]";

const GET_TASK_DIAG: &str = "scripts/run taskdiag-cli --all";
const GET_RIGHTS: &str = "sudo taskdiag-cli doctor";

/// What there is, and what that means.
#[derive(Debug, Serialize)]
pub(crate) struct Diagnosis {
    kernel: String,
    netlink: Door,
    file: Door,
    daemon: Door,
    /// What the kernel can tell by the better of these.
    features: Option<Told>,
    procfs: Option<Mount>,
    /// The way that is taken if none is asked for.
    auto: Option<String>,
    who: Who,
    connector: Connector,
    lacks: Vec<String>,
    /// The command that gets the first that it lacks.
    get: Option<&'static str>,
}

/// A way to ask, and why it is closed.
#[derive(Debug, Serialize)]
struct Door {
    there: bool,
    why_not: Option<String>,
}

/// Features by their names.
#[derive(Debug, Serialize)]
struct Told {
    groups: Vec<String>,
    strategies: Vec<String>,
    filters: Vec<String>,
    options: Vec<String>,
}

/// Who asks, and from where.
#[derive(Debug, Serialize)]
struct Who {
    uid: u32,
    cap_sys_ptrace: bool,
    cap_sys_admin: bool,
    /// Whether it is the first; unknown without `/proc`.
    user_ns_is_first: Option<bool>,
    pid_ns_is_first: Option<bool>,
}

impl Diagnosis {
    /// Looks at the machine.
    pub(crate) fn make() -> Self {
        let kernel = uname().map_or_else(
            |_| String::new(),
            |name| name.release().to_string_lossy().into_owned(),
        );
        let (netlink, by_netlink) = Door::try_open(TransportKind::Netlink);
        let (file, by_file) = Door::try_open(TransportKind::File);
        let (daemon, _) = Door::try_open(TransportKind::Daemon);
        let features = by_netlink.or(by_file);
        let auto = Client::connect_any().map(|client| client.source().kind());
        let mut diagnosis = Self {
            connector: Connector::find(),
            kernel,
            netlink,
            file,
            daemon,
            features: features.as_ref().map(Told::from),
            procfs: Mount::find(),
            auto: auto.ok().map(|way| way.to_string()),
            who: Who::find(),
            lacks: Vec::new(),
            get: None,
        };
        diagnosis.judge(features);
        diagnosis
    }

    /// Whether task_diag answers, and not procfs in its place.
    pub(crate) fn is_fast(&self) -> bool {
        self.netlink.there || self.file.there
    }

    /// Finds what is lacking, and what to do about the first of it.
    fn judge(&mut self, features: Option<Features>) {
        let mut lack = |what: String, get| {
            self.lacks.push(what);
            self.get = self.get.or(get);
        };
        match features {
            None => lack(
                "task_diag, in the kernel or as its module".to_owned(),
                Some(GET_TASK_DIAG),
            ),
            Some(features) => {
                for what in lacking(&features) {
                    lack(what, None);
                }
            }
        }
        if !self.who.cap_sys_ptrace {
            let whose = "CAP_SYS_PTRACE, to be told of others' processes";
            lack(whose.to_owned(), Some(GET_RIGHTS));
        }
        if self.connector.why_not.is_some() {
            lack("the proc connector".to_owned(), None);
        }
    }

    /// Writes it for a person, a fact a line, or as an object.
    pub(crate) fn write(&self, out: &mut dyn Write, json: bool) -> io::Result<()> {
        if json {
            serde_json::to_writer(&mut *out, self)?;
            return out.write_all(b"\n");
        }
        for (what, fact) in self.facts() {
            writeln!(out, "{what:11} {fact}")?;
        }
        Ok(())
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![
            ("kernel", self.kernel.clone()),
            ("netlink", self.netlink.tell()),
            ("file", self.file.tell()),
            ("daemon", self.daemon.tell()),
        ];
        if let Some(told) = &self.features {
            facts.push(("groups", told.groups.join(",")));
            facts.push(("strategies", told.strategies.join(",")));
            facts.push(("filters", told.filters.join(",")));
            facts.push(("options", told.options.join(",")));
        }
        facts.push(("procfs", tell_procfs(self.procfs.as_ref())));
        facts.push(("auto", tell_auto(self.auto.as_deref(), self.is_fast())));
        facts.push(("user", self.who.tell()));
        facts.push(("namespaces", self.who.tell_namespaces()));
        facts.push(("connector", tell_connector(&self.connector)));
        let lacks = match &self.lacks[..] {
            [] => "nothing".to_owned(),
            lacks => lacks.join("; "),
        };
        facts.push(("lacks", lacks));
        if let Some(get) = self.get {
            facts.push(("get it", tell_get(get)));
        }
        facts
    }
}

impl Door {
    /// Whether requests are answered this way, and what can be asked.
    fn try_open(way: TransportKind) -> (Self, Option<Features>) {
        let asked = Client::connect_over(way).and_then(|mut client| client.features());
        let why_not = asked.as_ref().err().map(ToString::to_string);
        let there = asked.is_ok();
        (Self { there, why_not }, asked.ok())
    }

    fn tell(&self) -> String {
        match &self.why_not {
            None => "yes".to_owned(),
            Some(why) => format!("no: {why}"),
        }
    }
}

impl From<&Features> for Told {
    fn from(features: &Features) -> Self {
        let words = |names: &dyn Display| {
            let names = names.to_string();
            words(&names).into_iter().map(str::to_owned).collect()
        };
        Self {
            groups: words(&features.groups),
            strategies: words(&features.strategies),
            filters: words(&features.filters),
            options: words(&features.options),
        }
    }
}

/// What this version knows of and the kernel does not.
fn lacking(features: &Features) -> impl Iterator<Item = String> {
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
        ("options", (Options::all() - features.options).to_string()),
    ]
    .into_iter()
    .filter(|(_, names)| !names.is_empty())
    .map(|(kind, names)| format!("{kind} {names}"))
}

impl Who {
    fn find() -> Self {
        // Whatever answers requests tells of the asker too.
        let own = Client::connect_any()
            .and_then(|mut client| client.one(std::process::id(), Show::CRED))
            .ok();
        let may = own
            .and_then(|task| task.cred)
            .map(|cred| cred.cap_effective)
            .unwrap_or_default();
        let has = |name| may.iter().any(|capability| capability.name() == Some(name));
        let is = |name, first| {
            let link = fs::read_link(format!("/proc/self/ns/{name}")).ok()?;
            Some(link.to_str() == Some(first))
        };
        Self {
            uid: geteuid().as_raw(),
            cap_sys_ptrace: has("cap_sys_ptrace"),
            cap_sys_admin: has("cap_sys_admin"),
            user_ns_is_first: is("user", FIRST_USER_NS),
            pid_ns_is_first: is("pid", FIRST_PID_NS),
        }
    }

    fn tell(&self) -> String {
        let with = |has| if has { "with" } else { "without" };
        format!(
            "uid {}, {} CAP_SYS_PTRACE (to be told of others' processes), \
             {} CAP_SYS_ADMIN (for --scope-pid)",
            self.uid,
            with(self.cap_sys_ptrace),
            with(self.cap_sys_admin),
        )
    }

    fn tell_namespaces(&self) -> String {
        let which = |first| match first {
            Some(true) => "the first",
            Some(false) => "not the first",
            None => "unknown",
        };
        format!(
            "user: {}, pid: {}",
            which(self.user_ns_is_first),
            which(self.pid_ns_is_first),
        )
    }
}

fn tell_procfs(mount: Option<&Mount>) -> String {
    let Some(mount) = mount else {
        return "no: /proc is not mounted".to_owned();
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

fn tell_auto(way: Option<&str>, fast: bool) -> String {
    match way {
        None => "no way at all".to_owned(),
        Some(way) if fast => format!("{way}: one request for all tasks"),
        Some("daemon") => "daemon: one request for all tasks, which it keeps".to_owned(),
        Some(way) => format!("{way}: several system calls a task"),
    }
}

fn tell_connector(connector: &Connector) -> String {
    let filter = if connector.filter { "with" } else { "without" };
    match &connector.why_not {
        None => format!("yes, {filter} a filter of events (since Linux 6.6)"),
        Some(why) => format!("no: {why}"),
    }
}

fn tell_get(command: &str) -> String {
    match command {
        GET_TASK_DIAG => format!(
            "{command}   (in the sources of task_diag; to keep it, scripts/install \
             there, or a kernel with CONFIG_TASKDIAG)"
        ),
        _ => command.to_owned(),
    }
}

#[cfg(test)]
mod tests;
