//! The configuration file: its schema, its checks, its errors with file and line.
