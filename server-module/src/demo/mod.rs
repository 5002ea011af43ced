//! A whole cabinet on loopback with nothing to prepare.
