// SPDX-License-Identifier: MIT
//! When to ask about those again of whom no event tells that they go.

use std::time::{Duration, Instant};

/// Most zombies are reaped at once.
const SOON: Duration = Duration::from_millis(10);
/// Some never are.
const SELDOM: Duration = Duration::from_secs(1);
/// The time between for each of them, up to [`LONGEST`]: some ten times what asking takes, so that
/// nobody has many and a new one again and again to keep the asker busy.
const EACH: Duration = Duration::from_micros(100);
/// However many there are, none that is gone is kept for much longer.
const LONGEST: Duration = Duration::from_secs(5);

/// The time until then; there is none as long as there is nobody to ask about.
#[derive(Debug)]
pub(super) struct Rest {
    at: Option<Instant>,
    interval: Duration,
}

impl Default for Rest {
    fn default() -> Self {
        Self {
            at: None,
            interval: SOON,
        }
    }
}

impl Rest {
    /// How long it is until then.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        Some(self.at?.saturating_duration_since(now))
    }

    /// There is nobody to ask about.
    pub(super) fn nobody(&mut self) {
        *self = Self::default();
    }

    /// There are so many, some of whom may have come just now.
    pub(super) fn somebody(&mut self, count: usize, new: bool, now: Instant) {
        if new {
            self.interval = SOON;
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let next = now + self.interval.max(EACH.saturating_mul(count).min(LONGEST));
        self.at = Some(self.at.map_or(next, |at| at.min(next)));
    }

    /// They have been asked about, and some may have gone.
    pub(super) fn asked(&mut self, gone: bool) {
        self.at = None;
        self.interval = if gone {
            SOON
        } else {
            (self.interval * 2).min(SELDOM)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zombies_that_stay_are_asked_about_ever_more_seldom() {
        let mut rest = Rest::default();
        let now = Instant::now();
        assert_eq!(rest.left(now), None);

        rest.somebody(1, true, now);
        let mut waits = Vec::new();
        for _ in 0..9 {
            waits.push(rest.left(now).unwrap().as_millis());
            rest.asked(false);
            rest.somebody(1, false, now);
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);

        // A new one is asked about soon, and does not put the others off.
        rest.somebody(1, true, now);
        assert_eq!(rest.left(now), Some(SOON));
        rest.somebody(2, true, now + SOON / 2);
        assert_eq!(rest.left(now), Some(SOON));
        rest.nobody();
        assert_eq!(rest.left(now), None);
    }

    #[test]
    fn new_ones_among_many_do_not_have_all_of_them_asked_about_at_once() {
        let mut rest = Rest::default();
        let now = Instant::now();
        rest.somebody(20_000, true, now);
        assert_eq!(rest.left(now), Some(2 * SELDOM));
        // Who comes later does not put the others off.
        rest.somebody(20_001, true, now + SELDOM);
        assert_eq!(rest.left(now + SELDOM), Some(SELDOM));
        rest.asked(true);
        rest.somebody(usize::MAX, false, now);
        assert_eq!(rest.left(now), Some(LONGEST));
        rest.asked(true);
        rest.somebody(10, false, now);
        assert_eq!(rest.left(now), Some(SOON));
    }
}
