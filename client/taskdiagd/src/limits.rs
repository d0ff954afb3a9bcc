// SPDX-License-Identifier: MIT
//! Limits of the number of clients, in total and per user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use log::warn;

use crate::error::{Error, Result};
use crate::peer::{Home, Peer};

/// The maximum number of descriptors that a client needs.
const DESCRIPTORS_OF_CLIENT: usize = 12;
/// The number of descriptors that the daemon itself needs.
const DESCRIPTORS: usize = 64;
/// One of this many slots is reserved for root.
const RESERVED_FOR_ROOT: usize = 16;

/// The limits that the options set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The maximum number of clients.
    pub(crate) clients: usize,
    /// The maximum number of clients of one user other than root.
    pub(crate) clients_of_user: usize,
    /// The time in seconds after which a client is disconnected that does not read its
    /// reply, or has sent no request that it is allowed to send.
    pub(crate) timeout: u32,
}

impl Limits {
    /// Reduces the limits to this number of descriptors.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptors`] if they are not enough for one client.
    pub(crate) fn within(self, descriptors: usize) -> Result<Self> {
        let clients = descriptors.saturating_sub(DESCRIPTORS) / DESCRIPTORS_OF_CLIENT;
        if self.clients <= clients {
            return Ok(self);
        }
        if clients == 0 {
            return Err(Error::Descriptors {
                limit: descriptors,
                needed: DESCRIPTORS + DESCRIPTORS_OF_CLIENT,
            });
        }
        warn!("limiting the number of clients to {clients}: only {descriptors} descriptors");
        Ok(Self {
            clients,
            clients_of_user: self.clients_of_user.min((clients / 4).max(1)),
            ..self
        })
    }
}

/// Returns the number of descriptors that this number of clients needs.
pub(crate) const fn descriptors(clients: usize) -> usize {
    clients
        .saturating_mul(DESCRIPTORS_OF_CLIENT)
        .saturating_add(DESCRIPTORS)
}

/// The user that a client is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClientId {
    Root,
    User(u32),
    /// All clients in other namespaces than the daemon: the creator of a user namespace
    /// can have any number of user ids in it.
    OtherNamespace,
}

impl ClientId {
    pub(crate) fn of(peer: &Peer, home: &Home) -> Self {
        match peer.uid {
            _ if !peer.is_in(home) => Self::OtherNamespace,
            0 => Self::Root,
            uid => Self::User(uid),
        }
    }
}

/// Counts the clients of each user.
#[derive(Debug, Default)]
pub(crate) struct ConnectionLimits(Mutex<HashMap<ClientId, usize>>);

/// The slot of a client, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    counts: Arc<ConnectionLimits>,
    client: ClientId,
}

impl ConnectionLimits {
    /// Takes a slot; `None` if none is free.
    pub(crate) fn acquire(self: &Arc<Self>, client: ClientId, limits: &Limits) -> Option<Slot> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = counts.values().sum();
        let count = counts.get(&client).copied().unwrap_or_default();
        let reserved = limits.clients / RESERVED_FOR_ROOT;
        let is_full = match client {
            ClientId::Root => total >= limits.clients,
            _ => total >= limits.clients - reserved || count >= limits.clients_of_user,
        };
        if is_full {
            return None;
        }
        counts.insert(client, count + 1);
        Some(Slot {
            counts: Arc::clone(self),
            client,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: ClientId = ClientId::User(7);

    #[test]
    fn user_with_all_its_slots_gets_no_more() {
        let limits = Limits {
            clients: 5,
            clients_of_user: 2,
            timeout: 1,
        };
        let counts = Arc::new(ConnectionLimits::default());
        let acquire = |client| counts.acquire(client, &limits);
        let mut slots: Vec<_> = (0..2).map(|_| acquire(USER).unwrap()).collect();
        assert!(acquire(USER).is_none());
        slots.extend((0..2).map(|_| acquire(ClientId::OtherNamespace).unwrap()));
        assert!(acquire(ClientId::OtherNamespace).is_none());
        slots.push(acquire(ClientId::Root).unwrap());
        assert!(acquire(ClientId::User(8)).is_none(), "all five are taken");
        slots.remove(0);
        assert!(acquire(USER).is_some());
        slots.clear();
        assert!(counts.0.lock().unwrap().is_empty());
    }

    #[test]
    fn root_gets_the_reserved_slots() {
        let limits = Limits {
            clients: 32,
            clients_of_user: 32,
            timeout: 1,
        };
        let counts = Arc::new(ConnectionLimits::default());
        let acquire = |client| counts.acquire(client, &limits);
        let _users: Vec<_> = (0..30).map(|_| acquire(USER).unwrap()).collect();
        for client in [USER, ClientId::User(8), ClientId::OtherNamespace] {
            assert!(acquire(client).is_none());
        }
        let _roots: Vec<_> = (0..2).map(|_| acquire(ClientId::Root).unwrap()).collect();
        assert!(acquire(ClientId::Root).is_none());
    }

    #[test]
    fn few_descriptors_lower_the_limits() {
        let limits = Limits {
            clients: 4096,
            clients_of_user: 1024,
            timeout: 1,
        };
        let count = |descriptors| {
            let limits = limits.within(descriptors).expect("enough for a client");
            (limits.clients, limits.clients_of_user)
        };
        assert_eq!(count(65_536), (4096, 1024));
        assert_eq!(count(1024), (80, 20));
        assert_eq!(count(76), (1, 1));
        for descriptors in [10, 20, 75] {
            let error = limits.within(descriptors).expect_err("too few");
            assert_eq!(
                error.to_string(),
                format!(
                    "cannot serve clients: the limit of {descriptors} open files is too low; \
                     raise it to at least 76 (LimitNOFILE=, ulimit -n)"
                )
            );
        }
    }
}
