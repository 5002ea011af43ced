//! Verification: reads a package piece by piece, and lets nothing through that the signed root does not cover.
//!
//! A [`Reader`] asks for ranges of the file and is fed with their bytes, in order, once. Signatures are checked
//! before the manifest is read, and every 64 KiB of the payload before they are handed on as [`Verified`].

mod envelope;
mod leaves;
mod reader;
mod route;
mod stretch;

pub use envelope::{Envelope, Layout};
pub use leaves::Leaves;
#[cfg(feature = "build")]
pub(crate) use leaves::hash_payload;
pub use reader::{Need, Progress, Reader};
pub use route::{Device, Means, Route};
pub use stretch::Stretch;

/// Bytes of the payload that the signed root vouches for. Only this module makes them, and what writes takes
/// nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'a>(&'a [u8]);

impl<'a> Verified<'a> {
    /// The bytes.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }
}
