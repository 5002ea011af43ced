//! Who speaks too often.

use alloc::vec::Vec;
use core::time::Duration;

use super::Rate;

/// How many are watched at a time; who was not heard for its burst's length is forgotten first.
const WATCHED: usize = 1024;
/// The places that one talker may be watched at.
const WAYS: usize = 4;

/// For each talker the time at which it will have been silent long enough to have its burst again (GCRA).
///
/// A table of fixed size. Talkers beyond it share the place of another and its rate: a flood of forged names slows
/// itself, and what it hits by chance.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Flood {
    places: Vec<(u32, Duration)>,
}

impl Flood {
    /// Counts one datagram of `talker` at `now`; `false` if it is one too many.
    pub(super) fn admit(&mut self, rate: Rate, talker: u32, now: Duration) -> bool {
        if self.places.is_empty() {
            self.places = alloc::vec![(0, Duration::ZERO); WATCHED];
        }
        let set = usize::try_from(talker).unwrap_or(0) % (WATCHED / WAYS);
        let ways = set.saturating_mul(WAYS)..set.saturating_mul(WAYS).saturating_add(WAYS);
        let Some(places) = self.places.get_mut(ways) else { return true };
        let own = places.iter().position(|(tag, full_at)| *tag == talker && *full_at > now);
        // Else the place whose talker is nearest to being forgotten.
        let nearest =
            || places.iter().enumerate().min_by_key(|(_, (_, full_at))| *full_at).map(|(way, _)| way);
        let Some(place) = own.or_else(nearest).and_then(|way| places.get_mut(way)) else { return true };
        let spent = place.1.max(now).saturating_add(rate.every);
        if spent.saturating_sub(now) > rate.every.saturating_mul(rate.burst) {
            return false;
        }
        *place = (talker, spent);
        true
    }
}
