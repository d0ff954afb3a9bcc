// SPDX-License-Identifier: MIT
//! Command lines, and the jobs that they are parsed into.

use super::*;

fn any(line: &str) -> Result<Job, clap::Error> {
    parse(
        std::iter::once("taskdiag-cli")
            .chain(line.split_whitespace())
            .map(OsString::from),
    )
}

fn job(line: &str) -> Result<ListJob, clap::Error> {
    match any(line)? {
        Job::List(rows) => Ok(rows),
        job => panic!("{job:?} has no rows"),
    }
}

fn error(line: &str) -> clap::Error {
    job(line).expect_err("a usage error")
}

#[test]
fn clap_definition_is_consistent() {
    command().debug_assert();
}

#[test]
fn exactly_one_strategy_is_accepted() {
    for (line, strategy) in [
        ("--all", Strategy::All),
        ("--all-threads", Strategy::AllThreads),
        ("--pid 7", Strategy::One(7)),
        ("--children 7", Strategy::Children(7)),
        ("--threads 7", Strategy::Threads(7)),
        ("--descendants 7", Strategy::Descendants(7)),
    ] {
        let job = job(line).expect("a good command line");
        assert_eq!(job.request, Request::new(strategy));
    }
    for line in ["--stats", "--all --pid 1", "--pid 1 --pid 2", "--all --all"] {
        assert_eq!(error(line).exit_code(), 2, "{line}");
    }
}

#[test]
fn pid_out_of_range_is_rejected() {
    for line in [
        "--pid 0",
        "--pid -1",
        "--pid x",
        "--pid 2147483648",
        "--all --scope-pid 0",
    ] {
        assert_eq!(error(line).exit_code(), 2, "{line}");
    }
    assert!(job("--pid 2147483647").is_ok());
}

#[test]
fn groups_follow_from_columns_and_sort_keys() {
    for (line, show) in [
        ("--all", Show::BASE),
        ("--all --show cred", Show::CRED),
        ("--all --columns pid", Show::empty()),
        ("--all --columns pid,user", Show::CRED),
        ("--all --columns pid --columns comm", Show::BASE),
        ("--all --columns comm --sort -user", Show::BASE | Show::CRED),
        ("--all --sort user", Show::BASE | Show::CRED),
        (
            "--all --show base,cred --columns pid",
            Show::BASE | Show::CRED,
        ),
    ] {
        assert_eq!(job(line).expect(line).request.show, show, "{line}");
    }
}

#[test]
fn column_outside_the_shown_groups_is_rejected() {
    for line in [
        "--all --show base --columns pid,user",
        "--all --show base --sort user",
    ] {
        let error = error(line);
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("add cred to --show"), "{error}");
    }
}

#[test]
fn scope_pid_sets_the_scope() {
    let job = job("--all --scope-pid 9").expect("a good command line");
    assert_eq!(job.request.scope, Scope::Process(9));
}

#[test]
fn unknown_and_repeated_columns_are_rejected() {
    for (line, text) in [
        ("--all --columns pid,weight", "unknown column \"weight\""),
        ("--all --columns pid,,comm", "empty column name"),
        ("--all --columns pid:x", "invalid column width \"x\""),
        ("--all --columns pid,wchan", "\"wchan\" is not available"),
        ("--all --sort -weight", "unknown column \"weight\""),
        ("--all --columns pid,comm=pid", "duplicate column \"pid\""),
        ("--all --columns pid,comm,pid", "duplicate column \"pid\""),
        ("--all --show creds", "unknown group \"creds\""),
    ] {
        let error = error(line).to_string();
        assert!(error.contains(text), "{line}: {error}");
    }
    // Two names of the same column are accepted.
    assert!(job("--all --columns pid,tgid").is_ok());
}

#[test]
fn column_lists_are_concatenated() {
    let names = |line| {
        let columns = job(line).expect(line).columns;
        columns
            .iter()
            .map(|selected| selected.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names("--all -o pid,comm -o user= --columns rss"),
        ["pid", "comm", "user", "rss"]
    );
}

#[test]
fn each_column_requests_its_groups() {
    for (line, show) in [
        ("rss", Show::STAT),
        ("stat", Show::BASE | Show::STAT),
        ("args", Show::BASE | Show::CMDLINE),
        ("fds,netns,cgroup", Show::FILES | Show::NS | Show::CGROUP),
        ("start_ns", Show::IDENT),
        ("pss", Show::VMA_STAT),
        ("pid,vm_start", Show::VMA),
        ("pid,vm_start,vm_rss", Show::VMA_STAT),
    ] {
        let line = format!("--all --columns {line}");
        assert_eq!(job(&line).expect(&line).request.show, show, "{line}");
    }
}

#[test]
fn task_and_mapping_columns_do_not_mix() {
    assert!(job("--all --show vma").expect("mappings").lists_mappings());
    assert!(
        !job("--all --columns pid,pss")
            .expect("tasks")
            .lists_mappings()
    );
    for (line, text) in [
        (
            "--all --columns vm_start,pss",
            "column \"pss\" is a sum over a process",
        ),
        (
            "--all --columns pid --sort vm_start",
            "cannot sort by \"vm_start\"",
        ),
        (
            "--all --show vma --tree",
            "--tree cannot be combined with rows",
        ),
        (
            "--all --tree --format csv",
            "--tree cannot be combined with --format csv",
        ),
        (
            "--all --filter vma=exec",
            "--filter vma requires rows of memory mappings",
        ),
        (
            "--all --filter vma!=exec",
            "--filter vma requires rows of memory mappings",
        ),
        (
            "--all -o pid,pss --filter vma!=exec",
            "--filter vma!= requires columns of memory mappings",
        ),
    ] {
        let error = error(line).to_string();
        assert!(error.contains(text), "{line}: {error}");
    }
}

#[test]
fn tree_requests_the_base_group() {
    let job = job("--all --tree --columns rss").expect("a tree");
    assert_eq!(job.request.show, Show::BASE | Show::STAT);
}

#[test]
fn filters_are_part_of_the_request() {
    let job = job("--all --filter uid=0,comm=post --filter pid=1+2").expect("filters");
    let filters = job.request.filters;
    assert_eq!(filters.uid, Some(0));
    assert_eq!(filters.comm.as_deref(), Some(&b"post"[..]));
    assert_eq!(filters.pids, Some(vec![1, 2]));
}

#[test]
fn conditions_of_the_command_request_groups_without_columns() {
    for (line, show) in [
        ("--all --filter uid!=0", Show::BASE | Show::CRED),
        ("--all -o pid --filter pid!=1", Show::empty()),
        ("--all -o pid --filter comm~x", Show::BASE),
        ("--all -o pid --filter args~x", Show::BASE | Show::CMDLINE),
        ("--all -o pid --filter tty=-", Show::STAT),
        ("--all -o pid --filter cgroup!~x", Show::CGROUP),
        ("--all --show cred --filter ppid=1", Show::BASE | Show::CRED),
        (
            "--all -o vm_start,vm_rss --filter vma!=exec",
            Show::VMA | Show::VMA_STAT,
        ),
        // The kernel evaluates these.
        ("--all -o pid --filter uid=0,comm=x,state!=Z", Show::empty()),
    ] {
        let filtered = job(line).expect(line);
        assert_eq!(filtered.request.show, show, "{line}");
        let words: Vec<&str> = line.split(" --filter").collect();
        let names = |job: &ListJob| {
            let names = job.columns.iter().map(|selected| selected.name);
            names.collect::<Vec<_>>()
        };
        let plain = job(words[0]).expect(line);
        assert_eq!(names(&filtered), names(&plain), "{line}");
    }
}

#[test]
fn maps_rejects_row_options() {
    for (line, show) in [
        ("--maps 7", Show::VMA),
        ("--smaps 7", Show::VMA | Show::VMA_STAT),
    ] {
        match any(line).expect(line) {
            Job::Maps(maps) => {
                assert_eq!(maps.request.strategy, Strategy::One(7));
                assert_eq!(maps.request.show, show);
            }
            job => panic!("{job:?}"),
        }
    }
    assert!(any("--maps 7 --filter vma=exec+file").is_ok());
    let error_text = error("--maps 7 --filter uid!=0").to_string();
    assert!(error_text.contains("accept only conditions that the kernel evaluates"));
    for line in [
        "--maps 7 --format json",
        "--maps 7 --columns pid",
        "--maps 7 --pid 7",
    ] {
        assert_eq!(error(line).exit_code(), 2, "{line}");
    }
}

#[test]
fn subcommands_are_parsed() {
    for (line, choice, json) in [
        ("features", TransportChoice::Auto, false),
        ("features --json", TransportChoice::Auto, true),
        ("features --transport file", TransportChoice::File, false),
    ] {
        match any(line).expect(line) {
            Job::Features {
                transport,
                json: as_json,
            } => assert_eq!((transport, as_json), (choice, json)),
            job => panic!("{job:?}"),
        }
    }
    assert!(matches!(any("doctor"), Ok(Job::Doctor { json: false })));
    assert!(matches!(
        any("doctor --json"),
        Ok(Job::Doctor { json: true })
    ));
    for (line, expected) in [
        ("ps aux", &["aux"][..]),
        ("ps -ef", &["-ef"]),
        ("ps ax -o pid,ppid", &["ax", "-o", "pid,ppid"]),
        ("ps --help", &["--help"]),
        ("ps", &[]),
    ] {
        match any(line).expect(line) {
            Job::Ps(args) => assert_eq!(args, expected),
            job => panic!("{job:?}"),
        }
    }
    assert!(matches!(any("watch"), Ok(Job::Watch(_))));
    assert_eq!(error("--all features").exit_code(), 2);
}
