//! The reference appliance: a cabinet of server cards run as one network element.
//!
//! The cabinet's logic is [`cabinet`], a machine without IO. Everything around it is thin: [`drive`] has one
//! loop a protocol with no protocol knowledge, [`door`] is what stands before the customers' ones, [`admin`] shows, [`card`] is the program that runs on a card,
//! [`module`] composes them, [`pack`] puts update packages on directories, [`demo`] is a whole cabinet on loopback.

pub mod admin;
pub mod cabinet;
pub mod card;
pub mod cli;
pub mod config;
pub mod demo;
pub mod door;
pub mod drive;
pub mod files;
pub mod h2;
pub mod module;
pub mod pack;
pub mod view;
