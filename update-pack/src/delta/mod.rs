//! Differences between two files: small, usable both ways, applied in little memory.
//!
//! A delta is made by `build::diff` (with the `build` feature) and applied by [`Apply`], a machine that asks for
//! windows of the delta and of the source and hands out what it makes; [`apply()`] drives it from memory to memory.
//! One delta may go both ways: what its two directions have in common is stored once. A delta does not know whether
//! it stands before the right source beyond its length: whoever applies it compares digests before and after.
//! The bytes are specified in DELTA.md.
//!
//! ```
//! # #[cfg(feature = "build")] {
//! use update_pack::delta::{Direction, apply, build::{Options, diff}};
//!
//! let old = b"one of the files of release 1".repeat(40);
//! let new = b"one of the files of release 2".repeat(40);
//! let delta = diff(&old, &new, Options { undo: true }).unwrap();
//! assert_eq!(apply(&delta, Direction::Forward, &old, 1 << 20).unwrap(), new);
//! assert_eq!(apply(&delta, Direction::Undo, &new, 1 << 20).unwrap(), old);
//! # }
//! ```

mod apply;
#[cfg(feature = "build")]
pub mod build;
mod differences;
mod error;
mod model;
mod part;
mod patch;
mod rans;

pub use apply::{Apply, Output, SOURCE_WINDOW, WRITE_WINDOW, apply};
pub use error::{Error, Problem};
pub use patch::{Direction, HEAD_MAX, Patch};
