// SPDX-License-Identifier: MIT
//! Plots, as SVG.

use std::path::Path;

use plotters::prelude::*;

use super::figures::Figures;
use crate::error::{Error, Result};
use crate::implementations::IMPLEMENTATIONS;
use crate::task_fields::Query;

const SIZE: (u32, u32) = (800, 480);

pub(crate) fn write(figures: &Figures, directory: &Path) -> Result<()> {
    pools(figures, &directory.join("population.svg")).map_err(Error::failed)?;
    groups(figures, &directory.join("groups.svg")).map_err(Error::failed)
}

type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

/// Draws the cost of base and cred over the number of tasks, one line per
/// implementation.
fn pools(figures: &Figures, path: &Path) -> Drawn {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("base and cred: instructions per task", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(
            (90.0..120_000.0).log_scale(),
            (400.0..1_000_000.0).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("processes")
        .light_line_style(TRANSPARENT)
        .draw()?;
    let implementations = IMPLEMENTATIONS
        .iter()
        .filter(|implementation| implementation.query == Query::BaseCred);
    for (number, implementation) in implementations.enumerate() {
        let points = figures.of("icount").filter(|f| {
            f.record.kind == "processes"
                && f.record.query == implementation.query
                && f.record.implementation == implementation.name
        });
        let points = points.map(|f| (f.record.pool as f64, f.per_task()));
        let color = Palette99::pick(number).stroke_width(2);
        chart
            .draw_series(LineSeries::new(points, color).point_size(3))?
            .label(implementation.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color));
    }
    chart
        .configure_series_labels()
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(root.present()?)
}

/// Draws the cost of each group, one bar per group.
fn groups(figures: &Figures, path: &Path) -> Drawn {
    let costs: Vec<(&str, f64)> = IMPLEMENTATIONS
        .iter()
        .filter(|implementation| implementation.query == Query::Groups)
        .filter_map(|implementation| {
            let figure = figures.find("icount", 1_000, Query::Groups, implementation.name)?;
            Some((implementation.name, figure.per_task()))
        })
        .collect();
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let name = |at: &f64| {
        let group = costs.get(at.round() as usize).filter(|_| at.fract() == 0.0);
        group.map_or_else(String::new, |(name, _)| (*name).to_owned())
    };
    let mut chart = ChartBuilder::on(&root)
        .caption(
            "each group alone: instructions per task",
            ("sans-serif", 20),
        )
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(
            -0.6..costs.len() as f64 - 0.4,
            (100.0..1_000_000.0).log_scale(),
        )?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(costs.len() * 2)
        .x_label_formatter(&name)
        .draw()?;
    let bars = costs.iter().enumerate().map(|(at, (_, cost))| {
        let corners = [(at as f64 - 0.4, 100.0), (at as f64 + 0.4, *cost)];
        Rectangle::new(corners, Palette99::pick(0).filled())
    });
    chart.draw_series(bars)?;
    Ok(root.present()?)
}
