// SPDX-License-Identifier: MIT
//! Names of users and groups, each looked up once.
//!
//! They come from this machine's user database, whatever pid namespace the
//! tasks are seen from.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use nix::unistd::{Gid, Group, Uid, User};

/// Puts ids in words, or leaves them as they are.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Whether everything that is a number stays one.
    pub(crate) numeric: bool,
    users: Cache,
    groups: Cache,
}

impl Names {
    pub(crate) fn new(numeric: bool) -> Self {
        Self {
            numeric,
            ..Self::default()
        }
    }

    /// The user's name, or its number in digits, as `ps` does.
    pub(crate) fn user(&self, uid: u32) -> Rc<str> {
        self.users.get(uid, self.numeric, |uid| {
            Some(User::from_uid(Uid::from_raw(uid)).ok()??.name)
        })
    }

    /// The group's name, or its number in digits.
    pub(crate) fn group(&self, gid: u32) -> Rc<str> {
        self.groups.get(gid, self.numeric, |gid| {
            Some(Group::from_gid(Gid::from_raw(gid)).ok()??.name)
        })
    }
}

#[derive(Debug, Default)]
struct Cache(RefCell<HashMap<u32, Rc<str>>>);

impl Cache {
    fn get(&self, id: u32, numeric: bool, name: impl FnOnce(u32) -> Option<String>) -> Rc<str> {
        let mut known = self.0.borrow_mut();
        let shown = known.entry(id).or_insert_with(|| {
            let name = if numeric { None } else { name(id) };
            match name.filter(|name| !name.is_empty()) {
                // A directory server is no reason to trust a terminal to it.
                Some(name) => name.escape_debug().to_string().into(),
                None => id.to_string().into(),
            }
        });
        Rc::clone(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::samples::NOBODY;

    #[test]
    fn ids_have_names_where_the_system_knows_one() {
        let names = Names::new(false);
        assert_eq!(&*names.user(0), "root");
        assert_eq!(&*names.group(0), "root");
        assert_eq!(&*names.user(NOBODY), NOBODY.to_string());
        assert_eq!(&*names.group(NOBODY), NOBODY.to_string());
    }

    #[test]
    fn numeric_ids_stay_numbers() {
        let names = Names::new(true);
        assert_eq!(&*names.user(0), "0");
        assert_eq!(&*names.group(0), "0");
    }

    #[test]
    fn a_name_is_looked_up_once_and_cannot_steer_the_terminal() {
        let cache = Cache::default();
        let first = cache.get(5, false, |_| Some("e\u{1b}vil".to_owned()));
        assert_eq!(&*first, r"e\u{1b}vil");
        let again = cache.get(5, false, |_| panic!("looked up twice"));
        assert!(Rc::ptr_eq(&first, &again));
    }
}
