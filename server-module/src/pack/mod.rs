//! Update packages on directories: the commands and the storage behind the engine.
