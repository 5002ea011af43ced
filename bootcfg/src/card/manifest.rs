//! The manifest: what a card should have.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// `/iboot/C.S/manifest`: a line `file NAME SIZE SHA256` for every file, and `want PACKAGE VERSION SHA256` for every
/// package that the card should run. Digests are in lower-case hexadecimal. Lines of other kinds are for later
/// readers and are skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The entries in their order.
    pub entries: Vec<Entry>,
}

/// A line of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A file to download.
    File {
        /// Its name below the card's tree, without blanks.
        name: String,
        /// Its size in octets.
        size: u64,
        /// Its SHA-256.
        sha256: [u8; 32],
    },
    /// A package to run.
    Want {
        /// The package.
        package: String,
        /// The version.
        version: String,
        /// The SHA-256 of the package file.
        sha256: [u8; 32],
    },
}

impl Manifest {
    /// Reads a manifest.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let error = ManifestError { line: index.saturating_add(1) };
            let mut words = line.split_ascii_whitespace();
            let kind = words.next();
            let mut word = || words.next().ok_or(error);
            match kind {
                Some("file") => {
                    let (name, size, sha256) = (word()?, word()?, word()?);
                    let size = size.parse().map_err(|_| error)?;
                    entries.push(Entry::File {
                        name: name.into(),
                        size,
                        sha256: from_hex(sha256).ok_or(error)?,
                    });
                }
                Some("want") => {
                    let (package, version, sha256) = (word()?, word()?, word()?);
                    let sha256 = from_hex(sha256).ok_or(error)?;
                    entries.push(Entry::Want { package: package.into(), version: version.into(), sha256 });
                }
                _ => continue,
            }
            if words.next().is_some() {
                return Err(error);
            }
        }
        Ok(Self { entries })
    }

    /// The files: name, size, digest.
    pub fn files(&self) -> impl Iterator<Item = (&str, u64, &[u8; 32])> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::File { name, size, sha256 } => Some((name.as_str(), *size, sha256)),
            Entry::Want { .. } => None,
        })
    }

    /// The packages: name, version, digest.
    pub fn wants(&self) -> impl Iterator<Item = (&str, &str, &[u8; 32])> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Want { package, version, sha256 } => Some((package.as_str(), version.as_str(), sha256)),
            Entry::File { .. } => None,
        })
    }
}

#[cfg(feature = "boot")]
impl Manifest {
    /// Adds a file with its size and digest; blanks in its name would make it unreadable and are refused.
    pub fn add_file(&mut self, name: &str, content: &[u8]) -> Result<(), ManifestError> {
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(ManifestError { line: self.entries.len().saturating_add(1) });
        }
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        self.entries.push(Entry::File { name: name.into(), size, sha256: digest(content) });
        Ok(())
    }
}

/// The SHA-256 of `content`.
#[cfg(feature = "boot")]
pub fn digest(content: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(content).into()
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            match entry {
                Entry::File { name, size, sha256 } => writeln!(f, "file {name} {size} {}", Hex(sha256))?,
                Entry::Want { package, version, sha256 } => {
                    writeln!(f, "want {package} {version} {}", Hex(sha256))?;
                }
            }
        }
        Ok(())
    }
}

struct Hex<'a>(&'a [u8; 32]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut octets = [0; 32];
    for (octet, pair) in octets.iter_mut().zip(text.as_bytes().chunks(2)) {
        *octet = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(octets)
}

/// A line of a manifest that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the manifest: expected `file NAME SIZE SHA256` or `want PACKAGE VERSION SHA256`")]
pub struct ManifestError {
    /// The line, from 1.
    pub line: usize,
}
