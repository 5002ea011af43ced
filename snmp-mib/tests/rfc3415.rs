//! RFC 3415, clause by clause: who may see and write what.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{cell::Cell, rc::Rc, time::Duration};

use proptest::prelude::*;
use snmp_mib::agent::{Agent, Community, Config};
use snmp_mib::mib::{Absent, Cursor, Mib, Node, Skip};
use snmp_mib::usm::Level;
use snmp_mib::vacm::{
    self, Access, Denied, Family, FamilyType, Grant, Judgement, Member, Model, Policy, View,
};
use snmp_mib::wire::{Arcs, ErrorStatus, Oid, OidBuf, Value, Version};
use support::{
    cabinet,
    talk::{Ask, oid, walk},
};

fn family(included: bool, subtree: &str, mask: &[u8]) -> Family {
    let subtree = oid(subtree);
    let family = Family::included("view", subtree.as_oid()).masked(mask);
    Family { kind: if included { FamilyType::Included } else { FamilyType::Excluded }, ..family }
}

/// The definition, word by word: of all families that match, the one with the most arcs, of these the greatest.
fn defined(families: &[Family], name: &[u32]) -> Judgement {
    let mut best: Option<(Vec<u32>, bool)> = None;
    for family in families {
        let arcs: Vec<u32> = family.subtree.as_oid().arcs().collect();
        let open = |at: usize| family.mask.get(at / 8).is_some_and(|octet| octet & (0x80 >> (at % 8)) == 0);
        let matches = name.len() >= arcs.len() && (0..arcs.len()).all(|at| open(at) || arcs[at] == name[at]);
        let better = best.as_ref().is_none_or(|(own, _)| (arcs.len(), &arcs) >= (own.len(), own));
        if matches && better {
            best = Some((arcs, family.kind == FamilyType::Included));
        }
    }
    match best {
        Some((_, true)) => Judgement::Included,
        Some((_, false)) => Judgement::Excluded,
        None => Judgement::Unmatched,
    }
}

fn any_name() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(prop_oneof![4 => 0..3_u32, 1 => 126..130_u32, 1 => Just(u32::MAX)], 0..5)
        .prop_map(|below| [&[1, 3][..], &below].concat())
}

fn any_family(masks: bool) -> impl Strategy<Value = Family> {
    let mask =
        if masks { proptest::collection::vec(any::<u8>(), 0..2).boxed() } else { Just(vec![]).boxed() };
    (any_name(), any::<bool>(), mask).prop_map(|(arcs, included, mask)| {
        let text: Vec<String> = arcs.iter().map(u32::to_string).collect();
        // The first two arcs stay fixed: nothing has names elsewhere.
        let mask: Vec<u8> =
            mask.into_iter().enumerate().map(|(i, m)| if i == 0 { m | 0xc0 } else { m }).collect();
        family(included, &text.join("."), &mask)
    })
}

fn check(families: &[Family], mut names: Vec<Vec<u32>>) -> Result<(), TestCaseError> {
    let view = View::new(families);
    // A view has one family of a subtree; the later one counts.
    let last = |at: usize| !families[at + 1..].iter().any(|later| later.subtree == families[at].subtree);
    let families: &Vec<Family> =
        &(0..families.len()).filter(|at| last(*at)).map(|at| families[at].clone()).collect();
    names.sort();
    let buf = |arcs: &[u32]| OidBuf::from_arcs(arcs).unwrap();
    for (at, name) in names.iter().enumerate() {
        let judged = defined(families, name);
        let own = buf(name);
        prop_assert_eq!(view.judge(own.as_oid()), judged);
        prop_assert_eq!(view.contains(own.as_oid()), judged == Judgement::Included);
        let seek = view.seek(own.as_oid());
        if let Some(found) = &seek {
            prop_assert!(view.contains(found.as_oid()), "{found} is not in the view");
            prop_assert!(own.as_oid() <= found.as_oid());
        }
        // Nothing that is in the view is passed over.
        for later in &names[at..] {
            if defined(families, later) == Judgement::Included {
                let found = seek.as_ref().expect("something follows");
                prop_assert!(found.as_oid() <= buf(later).as_oid(), "{found} is behind {later:?}");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn section_4_a_view_is_what_the_definition_says(
        families in proptest::collection::vec(any_family(false), 0..6),
        names in proptest::collection::vec(any_name(), 1..30),
    ) {
        check(&families, names)?;
    }

    #[test]
    fn section_4_a_view_with_masks_is_what_the_definition_says(
        families in proptest::collection::vec(any_family(true), 0..6),
        names in proptest::collection::vec(any_name(), 1..30),
    ) {
        check(&families, names)?;
    }
}

#[test]
fn section_4_a_mask_shows_one_row_of_a_table() {
    // The example of vacmViewTreeFamilyMask: every column, but of interface 3 only.
    let view = View::new(&[family(true, "1.3.6.1.2.1.2.2.1.0.3", &[0xff, 0xa0])]);
    assert!(view.contains(oid("1.3.6.1.2.1.2.2.1.7.3").as_oid()));
    assert!(!view.contains(oid("1.3.6.1.2.1.2.2.1.7.4").as_oid()));
    let seek = |name: &str| view.seek(oid(name).as_oid()).map(|found| found.to_string());
    assert_eq!(seek("1.3.6.1.2.1.2.2.1.7.4"), Some("1.3.6.1.2.1.2.2.1.8.3".into()));
    assert_eq!(seek("1.3.6.1.2.1.3"), None);
}

fn policy() -> Policy {
    Policy::new(vacm::Config {
        contexts: vec!["2.1".into()],
        members: vec![
            Member::new(Model::USM, "ali", "guests"),
            Member::new(Model::V2C, "reader", "guests"),
            Member::new(Model::USM, "lost", "nowhere"),
        ],
        access: vec![
            Access::new("guests", Level::Open).reading("little"),
            Access::new("guests", Level::Encrypted).reading("much").writing("little").notified("much"),
            Access::new("guests", Level::Open).within("2.1").reading("much").writing("gone"),
            Access { model: Model::USM, ..Access::new("guests", Level::Authenticated).reading("much") },
        ],
        families: vec![
            Family::included("little", oid("1.3.6.1.2.1.1").as_oid()),
            Family::included("much", oid("1.3.6.1").as_oid()),
        ],
    })
}

#[test]
fn section_3_2_is_access_allowed_step_by_step() {
    let policy = policy();
    let grant = |model, name: &[u8], level, context: &[u8]| policy.grant(model, name, level, context);
    assert_eq!(grant(Model::USM, b"ali", Level::Open, b"9.9"), Err(Denied::NoSuchContext));
    assert_eq!(grant(Model::V1, b"reader", Level::Open, b""), Err(Denied::NoGroupName));
    assert_eq!(grant(Model::USM, b"lost", Level::Open, b""), Err(Denied::NoAccessEntry));
    let reads = |grant: Result<Grant, Denied>, name: &str| {
        policy.view(grant.unwrap().read).unwrap().contains(oid(name).as_oid())
    };
    let (system, interfaces) = ("1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.2.1.0");
    // By level, and never above one's own.
    assert!(reads(grant(Model::USM, b"ali", Level::Open, b""), system));
    assert!(!reads(grant(Model::USM, b"ali", Level::Open, b""), interfaces));
    assert!(reads(grant(Model::USM, b"ali", Level::Encrypted, b""), interfaces));
    // A row for the model comes before one for any, even of a higher level; so nothing is to be written.
    assert_eq!(grant(Model::USM, b"ali", Level::Encrypted, b"").unwrap().write, None);
    // A context that is named comes before a prefix.
    assert!(reads(grant(Model::V2C, b"reader", Level::Open, b"2.1"), interfaces));
    // A view without families is noSuchView.
    assert_eq!(grant(Model::V2C, b"reader", Level::Open, b"2.1").unwrap().write, None);
}

/// An agent whose community `public` sees what these families hold, and may write as much.
fn viewed<M: Mib>(mib: M, families: Vec<Family>) -> Agent<M> {
    let access = vacm::Config {
        members: vec![Member::new(Model::V1, "us", "us"), Member::new(Model::V2C, "us", "us")],
        access: vec![Access::new("us", Level::Open).reading("view").writing("view")],
        families,
        ..vacm::Config::default()
    };
    let communities = vec![Community::views("public", "us"), Community::views("stranger", "nobody")];
    let config = Config { communities, access, ..Config::default() };
    Agent::new(Duration::ZERO, config, mib).unwrap()
}

#[test]
fn every_operation_goes_through_the_view() {
    let mut agent = viewed(
        cabinet(6).mib().clone(),
        vec![
            family(true, "1.3.6.1.2.1.1", &[]),
            family(false, "1.3.6.1.2.1.1.4", &[]),
            family(true, "1.3.6.1.4", &[]),
        ],
    );
    let (name, contact) = ("1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.4.0");
    let answer = Ask::get(&[name, contact]).of(&mut agent);
    assert!(matches!(answer.good().value(0), Value::Octets(_)));
    assert_eq!(answer.value(1), Value::NoSuchObject);
    Ask::get(&[name, contact]).v1().of(&mut agent).failed(ErrorStatus::NO_SUCH_NAME, 2);
    let next = Ask::next(&["1.3.6.1.2.1.1.3.0"]).of(&mut agent);
    assert_eq!(next.good().names(), [name]);
    let bulk = Ask::bulk(0, 3, &["1.3.6.1.2.1.1.9.1.4"]).of(&mut agent);
    assert!(bulk.good().names()[2].starts_with("1.3.6.1.2.1.1.9.1.4"), "{:?}", bulk.names());
    let over = Ask::bulk(0, 1, &["1.3.6.1.2.1.1.9.2"]).of(&mut agent);
    assert_eq!(over.good().names(), ["1.3.6.1.4.1.32473.1.2.1.1.3.1.1"]);
    Ask::set(&[(name, Value::Octets(b"x"))]).by("public").of(&mut agent).good();
    let both = [(name, Value::Octets(b"y")), (contact, Value::Octets(b"y"))];
    Ask::set(&both).by("public").of(&mut agent).failed(ErrorStatus::NO_ACCESS, 2);
    assert_eq!(Ask::get(&[name]).of(&mut agent).value(0), Value::Octets(b"x"));
    for version in [Version::V1, Version::V2c] {
        assert!(walk(&mut agent, version).iter().all(|(name, _)| {
            let name = name.to_string();
            !name.starts_with("1.3.6.1.2.1.1.4.")
                && (name.starts_with("1.3.6.1.2.1.1.") || name.starts_with("1.3.6.1.4."))
        }));
    }
}

#[test]
fn rfc3413_section_3_2_who_has_no_group_is_refused_and_told_so() {
    let mut agent = viewed((), vec![]);
    let ask = Ask::get(&["1.3.6.1.2.1.1.5.0"]).by("stranger");
    ask.of(&mut agent).failed(ErrorStatus::AUTHORIZATION_ERROR, 0);
    ask.clone().v1().of(&mut agent).failed(ErrorStatus::NO_SUCH_NAME, 0);
    // A group, but no view of that name.
    Ask::get(&["1.3.6.1.2.1.1.5.0"]).of(&mut agent).failed(ErrorStatus::AUTHORIZATION_ERROR, 0);
}

#[test]
fn users_communities_and_views_are_read_by_those_who_may_only() {
    let mut agent = cabinet(1);
    let secret = ["1.3.6.1.6.3.15.1.2.", "1.3.6.1.6.3.16.", "1.3.6.1.6.3.18."];
    assert!(walk(&mut agent, Version::V2c).iter().all(|(name, value)| {
        let name = name.to_string();
        !secret.iter().any(|part| name.starts_with(part)) && !value.contains("private")
    }));
    let mut agent = viewed((), vec![family(true, "1.3", &[])]);
    let seen = walk(&mut agent, Version::V2c);
    for part in [
        "1.3.6.1.6.3.16.1.2.1.3.",
        "1.3.6.1.6.3.16.1.4.1.5.",
        "1.3.6.1.6.3.16.1.5.2.1.4.",
        "1.3.6.1.6.3.18.1.1.1.3.",
    ] {
        assert!(seen.iter().any(|(name, _)| name.to_string().starts_with(part)), "{part}");
    }
}

/// A million instances that count how often they are asked.
struct Million {
    root: OidBuf,
    asked: Rc<Cell<u32>>,
}

impl Node for Million {
    fn root(&self) -> Oid<'_> {
        self.root.as_oid()
    }

    fn get(&self, _: Arcs<'_>) -> Result<Value<'_>, Absent> {
        self.asked.set(self.asked.get() + 1);
        Ok(Value::Counter64(1))
    }

    fn next(&self, cursor: &mut Cursor, _: Skip) -> Option<Value<'_>> {
        self.asked.set(self.asked.get() + 1);
        let below = cursor.name.as_oid().strip_prefix(self.root.as_oid())?;
        let last = { below }.next();
        let next = match last {
            None => 1,
            Some(last) if cursor.inclusive => last,
            Some(last) => last + 1,
        };
        cursor.name = self.root.clone().join(&[next]);
        (next <= 1_000_000).then_some(Value::Counter32(next))
    }
}

#[derive(Mib)]
struct Two {
    hidden: Million,
    seen: Million,
}

#[test]
fn a_hidden_million_is_sought_past_and_never_stepped_through() {
    let asked = Rc::new(Cell::new(0));
    let million = |root: &str| Million { root: oid(root), asked: Rc::clone(&asked) };
    let two = Two { hidden: million("1.3.6.1.4.1.32473.5.1"), seen: million("1.3.6.1.4.1.32473.5.2") };
    let mut agent = viewed(
        two,
        vec![
            family(true, "1.3.6.1.4", &[]),
            family(false, "1.3.6.1.4.1.32473.5.1", &[]),
            family(true, "1.3.6.1.4.1.32473.5.1.999999", &[]),
        ],
    );
    let next = Ask::next(&["1.3.6.1.4"]).of(&mut agent);
    assert_eq!(next.good().names(), ["1.3.6.1.4.1.32473.5.1.999999"]);
    assert!(asked.get() <= 3, "{}", asked.replace(0));
    asked.set(0);
    let next = Ask::next(&["1.3.6.1.4.1.32473.5.1.999999"]).of(&mut agent);
    assert_eq!(next.good().names(), ["1.3.6.1.4.1.32473.5.2.1"]);
    assert!(asked.get() <= 3, "{}", asked.get());
    asked.set(0);
    let bulk = Ask::bulk(0, 3, &["1.3.6.1.4"]).of(&mut agent);
    assert_eq!(bulk.good().names()[1..], ["1.3.6.1.4.1.32473.5.2.1", "1.3.6.1.4.1.32473.5.2.2"]);
    assert!(asked.get() <= 7, "{}", asked.get());
}

#[test]
fn a_node_that_ignores_where_it_is_sent_is_an_error_and_no_circle() {
    struct Stubborn(OidBuf);
    impl Node for Stubborn {
        fn root(&self) -> Oid<'_> {
            self.0.as_oid()
        }
        fn get(&self, _: Arcs<'_>) -> Result<Value<'_>, Absent> {
            Err(Absent::Object)
        }
        fn next(&self, cursor: &mut Cursor, _: Skip) -> Option<Value<'_>> {
            cursor.name = self.0.clone().join(&[1]);
            Some(Value::Null)
        }
    }
    #[derive(Mib)]
    struct One {
        one: Stubborn,
    }
    let root = "1.3.6.1.4.1.32473.5";
    let families = vec![family(true, "1.3.6", &[]), family(false, "1.3.6.1.4.1.32473.5.1", &[])];
    let mut agent = viewed(One { one: Stubborn(oid(root)) }, families);
    Ask::next(&[root]).of(&mut agent).failed(ErrorStatus::GEN_ERR, 1);
}
