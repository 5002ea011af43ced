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
#[inline]
pub(super) fn known(name: &str) -> Option<Known> {
    let name = name.as_bytes();
    let first = name.first()? | 0x20;
    Some(match (first, name.len()) {
        (b'a', 7) if is(name, b"alt-svc") => Known::AltSvc,
        (b'c', 10) if is(name, b"connection") => Known::Connection,
        (b'c', 14) if is(name, b"content-length") => Known::ContentLength,
        (b'c', 16) if is(name, b"content-location") => Known::ContentLocation,
        (b'e', 6) if is(name, b"expect") => Known::Expect,
        (b'f', 9) if is(name, b"forwarded") => Known::Forwarded,
        (b'h', 4) if is(name, b"host") => Known::Host,
        (b'k', 10) if is(name, b"keep-alive") => Known::KeepAlive,
        (b'l', 4) if is(name, b"link") => Known::Link,
        (b'l', 8) if is(name, b"location") => Known::Location,
        (b'm', 12) if is(name, b"max-forwards") => Known::MaxForwards,
        (b'p', 16) if is(name, b"proxy-connection") => Known::ProxyConnection,
        (b'p', 18) if is(name, b"proxy-authenticate") => Known::ProxyAuth,
        (b'p', 19) if is(name, b"proxy-authorization") => Known::ProxyAuth,
        (b'r', 7) if is(name, b"refresh") => Known::Refresh,
        (b's', 6) if is(name, b"server") => Known::Server,
        (b's', 10) if is(name, b"set-cookie") => Known::SetCookie,
        (b't', 2) if is(name, b"te") => Known::Te,
        (b't', 7) if is(name, b"trailer") => Known::Trailer,
        (b't', 17) if is(name, b"transfer-encoding") => Known::TransferEncoding,
        (b'u', 7) if is(name, b"upgrade") => Known::Upgrade,
        (b'v', 3) if is(name, b"via") => Known::Via,
        (b'x', 9) if is(name, b"x-real-ip") => Known::XForwarded,
        (b'x', 15) if is(name, b"x-forwarded-for") => Known::XForwardedFor,
        (b'x', 16) if is(name, b"x-forwarded-host") => Known::XForwarded,
        (b'x', 16) if is(name, b"x-forwarded-port") => Known::XForwarded,
        (b'x', 17) if is(name, b"x-forwarded-proto") => Known::XForwarded,
        (b'x', 18) if is(name, b"x-forwarded-prefix") => Known::XForwarded,
        (b'x', 18) if is(name, b"x-forwarded-server") => Known::XForwarded,
        _ => return None,
    })
}

/// Compares a token with a known name, which has letters and `-` only: a token's other bytes fold to neither.
#[inline]
fn is<const N: usize>(name: &[u8], known: &[u8; N]) -> bool {
    let Some(name) = name.first_chunk::<N>() else { return false };
    name.iter().zip(known).fold(0, |differs, (a, b)| differs | ((a | 0x20) ^ b)) == 0
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
