//! What the nodes tell one another: 56 bytes in network order.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | version, 1 |
//! | 1 | 1: owner; 0: steps down, or knows a higher token than the other's |
//! | 2 | priority |
//! | 3 | 0 |
//! | 4 to 7 | group |
//! | 8 to 15 | node |
//! | 16 to 23 | token |
//! | 24 to 31 | a number that grows with each advert of a node, over its restarts too |
//! | 32 to 39 | that number of the last advert that was heard of the other |
//! | 40 to 43 | interval in milliseconds |
//! | 44 to 47 | 0 |
//! | 48 to 55 | SipHash-2-4 of the bytes before under the shared secret, least byte first |

use crate::pool::siphash;
use core::time::Duration;
use thiserror::Error;

/// What a node tells the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert {
    /// True if it owns the addresses.
    pub owner: bool,
    /// Its priority.
    pub priority: u8,
    /// The group of addresses.
    pub group: u32,
    /// Who it is.
    pub node: u64,
    /// Its token, or the highest that it knows.
    pub token: u64,
    /// Grows with each advert, over restarts too.
    pub counter: u64,
    /// The counter of the last advert that it heard of the other.
    pub heard: u64,
    /// Until its next advert, in milliseconds.
    pub interval_ms: u32,
}

/// Why bytes are no advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Not 56 bytes, or another version.
    #[error("no advert of this version")]
    Form,
    /// A byte that must be 0, or a flag that is neither 0 nor 1.
    #[error("a reserved byte is set")]
    Reserved,
    /// Not made under the secret.
    #[error("not made under the shared secret")]
    Tag,
}

impl Advert {
    /// The length of every advert.
    pub const LEN: usize = 56;

    /// Writes it under the secret.
    #[must_use]
    pub fn emit(&self, secret: &[u8; 16]) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let fields: [&[u8]; 7] = [
            &[1, u8::from(self.owner), self.priority, 0],
            &self.group.to_be_bytes(),
            &self.node.to_be_bytes(),
            &self.token.to_be_bytes(),
            &self.counter.to_be_bytes(),
            &self.heard.to_be_bytes(),
            &self.interval_ms.to_be_bytes(),
        ];
        for (room, byte) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *room = *byte;
        }
        if let Some((body, tag)) = bytes.split_last_chunk_mut::<8>() {
            *tag = siphash(*secret, body).to_le_bytes();
        }
        bytes
    }

    /// Reads one that was made under the secret.
    pub fn parse(bytes: &[u8], secret: &[u8; 16]) -> Result<Self, Malformed> {
        let (body, tag) = bytes.split_last_chunk::<8>().ok_or(Malformed::Form)?;
        let (&[version, owner, priority, reserved], rest) =
            body.split_first_chunk().ok_or(Malformed::Form)?;
        let (group, rest) = rest.split_first_chunk().ok_or(Malformed::Form)?;
        let (node, rest) = rest.split_first_chunk().ok_or(Malformed::Form)?;
        let (token, rest) = rest.split_first_chunk().ok_or(Malformed::Form)?;
        let (counter, rest) = rest.split_first_chunk().ok_or(Malformed::Form)?;
        let (heard, rest) = rest.split_first_chunk().ok_or(Malformed::Form)?;
        let (interval, rest) = rest.split_first_chunk().ok_or(Malformed::Form)?;
        if version != 1 || rest.len() != 4 {
            return Err(Malformed::Form);
        }
        if siphash(*secret, body).to_le_bytes() != *tag {
            return Err(Malformed::Tag);
        }
        if reserved != 0 || owner > 1 || rest != [0; 4] {
            return Err(Malformed::Reserved);
        }
        Ok(Self {
            owner: owner == 1,
            priority,
            group: u32::from_be_bytes(*group),
            node: u64::from_be_bytes(*node),
            token: u64::from_be_bytes(*token),
            counter: u64::from_be_bytes(*counter),
            heard: u64::from_be_bytes(*heard),
            interval_ms: u32::from_be_bytes(*interval),
        })
    }

    /// Until its next advert; no less than 10 ms and no more than a minute.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms.clamp(10, 60_000).into())
    }
}
