//! Views and filters: families of subtrees, with masks that leave arcs open (RFC 3415 §4, RFC 3413 §6).
//!
//! ```text
//! no family has a mask:  bounds  [1.3.6 in)[1.3.6.1.6 out)[1.3.6.1.7 in) ..   one binary search
//! some family has:       of all that match, the longest decides, of these the greatest
//! ```

use alloc::vec::Vec;

use super::tables::{Family, FamilyType};
use crate::wire::{Oid, OidBuf};

/// What a manager may see, or what is to be told: a set of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    families: Vec<Pattern>,
    /// Where the view begins or ends, if no family has a mask: from each name up to the next.
    bounds: Option<Vec<(OidBuf, bool)>>,
}

/// What the families of a view say of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Judgement {
    /// A family has it in.
    Included,
    /// A family has it out.
    Excluded,
    /// No family speaks of it.
    Unmatched,
}

/// A family, arc by arc.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    arcs: Vec<u32>,
    /// Which arcs must be the family's own; those behind the end must be, too.
    fixed: Vec<bool>,
    included: bool,
}

impl View {
    /// The view that `families` make up. Of two with the same subtree the later one counts.
    pub fn new<'a>(families: impl IntoIterator<Item = &'a Family>) -> Self {
        let mut patterns: Vec<Pattern> = Vec::new();
        for family in families {
            let pattern = Pattern::new(family);
            match patterns.iter_mut().find(|own| own.arcs == pattern.arcs) {
                Some(own) => *own = pattern,
                None => patterns.push(pattern),
            }
        }
        // The best match comes first: the longest, of these the greatest.
        patterns.sort_by(|a, b| b.rank().cmp(&a.rank()));
        let masked = patterns.iter().any(|pattern| pattern.fixed.contains(&false));
        let mut view = Self { families: patterns, bounds: None };
        view.bounds = (!masked).then(|| view.bounds());
        view
    }

    /// Tells whether `name` is in the view.
    #[inline]
    pub fn contains(&self, name: Oid<'_>) -> bool {
        match &self.bounds {
            Some(bounds) => {
                let behind = bounds.partition_point(|(start, _)| start.as_oid() <= name);
                behind.checked_sub(1).and_then(|at| bounds.get(at)).is_some_and(|(_, inside)| *inside)
            }
            None => self.judge(name) == Judgement::Included,
        }
    }

    /// Tells whether everything from `start` up to `end` (empty for the end of the tree) is surely in the view.
    pub(crate) fn covers(&self, start: Oid<'_>, end: Oid<'_>) -> bool {
        let Some(bounds) = &self.bounds else { return false };
        let behind = bounds.partition_point(|(bound, _)| bound.as_oid() <= start);
        let inside = behind.checked_sub(1).and_then(|at| bounds.get(at)).is_some_and(|(_, inside)| *inside);
        inside && bounds.get(behind).is_none_or(|(next, _)| !end.is_empty() && next.as_oid() >= end)
    }

    /// What the families say of `name`.
    pub fn judge(&self, name: Oid<'_>) -> Judgement {
        let arcs: Vec<u32> = name.arcs().collect();
        match self.best(&arcs) {
            Some(family) if family.included => Judgement::Included,
            Some(_) => Judgement::Excluded,
            None => Judgement::Unmatched,
        }
    }

    /// Tells whether no family has anything in.
    pub fn is_empty(&self) -> bool {
        !self.families.iter().any(|family| family.included)
    }

    /// The first name in the view that is `name` or comes behind it; `None` where nothing does. What is hidden
    /// between is passed over, however much there is.
    pub fn seek(&self, name: Oid<'_>) -> Option<OidBuf> {
        if self.contains(name) {
            return Some(name.to_buf());
        }
        let Some(bounds) = &self.bounds else {
            return self.seek_masked(&name.arcs().collect::<Vec<u32>>());
        };
        let behind = bounds.partition_point(|(start, _)| start.as_oid() <= name);
        bounds.get(behind..)?.iter().find(|(_, inside)| *inside).map(|(start, _)| start.clone())
    }

    fn best(&self, arcs: &[u32]) -> Option<&Pattern> {
        self.families.iter().find(|family| family.matches(arcs))
    }

    /// The names at which something begins or ends, each with what holds from there on.
    fn bounds(&self) -> Vec<(OidBuf, bool)> {
        let mut points = alloc::vec![OidBuf::new()];
        for family in &self.families {
            let root = OidBuf::from_arcs(&family.arcs).unwrap_or_default();
            let end = root.as_oid().after();
            points.push(root);
            points.extend(end);
        }
        points.sort();
        points.dedup();
        let judged = points.into_iter().map(|point| {
            let inside = self.judge(point.as_oid()) == Judgement::Included;
            (point, inside)
        });
        let mut bounds: Vec<(OidBuf, bool)> = judged.collect();
        bounds.dedup_by_key(|(_, inside)| *inside);
        bounds
    }

    /// Goes down arc by arc. Of the arcs that no family names the least one stands for all, so only so many ways
    /// are tried as there are families.
    fn seek_masked(&self, at: &[u32]) -> Option<OidBuf> {
        let alive: Vec<&Pattern> = self.families.iter().collect();
        let mut prefix = Vec::new();
        descend(&mut prefix, Some(at), &alive).then(|| OidBuf::from_arcs(&prefix).unwrap_or_default())
    }
}

/// Makes `prefix` the first name in the view that begins with it and does not come before `at`, which begins with it
/// as well; tells whether there is one. `alive` are the families that may match, the best first.
fn descend(prefix: &mut Vec<u32>, at: Option<&[u32]>, alive: &[&Pattern]) -> bool {
    if !alive.iter().any(|family| family.included) {
        return false;
    }
    let depth = prefix.len();
    let at = at.filter(|at| depth < at.len());
    let judged = alive.iter().find(|family| family.arcs.len() <= depth).is_some_and(|family| family.included);
    match at {
        None if judged => return true,
        // Below here every name is judged alike.
        Some(at) if judged && alive.iter().all(|family| family.arcs.len() <= depth) => {
            *prefix = at.to_vec();
            return true;
        }
        _ => {}
    }
    let named = |family: &&Pattern| {
        let fixed = family.fixed.get(depth).copied().unwrap_or(false);
        family.arcs.get(depth).copied().filter(|_| fixed)
    };
    let least = at.and_then(|at| at.get(depth)).copied();
    let bound = least.unwrap_or(0);
    let mut ways: Vec<u32> = alive.iter().filter_map(named).filter(|arc| *arc >= bound).collect();
    let other =
        |from: u32| (from..=u32::MAX).find(|arc| !alive.iter().any(|family| named(family) == Some(*arc)));
    if alive.iter().any(|family| family.arcs.len() > depth) {
        ways.extend(other(bound));
        ways.extend(bound.checked_add(1).and_then(other));
    }
    ways.extend(least);
    ways.sort_unstable();
    ways.dedup();
    let most = match prefix.as_slice() {
        [] => 2,
        [0 | 1] => 39,
        _ => u32::MAX,
    };
    for way in ways.into_iter().filter(|way| *way <= most) {
        let still: Vec<&Pattern> =
            alive.iter().copied().filter(|family| named(family).is_none_or(|own| own == way)).collect();
        prefix.push(way);
        if descend(prefix, at.filter(|_| least == Some(way)), &still) {
            return true;
        }
        prefix.truncate(depth);
    }
    false
}

impl Pattern {
    fn new(family: &Family) -> Self {
        let arcs: Vec<u32> = family.subtree.as_oid().arcs().collect();
        let bit = |at: usize| {
            let octet = family.mask.get(at / 8).copied().unwrap_or(0xff);
            octet & 0x80_u8.checked_shr(u32::try_from(at % 8).unwrap_or(0)).unwrap_or(0) != 0
        };
        let fixed = (0..arcs.len()).map(bit).collect();
        Self { arcs, fixed, included: family.kind == FamilyType::Included }
    }

    fn rank(&self) -> (usize, &[u32]) {
        (self.arcs.len(), &self.arcs)
    }

    /// The arcs with whether each must be met.
    fn parts(&self) -> impl Iterator<Item = (u32, bool)> {
        self.arcs.iter().copied().zip(self.fixed.iter().copied())
    }

    fn matches(&self, arcs: &[u32]) -> bool {
        arcs.len() >= self.arcs.len()
            && self.parts().zip(arcs).all(|((own, fixed), arc)| !fixed || own == *arc)
    }
}
