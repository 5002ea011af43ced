//! Every socket of the module, bound before anything starts: a module that cannot have them all has none.

use std::fmt;
use std::io;

use tokio::net::{TcpListener, UdpSocket};

use crate::cabinet::Position;
use crate::config::{Card, DhcpListen, Interface, Listen};
use crate::door::lane;
use crate::drive::dhcp;

/// The bound sockets.
pub(super) struct Sockets {
    /// The customers', by interface and address: one a lane.
    pub(super) customers: Vec<(Interface, Vec<std::net::TcpListener>)>,
    /// The cards' own bindings, likewise.
    pub(super) bindings: Vec<(Position, Vec<std::net::TcpListener>)>,
    pub(super) snmp: Vec<UdpSocket>,
    pub(super) dhcp: Option<dhcp::Listener>,
    pub(super) traps: Vec<UdpSocket>,
    pub(super) tftp: Vec<UdpSocket>,
    pub(super) admin: Vec<std::net::TcpListener>,
    pub(super) metrics: Vec<TcpListener>,
}

/// A socket that cannot be had.
#[derive(Debug)]
pub(crate) struct Taken {
    interface: &'static str,
    address: String,
    error: io::Error,
}

impl Sockets {
    /// Binds what the configuration names, the customers' for so many lanes.
    pub(super) async fn bind(listen: &Listen, cards: &[Card], lanes: usize) -> Result<Self, Taken> {
        let mut sockets = Self {
            customers: Vec::new(),
            bindings: Vec::new(),
            snmp: Vec::new(),
            dhcp: None,
            traps: Vec::new(),
            tftp: Vec::new(),
            admin: Vec::new(),
            metrics: Vec::new(),
        };
        for interface in Interface::ALL {
            for &address in listen.customers(interface) {
                let listeners = lane::bind(address, lanes).map_err(Taken::at(interface.word(), address))?;
                sockets.customers.push((interface, listeners));
            }
        }
        for (card, address) in cards.iter().filter_map(|card| Some((card, card.public?))) {
            let listeners = lane::bind(address, lanes).map_err(Taken::at("a card's public", address))?;
            sockets.bindings.push((card.position, listeners));
        }
        for (interface, addresses, into) in [
            ("snmp", &listen.snmp, &mut sockets.snmp),
            ("traps", &listen.traps, &mut sockets.traps),
            ("tftp", &listen.tftp, &mut sockets.tftp),
        ] {
            for &address in addresses {
                into.push(UdpSocket::bind(address).await.map_err(Taken::at(interface, address))?);
            }
        }
        if let Some(dhcp) = &listen.dhcp {
            let at = match dhcp {
                DhcpListen::Interface(name) => name.clone(),
                DhcpListen::Address(address) => address.to_string(),
            };
            sockets.dhcp = Some(dhcp::bind(&at).map_err(Taken::at("dhcp", &at))?);
        }
        for &address in &listen.admin {
            let listener = TcpListener::bind(address).await.and_then(TcpListener::into_std);
            sockets.admin.push(listener.map_err(Taken::at("admin", address))?);
        }
        for &address in &listen.metrics {
            sockets.metrics.push(TcpListener::bind(address).await.map_err(Taken::at("metrics", address))?);
        }
        Ok(sockets)
    }
}

impl Taken {
    fn at(interface: &'static str, address: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self { interface, address: address.to_string(), error }
    }

    /// Whether somebody else has it, so that another port would do.
    pub(crate) fn is_busy(&self) -> bool {
        self.error.kind() == io::ErrorKind::AddrInUse
    }

    /// What to do about it.
    pub(crate) fn advice(&self) -> String {
        match self.error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("end what listens there, or change listen.{}", self.interface)
            }
            io::ErrorKind::PermissionDenied => {
                "ports under 1024 and interfaces need CAP_NET_BIND_SERVICE and CAP_NET_RAW: see packaging/"
                    .to_owned()
            }
            io::ErrorKind::AddrNotAvailable => "name an address that this machine has".to_owned(),
            _ => format!("check listen.{}", self.interface),
        }
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen for {} on {}: {}", self.interface, self.address, self.error)
    }
}
