//! When an update may happen.

use core::fmt;
use core::time::Duration;

/// Calendar time: seconds since 1970-01-01 00:00:00 UTC, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// The time that much later.
    #[must_use]
    pub const fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.as_secs()))
    }
}

impl fmt::Display for UnixTime {
    /// As RFC 3339 has it: `2026-11-23T15:27:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        // Days to a date of the Gregorian calendar, in eras of 400 years that begin on a first of March.
        let shifted = days.saturating_add(719_468);
        let (era, day) = (shifted / 146_097, shifted % 146_097);
        let leaps = (day / 1460).saturating_add(day / 146_096);
        let year = day.saturating_add(day / 36_524).saturating_sub(leaps) / 365;
        let before = year.saturating_mul(365).saturating_add(year / 4).saturating_sub(year / 100);
        let of_year = day.saturating_sub(before);
        let month = of_year.saturating_mul(5).saturating_add(2) / 153;
        let of_month =
            of_year.saturating_sub(month.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
        let (month, later) =
            if month < 10 { (month.saturating_add(3), 0) } else { (month.saturating_sub(9), 1) };
        let year = era.saturating_mul(400).saturating_add(year).saturating_add(later);
        let (hour, minute, second) = (second / 3600, second % 3600 / 60, second % 60);
        write!(f, "{year:04}-{month:02}-{of_month:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// When an update may happen (patent rows U7 and U12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Not before.
    pub not_before: UnixTime,
    /// Not after: what is not done by then is not begun, and is reported.
    pub not_after: UnixTime,
    /// Within which hours of the cabinet's own day; critical updates do not wait for them.
    pub daily: Option<Daily>,
    /// What a card waits for.
    pub moment: Moment,
}

/// What a card waits for before it is updated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moment {
    /// It takes the update when it is next switched on, and serves on until then.
    #[default]
    PowerUp,
    /// It is updated while it runs.
    Forced,
}

/// Hours of the day in local time, in minutes after midnight; `end` may be past midnight and so before `begin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Daily {
    begin: u16,
    end: u16,
}

/// Minutes of a day.
const DAY: u16 = 24 * 60;

impl Daily {
    /// The hours from `begin` up to `end`. `None` where one is no minute of a day, or both are the same.
    pub const fn new(begin: u16, end: u16) -> Option<Self> {
        if begin < DAY && end < DAY && begin != end { Some(Self { begin, end }) } else { None }
    }

    /// Minutes after midnight when it begins.
    pub const fn begin(self) -> u16 {
        self.begin
    }

    /// Minutes after midnight when it ends.
    pub const fn end(self) -> u16 {
        self.end
    }

    /// Tells how many minutes it is until the hours begin; 0 within them.
    pub const fn wait(self, minute: u16) -> u16 {
        let minute = minute % DAY;
        let within = if self.begin < self.end {
            self.begin <= minute && minute < self.end
        } else {
            self.begin <= minute || minute < self.end
        };
        if within { 0 } else { self.begin.wrapping_add(DAY).wrapping_sub(minute) % DAY }
    }
}

impl fmt::Display for Daily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [begin, end] = [self.begin, self.end].map(|minute| (minute / 60, minute % 60));
        write!(f, "{:02}:{:02}-{:02}:{:02}", begin.0, begin.1, end.0, end.1)
    }
}
