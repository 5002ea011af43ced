//! The bytes of a package. What stands where is written down in FORMAT.md.
//!
//! Every `parse` checks everything once, trailing bytes too; every `emit` writes the one canonical form, so
//! `emit(parse(b)) == b` for all `b` that parse.

mod cursor;
mod digest;
mod fields;
mod frame;
mod header;
mod leg;
mod manifest;
mod opening;
mod root;
mod seal;
mod severity;
mod signatures;
mod terms;

pub(crate) use cursor::{Cursor, put_varint, zigzag};
pub use digest::{Digest, Section, digest};
pub(crate) use fields::{CRITICAL, Fields, put_field};
pub use frame::{Encoding, FRAME_HEAD, FrameHead};
pub use header::{END_LEN, HEADER_LEN, Header, Role, emit_end, parse_end};
pub use leg::{Leg, Payload, Stream, StreamKind};
pub use manifest::{Entry, Manifest};
pub use opening::Opening;
pub use root::{Root, parse_text};
pub use seal::{KeyId, Seal};
pub use severity::Severity;
pub use signatures::{SIGNATURE_LEN, Signature, Signatures};
pub use terms::{Epochs, Format, Guard, Migration, Owned, Terms, When};

/// Stored payload bytes under one leaf hash.
pub const LEAF: u32 = 64 << 10;
/// Leaves under one group hash.
pub const GROUP_LEAVES: u32 = 128;
/// Stored payload bytes under one group hash.
pub const GROUP: u32 = LEAF * GROUP_LEAVES;
