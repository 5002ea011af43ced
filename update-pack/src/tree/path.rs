//! Paths within a tree, made of any bytes but `/` and NUL, and printable nevertheless.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;

use crate::error::Problem;

/// Longest path in bytes.
const PATH_MAX: usize = 4095;
/// Longest name in bytes.
const NAME_MAX: usize = 255;
/// The name under the root that belongs to the engine.
const OWN: &[u8] = b".update-pack";

/// A path relative to the root of a tree. The empty path is the root.
///
/// None of its names is empty, `.` or `..`, and none but the engine's own state stands under `.update-pack`:
/// a path that can be written down cannot leave the tree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Box<[u8]>);

impl Path {
    /// The root itself.
    pub fn root() -> Self {
        Self(Box::default())
    }

    /// A path of names with `/` between them.
    ///
    /// # Errors
    /// [`Problem::Path`] for an empty, dotted or overlong name, a NUL, an overlong path or the engine's own directory.
    pub fn new(bytes: &[u8]) -> Result<Self, Problem> {
        let plain = |name: &[u8]| {
            !name.is_empty() && name != b"." && name != b".." && name.len() <= NAME_MAX && !name.contains(&0)
        };
        let mut names = bytes.split(|byte| *byte == b'/');
        let own = bytes.split(|byte| *byte == b'/').next() == Some(OWN);
        if bytes.len() > PATH_MAX || own || !names.all(plain) {
            return Err(Problem::Path);
        }
        Ok(Self(bytes.into()))
    }

    /// The path of `name` in this directory.
    ///
    /// # Errors
    /// [`Problem::Path`] when that is no path.
    pub fn join(&self, name: &[u8]) -> Result<Self, Problem> {
        if name.contains(&b'/') {
            return Err(Problem::Path);
        }
        if self.is_root() {
            return Self::new(name);
        }
        let mut bytes = self.0.to_vec();
        bytes.push(b'/');
        bytes.extend_from_slice(name);
        Self::new(&bytes)
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path of the directory that holds it, as bytes; `None` for the root.
    pub fn parent(&self) -> Option<&[u8]> {
        if self.is_root() {
            return None;
        }
        Some(
            self.0.iter().rposition(|byte| *byte == b'/').and_then(|at| self.0.get(..at)).unwrap_or_default(),
        )
    }

    /// Whether a name right under the root belongs to the engine.
    pub fn is_own(name: &[u8]) -> bool {
        name == OWN
    }
}

// Looked up by bytes; `Ord` of a boxed slice is that of the slice.
impl Borrow<[u8]> for Path {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Path {
    /// As a shell would show it: `.` for the root, what is not printable as `\xNN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        show(&self.0, f)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<Vec<u8>> for Path {
    type Error = Problem;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Problem> {
        Self::new(&bytes)
    }
}

/// Writes bytes so that no terminal takes them for a command and no two look the same.
pub(super) fn show(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || character == '\\' {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
    }
    Ok(())
}
