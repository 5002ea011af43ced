//! Requests that cannot be answered at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{net::SocketAddr, time::Duration};

use snmp_mib::agent::{Agent, AskId, Community, Config, Error, Input, Limits, Output};
use snmp_mib::mib::{Absent, Cursor, Mib, Node, Skip};
use snmp_mib::usm::Level;
use snmp_mib::vacm::{self, Access, Family, Member, Model};
use snmp_mib::wire::{Arcs, ErrorStatus, Oid, OidBuf, PduType, Value, VarBind, VarBindList, Version};
use support::talk::{Answer, Ask, MANAGER, drain, oid};

const SECOND: Duration = Duration::from_secs(1);

/// Two instances that show the round in which they were fetched, and are stale until then.
#[derive(Clone, Debug, PartialEq)]
struct Card {
    root: OidBuf,
    round: Option<u32>,
}

impl Node for Card {
    fn root(&self) -> Oid<'_> {
        self.root.as_oid()
    }

    fn ready(&self) -> bool {
        self.round.is_some()
    }

    fn get(&self, below: Arcs<'_>) -> Result<Value<'_>, Absent> {
        let arc = { below }.next().filter(|arc| (1..=2).contains(arc)).ok_or(Absent::Instance)?;
        Ok(Value::Gauge32(self.round.expect("never asked while stale") * 10 + arc))
    }

    fn next(&self, cursor: &mut Cursor, _: Skip) -> Option<Value<'_>> {
        let next = { cursor.name.as_oid().strip_prefix(self.root.as_oid())? }.next().map_or(1, |arc| arc + 1);
        cursor.name = self.root.clone().join(&[next]);
        self.get(cursor.name.as_oid().strip_prefix(self.root.as_oid())?).ok()
    }
}

#[derive(Clone, Debug, PartialEq, Mib)]
struct Cards {
    one: Card,
    two: Card,
}

fn agent(limits: Limits) -> Agent<Cards> {
    let card = |root: &str| Card { root: oid(root), round: None };
    let cards = Cards { one: card("1.3.6.1.4.1.32473.5.1"), two: card("1.3.6.1.4.1.32473.5.2") };
    let access = vacm::Config {
        members: vec![Member::new(Model::V1, "us", "us"), Member::new(Model::V2C, "us", "us")],
        access: vec![Access::new("us", Level::Open).reading("view").writing("view")],
        families: vec![
            Family::included("view", oid("1.3.6.1").as_oid()),
            Family::excluded("view", oid("1.3.6.1.2.1.2").as_oid()),
        ],
        ..vacm::Config::default()
    };
    let communities = vec![Community::views("public", "us"), Community::views("private", "us")];
    let mut agent =
        Agent::new(Duration::ZERO, Config { communities, access, limits, ..Config::default() }, cards)
            .unwrap();
    agent.set_contexts(["2.1".into(), "2.2".into()]);
    agent
}

fn ask(agent: &mut Agent<Cards>, at: Duration, ask: &Ask) -> Result<(), Error> {
    agent.handle(at, Input::Datagram { from: MANAGER.parse::<SocketAddr>().unwrap(), data: &ask.bytes() })
}

fn fetches(agent: &mut Agent<Cards>) -> Vec<(AskId, String)> {
    let mut fetches = Vec::new();
    while let Some(output) = agent.poll_output() {
        match output {
            Output::Fetch { id, root } => fetches.push((id, root.to_string())),
            other => panic!("{other:?}"),
        }
    }
    fetches
}

/// The question that the agent asks in another context, and nothing else.
fn question(agent: &mut Agent<Cards>) -> (AskId, String, PduType, Vec<String>) {
    let Some(Output::Ask { id, context, kind, varbinds, .. }) = agent.poll_output() else {
        panic!("a question")
    };
    let names = varbinds.iter().map(|binding| binding.name.to_string()).collect();
    let asked = (id, String::from_utf8_lossy(context).into_owned(), kind, names);
    assert_eq!(agent.poll_output(), None);
    asked
}

fn tell(agent: &mut Agent<Cards>, id: AskId, bindings: &[(&str, Value<'_>)]) {
    let names: Vec<OidBuf> = bindings.iter().map(|(name, _)| oid(name)).collect();
    let list: VarBindList = names
        .iter()
        .zip(bindings)
        .map(|(name, (_, value))| VarBind { name: name.as_oid(), value: *value })
        .collect();
    let (status, index) = (ErrorStatus::NO_ERROR, 0);
    agent.handle(SECOND, Input::Answered { id, status, index, varbinds: list.as_varbinds() }).unwrap();
}

fn only(agent: &mut Agent<Cards>) -> Answer {
    let mut answers = drain(agent);
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

#[test]
fn a_request_waits_for_what_it_touches_and_is_answered_whole() {
    let mut agent = agent(Limits::default());
    ask(&mut agent, SECOND, &Ask::bulk(0, 4, &["1.3.6.1.4.1.32473.5"])).unwrap();
    let first = fetches(&mut agent);
    assert_eq!(first[0].1, "1.3.6.1.4.1.32473.5.1");
    agent.mib_mut().one.round = Some(1);
    agent.handle(SECOND, Input::Fetched { id: first[0].0 }).unwrap();
    // The second card is met now. When it is there, the first one's rows are read anew, too.
    let second = fetches(&mut agent);
    assert_eq!(second[0].1, "1.3.6.1.4.1.32473.5.2");
    agent.mib_mut().one.round = Some(2);
    agent.mib_mut().two.round = Some(2);
    agent.handle(SECOND, Input::Fetched { id: second[0].0 }).unwrap();
    let values: Vec<_> =
        only(&mut agent).bindings.iter().map(|binding| format!("{:?}", binding.value)).collect();
    assert_eq!(values, ["Gauge32(21)", "Gauge32(22)", "Gauge32(21)", "Gauge32(22)"]);
}

#[test]
fn answers_come_in_any_order_and_one_fetch_serves_all_who_wait() {
    let mut agent = agent(Limits::default());
    let name = |card: u32| format!("1.3.6.1.4.1.32473.5.{card}.1");
    ask(&mut agent, SECOND, &Ask::get(&[&name(1)])).unwrap();
    ask(&mut agent, SECOND, &Ask::get(&[&name(2)])).unwrap();
    ask(&mut agent, SECOND, &Ask::next(&[&name(1)])).unwrap();
    let fetches = fetches(&mut agent);
    assert_eq!(fetches.len(), 2);
    agent.mib_mut().two.round = Some(1);
    agent.handle(SECOND, Input::Fetched { id: fetches[1].0 }).unwrap();
    assert_eq!(only(&mut agent).names(), [name(2)]);
    agent.mib_mut().one.round = Some(1);
    agent.handle(SECOND, Input::Fetched { id: fetches[0].0 }).unwrap();
    assert_eq!(drain(&mut agent).len(), 2);
    assert_eq!(agent.handle(SECOND, Input::Fetched { id: fetches[0].0 }), Err(Error::UnknownAsk));
}

#[test]
fn the_same_request_again_is_joined_and_too_many_are_dropped_and_counted() {
    let mut agent = agent(Limits { parked: 2, ..Limits::default() });
    let get = |n: u32| Ask::get(&[&format!("1.3.6.1.4.1.32473.5.1.{n}")]);
    ask(&mut agent, SECOND, &get(1)).unwrap();
    assert_eq!(ask(&mut agent, SECOND, &get(1)), Err(Error::Repeated));
    ask(&mut agent, SECOND, &get(2)).unwrap();
    assert_eq!(ask(&mut agent, SECOND, &get(3)), Err(Error::Busy));
    assert_eq!(agent.stats().silent_drops.0, 1);
    let fetches = fetches(&mut agent);
    agent.mib_mut().one.round = Some(1);
    agent.handle(SECOND, Input::Fetched { id: fetches[0].0 }).unwrap();
    assert_eq!(drain(&mut agent).len(), 2);
}

#[test]
fn who_waits_too_long_is_answered_gen_err_at_the_deadline() {
    let mut agent = agent(Limits { patience: 3 * SECOND, ..Limits::default() });
    ask(&mut agent, SECOND, &Ask::get(&["1.3.6.1.4.1.32473.5.1.1"])).unwrap();
    let fetches = fetches(&mut agent);
    assert_eq!(agent.deadline(), Some(4 * SECOND));
    agent.handle(3 * SECOND, Input::Tick).unwrap();
    assert_eq!(agent.poll_output(), None);
    agent.handle(4 * SECOND, Input::Tick).unwrap();
    only(&mut agent).failed(ErrorStatus::GEN_ERR, 0);
    assert_eq!(agent.deadline(), None);
    assert_eq!(agent.handle(4 * SECOND, Input::Fetched { id: fetches[0].0 }), Err(Error::UnknownAsk));
}

#[test]
fn what_was_fetched_and_is_still_not_ready_is_an_error_and_no_loop() {
    let mut agent = agent(Limits::default());
    ask(&mut agent, SECOND, &Ask::get(&["1.3.6.1.4.1.32473.5.1.1"])).unwrap();
    let fetches = fetches(&mut agent);
    agent.handle(SECOND, Input::Fetched { id: fetches[0].0 }).unwrap();
    only(&mut agent).failed(ErrorStatus::GEN_ERR, 0);
}

#[test]
fn rfc3584_a_community_with_a_context_is_asked_there() {
    let mut agent = agent(Limits::default());
    let name = "1.3.6.1.2.1.1.5.0";
    ask(&mut agent, SECOND, &Ask::get(&[name, "1.3.6.1.2.1.2.1.0"]).by("public@2.1")).unwrap();
    let (id, context, kind, names) = question(&mut agent);
    // What the view hides is not asked for.
    assert_eq!((context.as_str(), kind, names), ("2.1", PduType::GET, vec![name.to_owned()]));
    tell(&mut agent, id, &[(name, Value::Octets(b"card"))]);
    let answer = only(&mut agent);
    assert_eq!((answer.good().value(0), answer.value(1)), (Value::Octets(b"card"), Value::NoSuchObject));
    assert_eq!(ask(&mut agent, SECOND, &Ask::get(&[name]).by("public@9.9")), Err(Error::Context));
    assert_eq!(ask(&mut agent, SECOND, &Ask::get(&[name]).by("nobody@2.1")), Err(Error::Community));
}

#[test]
fn what_another_context_answers_goes_through_the_view() {
    let mut agent = agent(Limits::default());
    ask(&mut agent, SECOND, &Ask::next(&["1.3.6.1.2.1.1.9"]).by("public@2.1")).unwrap();
    let (id, _, _, names) = question(&mut agent);
    assert_eq!(names, ["1.3.6.1.2.1.1.9"]);
    tell(&mut agent, id, &[("1.3.6.1.2.1.2.1.0", Value::Integer(2))]);
    // interfaces is hidden: the search goes on behind it.
    let (id, _, _, names) = question(&mut agent);
    assert_eq!(names, ["1.3.6.1.2.1.2.4294967295.4294967295"]);
    tell(&mut agent, id, &[("1.3.6.1.2.1.4.1.0", Value::Integer(1))]);
    assert_eq!(only(&mut agent).good().names(), ["1.3.6.1.2.1.4.1.0"]);

    ask(&mut agent, SECOND, &Ask::bulk(0, 3, &["1.3.6.1.2.1.1.7"]).by("public@2.1")).unwrap();
    let (id, ..) = question(&mut agent);
    let bulk = [
        ("1.3.6.1.2.1.1.7.0", Value::Integer(72)),
        ("1.3.6.1.2.1.2.1.0", Value::Integer(2)),
        ("1.3.6.1.2.1.2.2.1.1.1", Value::Integer(1)),
    ];
    tell(&mut agent, id, &bulk);
    assert_eq!(only(&mut agent).good().names(), ["1.3.6.1.2.1.1.7.0"]);

    let hidden = [("1.3.6.1.2.1.2.2.1.7.1", Value::Integer(2))];
    ask(&mut agent, SECOND, &Ask::set(&hidden).by("private@2.1")).unwrap();
    only(&mut agent).failed(ErrorStatus::NO_ACCESS, 1);
}

#[test]
fn an_answer_that_does_not_belong_to_the_question_is_gen_err() {
    let mut agent = agent(Limits::default());
    for (kind, told) in [
        (Ask::get(&["1.3.6.1.2.1.1.5.0"]), "1.3.6.1.2.1.1.6.0"),
        (Ask::next(&["1.3.6.1.2.1.1.5.0"]), "1.3.6.1.2.1.1.4.0"),
    ] {
        ask(&mut agent, SECOND, &kind.by("public@2.1")).unwrap();
        let (id, ..) = question(&mut agent);
        tell(&mut agent, id, &[(told, Value::Integer(1))]);
        only(&mut agent).failed(ErrorStatus::GEN_ERR, 1);
    }
}

#[test]
fn a_card_that_does_not_answer_is_gen_err_and_counted() {
    let mut agent = agent(Limits::default());
    ask(&mut agent, SECOND, &Ask::get(&["1.3.6.1.2.1.1.5.0"]).v1().by("public@2.2")).unwrap();
    let (id, ..) = question(&mut agent);
    agent.handle(SECOND, Input::Unanswered { id }).unwrap();
    only(&mut agent).failed(ErrorStatus::GEN_ERR, 0);
    let unavailable = Ask::get(&["1.3.6.1.6.3.12.1.4.0"]).of(&mut agent);
    assert_eq!(unavailable.value(0), Value::Counter32(1));
}

#[test]
fn v1_sees_no_exceptions_of_another_context() {
    let mut agent = agent(Limits::default());
    ask(&mut agent, SECOND, &Ask::new(Version::V1, PduType::GET, &["1.3.6.1.2.1.1.5.0"]).by("public@2.1"))
        .unwrap();
    let (id, ..) = question(&mut agent);
    tell(&mut agent, id, &[("1.3.6.1.2.1.1.5.0", Value::NoSuchInstance)]);
    only(&mut agent).failed(ErrorStatus::NO_SUCH_NAME, 1);
}
