// SPDX-License-Identifier: MIT
//! `generate`: writes manual pages and shell completions from the clap definition.
//! The subcommand is hidden, because only packagers need it.

mod bash;
mod ps_page;
mod values;

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

const SHELLS: [Shell; 2] = [Shell::Zsh, Shell::Fish];

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
    command.build();
    let mut script = Vec::new();
    bash::write(&mut script, &command)?;
    fs::write(directory.join("taskdiag-cli.bash"), script)?;
    let name = command.get_name().to_owned();
    let mut command = values::set(command);
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut command, &name, directory)?;
    }
    Ok(())
}

/// Writes a page of the command with the text of `--help`, and a short page per
/// subcommand.
fn write_pages(directory: &Path, mut command: Command, long_help: &str) -> io::Result<()> {
    command.build();
    let environment = section(long_help, "Environment:");
    let pages: Vec<String> = command
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set())
        .map(|subcommand| format!("taskdiag-cli-{}(1)", subcommand.get_name()))
        .collect();
    for subcommand in command
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set())
    {
        let options = match subcommand.get_name() {
            "ps" => ps_page::OPTIONS,
            _ => "",
        };
        let text = format!("{options}{environment}{}", see_also("taskdiag-cli(1)"));
        write_page(directory, subcommand.clone(), &text)?;
    }
    let text = format!("{long_help}\n{}", see_also(&pages.join(", ")));
    write_page(directory, command, &text)
}

/// Returns the lines of a section of the long help.
fn section(long_help: &str, heading: &str) -> String {
    let begin = |line: &&str| *line != heading;
    let mut lines = long_help
        .lines()
        .skip_while(begin)
        .take(1)
        .collect::<Vec<_>>();
    let body = long_help.lines().skip_while(begin).skip(1);
    lines.extend(body.take_while(|line| line.starts_with(' ')));
    lines.join("\n") + "\n"
}

fn see_also(pages: &str) -> String {
    format!("See also:\n  {pages}, ps(1), proc(5), capabilities(7)\n")
}

fn write_page(directory: &Path, command: Command, text: &str) -> io::Result<()> {
    let has_subcommands = command
        .get_subcommands()
        .any(|subcommand| !subcommand.is_hide_set());
    let has_options = command.get_arguments().any(|arg| !arg.is_positional());
    let source = concat!("task_diag ", env!("CARGO_PKG_VERSION"));
    let page = Man::new(command.subcommand_help_heading("COMMANDS"))
        .date(date())
        .manual("User Commands")
        .source(source);
    let mut roff = Vec::new();
    page.render_title(&mut roff)?;
    page.render_name_section(&mut roff)?;
    page.render_synopsis_section(&mut roff)?;
    page.render_description_section(&mut roff)?;
    // The options of ps are in the text.
    if has_options {
        page.render_options_section(&mut roff)?;
    }
    if has_subcommands {
        page.render_subcommands_section(&mut roff)?;
    }
    write_long_help(&mut roff, text)?;
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
