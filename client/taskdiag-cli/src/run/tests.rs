// SPDX-License-Identifier: MIT
//! Output of rows that the tests construct.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::rc::Rc;

use taskdiag::Error;

use super::*;
use crate::row::samples::{init, nameless, plain};
use crate::stdio::OUTPUT_BUFFER;

/// An output that can be read while it is written, and that can fail.
#[derive(Clone, Default)]
struct Sink {
    bytes: Rc<RefCell<Vec<u8>>>,
    full: Option<io::ErrorKind>,
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.full {
            Some(kind) => Err(kind.into()),
            None => self.bytes.borrow_mut().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.bytes.borrow().clone()).expect("every format is UTF-8")
    }
}

fn job(line: &str) -> ListJob {
    let words = line.split_whitespace().map(OsString::from);
    let job = cli::parse(std::iter::once("taskdiag-cli".into()).chain(words));
    match job.expect("a command line") {
        Job::List(rows) => rows,
        job => panic!("{job:?} has no rows"),
    }
}

fn show_to(
    sink: &Sink,
    line: &str,
    width: Option<usize>,
    mut next: impl FnMut() -> Result<Option<TaskRow>, Failure>,
) -> Result<(), Failure> {
    let job = job(line);
    let host = Host::at(10_000, job.numeric);
    let mut output = output::open(&job, &host, sink.clone(), width)?;
    write_rows(&job, &host, output.as_mut(), &mut next)
}

fn shown(line: &str, width: Option<usize>, rows: &[TaskRow]) -> String {
    let sink = Sink::default();
    let mut rows = rows.iter().cloned();
    show_to(&sink, line, width, || Ok(rows.next())).expect("a sink takes everything");
    sink.text()
}

fn rows() -> [TaskRow; 3] {
    [
        init(),
        plain(20, b"a, \"b\" (c)"),
        nameless(30000, b"new\nline\xff"),
    ]
}

#[test]
fn table_is_aligned_without_trailing_blanks() {
    assert_eq!(
        shown("--all --show base,cred", None, &rows()),
        "\
USER       GROUP        PID  PPID  PGID SID S COMMAND       CAPS
root       root           1     0     1   1 S init          all
root       root          20    19    20   1 S a, \"b\" (c)    -
4000000007 4000000007 30000 29999 30000   1 S new\\nline\\xff cap_net_admin,cap_net_raw
"
    );
}

#[test]
fn table_without_rows_has_headings_only() {
    assert_eq!(
        shown("--all --columns pid,comm", None, &[]),
        "PID COMMAND\n"
    );
    assert_eq!(shown("--all --no-headers", None, &[]), "");
}

#[test]
fn no_headers_omits_the_headings() {
    assert_eq!(
        shown("--all --columns pid,comm --no-headers", None, &rows()),
        "    1 init\n   20 a, \"b\" (c)\n30000 new\\nline\\xff\n"
    );
}

#[test]
fn terminal_width_truncates_the_last_column() {
    let line = "--all --columns pid,comm,caps";
    assert_eq!(
        shown(line, Some(30), &rows()),
        "  PID COMMAND       CAPS
    1 init          all
   20 a, \"b\" (c)    -
30000 new\\nline\\xff cap_net_a+
"
    );
    // A wide terminal does not truncate lines.
    assert_eq!(shown(line, Some(200), &rows()), shown(line, None, &rows()));
    // Very narrow terminals are accepted.
    for width in 0..20 {
        let cut = shown(line, Some(width), &rows());
        assert!(cut.lines().all(|line| line.chars().count() <= width.max(2)));
    }
}

#[test]
fn long_cell_does_not_pad_other_rows() {
    let mut long = plain(1, b"cc");
    long.cmdline = Some(vec![b'x'; 2_000_000].into());
    let mut rows = vec![plain(2, b"sh"); 1000];
    for row in &mut rows {
        row.cmdline = Some(b"sh"[..].into());
    }
    rows.insert(0, long);
    for columns in ["pid,args", "args,pid"] {
        let line = format!("--all --no-headers --columns {columns}");
        let text = shown(&line, None, &rows);
        assert!(text.len() < 2_000_000 + 1001 * 300, "{}", text.len());
        let longest = text.lines().next().map_or(0, str::len);
        assert_eq!(longest, 2_000_000 + " 1".len());
        let cut = shown(&line, Some(20), &rows);
        assert_eq!(cut.lines().next().map(str::len), Some(20));
    }
}

#[test]
fn wide_characters_are_aligned() {
    let rows = [plain(1, "日本".as_bytes()), plain(2, b"abcd")];
    assert_eq!(
        shown("--all --columns comm,pid --no-headers", None, &rows),
        "日本 1\nabcd 2\n"
    );
}

#[test]
fn csv_is_quoted_and_can_be_parsed() {
    let text = shown(
        "--all --format csv --columns pid,user,comm,caps,nnp",
        None,
        &rows(),
    );
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("pid,user,comm,caps,nnp"));
    assert!(
        lines
            .nth(1)
            .is_some_and(|line| line.contains(r#""a, ""b"" (c)""#))
    );

    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let records: Vec<csv::StringRecord> = reader
        .records()
        .collect::<Result<_, _>>()
        .expect("good CSV");
    assert_eq!(records.len(), 3);
    assert_eq!(records[0][3].split(',').count(), 41);
    assert_eq!(&records[1][2], "a, \"b\" (c)");
    assert_eq!(&records[1][3], "");
    assert_eq!(
        records[2].iter().collect::<Vec<_>>(),
        [
            "30000",
            "4000000007",
            r"new\nline\xff",
            "cap_net_admin,cap_net_raw",
            "true"
        ]
    );
    assert_eq!(
        shown(
            "--all --format csv --columns pid --no-headers",
            None,
            &rows()
        ),
        "1\n20\n30000\n"
    );
}

#[test]
fn json_is_one_array_of_typed_values() {
    let line = "--all --format json --columns pid,user,uid,comm,caps,securebits,nnp";
    let text = shown(line, None, &rows());
    let array: serde_json::Value = serde_json::from_str(&text).expect("good JSON");
    assert_eq!(
        array[2],
        serde_json::json!({
            "pid": 30000,
            "user": "4000000007",
            "uid": 4_000_000_007_u32,
            "comm": b"new\nline\xff",
            "caps": ["cap_net_admin", "cap_net_raw"],
            "securebits": 47,
            "nnp": true,
        })
    );
    assert_eq!(shown(line, None, &[]), "[]\n");
}

#[test]
fn ndjson_has_the_objects_of_json() {
    let columns = "--all-threads --show base,cred";
    let lines = shown(&format!("{columns} --format ndjson"), None, &rows());
    let array = shown(&format!("{columns} --format json"), None, &rows());
    assert_eq!(lines.lines().count(), 3);
    assert!(lines.ends_with('\n'));
    assert_eq!(
        format!("[{}]\n", lines.lines().collect::<Vec<_>>().join(",")),
        array
    );
    assert!(lines.starts_with(r#"{"user":"root","group":"root","pid":1,"tid":1,"ppid":0,"#));
}

#[test]
fn unreported_values_are_distinct() {
    let mut row = init();
    row.cred = None;
    let line = "--all --columns pid,user,caps";
    assert_eq!(
        shown(&format!("{line} --format ndjson"), None, &[row.clone()]),
        "{\"pid\":1,\"user\":null,\"caps\":null}\n"
    );
    assert_eq!(
        shown(&format!("{line} --no-headers"), None, &[row]),
        "1 - -\n"
    );
}

#[test]
fn ndjson_and_csv_rows_are_written_as_they_arrive() {
    for format in ["ndjson", "csv"] {
        let sink = Sink::default();
        let mut count = 0;
        let mut written = 0;
        show_to(&sink, &format!("--all --format {format}"), None, || {
            count += 1;
            written = sink.bytes.borrow().len();
            Ok((count <= 10_000).then(|| plain(count, b"x")))
        })
        .expect("a sink takes everything");
        // Before the last row was requested, all output but one buffer was written.
        assert!(sink.text().len() - written <= OUTPUT_BUFFER, "{format}");
        assert!(written > OUTPUT_BUFFER, "{format}");
    }
}

#[test]
fn rows_are_sorted_before_output() {
    for (format, expected) in [
        ("csv", "pid\n30000\n20\n1\n"),
        ("table", "  PID\n30000\n   20\n    1\n"),
        ("json", "[{\"pid\":30000},{\"pid\":20},{\"pid\":1}]\n"),
        ("ndjson", "{\"pid\":30000}\n{\"pid\":20}\n{\"pid\":1}\n"),
    ] {
        let line = format!("--all --columns pid --sort -pid --format {format}");
        assert_eq!(shown(&line, None, &rows()), expected);
    }
}

#[test]
fn failed_request_writes_no_partial_table() {
    for (format, rows) in [("table", 0), ("json", 0), ("ndjson", 1), ("csv", 2)] {
        let sink = Sink::default();
        let job = job("--all");
        let mut answers = [
            Err(Failure::request(Error::Overrun, &job.request)),
            Ok(Some(init())),
        ]
        .into_iter()
        .rev();
        let line = format!("--all --format {format}");
        let result = show_to(&sink, &line, None, || answers.next().unwrap_or(Ok(None)));
        assert!(matches!(result, Err(Failure::Request(Error::Overrun, _))));
        assert_eq!(sink.text().lines().count(), rows, "{format}");
    }
}

#[test]
fn failed_write_ends_the_run() {
    for format in ["table", "json", "ndjson", "csv"] {
        for (kind, exit) in [
            (io::ErrorKind::BrokenPipe, Exit::Success),
            (io::ErrorKind::StorageFull, Exit::Failure),
        ] {
            let sink = Sink {
                full: Some(kind),
                ..Sink::default()
            };
            let line = format!("--all --format {format}");
            let mut rows = rows().into_iter();
            let failure = show_to(&sink, &line, None, || Ok(rows.next()))
                .expect_err("nothing can be written");
            assert_eq!(failure.exit(), exit, "{format}: {failure}");
        }
    }
}

#[test]
fn statistics_are_one_line() {
    let mut stats = Stats::default();
    (stats.tasks, stats.receives, stats.bytes) = (2003, 12, 336_508);
    let transport = TransportKind::Netlink;
    let time = Duration::from_micros(3214);
    assert_eq!(
        StatsLine {
            stats,
            transport,
            time
        }
        .to_string(),
        "tasks: 2003, receives: 12, bytes: 336508, time: 3.214 ms, interrupted: no, \
         transport: netlink"
    );
    stats.interrupted = true;
    let text = StatsLine {
        stats,
        transport,
        time,
    }
    .to_string();
    assert!(
        text.ends_with("interrupted: yes, transport: netlink"),
        "{text}"
    );
}

/// Returns process 1, its children 20 and 30000, and 7, the child of 20.
fn process_tree() -> [TaskRow; 4] {
    let mut rows = [
        plain(1, b"init"),
        plain(20, b"sh"),
        plain(7, b"sleep"),
        plain(30000, b"cron"),
    ];
    for (row, parent) in rows.iter_mut().zip([0, 1, 20, 1]) {
        row.base.get_or_insert_default().ppid = parent;
    }
    rows
}

#[test]
fn tree_draws_branches_before_names() {
    assert_eq!(
        shown(
            "--all --tree --columns pid,comm,ppid",
            None,
            &process_tree()
        ),
        "  PID COMMAND       PPID
    1 init             0
   20  \\_ sh           1
    7  |   \\_ sleep   20
30000  \\_ cron         1
"
    );
}

#[test]
fn siblings_are_sorted_below_their_parent() {
    let text = shown(
        "--all --tree --sort -pid --columns pid --no-headers",
        None,
        &process_tree(),
    );
    let pids: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(pids, ["1", "30000", "20", "7"]);
}

#[test]
fn json_tree_nests_children() {
    let line = "--all --tree --columns pid";
    let leaf = |pid: u32| serde_json::json!({ "pid": pid, "children": [] });
    let tree = serde_json::json!({
        "pid": 1,
        "children": [{ "pid": 20, "children": [leaf(7)] }, leaf(30000)],
    });
    let mut rows = process_tree().to_vec();
    rows.push(plain(40000, b"other"));
    let array: serde_json::Value =
        serde_json::from_str(&shown(&format!("{line} --format json"), None, &rows))
            .expect("good JSON");
    assert_eq!(array, serde_json::json!([tree, leaf(40000)]));

    let lines = shown(&format!("{line} --format ndjson"), None, &rows);
    let roots: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("good JSON"))
        .collect();
    assert_eq!(roots, [tree, leaf(40000)]);
    assert_eq!(shown(&format!("{line} --format ndjson"), None, &[]), "");
    assert_eq!(shown(&format!("{line} --format json"), None, &[]), "[]\n");
}

#[test]
fn requested_headings_are_used() {
    let row = [plain(20, b"sh")];
    assert_eq!(
        shown("--all -o pid=NUMBER -o comm=,ppid", None, &row),
        "NUMBER    PPID\n    20 sh   19\n"
    );
    assert_eq!(shown("--all -o pid= -o comm=", None, &row), "20 sh\n");
    assert_eq!(
        shown("--all -o pid=NUMBER,comm= --format csv", None, &row),
        "NUMBER,comm\n20,sh\n"
    );
    assert_eq!(
        shown("--all -o pid=NUMBER,comm= --format ndjson", None, &row),
        "{\"NUMBER\":20,\"comm\":\"sh\"}\n"
    );
}
