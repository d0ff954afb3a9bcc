// SPDX-License-Identifier: MIT
//! Names of users, groups and terminals, for programs that show tasks.
//!
//! Tasks carry user and group ids and device numbers. [`Names`] and
//! [`Terminals`] look up the names on this host and cache them, so that a list
//! of thousands of tasks costs one lookup per distinct id.
//!
//! ```
//! use taskdiag::names::{Names, Terminals};
//! use taskdiag::{Client, Show};
//!
//! let (names, terminals) = (Names::new(), Terminals::default());
//! let mut client = Client::connect_any()?;
//! let task = client.one(std::process::id(), Show::CRED | Show::STAT)?;
//! if let (Some(uid), Some(stat)) = (task.cred.and_then(|cred| cred.euid), task.stat) {
//!     let terminal = terminals.name(stat.tty);
//!     println!("{} on {}", names.user(uid), terminal.as_deref().unwrap_or("?"));
//! }
//! # Ok::<(), taskdiag::Error>(())
//! ```

mod terminals;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use nix::unistd::{Gid, Group, Uid, User};

pub use terminals::Terminals;

use crate::escape::Escaped;

/// Names of users and groups, each looked up once.
///
/// The names come from the user database of this host, whatever user namespace
/// a task belongs to.
#[derive(Debug, Default)]
pub struct Names {
    numeric: bool,
    users: NameCache,
    groups: NameCache,
}

impl Names {
    /// Returns an empty cache that looks up names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether every id is shown in digits, without a lookup.
    #[must_use]
    pub fn numeric(mut self, numeric: bool) -> Self {
        self.numeric = numeric;
        self
    }

    /// Whether every id is shown in digits.
    #[must_use]
    pub const fn is_numeric(&self) -> bool {
        self.numeric
    }

    /// Returns the name of the user, or its id in digits if it has no name.
    ///
    /// The name is [`Escaped`]: a directory server must not be able to send escape
    /// sequences to the terminal.
    #[must_use]
    pub fn user(&self, uid: u32) -> Arc<str> {
        self.look_up_user(uid).shown
    }

    /// Returns the name of the user unchanged, or its id in digits if it has no
    /// name. It may contain control characters.
    #[must_use]
    pub fn user_unescaped(&self, uid: u32) -> Arc<str> {
        self.look_up_user(uid).name
    }

    fn look_up_user(&self, uid: u32) -> Name {
        self.users.get(uid, self.numeric, |uid| {
            Some(User::from_uid(Uid::from_raw(uid)).ok()??.name)
        })
    }

    /// Returns the name of the group, or its id in digits if it has no name;
    /// escaped like [`Self::user`].
    #[must_use]
    pub fn group(&self, gid: u32) -> Arc<str> {
        self.look_up_group(gid).shown
    }

    /// Returns the name of the group unchanged, or its id in digits if it has no
    /// name. It may contain control characters.
    #[must_use]
    pub fn group_unescaped(&self, gid: u32) -> Arc<str> {
        self.look_up_group(gid).name
    }

    fn look_up_group(&self, gid: u32) -> Name {
        self.groups.get(gid, self.numeric, |gid| {
            Some(Group::from_gid(Gid::from_raw(gid)).ok()??.name)
        })
    }
}

/// A name, and its escaped text.
#[derive(Clone, Debug)]
struct Name {
    name: Arc<str>,
    shown: Arc<str>,
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        let shown = Escaped(name.as_bytes()).to_string();
        let name: Arc<str> = name.into();
        Self {
            shown: match shown == *name {
                true => Arc::clone(&name),
                false => shown.into(),
            },
            name,
        }
    }
}

#[derive(Debug, Default)]
struct NameCache(RefCell<HashMap<u32, Name>>);

impl NameCache {
    fn get(&self, id: u32, numeric: bool, name: impl FnOnce(u32) -> Option<String>) -> Name {
        let mut cached = self.0.borrow_mut();
        let cached = cached.entry(id).or_insert_with(|| {
            let name = if numeric { None } else { name(id) };
            let name = name.filter(|name| !name.is_empty());
            name.unwrap_or_else(|| id.to_string()).into()
        });
        cached.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An id that no user database contains.
    const UNASSIGNED: u32 = 4_000_000_123;

    #[test]
    fn ids_are_named_if_the_host_has_a_name() {
        let names = Names::new();
        assert_eq!(&*names.user(0), "root");
        assert_eq!(&*names.group(0), "root");
        assert_eq!(&*names.user(UNASSIGNED), UNASSIGNED.to_string());
        assert_eq!(&*names.group(UNASSIGNED), UNASSIGNED.to_string());
    }

    #[test]
    fn numeric_ids_stay_digits() {
        let names = Names::new().numeric(true);
        assert!(names.is_numeric());
        assert_eq!(&*names.user(0), "0");
        assert_eq!(&*names.group(0), "0");
    }

    #[test]
    fn caches_can_move_to_another_thread() {
        fn assert_send<T: Send>() {}
        assert_send::<(Names, Terminals)>();
    }

    #[test]
    fn name_is_looked_up_once_and_escaped() {
        let cache = NameCache::default();
        let first = cache.get(5, false, |_| Some("e\u{1b}vil".to_owned()));
        assert_eq!(&*first.shown, r"e\u{1b}vil");
        assert_eq!(&*first.name, "e\u{1b}vil");
        let again = cache.get(5, false, |_| panic!("looked up twice"));
        assert!(Arc::ptr_eq(&first.shown, &again.shown));
        for (id, name, shown) in [
            (6, "o'brien", "o'brien"),
            (7, r"CORP\jdoe", r"CORP\\jdoe"),
            (8, "จอห์น", "จอห์น"),
        ] {
            let found = cache.get(id, false, |_| Some(name.to_owned()));
            assert_eq!((&*found.name, &*found.shown), (name, shown));
        }
    }
}
