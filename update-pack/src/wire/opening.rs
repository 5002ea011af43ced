//! What stands before the manifests, for those who add a signature to a file or cut out its text.

use alloc::vec::Vec;

use super::root::parse_text;
use crate::error::{Error, Malformed, Part, Problem};
use crate::wire::{HEADER_LEN, Header, Root, SIGNATURE_LEN, Signature, Signatures, digest};

/// The beginning of a package, up to its first manifest. What follows stays the same whatever is changed here, but for
/// the length in the end mark. It is not verified: whoever reads it knows what the file says, and not whether that is
/// true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    header: Header,
    root: Vec<u8>,
    signatures: Signatures,
    rotations: Vec<u8>,
    text: Text,
}

/// What a file has of its descriptive text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    /// It never had one.
    None,
    /// It was cut out.
    Severed,
    There(Vec<u8>),
}

impl Opening {
    /// Reads the beginning of a package from some of its first bytes, and says how many of them it takes.
    ///
    /// # Errors
    /// [`Error`] when it is not sound; [`Problem::Truncated`] when more bytes are needed.
    pub fn parse(bytes: &[u8]) -> Result<(Self, u64), Error> {
        let mut taken: usize = 0;
        let mut take = |part: Part, len: u32| {
            let end = taken.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
            let piece = bytes.get(taken..end);
            taken = end;
            piece.ok_or(Malformed { part, offset: 0, problem: Problem::Truncated })
        };
        let header = Header::parse(take(Part::Header, HEADER_LEN)?)?;
        let root = take(Part::Root, header.root_len)?.to_vec();
        let count = take(Part::Signatures, 1)?.first().copied().unwrap_or(0);
        let signatures = take(Part::Signatures, u32::from(count).saturating_mul(SIGNATURE_LEN))?;
        let signatures = Signatures::parse(count, signatures)?;
        let rotations = take(Part::Rotations, u32::from(header.rotations_len))?.to_vec();
        let text = match Root::parse(&root)?.text {
            None => Text::None,
            Some(section) => match take(Part::Text, 1)? {
                [0] => Text::Severed,
                [1] => {
                    let text = take(Part::Text, section.len)?;
                    parse_text(text)?;
                    if digest(text) != section.digest {
                        return Err(
                            Malformed { part: Part::Text, offset: 0, problem: Problem::Digest }.into()
                        );
                    }
                    Text::There(text.to_vec())
                }
                _ => return Err(Malformed { part: Part::Text, offset: 0, problem: Problem::Range }.into()),
            },
        };
        let taken = u64::try_from(taken).unwrap_or(u64::MAX);
        Ok((Self { header, root, signatures, rotations, text }, taken))
    }

    /// Writes it.
    pub fn emit(&self) -> Vec<u8> {
        let mut out =
            [&self.header.emit()[..], &self.root, &self.signatures.emit(), &self.rotations].concat();
        match &self.text {
            Text::None => {}
            Text::Severed => out.push(0),
            Text::There(text) => {
                out.push(1);
                out.extend_from_slice(text);
            }
        }
        out
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes of the root, which together with the header's are what is signed.
    pub fn root(&self) -> &[u8] {
        &self.root
    }

    /// The signatures.
    pub fn signatures(&self) -> &Signatures {
        &self.signatures
    }

    /// Adds a signature. `None` when that key has signed already, or there are 255.
    pub fn signed(&self, signature: Signature) -> Option<Self> {
        let signatures = self.signatures.iter().copied().chain([signature]).collect();
        Some(Self { signatures: Signatures::new(signatures)?, ..self.clone() })
    }

    /// Cuts the text out. `None` when there is none.
    pub fn severed(&self) -> Option<Self> {
        matches!(self.text, Text::There(_)).then(|| Self { text: Text::Severed, ..self.clone() })
    }
}
