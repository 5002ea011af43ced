//! The bytes of SNMP: BER (RFC 3417 §8), object identifiers, values, messages. No time, no state.
//!
//! [`Message::parse`] borrows from the datagram, checks everything once and allocates nothing; no accessor can
//! fail afterwards. [`Message::emit`] writes tail first into the caller's buffer, so that every length is known
//! when it is written and nothing is moved.

#[cfg(feature = "asn1-rs")]
pub mod asn1;
pub mod ber;
mod literal;
mod message;
mod oid;
mod v3;
mod value;
mod varbind;

pub use ber::{Anomalies, ParseError, Problem};
pub(crate) use literal::arc_len;
#[doc(hidden)]
pub use literal::{content, content_len};
pub use message::{Body, ErrorStatus, Generic, Message, Pdu, PduType, TrapV1, Version};
pub(crate) use oid::cmp_content;
pub use oid::{Arcs, MAX_ARCS, Oid, OidBuf, OidError};
pub use v3::{Flags, ScopedPdu, USM, UsmParameters, V3Data, V3Message};
pub use value::Value;
pub(crate) use varbind::append;
pub use varbind::{VarBind, VarBindList, VarBinds};
