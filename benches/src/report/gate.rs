// SPDX-License-Identifier: MIT
//! The gate: compares the cost of a dump of 1,000 processes with a baseline.

use std::fs;
use std::path::Path;

use super::figures::Figures;
use crate::error::{Error, Result};
use crate::implementations::IMPLEMENTATIONS;
use crate::task_fields::Query;

/// Accepted increase over the baseline, in per cent.
const TOLERANCE: f64 = 3.0;
const POPULATION: u64 = 1_000;

/// Compares the cost of base and cred of each task_diag implementation in `results`
/// with its line in `baseline`: `NAME: INSTRUCTIONS_PER_TASK`.
///
/// # Errors
///
/// Fails if a cost exceeds its baseline by more than [`TOLERANCE`] per cent.
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
            .ok_or_else(|| Error::failed(format!("{}: not measured", implementation.name)))?;
        let limit = expected(&text, implementation.name)?;
        let (result, failed) = verify(figure.per_task(), limit);
        println!(
            "{}: {:.1} instructions per task, baseline {limit:.1}: {result}",
            implementation.name,
            figure.per_task()
        );
        failures += usize::from(failed);
    }
    match failures {
        0 => Ok(()),
        _ => Err(Error::failed(format!(
            "a dump costs over {TOLERANCE} % more than its baseline"
        ))),
    }
}

fn expected(text: &str, name: &str) -> Result<f64> {
    text.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.trim().parse().ok())
        .ok_or_else(|| Error::failed(format!("the baseline has no line for {name:?}")))
}

fn verify(cost: f64, expected: f64) -> (String, bool) {
    let change = (cost / expected - 1.0) * 100.0;
    let failed = change > TOLERANCE;
    let result = if failed {
        "FAILED"
    } else if change < -TOLERANCE {
        "better, lower the baseline"
    } else {
        "ok"
    };
    (format!("{change:+.2} %, {result}"), failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_within_the_tolerance_passes() {
        assert!(!verify(102.9, 100.0).1);
        assert!(verify(103.1, 100.0).1);
        assert!(!verify(50.0, 100.0).1);
    }

    #[test]
    fn baseline_is_found_by_name() {
        let text = "# about\ntask_diag, library: 812.5\n";
        assert_eq!(
            expected(text, "task_diag, library").expect("the line exists"),
            812.5
        );
        assert!(expected(text, "task_diag").is_err());
    }
}
