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
            return self.seek_masked(name.arcs().collect());
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

    fn seek_masked(&self, mut at: Vec<u32>) -> Option<OidBuf> {
        let included = || self.families.iter().filter(|family| family.included);
        loop {
            let candidate = included().filter_map(|family| family.least(&at)).min()?;
            let hides = self.best(&candidate)?;
            if hides.included {
                return OidBuf::from_arcs(&candidate).ok();
            }
            // What hides it hides everything up to its end, but for families that are better matches.
            let end = hides.end(&candidate);
            at = candidate;
            at.push(0);
            let better = included().filter(|family| family.rank() > hides.rank());
            at = better.filter_map(|family| family.least(&at)).chain(end).min()?;
        }
    }
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
        arcs.len() >= self.arcs.len() && self.parts().zip(arcs).all(|((own, fixed), arc)| !fixed || own == *arc)
    }

    /// The first name of the family that is `at` or comes behind it.
    fn least(&self, at: &[u32]) -> Option<Vec<u32>> {
        let mut raisable = None;
        for (position, (own, fixed)) in self.parts().enumerate() {
            let upto = at.get(..position).unwrap_or(at);
            match at.get(position) {
                None => return Some(self.complete(at.to_vec())),
                Some(arc) if !fixed => raisable = arc.checked_add(1).map(|next| (upto, next)).or(raisable),
                Some(arc) if *arc == own => {}
                Some(arc) if *arc < own => return Some(self.complete(upto.to_vec())),
                Some(_) => {
                    let (upto, next) = raisable?;
                    let mut raised = upto.to_vec();
                    raised.push(next);
                    return Some(self.complete(raised));
                }
            }
        }
        Some(at.to_vec())
    }

    /// `arcs` with the least arcs behind them that make a name of the family.
    fn complete(&self, mut arcs: Vec<u32>) -> Vec<u32> {
        let rest = self.parts().skip(arcs.len()).map(|(own, fixed)| if fixed { own } else { 0 });
        arcs.extend(rest.collect::<Vec<u32>>());
        arcs
    }

    /// The first name behind the stretch around `name` that the family matches throughout.
    fn end(&self, name: &[u32]) -> Option<Vec<u32>> {
        let open = usize::from(self.fixed.last() == Some(&false));
        let mut arcs = name.get(..self.arcs.len().saturating_sub(open)).unwrap_or(name).to_vec();
        while let Some(last) = arcs.pop() {
            if let Some(next) = last.checked_add(1) {
                arcs.push(next);
                return Some(arcs);
            }
        }
        None
    }
}
