//! What a card downloads: its eight configuration files, its manifest, and who may read them.
//!
//! Everything here is a pure function of a small borrowed [`Description`]; the text is the same for the same
//! description, to the byte. The files stand under `/iboot/C.S/` (patent row K7).

mod change;
mod files;
mod manifest;
mod place;

pub use change::Change;
pub use files::{Description, File, Service, User, render};
pub use manifest::{Entry, Manifest, ManifestError};
pub use place::{Place, ROOT, locate};

#[cfg(feature = "boot")]
pub use manifest::digest;
