// SPDX-License-Identifier: MIT
//! `generate`: the manual pages and the shells' completions, made of the
//! command line itself. For those who make packages; nobody else is shown it.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::{Command, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;
use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};

/// What can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Manual pages, one for each command
    Man,
    /// Completions for bash, zsh and fish
    Completions,
}

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes files of that kind into a folder, which is made if it is not there.
/// What `--help` says behind the options is given as `details`.
pub(crate) fn write(what: What, folder: &Path, command: Command, details: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    match what {
        What::Man => write_pages(folder, command, details),
        What::Completions => write_completions(folder, command),
    }
}

fn write_completions(folder: &Path, mut command: Command) -> io::Result<()> {
    let name = command.get_name().to_owned();
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut command, &name, folder)?;
    }
    Ok(())
}

/// The page of the command itself, with all that `--help` says, and a short
/// one for each command under it.
fn write_pages(folder: &Path, mut command: Command, details: &str) -> io::Result<()> {
    command.build();
    for other in command
        .get_subcommands()
        .filter(|other| !other.is_hide_set())
    {
        write_page(folder, other.clone(), "")?;
    }
    write_page(folder, command, details)
}

fn write_page(folder: &Path, command: Command, details: &str) -> io::Result<()> {
    let has_commands = command.get_subcommands().any(|other| !other.is_hide_set());
    let source = concat!("task_diag ", env!("CARGO_PKG_VERSION"));
    let page = Man::new(command.subcommand_help_heading("COMMANDS"))
        .date(date())
        .source(source);
    let mut roff = Vec::new();
    page.render_title(&mut roff)?;
    page.render_name_section(&mut roff)?;
    page.render_synopsis_section(&mut roff)?;
    page.render_description_section(&mut roff)?;
    page.render_options_section(&mut roff)?;
    if has_commands {
        page.render_subcommands_section(&mut roff)?;
    }
    write_details(&mut roff, details)?;
    // clap_mangen breaks the line on either side of an empty one, which is
    // what a space is.
    let roff = String::from_utf8_lossy(&roff).replace("\n.br\n\n.br\n", "\n.sp\n");
    fs::write(folder.join(page.get_filename()), roff)
}

/// Each part of the details is a section: its heading stands at the beginning
/// of a line, and ends with a colon. The lines are as wide as they are meant
/// to be.
fn write_details(out: &mut dyn Write, details: &str) -> io::Result<()> {
    let mut open = false;
    for line in details.lines() {
        match line.strip_suffix(':') {
            Some(heading) if !line.starts_with(' ') => {
                if open {
                    writeln!(out, ".fi")?;
                }
                writeln!(out, ".SH {}\n.nf", quoted(&heading.to_uppercase()))?;
                open = true;
            }
            // An empty line is none of roff's.
            _ if line.trim().is_empty() => {}
            _ => writeln!(out, "{}", literal(line.strip_prefix("  ").unwrap_or(line)))?,
        }
    }
    if open {
        writeln!(out, ".fi")?;
    }
    Ok(())
}

fn quoted(heading: &str) -> String {
    format!("\"{}\"", literal(heading))
}

/// A line that roff reads as the text it is.
fn literal(line: &str) -> String {
    let text = line.replace('\\', "\\e").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}

/// Today; or the day that whoever builds the same files again says it is.
fn date() -> String {
    let said = env::var("SOURCE_DATE_EPOCH").ok();
    let day = said
        .and_then(|seconds| Timestamp::from_second(seconds.parse().ok()?).ok())
        .map_or_else(ZonedDateTime::now, |time| {
            time.to_zoned_datetime(TimeZone::UTC)
        });
    day.date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roff_is_kept_from_reading_the_text() {
        assert_eq!(literal(r".dot \n --all"), r"\&.dot \en \-\-all");
        assert_eq!(literal("'s"), "\\&'s");
        assert_eq!(literal("  two in"), "  two in");
    }

    #[test]
    fn parts_become_sections() {
        let mut out = Vec::new();
        write_details(
            &mut out,
            "Exit status:\n  0  good\n\nExamples:\n  x:\n    y\n",
        )
        .expect("room");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            ".SH \"EXIT STATUS\"\n.nf\n0  good\n.fi\n.SH \"EXAMPLES\"\n.nf\nx:\n  y\n.fi\n"
        );
    }
}
