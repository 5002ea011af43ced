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

/// Tells whether the proxy has an opinion on a field. One comparison of lengths spares most of the others.
pub(super) fn known(name: &str) -> Option<Known> {
    let candidates: &[(&str, Known)] = match name.len() {
        2 => &[("te", Known::Te)],
        3 => &[("via", Known::Via)],
        4 => &[("host", Known::Host), ("link", Known::Link)],
        6 => &[("expect", Known::Expect), ("server", Known::Server)],
        7 => &[
            ("alt-svc", Known::AltSvc),
            ("refresh", Known::Refresh),
            ("trailer", Known::Trailer),
            ("upgrade", Known::Upgrade),
        ],
        8 => &[("location", Known::Location)],
        9 => &[("forwarded", Known::Forwarded), ("x-real-ip", Known::XForwarded)],
        10 => &[
            ("connection", Known::Connection),
            ("keep-alive", Known::KeepAlive),
            ("set-cookie", Known::SetCookie),
        ],
        12 => &[("max-forwards", Known::MaxForwards)],
        14 => &[("content-length", Known::ContentLength)],
        15 => &[("x-forwarded-for", Known::XForwardedFor)],
        16 => &[
            ("content-location", Known::ContentLocation),
            ("proxy-connection", Known::ProxyConnection),
            ("x-forwarded-host", Known::XForwarded),
            ("x-forwarded-port", Known::XForwarded),
        ],
        17 => &[("transfer-encoding", Known::TransferEncoding), ("x-forwarded-proto", Known::XForwarded)],
        18 => &[
            ("proxy-authenticate", Known::ProxyAuth),
            ("x-forwarded-prefix", Known::XForwarded),
            ("x-forwarded-server", Known::XForwarded),
        ],
        19 => &[("proxy-authorization", Known::ProxyAuth)],
        _ => &[],
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
