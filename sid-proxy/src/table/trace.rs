//! What a lookup tells of its way.

use super::{Decision, Matched, Miss};
use crate::RouteId;
use alloc::string::String;
use alloc::vec::Vec;

/// Hears of each entry that a lookup tries. `()` hears nothing and costs nothing.
pub trait Trace {
    /// One entry was tried.
    fn tried(&mut self, step: Step<'_>);
}

/// One entry that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// How the entry would match.
    pub matched: Matched,
    /// The name under which it was sought: a host, the fixed part of a wildcard, a login.
    pub name: &'a [u8],
    /// The path prefix under which it was sought; empty when the name alone was.
    pub prefix: &'a [u8],
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of trying one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No such entry.
    Absent,
    /// The entry exists, but only to carry prefixes, and none of them fits.
    NoPrefix,
    /// The entry decides.
    Chosen(RouteId),
}

/// A decision and the way to it, in the order in which entries were tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Each entry that was tried: name, prefix, how it would have matched, what came of it.
    pub steps: Vec<(Matched, String, String, Outcome)>,
    /// The decision.
    pub decision: Result<Decision, Miss>,
}

impl Trace for () {
    fn tried(&mut self, _: Step<'_>) {}
}

impl Trace for Vec<(Matched, String, String, Outcome)> {
    fn tried(&mut self, step: Step<'_>) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.push((step.matched, text(step.name), text(step.prefix), step.outcome));
    }
}
