// SPDX-License-Identifier: MIT
//! Parses the options of `ps` in its three dialects: UNIX options with one dash,
//! GNU options with two, and BSD options without. Other modules interpret them.
//!
//! [`parse`] reads all words as UNIX options first. If that fails for any reason, it
//! reads words with one dash as BSD options, because users type `ps -aux` and
//! `ps -axo pid,comm`.

mod tables;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use clap::ValueEnum as _;
use taskdiag::Pid;

use crate::cli::TransportChoice;

use super::columns::{self, Output};
use super::personality::{Personality, Quirks};
use super::select::{Selection, SelectionList};
use tables::{Action, BSD, GNU, Operand, UNIX};

bitflags::bitflags! {
    /// Options that select predefined sets of columns.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct Formats: u16 {
        const UNIX_FULL = 1;
        const UNIX_LONG = 2;
        const UNIX_JOBS = 4;
        const BSD_JOBS = 8;
        const BSD_LONG = 16;
        const BSD_SIGNALS = 32;
        const BSD_USER = 64;
        const BSD_MEMORY = 128;
        const REGISTERS = 256;
        const OLD_MEMORY = 512;
        const CONTEXT = 1024;
    }

    /// Options that change a predefined set of columns.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct Modifiers: u8 {
        const CLASS = 1;
        const JOBS = 2;
        const NO_FLAGS = 4;
        const PROCESSOR = 8;
        const LABEL = 16;
        const EXTRA_FULL = 32;
    }

    /// Options that show threads.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct ThreadOptions: u8 {
        /// `H`: like processes.
        const BSD_H = 1;
        /// `m` or `-m`: after processes.
        const BSD_M = 2;
        const UNIX_M = 4;
        /// `-L`: with the columns LWP and NLWP.
        const UNIX_L = 8;
        /// `-T`: with the column SPID.
        const UNIX_T = 16;
        const AFTER_PROCESSES = Self::BSD_M.bits() | Self::UNIX_M.bits();
        const WITH_COLUMNS = Self::UNIX_L.bits() | Self::UNIX_T.bits();
    }
}

/// The parsed options.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PsOptions {
    pub(super) selection: Selection,
    pub(super) formats: Formats,
    pub(super) modifiers: Modifiers,
    /// Lists of columns and of sort keys, in the order given.
    pub(super) lists: Vec<ColumnOption>,
    pub(super) threads: ThreadOptions,
    pub(super) forest: Option<Dialect>,
    pub(super) headings: Option<Headings>,
    pub(super) numeric: bool,
    /// `S`: add the times and faults of waited-for children.
    pub(super) cumulative: bool,
    /// `c`: show the name instead of the arguments.
    pub(super) true_name: bool,
    /// `-f`: show the arguments instead of the name.
    pub(super) full_name: bool,
    /// `e`: show the environment after the command.
    pub(super) environment: bool,
    /// The maximum width of lines and the height of pages, if given.
    pub(super) width: Option<usize>,
    pub(super) height: Option<usize>,
    /// The number of `w` options.
    pub(super) wide: usize,
    pub(super) delimiter: Option<char>,
    /// `--transport`, which procps does not have.
    pub(super) transport: TransportChoice,
    /// `--scope-pid`, which procps does not have either.
    pub(super) scope_pid: Option<Pid>,
    /// An option that prints a text instead of processes.
    pub(super) text: Option<Text>,
    pub(super) personality: Personality,
    /// Whether a BSD option was given, which changes the default selection and
    /// columns.
    pub(super) bsd: bool,
}

/// The dialect of an option that differs between dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Unix,
    Bsd,
}

/// Lists of columns or sort keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ColumnOption {
    /// `-o`.
    Columns(String),
    /// `-O` or `O`: columns in addition to the default ones. `O` is a list of sort
    /// keys as well.
    Extra(String, Dialect),
    Sort(String),
}

/// When headings are printed, if not once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Headings {
    Never,
    EachPage,
}

/// Texts that options print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Version,
    Help(super::help::Section),
    Columns,
    Settings,
}

/// Parses the arguments of `ps`, and selects the columns of the output.
pub(super) fn parse(
    args: &[OsString],
    personality: Personality,
    default_columns: Option<&str>,
) -> Result<(PsOptions, Output), String> {
    let attempt = |pass, personality| {
        let options = Parser::new(args, pass, personality).parse()?;
        if options.text.is_some() {
            return Ok((options, Output::default()));
        }
        check_threads(&options)?;
        let mut options = options;
        let output = columns::for_options(&options, default_columns)?;
        options
            .selection
            .resolve(options.bsd, personality.has(Quirks::NO_LEADERS))?;
        Ok((options, output))
    };
    if personality.has(Quirks::FORCE_BSD) {
        return attempt(Pass::Bsd, personality);
    }
    let mut retry = personality;
    if !retry
        .quirks
        .intersects(Quirks::M_SORTS | Quirks::M_IS_FORMAT)
    {
        retry.quirks |= Quirks::M_IS_FORMAT;
    }
    attempt(Pass::Unix, personality).or_else(|error| attempt(Pass::Bsd, retry).map_err(|_| error))
}

fn check_threads(options: &PsOptions) -> Result<(), String> {
    let threads = options.threads;
    let conflict = if threads.is_empty() {
        return Ok(());
    } else if options.forest.is_some() {
        "threads cannot be shown in a forest"
    } else if threads.contains(ThreadOptions::BSD_H)
        && threads.intersects(ThreadOptions::AFTER_PROCESSES)
    {
        "H cannot be combined with m or -m"
    } else if threads.contains(ThreadOptions::AFTER_PROCESSES) {
        "m cannot be combined with -m"
    } else if threads.contains(ThreadOptions::WITH_COLUMNS) {
        "-L cannot be combined with -T"
    } else {
        return Ok(());
    };
    Err(conflict.to_owned())
}

/// How words with one dash are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Unix,
    Bsd,
}

/// The kinds of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// One dash and a letter.
    Unix,
    /// Two dashes and a letter.
    Gnu,
    /// A letter.
    Bsd,
    /// A number, or one after a sign: this and all further words are ids.
    Id,
    Invalid,
}

impl Word {
    fn kind(word: &[u8]) -> Self {
        match word {
            [b'-', b'-', first, ..] if first.is_ascii_alphabetic() => Self::Gnu,
            [b'-', first, ..] if first.is_ascii_alphabetic() => Self::Unix,
            [b'-', first, ..] if first.is_ascii_digit() => Self::Id,
            [b'+', ..] => Self::Id,
            [first, ..] if first.is_ascii_digit() => Self::Id,
            [first, ..] if first.is_ascii_alphabetic() => Self::Bsd,
            _ => Self::Invalid,
        }
    }
}

struct Parser<'a> {
    args: &'a [OsString],
    next: usize,
    pass: Pass,
    options: PsOptions,
}

impl<'a> Parser<'a> {
    fn new(args: &'a [OsString], pass: Pass, personality: Personality) -> Self {
        Self {
            args,
            next: 0,
            pass,
            options: PsOptions {
                personality,
                bsd: pass == Pass::Bsd || personality.has(Quirks::BSD_DEFAULTS),
                ..PsOptions::default()
            },
        }
    }

    fn parse(mut self) -> Result<PsOptions, String> {
        while let Some(word) = self.next_word() {
            self.word(word)?;
            if self.options.text.is_some() {
                break;
            }
        }
        Ok(self.options)
    }

    fn next_word(&mut self) -> Option<&'a [u8]> {
        let word = self.args.get(self.next)?;
        self.next += 1;
        Some(word.as_bytes())
    }

    fn word(&mut self, word: &'a [u8]) -> Result<(), String> {
        let undashed = self.pass == Pass::Unix || self.options.personality.has(Quirks::FORCE_BSD);
        match Word::kind(word) {
            Word::Gnu => self.gnu(&word[2..]),
            Word::Unix if self.pass == Pass::Unix => self.letters(&word[1..], UNIX, "-"),
            Word::Unix => self.letters(&word[1..], BSD, ""),
            Word::Bsd if undashed => {
                self.options.bsd = true;
                self.letters(word, BSD, "")
            }
            Word::Id => self.ids(word),
            Word::Bsd | Word::Invalid => Err(format!(
                "invalid option {:?}",
                String::from_utf8_lossy(word)
            )),
        }
    }

    /// Parses clustered one-letter options. The last one may have a value: the rest
    /// of the word, or the next word.
    fn letters(
        &mut self,
        letters: &'a [u8],
        table: &[(u8, Action)],
        dash: &str,
    ) -> Result<(), String> {
        for (index, &letter) in letters.iter().enumerate() {
            let entry = table.iter().find(|(known, _)| *known == letter);
            let name = format!("{dash}{}", letter.escape_ascii());
            let rest = &letters[index + 1..];
            match entry.map(|(_, action)| *action) {
                None => return Err(format!("option {name} is not supported")),
                Some(Action::Print(text)) => self.print(text, &name)?,
                Some(Action::Digits) => return self.operand(Operand::Pids, &letters[index..]),
                Some(Action::Take(operand)) => {
                    let value = self.value(rest);
                    let value = value.ok_or_else(|| format!("option {name} requires a value"))?;
                    return self.operand(operand, value);
                }
                Some(Action::TakeOrSet(operand, set)) => {
                    return match self.value(rest) {
                        Some(value) => self.operand(operand, value),
                        None => {
                            set(&mut self.options);
                            Ok(())
                        }
                    };
                }
                Some(action) => action.apply(&mut self.options)?,
            }
        }
        Ok(())
    }

    /// Returns the value of an option: the rest of its word, or the next word unless
    /// that is empty.
    fn value(&mut self, rest: &'a [u8]) -> Option<&'a [u8]> {
        if !rest.is_empty() {
            return Some(rest);
        }
        let next = self.args.get(self.next)?.as_bytes();
        if next.is_empty() {
            return None;
        }
        self.next_word()
    }

    /// Parses a GNU option. Its value follows `=`, `:` or is the next word.
    fn gnu(&mut self, word: &'a [u8]) -> Result<(), String> {
        let end = word.iter().position(|byte| matches!(byte, b'=' | b':'));
        let (name, attached) = match end {
            Some(end) => (&word[..end], Some(&word[end + 1..])),
            None => (word, None),
        };
        let name = String::from_utf8_lossy(name);
        let entry = GNU.iter().find(|(known, _)| *known == name);
        let missing = || format!("option --{name} requires a value");
        match entry.map(|(_, action)| *action) {
            Some(Action::Print(Text::Help(_))) => {
                let section = attached.or_else(|| self.value(b""));
                self.options.text = Some(Text::Help(super::help::Section::named(section)));
                Ok(())
            }
            Some(Action::Take(operand)) => {
                let value = match attached {
                    Some(value) => Some(value).filter(|value| !value.is_empty()),
                    None => self.value(b""),
                };
                self.operand(operand, value.ok_or_else(missing)?)
            }
            None => Err(format!("option --{name} is not supported")),
            Some(_) if attached.is_some() => Err(format!("option --{name} takes no value")),
            Some(Action::Print(text)) => self.print(text, &format!("--{name}")),
            Some(action) => action.apply(&mut self.options),
        }
    }

    /// Handles an option that prints a text and has to be the only word.
    fn print(&mut self, text: Text, option: &str) -> Result<(), String> {
        if self.args.len() != 1 || self.args[0] != *option {
            return Err(format!("option {option} cannot be combined with others"));
        }
        self.options.text = Some(text);
        Ok(())
    }

    /// Parses this word and all further ones as ids: of processes, or of groups after
    /// a minus sign, or of sessions after a plus sign.
    fn ids(&mut self, first: &'a [u8]) -> Result<(), String> {
        self.options.bsd = true;
        let mut word = Some(first);
        while let Some(id) = word {
            let list = match id {
                [b'-', id @ ..] => SelectionList::process_group(id),
                [b'+', id @ ..] => SelectionList::session(id),
                id => SelectionList::process(id),
            };
            self.options.selection.add(list?);
            word = self.next_word();
        }
        Ok(())
    }

    fn operand(&mut self, operand: Operand, value: &[u8]) -> Result<(), String> {
        let text = || String::from_utf8_lossy(value).into_owned();
        let options = &mut self.options;
        let selection = &mut options.selection;
        let unknown_is_none = selection.negated;
        match operand {
            Operand::Pids => selection.add(SelectionList::pids(value)?),
            Operand::QuickPids => selection.add_quick(value)?,
            Operand::Parents => selection.add(SelectionList::parents(value)?),
            Operand::Sessions => selection.add(SelectionList::sessions(value)?),
            Operand::SessionsOrGroups => {
                let sessions = SelectionList::sessions(value);
                let list = sessions.or_else(|_| SelectionList::groups(value, unknown_is_none));
                selection.add(list?);
            }
            Operand::Terminals => selection.add(SelectionList::terminals(value)?),
            Operand::Users => selection.add(SelectionList::users(value, unknown_is_none)?),
            Operand::RealUsers => selection.add(SelectionList::real_users(value, unknown_is_none)?),
            Operand::Groups => selection.add(SelectionList::groups(value, unknown_is_none)?),
            Operand::RealGroups => {
                selection.add(SelectionList::real_groups(value, unknown_is_none)?);
            }
            Operand::Names => selection.add(SelectionList::names(value)?),
            Operand::Columns => options.lists.push(ColumnOption::Columns(text())),
            Operand::Extra(dialect) => options.lists.push(ColumnOption::Extra(text(), dialect)),
            Operand::Sort => options.lists.push(ColumnOption::Sort(text())),
            Operand::Width => options.width = Some(parse_size("columns", &text())?),
            Operand::Height => options.height = Some(parse_size("lines", &text())?),
            Operand::Delimiter => options.delimiter = Some(parse_delimiter(&text())?),
            Operand::ScopePid => {
                let pid = crate::pid::parse(&text()).map_err(|error| error.to_string())?;
                options.scope_pid = Some(pid);
            }
            Operand::Transport => options.transport = parse_transport(&text())?,
        }
        Ok(())
    }
}

fn parse_transport(word: &str) -> Result<TransportChoice, String> {
    TransportChoice::from_str(word, false).map_err(|_| {
        format!(
            "invalid value {word:?} for --transport: expected auto, netlink, file, daemon or procfs"
        )
    })
}

fn parse_delimiter(word: &str) -> Result<char, String> {
    let mut characters = word.chars();
    match (characters.next(), characters.next()) {
        (Some(delimiter), None) => Ok(delimiter),
        _ => Err(format!(
            "invalid delimiter {word:?}: expected one character"
        )),
    }
}

fn parse_size(what: &str, word: &str) -> Result<usize, String> {
    super::number::parse(word.as_bytes())
        .filter(|size| (1..2_000_000_000).contains(size))
        .and_then(|size| size.try_into().ok())
        .ok_or_else(|| format!("invalid number of {what} {word:?}: expected a positive number"))
}

#[cfg(test)]
mod tests;
