//! How numbers are shown to people.

use std::fmt;

/// A number of bytes: exact while it is short, rounded to three digits from there on.
pub(super) struct Bytes(pub(super) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1_000_000_000_u64, "GB"), (1_000_000, "MB"), (1_000, "kB")];
        let Some((unit, name)) = units.into_iter().find(|(unit, _)| self.0 >= *unit) else {
            return write!(f, "{} bytes", self.0);
        };
        let tenths = self.0 / (unit / 10);
        if tenths >= 1000 {
            write!(f, "{} {name}", self.0 / unit)
        } else {
            write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
        }
    }
}
