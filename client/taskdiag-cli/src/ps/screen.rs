// SPDX-License-Identifier: MIT
//! The size of the screen.

use std::env;
use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd;

use super::args::PsOptions;
use super::number;

/// The size of a terminal that does not report one.
const DEFAULT: (usize, usize) = (80, 24);

/// The sizes that limit the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Screen {
    /// The width of lines; `None` if they are unlimited.
    pub(super) width: Option<usize>,
    /// The number of lines of a page.
    pub(super) height: usize,
}

impl Screen {
    /// Returns the size according to the options, the environment or the terminal.
    pub(super) fn new(options: &PsOptions) -> Self {
        let (width, height) = terminal_size();
        let is_terminal = io::stdout().is_terminal();
        let width = options
            .width
            .or_else(|| variable("COLUMNS"))
            .or_else(|| is_terminal.then_some(width));
        let height = options
            .height
            .or_else(|| variable("LINES"))
            .unwrap_or(height);
        Self {
            width: widened(width, options.wide),
            height,
        }
    }
}

/// Returns the width after this number of `w` options.
fn widened(width: Option<usize>, wide: usize) -> Option<usize> {
    match wide {
        0 => width,
        1 => width.map(|width| width.max(132)),
        _ => None,
    }
}

fn variable(name: &str) -> Option<usize> {
    let value = env::var(name).ok()?;
    let size = number::parse(value.as_bytes())?.try_into().ok()?;
    (1..128 * 1024).contains(&size).then_some(size)
}

/// Returns the size of the terminal: of the standard streams, or of the controlling
/// terminal.
fn terminal_size() -> (usize, usize) {
    fn of(stream: impl AsFd) -> Option<(usize, usize)> {
        let (width, height) = terminal_size::terminal_size_of(stream)?;
        Some((width.0.into(), height.0.into())).filter(|&(width, height)| width > 0 && height > 0)
    }
    of(io::stdout())
        .or_else(|| of(io::stderr()))
        .or_else(|| of(io::stdin()))
        .or_else(|| of(File::open("/dev/tty").ok()?))
        .unwrap_or(DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_widens_lines_and_twice_removes_the_limit() {
        assert_eq!(widened(Some(80), 0), Some(80));
        assert_eq!(widened(Some(80), 1), Some(132));
        assert_eq!(widened(Some(200), 1), Some(200));
        assert_eq!(widened(Some(80), 2), None);
        assert_eq!(widened(None, 1), None);
    }
}
