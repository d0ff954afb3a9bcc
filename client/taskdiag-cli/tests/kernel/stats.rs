// SPDX-License-Identifier: MIT
//! The line of `--stats`, and dumps during which tasks change.

use std::io::{self, Read as _};
use std::process::{Command, Stdio};

use crate::common::{cli, text, with_threads};

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn statistics_count_rows_receives_and_bytes() {
    let output = with_threads(
        1000,
        |_| (),
        || {
            cli(&[
                "--all-threads",
                "--show",
                "base,cred",
                "--format",
                "ndjson",
                "--stats",
            ])
        },
    );
    assert_eq!(output.status.code(), Some(0));
    let rows = text(output.stdout).lines().count();
    let report = text(output.stderr);
    let count = |what: &str| -> usize {
        let (_, rest) = report.split_once(&format!("{what}: ")).expect(what);
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
        digits.unwrap_or_default().parse().expect("a count")
    };
    assert!(rows > 1000);
    assert_eq!(count("tasks"), rows, "{report}");
    assert!(count("bytes") >= rows * 168, "{report}");
    // A full receive contains about 190 tasks; the last one may contain fewer.
    assert!(count("receives") <= rows / 150 + 1, "{report}");
    for part in [", time: ", " ms, interrupted: "] {
        assert!(report.contains(part), "{report}");
    }
}

#[test]
#[ignore = "needs a kernel with TASKDIAG"]
fn new_process_during_a_dump_is_not_an_error() {
    let (message, status) = with_threads(
        1000,
        |_| (),
        || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_taskdiag-cli"))
                .args(["--all-threads", "--show", "base,cred"])
                .args(["--format", "ndjson", "--stats"])
                .env("RUST_LOG", "info")
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the command starts");
            // The output is much larger than the pipe. After its first byte the
            // dump has begun, and it cannot finish before this process reads on.
            let mut stdout = command.stdout.take().expect("a pipe");
            stdout.read_exact(&mut [0; 1]).expect("the first row");
            assert!(Command::new("true").status().is_ok_and(|s| s.success()));
            io::copy(&mut stdout, &mut io::sink()).expect("the rest");
            let output = command.wait_with_output().expect("its end");
            (text(output.stderr), output.status)
        },
    );
    assert_eq!(status.code(), Some(0));
    assert!(message.contains("interrupted: no"), "{message}");
}
