// SPDX-License-Identifier: MIT
//! Texts of `--help`, `L`, `--info` and `--version`.

use std::io::{self, Write};

use super::args::PsOptions;
use super::specs;

/// A section of `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Simple,
    List,
    Output,
    Threads,
    Misc,
    All,
}

impl Section {
    /// Returns the section of this name or letter, or else the overview.
    pub(super) fn named(name: Option<&[u8]>) -> Self {
        match name {
            Some(b"simple" | b"s") => Self::Simple,
            Some(b"list" | b"l") => Self::List,
            Some(b"output" | b"o") => Self::Output,
            Some(b"threads" | b"t") => Self::Threads,
            Some(b"misc" | b"m") => Self::Misc,
            Some(b"all" | b"a") => Self::All,
            _ => Self::Overview,
        }
    }
}

/// Options with their descriptions.
type Options = &'static [(&'static str, &'static str)];

/// The titles of the sections, and the options with their descriptions.
const SECTIONS: &[(Section, &str, Options)] = &[
    (
        Section::Simple,
        "Basic options",
        &[
            ("-A, -e", "all processes"),
            ("-a", "all with a terminal, except session leaders"),
            ("a", "all with a terminal, of all users"),
            ("-d", "all except session leaders"),
            ("-N, --deselect", "negate the selection"),
            ("r", "only running processes"),
            ("T", "all processes of this terminal"),
            ("x", "processes with and without a terminal"),
        ],
    ),
    (
        Section::List,
        "Selection by lists of values, separated by commas or blanks",
        &[
            ("-C <name>", "command names"),
            ("-G, --Group <group>", "real groups"),
            ("-g <session>", "sessions, or effective groups by name"),
            ("--group <group>", "effective groups"),
            ("-p, p, --pid <pid>", "process ids"),
            ("--ppid <pid>", "parents"),
            ("-q, q, --quick-pid <pid>", "process ids, in this order"),
            ("-s, --sid <session>", "sessions"),
            ("-t, t, --tty <terminal>", "terminals; ? for none"),
            ("-u, U, --user <user>", "effective users"),
            ("-U, --User <user>", "real users"),
        ],
    ),
    (
        Section::Output,
        "Output formats",
        &[
            ("-F", "extra full format"),
            ("-f", "full format, with command lines"),
            ("f, --forest", "trees of processes"),
            ("-H", "indented trees of processes"),
            ("-j", "jobs format"),
            ("j", "BSD jobs format"),
            ("-l", "long format"),
            ("l", "BSD long format"),
            ("-M, -Z, Z", "add the security label"),
            ("-O, O <columns>", "default columns and these"),
            ("-o, o, --format <columns>", "these columns; L lists all"),
            ("-P", "add the processor"),
            ("s", "signals"),
            ("u", "user-oriented format"),
            ("v", "memory format"),
            ("X", "registers"),
            ("-y", "RSS instead of F and ADDR, with -l"),
            ("--context", "security labels"),
            ("--delimiter <character>", "separate columns by it"),
            ("--headers", "repeat the headings on each page"),
            ("--no-headers, h", "print no headings"),
            ("--cols, --width <number>", "width of lines"),
            ("--rows, --lines <number>", "lines of a page"),
        ],
    ),
    (
        Section::Threads,
        "Threads",
        &[
            ("H", "like processes"),
            ("-L", "with the columns LWP and NLWP"),
            ("-m, m", "after their processes"),
            ("-T", "with the column SPID"),
        ],
    ),
    (
        Section::Misc,
        "Miscellaneous",
        &[
            ("-c", "scheduling class, with -l"),
            ("c", "the name instead of the command line"),
            ("e", "the environment after the command"),
            ("k, --sort <keys>", "order: [+|-]column,..."),
            ("L", "list all columns"),
            ("n", "numeric users"),
            ("S, --cumulative", "add waited-for children"),
            ("-V, V, --version", "print the version"),
            ("-w, w", "wide lines; twice: unlimited"),
            (
                "--transport <name>",
                "auto, netlink, file, daemon or procfs",
            ),
            ("--scope-pid <pid>", "the pid namespace of this process"),
            ("--info", "print the settings"),
        ],
    ),
];

/// Writes a section, all sections, or the overview.
pub(super) fn write(out: &mut impl Write, section: Section) -> io::Result<()> {
    writeln!(out, "\nUsage:\n taskdiag-cli ps [options]")?;
    let shown = |known: Section| known == section || section == Section::All;
    for (_, title, options) in SECTIONS.iter().filter(|(known, ..)| shown(*known)) {
        writeln!(out, "\n{title}:")?;
        for (option, description) in *options {
            writeln!(out, " {option:<26} {description}")?;
        }
    }
    if section == Section::Overview {
        writeln!(
            out,
            "\nList processes with the options of ps(1) of procps.\n\n \
             Try 'taskdiag-cli ps --help <simple|list|output|threads|misc|all>'\n  \
             or 'taskdiag-cli ps --help <s|l|o|t|m|a>'\n for the options."
        )?;
    }
    writeln!(out, "\nFor more details see ps(1).")
}

/// Writes the table of columns.
pub(super) fn write_columns(out: &mut impl Write) -> io::Result<()> {
    for (name, heading, description) in specs::list() {
        writeln!(out, "{name:<15} {heading:<11} {description}")?;
    }
    Ok(())
}

/// Writes the settings of the environment.
pub(super) fn write_settings(out: &mut impl Write, options: &PsOptions) -> io::Result<()> {
    let sets = &options.personality.sets;
    for (option, columns) in [
        ("j", Some(sets.bsd_j)),
        ("l", Some(sets.bsd_l)),
        ("s", Some(sets.bsd_s)),
        ("u", Some(sets.bsd_u)),
        ("v", Some(sets.bsd_v)),
        ("-f", sets.unix_f),
        ("-fl", sets.unix_fl),
        ("-j", sets.unix_j),
        ("-l", sets.unix_l),
    ] {
        writeln!(out, "{option:<4} {}", columns.unwrap_or("(none)"))?;
    }
    writeln!(out, "personality {:?}", options.personality.quirks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(section: Section) -> String {
        let mut text = Vec::new();
        write(&mut text, section).expect("memory");
        String::from_utf8(text).expect("UTF-8")
    }

    #[test]
    fn sections_are_named_by_words_and_letters() {
        assert_eq!(Section::named(Some(b"output")), Section::Output);
        assert_eq!(Section::named(Some(b"o")), Section::Output);
        assert_eq!(Section::named(None), Section::Overview);
        assert_eq!(Section::named(Some(b"nonsense")), Section::Overview);
    }

    #[test]
    fn help_fits_80_columns_and_all_contains_each_section() {
        let all = written(Section::All);
        for (section, title, _) in SECTIONS {
            assert!(all.contains(title));
            assert!(written(*section).contains(title));
        }
        assert!(all.lines().all(|line| line.len() <= 80));
        assert!(written(Section::Overview).contains("--help <simple|"));
    }
}
