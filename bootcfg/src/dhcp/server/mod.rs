//! The server: who is this, which address is its, what is it told.
//!
//! Position first: a circuit-id that a believed relay adds names the port, and the port's address follows from the
//! [`Plan`](crate::Plan) without a lease. The MAC comes second, the lease that a client already has third, and only
//! then is a client unknown. Every datagram yields one [`Decision`].
//!
//! | the client says | state | what it means |
//! |---|---|---|
//! | DISCOVER | INIT | an OFFER, held for the client; with option 80 an ACK at once |
//! | REQUEST with 54 | SELECTING | ACK of the offer; silence if 54 is another server's |
//! | REQUEST with 50 | INIT-REBOOT | ACK, NAK, or silence where there is no record |
//! | REQUEST with ciaddr | RENEWING, REBINDING | ACK, or NAK where the address is not the client's |
//! | DECLINE | | the address is in use: an event; in the pool it rests |
//! | RELEASE | | the lease ends; the address stays the client's first choice |
//! | INFORM | | an ACK with parameters and no lease |
//! | LEASEQUERY | | who has an address, told to relays that may ask (RFC 4388) |
//! | no option 53 | BOOTP | its position's address for ever |

mod cards;
mod client;
mod config;
mod engine;
mod event;
mod flood;
mod judge;
mod leases;
mod networks;
mod query;
mod reply;
mod subnet;

pub use config::{BootFile, Card, Config, ConfigError, Limits, Mode, Names, Rate, Swap, Unknown};
pub use engine::{Error, Server, Stats};
pub use event::{CommitId, Decision, Event, Input, Lease, Output, Reason, Rule, Verdict};
pub use subnet::Subnet;
