//! Which fields the proxy has an opinion on.

/// A field that is not simply passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    AltSvc,
    Connection,
    ContentLength,
    ContentLocation,
    Expect,
    Forwarded,
    Host,
    KeepAlive,
    Link,
    Location,
    MaxForwards,
    ProxyAuth,
    ProxyConnection,
    Refresh,
    Server,
    SetCookie,
    Te,
    Trailer,
    TransferEncoding,
    Upgrade,
    Via,
    XForwardedFor,
    /// `X-Forwarded-Host`, `-Proto`, `-Port`, `-Prefix`, `-Server` and `X-Real-IP`.
    XForwarded,
}

impl Known {
    /// True for what belongs to one connection, or is the proxy's own to say on the next (RFC 9110 §7.6.1).
    pub(super) fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Host
                | Self::Connection
                | Self::ContentLength
                | Self::TransferEncoding
                | Self::KeepAlive
                | Self::ProxyConnection
                | Self::ProxyAuth
                | Self::Te
                | Self::Upgrade
        )
    }
}

/// Tells whether the proxy has an opinion on a field. Its first letter and its length leave two names at most to
/// compare, and mostly none.
pub(super) fn known(name: &str) -> Option<Known> {
    let first = name.as_bytes().first()? | 0x20;
    let candidates: &[(&str, Known)] = match (first, name.len()) {
        (b'a', 7) => &[("alt-svc", Known::AltSvc)],
        (b'c', 10) => &[("connection", Known::Connection)],
        (b'c', 14) => &[("content-length", Known::ContentLength)],
        (b'c', 16) => &[("content-location", Known::ContentLocation)],
        (b'e', 6) => &[("expect", Known::Expect)],
        (b'f', 9) => &[("forwarded", Known::Forwarded)],
        (b'h', 4) => &[("host", Known::Host)],
        (b'k', 10) => &[("keep-alive", Known::KeepAlive)],
        (b'l', 4) => &[("link", Known::Link)],
        (b'l', 8) => &[("location", Known::Location)],
        (b'm', 12) => &[("max-forwards", Known::MaxForwards)],
        (b'p', 16) => &[("proxy-connection", Known::ProxyConnection)],
        (b'p', 18) => &[("proxy-authenticate", Known::ProxyAuth)],
        (b'p', 19) => &[("proxy-authorization", Known::ProxyAuth)],
        (b'r', 7) => &[("refresh", Known::Refresh)],
        (b's', 6) => &[("server", Known::Server)],
        (b's', 10) => &[("set-cookie", Known::SetCookie)],
        (b't', 2) => &[("te", Known::Te)],
        (b't', 7) => &[("trailer", Known::Trailer)],
        (b't', 17) => &[("transfer-encoding", Known::TransferEncoding)],
        (b'u', 7) => &[("upgrade", Known::Upgrade)],
        (b'v', 3) => &[("via", Known::Via)],
        (b'x', 9) => &[("x-real-ip", Known::XForwarded)],
        (b'x', 15) => &[("x-forwarded-for", Known::XForwardedFor)],
        (b'x', 16) => &[("x-forwarded-host", Known::XForwarded), ("x-forwarded-port", Known::XForwarded)],
        (b'x', 17) => &[("x-forwarded-proto", Known::XForwarded)],
        (b'x', 18) => &[("x-forwarded-prefix", Known::XForwarded), ("x-forwarded-server", Known::XForwarded)],
        _ => return None,
    };
    candidates.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, known)| *known)
}

/// Fields that no `Connection` may take away (RFC 9110 §7.6.1 forbids senders to name them; whoever does wants
/// to hide something from the card).
pub(super) fn is_essential(name: &str) -> bool {
    const ESSENTIAL: &[&str] = &[
        "authorization",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "date",
        "expect",
        "forwarded",
        "host",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "location",
        "max-forwards",
        "origin",
        "range",
        "set-cookie",
        "trailer",
        "transfer-encoding",
        "vary",
        "via",
        "www-authenticate",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    ];
    ESSENTIAL.iter().any(|essential| essential.eq_ignore_ascii_case(name))
}
