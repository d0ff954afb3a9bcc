// SPDX-License-Identifier: MIT
//! `--filter`: parses conditions that the kernel evaluates for each task.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use nix::unistd::User;
use taskdiag::{Filters, ParseStatesError, Pid, States, VmaFlags};

use crate::escape::unescape;
use crate::pid::{self, PidError};

/// One condition: `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    User(u32),
    Cgroup(u64),
    States(States),
    Comm(Vec<u8>),
    Pids(Vec<Pid>),
    VmaFlags(VmaFlags),
}

/// Errors of a condition.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConditionError {
    #[error("invalid condition {0:?}: expected KEY=VALUE with one of the keys {KEYS}")]
    NoValue(String),
    #[error("unknown filter {0:?}; the filters are {KEYS}")]
    SortKey(String),
    #[error("unknown user {0:?}")]
    User(String),
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

const KEYS: &str = "uid,state,comm,cgroup,pid,vma";

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let Some((key, value)) = word.split_once('=') else {
            return Err(ConditionError::NoValue(word.to_owned()));
        };
        let alternatives = || value.split('+');
        Ok(match key {
            // The names in the output of `features` are accepted as well.
            "uid" | "user" | "euid" => Self::User(parse_user(value)?),
            "state" | "states" => Self::States(parse_states(value)?),
            "comm" => Self::Comm(parse_comm(value)?),
            "cgroup" => Self::Cgroup(parse_cgroup(value)?),
            "pid" | "pids" => Self::Pids(alternatives().map(pid::parse).collect::<Result<_, _>>()?),
            "vma" | "vma_flags" => Self::VmaFlags(
                alternatives()
                    .map(parse_vma_flag)
                    .collect::<Result<_, _>>()?,
            ),
            _ => return Err(ConditionError::SortKey(key.to_owned())),
        })
    }
}

/// Combines conditions into filters, all of which have to match.
///
/// # Errors
///
/// A duplicate key.
pub(crate) fn combine(conditions: Vec<Condition>) -> Result<Filters, String> {
    let mut filters = Filters::default();
    for condition in conditions {
        let (key, twice) = match condition {
            Condition::User(uid) => ("uid", filters.uid.replace(uid).is_some()),
            Condition::Cgroup(id) => ("cgroup", filters.cgroup.replace(id).is_some()),
            Condition::States(set) => ("state", filters.states.replace(set).is_some()),
            Condition::Comm(name) => ("comm", filters.comm.replace(name).is_some()),
            Condition::Pids(pids) => ("pid", filters.pids.replace(pids).is_some()),
            Condition::VmaFlags(flags) => ("vma", filters.vma_flags.replace(flags).is_some()),
        };
        if twice {
            return Err(format!(
                "duplicate filter {key}; join alternatives with + in one filter"
            ));
        }
    }
    Ok(filters)
}

/// Parses a user id or a user name.
pub(crate) fn parse_user(word: &str) -> Result<u32, ConditionError> {
    if let Ok(uid) = word.parse() {
        return Ok(uid);
    }
    match User::from_name(word) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        _ => Err(ConditionError::User(word.to_owned())),
    }
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
                "invalid condition \"uid\": expected KEY=VALUE with one of the keys uid,state,comm",
            ),
            (
                "uids=1",
                "unknown filter \"uids\"; the filters are uid,state,comm",
            ),
            ("uid=no such user", "unknown user \"no such user\""),
            ("uid=-1", "unknown user \"-1\""),
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
    fn each_key_is_accepted_once() {
        let conditions = |words: &[&str]| {
            let conditions = words.iter().map(|word| condition(word));
            conditions
                .collect::<Result<Vec<_>, _>>()
                .expect("good ones")
        };
        let filters = combine(conditions(&["uid=5", "comm=x", "pid=3"])).expect("filters");
        assert_eq!(filters.uid, Some(5));
        assert_eq!(filters.comm.as_deref(), Some(&b"x"[..]));
        assert_eq!(filters.pids, Some(vec![3]));
        assert_eq!(filters.states, None);
        let error = combine(conditions(&["uid=5", "uid=6"])).expect_err("one too many");
        assert!(error.starts_with("duplicate filter uid;"));
    }
}
