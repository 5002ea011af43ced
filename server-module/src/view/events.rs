//! Events and alarms as they are shown and kept: with calendar time, which the core does not know.

use crate::cabinet::{Alarm, Event, Told, What};
use crate::module::handle::Clock;
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// Its number, from 1 without gaps since the module started.
    pub number: u64,
    /// When, in UTC (RFC 3339).
    pub at: String,
    /// `state`, `command` or `alarm`.
    pub event: String,
    /// Which card, when it is about one.
    pub card: Option<String>,
    /// Whether it wants an eye: a failure, a refusal, an alarm.
    pub wrong: bool,
    /// What happened, in one line.
    pub text: String,
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmRow {
    /// What, in one line.
    pub text: String,
    /// How often since the module started.
    pub count: u64,
    /// When first, in UTC (RFC 3339).
    pub first: String,
    /// When last, in UTC (RFC 3339).
    pub last: String,
}

impl EventRow {
    /// An event by this clock.
    pub fn of(event: &Event, clock: Clock) -> Self {
        let (kind, card, wrong) = match &event.what {
            What::State(t) => ("state", Some(t.card), t.to == crate::cabinet::State::Failed),
            What::Command { refused, .. } => ("command", None, refused.is_some()),
            What::Alarm { .. } => ("alarm", None, true),
        };
        Self {
            number: event.number,
            at: rfc3339(clock.calendar(event.at)),
            event: kind.into(),
            card: card.map(|card| card.to_string()),
            wrong,
            text: event.what.to_string(),
        }
    }
}

impl AlarmRow {
    /// An alarm by this clock.
    pub fn of(alarm: &Alarm, told: Told, clock: Clock) -> Self {
        Self {
            text: alarm.to_string(),
            count: told.count,
            first: rfc3339(clock.calendar(told.first)),
            last: rfc3339(clock.calendar(told.last)),
        }
    }
}

/// A time in UTC to the millisecond, as in `2026-11-23T16:05:09.250Z` (RFC 3339).
pub fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Days to a date by eras of 400 years that begin on 1 March (Hinnant, "chrono-compatible low-level date
    // algorithms", civil_from_days).
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        since.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::rfc3339;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn dates_are_those_of_the_calendar() {
        // Each beside what `date -u -d @SECONDS` prints.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_200, "2024-03-01T00:00:00.000Z"),
            (1_795_449_600, "2026-11-23T16:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
