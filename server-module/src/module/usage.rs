//! From the proxy's records to the cabinet's counters: added up here, told once a second.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sid_proxy::http::Usage;
use sid_proxy::{CardId, ServiceId, session};

use crate::cabinet::{Cidr, Input, Name, Share, Used};

use super::handle::Handle;
use super::routes;

/// How often the cabinet is told.
const INTERVAL: Duration = Duration::from_secs(1);

/// Adds up what customers use.
pub(crate) struct Recorder {
    /// Customers in these networks are local to this POP.
    local: Vec<Cidr>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    names: BTreeMap<ServiceId, Name>,
    used: BTreeMap<(ServiceId, Option<CardId>), Used>,
}

impl Recorder {
    pub(crate) fn new(local: Vec<Cidr>) -> Arc<Self> {
        Arc::new(Self { local, inner: Mutex::default() })
    }

    /// Takes the numbers that services have from now on.
    pub(crate) fn name(&self, names: impl Iterator<Item = (ServiceId, Name)>) {
        self.inner().names.extend(names);
    }

    /// Counts one request that is over.
    pub(crate) fn record(&self, client: SocketAddr, usage: &Usage) {
        let Some(decision) = usage.decision else { return };
        let mut used = Used {
            broken: u64::from(!usage.complete),
            bytes_in: usage.request_bytes,
            bytes_out: usage.response_bytes,
            waited: usage.first_byte_after,
            ..self.one(client)
        };
        used.count_status(usage.status);
        self.add(decision.service, usage.card, used);
    }

    /// Counts one FTP, POP3 or TLS session that is over; one that the proxy ended before its time was broken.
    pub(crate) fn record_session(&self, client: SocketAddr, usage: &session::Usage) {
        let Some(decision) = usage.decision else { return };
        let used = Used {
            broken: u64::from(usage.refusal.is_some()),
            bytes_in: usage.from_client,
            bytes_out: usage.from_card,
            ..self.one(client)
        };
        self.add(decision.service, usage.card, used);
    }

    fn one(&self, client: SocketAddr) -> Used {
        let client = client.ip().to_canonical();
        let local = self.local.iter().any(|network| network.contains(client));
        Used { requests: 1, local: u64::from(local), ..Used::default() }
    }

    fn add(&self, service: ServiceId, card: Option<CardId>, used: Used) {
        *self.inner().used.entry((service, card)).or_default() += used;
    }

    /// What has been used since the last time.
    fn take(&self) -> Vec<Share> {
        let mut inner = self.inner();
        let used = std::mem::take(&mut inner.used);
        let share = |((service, card), used): ((ServiceId, Option<CardId>), Used)| {
            let service = inner.names.get(&service)?.clone();
            Some(Share { service, card: card.map(routes::position), used })
        };
        used.into_iter().filter_map(share).collect()
    }

    /// Tells the cabinet, once a second, until the module ends.
    pub(crate) async fn tell(self: Arc<Self>, handle: Handle) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let shares = self.take();
            if !shares.is_empty() {
                handle.report(Input::Used(shares)).await;
            }
        }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
