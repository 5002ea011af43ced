//! Cutting a stream into packets.

use alloc::vec::Vec;

use super::wire::{HEADER, Header, ParseError, Problem};

/// What has come of the next packet.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Inbox(Vec<u8>);

impl Inbox {
    /// Takes from the beginning of `data` what belongs to the next packet, and hands that out once it is whole.
    /// Nothing is kept of a packet longer than `longest`.
    pub(super) fn take(&mut self, data: &mut &[u8], longest: usize) -> Result<Option<Vec<u8>>, ParseError> {
        loop {
            let wanted = match Header::of(&self.0)? {
                Some(header) if header.packet_len() > longest => {
                    return Err(ParseError { problem: Problem::Length(header.payload), at: 16 });
                }
                Some(header) if header.packet_len() == self.0.len() => {
                    return Ok(Some(core::mem::take(&mut self.0)));
                }
                Some(header) => header.packet_len(),
                None => HEADER,
            };
            let missing = wanted.saturating_sub(self.0.len()).min(data.len());
            let Some((part, rest)) = data.split_at_checked(missing).filter(|(part, _)| !part.is_empty())
            else {
                return Ok(None);
            };
            self.0.extend_from_slice(part);
            *data = rest;
        }
    }

    /// Gives the memory of a packet back that was handed out.
    pub(super) fn give_back(&mut self, mut packet: Vec<u8>) {
        if self.0.is_empty() {
            packet.clear();
            self.0 = packet;
        }
    }
}
