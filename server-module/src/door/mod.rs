//! The customers' side between a listener and a driver: who the customer is, on which core, over which connection to a
//! card.
//!
//! ```text
//! listener -> Front (a balancer's header) -> drive::http, drive::session -> Shared (routes, pools)
//!    one a core: Lane                                   '------------------> Lane (connections to cards)
//! ```

pub mod accept;
pub mod customer;
pub mod lane;
pub mod shared;
pub mod socket;
pub mod way;

pub use accept::{Arrival, Front, serve};
pub use customer::{Bond, Customer};
pub use lane::{Lane, Lanes};
pub use shared::Shared;
pub use way::Way;
