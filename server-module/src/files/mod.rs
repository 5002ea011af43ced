//! A card's own files: what is known of a card, and the plug-ins that make text of it (patent row B7).
//!
//! ```text
//!  inventory, configuration --> Facts --> a plug-in a file: built in, a template, a command --> text, manifest
//! ```
//!
//! [`Facts`] is all that a file may depend on, so the same facts give the same text and a changed file has a changed
//! fact behind it. Built-in files and templates are made the moment a card asks. A command is run ahead, as soon as
//! the facts of a card change ([`Workshop`]), because a card's request does not wait for a program.

mod command;
mod facts;
mod plugins;
mod workshop;

pub use command::CommandError;
pub use facts::Facts;
pub use plugins::{PluginError, Plugins, Source};
pub use workshop::{Unmade, Workshop};

/// The file that lists the others.
pub const MANIFEST: &str = "manifest";

/// What stands for a community where a preview shows text that is not sent to a card.
pub const MASK: &str = "********";
