// SPDX-License-Identifier: MIT
//! `watch` with the proc connector of the running kernel, as root.
//!
//! The tests are ignored by default, because not every kernel has the connector.
//! `scripts/test client` runs them in a booted kernel, and `cargo test --test watch
//! -- --ignored` runs them on the host. Other processes may start and exit
//! meanwhile.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{ForkResult, Pid, fork};
use serde_json::Value;

mod common;

use common::{cli, error_message};

const COMMAND: &str = env!("CARGO_BIN_EXE_taskdiag-cli");

/// A running `watch`.
struct Watching {
    child: Child,
    out: BufReader<ChildStdout>,
    /// Lines that [`Self::await_output`] has read.
    seen: String,
}

impl Watching {
    /// Starts `watch`, and waits for its line of headings, which it prints after it
    /// has subscribed to events.
    fn start(words: &[&str]) -> Self {
        let mut watching = Self::launch(words);
        let mut header = String::new();
        watching.out.read_line(&mut header).expect("a header");
        assert!(header.starts_with("TIME "), "{header:?}");
        watching
    }

    fn launch(words: &[&str]) -> Self {
        let mut child = Command::new(COMMAND)
            .arg("watch")
            .args(words)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let seen = String::new();
        Self { child, out, seen }
    }

    /// Reads lines until `is_complete` accepts the output.
    ///
    /// The kernel sends an exit event after it has woken the parent: at the end of
    /// `wait()`, the event need not be queued yet.
    fn await_output(&mut self, is_complete: impl Fn(&str) -> bool) {
        while !is_complete(&self.seen) {
            let length = self.out.read_line(&mut self.seen).expect("UTF-8");
            assert_ne!(length, 0, "watch has exited: {}", self.seen);
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid"));
        kill(pid, signal).expect("a process to end");
    }

    /// Sends SIGINT, as Ctrl-C does, and returns the output and the exit status.
    fn interrupt(self) -> (String, Option<i32>) {
        self.signal(Signal::SIGINT);
        self.rest()
    }

    /// Waits for the exit, and returns the output and the exit status.
    fn rest(mut self) -> (String, Option<i32>) {
        let mut text = self.seen;
        self.out.read_to_string(&mut text).expect("UTF-8");
        (text, self.child.wait().expect("its status").code())
    }
}

/// Forks a child that exits with this code or by this signal, and returns its pid.
fn exit_child(code: i32, signal: Option<Signal>) -> u32 {
    // SAFETY: the child only makes system calls and exits.
    match unsafe { fork() }.expect("a child") {
        ForkResult::Parent { child } => {
            // SAFETY: the status pointer may be null.
            let pid = unsafe { libc::waitpid(child.as_raw(), std::ptr::null_mut(), 0) };
            assert_eq!(pid, child.as_raw());
            pid.try_into().expect("a pid")
        }
        ForkResult::Child => {
            if let Some(signal) = signal {
                let _ = nix::sys::signal::raise(signal);
            }
            // SAFETY: _exit() has no preconditions.
            unsafe { libc::_exit(code) }
        }
    }
}

/// Returns pid and details of each line of a table of exit events.
fn details(table: &str) -> BTreeMap<u32, String> {
    let lines = table.lines().map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[1], "exit", "{line}");
        let pid = words[2].parse().expect("a pid");
        (pid, words[5..].join(" "))
    });
    lines.collect()
}

#[test]
#[ignore = "needs the proc connector"]
fn nonzero_exits_are_reported_among_ten_thousand() {
    let mut watching = Watching::start(&["--events", "nonzero-exit", "--buffer", "33554432"]);
    let mut expected = BTreeMap::new();
    let mut all = Vec::new();
    for number in 0..10_000 {
        let (code, signal, description) = match number % 1000 {
            17 => (3, None, "code 3"),
            400 => (0, Some(Signal::SIGKILL), "SIGKILL"),
            999 => (255, None, "code 255"),
            _ => (0, None, ""),
        };
        let pid = exit_child(code, signal);
        all.push(pid);
        if !description.is_empty() {
            expected.insert(pid, description.to_owned());
        }
    }
    watching.await_output(|table| {
        let reported = details(table);
        expected.keys().all(|pid| reported.contains_key(pid))
    });
    let (table, status) = watching.interrupt();
    assert_eq!(status, Some(0));
    let mut reported = details(&table);
    // Other processes may fail meanwhile.
    reported.retain(|pid, _| all.contains(pid));
    assert_eq!(reported, expected);
    assert_eq!(expected.len(), 30);
}

/// A shell that exits with the code that it reads.
const SHELL: [&str; 3] = ["sh", "-c", "read code; exit $code"];

/// A process that exits with the code that it reads, 0.2 seconds after the exit of
/// its second thread.
const THREADED: [&str; 3] = [
    "python3",
    "-c",
    "import os, threading, time\n\
     code = int(input())\n\
     thread = threading.Thread(target=int)\n\
     thread.start()\n\
     thread.join()\n\
     time.sleep(0.2)\n\
     os._exit(code)",
];

fn begin(program: [&str; 3]) -> Child {
    Command::new(program[0])
        .args(&program[1..])
        .stdin(Stdio::piped())
        .spawn()
        .expect("a program")
}

/// Runs `watch --until` for a shell, calls `end` to end the shell, and returns the
/// exit status of `watch`.
fn until(words: &[&str], end: impl FnOnce(&mut Child)) -> Option<i32> {
    let mut shell = begin(SHELL);
    let pid = shell.id().to_string();
    let watching = Watching::start(&[&["--events", "exit", "--until", &pid], words].concat());
    end(&mut shell);
    let (_, status) = watching.rest();
    let _ = shell.kill();
    let _: ExitStatus = shell.wait().expect("its status");
    status
}

/// Sends a code in one write: a reader that does not wait for the end of the line
/// exits after the first.
fn send_code(process: &mut Child, code: &str) {
    use std::io::Write as _;
    let stdin = process.stdin.as_mut().expect("a pipe");
    let line = format!("{code}\n");
    stdin.write_all(line.as_bytes()).expect("a reader");
}

#[test]
#[ignore = "needs the proc connector"]
fn until_exits_with_the_status_of_the_process() {
    assert_eq!(until(&[], |shell| send_code(shell, "0")), Some(0));
    assert_eq!(until(&[], |shell| send_code(shell, "7")), Some(7));
    let killed = until(&[], |shell| shell.kill().expect("a process"));
    assert_eq!(killed, Some(128 + 9));
    assert_eq!(until(&["--timeout", "0.1"], |_| {}), Some(124));
    let free = exit_child(0, None).to_string();
    let absent = cli(&["watch", "--until", &free]);
    assert_eq!(absent.status.code(), Some(127));
    let message = String::from_utf8(absent.stderr).expect("UTF-8");
    assert!(
        message.contains(&format!("cannot wait for process {free}: ")),
        "{message}"
    );
}

#[test]
#[ignore = "needs the proc connector"]
fn until_ignores_the_status_of_other_threads() {
    let mut process = begin(THREADED);
    let pid = process.id().to_string();
    let watching = Watching::start(&["--events", "exit", "--until", &pid]);
    // Stop watch, so that the process has exited before watch reads an exit event.
    watching.signal(Signal::SIGSTOP);
    send_code(&mut process, "3");
    assert_eq!(process.wait().expect("its status").code(), Some(3));
    watching.signal(Signal::SIGCONT);
    assert_eq!(watching.rest().1, Some(3));
}

/// A process whose first thread ends with 3 while another is left. That one ends
/// the process with the code that it reads.
const LEADER_FIRST: [&str; 3] = [
    "python3",
    "-c",
    "import ctypes, os, threading\n\
     threading.Thread(target=lambda: os._exit(int(os.read(0, 9)))).start()\n\
     ctypes.CDLL(None).syscall(EXIT, 3)",
];

/// A process whose second thread runs a shell, which ends the first thread. The
/// shell exits with the code that it reads.
const THREAD_EXEC: [&str; 3] = [
    "python3",
    "-c",
    "import os, signal, threading\n\
     command = ['sh', '-c', 'read code; exit $code']\n\
     threading.Thread(target=lambda: os.execvp('sh', command)).start()\n\
     while True: signal.pause()",
];

fn leader_first() -> [String; 3] {
    // exit() of a thread, which libc does not declare as a function.
    LEADER_FIRST.map(|word| word.replace("EXIT", &libc::SYS_exit.to_string()))
}

/// Waits until the first thread of a process has ended.
fn await_dead_leader(process: &Child) {
    let path = format!("/proc/{}/stat", process.id());
    common::await_that(|| {
        let stat = std::fs::read_to_string(&path).expect("a process");
        let state = stat.rsplit(") ").next()?.chars().next()?;
        (state == 'Z').then_some(())
    });
}

/// Waits until a process runs a shell.
fn await_shell(process: &Child) {
    let path = format!("/proc/{}/comm", process.id());
    common::await_that(|| {
        let comm = std::fs::read_to_string(&path).expect("a process");
        comm.starts_with("sh").then_some(())
    });
}

/// Returns the details of the exit events of a process in a table.
fn exits(table: &str, process: &Child) -> Vec<String> {
    exits_of(table, process.id())
}

fn exits_of(table: &str, pid: u32) -> Vec<String> {
    let pid = pid.to_string();
    let lines = table.lines().map(|line| line.split_whitespace());
    let lines = lines.map(Iterator::collect::<Vec<_>>);
    let of_it = lines.filter(|words| words[1] == "exit" && words[2] == pid);
    of_it.map(|words| words[5..].join(" ")).collect()
}

/// Awaits an exit event of a process and that of a later process. Returns the details
/// of the exit events of the former.
fn exits_until_next(mut watching: Watching, process: &Child) -> Vec<String> {
    watching.await_output(|table| !exits(table, process).is_empty());
    let next = exit_child(9, None);
    watching.await_output(|table| exits_of(table, next).len() == 1);
    let (table, _) = watching.interrupt();
    exits(&table, process)
}

#[test]
#[ignore = "needs the proc connector"]
fn process_exits_once_and_with_its_last_thread() {
    let leader_first = leader_first();
    let leader_first = [0, 1, 2].map(|index| &leader_first[index][..]);
    for (program, await_it) in [
        (leader_first, await_dead_leader as fn(&Child)),
        (THREAD_EXEC, await_shell),
    ] {
        for events in ["exit", "nonzero-exit"] {
            let words = ["--events", events];
            // A process that is older than the subscription.
            let mut older = begin(program);
            let first = Watching::start(&words);
            await_it(&older);
            let second = Watching::start(&words);
            send_code(&mut older, "5");
            assert_eq!(older.wait().expect("its status").code(), Some(5));
            for watching in [first, second] {
                assert_eq!(
                    exits_until_next(watching, &older),
                    ["code 5"],
                    "{program:?}"
                );
            }
            // A process whose threads are followed from the start.
            let watching = Watching::start(&words);
            let mut newer = begin(program);
            await_it(&newer);
            send_code(&mut newer, "6");
            assert_eq!(newer.wait().expect("its status").code(), Some(6));
            assert_eq!(
                exits_until_next(watching, &newer),
                ["code 6"],
                "{program:?}"
            );
        }
    }
}

#[test]
#[ignore = "needs the proc connector"]
fn threads_option_shows_the_exit_of_the_first_thread_as_that_of_a_thread() {
    let words = leader_first();
    let mut process = begin([0, 1, 2].map(|index| &words[index][..]));
    await_dead_leader(&process);
    let mut watching = Watching::start(&["--events", "exit", "--threads"]);
    let mut other = begin([0, 1, 2].map(|index| &words[index][..]));
    await_dead_leader(&other);
    for process in [&mut process, &mut other] {
        send_code(process, "5");
        assert_eq!(process.wait().expect("its status").code(), Some(5));
    }
    watching
        .await_output(|table| exits(table, &process).len() == 2 && exits(table, &other).len() == 3);
    let (table, _) = watching.interrupt();
    assert_eq!(exits(&table, &process).len(), 2, "{table}");
    let of_other = exits(&table, &other);
    assert_eq!(of_other.len(), 3, "{table}");
    assert_eq!(of_other[0], format!("thread {}: code 3", other.id()));
    assert_eq!(of_other[2], "code 5");
}

#[test]
#[ignore = "needs the proc connector"]
fn until_waits_for_the_last_thread_and_returns_the_status_of_a_zombie_at_once() {
    let words = leader_first();
    let mut process = begin([0, 1, 2].map(|index| &words[index][..]));
    await_dead_leader(&process);
    let pid = process.id().to_string();
    let watching = Watching::start(&["--until", &pid]);
    send_code(&mut process, "5");
    let (table, status) = watching.rest();
    assert_eq!(
        (exits(&table, &process), status),
        (vec!["code 5".into()], Some(5))
    );
    // It is a zombie until it is waited for.
    assert_eq!(cli(&["watch", "--until", &pid]).status.code(), Some(5));
    assert_eq!(process.wait().expect("its status").code(), Some(5));
    let gone = cli(&["watch", "--until", &pid]);
    assert_eq!(gone.status.code(), Some(127));
}

#[test]
#[ignore = "needs the proc connector"]
fn until_shows_only_events_of_its_process() {
    let mut shell = begin(SHELL);
    let pid = shell.id().to_string();
    let watching = Watching::start(&["--until", &pid]);
    exit_child(3, None);
    send_code(&mut shell, "1");
    let (table, status) = watching.rest();
    shell.wait().expect("its status");
    assert_eq!(status, Some(1));
    let pids: Vec<_> = table
        .lines()
        .map(|line| line.split_whitespace().nth(2))
        .collect();
    assert_eq!(pids, [Some(&pid[..])], "{table}");
}

#[test]
#[ignore = "needs the proc connector"]
fn exec_event_has_arguments_and_failed_process_has_user_and_command() {
    let mut watching = Watching::launch(&["--format", "ndjson", "--events", "exec,nonzero-exit"]);
    let mut ready = begin(SHELL);
    // The first line is that of an event after the subscription, which may come after
    // any number of exits.
    let mut seen = String::new();
    let subscribed = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !subscribed.load(Ordering::Relaxed) {
                exit_child(9, None);
            }
        });
        let has_line = watching.out.fill_buf().is_ok_and(|line| !line.is_empty());
        subscribed.store(true, Ordering::Relaxed);
        assert!(has_line, "watch printed nothing");
    });
    let mut shell = Command::new("sh")
        .args(["-c", "read code; exit $code", "an  argument", ""])
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    // The program has started when spawn() returns, and lives.
    let pid = shell.id();
    let is_exec = |line: &Value| line["event"] == "exec" && line["pid"] == pid;
    let exec = loop {
        seen.clear();
        watching.out.read_line(&mut seen).expect("a line");
        let line: Value = serde_json::from_str(&seen).expect("JSON");
        if is_exec(&line) {
            break line;
        }
    };
    assert_eq!(
        exec["argv"],
        serde_json::json!(["sh", "-c", "read code; exit $code", "an  argument", ""])
    );
    send_code(&mut shell, "4");
    assert_eq!(shell.wait().expect("its status").code(), Some(4));
    let _ = ready.kill();
    ready.wait().expect("its status");
    let find_exit = |text: &str| {
        let lines = text.lines().map(serde_json::from_str::<Value>);
        let mut lines = lines.map(|line| line.expect("JSON"));
        lines.find(|line| line["event"] == "exit" && line["pid"] == pid)
    };
    watching.await_output(|text| find_exit(text).is_some());
    let (text, _) = watching.interrupt();
    let exit = find_exit(&text).expect("an exit event");
    assert_eq!(
        (&exit["comm"], &exit["user"]),
        (&"sh".into(), &"root".into())
    );
    assert_eq!(exit["code"], 4);
    assert_eq!(exit["argv"][0], "sh");
}

#[test]
#[ignore = "needs the proc connector"]
fn tree_selects_descendants_also_of_processes_that_have_ended() {
    let root = Command::new("sh")
        .args([
            "-c",
            "read a; (sh -c 'exit 3' & sh -c 'sh -c \"exit 4\"; exit 5'); exit 6",
        ])
        .stdin(Stdio::piped())
        .spawn();
    let mut root = root.expect("a shell");
    let tree = root.id().to_string();
    let mut watching = Watching::start(&["--events", "nonzero-exit", "--tree", &tree]);
    let outside = exit_child(7, None);
    send_code(&mut root, "");
    assert_eq!(root.wait().expect("its status").code(), Some(6));
    exit_child(7, None);
    watching.await_output(|table| ["code 4", "code 6"].iter().all(|code| table.contains(code)));
    let (table, _) = watching.interrupt();
    let reported = details(&table);
    assert!(!reported.contains_key(&outside), "{table}");
    let mut codes: Vec<_> = reported.into_values().collect();
    codes.sort();
    assert!(codes.iter().all(|code| code != "code 7"), "{table}");
    for code in ["code 4", "code 6"] {
        assert!(codes.iter().any(|reported| reported == code), "{table}");
    }
    let absent = exit_child(0, None).to_string();
    let message = error_message(&["watch", "--tree", &absent]);
    assert!(message.contains(&format!(
        "cannot follow the descendants of process {absent}: "
    )));
}

#[test]
#[ignore = "needs the proc connector"]
fn interrupt_exits_with_130_if_a_count_is_missing() {
    let (_, status) = Watching::start(&[]).interrupt();
    assert_eq!(status, Some(0));
    let (_, status) = Watching::start(&["--count", "1000000000"]).interrupt();
    assert_eq!(status, Some(130));
}

#[test]
#[ignore = "needs the proc connector"]
fn interrupted_json_array_is_complete() {
    let mut watching = Watching::launch(&["--format", "json", "--events", "exit"]);
    let mut first = [0];
    watching.out.read_exact(&mut first).expect("a bracket");
    let pid = exit_child(3, None);
    // The line of an event ends where the next event begins.
    exit_child(4, None);
    watching.await_output(|rest| rest.contains(&format!("\"pid\":{pid},")));
    let (rest, status) = watching.interrupt();
    assert_eq!((first, status), (*b"[", Some(0)));
    let array: Vec<Value> = serde_json::from_str(&format!("[{rest}")).expect("an array");
    let found = array.iter().find(|event| event["pid"] == pid);
    assert_eq!(found.map(|event| &event["code"]), Some(&3.into()));
}

#[test]
#[ignore = "needs the proc connector"]
fn closed_pipe_ends_watch_without_an_event() {
    let Watching { mut child, out, .. } = Watching::start(&["--pid", "1", "--events", "coredump"]);
    drop(out);
    assert_eq!(child.wait().expect("its status").code(), Some(0));
}

#[test]
#[ignore = "needs the proc connector"]
fn comm_filter_follows_process_names() {
    let mut watching = Watching::start(&["--events", "exec,exit", "--comm", "^sleep$"]);
    let status = Command::new("sh").args(["-c", "sleep 0; true"]).status();
    assert!(status.expect("a shell").success());
    watching.await_output(|table| table.contains(" exit "));
    let (table, _) = watching.interrupt();
    let events: Vec<_> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .map(|words| (words[1].to_owned(), words[4].to_owned()))
        .collect();
    for event in ["exec", "exit"] {
        let line = (event.to_owned(), "sleep".to_owned());
        assert!(events.contains(&line), "{table}");
    }
    assert!(events.iter().all(|(_, comm)| comm == "sleep"), "{table}");
}

#[test]
#[ignore = "needs the proc connector"]
fn other_namespaces_get_the_reason_for_missing_events() {
    for (option, namespace) in [("--net", "network"), ("--user", "user"), ("--pid", "pid")] {
        let output = Command::new("unshare")
            .args([option, "--fork", COMMAND, "watch", "--count", "1"])
            .output()
            .expect("unshare of util-linux");
        let text = String::from_utf8(output.stderr).expect("UTF-8");
        let reason = format!("only in the initial {namespace} namespace");
        assert!(text.contains(&reason), "{option}: {text}");
        assert_eq!(output.status.code(), Some(1), "{option}");
    }
}

#[test]
#[ignore = "needs the proc connector"]
fn count_limits_the_events() {
    let watching = Watching::start(&["--events", "nonzero-exit", "--count", "2"]);
    for _ in 0..3 {
        exit_child(1, None);
    }
    let (table, status) = watching.rest();
    assert_eq!((table.lines().count(), status), (2, Some(0)));
    assert_eq!(cli(&["watch", "--timeout", "0"]).status.code(), Some(0));
}

#[test]
#[ignore = "needs the proc connector"]
fn lost_events_are_shown_and_set_the_exit_status() {
    let mut watching = Watching::start(&["--events", "exit", "--buffer", "1"]);
    watching.signal(Signal::SIGSTOP);
    for _ in 0..100 {
        exit_child(0, None);
    }
    watching.signal(Signal::SIGCONT);
    watching.await_output(|table| table.lines().any(|line| line.contains(" lost ")));
    assert_eq!(watching.interrupt().1, Some(3));
}

#[test]
#[ignore = "needs the proc connector"]
fn transport_of_the_environment_is_used() {
    let watch = |transport| {
        let mut command = Command::new(COMMAND);
        command.args(["watch", "--events", "exit", "--timeout", "0"]);
        command.env("TASKDIAG_TRANSPORT", transport);
        command.env("TASKDIAG_SOCKET", "/nonexistent/socket");
        let output = command.output().expect("the command starts");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    assert_eq!(watch("procfs"), (Some(0), String::new()));
    for transport in ["daemon", "dance"] {
        let (status, message) = watch(transport);
        assert_ne!(status, Some(0), "{transport}");
        assert!(
            message.contains("/nonexistent/socket") || message.contains("dance"),
            "{message}"
        );
    }
}
