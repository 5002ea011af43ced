//! The user-based security model of SNMPv3 (RFC 3414, RFC 3826, RFC 7860): who sent a message, that nobody
//! changed, delayed or replayed it, and that nobody else reads it.
//!
//! [`Authority`] is the side whose clock counts, an agent; [`Peer`] is what a manager knows of one such engine.
//! Both turn datagrams into scoped PDUs and back and hold no timers; the engines above decide what to ask and
//! whom to answer. Passwords are stretched when the configuration is read and never because a message came, so
//! a stranger can cause one hash of the message and no more.
//!
//! ```
//! # #[cfg(feature = "usm")] {
//! use core::time::Duration;
//! use snmp_mib::usm::{Auth, Authority, Config, Credentials, Peer, Privacy, RustCrypto};
//!
//! let (auth, privacy) = ((Auth::Sha256, &b"open sesame"[..]), (Privacy::Aes128, &b"treasure"[..]));
//! let ali = Credentials::encrypted(&RustCrypto, b"ali", auth, privacy).unwrap();
//! let config = Config { engine: (*b"\x80\0\x7e\xd9\x04cave").into(), boots: 1, salt: 7, max_size: 1472 };
//! let now = Duration::from_secs(60);
//! let mut cave = Authority::new(Duration::ZERO, RustCrypto, config, core::slice::from_ref(&ali));
//! let mut peer = Peer::new(RustCrypto, ali, 9, 1472);
//!
//! let (mut sent, mut answer, mut plain) = (Vec::new(), Vec::new(), Vec::new());
//! while !peer.is_known() {
//!     let question = peer.discover(now, 1, &mut sent).unwrap();
//!     let refused = cave.open(now, question, &mut plain).unwrap_err();
//!     let report = cave.report(now, &refused, &mut answer).unwrap();
//!     peer.open(now, report, &mut Vec::new()).unwrap();
//! }
//! assert_eq!(peer.engine(), cave.engine());
//! # }
//! ```

mod authority;
mod crypto;
mod engines;
mod envelope;
mod key;
mod peer;
mod protocol;
mod report;
mod user;

pub(crate) use authority::encode;
pub use authority::{Authority, Config, Opened, Refused, Sender, TIME_WINDOW};
pub(crate) use crypto::Builtin;
pub use crypto::Crypto;
#[cfg(feature = "usm")]
pub use crypto::RustCrypto;
pub use engines::Security;
pub(crate) use engines::{Engines, Heard};
pub use key::{Key, ShortPassword};
pub use peer::{Distrust, Peer};
pub use protocol::{Auth, Extension, Level, Privacy};
pub use report::{Reason, Stats};
pub use user::{Credentials, User};
