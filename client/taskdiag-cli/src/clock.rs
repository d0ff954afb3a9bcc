// SPDX-License-Identifier: MIT
//! Formats times as `ps` does.

use std::fs;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};

/// Nanoseconds per clock tick, the unit of times in procfs and `ps`.
pub(crate) const TICK: u64 = 10_000_000;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Formats a CPU time: `[dd-]hh:mm:ss`.
pub(crate) fn cpu_time(seconds: u64) -> String {
    let (days, rest) = (seconds / DAY, seconds % DAY);
    let clock = format!(
        "{:02}:{:02}:{:02}",
        rest / HOUR,
        rest % HOUR / MINUTE,
        rest % MINUTE
    );
    match days {
        0 => clock,
        _ => format!("{days}-{clock}"),
    }
}

/// Formats an elapsed time: `[[dd-]hh:]mm:ss`.
pub(crate) fn elapsed(seconds: u64) -> String {
    if seconds < HOUR {
        format!("{:02}:{:02}", seconds / MINUTE, seconds % MINUTE)
    } else {
        cpu_time(seconds)
    }
}

/// Formats a CPU time in the BSD format: `mmm:ss`.
pub(crate) fn bsd_time(seconds: u64) -> String {
    format!("{:3}:{:02}", seconds / MINUTE, seconds % MINUTE)
}

/// The formats of start times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Started {
    /// `hh:mm` today, `MmmDD` this year, else the year.
    Short,
    /// `hh:mm:ss` within a day, else `Mmm DD`.
    Clock,
    /// `hh:mm` within a day, else `Mmm DD`.
    Bsd,
    /// The full date.
    Long,
}

/// The time of the output and the time zone.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// Nanoseconds from boot to now.
    uptime: u64,
    /// Seconds from the epoch to now, and to boot.
    now: i64,
    boot: i64,
    zone: TimeZone,
}

impl Clock {
    /// Reads the clocks.
    pub(crate) fn now() -> Self {
        let uptime = read(ClockId::CLOCK_BOOTTIME);
        let now = read(ClockId::CLOCK_REALTIME);
        Self {
            uptime: uptime.unsigned_abs(),
            now: now.div_euclid(1_000_000_000),
            boot: (now - uptime).div_euclid(1_000_000_000),
            zone: TimeZone::system(),
        }
    }

    /// Returns the time since boot.
    pub(crate) fn uptime(&self) -> Duration {
        Duration::from_nanos(self.uptime)
    }

    /// Returns the ticks since `start`, which is in nanoseconds since boot.
    pub(crate) fn ticks_since(&self, start: u64) -> u64 {
        (self.uptime / TICK).saturating_sub(start / TICK)
    }

    /// Returns the seconds since `start`, which is in nanoseconds since boot.
    pub(crate) fn seconds_since(&self, start: u64) -> u64 {
        self.ticks_since(start) * TICK / 1_000_000_000
    }

    /// Returns the date of `start` in seconds since the epoch.
    pub(crate) fn date(&self, start: u64) -> i64 {
        self.boot.saturating_add_unsigned(start / 1_000_000_000)
    }

    /// Formats the date of `start`, which is in nanoseconds since boot.
    pub(crate) fn started(&self, start: u64, style: Started) -> String {
        let start = self.date(start);
        let at = |seconds| {
            Timestamp::from_second(seconds)
                .unwrap_or_default()
                .to_zoned_datetime(self.zone.clone())
        };
        let (then, now) = (at(start), at(self.now));
        let age = self.now.saturating_sub(start);
        let age = age.max(0).unsigned_abs();
        let format = match style {
            Started::Long => "%a %b %e %H:%M:%S %Y",
            Started::Short if then.year() != now.year() => "%Y",
            Started::Short if then.day_of_year() != now.day_of_year() => "%b%d",
            Started::Short => "%H:%M",
            Started::Clock if age < DAY => "%H:%M:%S",
            Started::Clock => "  %b %d",
            Started::Bsd if age > DAY => "%b %e",
            Started::Bsd => " %H:%M",
        };
        then.strftime(format).to_string()
    }

    /// Returns a clock for tests, this many seconds after a boot at the epoch.
    #[cfg(test)]
    pub(crate) fn at(seconds: u64) -> Self {
        Self {
            uptime: seconds * 1_000_000_000,
            now: seconds.try_into().expect("a date"),
            boot: 0,
            zone: TimeZone::UTC,
        }
    }
}

/// Reads a clock in nanoseconds.
fn read(clock: ClockId) -> i64 {
    clock_gettime(clock).map_or(0, |time| time.tv_sec() * 1_000_000_000 + time.tv_nsec())
}

/// Converts the times of events to dates.
///
/// An event has the time of the monotonic clock of the initial time namespace. That
/// clock stops while the host is suspended, and does not follow changes of the date,
/// so the difference is read for each event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventClock {
    /// Nanoseconds that the time namespace of this process adds to the clock.
    offset: i64,
}

impl EventClock {
    /// Reads the offset of the time namespace.
    pub(crate) fn new() -> Self {
        let offsets = fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default();
        Self {
            offset: monotonic_offset(&offsets).unwrap_or(0),
        }
    }

    /// Returns the date of an event that has just been received.
    pub(crate) fn date(&self, time: Duration) -> Timestamp {
        let now = read(ClockId::CLOCK_MONOTONIC).saturating_sub(self.offset);
        self.date_at(time, Timestamp::now(), now)
    }

    /// `now` is the time of the monotonic clock of the initial time namespace, in
    /// nanoseconds.
    fn date_at(&self, time: Duration, date: Timestamp, now: i64) -> Timestamp {
        let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        let age = SignedDuration::from_nanos(now).saturating_sub(time);
        date.saturating_sub(age).unwrap_or(Timestamp::MAX)
    }
}

/// Parses the line `monotonic SECONDS NANOSECONDS` of `timens_offsets`.
fn monotonic_offset(offsets: &str) -> Option<i64> {
    let mut lines = offsets.lines().map(str::split_whitespace);
    let mut words = lines.find_map(|mut words| (words.next()? == "monotonic").then_some(words))?;
    let (seconds, nanoseconds): (i64, i64) =
        (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_date_follows_the_clock() {
        let clock = EventClock { offset: 0 };
        let at = |seconds| Timestamp::from_second(seconds).expect("a date");
        let date = |seconds, date, now: i64| {
            clock.date_at(Duration::from_secs(seconds), at(date), now * 1_000_000_000)
        };
        assert_eq!(date(100, 1_000, 101), at(999));
        // The host was suspended for an hour, or the date was changed.
        assert_eq!(date(101, 4_601, 102), at(4_600));
        // An event that is newer than the clock that was read.
        assert_eq!(date(102, 1_000, 101), at(1_001));
    }

    #[test]
    fn offset_is_that_of_the_monotonic_clock() {
        let offsets = "monotonic      -86400         5\nboottime            1         0\n";
        assert_eq!(monotonic_offset(offsets), Some(-86_399_999_999_995));
        assert_eq!(monotonic_offset("boottime 1 0\n"), None);
        assert_eq!(monotonic_offset(""), None);
    }

    #[test]
    fn start_has_the_offset_of_the_zone_at_its_date() {
        let zone = TimeZone::get("Europe/Berlin");
        let zone = zone.expect("the zone database of the host: apt-get install tzdata");
        let clock = |now, uptime: i64| Clock {
            uptime: uptime.unsigned_abs() * 1_000_000_000,
            now,
            boot: now - uptime,
            zone: zone.clone(),
        };
        // 2024-07-01 and 2024-01-01, both at noon UTC.
        for (now, shown) in [
            (1_719_835_200, "Mon Jul  1 14:00:00 2024"),
            (1_704_110_400, "Mon Jan  1 13:00:00 2024"),
        ] {
            assert_eq!(
                clock(now, 100).started(100_000_000_000, Started::Long),
                shown
            );
            assert_eq!(
                clock(now, 100).started(100_000_000_000, Started::Short),
                shown[11..16]
            );
        }
        // A process that was started in winter, and half a year of suspension.
        let summer = clock(1_719_835_200, 1_719_835_200 - 1_704_110_400);
        assert_eq!(summer.started(0, Started::Long), "Mon Jan  1 13:00:00 2024");
    }

    #[test]
    fn times_have_days_only_if_needed() {
        for (seconds, long, short, bsd) in [
            (0, "00:00:00", "00:00", "  0:00"),
            (61, "00:01:01", "01:01", "  1:01"),
            (3599, "00:59:59", "59:59", " 59:59"),
            (3600, "01:00:00", "01:00:00", " 60:00"),
            (86_399, "23:59:59", "23:59:59", "1439:59"),
            (90_061, "1-01:01:01", "1-01:01:01", "1501:01"),
        ] {
            assert_eq!(cpu_time(seconds), long);
            assert_eq!(elapsed(seconds), short);
            assert_eq!(bsd_time(seconds), bsd);
        }
    }

    #[test]
    fn start_time_format_depends_on_the_age() {
        // Noon of 2 January 1970, and the same time one year later.
        let noon = 36 * HOUR;
        let (soon, later) = (Clock::at(noon), Clock::at(noon + 365 * DAY));
        let formats = |clock: &Clock, start: u64| {
            [Started::Short, Started::Clock, Started::Bsd, Started::Long]
                .map(|style| clock.started(start * 1_000_000_000, style))
        };
        assert_eq!(
            formats(&soon, noon - 3600),
            ["11:00", "11:00:00", " 11:00", "Fri Jan  2 11:00:00 1970"]
        );
        // Yesterday evening is another date, but less than a day ago.
        assert_eq!(
            formats(&soon, 20 * HOUR),
            ["Jan01", "20:00:00", " 20:00", "Thu Jan  1 20:00:00 1970"]
        );
        assert_eq!(
            formats(&soon, 0),
            ["Jan01", "  Jan 01", "Jan  1", "Thu Jan  1 00:00:00 1970"]
        );
        assert_eq!(formats(&later, noon)[0], "1970");
    }

    #[test]
    fn ticks_are_rounded_down_before_the_subtraction() {
        let clock = Clock::at(10);
        assert_eq!(clock.ticks_since(9_999_999_999), 1);
        assert_eq!(clock.seconds_since(8_000_000_001), 2);
        // A task that started after the clock was read has an elapsed time of 0.
        assert_eq!(clock.ticks_since(11_000_000_000), 0);
    }
}
