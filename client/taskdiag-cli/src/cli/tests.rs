// SPDX-License-Identifier: MIT
//! Command lines, and what they come to.

use super::*;

fn any(line: &str) -> Result<Job, clap::Error> {
    parse(
        std::iter::once("taskdiag-cli")
            .chain(line.split_whitespace())
            .map(OsString::from),
    )
}

fn job(line: &str) -> Result<Rows, clap::Error> {
    match any(line)? {
        Job::Rows(rows) => Ok(rows),
        job => panic!("{job:?} has no rows"),
    }
}

fn error(line: &str) -> clap::Error {
    job(line).expect_err("a usage error")
}

#[test]
fn the_definition_holds_together() {
    command().debug_assert();
}

#[test]
fn exactly_one_strategy() {
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
fn a_pid_could_be_one() {
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
fn groups_follow_what_is_shown_and_sorted_by() {
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
fn groups_that_are_named_have_to_do() {
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
fn scope_is_asked_for() {
    let job = job("--all --scope-pid 9").expect("a good command line");
    assert_eq!(job.request.scope, Scope::Process(9));
}

#[test]
fn columns_that_are_not_there_or_twice_there_are_refused() {
    for (line, text) in [
        (
            "--all --columns pid,weight",
            "there is no column \"weight\"",
        ),
        ("--all --columns pid,,comm", "an empty place"),
        ("--all --columns pid:x", "\"x\" is no width"),
        ("--all --columns pid,wchan", "does not tell \"wchan\""),
        ("--all --sort -weight", "there is no column \"weight\""),
        (
            "--all --columns pid,comm=pid",
            "column \"pid\" is named twice",
        ),
        (
            "--all --columns pid,comm,pid",
            "column \"pid\" is named twice",
        ),
        ("--all --show creds", "unknown group \"creds\""),
    ] {
        let error = error(line).to_string();
        assert!(error.contains(text), "{line}: {error}");
    }
    // Two names of one column are two columns.
    assert!(job("--all --columns pid,tgid").is_ok());
}

#[test]
fn several_lists_of_columns_are_one() {
    let names = |line| {
        let columns = job(line).expect(line).columns;
        columns.iter().map(|chosen| chosen.name).collect::<Vec<_>>()
    };
    assert_eq!(
        names("--all -o pid,comm -o user= --columns rss"),
        ["pid", "comm", "user", "rss"]
    );
}

#[test]
fn groups_are_those_of_the_columns() {
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
fn a_row_is_a_task_or_an_area() {
    assert!(job("--all --show vma").expect("areas").are_areas());
    assert!(!job("--all --columns pid,pss").expect("tasks").are_areas());
    for (line, text) in [
        (
            "--all --columns vm_start,pss",
            "column \"pss\" is of a process",
        ),
        (
            "--all --columns pid --sort vm_start",
            "cannot sort by \"vm_start\"",
        ),
        ("--all --show vma --tree", "nobody's children"),
        ("--all --tree --format csv", "no trees in CSV"),
        (
            "--all --filter vma=exec",
            "the filter vma is of areas, and none are shown",
        ),
    ] {
        let error = error(line).to_string();
        assert!(error.contains(text), "{line}: {error}");
    }
}

#[test]
fn a_tree_takes_the_parents() {
    let job = job("--all --tree --columns rss").expect("a tree");
    assert_eq!(job.request.show, Show::BASE | Show::STAT);
}

#[test]
fn filters_go_into_the_request() {
    let job = job("--all --filter uid=0,comm=post --filter pid=1+2").expect("filters");
    let filters = job.request.filters;
    assert_eq!(filters.uid, Some(0));
    assert_eq!(filters.comm.as_deref(), Some(&b"post"[..]));
    assert_eq!(filters.pids, Some(vec![1, 2]));
}

#[test]
fn maps_are_text_and_nothing_else() {
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
    for line in [
        "--maps 7 --format json",
        "--maps 7 --columns pid",
        "--maps 7 --pid 7",
    ] {
        assert_eq!(error(line).exit_code(), 2, "{line}");
    }
}

#[test]
fn the_other_commands_have_words_of_their_own() {
    for (line, ask, json) in [
        ("features", Ask::Auto, false),
        ("features --json", Ask::Auto, true),
        ("features --transport file", Ask::File, false),
    ] {
        match any(line).expect(line) {
            Job::Features {
                ask: to,
                json: as_json,
            } => assert_eq!((to, as_json), (ask, json)),
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
            Job::Ps(words) => assert_eq!(words, expected),
            job => panic!("{job:?}"),
        }
    }
    assert!(matches!(any("watch"), Ok(Job::Watch(_))));
    assert_eq!(error("--all features").exit_code(), 2);
}
