//! What can be wrong with a package, split by blame.

use core::fmt;

use crate::campaign::ScopeError;
use crate::wire::Role;

/// Why a package is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes break the format.
    #[error("not a sound package: {0}")]
    Malformed(#[from] Malformed),
    /// The bytes are sound, and nobody trusted vouches for them.
    #[error("not trusted: {0}")]
    Untrusted(#[from] Untrusted),
    /// The package asks for something that this reader does not know: a newer reader is needed.
    #[error("needs a newer reader: {part} holds the unknown critical field {code}")]
    Unsupported {
        /// Where it stands.
        part: Part,
        /// The field, version or encoding that is unknown.
        code: u32,
    },
    /// The package is larger than this reader was configured to handle.
    #[error("{part} is {found} long, more than the {limit} this reader takes")]
    Limit {
        /// What is too large.
        part: Part,
        /// What was found.
        found: u64,
        /// What is allowed.
        limit: u64,
    },
    /// The package leads to a lower version and does not say that this is meant.
    #[error("it leads to a lower version, and whoever signed it did not say that this is meant")]
    Downgrade,
    /// The content is encrypted, and the card has no key that opens it.
    #[error("its content is encrypted for profiles of which this card has no key")]
    Sealed,
    /// The package is not for this card.
    #[error("it is not for this card: its scope leaves the card out")]
    OutOfScope,
    /// The package knows no way for this card: not from its version, or not for its profile.
    #[error("it holds no way from the version and for the profile of this card")]
    NoWay,
    /// The package's security epoch is below the floor of the installation.
    #[error("security epoch {epoch} is below the floor {floor} of this installation")]
    BelowFloor {
        /// The package's epoch.
        epoch: u64,
        /// The installation's floor.
        floor: u64,
    },
}

/// Bytes that break the format, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} at byte {offset}: {problem}")]
pub struct Malformed {
    /// The part of the file.
    pub part: Part,
    /// The offset within that part.
    pub offset: u64,
    /// What is wrong there.
    pub problem: Problem,
}

/// A part of a package file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The first sixteen bytes.
    Header,
    /// The signed root.
    Root,
    /// The signatures.
    Signatures,
    /// The rotations of keys.
    Rotations,
    /// The descriptive text.
    Text,
    /// The manifest of both trees.
    Manifest,
    /// The hashes of the hash groups.
    Groups,
    /// The hashes of one group's leaves.
    Leaves,
    /// The payload.
    Payload,
    /// A frame of the payload.
    Frame,
    /// The end mark.
    End,
    /// The file as a whole.
    File,
    /// The security epoch, as a number.
    Epoch,
    /// A key file.
    Key,
    /// A record of the journal.
    Journal,
    /// The notice of a campaign.
    Notice,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "the header",
            Self::Root => "the root",
            Self::Signatures => "the signatures",
            Self::Rotations => "the rotations of keys",
            Self::Text => "the descriptive text",
            Self::Manifest => "the manifest",
            Self::Groups => "the group table",
            Self::Leaves => "a leaf table",
            Self::Payload => "the payload",
            Self::Frame => "a payload frame",
            Self::End => "the end mark",
            Self::File => "the file",
            Self::Epoch => "the security epoch",
            Self::Key => "the key file",
            Self::Journal => "the journal",
            Self::Notice => "the notice",
        })
    }
}

/// What is wrong with some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// They end too early.
    #[error("it ends too early")]
    Truncated,
    /// Bytes follow where none may.
    #[error("bytes follow where none may")]
    Trailing,
    /// The magic number is another.
    #[error("the magic number is not there")]
    Magic,
    /// Something that must ascend strictly does not.
    #[error("entries are out of order or twice there")]
    Order,
    /// A field that must be there is missing.
    #[error("field {0} is missing")]
    Missing(u16),
    /// A number is not in its shortest form, or a value is written in another way than the one way.
    #[error("a value is not in its one canonical form")]
    NotCanonical,
    /// A value is out of its range.
    #[error("a value is out of range")]
    Range,
    /// A text is not UTF-8 or holds control characters.
    #[error("a text is not plain UTF-8")]
    Text,
    /// A scope expression is none.
    #[error("the scope expression, {0}")]
    Scope(ScopeError),
    /// A path or its place in the tree is not allowed.
    #[error("a path is not allowed")]
    Path,
    /// A digest is not that of the bytes.
    #[error("the digest does not match: the bytes were changed")]
    Digest,
    /// Two lengths contradict one another.
    #[error("lengths contradict one another")]
    Length,
    /// Compressed bytes do not decompress.
    #[error("the compressed bytes do not decompress")]
    Compression,
    /// An instruction reaches outside of what it may touch.
    #[error("an instruction reaches outside")]
    Reach,
}

/// Why nobody trusted vouches for a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Untrusted {
    /// A signature is not valid under the key it names.
    #[error("signature {index} is not valid: the file was changed after it was signed")]
    Forged {
        /// Which one, from zero.
        index: usize,
    },
    /// Too few trusted keys have signed.
    #[error("signed by {found} of the trusted keys, {needed} needed")]
    Threshold {
        /// How many trusted keys have signed.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// No key is trusted in that role.
    #[error("no key is trusted in the role {role}")]
    Role {
        /// The role.
        role: Role,
    },
    /// A set of keys does not follow the one before.
    #[error("set of keys {found} does not follow: {expected} is the next one")]
    Gap {
        /// Its version.
        found: u64,
        /// The version that would follow.
        expected: u64,
    },
    /// Another set of keys of the same version is trusted.
    #[error("another set of keys {version} is trusted: somebody has signed two")]
    Fork {
        /// The version.
        version: u64,
    },
    /// A role was used for what it is not trusted with.
    #[error("emergency keys sign critical packages and new release keys, and nothing else")]
    Overreach,
}
