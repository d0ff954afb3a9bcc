// SPDX-License-Identifier: MIT
//! `generate`: writes manual pages and shell completions from the clap definition.
//! The subcommand is hidden, because only packagers need it.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::{Command, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;
use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};

/// The kinds of files to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Artifact {
    /// Manual pages, one per command
    Man,
    /// Completions for bash, zsh and fish
    Completions,
}

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes files of this kind into a directory, which is created if necessary.
/// `long_help` is the text that `--help` prints after the options.
pub(crate) fn write(
    artifact: Artifact,
    directory: &Path,
    command: Command,
    long_help: &str,
) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    match artifact {
        Artifact::Man => write_pages(directory, command, long_help),
        Artifact::Completions => write_completions(directory, command),
    }
}

fn write_completions(directory: &Path, mut command: Command) -> io::Result<()> {
    let name = command.get_name().to_owned();
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut command, &name, directory)?;
    }
    Ok(())
}

/// Writes a page of the command with the text of `--help`, and a short page per
/// subcommand.
fn write_pages(directory: &Path, mut command: Command, long_help: &str) -> io::Result<()> {
    command.build();
    for subcommand in command
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set())
    {
        write_page(directory, subcommand.clone(), "")?;
    }
    write_page(directory, command, long_help)
}

fn write_page(directory: &Path, command: Command, long_help: &str) -> io::Result<()> {
    let has_subcommands = command
        .get_subcommands()
        .any(|subcommand| !subcommand.is_hide_set());
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
    if has_subcommands {
        page.render_subcommands_section(&mut roff)?;
    }
    write_long_help(&mut roff, long_help)?;
    // clap_mangen emits a break, an empty line and a break for a paragraph, which
    // mandoc rejects. The request for a paragraph is .sp.
    let roff = String::from_utf8_lossy(&roff).replace("\n.br\n\n.br\n", "\n.sp\n");
    fs::write(directory.join(page.get_filename()), roff)
}

/// Writes each section of the long help as a section of the page, without filling
/// its lines. A heading begins in the first column and ends with a colon.
fn write_long_help(out: &mut dyn Write, long_help: &str) -> io::Result<()> {
    let mut in_section = false;
    for line in long_help.lines() {
        match line.strip_suffix(':') {
            Some(heading) if !line.starts_with(' ') => {
                if in_section {
                    writeln!(out, ".fi")?;
                }
                writeln!(out, ".SH {}\n.nf", quote(&heading.to_uppercase()))?;
                in_section = true;
            }
            // mandoc warns about empty lines.
            _ if line.trim().is_empty() => {}
            _ => writeln!(
                out,
                "{}",
                escape_roff(line.strip_prefix("  ").unwrap_or(line))
            )?,
        }
    }
    if in_section {
        writeln!(out, ".fi")?;
    }
    Ok(())
}

fn quote(heading: &str) -> String {
    format!("\"{}\"", escape_roff(heading))
}

/// Escapes a line so that roff prints it unchanged.
fn escape_roff(line: &str) -> String {
    let text = line.replace('\\', "\\e").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}

/// Returns the date of `SOURCE_DATE_EPOCH`, for reproducible builds, or of today.
fn date() -> String {
    let epoch = env::var("SOURCE_DATE_EPOCH").ok();
    let day = epoch
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
    fn roff_requests_are_escaped() {
        assert_eq!(escape_roff(r".dot \n --all"), r"\&.dot \en \-\-all");
        assert_eq!(escape_roff("'s"), "\\&'s");
        assert_eq!(escape_roff("  two in"), "  two in");
    }

    #[test]
    fn help_sections_become_roff_sections() {
        let mut out = Vec::new();
        write_long_help(
            &mut out,
            "Exit status:\n  0  good\n\nExamples:\n  x:\n    y\n",
        )
        .expect("a Vec accepts all bytes");
        assert_eq!(
            String::from_utf8(out).expect("UTF-8"),
            ".SH \"EXIT STATUS\"\n.nf\n0  good\n.fi\n.SH \"EXAMPLES\"\n.nf\nx:\n  y\n.fi\n"
        );
    }
}
