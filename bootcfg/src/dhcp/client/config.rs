//! What a client is told.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::ops::RangeInclusive;
use core::time::Duration;

use crate::HwAddr;
use crate::dhcp::Ports;
use crate::wire::dhcp::OptionCode;

/// The configuration of a [`Client`](super::Client).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The hardware address.
    pub hw: HwAddr,
    /// The client identifier (option 61); none: the hardware address stands for it.
    pub client_id: Option<Vec<u8>>,
    /// The host name to tell (option 12).
    pub host_name: Option<String>,
    /// The vendor class to tell (option 60).
    pub vendor_class: Option<String>,
    /// The options to ask for, in their order.
    pub parameters: Vec<OptionCode>,
    /// The address to begin with: INIT-REBOOT instead of INIT.
    pub reboot: Option<Ipv4Addr>,
    /// The only servers listened to; empty: any.
    pub servers: Vec<Ipv4Addr>,
    /// The wait before the first message, by chance from this range (RFC 2131 §4.4.1).
    pub start_delay: RangeInclusive<Duration>,
    /// How long to wait for an answer to a conflict probe; zero: no probe.
    pub probe_timeout: Duration,
    /// The first retransmission interval, doubled up to sixteenfold and blurred by a quarter of this (§4.1).
    pub retransmit: Duration,
    /// Whether replies must be broadcast because no unicast can be taken yet.
    pub broadcast: bool,
    /// Whether an ACK may come at once (RFC 4039).
    pub rapid_commit: bool,
    /// The largest datagram taken, in octets, at least 576.
    pub max_message: u16,
    /// The lease to wish for; none: the server's choice.
    pub lease: Option<Duration>,
    /// The ports.
    pub ports: Ports,
    /// What chance is made of: equal seeds make equal clients.
    pub seed: u64,
}

impl Config {
    /// A client with the values of RFC 2131: 1 s to 10 s before the first message, retransmission from 4 s on,
    /// a second for the conflict probe.
    pub fn new(hw: HwAddr, seed: u64) -> Self {
        Self {
            hw,
            client_id: None,
            host_name: None,
            vendor_class: None,
            parameters: alloc::vec![
                OptionCode::SUBNET_MASK,
                OptionCode::ROUTER,
                OptionCode::DNS,
                OptionCode::DOMAIN_NAME,
                OptionCode::PATH_PREFIX,
            ],
            reboot: None,
            servers: Vec::new(),
            start_delay: Duration::from_secs(1)..=Duration::from_secs(10),
            probe_timeout: Duration::from_secs(1),
            retransmit: Duration::from_secs(4),
            broadcast: false,
            rapid_commit: false,
            max_message: 1500,
            lease: None,
            ports: Ports::STANDARD,
            seed,
        }
    }
}
