// SPDX-License-Identifier: MIT

use super::*;

fn transport(available: bool) -> TransportStatus {
    TransportStatus {
        available,
        reason: (!available).then(|| "unavailable".to_owned()),
    }
}

fn every_feature() -> Features {
    let mut all = Features::default();
    (all.groups, all.strategies) = (Show::all(), Strategies::all());
    (all.filters, all.options) = (FilterKinds::all(), Options::all());
    all
}

/// Returns a host with these transports and features, and all other properties.
fn host(netlink: bool, file: bool, features: Option<Features>) -> Diagnosis {
    let mut diagnosis = Diagnosis {
        kernel: "6.12.0".to_owned(),
        netlink: transport(netlink),
        file: transport(file),
        daemon: transport(false),
        features: features.as_ref().map(FeatureNames::from),
        procfs: Some(Mount {
            hidepid: "invisible".to_owned(),
            gid: Some(4),
            subset: None,
        }),
        procfs_problem: None,
        container: None,
        auto: Some("netlink".to_owned()),
        caller: CallerInfo {
            uid: 0,
            cap_sys_ptrace: Some(true),
            cap_sys_admin: Some(true),
            in_initial_user_ns: Some(true),
            in_initial_pid_ns: Some(false),
        },
        connector: Connector {
            reason: None,
            filter: true,
        },
        missing: Vec::new(),
        remedy: None,
    };
    diagnosis.find_missing(features);
    diagnosis
}

fn written(diagnosis: &Diagnosis, json: bool) -> String {
    let mut out = Vec::new();
    diagnosis
        .write(&mut out, json)
        .expect("a Vec accepts all bytes");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn host_with_every_feature_has_nothing_missing() {
    let diagnosis = host(true, true, Some(every_feature()));
    assert!(diagnosis.has_task_diag());
    let text = written(&diagnosis, false);
    assert!(text.contains("\nnetlink     yes\n"), "{text}");
    assert!(text.contains("\nprocfs      yes: hidepid=invisible, gid=4\n"));
    assert!(text.contains("\nnamespaces  user: initial, pid: not initial\n"));
    assert!(text.ends_with("\nmissing     nothing\n"), "{text}");
}

#[test]
fn file_transport_alone_counts_as_task_diag() {
    assert!(host(false, true, Some(every_feature())).has_task_diag());
    let text = written(&host(false, true, Some(every_feature())), false);
    assert!(text.contains("\nnetlink     no: unavailable\n"), "{text}");
}

#[test]
fn host_without_task_diag_gets_a_remedy() {
    let mut diagnosis = host(false, false, None);
    assert!(!diagnosis.has_task_diag());
    assert_eq!(diagnosis.remedy, Some(GET_TASK_DIAG));
    diagnosis.auto = Some("procfs".to_owned());
    let text = written(&diagnosis, false);
    for line in [
        "auto        procfs: several system calls per task",
        "missing     task_diag, built into the kernel or as a module",
    ] {
        assert!(text.lines().any(|other| other == line), "{text}");
    }
    assert!(
        text.lines()
            .last()
            .is_some_and(|line| line.starts_with("remedy      scripts/run taskdiag-cli")),
    );
}

#[test]
fn container_gets_a_remedy_for_the_host() {
    let mut diagnosis = host(false, false, None);
    diagnosis.container = Some("docker".to_owned());
    diagnosis.find_missing(None);
    let text = written(&diagnosis, false);
    assert!(text.contains("\ncontainer   docker\n"), "{text}");
    assert!(
        text.contains("\nremedy      on the host, install"),
        "{text}"
    );
    assert!(!text.contains("scripts/run"), "{text}");

    diagnosis.caller.cap_sys_ptrace = Some(false);
    diagnosis.find_missing(Some(every_feature()));
    assert_eq!(diagnosis.remedy, Some(GET_RIGHTS_IN_CONTAINER));
}

#[test]
fn hidden_proc_is_not_a_kernel_without_task_diag() {
    for (state, mount, line, remedy) in [
        (
            ProcState::PidSubset,
            Some("pid"),
            "procfs      yes: hidepid=invisible, subset=pid",
            GET_PROC,
        ),
        (
            ProcState::NotMounted,
            None,
            "procfs      no: no procfs is mounted on /proc",
            GET_PROC,
        ),
    ] {
        let mut diagnosis = host(false, false, None);
        diagnosis.procfs_problem = state.problem();
        diagnosis.procfs = mount.map(|subset| Mount {
            hidepid: "invisible".to_owned(),
            gid: None,
            subset: Some(subset.to_owned()),
        });
        (
            diagnosis.caller.cap_sys_ptrace,
            diagnosis.caller.cap_sys_admin,
        ) = (None, None);
        diagnosis.find_missing(None);
        assert_eq!(diagnosis.remedy, Some(remedy));
        let text = written(&diagnosis, false);
        assert!(text.lines().any(|other| other == line), "{text}");
        assert!(
            text.contains("/proc/task-diag cannot be examined"),
            "{text}"
        );
        assert!(text.contains("perhaps with CAP_SYS_PTRACE"), "{text}");
        assert!(
            !text.contains("to list processes of other users;"),
            "{text}"
        );
        assert_eq!(diagnosis.missing.len(), 2);
    }
}

#[test]
fn older_kernel_and_missing_capability_are_reported() {
    let mut diagnosis = host(true, false, Some(Features::FIRST));
    assert!(
        diagnosis.missing[0].starts_with("groups stat,"),
        "{:?}",
        diagnosis.missing
    );
    assert_eq!((diagnosis.missing.len(), diagnosis.remedy), (4, None));

    diagnosis.caller.cap_sys_ptrace = Some(false);
    diagnosis.connector.reason = Some("the kernel is built without it".to_owned());
    diagnosis.missing.clear();
    diagnosis.find_missing(Some(every_feature()));
    assert_eq!(diagnosis.missing.len(), 2);
    assert_eq!(diagnosis.remedy, Some(GET_RIGHTS));
}

#[test]
fn json_is_an_object() {
    let text = written(&host(true, false, Some(every_feature())), true);
    let value: serde_json::Value = serde_json::from_str(&text).expect("an object");
    assert_eq!(value["netlink"]["available"], true);
    assert_eq!(value["file"]["reason"], "unavailable");
    assert_eq!(value["procfs"]["gid"], 4);
    assert_eq!(value["features"]["groups"][0], "base");
    assert_eq!(value["connector"]["filter"], true);
    assert_eq!(value["missing"], serde_json::json!([]));
}

#[test]
fn this_host_can_be_diagnosed() {
    let diagnosis = Diagnosis::collect();
    assert!(diagnosis.auto.is_some());
    assert_eq!(diagnosis.caller.uid, geteuid().as_raw());
    assert_eq!(diagnosis.has_task_diag(), diagnosis.features.is_some());
}
