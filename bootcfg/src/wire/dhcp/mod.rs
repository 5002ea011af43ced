//! BOOTP and DHCPv4 messages (RFC 951, RFC 2131, RFC 2132).
//!
//! [`Message`] reads, [`Builder`] writes. The options of a message are one aggregate over its options field and,
//! where option 52 says so, its `file` and `sname` fields (RFC 2132 §9.3); an option that comes in parts is joined
//! (RFC 3396).

mod build;
mod code;
mod message;
mod option;
mod relay;
pub mod typed;

pub use build::{Builder, Dropped, Header};
pub use code::{Arch, MessageType, Op, OptionCode};
pub use message::{Error, Message, Options};
pub use option::{BadOption, Key, Kind, key};
pub use relay::{relay_reply, relay_request};

/// The octets that begin DHCP's options: 99.130.83.99 (RFC 2131 §3).
pub const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];

/// The shortest message sent, in octets: what BOOTP made of it (RFC 951 §3), padded with zeros.
pub const MIN_MESSAGE: usize = 300;

/// The IP and UDP headers that a client's maximum message size includes (RFC 2132 §9.10).
pub const IP_UDP_HEADERS: usize = 28;

/// The size of datagram that every client takes (RFC 2131 §2).
pub const DEFAULT_DATAGRAM: usize = 576;

/// The length of the fixed header before the magic cookie.
pub(crate) const HEADER: usize = 236;
/// Where the options begin.
pub(crate) const OPTIONS_AT: usize = 240;
/// The `sname` field.
pub(crate) const SNAME: core::ops::Range<usize> = 44..108;
/// The `file` field.
pub(crate) const FILE: core::ops::Range<usize> = 108..236;
