//! Campaigns: who updates when, decided from data and explained.
//!
//! A centre signs a [`Notice`] for a package and a cabinet fetches both, once for all its cards (two-step
//! distribution). [`decide`] is a pure function from the cards and the notice to what every card does now; a driver
//! carries the decisions out, brings the inventory up to date and asks again, at every change and at least once a
//! minute. Nothing here keeps state but the sequence of the newest notice, which is the caller's to write down.
//!
//! ```
//! use update_pack::campaign::Scope;
//!
//! let scope = Scope::parse("profile = web and (chassis <= 3 or card = 7.*) and software.nginx < 1.24").unwrap();
//! assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
//! ```

mod card;
mod decide;
mod notice;
mod scope;
mod sealed;
mod version;
mod window;

pub use card::{Card, Position, Progress};
pub use decide::{Decision, Hold, Reason, Rule, Situation, Stopped, Verdict, decide, wave};
pub use notice::{Notice, Void, Waves};
pub use scope::{DEPTH_MAX, Fault, Key, Operator, Scope, ScopeError, Test};
pub use version::compare;
pub use window::{Daily, Moment, UnixTime, Window};
