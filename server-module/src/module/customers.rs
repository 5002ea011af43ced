//! The customers' doors besides HTTP: TLS, FTP and POP3, over the same table and pools.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use sid_proxy::session::{Event, Inside, Peer, Security};
use sid_proxy::wire::host::Host;
use sid_proxy::{Key, ServiceId, ftp, http, pop3, tls};

use crate::admin::Identity;
use crate::cabinet::Certificate;
use crate::config::Config;
use crate::drive::http::{Shared, converse};
use crate::drive::session::Door;
use crate::socket::Choose;

use super::routes::{Fact, Facts};

/// What the doors have in common.
pub(super) struct Customers {
    shared: Arc<Shared>,
    facts: Facts,
    choose: Arc<Choose>,
    name: String,
    inside: Inside,
}

impl Customers {
    /// Prepares the doors, with the module's certificate where the configuration names one, else with one that it
    /// signs itself.
    pub(super) fn new(config: &Config, shared: Arc<Shared>, facts: Facts) -> io::Result<Self> {
        let own = match &config.tls {
            Some(tls) => Identity::load(&Certificate { cert: tls.cert.clone(), key: tls.key.clone() })?,
            None => {
                let hosts = vec![config.module.name.to_string(), "localhost".to_owned()];
                Identity::own(&config.module.state, "tls", hosts)?
            }
        };
        let choose = chooser(own.server, Arc::clone(&shared), Arc::clone(&facts));
        let internal = config.network.internal;
        let networks = vec![(internal.address(), internal.length())];
        let inside = Inside { networks, names: Vec::new() };
        Ok(Self { shared, facts, choose, name: config.module.name.to_string(), inside })
    }

    /// TLS: passed through where a service has the name, else ended here and served as HTTP.
    pub(super) fn https(&self) -> Arc<Door<tls::Session>> {
        let config = Arc::new(tls::Config::default());
        let http = Arc::new(http::Config { scheme: http::Scheme::Https, ..self.shared.config().clone() });
        let shared = Arc::clone(&self.shared);
        let mut door =
            self.door(move |peer, now| tls::Session::new(Arc::clone(&config), peer, now), |_| None);
        door.hand_over = Some(Box::new(move |stream, peer, stop| {
            Box::pin(converse(stream, Arc::clone(&http), peer, Arc::clone(&shared), stop))
        }));
        Arc::new(door)
    }

    /// FTP, with TLS for who wants it.
    pub(super) fn ftp(&self) -> Arc<Door<ftp::Session>> {
        let config = Arc::new(ftp::Config {
            name: self.name.clone(),
            security: Security::Offered,
            inside: self.inside.clone(),
            ..ftp::Config::default()
        });
        let begin = move |peer, now| ftp::Session::new(Arc::clone(&config), peer, now);
        let mut door = self.door(begin, |fact| fact.ftp);
        // A client that stores a file never reads on the data connection: closing it with session tickets unread, its
        // kernel resets the connection and drops what was not sent yet.
        let choose = Arc::clone(&self.choose);
        door.tls = Some(Arc::new(move |name| {
            let mut server = ServerConfig::clone(&choose(name));
            server.send_tls13_tickets = 0;
            Arc::new(server)
        }));
        Arc::new(door)
    }

    /// POP3, with TLS for who wants it.
    pub(super) fn pop3(&self) -> Arc<Door<pop3::Session>> {
        let config = Arc::new(pop3::Config {
            name: self.name.clone(),
            security: Security::Offered,
            inside: self.inside.clone(),
            ..pop3::Config::default()
        });
        let begin = move |peer, now| pop3::Session::new(Arc::clone(&config), peer, now);
        Arc::new(self.door(begin, |fact| fact.pop3))
    }

    fn door<S>(
        &self,
        begin: impl Fn(Peer, Duration) -> S + Send + Sync + 'static,
        port: impl Fn(&Fact) -> Option<u16> + Send + Sync + 'static,
    ) -> Door<S> {
        let facts = Arc::clone(&self.facts);
        Door {
            shared: Arc::clone(&self.shared),
            begin: Box::new(begin),
            port: Box::new(move |service| {
                facts.read().unwrap_or_else(PoisonError::into_inner).get(&service).and_then(&port)
            }),
            tls: Some(Arc::clone(&self.choose)),
            hear: Box::new(hear),
            hand_over: None,
        }
    }
}

/// The certificate of the service that has the name, else the module's.
fn chooser(own: Arc<ServerConfig>, shared: Arc<Shared>, facts: Facts) -> Arc<Choose> {
    Arc::new(move |name| {
        let service = name.and_then(|name| service_of(&shared, name));
        let facts = facts.read().unwrap_or_else(PoisonError::into_inner);
        service.and_then(|service| facts.get(&service)?.tls.clone()).unwrap_or_else(|| Arc::clone(&own))
    })
}

fn service_of(shared: &Shared, name: &str) -> Option<ServiceId> {
    let mut room = [0; 256];
    let host = Host::parse(name.as_bytes(), &mut room).ok()?;
    let key = Key::Http { host: Some(host), path: b"/", port: 443 };
    shared.table().lookup(&key).ok().map(|decision| decision.service)
}

fn hear(client: SocketAddr, event: &Event) {
    match event {
        Event::Refused(why) => tracing::info!(%client, ?why, "a customer is refused"),
        event => tracing::debug!(%client, ?event, "customer"),
    }
}
