//! The customers' doors besides HTTP: TLS, FTP and POP3, over the same table and pools.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use sid_proxy::session::{Event, Inside, Peer, Security};
use sid_proxy::wire::host::Host;
use sid_proxy::{Key, ServiceId, ftp, http, pop3, tls};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::admin::Identity;
use crate::cabinet::{Certificate, Position};
use crate::config::{Balancer, Config, Interface};
use crate::door::socket::Choose;
use crate::door::{Bond, Customer, Front, Lane, Lanes, Shared};
use crate::drive;
use crate::drive::http::converse;
use crate::drive::session;
use crate::h2;

use super::routes::{self, Certified, Fact, Facts, Routes};
use super::usage::Recorder;

/// Where customers come in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Door {
    /// An interface for all services.
    Interface(Interface),
    /// A card's own binding.
    Card(Position),
}

impl Door {
    const fn interface(self) -> Interface {
        match self {
            Self::Interface(interface) => interface,
            Self::Card(_) => Interface::Http,
        }
    }
}

/// What the doors have in common.
#[derive(Clone)]
pub(super) struct Customers {
    shared: Arc<Shared>,
    facts: Facts,
    recorder: Arc<Recorder>,
    /// The certificates for HTTP, and for FTP and POP3.
    web: Arc<Choose>,
    plain: Arc<Choose>,
    balancer: Balancer,
    name: String,
    inside: Inside,
}

impl Customers {
    /// Prepares the doors, with the module's certificate where the configuration names one, else with one that it
    /// signs itself.
    pub(super) fn new(config: &Config, shared: Arc<Shared>, routes: &Routes) -> io::Result<Self> {
        let own = match &config.tls {
            Some(tls) => Identity::load(&Certificate { cert: tls.cert.clone(), key: tls.key.clone() })?,
            None => {
                let hosts = vec![config.module.name.to_string(), "localhost".to_owned()];
                Identity::own(&config.module.state, "tls", hosts)?
            }
        };
        let facts = routes.facts();
        let own = Certified::from(own);
        let chooser = |of| chooser(own.clone(), Arc::clone(&shared), Arc::clone(&facts), of);
        let (web, plain) = (chooser(|own| &own.web), chooser(|own| &own.plain));
        let internal = config.network.internal;
        let networks = vec![(internal.address(), internal.length())];
        Ok(Self {
            shared,
            facts,
            recorder: routes.recorder(),
            web,
            plain,
            balancer: config.balancer.clone(),
            name: config.module.name.to_string(),
            inside: Inside { networks, names: Vec::new() },
        })
    }

    /// Opens the doors of an interface, one on each lane, until `stop` turns true.
    pub(super) fn open(
        &self,
        lanes: &Lanes,
        at: Door,
        listeners: Vec<std::net::TcpListener>,
        stop: &watch::Receiver<bool>,
    ) {
        let front = Arc::new(Front {
            trusted: self.balancer.trusted.clone(),
            introduced: self.balancer.proxy_protocol.contains(&at.interface()),
        });
        for (number, listener) in listeners.into_iter().enumerate() {
            let (customers, front, stop) = (self.clone(), Arc::clone(&front), stop.clone());
            lanes.spawn(number, move |lane| async move {
                let listener = match TcpListener::from_std(listener) {
                    Ok(listener) => listener,
                    Err(error) => return tracing::error!("{at:?} does not open: {error}"),
                };
                match at {
                    Door::Interface(Interface::Http) => {
                        drive::http::serve(listener, front, Bond::Free, lane, stop).await;
                    }
                    Door::Card(card) => {
                        let bond = Bond::Service(routes::bound(card));
                        drive::http::serve(listener, front, bond, lane, stop).await;
                    }
                    Door::Interface(Interface::Https) => {
                        session::serve(listener, front, customers.https(lane), stop).await;
                    }
                    Door::Interface(Interface::Ftp) => {
                        session::serve(listener, front, customers.ftp(lane), stop).await;
                    }
                    Door::Interface(Interface::Pop3) => {
                        session::serve(listener, front, customers.pop3(lane), stop).await;
                    }
                }
            });
        }
    }

    /// TLS: passed through where a service has the name, else ended here and served as HTTP.
    fn https(&self, lane: Arc<Lane>) -> Arc<session::Door<tls::Session>> {
        let config = Arc::new(tls::Config::default());
        let own = self.shared.config();
        let http = Arc::new(http::Config { scheme: http::Scheme::Https, ..http::Config::clone(own) });
        let http2 = Arc::new(http::Config { translated: Some("2"), ..http::Config::clone(&http) });
        let begin = move |peer, now| tls::Session::new(Arc::clone(&config), peer, now);
        let mut door = self.door(Arc::clone(&lane), begin, |_| None);
        door.hand_over = Some(Box::new(move |stream, peer, stop| {
            let (http, lane) = (Arc::clone(&http), Arc::clone(&lane));
            let bond = Bond::of_name(stream.server_name());
            if stream.protocol() == Some(h2::ALPN) {
                return Box::pin(h2::serve(stream, Arc::clone(&http2), peer, bond, lane, stop));
            }
            Box::pin(converse(Customer::new(stream, Vec::new(), peer, bond), http, lane, stop))
        }));
        door.tls = Some(Arc::clone(&self.web));
        Arc::new(door)
    }

    /// FTP, with TLS for who wants it.
    fn ftp(&self, lane: Arc<Lane>) -> Arc<session::Door<ftp::Session>> {
        let config = Arc::new(ftp::Config {
            name: self.name.clone(),
            security: Security::Offered,
            inside: self.inside.clone(),
            ..ftp::Config::default()
        });
        let begin = move |peer, now| ftp::Session::new(Arc::clone(&config), peer, now);
        let mut door = self.door(lane, begin, |fact| fact.ftp);
        // A client that stores a file never reads on the data connection: closing it with session tickets unread, its
        // kernel resets the connection and drops what was not sent yet.
        let choose = Arc::clone(&self.plain);
        door.tls = Some(Arc::new(move |name| {
            let mut server = ServerConfig::clone(&choose(name));
            server.send_tls13_tickets = 0;
            Arc::new(server)
        }));
        Arc::new(door)
    }

    /// POP3, with TLS for who wants it.
    fn pop3(&self, lane: Arc<Lane>) -> Arc<session::Door<pop3::Session>> {
        let config = Arc::new(pop3::Config {
            name: self.name.clone(),
            security: Security::Offered,
            inside: self.inside.clone(),
            ..pop3::Config::default()
        });
        let begin = move |peer, now| pop3::Session::new(Arc::clone(&config), peer, now);
        Arc::new(self.door(lane, begin, |fact| fact.pop3))
    }

    fn door<S>(
        &self,
        lane: Arc<Lane>,
        begin: impl Fn(Peer, Duration) -> S + Send + Sync + 'static,
        port: impl Fn(&Fact) -> Option<u16> + Send + Sync + 'static,
    ) -> session::Door<S> {
        let (facts, recorder) = (Arc::clone(&self.facts), Arc::clone(&self.recorder));
        session::Door {
            lane,
            begin: Box::new(begin),
            port: Box::new(move |service| {
                facts.read().unwrap_or_else(PoisonError::into_inner).get(&service).and_then(&port)
            }),
            tls: Some(Arc::clone(&self.plain)),
            hear: Box::new(move |client, event| hear(&recorder, client, event)),
            hand_over: None,
        }
    }
}

/// The certificate of the service that has the name, else the module's.
fn chooser(
    own: Certified,
    shared: Arc<Shared>,
    facts: Facts,
    of: fn(&Certified) -> &Arc<ServerConfig>,
) -> Arc<Choose> {
    Arc::new(move |name| {
        let service = name.and_then(|name| service_of(&shared, name));
        let facts = facts.read().unwrap_or_else(PoisonError::into_inner);
        let certified = service.and_then(|service| facts.get(&service)?.tls.as_ref());
        Arc::clone(of(certified.unwrap_or(&own)))
    })
}

fn service_of(shared: &Shared, name: &str) -> Option<ServiceId> {
    let mut room = [0; 256];
    let host = Host::parse(name.as_bytes(), &mut room).ok()?;
    let key = Key::Http { host: Some(host), path: b"/", port: 443 };
    shared.lookup(&key).ok().map(|decision| decision.service)
}

fn hear(recorder: &Recorder, client: SocketAddr, event: &Event) {
    match event {
        Event::Done(usage) => recorder.record_session(client, usage),
        Event::Refused(why) => tracing::info!(%client, ?why, "a customer is refused"),
        event => tracing::debug!(%client, ?event, "customer"),
    }
}
