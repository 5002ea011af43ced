//! The table against a model that tries every entry.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sid_proxy::table::Outcome;
use sid_proxy::wire::host::{Authority, Host};
use sid_proxy::{Key, Matched, Miss, Prefix, RouteId, RouteTable, ServiceId, Sid, Target};

const HOSTS: [&str; 12] = [
    "a.b.c",
    "b.c",
    "c",
    "*.a.b.c",
    "*.b.c",
    "*.c",
    "*",
    "x.a.b.c",
    "[::1]",
    "[2001:db8::1]",
    "d.c",
    "*.d.c",
];
const PATHS: [&str; 8] = ["", "/p", "/p/q", "/p/q/r", "/pq", "/p/q/s", "/é", "/p%20q"];
const ASKED: [&str; 12] = [
    "a.b.c",
    "b.c",
    "c",
    "x.a.b.c",
    "y.x.a.b.c",
    "z.b.c",
    "d.c",
    "e.d.c",
    "other",
    "[::1]",
    "A.B.C.",
    "[0:0::1]",
];
const ASKED_PATHS: [&str; 12] =
    ["/", "/p", "/p/", "/p/q", "/p/q/r/s?x", "/pq", "/P", "/p/q/..", "/%70/q", "/x/../p/q/r", "/p/./q", "*"];

/// The law of precedence, said plainly: of all entries that match, the greatest (name, prefix).
fn model(entries: &[(String, String)], host: &str, path: &str) -> Option<usize> {
    entries
        .iter()
        .enumerate()
        .filter_map(|(index, (name, prefix))| {
            let strength = match name.strip_prefix("*.") {
                _ if name == "*" => 0,
                Some(fixed) if host.ends_with(&format!(".{fixed}")) => fixed.split('.').count(),
                None if name == host => usize::MAX,
                _ => return None,
            };
            let fits = path.starts_with(prefix.as_str())
                && (path.len() == prefix.len() || path.as_bytes()[prefix.len()] == b'/' || prefix.is_empty());
            fits.then_some((strength, prefix.matches('/').count(), index))
        })
        .max()
        .map(|(_, _, index)| index)
}

fn clean(path: &str) -> &str {
    match path {
        "/p/q/r/s?x" => "/p/q/r/s",
        "/p/q/.." => "/p/",
        "/%70/q" | "/p/./q" => "/p/q",
        "/x/../p/q/r" => "/p/q/r",
        path => path,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_table_keeps_the_law(picked in prop::collection::btree_set((0usize..12, 0usize..6), 0..30), seed: u64) {
        let mut builder = RouteTable::builder(seed);
        let mut entries = Vec::new();
        for (index, (host, path)) in picked.iter().enumerate() {
            let (host, path) = (HOSTS[*host], PATHS[*path]);
            let service = ServiceId(u32::try_from(index).unwrap());
            builder.add(Sid::Http(&format!("{host}{path}")), service).unwrap();
            entries.push((host.to_owned(), path.to_owned()));
        }
        let table = builder.build().unwrap();
        prop_assert_eq!(table.len(), entries.len());
        for raw in ASKED {
            let mut room = [0; 256];
            let host = Authority::parse(raw.as_bytes(), &mut room).unwrap().host;
            for path in ASKED_PATHS {
                let key = Key::Http { host: Some(host), path: path.as_bytes(), port: 80 };
                let expected = model(&entries, host.as_str(), clean(path));
                let found = table.lookup(&key);
                prop_assert_eq!(found.ok().map(|d| d.route.0 as usize), expected, "{} {}", raw, path);
                // And the explanation is of this very decision.
                let explained = table.explain(&key);
                prop_assert_eq!(explained.decision, found);
                if let (Ok(decision), Some(last)) = (found, explained.steps.last()) {
                    prop_assert_eq!(last.3, Outcome::Chosen(decision.route));
                }
            }
        }
    }

    #[test]
    fn two_spellings_of_a_host_are_one(labels in prop::collection::vec("[a-zA-Z0-9_-]{1,20}", 1..6), port: u16, dot: bool) {
        let name = labels.join(".");
        let mut one = [0; 256];
        let mut two = [0; 256];
        let plain = Host::parse(name.to_lowercase().as_bytes(), &mut one).unwrap();
        let other = format!("{}{}:{port}", name.to_uppercase(), if dot { "." } else { "" });
        let other = Authority::parse(other.as_bytes(), &mut two).unwrap();
        prop_assert_eq!(plain, other.host);
        prop_assert_eq!(plain.as_str(), name.to_lowercase());
        prop_assert_eq!(usize::from(plain.labels()), labels.len());
        prop_assert_eq!(other.port, Some(port));
    }

    #[test]
    fn no_spelling_of_a_path_reaches_another_service(path in "(/|\\.|%2e|%2F|%5c|\\\\|p|q|%70|;){0,12}") {
        let mut builder = RouteTable::builder(1);
        builder.add(Sid::Http("h/p"), ServiceId(1)).unwrap();
        builder.add(Sid::Http("h/p/q"), ServiceId(2)).unwrap();
        builder.add(Sid::Http("h"), ServiceId(3)).unwrap();
        let table = builder.build().unwrap();
        let mut room = [0; 256];
        let host = Host::parse(b"h", &mut room).unwrap();
        let raw = format!("/{path}");
        let ask = |path: &str| table.lookup(&Key::Http { host: Some(host), path: path.as_bytes(), port: 80 });
        // How four kinds of server would read it.
        let decoded = raw.replace("%70", "p").replace("%2e", ".");
        let open = decoded.replace("%2F", "/").replace("%5c", "/").replace('\\', "/");
        if let Ok(decision) = ask(&raw) {
            for reading in [resolve(&decoded, false), resolve(&open, true)] {
                prop_assert_eq!(ask(&reading).map(|d| d.service), Ok(decision.service), "{} read as {}", raw, reading);
            }
        }
    }
}

/// Dot segments and, if asked, empty ones removed, by splitting and joining.
fn resolve(path: &str, collapse: bool) -> String {
    let mut out: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let last = segments.len() - 1;
    for (at, segment) in segments.iter().enumerate() {
        match *segment {
            "." if at == last => out.push(""),
            "." => {}
            ".." => {
                out.pop();
                if at == last {
                    out.push("");
                }
            }
            "" if collapse && at != last => {}
            segment => out.push(segment),
        }
    }
    format!("/{}", out.join("/"))
}

fn http(table: &RouteTable, host: &str, path: &str) -> Result<u32, Miss> {
    let mut room = [0; 256];
    let host = Authority::parse(host.as_bytes(), &mut room).unwrap().host;
    table.lookup(&Key::Http { host: Some(host), path: path.as_bytes(), port: 80 }).map(|d| d.service.0)
}

#[test]
fn conflicts_name_both_entries() {
    let mut builder = RouteTable::builder(1);
    builder.add(Sid::Http("www.sell.com"), ServiceId(1)).unwrap();
    builder.add(Sid::Http("mall.example/sell"), ServiceId(1)).unwrap();
    builder.add(Sid::Http("WWW.sell.com."), ServiceId(2)).unwrap();
    builder.add(Sid::Http("Mall.example/%73ell/"), ServiceId(1)).unwrap();
    builder.add(Sid::Sni("www.sell.com"), ServiceId(1)).unwrap();
    let conflicts = builder.build().unwrap_err().conflicts;
    let pairs: Vec<_> = conflicts.iter().map(|c| (c.first.0, c.second.0, c.sid.as_str())).collect();
    assert_eq!(pairs, [(0, 2, "www.sell.com"), (1, 3, "mall.example/sell")]);
}

#[test]
fn kinds_never_mix() {
    let mut builder = RouteTable::builder(1);
    builder.add(Sid::Http("x.y"), ServiceId(1)).unwrap();
    builder.add(Sid::Sni("x.y"), ServiceId(2)).unwrap();
    builder.add(Sid::Ftp("x.y"), ServiceId(3)).unwrap();
    builder.add(Sid::Pop3("x.y"), ServiceId(4)).unwrap();
    builder.add(Sid::HttpPort(81), ServiceId(5)).unwrap();
    builder.add(Sid::Port(81), ServiceId(6)).unwrap();
    let table = builder.build().unwrap();
    let mut room = [0; 256];
    let host = Host::parse(b"x.y", &mut room).unwrap();
    let service = |key: Key<'_>| table.lookup(&key).map(|d| d.service.0);
    assert_eq!(service(Key::Http { host: Some(host), path: b"/", port: 80 }), Ok(1));
    assert_eq!(service(Key::Sni(Some(host))), Ok(2));
    assert_eq!(service(Key::Ftp(b"x.y")), Ok(3));
    assert_eq!(service(Key::Pop3(b"x.y")), Ok(4));
    assert_eq!(service(Key::Http { host: None, path: b"/", port: 81 }), Ok(5));
    assert_eq!(service(Key::Port(81)), Ok(6));
    assert_eq!(service(Key::Pop3(b"X.Y")), Err(Miss::NoRoute), "what is before the @ is the card's");
}

#[test]
fn logins_match_exactly_then_by_domain_then_by_default() {
    let mut builder = RouteTable::builder(1);
    builder.add(Sid::Ftp("joe@Sell.com"), ServiceId(1)).unwrap();
    builder.add(Sid::Ftp("@sell.com"), ServiceId(2)).unwrap();
    builder.add(Sid::Ftp("*"), ServiceId(3)).unwrap();
    let table = builder.build().unwrap();
    let service = |login: &str| table.lookup(&Key::Ftp(login.as_bytes())).map(|d| (d.service.0, d.matched));
    assert_eq!(service("joe@SELL.COM"), Ok((1, Matched::Exact)));
    assert_eq!(service("Joe@sell.com"), Ok((2, Matched::Domain)));
    assert_eq!(service("a@b@sell.com"), Ok((2, Matched::Domain)));
    assert_eq!(service("joe"), Ok((3, Matched::Default)));
    assert_eq!(service(&"x".repeat(600)), Ok((3, Matched::Default)));
}

#[test]
fn a_stripped_prefix_is_measured_in_the_bytes_that_were_sent() {
    let mut builder = RouteTable::builder(1);
    let strip = Target { service: ServiceId(1), prefix: Prefix::Strip };
    builder.add(Sid::Http("h/sell/shoes"), strip).unwrap();
    let table = builder.build().unwrap();
    let mut room = [0; 256];
    let host = Host::parse(b"h", &mut room).unwrap();
    let strip = |path: &str| {
        table
            .lookup(&Key::Http { host: Some(host), path: path.as_bytes(), port: 80 })
            .map(|d| (d.prefix_len, d.strip_len))
    };
    assert_eq!(strip("/sell/shoes/1?q"), Ok((11, 11)));
    assert_eq!(strip("/%73ell/shoes"), Ok((11, 13)));
    assert_eq!(strip("/x/../sell/shoes"), Err(Miss::Ambiguous), "there is no such prefix in what was sent");
}

#[test]
fn an_escaped_border_is_refused_only_where_it_would_decide() {
    let mut builder = RouteTable::builder(1);
    builder.add(Sid::Http("h/sell"), ServiceId(1)).unwrap();
    builder.add(Sid::Http("h"), ServiceId(2)).unwrap();
    builder.add(Sid::Http("plain"), ServiceId(3)).unwrap();
    let table = builder.build().unwrap();
    assert_eq!(http(&table, "h", "/sell/item%2F5"), Ok(1));
    assert_eq!(http(&table, "h", "/sell%2Fitem"), Err(Miss::Ambiguous));
    assert_eq!(http(&table, "h", "/sell\\item"), Err(Miss::Ambiguous));
    assert_eq!(http(&table, "h", "//sell"), Err(Miss::Ambiguous));
    assert_eq!(http(&table, "h", "/sell/..%2fother"), Err(Miss::Ambiguous));
    assert_eq!(http(&table, "plain", "/sell%2Fitem//"), Ok(3));
    // Both a strict and a lenient server read the root; one behind the other reads `/sell`.
    assert_eq!(http(&table, "h", "/sell%2F//.."), Err(Miss::Ambiguous));
}

#[test]
fn refused_names() {
    let mut builder = RouteTable::builder(1);
    for sid in [
        "",
        "a..b",
        "*a.b",
        "a.*.b",
        "*.",
        "h/a%2fb",
        "h/a//b",
        "h/a?b",
        "a b",
        "ü.example",
        "h:80",
        "[::1",
        "-/\u{1}",
    ] {
        assert!(builder.add(Sid::Http(sid), ServiceId(1)).is_err(), "{sid:?}");
    }
    assert!(builder.add(Sid::Sni("h/a"), ServiceId(1)).is_err());
    assert!(builder.add(Sid::Pop3("@"), ServiceId(1)).is_err());
    assert_eq!(builder.build().unwrap().len(), 0);
}

#[test]
fn a_host_of_20_bytes_takes_48_at_most() {
    let mut builder = RouteTable::builder(1);
    for n in 0..100_000u32 {
        // 20 bytes each, as in the benchmark.
        builder.add(Sid::Http(&format!("www.shop{n:06}.exam.x")), ServiceId(n % 240)).unwrap();
    }
    let table = builder.build().unwrap();
    assert!(table.heap_bytes() <= 48 * 100_000, "{}", table.heap_bytes());
    assert_eq!(http(&table, "www.shop012345.exam.x", "/"), Ok(12345 % 240));
    assert_eq!(http(&table, "www.shop100000.exam.x", "/"), Err(Miss::NoRoute));
    let clone = table.clone();
    assert_eq!(clone.lookup(&Key::Sni(None)), Err(Miss::NoRoute));
    assert_eq!(RouteId(0).to_string(), "0");
}

#[test]
fn a_percent_that_begins_no_escape_cannot_be_made_to_begin_one() {
    use sid_proxy::wire::path::Readings;
    for raw in ["/%%33", "/%", "/a%2", "/%%%%41", "/%zz%41"] {
        let once = Readings::of(raw.as_bytes()).strict.into_owned();
        assert_eq!(Readings::of(&once).strict, once, "{raw}");
    }
    assert_eq!(&*Readings::of(b"/%%33").strict, b"/%253");
}
