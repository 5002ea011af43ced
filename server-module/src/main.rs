//! `server-module`: the whole cabinet in one binary.

fn main() {}
