// SPDX-License-Identifier: MIT
//! Tables and plots of the figures, on the terminal and on a page.

mod events;
mod figures;
pub(crate) mod gate;
mod limits;
mod plot;
mod table;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::implementations::IMPLEMENTATIONS;
use crate::task_fields::Query;
use figures::{Figure, Figures};
use table::{Table, short, thousands};

const BEGIN: &str = "<!-- figures: written by scripts/bench -->\n";
const END: &str = "<!-- end of figures -->\n";

/// Prints the tables, draws the plots beside the raw data, and writes the tables into
/// the page, if one is given.
pub(crate) fn write(results: &Path, page: Option<&Path>) -> Result<()> {
    let figures = Figures::read(results)?;
    let text = text(&figures)?;
    print!("{text}");
    plot::write(&figures, results)?;
    page.map_or(Ok(()), |page| insert(&text, page))
}

/// Replaces the text between the two marks of the page.
fn insert(text: &str, page: &Path) -> Result<()> {
    let old = fs::read_to_string(page).map_err(Error::io(page.display().to_string()))?;
    let (before, rest) = old.split_once(BEGIN).ok_or_else(|| no_mark(page))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| no_mark(page))?;
    let new = format!("{before}{BEGIN}\n{text}{END}{after}");
    fs::write(page, new).map_err(Error::io(page.display().to_string()))
}

fn no_mark(page: &Path) -> Error {
    Error::failed(format!(
        "{}: the marks for the figures are missing",
        page.display()
    ))
}

fn text(figures: &Figures) -> Result<String> {
    let mut text = String::new();
    let mut section = |title: &str, about: &str, table: &Table| {
        if !table.is_empty() {
            writeln!(text, "### {title}\n\n{about}\n\n{table}").map_err(Error::failed)?;
        }
        Ok::<_, Error>(())
    };
    section(
        "Limits",
        "10,000 processes, as root, including the client; ratios are fractions.",
        &limits::table(figures),
    )?;
    for machine in machines(figures) {
        for kind in ["processes", "threads"] {
            let title = format!("{machine}: {kind}");
            let about = format!("{} per task.{}", unit(&machine), caveat(&machine));
            section(&title, &about, &pools(figures, &machine, kind))?;
        }
        let about = format!("{} per task, 1,000 processes.", unit(&machine));
        section(
            &format!("{machine}: each group alone"),
            &about,
            &groups(figures, &machine),
        )?;
        let about = format!("{} per memory mapping.", unit(&machine));
        section(
            &format!("{machine}: memory mappings"),
            &about,
            &mappings(figures, &machine),
        )?;
        let about = format!(
            "{} of the listener per event, and per process that is forked, calls execve() and \
             exits; and of the listener and all processes together per process.",
            unit(&machine)
        );
        section(
            &format!("{machine}: events"),
            &about,
            &events::table(figures, &machine),
        )?;
    }
    let (table, worst) = again(figures);
    let about = format!(
        "Differences above 0.1 % between two boots. The largest difference is {worst:.2} %."
    );
    section("Repeatability", &about, &table)?;
    Ok(text)
}

fn unit(machine: &str) -> &'static str {
    if machine == "icount" {
        "Instructions"
    } else {
        "Nanoseconds"
    }
}

/// Returns a remark on how to read the figures of this machine.
fn caveat(machine: &str) -> &'static str {
    match machine {
        "uml" => {
            " System calls are expensive in User-Mode Linux, so even ratios are only a rough guide."
        }
        "native" => {
            " CPU time on a machine with other load. Nothing was loaded into its kernel, neither \
             task_diag nor BPF programs, so `taskdiag-cli ps` reads procfs like `ps`."
        }
        _ => "",
    }
}

/// Returns the machines, without the second boot of the same machine.
fn machines(figures: &Figures) -> BTreeSet<String> {
    let all = figures.iter().map(|figure| figure.record.machine.clone());
    all.filter(|machine| machine != AGAIN).collect()
}

/// The machine name of the second boot's figures.
const AGAIN: &str = "icount-again";

/// Returns a table with one row per query and implementation, and one column per pool.
fn pools(figures: &Figures, machine: &str, kind: &str) -> Table {
    let ours: Vec<&Figure> = figures
        .of(machine)
        .filter(|f| f.record.kind == kind)
        .collect();
    let sizes: BTreeSet<u64> = ours.iter().map(|f| f.record.pool).collect();
    let headers = ["query".to_owned(), "implementation".to_owned()];
    let mut table = Table::new(
        headers
            .into_iter()
            .chain(sizes.iter().map(|n| thousands(*n))),
    );
    for implementation in IMPLEMENTATIONS
        .iter()
        .filter(|implementation| implementation.query != Query::Groups)
    {
        let cells: Vec<String> = sizes
            .iter()
            .map(|size| {
                let figure = ours.iter().find(|f| {
                    f.record.pool == *size
                        && f.record.implementation == implementation.name
                        && f.record.query == implementation.query
                });
                figure.map_or_else(String::new, |figure| short(figure.per_task()))
            })
            .collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            table.row(
                [
                    implementation.query.to_string(),
                    implementation.name.to_owned(),
                ]
                .into_iter()
                .chain(cells),
            );
        }
    }
    table
}

fn groups(figures: &Figures, machine: &str) -> Table {
    let mut table = Table::new(["group", "cost"]);
    for implementation in IMPLEMENTATIONS
        .iter()
        .filter(|implementation| implementation.query == Query::Groups)
    {
        let figure = figures.find(machine, 1_000, Query::Groups, implementation.name);
        if let Some(figure) = figure {
            table.row([implementation.name.to_owned(), short(figure.per_task())]);
        }
    }
    table
}

fn mappings(figures: &Figures, machine: &str) -> Table {
    let mut table = Table::new(["implementation", "processes", "mappings", "cost"]);
    let ours = figures.of(machine).filter(|f| f.record.query == Query::Vma);
    for figure in ours {
        table.row([
            figure.record.implementation.clone(),
            thousands(figure.record.pool),
            thousands(figure.record.rows),
            short(figure.per_row()),
        ]);
    }
    table
}

/// Returns the differences between two boots that exceed a thousandth, and the largest
/// difference.
fn again(figures: &Figures) -> (Table, f64) {
    let mut table = Table::new(["implementation", "query", "kind", "tasks", "difference"]);
    let mut worst = 0.0_f64;
    for second in figures.of(AGAIN) {
        let first = figures.of("icount").find(|first| {
            first.record.kind == second.record.kind
                && first.record.pool == second.record.pool
                && first.record.query == second.record.query
                && first.record.implementation == second.record.implementation
        });
        let Some(first) = first else { continue };
        let difference = (second.per_task() / first.per_task() - 1.0) * 100.0;
        worst = worst.max(difference.abs());
        if difference.abs() > 0.1 {
            table.row([
                second.record.implementation.clone(),
                second.record.query.to_string(),
                second.record.kind.clone(),
                thousands(second.record.pool),
                format!("{difference:+.2} %"),
            ]);
        }
    }
    (table, worst)
}
