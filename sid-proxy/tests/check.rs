//! Rules that do nothing are found, and a rule that is found does nothing.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sid_proxy::table::{Doors, Finding, Why};
use sid_proxy::wire::host::Host;
use sid_proxy::{Key, Prefix, RouteId, RouteTable, ServiceId, Sid, Target};

const NAMES: [&str; 9] = ["a.b.c", "b.c", "*.b.c", "*.c", "*", "*.a.b.c", "x.c", "[::1]", ":81"];
const PATHS: [&str; 5] = ["", "/p", "/p/q", "/p/q/r", "/z"];
const ASKED: [&str; 9] = ["a.b.c", "b.c", "y.b.c", "z.c", "x.a.b.c", "x.c", "[::1]", "other", "c"];
const ASKED_PATHS: [&str; 8] = ["/", "/p", "/p/q/x", "/p/q/r/s", "/p/q/r", "/z/", "/pq", "/p/z"];
const PORTS: [u16; 2] = [80, 81];

fn table(rules: &[(String, Target)]) -> RouteTable {
    let mut builder = RouteTable::builder(3);
    for (name, target) in rules {
        builder.add(sid(name), *target).unwrap();
    }
    builder.build().unwrap()
}

fn sid(name: &str) -> Sid<'_> {
    if let Some(name) = name.strip_prefix("sni:") {
        return Sid::Sni(name);
    }
    if let Some(login) = name.strip_prefix("pop3:") {
        return Sid::Pop3(login);
    }
    name.strip_prefix(':').map_or(Sid::Http(name), |port| Sid::HttpPort(port.parse().unwrap()))
}

/// What comes of every request: the service, and what is removed of its path.
fn fates(table: &RouteTable) -> Vec<Option<(ServiceId, u16)>> {
    let mut fates = Vec::new();
    for host in ASKED {
        let host = Some(Host::from_normalised(host.as_bytes()));
        fates.push(table.lookup(&Key::Sni(host)).ok().map(|d| (d.service, 0)));
        for path in ASKED_PATHS {
            for port in PORTS {
                let key = Key::Http { host, path: path.as_bytes(), port };
                fates.push(table.lookup(&key).ok().map(|d| (d.service, d.strip_len)));
            }
        }
    }
    fates
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_that_is_found_does_nothing(
        picked in prop::collection::btree_map((0usize..9, 0usize..5), (1u32..3, any::<bool>()), 0..25),
        sni in prop::collection::btree_map(prop::sample::select(&["a.b.c", "*.b.c", "*.c", "*"][..]), 1u32..3, 0..4),
    ) {
        let mut rules = Vec::new();
        for ((name, path), (service, strip)) in picked {
            let path = if NAMES[name].starts_with(':') { "" } else { PATHS[path] };
            let name = format!("{}{path}", NAMES[name]);
            let prefix = if strip { Prefix::Strip } else { Prefix::Keep };
            if !rules.iter().any(|(other, _)| *other == name) {
                rules.push((name, Target { service: ServiceId(service), prefix }));
            }
        }
        for (name, service) in sni {
            rules.push((format!("sni:{name}"), ServiceId(service).into()));
        }
        let whole = table(&rules);
        for Finding { rule, by, why } in whole.check(&Doors { http: &PORTS, ..Doors::default() }) {
            let name = &rules[rule.0 as usize].0;
            let without = whole.without(sid(name)).unwrap();
            prop_assert_eq!(fates(&whole), fates(&without), "{} {:?} {:?}", name, by, why);
            prop_assert!(by.is_some() && by != Some(rule));
        }
    }
}

fn named(rules: &[(&str, u32)], doors: &Doors<'_>) -> Vec<(String, Option<String>, Why)> {
    let rules: Vec<_> = rules.iter().map(|(name, n)| ((*name).to_owned(), ServiceId(*n).into())).collect();
    let name = |id: RouteId| rules[id.0 as usize].0.clone();
    let found = table(&rules).check(doors);
    found.into_iter().map(|f| (name(f.rule), f.by.map(name), f.why)).collect()
}

#[test]
fn each_reason_with_its_rule() {
    let owned = |found: &[(&str, Option<&str>, Why)]| -> Vec<_> {
        found.iter().map(|(rule, by, why)| ((*rule).to_owned(), by.map(str::to_owned), *why)).collect()
    };
    let http = Doors { http: &[80], ..Doors::default() };
    // A name below a wildcard of the same service, and a path below a path.
    let rules =
        [("a.sell.com", 1), ("*.sell.com", 1), ("b.sell.com", 2), ("m/a", 3), ("m/a/b", 3), ("m/a/c", 4)];
    let expected = [("a.sell.com", Some("*.sell.com"), Why::Needless), ("m/a/b", Some("m/a"), Why::Needless)];
    assert_eq!(named(&rules, &http), owned(&expected));
    // A path of the wildcard keeps the exact name needed: it takes some of its requests.
    assert_eq!(named(&[("a.c", 1), ("*.c", 1), ("*.c/p", 2)], &http), []);
    // Ports: one without a listener, and a default behind rules for all of them.
    let rules = [(":80", 1), (":8080", 1), ("*", 2), ("*/p", 3)];
    let expected = [
        (":8080", None, Why::NoListener),
        ("*", Some(":80"), Why::Shadowed),
        ("*/p", Some(":80"), Why::Shadowed),
    ];
    assert_eq!(named(&rules, &http), owned(&expected));
    // Everything comes inside TLS, and is passed through.
    let https = Doors { https: &[443], ..Doors::default() };
    let rules = [("a.c", 1), ("sni:*.c", 2), ("*.b.c", 1), ("c", 1)];
    let expected =
        [("a.c", Some("sni:*.c"), Why::PassedThrough), ("*.b.c", Some("sni:*.c"), Why::PassedThrough)];
    assert_eq!(named(&rules, &https), owned(&expected));
    assert_eq!(named(&rules, &http), []);
    // Nothing can stand before an address; and logins.
    let rules = [("*.[::1]", 1), ("pop3:joe@c", 2), ("pop3:@c", 2), ("pop3:*", 3)];
    let expected = [("*.[::1]", None, Why::NoSuchName), ("pop3:joe@c", Some("pop3:@c"), Why::Needless)];
    assert_eq!(named(&rules, &http), owned(&expected));
}
