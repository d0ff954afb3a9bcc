// SPDX-License-Identifier: MIT

use super::*;

fn transport(there: bool) -> TransportStatus {
    TransportStatus {
        there,
        why_not: (!there).then(|| "shut".to_owned()),
    }
}

fn every_feature() -> Features {
    let mut all = Features::default();
    (all.groups, all.strategies) = (Show::all(), Strategies::all());
    (all.filters, all.options) = (FilterKinds::all(), Options::all());
    all
}

/// A host with all there is, and these ways.
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
        auto: Some("netlink".to_owned()),
        who: CallerInfo {
            uid: 0,
            cap_sys_ptrace: true,
            cap_sys_admin: true,
            user_ns_is_first: Some(true),
            pid_ns_is_first: Some(false),
        },
        connector: Connector {
            why_not: None,
            filter: true,
        },
        lacks: Vec::new(),
        get: None,
    };
    diagnosis.find_missing(features);
    diagnosis
}

fn written(diagnosis: &Diagnosis, json: bool) -> String {
    let mut out = Vec::new();
    diagnosis.write(&mut out, json).expect("room");
    String::from_utf8(out).expect("text")
}

#[test]
fn host_with_every_feature_has_nothing_missing() {
    let healthy = host(true, true, Some(every_feature()));
    assert!(healthy.has_task_diag());
    let text = written(&healthy, false);
    assert!(text.contains("\nnetlink     yes\n"), "{text}");
    assert!(text.contains("\nprocfs      yes: hidepid=invisible, gid=4\n"));
    assert!(text.contains("\nnamespaces  user: the first, pid: not the first\n"));
    assert!(text.ends_with("\nlacks       nothing\n"), "{text}");
}

#[test]
fn file_transport_alone_counts_as_task_diag() {
    assert!(host(false, true, Some(every_feature())).has_task_diag());
    let text = written(&host(false, true, Some(every_feature())), false);
    assert!(text.contains("\nnetlink     no: shut\n"), "{text}");
}

#[test]
fn host_without_task_diag_gets_a_remedy() {
    let mut poor = host(false, false, None);
    assert!(!poor.has_task_diag());
    assert_eq!(poor.get, Some(GET_TASK_DIAG));
    poor.auto = Some("procfs".to_owned());
    let text = written(&poor, false);
    for line in [
        "auto        procfs: several system calls a task",
        "lacks       task_diag, in the kernel or as its module",
    ] {
        assert!(text.lines().any(|other| other == line), "{text}");
    }
    assert!(
        text.lines()
            .last()
            .is_some_and(|line| line.starts_with("get it      scripts/run taskdiag-cli")),
    );
}

#[test]
fn older_kernel_and_missing_capability_are_reported() {
    let mut old = host(true, false, Some(Features::FIRST));
    assert!(old.lacks[0].starts_with("groups stat,"), "{:?}", old.lacks);
    assert_eq!((old.lacks.len(), old.get), (4, None));

    old.who.cap_sys_ptrace = false;
    old.connector.why_not = Some("the kernel is built without it".to_owned());
    old.lacks.clear();
    old.find_missing(Some(every_feature()));
    assert_eq!(old.lacks.len(), 2);
    assert_eq!(old.get, Some(GET_RIGHTS));
}

#[test]
fn json_is_an_object() {
    let text = written(&host(true, false, Some(every_feature())), true);
    let value: serde_json::Value = serde_json::from_str(&text).expect("an object");
    assert_eq!(value["netlink"]["there"], true);
    assert_eq!(value["file"]["why_not"], "shut");
    assert_eq!(value["procfs"]["gid"], 4);
    assert_eq!(value["features"]["groups"][0], "base");
    assert_eq!(value["connector"]["filter"], true);
    assert_eq!(value["lacks"], serde_json::json!([]));
}

#[test]
fn this_host_can_be_diagnosed() {
    let diagnosis = Diagnosis::collect();
    assert!(diagnosis.auto.is_some());
    assert_eq!(diagnosis.who.uid, geteuid().as_raw());
    assert_eq!(diagnosis.has_task_diag(), diagnosis.features.is_some());
}
