//! Reading MIB modules (SMIv1 of RFC 1155, RFC 1212 and RFC 1215; SMIv2 of RFC 2578 to RFC 2580) as they are
//! written, and finding the identifiers behind their names.
//!
//! ```
//! use snmp_mib::smi::{self, Library};
//!
//! let text = r#"
//! EX-MIB DEFINITIONS ::= BEGIN
//! IMPORTS enterprises, OBJECT-TYPE FROM SNMPv2-SMI;
//! example OBJECT IDENTIFIER ::= { enterprises 32473 }
//! exUsers OBJECT-TYPE
//!     SYNTAX Gauge32  MAX-ACCESS read-only  STATUS current
//!     DESCRIPTION "How many are logged in."
//!     ::= { example 1 }
//! END"#;
//! let mut library = Library::new();
//! library.add(text)?;
//! let (names, unresolved) = library.resolve();
//! assert!(unresolved.is_empty());
//! assert_eq!(names.oid("EX-MIB", "exUsers").unwrap().to_string(), "1.3.6.1.4.1.32473.1");
//! # Ok::<(), smi::ParseError<'_>>(())
//! ```
//!
//! [`parse`] borrows from the text. It forgives what many modules in use get wrong: underscores in names, macros
//! in unexpected places, clauses in any order. What an imported module would define is looked up in the library;
//! the roots that SNMPv2-SMI and RFC1155-SMI define are known without them.

mod lexer;
mod parser;
mod resolve;
mod syntax;

pub use lexer::ParseError;
pub use parser::{Clauses, Component, Definition, Import, Index, Kind, Module, Value, parse};
pub use resolve::{Library, Names, Unresolved};
pub use syntax::{Base, Syntax};
