// SPDX-License-Identifier: MIT
//! `--filter`: parses conditions. The kernel evaluates those for which it has a
//! filter, and this command the others.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use nix::unistd::{Group, User};
use regex::bytes::Regex;
use taskdiag::{Filters, ParseStatesError, Pid, States, VmaFlags};

use crate::escape::unescape;
use crate::pid::{self, PidError};
use crate::row_filter::{Pattern, RowFilter, Test, Text};

/// One condition: `KEY=VALUE`, `KEY!=VALUE`, `KEY~REGEX` or `KEY!~REGEX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    User(u32),
    Cgroup(u64),
    States(States),
    /// States that the task must not have.
    NotStates(States),
    Comm(Vec<u8>),
    Pids(Vec<Pid>),
    VmaFlags(VmaFlags),
    /// A condition for which the kernel has no filter.
    Row(RowFilter),
}

/// The conditions of one `--filter` option, separated by commas.
#[derive(Clone, Debug)]
pub(crate) struct ConditionList(pub(crate) Vec<Condition>);

/// Errors of a condition.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConditionError {
    #[error(
        "invalid condition {0:?}: expected KEY=VALUE, KEY!=VALUE, KEY~REGEX or KEY!~REGEX with one of the keys {KEYS}"
    )]
    NoValue(String),
    #[error("unknown filter {0:?}; the filters are {KEYS}")]
    SortKey(String),
    #[error("unknown user {0:?}")]
    User(String),
    #[error("unknown group {0:?}")]
    Group(String),
    #[error("unknown terminal {0:?}: not found in /dev; \"-\" selects tasks without a terminal")]
    Terminal(String),
    #[error("invalid regular expression {0:?}: {1}")]
    Regex(String, String),
    #[error("cannot negate the filter {0:?}; use cgroup!~REGEX, which is matched with the path")]
    NegatedCgroup(String),
    #[error("the filter {0:?} accepts no regular expression; comm, args, cgroup and tty do")]
    NoText(String),
    #[error("no arguments given")]
    NoArgs,
    #[error(transparent)]
    State(#[from] ParseStatesError),
    #[error("no state given; the states are {}", States::all())]
    NoState,
    #[error("invalid beginning of a name {0:?}: expected 1 to 15 bytes")]
    Comm(String),
    #[error(transparent)]
    Pid(#[from] PidError),
    #[error("unknown cgroup {0:?}: not found in the default hierarchy")]
    Cgroup(String),
    #[error("unknown mapping flag {0:?}; the flags are {list}", list = vma_flag_names())]
    VmaFlag(String),
}

const KEYS: &str = "uid,state,comm,cgroup,pid,vma,gid,ppid,tty,args";

/// The parts of a condition.
#[derive(Clone, Copy)]
struct Parts<'a> {
    key: &'a str,
    negated: bool,
    /// Whether the value is a regular expression.
    is_regex: bool,
    value: &'a str,
}

impl<'a> Parts<'a> {
    /// Splits a condition at its operator: `=`, `!=`, `~` or `!~`.
    fn split(word: &'a str) -> Option<Self> {
        let operator = word.find(['=', '~'])?;
        let (key, rest) = word.split_at(operator);
        let (key, negated) = match key.strip_suffix('!') {
            Some(key) => (key, true),
            None => (key, false),
        };
        Some(Self {
            key,
            negated,
            is_regex: rest.starts_with('~'),
            value: &rest[1..],
        })
    }

    /// The alternatives in the value.
    fn alternatives(self) -> impl Iterator<Item = &'a str> {
        self.value.split('+')
    }

    /// Parses all alternatives. A value with `+` may also be one name as a whole.
    fn ids(
        self,
        parse: impl Fn(&str) -> Result<u32, ConditionError>,
    ) -> Result<Vec<u32>, ConditionError> {
        match parse(self.value) {
            Ok(id) => Ok(vec![id]),
            Err(_) => self.alternatives().map(parse).collect(),
        }
    }

    fn pids(self) -> Result<Vec<Pid>, ConditionError> {
        let pids: Result<_, PidError> = self.alternatives().map(pid::parse).collect();
        Ok(pids?)
    }

    fn row(self, test: Test) -> Condition {
        Condition::Row(RowFilter {
            negated: self.negated,
            test,
        })
    }
}

/// The keys with their other names. The names in the output of `features` are
/// accepted as well.
const ALIASES: &[(&str, &str)] = &[
    ("user", "uid"),
    ("euid", "uid"),
    ("group", "gid"),
    ("egid", "gid"),
    ("states", "state"),
    ("pids", "pid"),
    ("vma_flags", "vma"),
];

/// Returns the key that a word names.
fn key(word: &str) -> Option<&'static str> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == word);
    let name = alias.map_or(word, |(_, key)| key);
    KEYS.split(',').find(|key| *key == name)
}

impl FromStr for ConditionList {
    type Err = ConditionError;

    /// A comma does not end a regular expression unless a condition follows.
    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let mut words: Vec<String> = Vec::new();
        for word in list.split(',') {
            let is_condition = Parts::split(word).is_some_and(|parts| key(parts.key).is_some());
            match words.last_mut() {
                Some(last)
                    if !is_condition && Parts::split(last).is_some_and(|parts| parts.is_regex) =>
                {
                    last.push(',');
                    last.push_str(word);
                }
                _ => words.push(word.to_owned()),
            }
        }
        let conditions = words.iter().map(|word| word.parse());
        conditions.collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let Some(parts) = Parts::split(word) else {
            return Err(ConditionError::NoValue(word.to_owned()));
        };
        let Some(key) = key(parts.key) else {
            return Err(ConditionError::SortKey(parts.key.to_owned()));
        };
        if parts.is_regex {
            return parse_match(key, parts.value).map(|test| parts.row(test));
        }
        let Parts { negated, value, .. } = parts;
        Ok(match key {
            "uid" => match parts.ids(parse_user)?[..] {
                [uid] if !negated => Self::User(uid),
                ref uids => parts.row(Test::Users(uids.to_vec())),
            },
            "gid" => parts.row(Test::Groups(parts.ids(parse_group)?)),
            "state" if negated => Self::NotStates(parse_states(value)?),
            "state" => Self::States(parse_states(value)?),
            "comm" => {
                let mut names = parse_names(value)?;
                match names.len() {
                    1 if !negated => Self::Comm(names.remove(0)),
                    _ => parts.row(Test::Names(names)),
                }
            }
            "args" if value.is_empty() => return Err(ConditionError::NoArgs),
            "args" => parts.row(Test::Args(unescape(value.as_bytes()))),
            "cgroup" if negated => return Err(ConditionError::NegatedCgroup(word.to_owned())),
            "cgroup" => Self::Cgroup(parse_cgroup(value)?),
            "pid" if negated => parts.row(Test::Pids(parts.pids()?)),
            "pid" => Self::Pids(parts.pids()?),
            "ppid" => {
                let pids: Result<_, PidError> = parts.alternatives().map(parse_parent).collect();
                parts.row(Test::Parents(pids?))
            }
            "tty" => {
                let devices: Result<_, _> = parts.alternatives().map(parse_terminal).collect();
                parts.row(Test::Terminals(devices?))
            }
            _ => {
                let flags = parts.alternatives().map(parse_vma_flag);
                let flags = flags.collect::<Result<_, _>>()?;
                match negated {
                    true => parts.row(Test::VmaFlags(flags)),
                    false => Self::VmaFlags(flags),
                }
            }
        })
    }
}

/// Parses a regular expression for the text of a field.
fn parse_match(key: &str, value: &str) -> Result<Test, ConditionError> {
    let text = match key {
        "comm" => Text::Comm,
        "args" => Text::Args,
        "cgroup" => Text::Cgroup,
        "tty" => Text::Terminal,
        _ => return Err(ConditionError::NoText(key.to_owned())),
    };
    let invalid = |cause| ConditionError::Regex(value.to_owned(), cause);
    if value.is_empty() {
        return Err(invalid("empty".to_owned()));
    }
    let regex = parse_regex(value).map_err(invalid)?;
    Ok(Test::Matches(text, Pattern(regex)))
}

/// Parses a regular expression. The last line of the error of the parser contains
/// the cause.
pub(crate) fn parse_regex(word: &str) -> Result<Regex, String> {
    Regex::new(word).map_err(|error| {
        let error = error.to_string();
        let last = error.lines().last().unwrap_or_default();
        last.trim_start_matches("error: ").to_owned()
    })
}

/// Combines conditions into filters, all of which have to match: those of the
/// kernel, and those of this command.
///
/// # Errors
///
/// A duplicate key of a filter of the kernel, and conditions that exclude all states.
pub(crate) fn combine(conditions: Vec<Condition>) -> Result<(Filters, Vec<RowFilter>), String> {
    let mut filters = Filters::default();
    let mut row_filters = Vec::new();
    let mut excluded = States::empty();
    for condition in conditions {
        let (key, twice) = match condition {
            Condition::User(uid) => ("uid", filters.uid.replace(uid).is_some()),
            Condition::Cgroup(id) => ("cgroup", filters.cgroup.replace(id).is_some()),
            Condition::States(set) => ("state", filters.states.replace(set).is_some()),
            Condition::Comm(name) => ("comm", filters.comm.replace(name).is_some()),
            Condition::Pids(pids) => ("pid", filters.pids.replace(pids).is_some()),
            Condition::VmaFlags(flags) => ("vma", filters.vma_flags.replace(flags).is_some()),
            Condition::NotStates(set) => {
                excluded |= set;
                continue;
            }
            Condition::Row(filter) => {
                row_filters.push(filter);
                continue;
            }
        };
        if twice {
            return Err(format!(
                "duplicate filter {key}; join alternatives with + in one filter"
            ));
        }
    }
    if !excluded.is_empty() {
        // The kernel has a filter for the other states.
        let states = filters.states.unwrap_or(States::all()) - excluded;
        if states.is_empty() {
            return Err(format!("state!={excluded} excludes all states"));
        }
        filters.states = Some(states);
    }
    Ok((filters, row_filters))
}

/// Parses a user id, or a user name: as it is, or as a column shows it.
pub(crate) fn parse_user(word: &str) -> Result<u32, ConditionError> {
    let look_up = |name: &str| Some(User::from_name(name).ok()??.uid.as_raw());
    parse_owner(word, look_up).ok_or_else(|| ConditionError::User(word.to_owned()))
}

/// Parses a group id, or a group name: as it is, or as a column shows it.
fn parse_group(word: &str) -> Result<u32, ConditionError> {
    let look_up = |name: &str| Some(Group::from_name(name).ok()??.gid.as_raw());
    parse_owner(word, look_up).ok_or_else(|| ConditionError::Group(word.to_owned()))
}

fn parse_owner(word: &str, look_up: impl Fn(&str) -> Option<u32>) -> Option<u32> {
    let unescaped = || String::from_utf8(unescape(word.as_bytes())).ok();
    let id = word.parse().ok().or_else(|| look_up(word));
    id.or_else(|| look_up(&unescaped()?))
}

fn parse_states(word: &str) -> Result<States, ConditionError> {
    let states: States = word.replace('+', "").parse()?;
    if states.is_empty() {
        return Err(ConditionError::NoState);
    }
    Ok(states)
}

fn parse_comm(word: &str) -> Result<Vec<u8>, ConditionError> {
    let name = unescape(word.as_bytes());
    let good = (1..=15).contains(&name.len()) && !name.contains(&0);
    good.then_some(name)
        .ok_or_else(|| ConditionError::Comm(word.to_owned()))
}

/// Parses beginnings of names. A name such as `g++`, with an empty alternative, has
/// none.
fn parse_names(value: &str) -> Result<Vec<Vec<u8>>, ConditionError> {
    if value.split('+').any(str::is_empty) {
        return Ok(vec![parse_comm(value)?]);
    }
    value.split('+').map(parse_comm).collect()
}

/// Parses a parent; 0 is that of the first process and of kthreadd.
fn parse_parent(word: &str) -> Result<Pid, PidError> {
    match word {
        "0" => Ok(0),
        word => pid::parse(word),
    }
}

/// Returns the device number of a terminal: of a path, or of a name in `/dev` whose
/// beginning may be missing; 0 for `-` and `?`, which mean no terminal.
fn parse_terminal(word: &str) -> Result<u32, ConditionError> {
    if matches!(word, "-" | "?") {
        return Ok(0);
    }
    let name = word.strip_prefix("/dev/").unwrap_or(word);
    let device = |prefix: &str| {
        let file = fs::metadata(format!("/dev/{prefix}{name}")).ok()?;
        let is_device = !name.is_empty() && file.file_type().is_char_device();
        // The lower 32 bits of a device number of stat(2) have the encoding of the kernel.
        u32::try_from(file.rdev()).ok().filter(|_| is_device)
    };
    let mut devices = ["pts/", "", "tty"].into_iter().filter_map(device);
    let device = devices.next();
    device.ok_or_else(|| ConditionError::Terminal(word.to_owned()))
}

/// The flags that `--filter vma=` accepts.
const VMA_FLAGS: &[(&str, VmaFlags)] = &[
    ("read", VmaFlags::READ),
    ("write", VmaFlags::WRITE),
    ("exec", VmaFlags::EXEC),
    ("shared", VmaFlags::SHARED),
    ("file", VmaFlags::FILE),
    ("deleted", VmaFlags::DELETED),
    ("locked", VmaFlags::LOCKED),
    ("hugetlb", VmaFlags::HUGETLB),
];

fn parse_vma_flag(word: &str) -> Result<VmaFlags, ConditionError> {
    VMA_FLAGS
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, flag)| *flag)
        .ok_or_else(|| ConditionError::VmaFlag(word.to_owned()))
}

fn vma_flag_names() -> String {
    let names: Vec<&str> = VMA_FLAGS.iter().map(|(name, _)| *name).collect();
    names.join(",")
}

/// Parses a cgroup id, or the path of a cgroup: in the file system, or relative to
/// the root of the hierarchy.
pub(crate) fn parse_cgroup(word: &str) -> Result<u64, ConditionError> {
    if let Ok(id) = word.parse() {
        return Ok(id);
    }
    let path = word.strip_prefix("0::").unwrap_or(word).as_bytes();
    let unescaped = unescape(path);
    // A path is accepted as it is, and as a column shows it.
    let mut candidates = [path, &unescaped]
        .into_iter()
        .flat_map(candidate_directories);
    candidates
        .find_map(|directory| cgroup_id(&directory))
        .ok_or_else(|| ConditionError::Cgroup(word.to_owned()))
}

/// The usual mount points of the default hierarchy.
const MOUNTS: &[&str] = &["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

fn candidate_directories(path: &[u8]) -> Vec<PathBuf> {
    if path.is_empty() {
        return Vec::new();
    }
    let start = path.iter().position(|&byte| byte != b'/');
    let below = OsStr::from_bytes(start.map_or(b"", |start| &path[start..]));
    let mut candidate_directories = vec![PathBuf::from(OsStr::from_bytes(path))];
    candidate_directories.extend(MOUNTS.iter().map(|mount| Path::new(mount).join(below)));
    candidate_directories
}

/// Returns the inode number of a directory of the default hierarchy, which is the
/// id of the cgroup.
fn cgroup_id(directory: &Path) -> Option<u64> {
    let is_cgroup = statfs(directory).ok()?.filesystem_type() == CGROUP2_SUPER_MAGIC;
    let metadata = fs::metadata(directory).ok()?;
    (is_cgroup && metadata.is_dir()).then(|| metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(word: &str) -> Result<Condition, String> {
        word.parse()
            .map_err(|error: ConditionError| error.to_string())
    }

    #[test]
    fn conditions_are_parsed() {
        for (word, expected) in [
            ("uid=1000", Condition::User(1000)),
            ("uid=root", Condition::User(0)),
            ("user=root", Condition::User(0)),
            ("state=R", Condition::States(States::RUNNING)),
            (
                "state=R+D",
                Condition::States(States::RUNNING | States::UNINTERRUPTIBLE),
            ),
            (
                "state=RD",
                Condition::States(States::RUNNING | States::UNINTERRUPTIBLE),
            ),
            ("comm=a=b", Condition::Comm(b"a=b".to_vec())),
            ("comm=trail ", Condition::Comm(b"trail ".to_vec())),
            // The text that a table shows.
            (
                r"comm=a\tb\\x2d\xff",
                Condition::Comm(b"a\tb\\x2d\xff".to_vec()),
            ),
            ("cgroup=123", Condition::Cgroup(123)),
            ("pid=1+2", Condition::Pids(vec![1, 2])),
            ("pids=1", Condition::Pids(vec![1])),
            ("states=Z", Condition::States(States::ZOMBIE)),
            ("vma_flags=file", Condition::VmaFlags(VmaFlags::FILE)),
            (
                "vma=exec+file",
                Condition::VmaFlags(VmaFlags::EXEC | VmaFlags::FILE),
            ),
        ] {
            assert_eq!(condition(word), Ok(expected), "{word}");
        }
    }

    #[test]
    fn errors_quote_the_value_and_list_alternatives() {
        for (word, text) in [
            (
                "uid",
                "invalid condition \"uid\": expected KEY=VALUE, KEY!=VALUE, KEY~REGEX or \
                 KEY!~REGEX with one of the keys uid,state,comm",
            ),
            (
                "uids=1",
                "unknown filter \"uids\"; the filters are uid,state,comm",
            ),
            ("uid=no such user", "unknown user \"no such user\""),
            ("uid=-1", "unknown user \"-1\""),
            ("uid=root+no one", "unknown user \"no one\""),
            ("uid!=", "unknown user \"\""),
            ("gid=no such group", "unknown group \"no such group\""),
            (
                "tty=nowhere",
                "unknown terminal \"nowhere\": not found in /dev",
            ),
            ("tty=.", "unknown terminal \".\""),
            ("tty=", "unknown terminal \"\""),
            ("comm~(", "invalid regular expression \"(\": unclosed group"),
            ("args~", "invalid regular expression \"\": empty"),
            ("uid~1", "the filter \"uid\" accepts no regular expression"),
            (
                "cgroup!=/",
                "cannot negate the filter \"cgroup!=/\"; use cgroup!~REGEX",
            ),
            ("ppid=x", "invalid PID \"x\""),
            ("pid!=0", "invalid PID \"0\""),
            ("args=", "no arguments given"),
            ("state!=Q", "unknown state 'Q'"),
            ("uids!=1", "unknown filter \"uids\""),
            ("state=Q", "unknown state 'Q'; the states are RSDTtXZPI"),
            ("state=", "no state given; the states are RSDTtXZPI"),
            ("comm=", "invalid beginning of a name \"\": expected"),
            (
                "comm=0123456789abcdef",
                "\"0123456789abcdef\": expected 1 to 15 bytes",
            ),
            (
                "pid=1+",
                "invalid PID \"\": expected a number from 1 to 2147483647",
            ),
            ("pid=0", "invalid PID \"0\""),
            (
                "cgroup=/proc",
                "unknown cgroup \"/proc\": not found in the default hierarchy",
            ),
            ("cgroup=", "unknown cgroup \"\""),
            ("cgroup= ", "unknown cgroup \" \""),
            (
                "vma=x",
                "unknown mapping flag \"x\"; the flags are read,write,exec",
            ),
        ] {
            let error = condition(word).expect_err(word);
            assert!(error.contains(text), "{word}: {error}");
        }
    }

    #[test]
    fn conditions_without_a_kernel_filter_are_of_rows() {
        let of_rows = |negated, test| Ok(Condition::Row(RowFilter { negated, test }));
        let names = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect();
        let regex = |text, regex| Test::Matches(text, Pattern(Regex::new(regex).expect("valid")));
        for (word, negated, test) in [
            ("uid=root+7", false, Test::Users(vec![0, 7])),
            ("uid!=root", true, Test::Users(vec![0])),
            ("gid=root+5", false, Test::Groups(vec![0, 5])),
            ("egid=5", false, Test::Groups(vec![5])),
            ("ppid=0+1", false, Test::Parents(vec![0, 1])),
            ("pid!=1+2", true, Test::Pids(vec![1, 2])),
            ("comm=a+b", false, Test::Names(names(&["a", "b"]))),
            ("comm!=g++", true, Test::Names(names(&["g++"]))),
            ("tty=-+?", false, Test::Terminals(vec![0, 0])),
            ("args=sh -c ", false, Test::Args(b"sh -c ".to_vec())),
            ("args=date +%s", false, Test::Args(b"date +%s".to_vec())),
            ("vma!=exec", true, Test::VmaFlags(VmaFlags::EXEC)),
            ("comm~^a=b$", false, regex(Text::Comm, "^a=b$")),
            ("args!~x y", true, regex(Text::Args, "x y")),
            ("cgroup!~/system", true, regex(Text::Cgroup, "/system")),
            ("tty~^pts/", false, regex(Text::Terminal, "^pts/")),
        ] {
            assert_eq!(condition(word), of_rows(negated, test), "{word}");
        }
    }

    #[test]
    fn plus_in_a_name_is_preserved() {
        for (word, name) in [
            ("comm=g++", "g++"),
            ("comm=c++filt", "c++filt"),
            ("comm=+", "+"),
            (r"comm=a\x2bb", "a+b"),
            (r"comm=a\x2cb", "a,b"),
        ] {
            let name = name.as_bytes().to_vec();
            assert_eq!(condition(word), Ok(Condition::Comm(name)), "{word}");
        }
    }

    #[test]
    fn terminal_is_found_by_path_or_name() {
        // The device 1:3 exists everywhere.
        for word in ["tty=null", "tty=/dev/null"] {
            let test = Test::Terminals(vec![0x103]);
            let negated = false;
            let expected = Condition::Row(RowFilter { negated, test });
            assert_eq!(condition(word), Ok(expected), "{word}");
        }
    }

    #[test]
    fn comma_ends_a_regular_expression_only_before_a_condition() {
        let count = |list: &str| {
            let list: Result<ConditionList, ConditionError> = list.parse();
            list.map(|list| list.0.len())
                .map_err(|error| error.to_string())
        };
        for (list, conditions) in [
            ("comm~^a{1,2}$", 1),
            ("comm~a,b,,c", 1),
            ("comm~a,b=c", 1),
            ("comm~a,b,uid=5", 2),
            ("args~a{1,2},euid!=5,comm!~b,c", 3),
            ("uid=5,comm=a", 2),
        ] {
            assert_eq!(count(list), Ok(conditions), "{list}");
        }
        for (list, text) in [
            ("comm=a,b", "invalid condition \"b\""),
            ("uid=5,", "invalid condition \"\""),
            ("comm~a,uid=x y", "unknown user \"x y\""),
        ] {
            let error = count(list).expect_err(list);
            assert!(error.contains(text), "{list}: {error}");
        }
    }

    #[test]
    fn excluded_states_are_removed_from_the_filter_of_the_kernel() {
        let states = |words: &[&str]| {
            let conditions = words.iter().map(|word| condition(word).expect(word));
            combine(conditions.collect()).map(|(filters, _)| filters.states)
        };
        let others = States::all() - States::ZOMBIE - States::IDLE;
        assert_eq!(states(&["state!=ZI"]), Ok(Some(others)));
        assert_eq!(states(&["state!=Z", "state!=I"]), Ok(Some(others)));
        let running = States::RUNNING;
        assert_eq!(states(&["state!=D", "state=R+D"]), Ok(Some(running)));
        let error = states(&["state=Z", "state!=Z"]).expect_err("no state is left");
        assert_eq!(error, "state!=Z excludes all states");
    }

    #[test]
    fn each_key_is_accepted_once() {
        let conditions = |words: &[&str]| {
            let conditions = words.iter().map(|word| condition(word));
            conditions
                .collect::<Result<Vec<_>, _>>()
                .expect("good ones")
        };
        let words = ["uid=5", "comm=x", "pid=3", "gid=0", "uid!=6", "uid!=7"];
        let (filters, row_filters) = combine(conditions(&words)).expect("filters");
        assert_eq!(row_filters.len(), 3);
        assert_eq!(filters.uid, Some(5));
        assert_eq!(filters.comm.as_deref(), Some(&b"x"[..]));
        assert_eq!(filters.pids, Some(vec![3]));
        assert_eq!(filters.states, None);
        let error = combine(conditions(&["uid=5", "uid=6"])).expect_err("one too many");
        assert!(error.starts_with("duplicate filter uid;"));
    }
}
