// SPDX-License-Identifier: MIT
//! When to query processes again that disappear without an event: zombies.

use std::time::{Duration, Instant};

/// Most zombies are reaped at once.
const INITIAL_INTERVAL: Duration = Duration::from_millis(10);
/// Some zombies are never reaped.
const MAX_INTERVAL: Duration = Duration::from_secs(1);
/// Interval per process, up to [`MAX_TOTAL_INTERVAL`]: about ten times the cost
/// of a query. A user with many zombies cannot, by adding new ones continually,
/// occupy the process that keeps the table.
const INTERVAL_PER_PROCESS: Duration = Duration::from_micros(100);
/// With any number of processes, a reaped one is removed after about this time.
const MAX_TOTAL_INTERVAL: Duration = Duration::from_secs(5);

/// The time of the next query, or `None` if there is no process to query.
#[derive(Debug)]
pub(super) struct Backoff {
    at: Option<Instant>,
    interval: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            at: None,
            interval: INITIAL_INTERVAL,
        }
    }
}

impl Backoff {
    /// Returns the time until the next query.
    pub(super) fn remaining(&self, now: Instant) -> Option<Duration> {
        Some(self.at?.saturating_duration_since(now))
    }

    /// No process is left to query again.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Schedules a query of `count` processes; `new` if some were added just
    /// now.
    pub(super) fn schedule(&mut self, count: usize, new: bool, now: Instant) {
        if new {
            self.interval = INITIAL_INTERVAL;
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let next = now
            + self.interval.max(
                INTERVAL_PER_PROCESS
                    .saturating_mul(count)
                    .min(MAX_TOTAL_INTERVAL),
            );
        self.at = Some(self.at.map_or(next, |at| at.min(next)));
    }

    /// The processes have been queried, and `removed` if some have disappeared.
    pub(super) fn rechecked(&mut self, removed: bool) {
        self.at = None;
        self.interval = if removed {
            INITIAL_INTERVAL
        } else {
            (self.interval * 2).min(MAX_INTERVAL)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_doubles_up_to_one_second_while_zombies_stay() {
        let mut backoff = Backoff::default();
        let now = Instant::now();
        assert_eq!(backoff.remaining(now), None);

        backoff.schedule(1, true, now);
        let mut waits = Vec::new();
        for _ in 0..9 {
            waits.push(backoff.remaining(now).unwrap().as_millis());
            backoff.rechecked(false);
            backoff.schedule(1, false, now);
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);

        // A new process is queried soon and does not delay the others.
        backoff.schedule(1, true, now);
        assert_eq!(backoff.remaining(now), Some(INITIAL_INTERVAL));
        backoff.schedule(2, true, now + INITIAL_INTERVAL / 2);
        assert_eq!(backoff.remaining(now), Some(INITIAL_INTERVAL));
        backoff.reset();
        assert_eq!(backoff.remaining(now), None);
    }

    #[test]
    fn interval_grows_with_the_number_of_zombies_even_if_some_are_new() {
        let mut backoff = Backoff::default();
        let now = Instant::now();
        backoff.schedule(20_000, true, now);
        assert_eq!(backoff.remaining(now), Some(2 * MAX_INTERVAL));
        // A process added later does not delay the others.
        backoff.schedule(20_001, true, now + MAX_INTERVAL);
        assert_eq!(backoff.remaining(now + MAX_INTERVAL), Some(MAX_INTERVAL));
        backoff.rechecked(true);
        backoff.schedule(usize::MAX, false, now);
        assert_eq!(backoff.remaining(now), Some(MAX_TOTAL_INTERVAL));
        backoff.rechecked(true);
        backoff.schedule(10, false, now);
        assert_eq!(backoff.remaining(now), Some(INITIAL_INTERVAL));
    }
}
