//! The cabinet as its users meet it: real clients against `demo` and `run`.
//!
//! Each test has a base port and a directory of its own and ends within half a minute.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

#[path = "../common/mod.rs"]
mod common;

mod admin;
mod boot;
mod card;
mod demo;
mod front;
mod h2;
mod http;
mod idle;
mod logins;
mod peers;
mod run;
mod site;
mod sni;
mod snmp;
mod stop;
mod upstream;
