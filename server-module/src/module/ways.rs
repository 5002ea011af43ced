//! From what the configuration says of a service's cards to the way by which they are reached.

use std::sync::Arc;

use crate::cabinet::{Fingerprint, ProxyProtocol, Service, Upstream};
use crate::door::Way;
use crate::door::way::{Introduce, Trust};

/// The way to a service's cards; none where plain TCP leads there.
pub(super) fn way(service: &Service) -> Option<Arc<Way>> {
    let introduce = service.proxy_protocol.map(|version| match version {
        ProxyProtocol::V1 => Introduce::V1,
        ProxyProtocol::V2 => Introduce::V2,
    });
    let tls = service.upstream_tls.as_ref();
    let trust = (service.upstream == Upstream::Https).then(|| {
        let pins =
            || tls.map(|tls| tls.pin.iter().map(|Fingerprint(pin)| *pin).collect()).unwrap_or_default();
        match tls.and_then(|tls| Some((tls.ca.as_ref()?, tls))) {
            Some((file, tls)) => Trust::Authority { file, name: tls.name.as_deref() },
            None => Trust::Pinned(pins()),
        }
    });
    if trust.is_none() && introduce.is_none() {
        return None;
    }
    let way = Way::new(trust.as_ref(), introduce).or_else(|error| {
        // Rather no card than one that is not believed.
        tracing::error!(service = %service.name, "none of its cards is believed: {error}");
        Way::new(Some(&Trust::Pinned(Vec::new())), introduce)
    });
    way.ok().map(Arc::new)
}
