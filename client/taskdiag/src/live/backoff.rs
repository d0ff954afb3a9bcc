// SPDX-License-Identifier: MIT
//! When to ask about those again of whom no event tells that they go.

use std::time::{Duration, Instant};

/// Most zombies are reaped at once.
const INITIAL_INTERVAL: Duration = Duration::from_millis(10);
/// Some never are.
const MAX_INTERVAL: Duration = Duration::from_secs(1);
/// The time between for each of them, up to [`MAX_TOTAL_INTERVAL`]: some ten times what asking takes, so that
/// nobody has many and a new one again and again to keep the asker busy.
const INTERVAL_PER_PROCESS: Duration = Duration::from_micros(100);
/// However many there are, none that is gone is kept for much longer.
const MAX_TOTAL_INTERVAL: Duration = Duration::from_secs(5);

/// The time until then; there is none as long as there is nobody to ask about.
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
    /// How long it is until then.
    pub(super) fn remaining(&self, now: Instant) -> Option<Duration> {
        Some(self.at?.saturating_duration_since(now))
    }

    /// There is nobody to ask about.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// There are so many, some of whom may have come just now.
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

    /// They have been asked about, and some may have gone.
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
    fn zombies_that_stay_are_asked_about_ever_more_seldom() {
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

        // A new one is asked about soon, and does not put the others off.
        backoff.schedule(1, true, now);
        assert_eq!(backoff.remaining(now), Some(INITIAL_INTERVAL));
        backoff.schedule(2, true, now + INITIAL_INTERVAL / 2);
        assert_eq!(backoff.remaining(now), Some(INITIAL_INTERVAL));
        backoff.reset();
        assert_eq!(backoff.remaining(now), None);
    }

    #[test]
    fn new_ones_among_many_do_not_have_all_of_them_asked_about_at_once() {
        let mut backoff = Backoff::default();
        let now = Instant::now();
        backoff.schedule(20_000, true, now);
        assert_eq!(backoff.remaining(now), Some(2 * MAX_INTERVAL));
        // Who comes later does not put the others off.
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
