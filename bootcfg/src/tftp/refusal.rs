//! Why a request is refused.

use crate::Position;
use crate::wire::tftp::{ErrorCode, NameError};

/// Why a request is refused: what the one who asks is told by [`Refusal::reply`], and the log in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such file.
    #[error("file not found")]
    NotFound,
    /// The file belongs to another card.
    #[error("it belongs to card {0}")]
    OtherCard(Position),
    /// The file may not be read.
    #[error("access violation")]
    Access,
    /// The name cannot be a file's.
    #[error("{0}")]
    Name(NameError),
    /// The mode is neither octet nor netascii.
    #[error("the mode is neither octet nor netascii")]
    Mode,
    /// The server is read-only.
    #[error("the server takes no files")]
    ReadOnly,
    /// The peer, or all peers together, have too many transfers.
    #[error("too many transfers")]
    Busy,
    /// The content is still being made.
    #[error("the file is not ready yet")]
    NotYet,
    /// The content could not be read or written.
    #[error("the file cannot be read or written")]
    Broken,
    /// The content is longer than is allowed.
    #[error("the file is too long")]
    TooLong,
}

impl Refusal {
    /// The code and the text of the ERROR packet. It does not say whose a file is.
    pub const fn reply(&self) -> (ErrorCode, &'static str) {
        match self {
            Self::NotFound => (ErrorCode::NOT_FOUND, "file not found"),
            Self::OtherCard(_) | Self::Access => (ErrorCode::ACCESS, "access violation"),
            Self::Name(NameError::Empty) => (ErrorCode::ILLEGAL, "empty file name"),
            Self::Name(_) => (ErrorCode::ACCESS, "file name not allowed"),
            Self::Mode => (ErrorCode::ILLEGAL, "mode is neither octet nor netascii"),
            Self::ReadOnly => (ErrorCode::ACCESS, "read only"),
            Self::NotYet => (ErrorCode::UNDEFINED, "not ready yet, try again"),
            Self::Busy => (ErrorCode::UNDEFINED, "too many transfers, try again"),
            Self::Broken => (ErrorCode::UNDEFINED, "cannot read the file"),
            Self::TooLong => (ErrorCode::FULL, "file too long"),
        }
    }
}
