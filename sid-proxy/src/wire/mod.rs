//! Bytes without time: names, paths, heads, chunk lines, as functions from slices to checked values.



pub mod host;

pub mod path;
