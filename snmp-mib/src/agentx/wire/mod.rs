//! The packets of AgentX (RFC 2741 §6): a header of 20 octets and a PDU, in either byte order.
//!
//! [`Packet::parse`] borrows and checks everything once; [`Packet::emit`] appends and cannot fail. On a stream,
//! [`Header::of`] tells how long the next packet is.

mod bytes;
mod list;
mod name;
mod packet;

pub use bytes::{Order, ParseError, Problem};
pub(super) use list::owned;
pub use list::{Binding, Data, Element, List, Search};
pub use name::Name;
pub use packet::{Body, HEADER, Header, Packet, PduType, Reason, Region, Status};
