//! A row's index in its encoded form.

use alloc::boxed::Box;
use core::{fmt, ops::Deref};

/// Content bytes of an index. Those of up to 22 octets, as nearly all are, stand in place: a table then has
/// 24 octets a row beside the row, and a walk reads them from where it reads the row.
#[derive(Clone)]
pub(super) enum Key {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

const SHORT: usize = 22;

impl From<&[u8]> for Key {
    fn from(content: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..content.len()), u8::try_from(content.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(content);
                Self::Short { length, bytes }
            }
            _ => Self::Long(content.into()),
        }
    }
}

impl Deref for Key {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or(bytes),
            Self::Long(bytes) => bytes,
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
