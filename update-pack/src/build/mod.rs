//! The builder: from two trees to one signed file, the same bytes on every machine.

mod frames;

use alloc::string::String;
use alloc::vec::Vec;

use crate::delta::build::{Options, diff};
use crate::engine::Plan;
use crate::error::Problem;
use crate::tree::{Node, Path, Side, Tree};
use crate::trust::{SigningKey, sign_root};
use crate::verify::hash_payload;
use crate::wire::{Header, Manifest, Payload, Root, Section, Severity, digest, emit_end};

/// What a package says about itself, and how hard the builder tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The version to start from.
    pub from_version: String,
    /// The version to arrive at.
    pub to_version: String,
    /// Security epoch.
    pub epoch: u64,
    /// Which cards it is for.
    pub scope: String,
    /// How much it matters.
    pub severity: Severity,
    /// zstd's level, 1 to 22.
    pub level: i32,
    /// Raw bytes of a frame, at most 4 MiB. Smaller ones cost size, larger ones the reader's memory.
    pub frame: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            from_version: String::from("0"),
            to_version: String::from("1"),
            epoch: 0,
            scope: String::from("*"),
            severity: Severity::NORMAL,
            level: 19,
            frame: 2 << 20,
        }
    }
}

/// Why no package was built. `E` is what the reading of contents fails with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E> {
    /// A version or the scope is empty, too long, or not plain text.
    #[error("a version or the scope cannot be written down: {0}")]
    Text(Problem),
    /// No key signs, or one twice.
    #[error("a package needs between 1 and 255 different keys to sign it")]
    Keys,
    /// A file's content could not be read.
    #[error("{path} could not be read: {error}")]
    Read {
        /// The file.
        path: Path,
        /// Why.
        error: E,
    },
    /// A file's content is not what the tree says: it was changed meanwhile.
    #[error("{path} was changed while the package was being built")]
    Changed {
        /// The file.
        path: Path,
    },
    /// The compressor failed.
    #[error("the compressor failed")]
    Compressor,
    /// A part grew beyond what its length field holds.
    #[error("the trees are too large for one package")]
    TooLarge,
}

/// Builds a package. `contents` reads a file of either tree.
///
/// # Errors
/// [`Error`] says what stands in the way.
pub fn build<E>(
    config: &Config,
    before: &Tree,
    after: &Tree,
    mut contents: impl FnMut(Side, &Path) -> Result<Vec<u8>, E>,
    keys: &[SigningKey],
) -> Result<Vec<u8>, Error<E>> {
    let manifest = Manifest::new(before, after);
    let manifest_bytes = manifest.emit();
    let plan = Plan::new(manifest);
    let mut read = |side: Side, index: usize| -> Result<Vec<u8>, Error<E>> {
        let Some(entry) = plan.manifest().entries().get(index) else { return Ok(Vec::new()) };
        let path = entry.path.clone();
        let content = contents(side, &path).map_err(|error| Error::Read { path: path.clone(), error })?;
        let same = matches!(side.of(entry), Some(Node::File { size, digest: known, .. })
            if usize::try_from(*size) == Ok(content.len()) && *known == digest(&content));
        if same { Ok(content) } else { Err(Error::Changed { path }) }
    };
    let mut new = Vec::new();
    for target in plan.brought() {
        new.append(&mut read(Side::After, target.index)?);
    }
    let whole = frames::frames(&new, config.level, config.frame).map_err(|_| Error::Compressor)?;
    let mut old = Vec::new();
    for (index, _) in plan.sources() {
        old.append(&mut read(Side::Before, index)?);
    }
    // A delta is taken only where it is smaller; what cannot be indexed goes whole.
    let delta =
        if old.is_empty() || new.is_empty() { None } else { diff(&old, &new, Options { undo: false }) };
    let payload = match delta.filter(|delta| delta.len() < whole.len()) {
        Some(delta) => (Payload { delta: wide(delta.len()), ..Payload::default() }, delta),
        None => (Payload { frames: wide(whole.len()), ..Payload::default() }, whole),
    };
    assemble(config, &manifest_bytes, payload, keys)
}

fn assemble<E>(
    config: &Config,
    manifest: &[u8],
    (described, payload): (Payload, Vec<u8>),
    keys: &[SigningKey],
) -> Result<Vec<u8>, Error<E>> {
    let (groups, tables) = hash_payload(&payload);
    let root = Root {
        from_version: config.from_version.clone(),
        to_version: config.to_version.clone(),
        epoch: config.epoch,
        scope: config.scope.clone(),
        severity: config.severity,
        manifest: Section {
            len: u32::try_from(manifest.len()).map_err(|_| Error::TooLarge)?,
            digest: digest(manifest),
        },
        payload: Payload { groups: digest(&groups), ..described },
        extensions: Vec::new(),
    };
    root.check().map_err(Error::Text)?;
    let signatures = sign_root(&root, keys).ok_or(Error::Keys)?;
    let root = root.emit();
    let root_len = u32::try_from(root.len()).map_err(|_| Error::TooLarge)?;
    let mut file = Header { minor: 0, root_len }.emit().to_vec();
    file.extend_from_slice(&root);
    file.extend_from_slice(&signatures.emit());
    file.extend_from_slice(manifest);
    file.extend_from_slice(&groups);
    let group = usize::try_from(crate::wire::GROUP).map_err(|_| Error::TooLarge)?;
    for (table, group) in tables.iter().zip(payload.chunks(group)) {
        file.extend_from_slice(table);
        file.extend_from_slice(group);
    }
    let end = emit_end(wide(file.len()).saturating_add(16));
    file.extend_from_slice(&end);
    Ok(file)
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
