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
    /// The hash of the identity under the table's key.
    pub(super) tag: u32,
}

impl<'a> Client<'a> {
    /// A client whose hash is made with `key`.
    pub(super) fn new(key: u64, hw: HwAddr, id: Option<&'a [u8]>) -> Self {
        Self { hw, id, tag: id.map_or_else(|| hw_tag(key, hw), |id| hash(key, id)) }
    }

    /// Reads the identity; `by_hw` leaves option 61 out of it.
    pub(super) fn of(key: u64, message: &Message<'a>, by_hw: bool) -> Self {
        let id = if by_hw { None } else { message.option_slice(OptionCode::CLIENT_ID) };
        Self::new(key, message.chaddr(), id.filter(|id| id.len() >= 2))
    }

    /// The client that [`Client::write_name`] wrote down.
    pub(super) fn from_name(key: u64, hw: HwAddr, name: &'a [u8]) -> Self {
        Self::new(key, hw, name.strip_prefix(&[1]).filter(|id| (2..=255).contains(&id.len())))
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
        match (self.id, binding.named) {
            (None, Named::Hw) => self.hw == binding.hw,
            (Some(id), Named::TypedHw) => is_typed_hw(id, binding.hw),
            (Some(id), Named::Id) => binding.noted_id() == id,
            _ => false,
        }
    }

    /// What the client is known by.
    pub(super) fn named(&self) -> Named {
        match self.id {
            None => Named::Hw,
            Some(id) if is_typed_hw(id, self.hw) => Named::TypedHw,
            Some(_) => Named::Id,
        }
    }
}

/// What a client is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Its hardware address.
    Hw,
    /// An identifier made of its hardware type and address, as most clients have (RFC 2132 §9.14).
    TypedHw,
    /// Another identifier.
    Id,
}

fn is_typed_hw(id: &[u8], hw: HwAddr) -> bool {
    id.split_first().is_some_and(|(htype, octets)| *htype == hw.htype() && octets == hw.octets())
}

pub(super) fn hw_tag(key: u64, hw: HwAddr) -> u32 {
    hash(key ^ u64::from(hw.htype()), hw.octets())
}
