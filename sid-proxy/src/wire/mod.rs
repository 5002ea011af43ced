//! Bytes without time: names, paths, heads, chunk lines, as functions from slices to checked values.

pub mod chunk;
pub mod cookie;
pub mod head;
pub mod host;
pub mod list;
pub mod path;
