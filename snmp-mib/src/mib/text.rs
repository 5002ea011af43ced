//! The SMIv2 text of a module, from its declarations.
