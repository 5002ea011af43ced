//! Which of a package's legs a card takes: those that move the fewest bytes.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::campaign::{Card, Position, Progress, Scope};
use crate::error::Error;
use crate::wire::{LEAF, Leg, Root, StreamKind};

/// What a card tells of itself to whoever installs something on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Its profile.
    pub profile: Option<String>,
    /// The version that is installed; empty when nothing is, `None` when nobody knows.
    pub version: Option<String>,
    /// Where it stands. The scope of a package is only asked about a card that stands somewhere.
    pub position: Option<Position>,
    /// The hardware's kind and revision.
    pub hardware: Option<String>,
    /// What else is installed: names of packages and their versions.
    pub software: Vec<(String, String)>,
}

/// How a card comes to the version at which a package arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The legs to take, one after the other, as indexes. Empty when the version is there already.
    pub legs: Vec<usize>,
    /// Bytes of the package that are read for them: manifests, leaf tables and what of the streams leads forward.
    pub bytes: u64,
    /// What they amount to.
    pub means: Means,
    /// Bytes that the best way of another kind would have read, if there is one.
    pub instead: Option<(Means, u64)>,
}

/// What a route amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// The version is there already.
    Nothing,
    /// One leg without new content: names, modes and links.
    Names,
    /// One leg that brings the new content whole.
    Full,
    /// One leg that makes the new content from the old.
    Delta,
    /// Several legs, one after the other.
    Chain,
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing to do",
            Self::Names => "names and modes only",
            Self::Full => "content whole",
            Self::Delta => "a delta",
            Self::Chain => "a chain of legs",
        })
    }
}

impl fmt::Display for Route {
    /// The reason in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.means == Means::Nothing {
            return f.write_str("nothing to do: the version is installed");
        }
        write!(f, "{}, {} bytes", self.means, self.bytes)?;
        match self.instead {
            Some((means, bytes)) => write!(f, "; {means} would be {bytes}"),
            None => f.write_str("; there is no other way"),
        }
    }
}

impl Device {
    /// Whether a package is for this card.
    ///
    /// # Errors
    /// [`Error::OutOfScope`] when it is not.
    pub fn check(&self, scope: &Scope) -> Result<(), Error> {
        let Some(position) = self.position else { return Ok(()) };
        let software: Vec<(&str, &str)> =
            self.software.iter().map(|(name, version)| (name.as_str(), version.as_str())).collect();
        let card = Card {
            position,
            profile: self.profile.as_deref(),
            hardware: self.hardware.as_deref(),
            software: &software,
            powering_up: false,
            service: None,
            serving: false,
            progress: Progress::Untouched,
        };
        if scope.covers(&card) { Ok(()) } else { Err(Error::OutOfScope) }
    }

    /// The way to the version of a package that reads the fewest bytes; of two such ways the one of fewer legs. `None`
    /// when there is none, or when it is not known which version is installed.
    pub fn route(&self, root: &Root) -> Option<Route> {
        let version = self.version.as_deref()?;
        let (legs, bytes) = self.cheapest(root, version)?;
        let means = means(root, &legs);
        // The best way that is of another kind, to say what was saved.
        let arrives = |leg: &Leg| leg.from == version && leg.to == root.to_version;
        let others = root.legs.iter().enumerate().filter(|(_, leg)| self.takes(leg) && arrives(leg));
        let others = others.map(|(index, leg)| (self::means(root, &[index]), cost(root, leg)));
        let instead = others.filter(|(other, _)| *other != means).min_by_key(|(_, bytes)| *bytes);
        Some(Route { legs, bytes, means, instead })
    }

    /// The legs that may fit, in the order in which to try them: the first of the route, then all others of the
    /// profile. Which one does fit, the directory itself decides.
    pub fn candidates(&self, root: &Root) -> Vec<usize> {
        let first = self.route(root).and_then(|route| route.legs.first().copied());
        let others = root.legs.iter().enumerate().filter(|(_, leg)| self.takes(leg)).map(|(index, _)| index);
        first.into_iter().chain(others.filter(|index| Some(*index) != first)).collect()
    }

    fn takes(&self, leg: &Leg) -> bool {
        leg.profile.is_empty() || self.profile.as_deref() == Some(leg.profile.as_str())
    }

    /// The cheapest legs from a version to that of the package. Each round finds the cheapest ways of one leg more, so
    /// that no way is longer than there are legs.
    fn cheapest(&self, root: &Root, version: &str) -> Option<(Vec<usize>, u64)> {
        let mut known: Vec<(&str, Vec<usize>, u64)> = alloc::vec![(version, Vec::new(), 0)];
        for _ in &root.legs {
            let mut changed = false;
            for (index, leg) in root.legs.iter().enumerate().filter(|(_, leg)| self.takes(leg)) {
                let Some((_, way, bytes)) = known.iter().find(|(at, _, _)| *at == leg.from) else { continue };
                let bytes = bytes.saturating_add(cost(root, leg));
                let way: Vec<usize> = way.iter().copied().chain([index]).collect();
                match known.iter_mut().find(|(at, _, _)| *at == leg.to) {
                    Some((_, old, cost)) if (bytes, way.len()) < (*cost, old.len()) => {
                        (*old, *cost) = (way, bytes);
                    }
                    Some(_) => continue,
                    None => known.push((&leg.to, way, bytes)),
                }
                changed = true;
            }
            if !changed {
                break;
            }
        }
        known.into_iter().find(|(at, _, _)| *at == root.to_version).map(|(_, way, bytes)| (way, bytes))
    }
}

/// Bytes that a card reads for a leg.
fn cost(root: &Root, leg: &Leg) -> u64 {
    let content = root.stream(leg).map_or(0, |stream| {
        let forward = stream.len.saturating_sub(stream.back);
        forward.saturating_add(forward.div_ceil(u64::from(LEAF)).saturating_mul(32))
    });
    content.saturating_add(u64::from(leg.manifest.len))
}

fn means(root: &Root, legs: &[usize]) -> Means {
    match legs {
        [] => Means::Nothing,
        [leg] => match root.legs.get(*leg).and_then(|leg| root.stream(leg)) {
            None => Means::Names,
            Some(stream) if stream.kind == StreamKind::FRAMES => Means::Full,
            Some(_) => Means::Delta,
        },
        _ => Means::Chain,
    }
}
