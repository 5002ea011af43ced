//! The ten laws of the engines, for the agent, the sender, the receiver and the client.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{net::SocketAddr, time::Duration};

use proptest::prelude::*;
use snmp_mib::agent::{self, Agent, Community, Config, Writes};
use snmp_mib::manager::{self, Client, Peer};
use snmp_mib::mibs::cabinet::{Card, CardState, CardStateChange};
use snmp_mib::notify::{Receiver, Sender, Target, receive, send};
use snmp_mib::oid;
use snmp_mib::wire::{Value, Version};
use support::{
    Cabinet, cabinet,
    talk::{Ask, MANAGER},
};

/// One step of a script.
#[derive(Clone, Debug)]
enum Step {
    /// A good request of that number.
    Ask(usize),
    /// The same with a byte changed.
    Broken(usize, usize, u8),
    /// Time goes on by milliseconds; late or early.
    Tick(u64),
    /// The owner's decision, sometimes for a SET that is not there.
    Decide(u64, bool),
    Drain,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..5_usize).prop_map(Step::Ask),
        2 => (0..5_usize, 0..100_usize, any::<u8>()).prop_map(|(n, at, x)| Step::Broken(n, at, x)),
        2 => (0..9_000_u64).prop_map(Step::Tick),
        1 => (0..4_u64, any::<bool>()).prop_map(|(id, good)| Step::Decide(id, good)),
        2 => Just(Step::Drain),
    ]
}

fn requests() -> Vec<Vec<u8>> {
    let name = "1.3.6.1.2.1.1.5.0";
    vec![
        Ask::get(&[name, "1.3.6.1.4.1.32473.1.2.1.1.3.1.1"]).bytes(),
        Ask::next(&["1.3.6.1.2.1.11"]).v1().bytes(),
        Ask::bulk(0, 10, &["1.3.6.1.4.1"]).bytes(),
        Ask::set(&[(name, Value::Octets(b"one"))]).bytes(),
        Ask::set(&[(name, Value::Octets(b"two"))]).bytes(),
    ]
}

fn confirmed() -> Agent<Cabinet> {
    let config = Config {
        communities: vec![Community::read("public"), Community::write("private")],
        writes: Writes::Confirmed { timeout: Duration::from_secs(5) },
        ..Config::default()
    };
    Agent::new(Duration::ZERO, config, cabinet(5).mib().clone()).unwrap()
}

fn apply(agent: &mut Agent<Cabinet>, now: Duration, step: &Step) -> Result<(), agent::Error> {
    let from: SocketAddr = MANAGER.parse().unwrap();
    match step {
        Step::Ask(n) => agent.handle(now, agent::Input::Datagram { from, data: &requests()[*n] }),
        Step::Broken(n, at, with) => {
            let mut data = requests()[*n].clone();
            let at = at % data.len();
            data[at] ^= with;
            agent.handle(now, agent::Input::Datagram { from, data: &data })
        }
        Step::Tick(_) => agent.handle(now, agent::Input::Tick),
        Step::Decide(id, true) => agent.handle(now, agent::Input::WriteDone { id: agent::WriteId(*id) }),
        Step::Decide(id, false) => {
            let status = snmp_mib::wire::ErrorStatus::INCONSISTENT_VALUE;
            agent.handle(now, agent::Input::WriteRefused { id: agent::WriteId(*id), position: 0, status })
        }
        Step::Drain => {
            while agent.poll_output().is_some() {}
            Ok(())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Laws 2, 3, 4, 8, 9 and 10: any order is legal, bounded, wakes when it must and not otherwise, and equal
    /// inputs give equal states.
    #[test]
    fn law_2_3_4_8_9_10_any_script(steps in proptest::collection::vec(any_step(), 0..60)) {
        let (mut one, mut two) = (confirmed(), confirmed());
        let mut now = Duration::ZERO;
        for step in &steps {
            if let Step::Tick(ms) = step {
                now += Duration::from_millis(*ms);
            }
            prop_assert_eq!(apply(&mut one, now, step), apply(&mut two, now, step));
            prop_assert_eq!(&one, &two);
            let pending = one.clone().poll_output().is_some();
            prop_assert_eq!(pending, one.deadline() == Some(Duration::ZERO));
        }
        while one.poll_output().is_some() {}
        if let Some(deadline) = one.deadline() {
            one.handle(deadline, agent::Input::Tick).unwrap();
            while one.poll_output().is_some() {}
            prop_assert!(one.deadline().is_none_or(|next| next > deadline));
        }
    }
}

#[test]
fn law_1_draining_is_pure() {
    let mut agent = confirmed();
    for n in 0..4 {
        apply(&mut agent, Duration::from_secs(1), &Step::Ask(n)).unwrap();
    }
    let (before, deadline) = (agent.mib().clone(), Some(Duration::from_secs(6)));
    while agent.poll_output().is_some() {}
    assert_eq!((agent.mib(), agent.deadline()), (&before, deadline));
    let drained = agent.clone();
    assert!(agent.poll_output().is_none());
    assert_eq!(agent, drained);
}

#[test]
fn law_5_early_ticks_do_nothing_and_late_ones_fire() {
    let mut agent = confirmed();
    apply(&mut agent, Duration::ZERO, &Step::Ask(3)).unwrap();
    while agent.poll_output().is_some() {}
    agent.handle(Duration::from_millis(4_999), agent::Input::Tick).unwrap();
    assert!(agent.poll_output().is_none());
    agent.handle(Duration::from_secs(60), agent::Input::Tick).unwrap();
    assert!(matches!(agent.poll_output(), Some(agent::Output::Send { .. })));
}

#[test]
fn law_6_time_never_runs_back() {
    let mut agent = confirmed();
    agent.handle(Duration::from_secs(9), agent::Input::Tick).unwrap();
    agent.handle(Duration::from_secs(3), agent::Input::Tick).unwrap();
    assert_eq!(agent.system().up_time.0, 900);
}

#[test]
fn law_7_an_error_leaves_all_but_the_counters() {
    let mut agent = confirmed();
    let from = MANAGER.parse().unwrap();
    for data in [&b"\x30\x00"[..], &Ask::get(&["1.3"]).by("wrong").bytes()] {
        let before = (agent.mib().clone(), agent.system().clone(), agent.deadline());
        assert!(agent.handle(Duration::ZERO, agent::Input::Datagram { from, data }).is_err());
        assert_eq!((agent.mib().clone(), agent.system().clone(), agent.deadline()), before);
    }
    assert_eq!(agent.stats().in_pkts.0, 2);
}

fn sender(inform: bool) -> Sender {
    let manager = MANAGER.parse().unwrap();
    let targets = vec![Target::v1(manager, "public"), Target { inform, ..Target::v2c(manager, "public") }];
    Sender::new(Duration::ZERO, send::Config { targets, ..send::Config::default() }, 1)
}

/// Sleeps exactly to each deadline, as a driver does, until nothing is left to do.
fn sleep_through(sender: &mut Sender) -> (Vec<Duration>, Vec<send::Event>) {
    let (mut sent, mut events, mut now) = (Vec::new(), Vec::new(), Duration::ZERO);
    for _ in 0..100 {
        while let Some(output) = sender.poll_output() {
            match output {
                send::Output::Send { .. } => sent.push(now),
                send::Output::Event(event) => events.push(event),
            }
        }
        let Some(deadline) = sender.deadline() else {
            return (sent, events);
        };
        assert!(deadline > now, "a busy loop at {now:?}");
        now = deadline;
        sender.handle(now, send::Input::Tick).unwrap();
    }
    panic!("the sender never rests");
}

#[test]
fn law_3_4_5_informs_are_repeated_and_given_up() {
    let mut sender = sender(true);
    sender.notify(Duration::ZERO, &CardStateChange { card: Card::new(1, 1, CardState::Failed) });
    let (sent, events) = sleep_through(&mut sender);
    // The v1 trap and the inform at once, then the inform after 5, 15 and 30 seconds.
    assert_eq!(sent, [0, 0, 5, 15, 30].map(Duration::from_secs));
    assert!(matches!(events[..], [send::Event::GivenUp { .. }]));
    assert_eq!((sender.stats().sent, sender.stats().given_up), (5, 1));
}

#[test]
fn law_2_8_a_sender_that_is_never_drained_is_bounded() {
    let mut sender = sender(true);
    for second in 0..3_000 {
        sender
            .notify(Duration::from_secs(second), &CardStateChange { card: Card::new(1, 1, CardState::Off) });
        sender.handle(Duration::from_secs(second), send::Input::Tick).unwrap();
    }
    let mut sent = 0;
    while let Some(output) = sender.poll_output() {
        sent += usize::from(matches!(output, send::Output::Send { .. }));
    }
    assert_eq!(sent, send::Limits::default().outbox);
    assert!(sender.stats().dropped > 1_000);
}

#[test]
fn an_inform_goes_from_sender_to_receiver_and_back() {
    let (mut sender, mut receiver) = (sender(true), Receiver::new(receive::Config::default()));
    let card = Card {
        temperature: Some(612),
        address: Some([10, 1, 2, 1].into()),
        ..Card::new(2, 1, CardState::Failed)
    };
    sender.notify(Duration::from_secs(7), &CardStateChange { card });
    let from: SocketAddr = "192.0.2.7:500".parse().unwrap();
    while let Some(send::Output::Send { data, .. }) = sender.poll_output() {
        receiver.handle(Duration::ZERO, receive::Input::Datagram { from, data }).unwrap();
    }
    let mut seen = Vec::new();
    while let Some(output) = receiver.poll_output() {
        match output {
            receive::Output::Send { data, .. } => {
                let to = send::Input::Datagram { from: MANAGER.parse().unwrap(), data };
                sender.handle(Duration::from_secs(8), to).unwrap();
            }
            receive::Output::Trap { trap, .. } => {
                let state = trap.object(oid!(1, 3, 6, 1, 4, 1, 32473, 1, 2, 1, 1, 3));
                let address = trap.object(oid!(1, 3, 6, 1, 4, 1, 32473, 1, 2, 1, 1, 4));
                seen.push((trap.name.to_string(), trap.up_time, state.is_some(), address.is_some()));
            }
        }
    }
    // Version 1 and version 2 say the same thing.
    let expected = ("1.3.6.1.4.1.32473.1.0.1".to_owned(), 700, true, true);
    assert_eq!(seen, [expected.clone(), expected]);
    assert_eq!((sender.stats().acknowledged, sender.stats().sent), (1, 2));
}

/// A client and an agent in one room, with every `lose`th datagram lost.
fn conversation(
    client: &mut Client,
    agent: &mut Agent<Cabinet>,
    lose: usize,
) -> (usize, Vec<Result<(), manager::Failure>>) {
    let (mut now, mut datagrams, mut bindings, mut done) = (Duration::ZERO, 0, 0, Vec::new());
    let manager: SocketAddr = MANAGER.parse().unwrap();
    for _ in 0..100_000 {
        let mut back = Vec::new();
        while let Some(output) = client.poll_output() {
            match output {
                manager::Output::Send { to, data } => {
                    datagrams += 1;
                    if lose == 0 || datagrams % lose != 0 {
                        let _ = agent.handle(now, agent::Input::Datagram { from: manager, data });
                    }
                    while let Some(output) = agent.poll_output() {
                        if let agent::Output::Send { data, .. } = output {
                            back.push((to, data.to_vec()));
                        }
                    }
                }
                manager::Output::Answer { varbinds, .. } => bindings += varbinds.len(),
                manager::Output::Done { outcome, .. } => done.push(outcome),
            }
        }
        for (from, data) in back {
            client.handle(now, manager::Input::Datagram { from, data: &data }).unwrap();
        }
        match client.deadline() {
            None => return (bindings, done),
            Some(Duration::ZERO) => {}
            Some(deadline) => {
                assert!(deadline > now, "a busy loop at {now:?}");
                now = deadline;
                client.handle(now, manager::Input::Tick).unwrap();
            }
        }
    }
    panic!("the client never rests");
}

#[test]
fn law_3_4_a_walk_ends_though_datagrams_are_lost() {
    let agent_address = "192.0.2.9:161".parse().unwrap();
    for (version, lose) in [(Version::V2c, 0), (Version::V1, 0), (Version::V2c, 3), (Version::V1, 2)] {
        let mut client = Client::new(manager::Config::default(), 1);
        let peer = match version {
            Version::V1 => Peer::v1(agent_address, "public"),
            Version::V2c => Peer::v2c(agent_address, "public"),
        };
        client.walk(Duration::ZERO, &peer, oid!(1, 3, 6, 1, 4, 1, 32473, 1, 2, 1)).unwrap();
        let (bindings, done) = conversation(&mut client, &mut cabinet(30), lose);
        assert_eq!((bindings, done), (30 * 3 + 20, vec![Ok(())]), "{version:?} losing one in {lose}");
    }
}

#[test]
fn law_4_a_request_that_nobody_answers_is_given_up() {
    let mut client = Client::new(manager::Config::default(), 1);
    let peer = Peer::v2c("192.0.2.9:161".parse().unwrap(), "public");
    client.get(Duration::ZERO, &peer, &[oid!(1, 3, 6, 1, 2, 1, 1, 5, 0)]).unwrap();
    let (_, done) = conversation(&mut client, &mut cabinet(1), 1);
    assert_eq!(done, [Err(manager::Failure::Timeout)]);
    assert_eq!((client.stats().sent, client.stats().repeated, client.stats().timeouts), (4, 3, 1));
}

#[test]
fn an_answer_from_elsewhere_is_not_believed() {
    let (mut client, mut agent) = (Client::new(manager::Config::default(), 1), cabinet(1));
    let peer = Peer::v2c("192.0.2.9:161".parse().unwrap(), "public");
    client.get(Duration::ZERO, &peer, &[oid!(1, 3, 6, 1, 2, 1, 1, 5, 0)]).unwrap();
    let Some(manager::Output::Send { data, .. }) = client.poll_output() else { panic!("a request") };
    agent.handle(Duration::ZERO, agent::Input::Datagram { from: MANAGER.parse().unwrap(), data }).unwrap();
    let Some(agent::Output::Send { data, .. }) = agent.poll_output() else { panic!("an answer") };
    let before = client.deadline();
    for from in ["192.0.2.10:161", "192.0.2.9:162"] {
        let input = manager::Input::Datagram { from: from.parse().unwrap(), data };
        assert_eq!(client.handle(Duration::ZERO, input), Err(manager::Error::Unexpected));
    }
    assert_eq!(client.deadline(), before);
    let input = manager::Input::Datagram { from: peer.address, data };
    client.handle(Duration::ZERO, input).unwrap();
    assert!(matches!(client.poll_output(), Some(manager::Output::Answer { .. })));
}
