// SPDX-License-Identifier: MIT
//! The three languages of `ps`: words with a dash, words with two, and words
//! without. What the options come to is for others to say.

use clap::ValueEnum as _;

use crate::cli::TransportChoice;

use super::select::{Selection, SelectionList, SimpleOptions};

/// What was said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PsOptions {
    pub(super) selection: Selection,
    pub(super) style: Style,
    /// `-o`, in the order given.
    pub(super) columns: Vec<String>,
    /// `-O` or `O`: columns among the usual ones.
    pub(super) extra_columns: Option<(String, Dialect)>,
    pub(super) sort: Vec<String>,
    pub(super) threads: Threads,
    pub(super) forest: Option<Dialect>,
    pub(super) no_headers: bool,
    pub(super) numeric: bool,
    /// `S`: the children that were waited for count.
    pub(super) cumulative: bool,
    /// `c`: the name in place of the arguments.
    pub(super) true_name: bool,
    /// How wide lines may be, if that was said.
    pub(super) width: Option<usize>,
    /// `w`, once or more often.
    pub(super) wide: usize,
    pub(super) version: bool,
    /// `--transport`, which is not of `ps` but of this command.
    pub(super) transport: TransportChoice,
    /// Whether a word without a dash was among them, which changes what is
    /// selected and shown if nothing else does.
    pub(super) bsd: bool,
}

/// Whose language an option is of, where the languages differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Unix,
    Bsd,
}

/// The sets of columns there are names for.
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

/// Whether threads have lines, and a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Threads {
    #[default]
    No,
    /// `H`: as if they were processes.
    Plain,
    /// `-L`: with LWP and NLWP.
    Lwp,
    /// `-T`: with SPID.
    Spid,
}

/// Reads the words.
///
/// `ps -aux` is what people type for `ps aux`: it is read so where it makes no
/// other sense.
pub(super) fn parse(words: &[String]) -> Result<PsOptions, String> {
    let result = Parser::new(words).parse();
    let Err(error) = result else {
        return result;
    };
    let Some(letters) = words.first().and_then(|word| word.strip_prefix('-')) else {
        return Err(error);
    };
    if letters.len() < 2 || !letters.chars().all(|c| "augxwf".contains(c)) {
        return Err(error);
    }
    let mut again = words.to_vec();
    letters.clone_into(&mut again[0]);
    Parser::new(&again).parse().map_err(|_| error)
}

struct Parser<'a> {
    words: std::slice::Iter<'a, String>,
    options: PsOptions,
}

impl<'a> Parser<'a> {
    fn new(words: &'a [String]) -> Self {
        Self {
            words: words.iter(),
            options: PsOptions::default(),
        }
    }

    fn parse(mut self) -> Result<PsOptions, String> {
        while let Some(word) = self.words.next() {
            if let Some(long) = word.strip_prefix("--") {
                self.long(long)?;
            } else if let Some(letters) = word.strip_prefix('-') {
                if letters.is_empty() {
                    return Err("a dash alone is no option".to_owned());
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

    /// Reads options of a letter each, the last of which may have a value:
    /// what is left of the word, or the next word.
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

    /// The value of an option.
    fn value(&mut self, option: &str, rest: &'a str) -> Result<&'a str, String> {
        if !rest.is_empty() {
            return Ok(rest);
        }
        let next = self.words.next().map(String::as_str);
        next.ok_or_else(|| format!("{option} wants a value"))
    }

    /// An option with a dash; whether it took the rest of the word.
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

    /// An option without a dash; whether it took the rest of the word.
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

    /// A word with two dashes.
    fn long(&mut self, word: &'a str) -> Result<(), String> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        if self.long_flag(name)? {
            return match value {
                None => Ok(()),
                Some(_) => Err(format!("--{name} takes no value")),
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
                self.options.width = Some(parse_number(&option, value)?)
            }
            "transport" => self.options.transport = parse_transport(value)?,
            // There are no pages.
            "lines" | "rows" => drop(parse_number(&option, value)?),
            _ => return Err(unsupported(&option)),
        }
        Ok(())
    }

    /// Those without a value; whether it is one.
    fn long_flag(&mut self, name: &str) -> Result<bool, String> {
        let options = &mut self.options;
        match name {
            "deselect" => options.selection.negated = true,
            "forest" => options.forest = Some(Dialect::Bsd),
            "no-headers" | "no-heading" | "no-header" => options.no_headers = true,
            "cumulative" => options.cumulative = true,
            "version" => options.version = true,
            "pid" | "ppid" | "quick-pid" | "sid" | "tty" | "user" | "User" | "group" | "Group"
            | "format" | "sort" | "cols" | "columns" | "width" | "lines" | "rows" | "transport" => {
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
        format!("--transport wants auto, netlink, file, daemon or procfs, not {word:?}")
    })
}

fn parse_number(option: &str, word: &str) -> Result<usize, String> {
    word.parse()
        .ok()
        .filter(|&number| number > 0)
        .ok_or_else(|| format!("{option} wants a number from 1 up"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<PsOptions, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words)
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
        // That user there is.
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
            ("-o", "-o wants a value"),
            ("--pid", "--pid wants a value"),
            ("--forest=1", "--forest takes no value"),
            ("--cols 0", "--cols wants a number"),
            ("--transport pigeon", "--transport wants auto"),
            ("-p x", "\"x\" is no PID"),
            ("-", "a dash alone"),
        ] {
            let error = options(line).expect_err(line);
            assert!(error.contains(text), "{line}: {error}");
        }
    }
}
