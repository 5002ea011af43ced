//! A table that was changed against the same table built anew, and what differs between tables.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sid_proxy::table::{Change, ChangeError, Family, Outcome, diff};
use sid_proxy::wire::host::Host;
use sid_proxy::{Key, Prefix, RouteId, RouteTable, ServiceId, Sid, Target};
use std::collections::{BTreeMap, BTreeSet};

const NAMES: [&str; 8] = ["a.b.c", "b.c", "*.b.c", "*.c", "*", "*.a.b.c", "x.c", "[::1]"];
const PATHS: [&str; 5] = ["", "/p", "/p/q", "/p/q/r", "/z"];
const ASKED: [&str; 8] = ["a.b.c", "b.c", "y.b.c", "z.c", "x.a.b.c", "x.c", "[::1]", "other"];
const ASKED_PATHS: [&str; 7] = ["/", "/p", "/p/q/x", "/p/q/r/s", "/z/", "/pq", "/p%2Fq"];
const LOGINS: [&str; 4] = ["joe@b.c", "@b.c", "*", "joe"];

/// The names that are to be in the table, with their services.
type Wanted = BTreeMap<String, u32>;

fn sid(name: &str) -> Sid<'_> {
    name.strip_prefix("pop3:")
        .map_or_else(|| name.strip_prefix("sni:").map_or(Sid::Http(name), Sid::Sni), Sid::Pop3)
}

fn target(service: u32) -> Target {
    let prefix = if service.is_multiple_of(3) { Prefix::Strip } else { Prefix::Keep };
    Target { service: ServiceId(service), prefix }
}

fn built(wanted: &Wanted) -> RouteTable {
    let mut builder = RouteTable::builder(5);
    for (name, service) in wanted {
        builder.add(sid(name), target(*service)).unwrap();
    }
    builder.build().unwrap()
}

/// Everything that the two tables answer, but for the numbers of routes.
fn assert_alike(changed: &RouteTable, fresh: &RouteTable) -> Result<(), TestCaseError> {
    prop_assert_eq!(changed.len(), fresh.len());
    let mut keys = Vec::new();
    for host in ASKED {
        let host = Host::from_normalised(host.as_bytes());
        keys.push(Key::Sni(Some(host)));
        for path in ASKED_PATHS {
            keys.push(Key::Http { host: Some(host), path: path.as_bytes(), port: 80 });
        }
    }
    keys.extend(["joe@b.c", "ann@b.c", "joe", "x@y"].map(|login| Key::Pop3(login.as_bytes())));
    for key in keys {
        let plain = |table: &RouteTable| {
            table.lookup(&key).map(|d| (d.service, d.matched, d.prefix_len, d.strip_len))
        };
        prop_assert_eq!(plain(changed), plain(fresh), "{:?}", key);
        // Both explain the same way, but for wildcards of a length that is gone: those are tried in vain.
        let steps = |table: &RouteTable| {
            let steps = table.explain(&key).steps.into_iter();
            let tried = steps.filter(|step| step.3 != Outcome::Absent);
            tried.map(|step| (step.0, step.1, step.2, step.3 == Outcome::NoPrefix)).collect::<Vec<_>>()
        };
        prop_assert_eq!(steps(changed), steps(fresh), "{:?}", key);
    }
    Ok(())
}

fn texts(table: &RouteTable) -> BTreeMap<(Family, String), Target> {
    table.routes().map(|route| ((route.family(), route.to_string()), route.target)).collect()
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (prop::sample::select(&NAMES[..]), prop::sample::select(&PATHS[..]))
            .prop_map(|(host, path)| format!("{host}{path}")),
        1 => prop::sample::select(&LOGINS[..]).prop_map(|login| format!("pop3:{login}")),
        1 => prop::sample::select(&["b.c", "*.b.c", "*"][..]).prop_map(|name| format!("sni:{name}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_table_is_the_table_built_anew(
        first in prop::collection::btree_map(names(), 1u32..9, 0..20),
        changes in prop::collection::vec((names(), prop::option::weighted(0.6, 1u32..9)), 0..25),
    ) {
        let mut wanted = first;
        let base = built(&wanted);
        let mut table = base.clone();
        for (name, service) in changes {
            let before = table.clone();
            match service {
                Some(service) => {
                    let (next, route) = table.with(sid(&name), target(service)).unwrap();
                    let added = wanted.insert(name.clone(), service);
                    table = next;
                    let differs = diff(&before, &table);
                    match added {
                        None => prop_assert_eq!(differs, [Change::Added(route)]),
                        Some(old) if old == service => prop_assert_eq!(differs, []),
                        Some(_) => prop_assert_eq!(differs, [Change::Changed { old: route, new: route }]),
                    }
                }
                None => match table.without(sid(&name)) {
                    Ok(next) => {
                        prop_assert!(wanted.remove(&name).is_some());
                        table = next;
                        let differs = diff(&before, &table);
                        prop_assert!(matches!(differs[..], [Change::Removed(_)]), "{:?}", differs);
                    }
                    Err(error) => {
                        prop_assert_eq!(error, ChangeError::Absent);
                        prop_assert!(!wanted.contains_key(&name));
                    }
                },
            }
        }
        let fresh = built(&wanted);
        assert_alike(&table, &fresh)?;
        prop_assert_eq!(texts(&table), texts(&fresh));
        prop_assert_eq!(diff(&table, &fresh), []);
        // The numbers outlive a rebuild, and none is given twice.
        let rebuilt = table.rebuilt();
        prop_assert_eq!(rebuilt.overlaid_entries(), 0);
        assert_alike(&rebuilt, &fresh)?;
        let ids = |table: &RouteTable| table.routes().map(|r| (r.id, r.family(), r.to_string())).collect::<BTreeSet<_>>();
        prop_assert_eq!(ids(&rebuilt), ids(&table));
        prop_assert_eq!(ids(&table).iter().map(|(id, ..)| *id).collect::<BTreeSet<RouteId>>().len(), table.len());
        // The first table is what it was.
        prop_assert_eq!(diff(&base, &table).is_empty(), texts(&base) == texts(&table));
    }
}

#[test]
fn an_overlay_is_bounded_and_says_when_it_is_full() {
    let mut table = RouteTable::builder(1).build().unwrap();
    // The same route again and again takes no more than one.
    for n in 0..5_000 {
        table = table.with(Sid::Http("flapping.example/p"), ServiceId(n)).unwrap().0;
    }
    assert_eq!(table.len(), 1);
    let bytes = table.heap_bytes();
    assert!(bytes <= 150 * 1024, "{bytes}");
    let mut added = 0;
    let full = loop {
        match table.with(Sid::Http(&format!("host{added}.example")), ServiceId(1)) {
            Ok((next, _)) => table = next,
            Err(error) => break error,
        }
        added += 1;
    };
    assert_eq!(full, ChangeError::Full);
    assert!(added >= 1_000, "{added}");
    let rebuilt = table.rebuilt();
    assert_eq!((rebuilt.len(), rebuilt.overlaid_entries()), (added + 1, 0));
    assert!(rebuilt.with(Sid::Http("one.more.example"), ServiceId(1)).is_ok());
    assert_eq!(table.without(Sid::Http("host0.example/none")), Err(ChangeError::Absent));
    assert!(matches!(table.without(Sid::Http("a..b")), Err(ChangeError::Sid(_))));
}

#[test]
fn tables_of_two_builds_differ_by_names_not_by_numbers() {
    let build = |names: &[(&str, u32)]| {
        let mut builder = RouteTable::builder(1);
        for (name, service) in names {
            builder.add(Sid::Http(name), ServiceId(*service)).unwrap();
        }
        builder.build().unwrap()
    };
    let old = build(&[("a", 1), ("b", 1), ("c/p", 1), ("c/q", 1), ("*.d", 1)]);
    let new = build(&[("*.d", 1), ("c/q", 2), ("c/p", 1), ("e", 1), ("a", 1)]);
    assert_eq!(
        diff(&old, &new),
        [
            Change::Added(RouteId(3)),
            Change::Removed(RouteId(1)),
            Change::Changed { old: RouteId(3), new: RouteId(1) }
        ]
    );
    assert_eq!(diff(&old, &old.clone()), []);
}
