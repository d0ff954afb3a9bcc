// SPDX-License-Identifier: MIT
//! How many clients there may be, and whose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use log::warn;

use crate::peer::{Home, Peer};

/// How many descriptors a client takes at most, and the daemon by itself.
const DESCRIPTORS_OF_CLIENT: usize = 8;
const DESCRIPTORS: usize = 64;
/// One of so many places is kept for root.
const KEPT_FOR_ROOT: usize = 16;

/// How much clients may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many of them there may be.
    pub(crate) clients: usize,
    /// How many of them may be one user's, other than root.
    pub(crate) clients_of_user: usize,
    /// How long one may leave its answer unread, or ask nothing that it is
    /// answered, in seconds.
    pub(crate) patience: u32,
}

impl Limits {
    /// With so many descriptors.
    pub(crate) fn within(self, descriptors: usize) -> Self {
        let clients = descriptors.saturating_sub(DESCRIPTORS) / DESCRIPTORS_OF_CLIENT;
        if self.clients <= clients {
            return self;
        }
        warn!("{descriptors} descriptors are enough for {clients} clients");
        Self {
            clients,
            clients_of_user: self.clients_of_user.min(clients / 4),
            ..self
        }
    }
}

/// How many descriptors so many clients take.
pub(crate) const fn descriptors(clients: usize) -> usize {
    clients
        .saturating_mul(DESCRIPTORS_OF_CLIENT)
        .saturating_add(DESCRIPTORS)
}

/// Whose share of the places a client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Guest {
    Root,
    User(u32),
    /// All that are in other namespaces than the daemon share one, as whoever
    /// makes a user namespace can be many users in there.
    Elsewhere,
}

impl Guest {
    pub(crate) fn of(peer: &Peer, home: &Home) -> Self {
        match peer.uid {
            _ if !peer.is_at(home) => Self::Elsewhere,
            0 => Self::Root,
            uid => Self::User(uid),
        }
    }
}

/// How many clients there are, by whose share they have.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<HashMap<Guest, usize>>);

/// A client's place in the crowd, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Arc<Crowd>,
    guest: Guest,
}

impl Crowd {
    /// Takes a place; `None` if there is none left.
    pub(crate) fn enter(self: &Arc<Self>, guest: Guest, limits: &Limits) -> Option<Place> {
        let mut crowd = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = crowd.values().sum();
        let share = crowd.get(&guest).copied().unwrap_or_default();
        let kept = limits.clients / KEPT_FOR_ROOT;
        let full = match guest {
            Guest::Root => all >= limits.clients,
            _ => all >= limits.clients - kept || share >= limits.clients_of_user,
        };
        if full {
            return None;
        }
        crowd.insert(guest, share + 1);
        Some(Place {
            crowd: Arc::clone(self),
            guest,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut crowd = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        match crowd.get_mut(&self.guest) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(crowd.remove(&self.guest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Guest = Guest::User(7);

    #[test]
    fn a_user_cannot_take_everybodys_place() {
        let limits = Limits {
            clients: 5,
            clients_of_user: 2,
            patience: 1,
        };
        let crowd = Arc::new(Crowd::default());
        let enter = |guest| crowd.enter(guest, &limits);
        let mut places: Vec<_> = (0..2).map(|_| enter(USER).unwrap()).collect();
        assert!(enter(USER).is_none());
        places.extend((0..2).map(|_| enter(Guest::Elsewhere).unwrap()));
        assert!(enter(Guest::Elsewhere).is_none());
        places.push(enter(Guest::Root).unwrap());
        assert!(enter(Guest::User(8)).is_none(), "there are five");
        places.remove(0);
        assert!(enter(USER).is_some());
        places.clear();
        assert!(crowd.0.lock().unwrap().is_empty());
    }

    #[test]
    fn root_has_places_of_its_own() {
        let limits = Limits {
            clients: 32,
            clients_of_user: 32,
            patience: 1,
        };
        let crowd = Arc::new(Crowd::default());
        let enter = |guest| crowd.enter(guest, &limits);
        let _users: Vec<_> = (0..30).map(|_| enter(USER).unwrap()).collect();
        for guest in [USER, Guest::User(8), Guest::Elsewhere] {
            assert!(enter(guest).is_none());
        }
        let _roots: Vec<_> = (0..2).map(|_| enter(Guest::Root).unwrap()).collect();
        assert!(enter(Guest::Root).is_none());
    }

    #[test]
    fn there_are_no_more_clients_than_descriptors_for_them() {
        let limits = Limits {
            clients: 4096,
            clients_of_user: 1024,
            patience: 1,
        };
        let count = |descriptors| {
            let limits = limits.within(descriptors);
            (limits.clients, limits.clients_of_user)
        };
        assert_eq!(count(65_536), (4096, 1024));
        assert_eq!(count(1024), (120, 30));
        assert_eq!(count(10), (0, 0));
    }
}
