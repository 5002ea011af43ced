//! A customer's connection, and what is known of it before its first request.

use super::Shared;
use super::socket::{End, Socket};
use sid_proxy::http::{Input, Peer};
use sid_proxy::table::Matched;
use sid_proxy::wire::host::Host;
use sid_proxy::{Decision, Key, RouteId, ServiceId};

/// A customer's connection for HTTP.
pub struct Customer {
    /// The connection.
    pub(crate) end: End,
    /// Whose it is.
    pub(crate) peer: Peer,
    /// What its requests are bound to.
    pub(crate) bond: Bond,
}

/// What the requests of a connection are bound to besides the names in them.
#[derive(Clone, Debug, Default)]
pub enum Bond {
    /// Nothing.
    #[default]
    Free,
    /// The name for which TLS was begun, normalised: it and a request's host belong to one service (RFC 9110 §7.4).
    Name(Vec<u8>),
    /// A card's own binding: this service, whatever the name.
    Service(ServiceId),
}

impl Customer {
    /// A connection in the clear, of which these bytes were read already.
    pub fn new(stream: impl Into<Socket>, read: Vec<u8>, peer: Peer, bond: Bond) -> Self {
        Self { end: End::new(stream.into(), read), peer, bond }
    }
}

impl Bond {
    /// The bond of a TLS connection.
    pub fn of_name(name: Option<&str>) -> Self {
        let mut room = [0; 256];
        let host = name.and_then(|name| Host::parse(name.as_bytes(), &mut room).ok());
        host.map_or(Self::Free, |host| Self::Name(host.as_bytes().to_vec()))
    }

    /// Which service a request is for.
    pub(crate) fn route(&self, shared: &Shared, key: &Key<'_>) -> Input<'static> {
        let name = match self {
            Self::Free => return Input::Routed(shared.lookup(key)),
            Self::Name(name) => Host::from_normalised(name),
            Self::Service(service) => {
                let service = *service;
                let route = RouteId::default();
                let matched = Matched::Port;
                return Input::Routed(Ok(Decision { route, service, matched, prefix_len: 0, strip_len: 0 }));
            }
        };
        let decision = shared.lookup(key);
        if let (Ok(Decision { service, .. }), Key::Http { host: Some(host), port, .. }) = (decision, *key)
            && host.as_bytes() != name.as_bytes()
            // A name of no service, the module's own, stands for all.
            && let Ok(own) = shared.lookup(&Key::Http { host: Some(name), path: b"/", port })
            && own.service != service
        {
            return Input::Misdirected;
        }
        Input::Routed(decision)
    }
}
