//! The cabinet core: inventory, services, states; commands, reports and time in, effects out, no IO.
//!
//! This is the patent's Core Administration Engine. It has the three verbs of the house: [`Cabinet::handle`] says
//! what happened, [`Cabinet::poll_output`] gives the next thing to do, [`Cabinet::deadline`] when a tick is due.
//! Besides these, [`Cabinet::command`] is the one path to change anything, whatever the interface: it authorises,
//! carries out and writes down. What others read is the [`Inventory`].

mod card;
mod command;
mod define;
mod definition;
mod engine;
mod health;
mod inventory;
mod io;
mod orders;
mod ports;
mod queue;
mod secret;
mod service;
mod units;
mod usage;

pub use card::{Card, Cause, Contact, Order, Report, State};
pub use command::{Command, Label, Refusal, Reply, Role, Via, Who};
pub use definition::{Definition, Flaw, Place};
pub use engine::{Cabinet, Error, Limits, Stats, Told};
pub use inventory::{Active, Inventory, Member};
pub use io::{Action, Alarm, Event, Input, Kept, Output, Probe, ProbeId, Standing, Transition, What};
pub use secret::Secret;
pub use service::{
    Acl, Balance, Certificate, Health, Mode, Name, Prefix, ProxyProtocol, Service, Sid, Upstream,
    UpstreamTls, User, Var,
};
pub use units::{Cidr, Fingerprint, Mac, Octets, ParseError, Position, Span};
pub(crate) use units::{Text, as_text};
pub use usage::{Share, Used};
