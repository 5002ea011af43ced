//! Who is believed: keys, how many of them must sign in which role, and how they are replaced.
//!
//! | role | how many sign | what they are trusted with |
//! |---|---|---|
//! | root | m of n | says which keys are trusted; its successor is signed by the old and the new threshold |
//! | release | m of n | packages and notices |
//! | emergency | m of n, or none | critical packages, and new release keys; neither root nor itself |
//!
//! A key is known by its 32 bytes and stands in one role only. A package may carry the rotations that lead from the
//! keys that a card knows to those that have signed it.

mod key;
mod keyset;
#[cfg(feature = "pem")]
mod pem;
mod rotation;
mod trusted;

pub use key::{PublicKey, SigningKey};
pub use keyset::{Group, Keyset, Unfit};
pub use rotation::Rotation;
pub use trusted::{EPOCH_STEP, Trust, admit, package_id};
pub(crate) use trusted::{carried, entitled};
