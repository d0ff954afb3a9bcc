// SPDX-License-Identifier: MIT
//! Tables and plots of what was measured, on the terminal and on a page.

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

/// Shows the figures, draws the plots beside the raw data, and writes both into
/// the page, if there is one.
pub(crate) fn write(results: &Path, page: Option<&Path>) -> Result<()> {
    let figures = Figures::read(results)?;
    let text = text(&figures)?;
    print!("{text}");
    plot::write(&figures, results)?;
    page.map_or(Ok(()), |page| insert(&text, page))
}

/// Between the two marks.
fn insert(text: &str, page: &Path) -> Result<()> {
    let old = fs::read_to_string(page).map_err(Error::io(page.display().to_string()))?;
    let (before, rest) = old.split_once(BEGIN).ok_or_else(|| no_mark(page))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| no_mark(page))?;
    let new = format!("{before}{BEGIN}\n{text}{END}{after}");
    fs::write(page, new).map_err(Error::io(page.display().to_string()))
}

fn no_mark(page: &Path) -> Error {
    Error::failed(format!("{} has no place for figures", page.display()))
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
        "What has to be reached",
        "10,000 processes, root, the client included; ratios are fractions.",
        &limits::table(figures),
    )?;
    for machine in machines(figures) {
        for kind in ["processes", "threads"] {
            let title = format!("{machine}: {kind}");
            let about = format!("{} a task.{}", unit(&machine), caveat(&machine));
            section(&title, &about, &pools(figures, &machine, kind))?;
        }
        let about = format!("{} a task, 1,000 processes.", unit(&machine));
        section(
            &format!("{machine}: each group alone"),
            &about,
            &groups(figures, &machine),
        )?;
        let about = format!("{} an area.", unit(&machine));
        section(
            &format!("{machine}: areas"),
            &about,
            &mappings(figures, &machine),
        )?;
        let about = format!(
            "{} of the listener, for an event and for a process that forks, runs a program and \
             ends; and of all together for such a process.",
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
        "Figures of two boots; the largest difference of all is {worst:.2} %. Here are those above 0.1 %."
    );
    section("The same again", &about, &table)?;
    Ok(text)
}

fn unit(machine: &str) -> &'static str {
    if machine == "icount" {
        "Instructions"
    } else {
        "Nanoseconds"
    }
}

/// What has to be known to read the figures of this machine.
fn caveat(machine: &str) -> &'static str {
    match machine {
        "uml" => " Calls of the kernel are dear here: read ratios, and those with care.",
        "native" => {
            " Time on a processor of a machine that does other things, too, and on its own \
             kernel, into which nothing was loaded: neither task_diag nor BPF programs. So \
             `taskdiag-cli ps` reads procfs here, as `ps` does."
        }
        _ => "",
    }
}

/// But for the second time on the same one.
fn machines(figures: &Figures) -> BTreeSet<String> {
    let all = figures.iter().map(|figure| figure.record.machine.clone());
    all.filter(|machine| machine != AGAIN).collect()
}

/// What the second boot's figures are called.
const AGAIN: &str = "icount-again";

/// A row a rival and question, a column a population.
fn pools(figures: &Figures, machine: &str, kind: &str) -> Table {
    let ours: Vec<&Figure> = figures
        .of(machine)
        .filter(|f| f.record.kind == kind)
        .collect();
    let sizes: BTreeSet<u64> = ours.iter().map(|f| f.record.pool).collect();
    let headers = ["asked for".to_owned(), "rival".to_owned()];
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
    let mut table = Table::new(["rival", "processes", "areas", "cost"]);
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

/// Where two boots differ by more than a thousandth, and the most they do.
fn again(figures: &Figures) -> (Table, f64) {
    let mut table = Table::new(["rival", "asked for", "kind", "population", "difference"]);
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
