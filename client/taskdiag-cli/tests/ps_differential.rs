// SPDX-License-Identifier: MIT
//! Compares hundreds of command lines of `taskdiag-cli ps` with the `ps` of procps.
//!
//! Standard output and the exit status have to be equal, except for [`DIFFERENT`]. Most
//! command lines select test tasks by their pid or name. For those of the whole system,
//! only the rows of test tasks are compared.
//!
//! The ignored tests compare them over each transport in a kernel with task_diag.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use common::{NOBODY, await_that};

/// The name of the test tasks, which no other process has.
const NAME: &str = "ps-diff-task";

/// Sleeping tasks with a name of their own.
struct TestTasks {
    directory: PathBuf,
    children: Vec<Child>,
}

impl TestTasks {
    fn start() -> Self {
        let directory = std::env::temp_dir().join(format!("ps-diff-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let program = directory.join(NAME);
        fs::copy("/bin/sleep", &program).expect("a program");
        let start = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            command.args(arguments).env_clear().env("FIRST", "a b");
            command.env("SECOND", "c").stdin(Stdio::null());
            // Start times differ by more than a clock tick: procps sorts by ticks, and
            // this ps by the nanoseconds that the kernel reports.
            std::thread::sleep(Duration::from_millis(30));
            command.spawn().expect("the program starts")
        };
        let children = vec![
            start(&["1000"]),
            start(&["1001", "1"]),
            start(&["1002", "0.25"]),
        ];
        let tasks = Self {
            directory,
            children,
        };
        for pid in tasks.pids() {
            await_that(|| {
                let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
                let sleeps = common::procfs::status(pid)["State"][0] == "S";
                (name.trim_end() == NAME && sleeps).then_some(())
            });
        }
        // Elapsed times below a second change percentages quickly.
        std::thread::sleep(Duration::from_secs(1));
        tasks
    }

    fn pids(&self) -> Vec<u32> {
        self.children.iter().map(Child::id).collect()
    }
}

impl Drop for TestTasks {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Environment variables before the words of a command line.
fn split(line: &str) -> (Vec<(&str, &str)>, Vec<&str>) {
    let mut words: Vec<&str> = line.split('|').collect();
    let variables = words.iter().take_while(|word| is_variable(word)).count();
    let rest = words.split_off(variables);
    let pairs = words.iter().filter_map(|word| word.split_once('='));
    (pairs.collect(), rest)
}

fn is_variable(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| name.contains('_') || matches!(name, "COLUMNS" | "LINES"))
        && word.starts_with(|c: char| c.is_ascii_uppercase())
}

/// The exit status, and the lines of standard output.
type Outcome = (Option<i32>, Vec<String>);

fn run(mut command: Command, line: &str) -> Outcome {
    let (variables, words) = split(line);
    let output = command
        .args(words)
        .env("LC_ALL", "C.UTF-8")
        .env_remove("COLUMNS")
        .env_remove("LINES")
        .envs(variables)
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        output.status.code(),
        text.lines().map(str::to_owned).collect(),
    )
}

/// Runs procps.
fn procps(line: &str) -> Outcome {
    run(Command::new("ps"), line)
}

/// Replaces `/proc/cpuinfo` by an empty file for this thread and its children, if
/// procps cannot parse that of the kernel. Requires root.
fn hide_cpuinfo() {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if !text.contains("User Mode Linux") {
        return;
    }
    let none = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
    mount(none, "/", none, private, none).expect("private mounts");
    let from = Some("/dev/null");
    mount(from, "/proc/cpuinfo", none, MsFlags::MS_BIND, none).expect("an empty file");
}

/// Runs taskdiag-cli, over this transport or the fastest one.
fn ours(line: &str, transport: Option<&str>) -> Outcome {
    run(our_command(transport), line)
}

fn our_command(transport: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"));
    command.arg("ps").env_remove("TASKDIAG_TRANSPORT");
    command.envs(transport.map(|name| ("TASKDIAG_TRANSPORT", name)));
    command
}

/// Removes rows of other tasks, whose pid or state changes between two runs. Rows of
/// these processes contain their pid as a word.
fn own_rows(outcome: Outcome, pids: &[u32]) -> Outcome {
    let pids: BTreeSet<String> = pids.iter().map(u32::to_string).collect();
    let (status, lines) = outcome;
    let rows = lines.into_iter().enumerate().filter(|(index, line)| {
        *index == 0 || line.split_whitespace().any(|word| pids.contains(word))
    });
    (status, rows.map(|(_, line)| line).collect())
}

/// Whether a task has an autogroup, which a session gets when it begins.
fn has_autogroup(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/autogroup")).is_ok_and(|text| !text.is_empty())
}

/// Whether an outcome is between two others: each word is that of one of them, or a
/// number between theirs, such as a percentage that changes with the elapsed time.
fn is_between(before: &Outcome, actual: &Outcome, after: &Outcome) -> bool {
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let number = |word: &str| word.parse::<f64>().ok();
    let is_word_between = |((before, actual), after): ((&String, &String), &String)| {
        if actual == before || actual == after {
            return true;
        }
        match (number(before), number(actual), number(after)) {
            (Some(a), Some(value), Some(b)) => a.min(b) <= value && value <= a.max(b),
            _ => false,
        }
    };
    let is_line_between = |((before, actual), after): ((&String, &String), &String)| {
        let (before, actual, after) = (words(before), words(actual), words(after));
        before.len() == actual.len()
            && actual.len() == after.len()
            && before.iter().zip(&actual).zip(&after).all(is_word_between)
    };
    let lines = before.1.iter().zip(&actual.1).zip(&after.1);
    before.0 == actual.0
        && actual.0 == after.0
        && before.1.len() == actual.1.len()
        && actual.1.len() == after.1.len()
        && lines.into_iter().all(is_line_between)
}

/// Compares one command line with the outcomes of procps before and after it: times
/// change meanwhile, in particular on a loaded machine.
fn differs(line: &str, pids: &[u32], transport: Option<&str>) -> Option<String> {
    let mut before = own_rows(procps(line), pids);
    for _ in 0..ATTEMPTS {
        let actual = own_rows(ours(line, transport), pids);
        if actual == before {
            return None;
        }
        let after = own_rows(procps(line), pids);
        if actual == after || is_between(&before, &actual, &after) {
            return None;
        }
        before = after;
    }
    let actual = own_rows(ours(line, transport), pids);
    Some(format!(
        "{line}\n  procps {before:?}\n  ours   {actual:?}\n"
    ))
}

/// Attempts for a line with a time or a percentage, which change between two runs.
const ATTEMPTS: u32 = 20;

/// Command lines that differ on purpose, with the reason.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "-o|cmin_flt",
        "procps prints a dash for a value that it does not read",
    ),
    (
        "-o|cmaj_flt",
        "procps prints a dash for a value that it does not read",
    ),
    (
        "-o|cutime",
        "procps prints a dash for a value that it does not read",
    ),
    (
        "-o|utime",
        "procps prints a dash for a value that it does not read",
    ),
    (
        "-o|systime",
        "procps prints a dash for a value that it does not read",
    ),
    (
        "-o|nvcsw",
        "procps prints a dash for a value that it does not read",
    ),
    (
        "-o|nivcsw",
        "procps prints a dash for a value that it does not read",
    ),
    (
        "-o|vm_lock",
        "procps prints a dash for a value that it does not read",
    ),
    (
        "-o|ag_id",
        "procps prints -1 for a task without an autogroup",
    ),
    (
        "-o|ag_nice",
        "procps prints 0 for a task without an autogroup",
    ),
    (
        "--ppid|0",
        "0 is the parent of the first processes; procps 4.0.4 accepts it",
    ),
];

/// Columns that procps knows.
const COLUMNS: &str = "%cpu %mem acflag acflg addr addr_1 ag_id ag_nice alarm argc args atime blocked \
bnd bsdstart bsdtime c caught cgname cgroup cgroupns class cls cmd cnswap comm command context cp cpu \
cpuid cputime cputimes ctid cuc cursig cuu cwd drs dsiz egid egroup eip emul end_code environ esp \
etime etimes euid euser exe f flag flags fname fsgid fsgroup fsuid fsuser fuid fuser gid \
group ignored inblk inblock intpri ipcns jid jobc ktrace ktracep label lastcpu lim login logname \
longtname lsession lstart luid luser lwp lxc m_drs m_dt m_lrs m_resident m_share m_size m_swap m_trs \
machine maj_flt majflt min_flt minflt mntns msgrcv msgsnd mwchan netns ni nice nlwp nsignals nsigs \
nswap nwchan oom oomadj opri osz oublk oublock ouid p_ru paddr pagein pcpu pending pgid pgrp pid \
pidns pmem poip policy ppid pri pri_api pri_bar pri_baz pri_foo priority prmgrp prmid project projid \
pset psr psxpri rbytes rchars re resident rgid rgroup rlink rops rss rssize rsz rtprio ruid ruser s \
sched scnt scount seat sess session sgi_p sgi_rss sgid sgroup share sid sig sig_block sig_catch \
sig_ignore sig_pend sigcatch sigignore sigmask size sl slice spid stackp start start_code start_stack \
start_time stat state status stime suid supgid supgrp suser svgid svgroup svuid svuser sz taskid tdev \
tgid thcount tid time timens timeout times tmout tname tpgid trs trss tsess tsession tsid tsig tsiz \
tt tty tty4 tty8 u_procp ucmd ucomm uid uid_hack umask uname unit upr uprocp user userns usertime \
usrpri util utsns uunit vm_data vm_exe vm_lib vm_stack vsize vsz wbytes wcbytes wchan wchars wname \
wops xstat zone zoneid";

/// Options before a list of pids. `@` means the pids of the test tasks, `#` for the
/// first of them.
const WITH_PIDS: &[&str] = &[
    "-p|@",
    "-p@",
    "p|@",
    "p@",
    "--pid|@",
    "--pid=@",
    "--pid:@",
    "-q|@",
    "q@",
    "--quick-pid=@",
    "#",
    "u|#",
    "l|#",
    "j|#",
    "s|#",
    "v|#",
    "X|#",
    "e|#",
    "m|#",
    "H|#",
    "Z|#",
    "uc|#",
    "un|#",
    "ln|#",
    "lc|#",
    "jc|#",
    "ue|#",
    "uf|#",
    "jf|#",
    "le|#",
    "uS|#",
    "uw|#",
    "uww|#",
    "uh|#",
    "M|#",
    "-f|-p|@",
    "-F|-p|@",
    "-l|-p|@",
    "-j|-p|@",
    "-ly|-p|@",
    "-lc|-p|@",
    "-c|-p|@",
    "-P|-p|@",
    "-FP|-p|@",
    "-Fl|-p|@",
    "-Fly|-p|@",
    "-fl|-p|@",
    "-fc|-p|@",
    "-fj|-p|@",
    "-lj|-p|@",
    "-jc|-p|@",
    "-Z|-p|@",
    "-M|-p|@",
    "-fZ|-p|@",
    "--context|-p|@",
    "-L|-p|@",
    "-T|-p|@",
    "-fL|-p|@",
    "-lL|-p|@",
    "-lT|-p|@",
    "-jL|-p|@",
    "-m|-p|@",
    "-fm|-p|@",
    "-Lm|-p|@",
    "-Tm|-p|@",
    "-H|-p|@",
    "-fH|-p|@",
    "--forest|-p|@",
    "u|-L|-p|@",
    "u|-T|-p|@",
    "j|-L|-p|@",
    "l|-L|-p|@",
    "H|-L|#",
    "H|-T|#",
    "u|-Z|-p|@",
    "-O|rss|-p|@",
    "-O|rss,comm|-p|@",
    "-O|rss|-o|pid|-p|@",
    "O|rss|p@",
    "O|p|p@",
    "O|-p|p@",
    "O|-r+p|p@",
    "-o|pid=,comm=|-p|@",
    "-o|pid=NUMBER,comm|-p|@",
    "-o|user:20,pid|-p|@",
    "-o|user:3,pid|-p|@",
    "-o|pid:3|-p|@",
    "-o|pid,|-p|@",
    "-o|pid comm|-p|@",
    "-o|pid\tcomm|-p|@",
    "-o|cmd= |-p|@",
    "-o|cmd=A B|-p|@",
    "-opid|-ocomm|-p|@",
    "--format|pid,comm|-p|@",
    "--format=pid,comm|-p|@",
    "-o|%p %a|-p|@",
    "-o|%p%a|-p|@",
    "-o|%U %p %c|-p|@",
    "-o|%r %P %y|-p|@",
    "-o|%p %n %z %G|-p|@",
    "-o|pid,args|--sort=-pid|-p|@",
    "-o|pid|--sort|pid|-p|@",
    "-o|pid|--sort=args|-p|@",
    "-o|pid|--sort=-start_time,pid|-p|@",
    "-o|pid|--sort=comm,-pid|-p|@",
    "-o|pid|k|-pid|p@",
    "-o|pid|--sort=pid,|-p|@",
    "-o|pid,oom|--sort=oom,pid|-p|@",
    "-o|pid,exe|--sort=exe,-pid|-p|@",
    "--no-headers|-p|@",
    "--no-header|-p|@",
    "--no-heading|-p|@",
    "--no-headings|-p|@",
    "--noheader|-p|@",
    "--noheaders|-p|@",
    "--noheading|-p|@",
    "--noheadings|-p|@",
    "--header|-p|@",
    "--headers|-p|@",
    "--heading|-p|@",
    "--headings|-p|@",
    "--headers|--rows|2|-p|@",
    "--headers|--lines=3|-p|@",
    "LINES=2|--headers|-p|@",
    "COLUMNS=50|-f|-p|@",
    "COLUMNS=50|u|#",
    "COLUMNS=0x40|u|#",
    "COLUMNS=abc|u|#",
    "COLUMNS=50|uw|#",
    "COLUMNS=50|uww|#",
    "--cols|50|-f|-p|@",
    "--cols=50|u|-p|@",
    "--columns|50|-f|-p|@",
    "--width|50|-f|-p|@",
    "--width|5|-f|-p|@",
    "--width|1|-f|-p|@",
    "--cols|90|s|-p|@",
    "--cols|200|s|-p|@",
    "--cumulative|-o|pid,bsdtime|-p|@",
    "-p|@,4194305",
    "-p|@,2147483647",
    "-p|@|-N|-o|pid",
    "--deselect|-p|@|-o|pid",
    "PS_PERSONALITY=bsd|u|#",
    "PS_PERSONALITY=bsd|l|#",
    "PS_PERSONALITY=bsd|-j|#",
    "PS_PERSONALITY=bsd|v|#",
    "PS_PERSONALITY=old|#",
    "PS_PERSONALITY=old|m|#",
    "PS_PERSONALITY=linux|-l|-p|@",
    "PS_PERSONALITY=linux|-f|-p|@",
    "PS_PERSONALITY=debian|-f|-p|@",
    "PS_PERSONALITY=debian|-j|-p|@",
    "PS_PERSONALITY=debian|-l|-p|@",
    "PS_PERSONALITY=debian|-lj|-p|@",
    "PS_PERSONALITY=debian|-fj|-p|@",
    "PS_PERSONALITY=digital|-f|-p|@",
    "PS_PERSONALITY=digital|-fl|-p|@",
    "PS_PERSONALITY=digital|-j|-p|@",
    "PS_PERSONALITY=digital|u|#",
    "PS_PERSONALITY=digital|s|#",
    "PS_PERSONALITY=digital|v|#",
    "PS_PERSONALITY=sgi|-l|-p|@",
    "PS_PERSONALITY=s390|-j|-p|@",
    "PS_PERSONALITY=hpux|-x|-p|@",
    "PS_PERSONALITY=sysv|-lx|-p|@",
    "PS_PERSONALITY=aix|u|#",
    "PS_PERSONALITY=none|-l|-p|@",
    "CMD_ENV=bsd|u|#",
    "PS_FORMAT=pid,comm|-p|@",
    "PS_FORMAT=pid,foo|-p|@",
    "PS_FORMAT=pid,comm|-f|-p|@",
    "PS_FORMAT=pid,comm|-T|-p|@",
];

/// Command lines of the whole system, or without any process.
const WHOLE: &[&str] = &[
    "-e|-o|pid,args",
    "-A|-o|pid,args",
    "ax|-o|pid,args",
    "axo|pid,args",
    "-axo|pid,args",
    "-o|pid,args|-ax",
    "-eax|-o|pid,comm",
    "-ax|-o|pid,user",
    "-e|-o|pid,user,comm",
    "-eo|pid,ppid",
    "-ef|--cols|60",
    "-C|ps-diff-task|-o|pid,args",
    "-C|kthreadd,ps-diff-task|-o|pid",
    "-C|no-such-name",
    "-N|-A",
    "--deselect|-e",
    "--deselect|-A|--no-headers",
    "-d|-o|pid",
    "-a|-d|-o|pid",
    "-t|?|-o|pid",
    "-t|-|-o|pid",
    "--tty|?|-o|pid",
    "-u|root|-o|pid",
    "-U|root|-o|pid",
    "-U|0|-o|pid",
    "-G|root|-o|pid",
    "-G|0|-o|pid",
    "-g|root|-o|pid",
    "--user|root|-o|pid",
    "--User|0|-o|pid",
    "--group|root|-o|pid",
    "--Group|root|-o|pid",
    "U|root|-o|pid",
    "-N|-u|no-such-name|-o|pid",
    "-N|-C|ps-diff-task|-o|pid",
    "-u|no-such-name",
    "-U|no-such-name",
    "-G|no-such-name",
    "-g|no-such-name",
    "--ppid|2147483647",
    "--ppid|x",
    "--sid|x",
    "-t|no-such-tty",
    "-t|/etc/passwd",
    "-p|",
    "-p|x",
    "-p|0",
    "-p|2147483648",
    "-p|1,",
    "-p|1,,2",
    "-p|2147483647",
    "1,2",
    "1|x",
    "-0",
    "-q|1|-q|2",
    "-q|1|-p|2",
    "-q|1|-N",
    "-q|1|--forest",
    "-q|1|--sort|pid",
    "-q|2147483647",
    "--",
    "--|-e",
    "-",
    "",
    "-o|foo",
    "-o|pid:0",
    "-o|pid:x",
    "-o|pid,,comm",
    "-o|,pid",
    "-o|%p %Z",
    "-o|%p %%a",
    "-o|%p %G{",
    "-o|ccmd=CCMD",
    "-O|foo",
    "-o|pid|-O|rss",
    "--sort=foo",
    "--sort=",
    "--sort=,pid",
    "-a|x",
    "a|-d",
    "-y",
    "uj",
    "u|-f",
    "u|-o|pid",
    "-j|-o|pid",
    "-c|-o|pid",
    "--cols",
    "--cols|0",
    "--cols|x",
    "--rows|x",
    "--lines|0",
    "--foo",
    "--forest=1",
    "--pid",
    "--pid=",
    "-V|x",
    "V|x",
    "--version|x",
    "--info|x",
    "L|-e",
    "-LT",
    "LH",
    "-o",
    "o",
    "-O",
    "O",
    "k",
    "-C",
    "-G",
    "-g",
    "-p",
    "-q",
    "-U",
    "p",
    "q",
    "U",
    "W",
    "A",
    "-z",
    "-k",
    "z",
    "-e-f",
    "a-x",
    "-Hm",
    "-L|f",
    "mH",
    "m|-m",
    "hh",
    "h|--headers",
    "--no-headers|--headers",
];

/// The command lines for test tasks with these pids.
fn command_lines(pids: &[u32]) -> Vec<String> {
    let list = pids.iter().map(u32::to_string).collect::<Vec<_>>();
    let list = list.join(",");
    let first = pids[0].to_string();
    let have_autogroups = pids.iter().all(|&pid| has_autogroup(pid));
    let columns = COLUMNS.split_whitespace();
    let columns = columns.filter(|name| have_autogroups || !name.starts_with("ag_"));
    let columns = columns.map(|name| format!("-o|pid,{name}|-p|{list}"));
    let some = WITH_PIDS
        .iter()
        .map(|line| line.replace('@', &list).replace('#', &first));
    let lines: Vec<String> = columns
        .chain(some)
        .chain(WHOLE.iter().map(ToString::to_string))
        .collect();
    assert!(lines.len() >= 250, "{} command lines", lines.len());
    lines
}

/// Compares the command lines that `selects` accepts over a transport.
fn compare(transport: Option<&str>, selects: impl Fn(usize, &str) -> bool) -> usize {
    hide_cpuinfo();
    let tasks = TestTasks::start();
    let pids = tasks.pids();
    let lines = command_lines(&pids).into_iter().enumerate();
    let lines = lines.filter(|(index, line)| selects(*index, line));
    let lines: Vec<String> = lines.map(|(_, line)| line).collect();
    let failures: Vec<String> = lines
        .iter()
        .filter_map(|line| differs(line, &pids, transport))
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        lines.len(),
        failures.concat()
    );
    lines.len()
}

#[test]
fn command_lines_equal_those_of_procps() {
    compare(None, |_, _| true);
}

/// Whether a command line selects one column, whose values depend on the transport.
fn has_column(line: &str) -> bool {
    line.starts_with("-o|pid,")
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn command_lines_over_netlink_equal_those_of_procps() {
    let number = compare(Some("netlink"), |index, line| {
        has_column(line) || index % 2 == 0
    });
    assert!(number >= 250, "{number} command lines");
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn command_lines_over_the_file_equal_those_of_procps() {
    compare(Some("file"), |index, _| index % 8 == 1);
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn command_lines_over_procfs_equal_those_of_procps() {
    compare(Some("procfs"), |index, _| index % 8 == 3);
}

/// Runs a command as another user, and returns its rows by pid, except those of this
/// process, its children and workers of the kernel, which change.
fn rows_as_nobody(mut command: Command, line: &str) -> BTreeMap<u32, String> {
    command.uid(NOBODY).gid(NOBODY);
    let (status, lines) = run(command, line);
    assert_eq!(status, Some(0), "{line}");
    let headings = lines[0].split_whitespace();
    let column = headings.clone().position(|heading| heading == "PID");
    let column = column.expect("a column of pids");
    let rows = lines[1..].iter().filter(|row| !row.contains("kworker/"));
    let rows = rows.map(|row| {
        let pid = row.split_whitespace().nth(column).expect("a pid");
        (pid.parse().expect("a number"), row.clone())
    });
    let is_steady = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let parent = format!("PPid:\t{}\n", std::process::id());
        // The command itself has been reaped.
        pid != std::process::id() && !status.is_empty() && !status.contains(&parent)
    };
    rows.filter(|(pid, _)| is_steady(*pid)).collect()
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn user_without_rights_gets_the_rows_of_procps_over_each_transport() {
    hide_cpuinfo();
    for line in ["-e", "aux", "-ef", "-eLf"] {
        for transport in ["netlink", "file", "procfs"] {
            let of_procps = || rows_as_nobody(Command::new("ps"), line);
            let mut before = of_procps();
            assert!(before.contains_key(&1), "{line}: {before:?}");
            let mut attempts = 0;
            loop {
                let actual = rows_as_nobody(our_command(Some(transport)), line);
                let after = of_procps();
                if actual == before || actual == after {
                    break;
                }
                attempts += 1;
                assert!(
                    attempts < ATTEMPTS,
                    "{line} over {transport}:\n{actual:#?}\n{after:#?}"
                );
                before = after;
            }
        }
    }
}

#[test]
fn differences_from_procps_have_a_reason() {
    for (line, reason) in DIFFERENT {
        assert!(!reason.is_empty());
        let (status, lines) = ours(&format!("{line}|-p|1"), None);
        assert_eq!(status, Some(0), "{line}");
        assert!(!lines.is_empty(), "{line}");
    }
}
