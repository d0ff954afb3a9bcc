// SPDX-License-Identifier: MIT
//! Compares `taskdiag-cli ps` with the `ps` of procps, both as root, in a kernel
//! with task_diag. Rows of sleeping tasks have to be equal byte by byte.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use common::{NOBODY, await_that, procfs, text};

/// Sleeping tasks of many kinds.
struct TestTasks {
    children: Vec<Child>,
    /// The pids of all tasks, including grandchildren.
    pids: Vec<u32>,
}

impl TestTasks {
    fn start() -> Self {
        let sleep = || {
            let mut command = Command::new("sleep");
            command.arg("1000");
            command
        };
        let under = |words: &[&str]| {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).args(["sleep", "1000"]);
            command
        };
        let script = |line: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", line]);
            command
        };
        let mut strange = sleep();
        strange.arg0(std::ffi::OsStr::from_bytes(
            "two\nlines\t\u{1b}[1m gr\u{f6}\u{df}e \u{65e5}".as_bytes(),
        ));
        let mut nameless = sleep();
        // ps prints ids from 2^31 as negative numbers.
        nameless.uid(2_000_000_007).gid(2_000_000_008);
        let mut nobody = sleep();
        nobody.uid(NOBODY).gid(NOBODY);
        let mut wide = sleep();
        if let Some((uid, gid)) = user_with_a_long_name() {
            wide.uid(uid).gid(gid);
        }
        let mut long = script("read never #");
        long.arg("x".repeat(3000));
        let commands = [
            sleep(),
            strange,
            nameless,
            nobody,
            wide,
            long,
            under(&["nice", "-n", "7"]),
            under(&["nice", "-n", "-7"]),
            under(&["chrt", "-f", "10"]),
            under(&["chrt", "-b", "0"]),
            under(&["chrt", "-i", "0"]),
            under(&["setsid"]),
            // A terminal with a foreground and a background child.
            script("exec script -qec 'set -m; sleep 1000 & sleep 1000' /dev/null"),
            // A zombie.
            script("sleep 0 & exec sleep 1000"),
            script("printf new-name > /proc/self/comm; read never; :"),
            script("exec 9<&0; ulimit -l unlimited; exec sleep 1000"),
        ];
        let children: Vec<Child> = commands.into_iter().map(start).collect();
        let stopped = &children[0];
        let pid = Pid::from_raw(stopped.id().try_into().expect("a pid"));
        kill(pid, Signal::SIGSTOP).expect("our child");

        let mut tasks = Self {
            children,
            pids: Vec::new(),
        };
        tasks.settle();
        tasks
    }

    /// Waits until all expected tasks exist and are sleeping, stopped or zombies, in
    /// two consecutive checks.
    fn settle(&mut self) {
        let mut before = Vec::new();
        self.pids = await_that(|| {
            let pids = self.descendants();
            let settled = |pid: &u32| {
                let state = &procfs::status(*pid)["State"][0];
                matches!(state.as_str(), "S" | "T" | "Z")
            };
            let still = pids == before && pids.iter().all(settled) && pids.len() == TASK_COUNT;
            before.clone_from(&pids);
            std::thread::sleep(Duration::from_millis(200));
            still.then_some(pids)
        });
    }

    /// Returns the pids of the children and all their descendants.
    fn descendants(&self) -> Vec<u32> {
        let mut pids: Vec<u32> = self.children.iter().map(Child::id).collect();
        let mut next = 0;
        while let Some(pid) = pids.get(next) {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.unwrap_or_default();
            pids.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
            next += 1;
        }
        pids.sort_unstable();
        pids
    }
}

/// The number of tasks: the commands, the shell in the terminal with its two
/// children, and the zombie.
const TASK_COUNT: usize = 16 + 3 + 1;

impl Drop for TestTasks {
    fn drop(&mut self) {
        for &pid in &self.pids {
            let pid = Pid::from_raw(pid.try_into().expect("a pid"));
            let _ = kill(pid, Signal::SIGKILL);
        }
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    command.spawn().expect("the program starts")
}

/// Returns a user whose name is too long for the column.
fn user_with_a_long_name() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").expect("a user database");
    let mut users = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let user = users.find(|fields| fields.len() > 3 && fields[0].len() > 8)?;
    Some((user[2].parse().ok()?, user[3].parse().ok()?))
}

/// Returns the output of procps. An empty file replaces /proc/cpuinfo, which procps
/// cannot parse on some kernels.
fn procps(words: &[&str]) -> String {
    let script = r#"mount --bind /dev/null /proc/cpuinfo && exec ps "$@""#;
    run(
        Command::new("unshare").args(["-m", "sh", "-c", script, "ps"]),
        words,
    )
}

/// Returns the output of the command.
fn ours(words: &[&str]) -> String {
    run(
        Command::new(env!("CARGO_BIN_EXE_taskdiag-cli")).arg("ps"),
        words,
    )
}

fn run(command: &mut Command, words: &[&str]) -> String {
    let output = command
        .args(words)
        .env("LC_ALL", "C.UTF-8")
        .env_remove("COLUMNS")
        .output()
        .expect("the command starts");
    let error_message = text(output.stderr);
    assert_eq!(
        (output.status.code(), error_message.as_str()),
        (Some(0), ""),
        "{words:?}"
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the line of headings, and the lines of these tasks by pid. A task may
/// have several lines. `index` is the index of the pid in a line.
fn lines(text: &str, index: usize, pids: &[u32]) -> (String, BTreeMap<u32, Vec<String>>) {
    let mut lines = text.lines();
    let headings = lines.next().unwrap_or_default().to_owned();
    let mut rows: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for line in lines {
        let number = line.split_whitespace().nth(index);
        match number.and_then(|word| word.parse().ok()) {
            Some(pid) if pids.contains(&pid) => rows.entry(pid).or_default().push(line.to_owned()),
            _ => {}
        }
    }
    (headings, rows)
}

/// Compares the output with that of procps before and after it.
///
/// The clock may advance between two of the three runs, so a line may be equal to
/// either one. If it advanced twice, the comparison is repeated. Percentages of the
/// elapsed time change less often as tasks get older.
fn compare(words: &[&str], index: usize, pids: &[u32]) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let before = lines(&procps(words), index, pids);
        let between = lines(&ours(words), index, pids);
        let after = lines(&procps(words), index, pids);
        assert_eq!(between.0, before.0, "{words:?}");
        assert_eq!(
            before.1.len(),
            pids.len(),
            "{words:?}: ps shows all test tasks"
        );
        assert!(between.1.keys().eq(before.1.keys()), "{words:?}");
        let equal = |pid: &u32, line: &Vec<String>| {
            before.1.get(pid) == Some(line) || after.1.get(pid) == Some(line)
        };
        let differs = between.1.iter().find(|(pid, line)| !equal(pid, line));
        let Some((pid, line)) = differs else {
            return;
        };
        assert!(
            Instant::now() < end,
            "{words:?}: {line:#?}\nis not\n{:#?}",
            before.1[pid]
        );
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn rows_equal_those_of_procps() {
    let tasks = TestTasks::start();
    let pids = &tasks.pids;
    for (words, index) in [
        (&["ax", "-o", "pid,ppid"][..], 0),
        (&["-e"], 0),
        (&["-ej"], 0),
        (&["-eT"], 0),
        (&["-eL"], 0),
        (&["-ejH"], 0),
        (&["-ec"], 0),
        (
            &[
                "-eo",
                "pid,stat,state,s,tty,tt,tname,time,cputime,bsdtime,etime",
            ],
            0,
        ),
        (
            &[
                "-eo",
                "pid,pri,priority,opri,ni,class,cls,sched,rtprio,psr,nlwp,thcount",
            ],
            0,
        ),
        (
            &[
                "-eo",
                "pid,rss,vsz,sz,size,pmem,maj_flt,min_flt,f,tpgid,sid,pgid",
            ],
            0,
        ),
        (
            &[
                "-eo",
                "pid,user,ruser,suser,fuser,group,rgroup,uid,ruid,gid,rgid",
            ],
            0,
        ),
        (
            &[
                "-eo",
                "pid,lstart,start,start_time,bsdstart,c,cp,%cpu,times,etimes",
            ],
            0,
        ),
        (
            &["-eo", "pid,netns,mntns,pidns,userns,utsns,ipcns,cgroupns"],
            0,
        ),
        (&["-eo", "pid,comm,ucmd,fname"], 0),
        (&["-eo", "pid=NUMBER,user:20,comm=NAME", "-o", "s="], 0),
        (&["-eo", "pid,user", "--sort=-rss,pid"], 0),
    ] {
        compare(words, index, pids);
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn arguments_equal_those_of_procps() {
    let tasks = TestTasks::start();
    let pids = &tasks.pids;
    for (words, index) in [
        (&["aux"][..], 1),
        (&["-ef"], 1),
        (&["ax"], 0),
        (&["axj"], 1),
        (&["-eF"], 1),
        (&["-eLf"], 1),
        (&["auxf"], 1),
        (&["auxn"], 1),
        (&["auxc"], 1),
        (&["aux", "--cols", "100"], 1),
        (&["auxw", "--cols", "100"], 1),
        (&["auxww", "--cols", "100"], 1),
        (&["-ef", "--cols", "60"], 1),
        (&["-eo", "pid,args,comm"], 0),
        (&["-eo", "pid,cmd"], 0),
    ] {
        compare(words, index, pids);
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn selections_equal_those_of_procps() {
    let tasks = TestTasks::start();
    let all: String = tasks.pids.iter().map(|pid| format!("{pid},")).collect();
    let shown = |text: &str| -> Vec<String> {
        // Exclude the two programs and the wrapper of procps.
        let own = ["ps", "taskdiag-cli", "unshare"];
        let lines = text
            .lines()
            .filter(|line| !own.iter().any(|name| line.ends_with(name)));
        lines
            .filter(|line| !line.contains("kworker"))
            .map(str::to_owned)
            .collect()
    };
    for words in [
        &["-p", &all, "-o", "pid,comm"][..],
        &["-u", "nobody", "-o", "pid,comm"],
        &["-C", "sleep", "-o", "pid,comm"],
        &["-C", "new-name", "-o", "pid="],
        &["--ppid", "1", "-o", "pid,comm"],
        &["-d", "-o", "pid,comm", "--ppid", "2", "-N"],
        &["-a", "-o", "pid,tty,comm"],
        &["a", "-o", "pid,tty,comm"],
        &["-q", &all, "-o", "pid"],
    ] {
        // ps rejects a comma at the end of a list.
        let words: Vec<&str> = words
            .iter()
            .map(|word| word.trim_end_matches(','))
            .collect();
        assert_eq!(shown(&ours(&words)), shown(&procps(&words)), "{words:?}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn empty_selection_exits_with_1_and_no_message() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"));
    let output = command
        .args(["ps", "-C", "no-such-name"])
        .output()
        .expect("the command starts");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(output.stderr), "");
    assert_eq!(text(output.stdout), "  PID TTY          TIME CMD\n");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn lines_have_the_terminal_width() {
    let on_terminal = |program: &str| {
        let line = format!("stty rows 24 cols 70; {program} -ef");
        let mut child = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of util-linux");
        let mut text = String::new();
        let mut stdout = child.stdout.take().expect("a pipe");
        stdout.read_to_string(&mut text).expect("its output");
        assert!(child.wait().is_ok_and(|status| status.success()));
        text.lines()
            .map(|line| line.trim_end().chars().count())
            .max()
    };
    let mut long = start({
        let mut command = Command::new("sh");
        command.args(["-c", "read never #"]).arg("x".repeat(3000));
        command
    });
    let ours = on_terminal(&format!("{} ps", env!("CARGO_BIN_EXE_taskdiag-cli")));
    assert_eq!(ours, Some(70));
    long.kill().expect("our child");
    long.wait().expect("its end");
}
