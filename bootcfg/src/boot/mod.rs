//! From power-on to "configuration and software are current": one machine with one deadline.
//!
//! ```text
//! DHCP ─ Configured ─▶ manifest ─▶ file 1 ─▶ … ─▶ file n ─▶ ready, renewing the lease
//!  ▲                      ▲            └ failed, wrong digest ─▶ waiting ─┐
//!  └─────── Lost ──────── └───────────────────────────────────────────────┘
//! ```
//!
//! The server's option 210 names the card's tree, its `manifest` the files and packages ([`crate::card::Manifest`]).
//! The machine knows nothing of packages: [`Boot::outdated`] compares the wanted versions with those it is told.

mod engine;

use alloc::string::String;
use core::net::{Ipv4Addr, SocketAddr};

use crate::dhcp::{self, Destination};
use crate::tftp;

pub use engine::{Boot, Error};

/// The configuration of a [`Boot`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DHCP client.
    pub dhcp: dhcp::client::Config,
    /// The TFTP client.
    pub tftp: tftp::client::Config,
    /// The TFTP server's port.
    pub tftp_port: u16,
    /// The most files of a manifest.
    pub max_files: usize,
    /// The most octets of all files together: with `max_files`, the bound of the machine's memory.
    pub max_octets: u64,
}

impl Config {
    /// At most 64 files and 4 MiB, from port 69.
    pub fn new(dhcp: dhcp::client::Config) -> Self {
        Self {
            dhcp,
            tftp: tftp::client::Config::default(),
            tftp_port: 69,
            max_files: 64,
            max_octets: 4 << 20,
        }
    }
}

/// A download, each from a port of its own; numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Download(pub u64);

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram came to the DHCP client's port.
    Dhcp(&'a [u8]),
    /// The answer to [`Output::Probe`].
    Probed {
        /// The address.
        address: Ipv4Addr,
        /// Whether somebody uses it.
        in_use: bool,
    },
    /// A datagram came to a download's port.
    Tftp {
        /// The download.
        download: Download,
        /// Who sent it.
        from: SocketAddr,
        /// The payload.
        bytes: &'a [u8],
    },
    /// The link was away.
    LinkUp,
    /// Look whether files or versions have changed.
    Refresh,
    /// Give the address back and stop.
    Release,
    /// Time passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send from the DHCP client's port.
    SendDhcp {
        /// Where to.
        to: Destination,
        /// The address to send from.
        from: Ipv4Addr,
        /// The payload.
        bytes: &'a [u8],
    },
    /// Ask the link whether somebody uses the address; answer [`Input::Probed`].
    Probe {
        /// The address.
        address: Ipv4Addr,
    },
    /// Send from the download's port, made when it is first named.
    SendTftp {
        /// The download.
        download: Download,
        /// Who gets it.
        to: SocketAddr,
        /// The payload.
        bytes: &'a [u8],
    },
    /// The download is over: forget its port.
    Close(Download),
    /// Something worth telling.
    Event(Event),
}

/// What is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// What the DHCP client tells.
    Dhcp(dhcp::client::Event),
    /// A file is here and is what the manifest says.
    File {
        /// Its name.
        name: String,
        /// Its size in octets.
        octets: u64,
    },
    /// Every file is here: see [`Boot::files`].
    Ready,
    /// Something could not be had; it is tried again.
    Failed {
        /// The file.
        name: String,
        /// Why.
        failure: Failure,
    },
}

/// Why a boot does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The lease names no tree (option 210).
    #[error("the DHCP server named no configuration path (option 210)")]
    NoTree,
    /// The name cannot be asked for.
    #[error("the name cannot be a file's")]
    Name,
    /// The download failed.
    #[error(transparent)]
    Tftp(tftp::client::Failure),
    /// The manifest cannot be read.
    #[error(transparent)]
    Manifest(crate::card::ManifestError),
    /// The file is not what the manifest says.
    #[error("the file's size or digest is not the manifest's")]
    Digest,
    /// The manifest asks for more than fits.
    #[error("the manifest's files are more than this card takes")]
    TooMuch,
}
