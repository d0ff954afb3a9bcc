// SPDX-License-Identifier: MIT
//! The tasks that there are at a moment, read from procfs with care: what
//! rivals are compared with.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::facts::{AreaRow, Facts, Question};
use crate::population::Kind;
use crate::rivals::{MapsText, ProcfsText};
use crate::source::{read_rows, write_rows};

/// How to look.
pub(crate) struct Look<'a> {
    pub(crate) kind: Kind,
    pub(crate) areas: bool,
    /// A folder for what was read.
    pub(crate) folder: &'a Path,
}

/// Tasks and their areas, by number.
#[derive(Default)]
pub(crate) struct Moment {
    pub(crate) tasks: HashMap<u32, Facts>,
    pub(crate) areas: HashMap<u32, Vec<AreaRow>>,
    /// The number that was given away last.
    pub(crate) last: u32,
}

impl Look<'_> {
    /// Before anybody is asked.
    pub(crate) fn before(&self) -> Result<Moment> {
        let last = last_number()?;
        Ok(Moment {
            last,
            ..self.look()?
        })
    }

    /// After everybody has been asked.
    pub(crate) fn after(&self) -> Result<Moment> {
        let seen = self.look()?;
        Ok(Moment {
            last: last_number()?,
            ..seen
        })
    }

    fn look(&self) -> Result<Moment> {
        let mut moment = Moment::default();
        let rows = self.folder.join("moment");
        write_rows(
            &mut ProcfsText::new(self.kind, Question::BaseCredStat)?,
            &rows,
        )?;
        let facts: Vec<Facts> = read_rows(&rows)?;
        moment.tasks = facts.into_iter().map(|facts| (facts.pid, facts)).collect();
        if self.areas {
            write_rows(&mut MapsText::new()?, &rows)?;
            moment.areas = by_process(&read_rows(&rows)?);
        }
        Ok(moment)
    }
}

/// The areas of each process, but for those that are none of the process.
pub(crate) fn by_process(areas: &[AreaRow]) -> HashMap<u32, Vec<AreaRow>> {
    let mut processes: HashMap<u32, Vec<AreaRow>> = HashMap::new();
    for area in areas.iter().filter(|area| !area.is_of_the_kernel()) {
        processes.entry(area.pid).or_default().push(*area);
    }
    processes
}

/// In the pid namespace of whoever asks; threads have numbers, too.
fn last_number() -> Result<u32> {
    const FILE: &str = "/proc/loadavg";
    let text = fs::read_to_string(FILE).map_err(Error::io(FILE))?;
    let last = text.split_whitespace().last();
    last.and_then(|last| last.parse().ok())
        .ok_or_else(|| Error::failed(format!("{FILE} ends with no number")))
}
