// SPDX-License-Identifier: MIT
//! The options of `ps`: one table per dialect.

use super::super::help::Section;
use super::super::select::{SelectionList, SimpleOptions};
use super::{ColumnOption, Dialect, Formats, Headings, Modifiers, PsOptions, Text, ThreadOptions};
use crate::ps::personality::Quirks;

/// The effect of an option.
#[derive(Clone, Copy)]
pub(super) enum Action {
    /// An option without a value.
    Set(fn(&mut PsOptions)),
    /// An option that may conflict with others.
    Try(Setter),
    Format(Formats),
    Modify(Modifiers),
    Threads(ThreadOptions),
    Select(SimpleOptions),
    /// An option with a value.
    Take(Operand),
    /// An option whose value may be missing at the end of the command line.
    TakeOrSet(Operand, fn(&mut PsOptions)),
    /// The first digit of a list of pids.
    Digits,
    Print(Text),
}

type Setter = fn(&mut PsOptions) -> Result<(), String>;

impl Action {
    /// Applies an option without a value.
    pub(super) fn apply(self, options: &mut PsOptions) -> Result<(), String> {
        match self {
            Set(set) => set(options),
            Try(set) => set(options)?,
            Format(format) => options.formats |= format,
            Modify(modifier) => options.modifiers |= modifier,
            Threads(threads) => options.threads |= threads,
            Select(simple) => options.selection.simple |= simple,
            Take(_) | TakeOrSet(..) | Digits | Print(_) => {}
        }
        Ok(())
    }
}

/// The values of options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Pids,
    QuickPids,
    Parents,
    Sessions,
    SessionsOrGroups,
    Terminals,
    Users,
    RealUsers,
    Groups,
    RealGroups,
    Names,
    Columns,
    Extra(Dialect),
    Sort,
    Width,
    Height,
    Delimiter,
    ScopePid,
    Transport,
}

use Action::{Digits, Format, Modify, Print, Select, Set, Take, TakeOrSet, Threads, Try};

/// Options after one dash.
#[rustfmt::skip]
pub(super) const UNIX: &[(u8, Action)] = &[
    (b'A', Set(select_all)),
    (b'C', Take(Operand::Names)),
    (b'F', Set(|options| {
        options.modifiers |= Modifiers::EXTRA_FULL;
        full(options);
    })),
    (b'G', Take(Operand::RealGroups)),
    (b'H', Set(|options| options.forest = Some(Dialect::Unix))),
    (b'L', Threads(ThreadOptions::UNIX_L)),
    (b'M', Modify(Modifiers::LABEL)),
    (b'N', Set(negate)),
    (b'O', Take(Operand::Extra(Dialect::Unix))),
    (b'P', Modify(Modifiers::PROCESSOR)),
    (b'T', Threads(ThreadOptions::UNIX_T)),
    (b'U', Take(Operand::RealUsers)),
    (b'V', Print(Text::Version)),
    (b'Z', Modify(Modifiers::LABEL)),
    (b'a', Select(SimpleOptions::UNIX_A)),
    (b'c', Modify(Modifiers::CLASS)),
    (b'd', Select(SimpleOptions::UNIX_D)),
    (b'e', Set(select_all)),
    (b'f', Set(full)),
    (b'g', Take(Operand::SessionsOrGroups)),
    (b'j', Set(unix_jobs)),
    (b'l', Format(Formats::UNIX_LONG)),
    (b'm', Threads(ThreadOptions::UNIX_M)),
    (b'o', Take(Operand::Columns)),
    (b'p', Take(Operand::Pids)),
    (b'q', Take(Operand::QuickPids)),
    (b's', Take(Operand::Sessions)),
    (b't', Take(Operand::Terminals)),
    (b'u', Take(Operand::Users)),
    (b'w', Set(widen)),
    (b'x', Try(unix_x)),
    (b'y', Modify(Modifiers::NO_FLAGS)),
];

/// Options without a dash, and with one in the second pass.
#[rustfmt::skip]
pub(super) const BSD: &[(u8, Action)] = &[
    (b'0', Digits), (b'1', Digits), (b'2', Digits), (b'3', Digits), (b'4', Digits),
    (b'5', Digits), (b'6', Digits), (b'7', Digits), (b'8', Digits), (b'9', Digits),
    (b'H', Threads(ThreadOptions::BSD_H)),
    (b'L', Print(Text::Columns)),
    (b'M', Threads(ThreadOptions::BSD_M)),
    (b'O', Take(Operand::Extra(Dialect::Bsd))),
    (b'S', Set(accumulate)),
    (b'T', Set(own_terminal)),
    (b'U', Take(Operand::Users)),
    (b'V', Print(Text::Version)),
    (b'X', Format(Formats::REGISTERS)),
    (b'Z', Modify(Modifiers::LABEL)),
    (b'a', Select(SimpleOptions::BSD_A)),
    (b'c', Set(|options| options.true_name = true)),
    (b'e', Set(|options| options.environment = true)),
    (b'f', Set(forest)),
    (b'g', Select(SimpleOptions::BSD_G)),
    (b'h', Try(bsd_headings)),
    (b'j', Format(Formats::BSD_JOBS)),
    (b'k', Take(Operand::Sort)),
    (b'l', Format(Formats::BSD_LONG)),
    (b'm', Set(bsd_m)),
    (b'n', Set(|options| options.numeric = true)),
    (b'o', Take(Operand::Columns)),
    (b'p', Take(Operand::Pids)),
    (b'q', Take(Operand::QuickPids)),
    (b'r', Set(|options| options.selection.running = true)),
    (b's', Format(Formats::BSD_SIGNALS)),
    (b't', TakeOrSet(Operand::Terminals, own_terminal)),
    (b'u', Format(Formats::BSD_USER)),
    (b'v', Format(Formats::BSD_MEMORY)),
    (b'w', Set(widen)),
    (b'x', Select(SimpleOptions::BSD_X)),
];

/// Options after two dashes.
#[rustfmt::skip]
pub(super) const GNU: &[(&str, Action)] = &[
    ("Group", Take(Operand::RealGroups)),
    ("User", Take(Operand::RealUsers)),
    ("cols", Take(Operand::Width)),
    ("columns", Take(Operand::Width)),
    ("context", Format(Formats::CONTEXT)),
    ("cumulative", Set(accumulate)),
    ("delimiter", Take(Operand::Delimiter)),
    ("deselect", Set(negate)),
    ("forest", Set(forest)),
    ("format", Take(Operand::Columns)),
    ("group", Take(Operand::Groups)),
    ("header", Try(repeat_headings)),
    ("headers", Try(repeat_headings)),
    ("heading", Try(repeat_headings)),
    ("headings", Try(repeat_headings)),
    ("help", Print(Text::Help(Section::Overview))),
    ("info", Print(Text::Settings)),
    ("lines", Take(Operand::Height)),
    ("no-header", Try(omit_headings)),
    ("no-headers", Try(omit_headings)),
    ("no-heading", Try(omit_headings)),
    ("no-headings", Try(omit_headings)),
    ("noheader", Try(omit_headings)),
    ("noheaders", Try(omit_headings)),
    ("noheading", Try(omit_headings)),
    ("noheadings", Try(omit_headings)),
    ("pid", Take(Operand::Pids)),
    ("ppid", Take(Operand::Parents)),
    ("quick-pid", Take(Operand::QuickPids)),
    ("rows", Take(Operand::Height)),
    ("scope-pid", Take(Operand::ScopePid)),
    ("sid", Take(Operand::Sessions)),
    ("sort", Take(Operand::Sort)),
    ("transport", Take(Operand::Transport)),
    ("tty", Take(Operand::Terminals)),
    ("user", Take(Operand::Users)),
    ("version", Print(Text::Version)),
    ("width", Take(Operand::Width)),
];

fn select_all(options: &mut PsOptions) {
    options.selection.all = true;
}

fn negate(options: &mut PsOptions) {
    options.selection.negated = true;
}

fn full(options: &mut PsOptions) {
    options.formats |= Formats::UNIX_FULL;
    options.full_name = true;
}

fn widen(options: &mut PsOptions) {
    options.wide += 1;
}

fn accumulate(options: &mut PsOptions) {
    options.cumulative = true;
}

fn forest(options: &mut PsOptions) {
    options.forest = Some(Dialect::Bsd);
}

fn own_terminal(options: &mut PsOptions) {
    options.selection.add(SelectionList::OwnTerminal);
}

/// `-j` is a format in some personalities, and otherwise adds columns.
fn unix_jobs(options: &mut PsOptions) {
    if options.personality.sets.unix_j.is_some() {
        options.formats |= Formats::UNIX_JOBS;
    } else {
        options.modifiers |= Modifiers::JOBS;
    }
}

/// `-x` is an option of some personalities. In the others, the error makes the second
/// pass read it as `x`.
fn unix_x(options: &mut PsOptions) -> Result<(), String> {
    if options.personality.has(Quirks::SVR4_X) {
        options.modifiers |= Modifiers::NO_FLAGS;
    } else if options.personality.has(Quirks::HPUX_X) {
        options.wide += 2;
        options.full_name = true;
    } else {
        return Err("option -x is not supported in this personality".to_owned());
    }
    Ok(())
}

/// `m` shows threads, sorts by memory or selects columns of memory.
fn bsd_m(options: &mut PsOptions) {
    if options.personality.has(Quirks::M_IS_FORMAT) {
        options.formats |= Formats::OLD_MEMORY;
    } else if options.personality.has(Quirks::M_SORTS) {
        options.lists.push(ColumnOption::Sort("pmem".to_owned()));
    } else {
        options.threads |= ThreadOptions::BSD_M;
    }
}

fn bsd_headings(options: &mut PsOptions) -> Result<(), String> {
    if options.personality.has(Quirks::H_REPEATS) {
        repeat_headings(options)
    } else {
        omit_headings(options)
    }
}

fn repeat_headings(options: &mut PsOptions) -> Result<(), String> {
    set_headings(options, Headings::EachPage)
}

fn omit_headings(options: &mut PsOptions) -> Result<(), String> {
    set_headings(options, Headings::Never)
}

fn set_headings(options: &mut PsOptions, headings: Headings) -> Result<(), String> {
    match options.headings.replace(headings) {
        None => Ok(()),
        Some(_) => Err("only one option may change the headings".to_owned()),
    }
}
