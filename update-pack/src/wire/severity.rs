//! How much an update matters.

use core::fmt;

/// How much an update matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Severity(pub u8);

impl Severity {
    /// Whenever convenient.
    pub const LOW: Self = Self(0);
    /// In its time.
    pub const NORMAL: Self = Self(1);
    /// Soon.
    pub const HIGH: Self = Self(2);
    /// At once.
    pub const CRITICAL: Self = Self(3);

    const NAMES: [(&'static str, Self); 4] =
        [("low", Self::LOW), ("normal", Self::NORMAL), ("high", Self::HIGH), ("critical", Self::CRITICAL)];

    /// The severity of that name: low, normal, high or critical.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, severity)| *severity)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(_, severity)| severity == self) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "severity {}", self.0),
        }
    }
}
