// SPDX-License-Identifier: MIT
//! Values of columns, against procfs.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{self};

use serde_json::json;

use crate::common::{NOBODY, Sleeper, assert_pss, objects, output_of, procfs, with_threads};

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn every_column_agrees_with_procfs() {
    let mut command = Sleeper::shell();
    command.uid(NOBODY).gid(NOBODY);
    let (root, nobody) = (
        Sleeper::start(&mut Sleeper::shell()),
        Sleeper::start(&mut command),
    );
    // Process 2 is a kernel thread.
    for pid in [2, root.pid(), nobody.pid()] {
        let status = procfs::status(pid);
        let number = |field: &str, index: usize| {
            status[field][index]
                .parse::<u32>()
                .expect("a number in procfs")
        };
        let rows = objects(&[
            "--pid",
            &pid.to_string(),
            "--numeric",
            "--columns",
            "pid,tid,ppid,tpid,state,comm,ruid,uid,suid,fsuid,rgid,gid,sgid,fsgid,user,group,\
             capinh,capprm,capeff,capbnd,capamb,nnp",
        ]);
        assert_eq!(
            rows,
            [json!({
                "pid": number("Tgid", 0),
                "tid": number("Pid", 0),
                "ppid": number("PPid", 0),
                "tpid": number("TracerPid", 0),
                "state": status["State"][0],
                "comm": status["Name"][0],
                "ruid": number("Uid", 0),
                "uid": number("Uid", 1),
                "suid": number("Uid", 2),
                "fsuid": number("Uid", 3),
                "rgid": number("Gid", 0),
                "gid": number("Gid", 1),
                "sgid": number("Gid", 2),
                "fsgid": number("Gid", 3),
                "user": number("Uid", 1),
                "group": number("Gid", 1),
                "capinh": status["CapInh"][0],
                "capprm": status["CapPrm"][0],
                "capeff": status["CapEff"][0],
                "capbnd": status["CapBnd"][0],
                "capamb": status["CapAmb"][0],
                "nnp": number("NoNewPrivs", 0) == 1,
            })]
        );
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn users_and_capabilities_have_names() {
    let mut command = Sleeper::shell();
    command.uid(NOBODY).gid(NOBODY);
    let nobody = Sleeper::start(&mut command);
    let root = Sleeper::start(&mut Sleeper::shell());

    let row = |pid: u32| {
        let pid = pid.to_string();
        output_of(&["--pid", &pid, "--columns", "user,caps", "--no-headers"])
    };
    assert_eq!(row(nobody.pid()), "nobody -\n");
    assert_eq!(row(root.pid()), "root all\n");

    let object = objects(&["--pid", &root.pid().to_string(), "--columns", "user,caps"]);
    assert_eq!(object[0]["user"], "root");
    let caps = object[0]["caps"].as_array().expect("a list");
    assert!(caps.contains(&json!("cap_sys_admin")));
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn names_of_any_bytes_are_shown() {
    const NAMES: [&[u8]; 4] = [
        b"a b (c)",
        b"tab\tline\n",
        b"\xff\xfe\\",
        "größe".as_bytes(),
    ];
    const SHOWN: [&str; 4] = ["a b (c)", r"tab\tline\n", r"\xff\xfe\\", "größe"];
    // JSON has the bytes themselves.
    let values = [
        json!("a b (c)"),
        json!("tab\tline\n"),
        json!([0xff, 0xfe, b'\\']),
        json!("größe"),
    ];
    let rename = |index: usize| {
        fs::write("/proc/thread-self/comm", NAMES[index]).expect("a name for the thread");
    };
    with_threads(NAMES.len(), rename, || {
        let pid = process::id().to_string();
        let columns = ["--threads", &pid, "--columns", "comm"];
        let objects = objects(&columns);
        let table = output_of(&columns);
        let csv = output_of(&[&columns[..], &["--format", "csv"]].concat());
        for value in &values {
            assert!(objects.iter().any(|row| &row["comm"] == value), "{value}");
        }
        for name in SHOWN {
            assert!(table.lines().any(|line| line == name), "{name}");
            assert!(csv.lines().any(|line| line == name), "{name}");
        }
    });
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn every_format_shows_every_group() {
    let sleeper = Sleeper::start(&mut Sleeper::shell());
    let pid = sleeper.pid().to_string();
    let columns = "pid,comm,user,rss,args,fds,nofile,start_ns,leader,netns,cgpath,pss,\
                   exe,cwd,root,environ";
    let words = ["--pid", &pid, "--columns", columns];
    let row = objects(&words).remove(0);
    assert_eq!(row["args"], "sh -c echo; read never");
    assert_eq!(row["leader"], true);
    let listed = procfs::numbers(&format!("/proc/{pid}/fd")).len();
    assert_eq!(row["fds"].as_u64(), listed.try_into().ok());
    let link = fs::read_link(format!("/proc/{pid}/ns/net")).expect("procfs");
    assert_eq!(
        link.to_str(),
        Some(format!("net:[{}]", row["netns"]).as_str())
    );
    assert_pss(&row["pss"], sleeper.pid());
    for name in ["exe", "cwd", "root"] {
        let link = fs::read_link(format!("/proc/{pid}/{name}")).expect("procfs");
        assert_eq!(link.to_str(), row[name].as_str(), "{name}");
    }
    let environ = fs::read_to_string(format!("/proc/{pid}/environ")).expect("procfs");
    let environ: Vec<&str> = environ.split_terminator('\0').collect();
    assert_eq!(row["environ"], json!(environ));

    for format in ["json", "csv", "table"] {
        let text = output_of(&[&words[..], &["--format", format]].concat());
        for value in ["comm", "args", "netns", "cgpath", "exe", "cwd", "root"] {
            let value = &row[value];
            let value = value.as_str().map_or(value.to_string(), str::to_owned);
            assert!(text.contains(&value), "{format}: {text}");
        }
    }
}
