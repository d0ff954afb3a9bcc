// SPDX-License-Identifier: MIT

use super::*;

fn door(there: bool) -> Door {
    Door {
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
        netlink: door(netlink),
        file: door(file),
        daemon: door(false),
        features: features.as_ref().map(Told::from),
        procfs: Some(Mount {
            hidepid: "invisible".to_owned(),
            gid: Some(4),
            subset: None,
        }),
        auto: Some("netlink".to_owned()),
        who: Who {
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
    diagnosis.judge(features);
    diagnosis
}

fn written(diagnosis: &Diagnosis, json: bool) -> String {
    let mut out = Vec::new();
    diagnosis.write(&mut out, json).expect("room");
    String::from_utf8(out).expect("text")
}

#[test]
fn a_host_with_everything_lacks_nothing() {
    let healthy = host(true, true, Some(every_feature()));
    assert!(healthy.is_fast());
    let text = written(&healthy, false);
    assert!(text.contains("\nnetlink     yes\n"), "{text}");
    assert!(text.contains("\nprocfs      yes: hidepid=invisible, gid=4\n"));
    assert!(text.contains("\nnamespaces  user: the first, pid: not the first\n"));
    assert!(text.ends_with("\nlacks       nothing\n"), "{text}");
}

#[test]
fn the_file_alone_is_fast_too() {
    assert!(host(false, true, Some(every_feature())).is_fast());
    let text = written(&host(false, true, Some(every_feature())), false);
    assert!(text.contains("\nnetlink     no: shut\n"), "{text}");
}

#[test]
fn without_task_diag_there_is_a_command_that_gets_it() {
    let mut poor = host(false, false, None);
    assert!(!poor.is_fast());
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
fn an_older_kernel_and_fewer_rights_are_told_of() {
    let mut old = host(true, false, Some(Features::FIRST));
    assert!(old.lacks[0].starts_with("groups stat,"), "{:?}", old.lacks);
    assert_eq!((old.lacks.len(), old.get), (4, None));

    old.who.cap_sys_ptrace = false;
    old.connector.why_not = Some("the kernel is built without it".to_owned());
    old.lacks.clear();
    old.judge(Some(every_feature()));
    assert_eq!(old.lacks.len(), 2);
    assert_eq!(old.get, Some(GET_RIGHTS));
}

#[test]
fn programs_get_an_object() {
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
fn this_host_is_told_of_without_a_failure() {
    let diagnosis = Diagnosis::make();
    assert!(diagnosis.auto.is_some());
    assert_eq!(diagnosis.who.uid, geteuid().as_raw());
    assert_eq!(diagnosis.is_fast(), diagnosis.features.is_some());
}
