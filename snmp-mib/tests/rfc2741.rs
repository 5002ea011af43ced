//! RFC 2741, clause by clause: what a master does with what sub-agents say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use snmp_mib::agentx::master::{
    Config, ConnectionId, Error, Event, Input, Limits, Master, Output, SessionId,
};
use snmp_mib::agentx::wire::{
    Binding, Body, Data, List, Name, Order, Packet, PduType, Reason, Region, Search, Status,
};
use snmp_mib::oid;
use snmp_mib::wire::{Oid, OidBuf, Value};

const ONE: ConnectionId = ConnectionId(1);
const TWO: ConnectionId = ConnectionId(2);
const SECOND: Duration = Duration::from_secs(1);

/// What a master did.
#[derive(Clone, Debug, PartialEq)]
enum Did {
    Answered(ConnectionId, u32, Status, u16, Vec<(OidBuf, String)>),
    Asked(ConnectionId, PduType, u32, u32),
    Closed(ConnectionId),
    Answer(u32, Status),
    Notified(SessionId, Vec<(OidBuf, String)>),
    Event(Event),
}

fn did(master: &mut Master) -> Vec<Did> {
    let mut all = Vec::new();
    while let Some(output) = master.poll_output() {
        match output {
            Output::Send { to, bytes } => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let length = snmp_mib::agentx::wire::Header::of(rest).unwrap().unwrap().packet_len();
                    let (bytes, behind) = rest.split_at(length);
                    rest = behind;
                    all.push(sent(to, bytes));
                }
            }
            Output::Close(connection) => all.push(Did::Closed(connection)),
            Output::Answer { id, status, .. } => all.push(Did::Answer(id.0, status)),
            Output::Notify { session, varbinds, .. } => {
                let list = varbinds.iter().map(|own| (own.name.to_buf(), format!("{:?}", own.value)));
                all.push(Did::Notified(session, list.collect()));
            }
            Output::Event(event) => all.push(Did::Event(event)),
        }
    }
    all
}

fn sent(to: ConnectionId, bytes: &[u8]) -> Did {
    let packet = Packet::parse(bytes).unwrap();
    match packet.body {
        Body::Response { status, index, varbinds, .. } => {
            let mut scratch = OidBuf::new();
            let list =
                varbinds.iter().map(|own| (own.name.to_buf(), format!("{:?}", own.data.value(&mut scratch))));
            Did::Answered(to, packet.session, status, index, list.collect())
        }
        _ => Did::Asked(to, PduType(bytes[1]), packet.session, packet.packet),
    }
}

fn tell(master: &mut Master, from: ConnectionId, session: u32, body: Body<'_>) -> Vec<Did> {
    tell_in(master, from, session, None, body)
}

fn tell_in(
    master: &mut Master,
    from: ConnectionId,
    session: u32,
    context: Option<&[u8]>,
    body: Body<'_>,
) -> Vec<Did> {
    let mut bytes = Vec::new();
    Packet { order: Order::Little, session, transaction: 0, packet: 9, context, body }.emit(&mut bytes);
    assert_eq!(master.handle(SECOND, Input::Data { from, bytes: &bytes }).unwrap(), bytes.len());
    did(master)
}

/// The status and the index of the answer.
fn status(all: &[Did]) -> (Status, u16) {
    let answer = all.iter().find_map(|one| match one {
        Did::Answered(_, _, status, index, _) => Some((*status, *index)),
        _ => None,
    });
    answer.expect("an answer")
}

fn good(all: &[Did]) {
    assert_eq!(status(all), (Status::NO_ERROR, 0), "{all:?}");
}

/// A master with a session on each of two connections.
fn master(config: Config) -> (Master, u32, u32) {
    let mut master = Master::new(Duration::ZERO, config);
    let mut sessions = Vec::new();
    for connection in [ONE, TWO] {
        master.handle(SECOND, Input::Connected(connection)).unwrap();
        let all = tell(&mut master, connection, 0, Body::Open { timeout: 0, id: Name::NULL, descr: b"" });
        good(&all);
        let Did::Answered(_, session, ..) = all[0] else { panic!("{all:?}") };
        assert_eq!(all[1], Did::Event(Event::Opened(SessionId(session))));
        sessions.push(session);
    }
    (master, sessions[0], sessions[1])
}

fn region(subtree: Oid<'static>, priority: u8, range: Option<(u8, u32)>) -> Region<'static> {
    Region { subtree: subtree.into(), priority, range }
}

fn register(region: Region<'_>) -> Body<'_> {
    Body::Register { region, timeout: 0, instance: false }
}

/// Who serves what.
fn served(master: &Master) -> Vec<(String, String, u32)> {
    let all = master.stretches(b"").iter();
    all.map(|own| (own.start().to_string(), own.end().to_string(), own.session.0)).collect()
}

fn stretch(start: &str, end: &str, session: u32) -> (String, String, u32) {
    (start.into(), end.into(), session)
}

#[test]
fn section_7_1_3_a_pdu_without_its_session_is_not_open() {
    let (mut master, one, two) = master(Config::default());
    assert_ne!(one, two);
    assert_eq!(status(&tell(&mut master, ONE, 77, Body::Ping)).0, Status::NOT_OPEN);
    // Nobody speaks for another one's session.
    assert_eq!(status(&tell(&mut master, ONE, two, Body::Ping)).0, Status::NOT_OPEN);
    good(&tell(&mut master, ONE, one, Body::Ping));
}

#[test]
fn section_7_1_1_more_sessions_than_the_limit_are_open_failed() {
    let config = Config { limits: Limits { connections: 2, ..Limits::default() }, ..Config::default() };
    let (mut master, ..) = master(config);
    let open = Body::Open { timeout: 0, id: Name::NULL, descr: b"" };
    assert_eq!(status(&tell(&mut master, ONE, 0, open)).0, Status::OPEN_FAILED);
    assert_eq!(master.handle(SECOND, Input::Connected(ConnectionId(3))), Err(Error::TooMany));
}

#[test]
fn section_7_1_4_1_the_longest_root_serves_and_then_the_lowest_priority() {
    let (mut master, one, two) = master(Config::default());
    let (all, part) = (oid!(1, 3, 6, 1, 4, 1, 9), oid!(1, 3, 6, 1, 4, 1, 9, 5));
    good(&tell(&mut master, ONE, one, register(region(all, 127, None))));
    good(&tell(&mut master, TWO, two, register(region(part, 127, None))));
    let whole = [
        stretch("1.3.6.1.4.1.9", "1.3.6.1.4.1.9.5", one),
        stretch("1.3.6.1.4.1.9.5", "1.3.6.1.4.1.9.6", two),
        stretch("1.3.6.1.4.1.9.6", "1.3.6.1.4.1.10", one),
    ];
    assert_eq!(served(&master), whole);
    // The same subtree with a lower number goes first, with a higher one it waits.
    good(&tell(&mut master, ONE, one, register(region(part, 200, None))));
    assert_eq!(served(&master), whole);
    good(&tell(&mut master, ONE, one, register(region(part, 5, None))));
    assert_eq!(served(&master), [stretch("1.3.6.1.4.1.9", "1.3.6.1.4.1.10", one)]);
    good(&tell(&mut master, ONE, one, Body::Unregister(region(part, 5, None))));
    assert_eq!(served(&master), whole);
}

#[test]
fn section_7_1_4_the_same_region_of_the_same_priority_is_a_duplicate() {
    let (mut master, one, two) = master(Config::default());
    let place = region(oid!(1, 3, 6, 1, 4, 1, 9), 127, None);
    good(&tell(&mut master, ONE, one, register(place)));
    assert_eq!(status(&tell(&mut master, TWO, two, register(place))).0, Status::DUPLICATE_REGISTRATION);
    assert_eq!(status(&tell(&mut master, TWO, two, Body::Unregister(place))).0, Status::UNKNOWN_REGISTRATION);
}

#[test]
fn section_6_2_3_a_range_stands_for_many_subtrees() {
    let (mut master, one, _) = master(Config::default());
    // The example of RFC 2741 §6.2.3: ifEntry's columns 1 to 22 of interface 7.
    let row = region(oid!(1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 7), 127, Some((10, 22)));
    good(&tell(&mut master, ONE, one, register(row)));
    let all = served(&master);
    assert_eq!(all.len(), 22);
    assert_eq!(all[0], stretch("1.3.6.1.2.1.2.2.1.1.7", "1.3.6.1.2.1.2.2.1.1.8", one));
    assert_eq!(all[21], stretch("1.3.6.1.2.1.2.2.1.22.7", "1.3.6.1.2.1.2.2.1.22.8", one));
    // Where the last arc varies, the subtrees stand side by side, however many.
    let wide = region(oid!(1, 3, 6, 1, 4, 1, 9, 1), 127, Some((8, u32::MAX)));
    good(&tell(&mut master, ONE, one, register(wide)));
    assert_eq!(served(&master)[22], stretch("1.3.6.1.4.1.9.1", "1.3.6.1.4.1.10", one));
    let wild = region(oid!(1, 3, 6, 1, 4, 1, 9, 1, 1), 127, Some((8, u32::MAX)));
    assert_eq!(status(&tell(&mut master, ONE, one, register(wild))).0, Status::REQUEST_DENIED);
    let upside_down = region(oid!(1, 3, 6, 1, 4, 1, 9, 8), 127, Some((8, 1)));
    assert_eq!(status(&tell(&mut master, ONE, one, register(upside_down))).0, Status::REQUEST_DENIED);
}

#[test]
fn the_masters_own_tables_are_given_to_nobody() {
    let config = Config { own: vec![oid!(1, 3, 6, 1, 2, 1, 1).to_buf()], ..Config::default() };
    let (mut master, one, _) = master(config);
    let inside = region(oid!(1, 3, 6, 1, 2, 1, 1, 5), 0, None);
    assert_eq!(status(&tell(&mut master, ONE, one, register(inside))).0, Status::DUPLICATE_REGISTRATION);
    // What is around them may be had: they keep their place in it.
    good(&tell(&mut master, ONE, one, register(region(oid!(1, 3, 6, 1, 2, 1), 127, None))));
}

#[test]
fn section_7_1_a_context_that_is_not_there_is_unsupported() {
    let config = Config { contexts: vec![b"bridge1".to_vec()], ..Config::default() };
    let (mut master, one, _) = master(config);
    let place = region(oid!(1, 3, 6, 1, 4, 1, 9), 127, None);
    let all = tell_in(&mut master, ONE, one, Some(b"elsewhere"), register(place));
    assert_eq!(status(&all).0, Status::UNSUPPORTED_CONTEXT);
    good(&tell_in(&mut master, ONE, one, Some(b"bridge1"), register(place)));
    assert!(master.stretches(b"").is_empty());
    assert_eq!(master.stretches(b"bridge1").len(), 1);
}

fn allocate(
    master: &mut Master,
    from: ConnectionId,
    session: u32,
    new: bool,
    any: bool,
    values: &[Value<'_>],
) -> Vec<Did> {
    let name = oid!(1, 3, 6, 1, 2, 1, 2, 2, 1, 1);
    let list: Vec<Binding<'_>> =
        values.iter().map(|value| Binding { name: name.into(), data: Data::from(*value) }).collect();
    tell(master, from, session, Body::IndexAllocate { new, any, varbinds: List::of(&list) })
}

fn numbers(all: &[Did]) -> Vec<String> {
    good(all);
    let Did::Answered(.., list) = &all[0] else { panic!("{all:?}") };
    list.iter().map(|(_, value)| value.clone()).collect()
}

#[test]
fn section_7_1_4_2_indexes_are_allocated_as_asked_any_or_new() {
    let (mut master, one, two) = master(Config::default());
    let number = Value::Integer;
    assert_eq!(numbers(&allocate(&mut master, ONE, one, false, false, &[number(2)])), ["Integer(2)"]);
    let taken = allocate(&mut master, TWO, two, false, false, &[number(5), number(2)]);
    assert_eq!(status(&taken), (Status::INDEX_ALREADY_ALLOCATED, 2));
    // Nothing of what failed was kept.
    assert_eq!(numbers(&allocate(&mut master, TWO, two, false, false, &[number(5)])), ["Integer(5)"]);
    assert_eq!(
        numbers(&allocate(&mut master, ONE, one, false, true, &[number(0), number(0)])),
        ["Integer(6)", "Integer(7)"]
    );
    let wrong = allocate(&mut master, ONE, one, false, false, &[Value::Octets(b"x")]);
    assert_eq!(status(&wrong), (Status::INDEX_WRONG_TYPE, 1));
    // Only who has a value gives it back; then ANY finds it again, and NEW does not.
    let list = [Binding { name: oid!(1, 3, 6, 1, 2, 1, 2, 2, 1, 1).into(), data: Data::from(number(5)) }];
    let give_back = Body::IndexDeallocate(List::of(&list));
    assert_eq!(status(&tell(&mut master, ONE, one, give_back)), (Status::INDEX_NOT_ALLOCATED, 1));
    good(&tell(&mut master, TWO, two, give_back));
    assert_eq!(numbers(&allocate(&mut master, ONE, one, true, false, &[number(0)])), ["Integer(8)"]);
    assert_eq!(numbers(&allocate(&mut master, ONE, one, false, true, &[number(0)])), ["Integer(5)"]);
    // What a session had is free when it ends.
    tell(&mut master, ONE, one, Body::Close(Reason::SHUTDOWN));
    assert_eq!(numbers(&allocate(&mut master, TWO, two, false, false, &[number(2)])), ["Integer(2)"]);
}

#[test]
fn section_7_1_6_capabilities_come_and_go_with_their_session() {
    let (mut master, one, _) = master(Config::default());
    let id = oid!(1, 3, 6, 1, 4, 1, 9, 99);
    let all = tell(&mut master, ONE, one, Body::AddAgentCaps { id: id.into(), descr: b"what it can" });
    good(&all);
    assert!(all.contains(&Did::Event(Event::Capabilities)));
    assert_eq!(master.capabilities(b"").collect::<Vec<_>>(), [(id, b"what it can".as_slice())]);
    good(&tell(&mut master, ONE, one, Body::RemoveAgentCaps(id.into())));
    assert_eq!(
        status(&tell(&mut master, ONE, one, Body::RemoveAgentCaps(id.into()))).0,
        Status::UNKNOWN_AGENT_CAPS
    );
    good(&tell(&mut master, ONE, one, Body::AddAgentCaps { id: id.into(), descr: b"again" }));
    tell(&mut master, ONE, one, Body::Close(Reason::SHUTDOWN));
    assert_eq!(master.capabilities(b"").count(), 0);
}

#[test]
fn section_7_1_10_a_notification_has_sys_up_time_before_it() {
    let (mut master, one, _) = master(Config::default());
    let trap = Binding {
        name: oid!(1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0).into(),
        data: Data::Name(oid!(1, 3, 6, 1, 4, 1, 9, 0, 1).into()),
    };
    let all = tell(&mut master, ONE, one, Body::Notify(List::of(&[trap])));
    good(&all);
    let Did::Notified(session, list) = &all[0] else { panic!("{all:?}") };
    assert_eq!(session.0, one);
    assert_eq!(list[0], (oid!(1, 3, 6, 1, 2, 1, 1, 3, 0).to_buf(), "TimeTicks(100)".into()));
    assert_eq!(list.len(), 2);
    let nameless = Binding { name: oid!(1, 3, 6, 1, 4, 1, 9).into(), data: Data::Plain(Value::Null) };
    assert_eq!(
        status(&tell(&mut master, ONE, one, Body::Notify(List::of(&[nameless])))).0,
        Status::PROCESSING_ERROR
    );
}

#[test]
fn section_7_1_8_a_closed_session_is_answered_and_forgotten() {
    let (mut master, one, two) = master(Config::default());
    good(&tell(&mut master, ONE, one, register(region(oid!(1, 3, 6, 1, 4, 1, 9), 127, None))));
    let all = tell(&mut master, ONE, one, Body::Close(Reason::SHUTDOWN));
    good(&all);
    let closed = Event::Closed { session: SessionId(one), reason: Reason::SHUTDOWN };
    assert_eq!(all[1..], [Did::Event(closed), Did::Event(Event::Regions)]);
    assert!(master.stretches(b"").is_empty());
    assert_eq!(status(&tell(&mut master, ONE, one, Body::Ping)).0, Status::NOT_OPEN);
    good(&tell(&mut master, TWO, two, Body::Ping));
}

fn get(master: &mut Master, now: Duration, session: u32) -> u32 {
    let name = oid!(1, 3, 6, 1, 4, 1, 9, 1, 0);
    let search = [Search { start: name.into(), include: true, end: Name::NULL }];
    master.ask(now, SessionId(session), (1, b""), name, Body::Get(List::of(&search))).unwrap().0
}

#[test]
fn section_7_2_5_an_answer_belongs_to_the_session_that_was_asked() {
    let (mut master, one, two) = master(Config::default());
    let id = get(&mut master, SECOND, one);
    assert_eq!(did(&mut master), [Did::Asked(ONE, PduType::GET, one, id)]);
    let body = Body::Response { up_time: 0, status: Status::NO_ERROR, index: 0, varbinds: List::EMPTY };
    let answer = |master: &mut Master, from, session| {
        let mut bytes = Vec::new();
        Packet { order: Order::Big, session, transaction: 1, packet: id, context: None, body }
            .emit(&mut bytes);
        master.handle(SECOND, Input::Data { from, bytes: &bytes }).unwrap();
        did(master)
    };
    // Nobody answers for another one, and nobody twice.
    assert_eq!(answer(&mut master, TWO, two), []);
    assert_eq!(answer(&mut master, TWO, one), []);
    assert_eq!(answer(&mut master, ONE, one), [Did::Answer(id, Status::NO_ERROR)]);
    assert_eq!(answer(&mut master, ONE, one), []);
}

#[test]
fn section_7_2_2_who_does_not_answer_fails_its_own_questions_and_in_the_end_itself() {
    let (mut master, one, two) = master(Config { timeouts: 2, ..Config::default() });
    let place = region(oid!(1, 3, 6, 1, 4, 1, 9), 127, None);
    good(&tell(&mut master, ONE, one, Body::Register { region: place, timeout: 2, instance: false }));
    let id = get(&mut master, SECOND, one);
    did(&mut master);
    // The region's own timeout counts.
    assert_eq!(master.deadline(), Some(3 * SECOND));
    master.handle(2 * SECOND, Input::Tick).unwrap();
    assert_eq!(did(&mut master), []);
    master.handle(3 * SECOND, Input::Tick).unwrap();
    assert_eq!(
        did(&mut master),
        [Did::Answer(id, Status::GEN_ERR), Did::Event(Event::TimedOut(SessionId(one)))]
    );
    let id = get(&mut master, 3 * SECOND, one);
    did(&mut master);
    master.handle(9 * SECOND, Input::Tick).unwrap();
    let all = did(&mut master);
    assert_eq!(all[0], Did::Answer(id, Status::GEN_ERR));
    assert!(all.contains(&Did::Event(Event::Closed { session: SessionId(one), reason: Reason::TIMEOUTS })));
    assert!(all.iter().any(|one| matches!(one, Did::Asked(ONE, PduType::CLOSE, ..))));
    assert!(master.stretches(b"").is_empty());
    good(&tell(&mut master, TWO, two, Body::Ping));
}

#[test]
fn a_sub_agent_that_dies_fails_its_questions_at_once() {
    let (mut master, one, two) = master(Config::default());
    good(&tell(&mut master, TWO, two, register(region(oid!(1, 3, 6, 1, 4, 1, 8), 127, None))));
    let id = get(&mut master, SECOND, one);
    did(&mut master);
    master.handle(SECOND, Input::Disconnected(ONE)).unwrap();
    assert_eq!(did(&mut master)[0], Did::Answer(id, Status::GEN_ERR));
    assert_eq!(served(&master).len(), 1);
    assert_eq!(master.handle(SECOND, Input::Disconnected(ONE)), Err(Error::NotConnected));
}

#[test]
fn section_7_1_what_cannot_be_read_is_a_parse_error_and_a_broken_stream_is_closed() {
    let (mut master, one, _) = master(Config::default());
    let mut bytes = Vec::new();
    Packet { order: Order::Big, session: one, transaction: 0, packet: 3, context: None, body: Body::Ping }
        .emit(&mut bytes);
    bytes[1] = 99;
    master.handle(SECOND, Input::Data { from: ONE, bytes: &bytes }).unwrap();
    assert_eq!(status(&did(&mut master)).0, Status::PARSE_ERROR);
    bytes[0] = 7;
    assert!(matches!(
        master.handle(SECOND, Input::Data { from: ONE, bytes: &bytes }),
        Err(Error::Malformed(_))
    ));
    let all = did(&mut master);
    assert_eq!(all[0], Did::Closed(ONE));
    assert_eq!(all[1], Did::Event(Event::Closed { session: SessionId(one), reason: Reason::PARSE_ERROR }));
}

#[test]
fn a_packet_may_come_octet_by_octet_but_not_without_end() {
    let config = Config { limits: Limits { max_packet: 1_000, ..Limits::default() }, ..Config::default() };
    let (mut master, one, _) = master(config);
    let mut bytes = Vec::new();
    Packet { order: Order::Big, session: one, transaction: 0, packet: 3, context: None, body: Body::Ping }
        .emit(&mut bytes);
    for octet in &bytes {
        assert_eq!(did(&mut master), []);
        master.handle(SECOND, Input::Data { from: ONE, bytes: &[*octet] }).unwrap();
    }
    good(&did(&mut master));
    bytes[16..20].copy_from_slice(&2_000_u32.to_be_bytes());
    assert!(master.handle(SECOND, Input::Data { from: ONE, bytes: &bytes }).is_err());
}

#[test]
fn who_does_not_read_is_not_read_either() {
    let config = Config { limits: Limits { outbox: 100, ..Limits::default() }, ..Config::default() };
    let (mut master, one, _) = master(config);
    let mut ping = Vec::new();
    Packet { order: Order::Big, session: one, transaction: 0, packet: 3, context: None, body: Body::Ping }
        .emit(&mut ping);
    let many = ping.repeat(100);
    let taken = master.handle(SECOND, Input::Data { from: ONE, bytes: &many }).unwrap();
    assert!(taken < many.len());
    assert_eq!(did(&mut master).len(), taken / ping.len());
}
