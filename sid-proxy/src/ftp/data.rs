//! The two data connections of a transfer: what the customer asked for and what the card is asked for.

use super::command::{extended_port, host_port};
use super::config::CardData;
use super::reply::{extended_passive_port, passive_port};
use alloc::format;
use alloc::string::String;
use core::net::{IpAddr, SocketAddr};

/// How far the data connections of the next transfer are arranged.
///
/// ```text
/// None --PASV, EPSV: Listen--> ClientPort --Listening--.
///   |                                                  v
///   '--PORT, EPRT--> [card active: Listen, CardPort, Listening] --> Asked --reply--> Ready --transfer--> None
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Data {
    #[default]
    None,
    /// The port for the customer is being opened.
    ClientPort(Asked),
    /// The port for the card is being opened.
    CardPort(Arranged),
    /// The card was sent a command.
    Asked(Arranged, CardData),
    /// A transfer may begin.
    Ready(Arranged),
}

/// What the customer asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Asked {
    Pasv,
    Epsv,
}

/// The customer's side of it, settled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Arranged {
    /// The customer connects to this address of the proxy.
    Passive(Asked, SocketAddr),
    /// The proxy connects to this address of the customer.
    Active(SocketAddr),
}

/// Why a `PORT` or `EPRT` is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Refused {
    Malformed,
    /// A network protocol that is neither 1 nor 2, or not the one of the control connection.
    Protocol,
    /// Not the customer's own address, or a port under 1024.
    Bounce,
}

/// Reads the argument of `PORT`, or of `EPRT`, and takes no address but the customer's own.
pub(super) fn active(argument: &[u8], extended: bool, client: IpAddr) -> Result<Arranged, Refused> {
    let address = if extended {
        extended_port(argument).ok_or(Refused::Malformed)?.map_err(|()| Refused::Protocol)?
    } else {
        host_port(argument).ok_or(Refused::Malformed)?
    };
    if address.is_ipv4() != client.is_ipv4() {
        return Err(Refused::Protocol);
    }
    if address.ip() != client || address.port() < 1024 {
        return Err(Refused::Bounce);
    }
    Ok(Arranged::Active(address))
}

impl CardData {
    /// What a card of this address can be asked.
    pub(super) fn for_card(self, card: IpAddr) -> Self {
        match self {
            Self::Pasv if card.is_ipv6() => Self::Epsv,
            Self::Port if card.is_ipv6() => Self::Eprt,
            other => other,
        }
    }

    /// True if the card connects.
    pub(super) fn is_active(self) -> bool {
        matches!(self, Self::Eprt | Self::Port)
    }

    /// The command; `own` is where the card is to connect to.
    pub(super) fn command(self, own: Option<SocketAddr>) -> String {
        match (self, own) {
            (Self::Port, Some(own)) => match own.ip().to_canonical() {
                IpAddr::V4(_) => format!("PORT {}\r\n", commas(own)),
                IpAddr::V6(_) => extended(own),
            },
            (Self::Eprt, Some(own)) => extended(own),
            (Self::Pasv, _) => String::from("PASV\r\n"),
            _ => String::from("EPSV\r\n"),
        }
    }

    /// The port in the card's reply; 0 where it has none because the card connects. `None` for a refusal.
    pub(super) fn port(self, code: u16, line: &[u8]) -> Option<u16> {
        match (self, code) {
            (Self::Epsv, 229) => extended_passive_port(line),
            (Self::Pasv, 227) => passive_port(line),
            (Self::Eprt | Self::Port, 200..=299) => Some(0),
            _ => None,
        }
    }
}

impl Arranged {
    /// What the customer is told.
    pub(super) fn reply(self) -> String {
        match self {
            Self::Passive(Asked::Pasv, at) => format!("227 Entering Passive Mode ({}).\r\n", commas(at)),
            Self::Passive(Asked::Epsv, at) => {
                format!("229 Entering Extended Passive Mode (|||{}|)\r\n", at.port())
            }
            Self::Active(_) => String::from("200 Data connection arranged\r\n"),
        }
    }
}

fn extended(at: SocketAddr) -> String {
    let (ip, port) = (at.ip().to_canonical(), at.port());
    format!("EPRT |{}|{ip}|{port}|\r\n", if ip.is_ipv4() { 1 } else { 2 })
}

fn commas(at: SocketAddr) -> String {
    let [high, low] = at.port().to_be_bytes();
    match at.ip().to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{a},{b},{c},{d},{high},{low}")
        }
        // Never asked for: an IPv6 customer is refused PASV, an IPv6 card gets EPRT.
        IpAddr::V6(_) => format!("0,0,0,0,{high},{low}"),
    }
}
