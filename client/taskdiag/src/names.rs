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
//! if let (Some(cred), Some(stat)) = (task.cred, task.stat) {
//!     let terminal = terminals.name(stat.tty);
//!     println!("{} on {}", names.user(cred.euid), terminal.as_deref().unwrap_or("?"));
//! }
//! # Ok::<(), taskdiag::Error>(())
//! ```

mod terminals;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use nix::unistd::{Gid, Group, Uid, User};

pub use terminals::Terminals;

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
    /// Control characters of a name are escaped: a directory server must not be
    /// able to send escape sequences to the terminal.
    #[must_use]
    pub fn user(&self, uid: u32) -> Arc<str> {
        self.users.get(uid, self.numeric, |uid| {
            Some(User::from_uid(Uid::from_raw(uid)).ok()??.name)
        })
    }

    /// Returns the name of the group, or its id in digits if it has no name;
    /// escaped like [`Self::user`].
    #[must_use]
    pub fn group(&self, gid: u32) -> Arc<str> {
        self.groups.get(gid, self.numeric, |gid| {
            Some(Group::from_gid(Gid::from_raw(gid)).ok()??.name)
        })
    }
}

#[derive(Debug, Default)]
struct NameCache(RefCell<HashMap<u32, Arc<str>>>);

impl NameCache {
    fn get(&self, id: u32, numeric: bool, name: impl FnOnce(u32) -> Option<String>) -> Arc<str> {
        let mut cached = self.0.borrow_mut();
        let shown = cached.entry(id).or_insert_with(|| {
            let name = if numeric { None } else { name(id) };
            match name.filter(|name| !name.is_empty()) {
                Some(name) => name.escape_debug().to_string().into(),
                None => id.to_string().into(),
            }
        });
        Arc::clone(shown)
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
        assert_eq!(&*first, r"e\u{1b}vil");
        let again = cache.get(5, false, |_| panic!("looked up twice"));
        assert!(Arc::ptr_eq(&first, &again));
    }
}
