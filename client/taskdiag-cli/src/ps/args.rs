// SPDX-License-Identifier: MIT
//! Parses the options of `ps` in its three dialects: UNIX options with one dash,
//! GNU options with two, and BSD options without. Other modules interpret them.

use clap::ValueEnum as _;
use taskdiag::Pid;

use crate::cli::TransportChoice;

use super::select::{Selection, SelectionList, SimpleOptions};

/// The parsed options.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PsOptions {
    pub(super) selection: Selection,
    pub(super) style: Style,
    /// `-o`, in the order given.
    pub(super) columns: Vec<String>,
    /// `-O` or `O`: columns in addition to the default ones.
    pub(super) extra_columns: Option<(String, Dialect)>,
    pub(super) sort: Vec<String>,
    pub(super) threads: Threads,
    pub(super) forest: Option<Dialect>,
    pub(super) no_headers: bool,
    pub(super) numeric: bool,
    /// `S`: add the times and faults of waited-for children.
    pub(super) cumulative: bool,
    /// `c`: show the name instead of the arguments.
    pub(super) true_name: bool,
    /// The maximum width of lines, if given.
    pub(super) width: Option<usize>,
    /// The number of `w` options.
    pub(super) wide: usize,
    pub(super) version: bool,
    /// `--transport`, which procps does not have.
    pub(super) transport: TransportChoice,
    /// `--scope-pid`, which procps does not have either.
    pub(super) scope_pid: Option<Pid>,
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

/// Options that select predefined sets of columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// `-f`, `-F`, `-l`, `-j`, `-y`, `-P`, `-c`.
    pub(super) full: bool,
    pub(super) extra_full: bool,
    pub(super) long: bool,
    pub(super) jobs: bool,
    pub(super) no_flags: bool,
    pub(super) processor: bool,
    pub(super) class: bool,
    /// `u`, `j`, `l`.
    pub(super) bsd: Vec<char>,
}

/// How threads are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Threads {
    #[default]
    No,
    /// `H`: like processes.
    Plain,
    /// `-L`: with the columns LWP and NLWP.
    Lwp,
    /// `-T`: with the column SPID.
    Spid,
}

/// Parses the arguments of `ps`.
///
/// Users often type `ps -aux` for `ps aux`. If the UNIX options are invalid, such a
/// word is parsed as BSD options.
pub(super) fn parse(args: &[String]) -> Result<PsOptions, String> {
    let result = Parser::new(args).parse();
    let Err(error) = result else {
        return result;
    };
    let Some(letters) = args.first().and_then(|word| word.strip_prefix('-')) else {
        return Err(error);
    };
    if letters.len() < 2 || !letters.chars().all(|c| "augxwf".contains(c)) {
        return Err(error);
    }
    let mut again = args.to_vec();
    letters.clone_into(&mut again[0]);
    Parser::new(&again).parse().map_err(|_| error)
}

struct Parser<'a> {
    args: std::slice::Iter<'a, String>,
    options: PsOptions,
}

impl<'a> Parser<'a> {
    fn new(args: &'a [String]) -> Self {
        Self {
            args: args.iter(),
            options: PsOptions::default(),
        }
    }

    fn parse(mut self) -> Result<PsOptions, String> {
        while let Some(word) = self.args.next() {
            if let Some(long) = word.strip_prefix("--") {
                self.long(long)?;
            } else if let Some(letters) = word.strip_prefix('-') {
                if letters.is_empty() {
                    return Err(unsupported("-"));
                }
                self.letters(letters, Self::unix)?;
            } else if word.starts_with(|c: char| c.is_ascii_digit()) {
                self.options.bsd = true;
                self.pids(word)?;
            } else {
                self.options.bsd = true;
                self.letters(word, Self::bsd)?;
            }
        }
        Ok(self.options)
    }

    /// Parses clustered one-letter options. The last one may have a value: the rest
    /// of the word, or the next word.
    fn letters(
        &mut self,
        letters: &'a str,
        take: fn(&mut Self, char, &'a str) -> Result<bool, String>,
    ) -> Result<(), String> {
        if letters.starts_with(|c: char| c.is_ascii_digit()) {
            return self.pids(letters);
        }
        for (index, letter) in letters.char_indices() {
            let rest = &letters[index + letter.len_utf8()..];
            if take(self, letter, rest)? {
                break;
            }
        }
        Ok(())
    }

    /// Returns the value of an option.
    fn value(&mut self, option: &str, rest: &'a str) -> Result<&'a str, String> {
        if !rest.is_empty() {
            return Ok(rest);
        }
        let next = self.args.next().map(String::as_str);
        next.ok_or_else(|| format!("option {option} requires a value"))
    }

    /// Handles a UNIX option. Returns whether its value consumed the rest of the word.
    fn unix(&mut self, letter: char, rest: &'a str) -> Result<bool, String> {
        let options = &mut self.options;
        match letter {
            'e' | 'A' => options.selection.all = true,
            'a' => options.selection.simple.insert(SimpleOptions::UNIX_A),
            'd' => options.selection.simple.insert(SimpleOptions::UNIX_D),
            'N' => options.selection.negated = true,
            'f' => options.style.full = true,
            'F' => (options.style.full, options.style.extra_full) = (true, true),
            'l' => options.style.long = true,
            'j' => options.style.jobs = true,
            'y' => options.style.no_flags = true,
            'P' => options.style.processor = true,
            'c' => options.style.class = true,
            'H' => options.forest = Some(Dialect::Unix),
            'L' => options.threads = Threads::Lwp,
            'T' => options.threads = Threads::Spid,
            'w' => options.wide += 1,
            'V' => options.version = true,
            'o' | 'O' | 'p' | 'q' | 's' | 't' | 'u' | 'U' | 'g' | 'G' | 'C' => {
                let value = self.value(&format!("-{letter}"), rest)?;
                self.unix_value(letter, value)?;
                return Ok(true);
            }
            _ => return Err(unsupported(&format!("-{letter}"))),
        }
        Ok(false)
    }

    fn unix_value(&mut self, letter: char, value: &str) -> Result<(), String> {
        let selection = &mut self.options.selection;
        match letter {
            'o' => self.options.columns.push(value.to_owned()),
            'O' => self.options.extra_columns = Some((value.to_owned(), Dialect::Unix)),
            'p' => selection.add(SelectionList::pids(value)?),
            'q' => selection.quick(value)?,
            's' => selection.add(SelectionList::sessions(value)?),
            't' => selection.add(SelectionList::terminals(value)?),
            'u' => selection.add(SelectionList::users(value)?),
            'U' => selection.add(SelectionList::real_users(value)?),
            'g' => selection
                .add(SelectionList::sessions(value).or_else(|_| SelectionList::groups(value))?),
            'G' => selection.add(SelectionList::real_groups(value)?),
            _ => selection.add(SelectionList::names(value)?),
        }
        Ok(())
    }

    /// Handles a BSD option. Returns whether its value consumed the rest of the word.
    fn bsd(&mut self, letter: char, rest: &'a str) -> Result<bool, String> {
        let options = &mut self.options;
        match letter {
            'a' => options.selection.simple.insert(SimpleOptions::BSD_A),
            'x' => options.selection.simple.insert(SimpleOptions::BSD_X),
            'g' => {}
            'r' => options.selection.running = true,
            'T' => options.selection.own_terminal = true,
            'u' | 'j' | 'l' => options.style.bsd.push(letter),
            'f' => options.forest = Some(Dialect::Bsd),
            'H' => options.threads = Threads::Plain,
            'c' => options.true_name = true,
            'h' => options.no_headers = true,
            'n' => options.numeric = true,
            'S' => options.cumulative = true,
            'w' => options.wide += 1,
            'V' => options.version = true,
            'o' | 'O' | 'k' | 'p' | 'q' | 't' | 'U' => {
                let value = self.value(&letter.to_string(), rest)?;
                self.bsd_value(letter, value)?;
                return Ok(true);
            }
            _ => return Err(unsupported(&letter.to_string())),
        }
        Ok(false)
    }

    fn bsd_value(&mut self, letter: char, value: &str) -> Result<(), String> {
        let selection = &mut self.options.selection;
        match letter {
            'o' => self.options.columns.push(value.to_owned()),
            'O' => self.options.extra_columns = Some((value.to_owned(), Dialect::Bsd)),
            'k' => self.options.sort.push(value.to_owned()),
            'p' => selection.add(SelectionList::pids(value)?),
            'q' => selection.quick(value)?,
            't' => selection.add(SelectionList::terminals(value)?),
            _ => selection.add(SelectionList::users(value)?),
        }
        Ok(())
    }

    /// Handles a GNU option.
    fn long(&mut self, word: &'a str) -> Result<(), String> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        if self.long_flag(name)? {
            return match value {
                None => Ok(()),
                Some(_) => Err(format!("option --{name} takes no value")),
            };
        }
        let option = format!("--{name}");
        let value = match value {
            Some(value) => value,
            None => self.value(&option, "")?,
        };
        let selection = &mut self.options.selection;
        match name {
            "pid" => selection.add(SelectionList::pids(value)?),
            "ppid" => selection.add(SelectionList::parents(value)?),
            "quick-pid" => selection.quick(value)?,
            "sid" => selection.add(SelectionList::sessions(value)?),
            "tty" => selection.add(SelectionList::terminals(value)?),
            "user" => selection.add(SelectionList::users(value)?),
            "User" => selection.add(SelectionList::real_users(value)?),
            "group" => selection.add(SelectionList::groups(value)?),
            "Group" => selection.add(SelectionList::real_groups(value)?),
            "format" => self.options.columns.push(value.to_owned()),
            "sort" => self.options.sort.push(value.to_owned()),
            "cols" | "columns" | "width" => {
                self.options.width = Some(parse_number(&option, value)?);
            }
            "transport" => self.options.transport = parse_transport(value)?,
            "scope-pid" => {
                let pid = crate::pid::parse(value).map_err(|error| error.to_string())?;
                self.options.scope_pid = Some(pid);
            }
            // Headings are not repeated per page.
            "lines" | "rows" => drop(parse_number(&option, value)?),
            _ => return Err(unsupported(&option)),
        }
        Ok(())
    }

    /// Handles a GNU option without a value. Returns whether the option is one.
    fn long_flag(&mut self, name: &str) -> Result<bool, String> {
        let options = &mut self.options;
        match name {
            "deselect" => options.selection.negated = true,
            "forest" => options.forest = Some(Dialect::Bsd),
            "no-headers" | "no-heading" | "no-header" => options.no_headers = true,
            "cumulative" => options.cumulative = true,
            "version" => options.version = true,
            "pid" | "ppid" | "quick-pid" | "sid" | "tty" | "user" | "User" | "group" | "Group"
            | "format" | "sort" | "cols" | "columns" | "width" | "lines" | "rows" | "transport"
            | "scope-pid" => {
                return Ok(false);
            }
            _ => return Err(unsupported(&format!("--{name}"))),
        }
        Ok(true)
    }

    fn pids(&mut self, word: &str) -> Result<(), String> {
        self.options.selection.add(SelectionList::pids(word)?);
        Ok(())
    }
}

fn unsupported(option: &str) -> String {
    format!("option {option} is not supported")
}

fn parse_transport(word: &str) -> Result<TransportChoice, String> {
    TransportChoice::from_str(word, false).map_err(|_| {
        format!(
            "invalid value {word:?} for --transport: expected auto, netlink, file, daemon or procfs"
        )
    })
}

fn parse_number(option: &str, word: &str) -> Result<usize, String> {
    word.parse()
        .ok()
        .filter(|&number| number > 0)
        .ok_or_else(|| format!("invalid value {word:?} for {option}: expected a positive number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<PsOptions, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&args)
    }

    fn good(line: &str) -> PsOptions {
        options(line).expect(line)
    }

    #[test]
    fn common_command_lines_are_parsed() {
        let aux = good("aux");
        assert!(aux.bsd && aux.selection.simple == SimpleOptions::BSD_A | SimpleOptions::BSD_X);
        assert_eq!(aux.style.bsd, ['u']);

        let ef = good("-ef");
        assert!(!ef.bsd && ef.selection.all && ef.style.full);

        let some = good("ax -o pid,ppid");
        assert!(some.bsd && some.columns == ["pid,ppid"]);
        assert_eq!(some, good("axo pid,ppid"));
        assert_eq!(good("-opid"), good("-o pid"));
        assert_eq!(good("--format=pid").columns, good("--format pid").columns);
    }

    #[test]
    fn bsd_letters_with_a_dash_are_accepted() {
        assert_eq!(options("-aux"), options("aux"));
        // This is valid as a UNIX option, because the user exists.
        assert_ne!(options("-au root"), options("au root"));
        let error = options("-u nobody-of-this-name").expect_err("no such user");
        assert!(error.contains("nobody-of-this-name"), "{error}");
    }

    #[test]
    fn numbers_are_pids_in_every_dialect() {
        let lists = [SelectionList::Pids(vec![1, 2])];
        for line in [
            "-p 1,2",
            "p 1,2",
            "--pid 1,2",
            "--pid=1,2",
            "-p1,2",
            "1,2",
            "-1,2",
        ] {
            assert_eq!(good(line).selection.lists, lists, "{line}");
        }
        assert_eq!(good("1 2").selection.lists.len(), 2);
    }

    #[test]
    fn clustered_options_are_combined() {
        let options = good("-eLfww --no-headers --cols 80 k -rss");
        assert_eq!(options.threads, Threads::Lwp);
        assert!(options.style.full && options.no_headers);
        assert_eq!((options.wide, options.width), (2, Some(80)));
        assert_eq!(options.sort, ["-rss"]);
    }

    #[test]
    fn transport_option_is_parsed() {
        assert_eq!(good("aux").transport, TransportChoice::Auto);
        let result = good("aux --transport=file");
        assert!(result.bsd && result.transport == TransportChoice::File);
        assert_eq!(
            good("--transport procfs -ef").transport,
            TransportChoice::Procfs
        );
    }

    #[test]
    fn errors_name_the_option() {
        for (line, text) in [
            ("-Z", "option -Z is not supported"),
            ("axz", "option z is not supported"),
            ("--info", "option --info is not supported"),
            ("-o", "option -o requires a value"),
            ("--pid", "option --pid requires a value"),
            ("--forest=1", "option --forest takes no value"),
            ("--cols 0", "invalid value \"0\" for --cols"),
            (
                "--transport pigeon",
                "invalid value \"pigeon\" for --transport: expected auto",
            ),
            ("-p x", "invalid PID \"x\""),
            ("-", "option - is not supported"),
        ] {
            let error = options(line).expect_err(line);
            assert!(error.contains(text), "{line}: {error}");
        }
    }
}
