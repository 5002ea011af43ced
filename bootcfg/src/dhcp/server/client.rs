//! Who speaks: the identity that leases are kept under.

use alloc::vec::Vec;

use super::leases::Binding;
use crate::HwAddr;
use crate::table::hash;
use crate::wire::dhcp::{Message, OptionCode};

/// A client as its message shows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client<'a> {
    pub(super) hw: HwAddr,
    /// Option 61 where it counts; else the hardware address is the identity (RFC 2131 §4.2).
    pub(super) id: Option<&'a [u8]>,
}

impl<'a> Client<'a> {
    /// Reads the identity; `by_hw` leaves option 61 out of it.
    pub(super) fn of(message: &Message<'a>, by_hw: bool) -> Self {
        let id = if by_hw { None } else { message.option_slice(OptionCode::CLIENT_ID) };
        Self { hw: message.chaddr(), id: id.filter(|id| id.len() >= 2) }
    }

    /// The client that [`Client::write_name`] wrote down.
    pub(super) fn from_name(hw: HwAddr, name: &'a [u8]) -> Self {
        Self { hw, id: name.strip_prefix(&[1]).filter(|id| (2..=255).contains(&id.len())) }
    }

    /// Appends the identity as it is kept beside a lease: 1 and option 61, or 0, the hardware type and the address.
    pub(super) fn write_name(&self, out: &mut Vec<u8>) {
        match self.id {
            Some(id) => {
                out.push(1);
                out.extend_from_slice(id);
            }
            None => {
                out.extend_from_slice(&[0, self.hw.htype()]);
                out.extend_from_slice(self.hw.octets());
            }
        }
    }

    /// Whether the binding is this client's.
    pub(super) fn has(&self, binding: &Binding) -> bool {
        match (self.id, binding.id()) {
            (None, None) => self.hw == binding.hw,
            (Some(own), Some(its)) => own == its,
            _ => false,
        }
    }

    pub(super) fn tag(&self, key: u64) -> u32 {
        match self.id {
            Some(id) => hash(key, id),
            None => hw_tag(key, self.hw),
        }
    }
}

pub(super) fn hw_tag(key: u64, hw: HwAddr) -> u32 {
    hash(key ^ u64::from(hw.htype()), hw.octets())
}
