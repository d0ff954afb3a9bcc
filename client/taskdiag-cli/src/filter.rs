// SPDX-License-Identifier: MIT
//! `--filter`: conditions that the kernel checks before it tells anything.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use nix::unistd::User;
use taskdiag::{Filters, ParseStatesError, Pid, States, VmaFlags};

use crate::pid;

/// One condition: `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    User(u32),
    Cgroup(u64),
    States(States),
    Comm(Vec<u8>),
    Pids(Vec<Pid>),
    Areas(VmaFlags),
}

/// What is wrong with a condition.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadCondition {
    #[error("{0:?} is no condition: say KEY=VALUE, with one of the keys {KEYS}")]
    NoValue(String),
    #[error("there is no filter {0:?}; the filters are {KEYS}")]
    Key(String),
    #[error("there is no user {0:?}")]
    User(String),
    #[error(transparent)]
    State(#[from] ParseStatesError),
    #[error("no state is named; the states are {}", States::all())]
    NoState,
    #[error("{0:?} is not how a name can begin: 1 to 15 bytes")]
    Comm(String),
    #[error("{0:?} is no PID: that is a number from 1 to {max}", max = i32::MAX)]
    Pid(String),
    #[error("there is no cgroup {0:?} in the default hierarchy")]
    Cgroup(String),
    #[error("there is no flag {0:?} of areas; the flags are {list}", list = area_flags())]
    Area(String),
}

const KEYS: &str = "uid,state,comm,cgroup,pid,vma";

impl FromStr for Condition {
    type Err = BadCondition;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let Some((key, value)) = word.trim().split_once('=') else {
            return Err(BadCondition::NoValue(word.to_owned()));
        };
        let alternatives = || value.split('+');
        Ok(match key {
            // Also as `features` calls them.
            "uid" | "user" | "euid" => Self::User(user(value)?),
            "state" | "states" => Self::States(states(value)?),
            "comm" => Self::Comm(comm(value)?),
            "cgroup" => Self::Cgroup(cgroup(value)?),
            "pid" | "pids" => Self::Pids(alternatives().map(pid).collect::<Result<_, _>>()?),
            "vma" | "vma_flags" => {
                Self::Areas(alternatives().map(area_flag).collect::<Result<_, _>>()?)
            }
            _ => return Err(BadCondition::Key(key.to_owned())),
        })
    }
}

/// All conditions, which have to hold together. A key that is there twice is
/// the error.
pub(crate) fn combine(conditions: Vec<Condition>) -> Result<Filters, String> {
    let mut filters = Filters::default();
    for condition in conditions {
        let (key, twice) = match condition {
            Condition::User(uid) => ("uid", filters.uid.replace(uid).is_some()),
            Condition::Cgroup(id) => ("cgroup", filters.cgroup.replace(id).is_some()),
            Condition::States(set) => ("state", filters.states.replace(set).is_some()),
            Condition::Comm(name) => ("comm", filters.comm.replace(name).is_some()),
            Condition::Pids(pids) => ("pid", filters.pids.replace(pids).is_some()),
            Condition::Areas(flags) => ("vma", filters.vma_flags.replace(flags).is_some()),
        };
        if twice {
            return Err(format!(
                "the filter {key} is there twice; alternatives go into one, with + between them"
            ));
        }
    }
    Ok(filters)
}

/// A user's number: as digits, or by name.
pub(crate) fn user(word: &str) -> Result<u32, BadCondition> {
    if let Ok(uid) = word.parse() {
        return Ok(uid);
    }
    match User::from_name(word) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        _ => Err(BadCondition::User(word.to_owned())),
    }
}

fn states(word: &str) -> Result<States, BadCondition> {
    let states: States = word.replace('+', "").parse()?;
    if states.is_empty() {
        return Err(BadCondition::NoState);
    }
    Ok(states)
}

fn comm(word: &str) -> Result<Vec<u8>, BadCondition> {
    let good = (1..=15).contains(&word.len()) && !word.contains('\0');
    good.then(|| word.as_bytes().to_vec())
        .ok_or_else(|| BadCondition::Comm(word.to_owned()))
}

fn pid(word: &str) -> Result<Pid, BadCondition> {
    pid::read(word).ok_or_else(|| BadCondition::Pid(word.to_owned()))
}

/// The flags that `--filter vma=` has words for.
const AREA_FLAGS: &[(&str, VmaFlags)] = &[
    ("read", VmaFlags::READ),
    ("write", VmaFlags::WRITE),
    ("exec", VmaFlags::EXEC),
    ("shared", VmaFlags::SHARED),
    ("file", VmaFlags::FILE),
    ("deleted", VmaFlags::DELETED),
    ("locked", VmaFlags::LOCKED),
    ("hugetlb", VmaFlags::HUGETLB),
];

fn area_flag(word: &str) -> Result<VmaFlags, BadCondition> {
    AREA_FLAGS
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, flag)| *flag)
        .ok_or_else(|| BadCondition::Area(word.to_owned()))
}

fn area_flags() -> String {
    let names: Vec<&str> = AREA_FLAGS.iter().map(|(name, _)| *name).collect();
    names.join(",")
}

/// A cgroup's id: as digits, or that of the folder with this path, in the
/// file system or in the hierarchy.
fn cgroup(word: &str) -> Result<u64, BadCondition> {
    if let Ok(id) = word.parse() {
        return Ok(id);
    }
    folders(word)
        .into_iter()
        .find_map(|folder| id_of(&folder))
        .ok_or_else(|| BadCondition::Cgroup(word.to_owned()))
}

/// Where the default hierarchy is mounted as a rule.
const MOUNTS: &[&str] = &["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

fn folders(path: &str) -> Vec<PathBuf> {
    let below = path.trim_start_matches('/');
    let mut folders = vec![PathBuf::from(path)];
    folders.extend(MOUNTS.iter().map(|mount| Path::new(mount).join(below)));
    folders
}

/// The id of a folder of the default hierarchy is its inode number.
fn id_of(folder: &Path) -> Option<u64> {
    let of_cgroups = statfs(folder).ok()?.filesystem_type() == CGROUP2_SUPER_MAGIC;
    let metadata = fs::metadata(folder).ok()?;
    (of_cgroups && metadata.is_dir()).then(|| metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(word: &str) -> Result<Condition, String> {
        word.parse()
            .map_err(|error: BadCondition| error.to_string())
    }

    #[test]
    fn conditions_are_read() {
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
            ("cgroup=123", Condition::Cgroup(123)),
            ("pid=1+2", Condition::Pids(vec![1, 2])),
            ("pids=1", Condition::Pids(vec![1])),
            ("states=Z", Condition::States(States::ZOMBIE)),
            ("vma_flags=file", Condition::Areas(VmaFlags::FILE)),
            (
                "vma=exec+file",
                Condition::Areas(VmaFlags::EXEC | VmaFlags::FILE),
            ),
        ] {
            assert_eq!(condition(word), Ok(expected), "{word}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_what_there_is() {
        for (word, text) in [
            (
                "uid",
                "\"uid\" is no condition: say KEY=VALUE, with one of the keys uid,state,comm",
            ),
            (
                "uids=1",
                "there is no filter \"uids\"; the filters are uid,state,comm",
            ),
            ("uid=no such user", "there is no user \"no such user\""),
            ("uid=-1", "there is no user \"-1\""),
            ("state=Q", "unknown state 'Q'; the states are RSDTtXZPI"),
            ("state=", "no state is named; the states are RSDTtXZPI"),
            ("comm=", "\"\" is not how a name can begin"),
            (
                "comm=0123456789abcdef",
                "is not how a name can begin: 1 to 15 bytes",
            ),
            ("pid=1+", "\"\" is no PID"),
            ("pid=0", "\"0\" is no PID"),
            (
                "cgroup=/proc",
                "there is no cgroup \"/proc\" in the default hierarchy",
            ),
            (
                "vma=x",
                "there is no flag \"x\" of areas; the flags are read,write,exec",
            ),
        ] {
            let error = condition(word).expect_err(word);
            assert!(error.contains(text), "{word}: {error}");
        }
    }

    #[test]
    fn conditions_hold_together_and_each_is_there_once() {
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
        assert!(error.starts_with("the filter uid is there twice"));
    }
}
