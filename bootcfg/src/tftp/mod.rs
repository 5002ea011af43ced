//! Both sides of TFTP as machines without IO: [`Server`], [`Client`] that reads and [`Upload`] that writes (RFC 1350, 2347, 2348, 2349, 7440).

pub mod client;
pub mod server;
pub mod upload;

mod backoff;
mod netascii;
mod receiver;
mod refusal;
mod sender;

pub use client::Client;
pub use refusal::Refusal;
pub use server::Server;
pub use upload::Upload;

/// What follows block 65535 of a transfer: block 0, as almost everyone has it, or block 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rollover {
    /// Block 0.
    #[default]
    Zero,
    /// Block 1.
    One,
}

impl Rollover {
    /// The number on the wire of the `block`th block, counted from 1.
    pub(crate) fn wire(self, block: u64) -> u16 {
        let number = match self {
            Self::Zero => block & 0xffff,
            Self::One if block == 0 => 0,
            Self::One => (block.saturating_sub(1) % 0xffff).saturating_add(1),
        };
        u16::try_from(number).unwrap_or(0)
    }

    /// The block in `low..=high` that has `number` on the wire; the range is shorter than the numbers are.
    pub(crate) fn block(self, number: u16, low: u64, high: u64) -> Option<u64> {
        let modulus = match self {
            Self::Zero => 0x1_0000,
            Self::One => 0xffff,
        };
        let distance = u64::from(number).saturating_add(modulus).saturating_sub(self.wire(low).into());
        let ahead = distance.checked_rem(modulus)?;
        let block = low.checked_add(ahead)?;
        (block <= high && self.wire(block) == number).then_some(block)
    }
}
