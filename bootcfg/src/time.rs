//! Spans of time.

use core::time::Duration;

/// The `divisor`th part of a span.
pub(crate) fn part(span: Duration, divisor: u32) -> Duration {
    span.checked_div(divisor).unwrap_or_default()
}
