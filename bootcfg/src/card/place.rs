//! Whose a file name is.

use crate::Position;
use crate::wire::tftp::FileName;

/// The directory of the cards' own trees.
pub const ROOT: &str = "iboot";

/// What a file name means for the one who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A file of the asker's own tree: the path below it.
    Own(Position, &'a str),
    /// A file of another card's tree, not to be read.
    Other(Position),
    /// Below the trees' root without being in one; there is no such file.
    Nowhere,
    /// A file of the common root, readable by everyone.
    Common(&'a str),
}

/// Says whose `name` is, for an asker at `asker`, told by its address; none: it is no card.
///
/// `iboot` is recognised without regard to case, so that no spelling leads around the rule.
pub fn locate(name: &FileName, asker: Option<Position>) -> Place<'_> {
    let text = name.as_str();
    let (first, rest) = text.split_once('/').unwrap_or((text, ""));
    if !first.eq_ignore_ascii_case(ROOT) {
        return Place::Common(text);
    }
    let (owner, path) = rest.split_once('/').unwrap_or((rest, ""));
    match owner.parse::<Position>() {
        Ok(owner) if Some(owner) != asker => Place::Other(owner),
        Ok(owner) if !path.is_empty() => Place::Own(owner, path),
        _ => Place::Nowhere,
    }
}
