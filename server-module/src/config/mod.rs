//! The configuration file: its schema, its checks, its errors with file and line.
//!
//! [`Config::load`] reads a file and checks it as a whole; a [`Config`] that it gives has no mistakes left that can
//! be found without opening a socket. Values are typed from the first moment: a position is a position, a network a
//! network, and a text that is neither is an error with its line.

mod check;
mod problem;
mod routes;
mod schema;
mod source;
mod units;

use crate::cabinet::{Definition, Place as CardPlace, Position, Sid};
use source::{Key, Source};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use problem::{Place, Problem, Problems};
pub use routes::{RouteFlaw, Routes, Written};
pub use schema::{
    Account, Admin, Balancer, Boot, Card, Community, Config, Dhcp, DhcpMode, Files, Generator, Interface,
    Listen, Module, Names, Network, Snmp, SnmpUser, SnmpView, Subnet, Swap, Tftp, Tls, TrapSink, Unknown,
};
pub use units::{Access, Arch, AuthProtocol, DhcpListen, Oid, PrivacyProtocol, Range, Store, TrapVersion};

/// The state directory when none is configured.
pub const DEFAULT_STATE: &str = "/var/lib/server-module";

/// Why a configuration file gave no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It can be read, and is wrong.
    #[error(transparent)]
    Wrong(#[from] Problems),
}

impl Config {
    /// Reads a configuration file, and the SID files it names, and checks it as a whole.
    ///
    /// # Errors
    /// That the file cannot be read, or everything that is wrong with it.
    pub fn load(file: &Path) -> Result<Self, LoadError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| LoadError::Read { file: file.to_path_buf(), source })?;
        Ok(Self::parse(&text, Some(file))?)
    }

    /// Takes a configuration from its text; `file` is what errors and relative paths refer to.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str, file: Option<&Path>) -> Result<Self, Problems> {
        let source = Source::new(file, text);
        let mut config: Self = toml::from_str(text).map_err(|error| syntax(&error, &source))?;
        config.resolve(file.and_then(Path::parent).unwrap_or(Path::new("")));
        let mut problems = config.read_sid_files(&source);
        problems.extend(check::Check::run(&config, Some(&source)));
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    /// Checks a configuration that did not come from a text.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self) -> Result<(), Problems> {
        let problems = check::Check::run(self, None);
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    /// What the cabinet core is told to be: the cards of the file, and those that only a service names.
    pub fn definition(&self) -> Definition {
        let mut cards: Vec<_> = self
            .cards
            .iter()
            .map(|card| CardPlace {
                position: card.position,
                address: card.address.unwrap_or_else(|| self.address_of(card.position)),
                mac: card.mac,
                circuit_id: card.circuit_id.clone(),
            })
            .collect();
        cards.extend(self.unlisted().map(|(_, _, position)| CardPlace {
            position,
            address: self.address_of(position),
            mac: None,
            circuit_id: None,
        }));
        Definition {
            name: self.module.name.clone(),
            chassis: self.module.chassis,
            slots: self.module.slots,
            cards,
            services: self.services.iter().cloned().map(Arc::new).collect(),
        }
    }

    /// The address that a position has by the network's rule.
    pub fn address_of(&self, position: Position) -> IpAddr {
        match self.network.internal.address() {
            IpAddr::V4(network) => IpAddr::V4(position.address_in(network)),
            // `check` refuses it; the unspecified address reaches nobody.
            IpAddr::V6(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        }
    }

    fn card_address(&self, index: usize) -> Option<IpAddr> {
        self.cards.get(index).map(|card| card.address.unwrap_or_else(|| self.address_of(card.position)))
    }

    /// Positions that a service names and no `[[card]]` has: service, member, position, each position once.
    fn unlisted(&self) -> impl Iterator<Item = (usize, usize, Position)> {
        let mut known: BTreeSet<_> = self.cards.iter().map(|card| card.position).collect();
        let named = self.services.iter().enumerate().flat_map(|(service, s)| {
            s.cards.iter().enumerate().map(move |(member, position)| (service, member, *position))
        });
        named.filter(move |(_, _, position)| known.insert(*position))
    }

    /// Where the definition's card of this index is named, when only a service names it.
    fn named_by_service(&self, index: usize) -> Option<(usize, usize)> {
        let index = index.checked_sub(self.cards.len())?;
        self.unlisted().nth(index).map(|(service, member, _)| (service, member))
    }

    /// Makes paths relative to the file.
    fn resolve(&mut self, directory: &Path) {
        let certificates = self.services.iter_mut().filter_map(|service| service.tls.as_mut());
        let certificates = certificates.chain(self.admin.tls.as_mut());
        let mut paths: Vec<&mut PathBuf> =
            certificates.flat_map(|tls| [&mut tls.cert, &mut tls.key]).collect();
        paths.push(&mut self.module.state);
        paths.extend(self.tftp.root.as_mut());
        paths.extend(self.files.templates.as_mut());
        paths.extend(self.files.generators.iter_mut().map(|generator| &mut generator.program));
        paths.extend(self.tls.as_mut().map(|tls| [&mut tls.cert, &mut tls.key]).into_iter().flatten());
        for path in paths {
            *path = directory.join(&*path);
        }
        for service in &mut self.services {
            let ca = service.upstream_tls.as_mut().and_then(|tls| tls.ca.as_mut());
            for path in ca.into_iter().chain(&mut service.sid_file) {
                *path = directory.join(&*path);
            }
        }
    }

    /// Adds the SIDs of the files that services name: one a line, `#` begins a comment.
    fn read_sid_files(&mut self, source: &Source) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, service) in self.services.iter_mut().enumerate() {
            let Some(path) = &service.sid_file else { continue };
            let key = Key::top("service").index(index).field("sid_file");
            let problem = |file: Option<PathBuf>, line, message: String| Problem {
                file,
                line,
                key: key.to_string(),
                message,
                conflict: None,
                next: None,
            };
            let text = match std::fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) => {
                    let message = format!("cannot read \"{}\": {error}", path.display());
                    problems.push(problem(source.file.clone(), source.line_of(&key), message));
                    continue;
                }
            };
            for (number, line) in text.lines().enumerate() {
                let line = line.split('#').next().unwrap_or_default().trim();
                if line.is_empty() {
                    continue;
                }
                match line.parse::<Sid>() {
                    Ok(sid) => service.sid.push(sid),
                    Err(error) => {
                        problems.push(problem(Some(path.clone()), Some(number + 1), error.to_string()));
                    }
                }
            }
        }
        problems
    }
}

/// What the parser has against a text: one mistake, because it cannot go on after it.
fn syntax(error: &toml::de::Error, source: &Source) -> Problems {
    let message = error.message().to_owned();
    let next = message
        .starts_with("unknown field")
        .then(|| "check the spelling; server-module init prints every key with its meaning".to_owned());
    Problems(vec![Problem {
        file: source.file.clone(),
        line: error.span().map(|span| source.line(span.start)),
        key: String::new(),
        message,
        conflict: None,
        next,
    }])
}
