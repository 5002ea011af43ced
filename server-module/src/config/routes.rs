//! The services' names as one table, with where each is written.

use crate::cabinet::{Prefix, Service};
use sid_proxy::table::SidError;
use sid_proxy::{RouteId, RouteTable, ServiceId, Sid, Target};
use std::borrow::Borrow;

/// A table of routes, and where each of them is written. The number of a service is its index.
#[derive(Clone, Debug)]
pub struct Routes {
    /// The table.
    pub table: RouteTable,
    written: Vec<Written>,
}

/// Where a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Written {
    /// The service's index.
    pub service: usize,
    /// The key: `sid`, `sni` or `login`.
    pub field: &'static str,
    /// The name's index under the key.
    pub index: usize,
}

/// Why names make no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteFlaw {
    /// A name is none.
    #[error("{error}")]
    Name {
        /// Where it is written.
        at: Written,
        /// What is wrong with it.
        error: SidError,
    },
    /// A name is claimed twice.
    #[error("found \"{sid}\" again, expected a name that no other service has")]
    Claimed {
        /// Where it is written again.
        at: Written,
        /// Where it is written first.
        with: Written,
        /// The name as it is compared.
        sid: String,
    },
}

impl Routes {
    /// Builds the table. A random `seed` keeps strangers from choosing names that collide.
    ///
    /// # Errors
    /// Everything that is wrong with the names, in the order of the services.
    pub fn build<S: Borrow<Service>>(services: &[S], seed: u64) -> Result<Self, Vec<RouteFlaw>> {
        Self::numbered(services, seed, |index, _| ServiceId(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    /// Builds the table with numbers that `number` gives the services.
    ///
    /// # Errors
    /// Everything that is wrong with the names, in the order of the services.
    pub fn numbered<S: Borrow<Service>>(
        services: &[S],
        seed: u64,
        mut number: impl FnMut(usize, &Service) -> ServiceId,
    ) -> Result<Self, Vec<RouteFlaw>> {
        let mut builder = RouteTable::builder(seed);
        let (mut written, mut flaws) = (Vec::new(), Vec::new());
        for (index, service) in services.iter().map(Borrow::borrow).enumerate() {
            let prefix = match service.prefix {
                Prefix::Keep => sid_proxy::Prefix::Keep,
                Prefix::Strip => sid_proxy::Prefix::Strip,
            };
            let target = Target { service: number(index, service), prefix };
            for (at, sid) in names(index, service) {
                match builder.add(sid, target) {
                    Ok(_) => written.push(at),
                    // A login is offered to both protocols; once is enough to say what is wrong with it.
                    Err(_) if matches!(sid, Sid::Pop3(_)) => {}
                    Err(error) => flaws.push(RouteFlaw::Name { at, error }),
                }
            }
        }
        let at = |route: RouteId| written.get(usize::try_from(route.0).ok()?).copied();
        match builder.build() {
            Ok(table) if flaws.is_empty() => return Ok(Self { table, written }),
            Ok(_) => {}
            Err(error) => {
                for conflict in error.conflicts {
                    if let (Some(with), Some(at)) = (at(conflict.first), at(conflict.second)) {
                        let flaw = RouteFlaw::Claimed { at, with, sid: conflict.sid };
                        if !flaws.contains(&flaw) {
                            flaws.push(flaw);
                        }
                    }
                }
            }
        }
        Err(flaws)
    }

    /// Where a route is written.
    pub fn written(&self, route: RouteId) -> Option<Written> {
        self.written.get(usize::try_from(route.0).ok()?).copied()
    }
}

/// Every name of a service, in the order in which they are written.
fn names(service: usize, of: &Service) -> impl Iterator<Item = (Written, Sid<'_>)> {
    let at = move |field, index| Written { service, field, index };
    let sid = of.sid.iter().enumerate().map(move |(i, name)| (at("sid", i), Sid::Http(name.as_str())));
    let sni = of.sni.iter().enumerate().map(move |(i, name)| (at("sni", i), Sid::Sni(name.as_str())));
    let login = of.login.iter().enumerate();
    let login = login
        .flat_map(move |(i, name)| [(at("login", i), Sid::Ftp(name)), (at("login", i), Sid::Pop3(name))]);
    sid.chain(sni).chain(login)
}
