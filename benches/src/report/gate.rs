// SPDX-License-Identifier: MIT
//! The gate: what a dump of 1,000 processes may cost, held to a file.

use std::fs;
use std::path::Path;

use super::figures::Figures;
use crate::error::{Error, Result};
use crate::implementations::IMPLEMENTATIONS;
use crate::task_fields::Query;

/// So much more than the file says passes, in per cent.
const TOLERANCE: f64 = 3.0;
const POPULATION: u64 = 1_000;

/// Compares every way of task_diag to dump base and cred that is in `results`
/// with its line in `baseline`: `NAME: INSTRUCTIONS A TASK`.
pub(crate) fn check(results: &Path, baseline: &Path) -> Result<()> {
    let figures = Figures::read(results)?;
    let text = fs::read_to_string(baseline).map_err(Error::io(baseline.display().to_string()))?;
    let mut failures = 0;
    for implementation in IMPLEMENTATIONS.iter().filter(|implementation| {
        implementation.query == Query::BaseCred && implementation.name.starts_with("task_diag")
    }) {
        let figure = figures
            .find(
                "icount",
                POPULATION,
                implementation.query,
                implementation.name,
            )
            .ok_or_else(|| Error::failed(format!("{}: was not measured", implementation.name)))?;
        let limit = expected(&text, implementation.name)?;
        let (result, failed) = verify(figure.per_task(), limit);
        println!(
            "{}: {:.1} instructions a task, {limit:.1} in the file: {result}",
            implementation.name,
            figure.per_task()
        );
        failures += usize::from(failed);
    }
    match failures {
        0 => Ok(()),
        _ => Err(Error::failed(format!(
            "a dump costs over {TOLERANCE} % more than it did"
        ))),
    }
}

fn expected(text: &str, name: &str) -> Result<f64> {
    text.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.trim().parse().ok())
        .ok_or_else(|| Error::failed(format!("the baseline has no line of {name}")))
}

fn verify(cost: f64, expected: f64) -> (String, bool) {
    let change = (cost / expected - 1.0) * 100.0;
    let failed = change > TOLERANCE;
    let result = if failed {
        "FAILED"
    } else if change < -TOLERANCE {
        "better, lower the file"
    } else {
        "ok"
    };
    (format!("{change:+.2} %, {result}"), failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_per_cent_more_pass_and_not_four() {
        assert!(!verify(102.9, 100.0).1);
        assert!(verify(103.1, 100.0).1);
        assert!(!verify(50.0, 100.0).1);
    }

    #[test]
    fn a_line_by_its_name() {
        let text = "# about\ntask_diag, library: 812.5\n";
        assert_eq!(
            expected(text, "task_diag, library").expect("is there"),
            812.5
        );
        assert!(expected(text, "task_diag").is_err());
    }
}
