// SPDX-License-Identifier: MIT
//! The owned form of a task.

use super::{
    Absent, Base, Cgroup, Cmdline, Cred, Environ, Files, Ident, Io, Limits, Ns, NsPid, NsPids, Oom,
    Paths, Sched, Signals, Stat, Vma, VmaStat,
};
use crate::abi::{self, TaskDiagAbsent, TaskDiagBase, TaskDiagCreds, TaskDiagStat};
use crate::netlink::read;
use crate::pid::Pid;

/// A task, owned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default)
)]
#[non_exhaustive]
pub struct Task {
    /// The pid of the task.
    pub pid: Pid,
    /// The pid of its process: the thread group leader.
    pub tgid: Pid,
    /// Its pids, state and name, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub base: Option<Base>,
    /// Its credentials, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cred: Option<Cred>,
    /// Its times and sizes, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub stat: Option<Stat>,
    /// The fields that distinguish it from later tasks with its pid, if they were
    /// requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub ident: Option<Ident>,
    /// Its namespaces, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub ns: Option<Ns>,
    /// Its cgroup, if it was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cgroup: Option<Cgroup<'static>>,
    /// The number of its open files, if it was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub files: Option<Files>,
    /// Its command line, if it was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cmdline: Option<Cmdline<'static>>,
    /// Its memory mappings, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub vmas: Option<Vec<Vma<'static>>>,
    /// Memory use of the mappings, if it was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub vma_stats: Option<Vec<VmaStat>>,
    /// Its input and output, if it was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub io: Option<Io>,
    /// Its signals, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub signals: Option<Signals>,
    /// Its resource limits, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub limits: Option<Limits>,
    /// Its order for the OOM killer, if it was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub oom: Option<Oom>,
    /// Its program and directories, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub paths: Option<Paths<'static>>,
    /// Its environment, if it was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub environ: Option<Environ<'static>>,
    /// Its scheduling, if it was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub sched: Option<Sched<'static>>,
    /// Its pids in each pid namespace, if they were requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub nspids: Option<Vec<NsPid>>,
    /// The groups that the row lacks, with the reason.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Absent::is_empty"))]
    pub absent: Absent,
    /// Whether it is a cached row, kept current by events: see
    /// [`crate::TaskRef::is_cached`].
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "std::ops::Not::not"))]
    pub cached: bool,
    /// The attributes this crate does not decode, as received: type and bytes.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub other: Vec<(u16, Vec<u8>)>,
}

impl Task {
    /// Adds an attribute. Only the first one of a group with a single structure is
    /// decoded; further ones and unknown attributes are stored as received.
    pub(super) fn add(&mut self, kind: u16, value: &[u8]) {
        match kind {
            abi::TASK_DIAG_BASE if self.base.is_none() => {
                self.base = Some(read::<TaskDiagBase>(value).into());
            }
            abi::TASK_DIAG_CRED if self.cred.is_none() => {
                self.cred = Some(read::<TaskDiagCreds>(value).into());
            }
            abi::TASK_DIAG_STAT if self.stat.is_none() => {
                self.stat = Some(read::<TaskDiagStat>(value).into());
            }
            abi::TASK_DIAG_FILES if self.files.is_none() => {
                self.files = Some(read::<abi::TaskDiagFiles>(value).into());
            }
            abi::TASK_DIAG_IDENT if self.ident.is_none() => {
                self.ident = Some(read::<abi::TaskDiagIdent>(value).into());
            }
            abi::TASK_DIAG_NS if self.ns.is_none() => {
                self.ns = Some(read::<abi::TaskDiagNs>(value).into());
            }
            abi::TASK_DIAG_CGROUP if self.cgroup.is_none() => {
                // It was checked when the task was received.
                self.cgroup = Cgroup::read(value).ok().map(Cgroup::into_owned);
            }
            abi::TASK_DIAG_IO if self.io.is_none() => {
                self.io = Some(read::<abi::TaskDiagIo>(value).into());
            }
            abi::TASK_DIAG_SIGNALS if self.signals.is_none() => {
                self.signals = Some(read::<abi::TaskDiagSignals>(value).into());
            }
            abi::TASK_DIAG_LIMITS if self.limits.is_none() => {
                self.limits = Some(read::<abi::TaskDiagLimits>(value).into());
            }
            abi::TASK_DIAG_OOM if self.oom.is_none() => {
                self.oom = Some(read::<abi::TaskDiagOom>(value).into());
            }
            abi::TASK_DIAG_SCHED if self.sched.is_none() => {
                // It was checked when the task was received.
                self.sched = Sched::read(value).ok().map(Sched::into_owned);
            }
            abi::TASK_DIAG_NSPID if self.nspids.is_none() => {
                self.nspids = Some(NsPids::new(value).collect());
            }
            abi::TASK_DIAG_ABSENT => self.absent = read::<TaskDiagAbsent>(value).into(),
            abi::TASK_DIAG_CMDLINE => self.cmdline.get_or_insert_default().add(value),
            abi::TASK_DIAG_ENVIRON => self.environ.get_or_insert_default().add(value),
            abi::TASK_DIAG_PATHS => {
                let paths = Paths::read(value).into_owned();
                self.paths.get_or_insert_default().add(paths);
            }
            abi::TASK_DIAG_VMA => {
                let vmas = Vma::all(value).map(Vma::into_owned);
                self.vmas.get_or_insert_default().extend(vmas);
            }
            abi::TASK_DIAG_VMA_STAT => {
                let stats = VmaStat::all(value);
                self.vma_stats.get_or_insert_default().extend(stats);
            }
            _ => self.other.push((kind, value.to_vec())),
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "serde")]
    use super::*;
    #[cfg(feature = "serde")]
    use crate::show::Show;
    #[cfg(feature = "serde")]
    use crate::task::{Comm, FileCounts, Memory, State, TaskPath, VmaFlags};

    #[cfg(feature = "serde")]
    #[test]
    fn state_name_and_capabilities_are_serialised_as_text() {
        let task = Task {
            pid: 7,
            tgid: 7,
            base: Some(Base {
                state: State::Zombie,
                comm: Comm::new(b"sh\n\xff"),
                ..Base::default()
            }),
            cred: Some(Cred {
                cap_effective: Some(crate::CapSet(0b10_0001)),
                ..Cred::default()
            }),
            ..Task::default()
        };
        let json = serde_json::to_value(&task).unwrap();
        assert_eq!(json["base"]["state"], "Z");
        assert_eq!(json["base"]["comm"], serde_json::json!(b"sh\n\xff"));
        assert_eq!(
            json["cred"]["cap_effective"],
            serde_json::json!(["cap_chown", "cap_kill"])
        );
        assert_eq!(json.get("other"), None);
        let none = serde_json::to_value(Task::default()).unwrap();
        assert_eq!(none, serde_json::json!({"pid": 0, "tgid": 0}));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serialized_task_is_deserialized_unchanged() {
        let task = Task {
            pid: 7,
            tgid: 7,
            base: Some(Base {
                state: State::TraceStop,
                comm: Comm::new(b"a b\xff"),
                ..Base::default()
            }),
            cred: Some(Cred {
                cap_effective: Some(crate::CapSet(0b10_0001 | 1 << 63)),
                cap_bset: Some(crate::CapSet::ALL),
                ..Cred::default()
            }),
            stat: Some(Stat {
                start_time: u64::MAX,
                memory: Some(Memory::default()),
                exit_code: Some(-1),
                ..Stat::default()
            }),
            ident: Some(Ident::default()),
            ns: Some(Ns {
                mnt: Some(3),
                ..Ns::default()
            }),
            cgroup: Some(Cgroup {
                path: Some(b"/app\\x2d\xfe".into()),
                ..Cgroup::default()
            }),
            files: Some(Files {
                counts: Some(FileCounts::default()),
                ..Files::default()
            }),
            sched: Some(Sched {
                policy: 6,
                deadline: Some(5),
                ioprio: Some(crate::IoPriority::new(2 << 13 | 4)),
                cpus: Some([0, 1, 2, 70].into_iter().collect()),
                ..Sched::default()
            }),
            nspids: Some(vec![NsPid::default()]),
            cmdline: Some(Cmdline::from(&b"sh\0-c\xc3\0\0"[..])),
            paths: Some(Paths {
                exe: Some(TaskPath {
                    path: Some(b"/bin/\xfe (deleted)".into()),
                    deleted: true,
                }),
                cwd: Some(TaskPath::default()),
                root: None,
            }),
            environ: Some(Environ::from(&b"A=1\0\xc3\0"[..])),
            vmas: Some(vec![
                Vma {
                    flags: VmaFlags::READ | VmaFlags::DELETED,
                    name: Some(b"[heap]".into()),
                    ..Vma::default()
                },
                Vma::default(),
            ]),
            vma_stats: Some(vec![VmaStat::default()]),
            absent: Absent {
                gone: Show::CMDLINE | Show::from_bits_retain(1 << 40),
                denied: Show::NS,
                ..Absent::default()
            },
            other: vec![(99, vec![1, 2])],
            ..Task::default()
        };
        for task in [task, Task::default()] {
            let json = serde_json::to_string(&task).unwrap();
            assert_eq!(serde_json::from_str::<Task>(&json).unwrap(), task, "{json}");
        }
        assert!(serde_json::from_str::<Task>(r#"{"absent": {"denied": "nothing"}}"#).is_err());
        assert!(serde_json::from_str::<State>(r#""q""#).is_err());
    }
}
