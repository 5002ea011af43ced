//! Our sub-agent under net-snmp's master.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpStream, UdpSocket},
    sync::mpsc,
    time::{Duration, Instant},
};

use snmp_mib::agentx::subagent::{Config, Event, Input, Output, Subagent};
use snmp_mib::mib::{Mib, MibTable, Table};
use snmp_mib::mibs::cabinet::{Card, CardState, CardStateChange};
use snmp_mib::notify::Trap;
use snmp_mib::oid;
use snmp_mib::wire::{Message, Value};
use support::{
    card, needs, run,
    snmpd::{Snmpd, free_tcp},
};

/// A table that managers write.
#[derive(Clone, Debug, PartialEq, MibTable)]
#[mib(name = "exNoteTable", oid = "1.3.6.1.4.1.32473.88", index(number))]
struct Note {
    #[mib(1)]
    number: u32,
    #[mib(2, read_write, range(0, 20))]
    text: String,
    #[mib(3, read_write)]
    level: i32,
}

#[derive(Clone, Debug, PartialEq, Mib)]
struct Model {
    cards: Table<Card>,
    notes: Table<Note>,
}

fn model(cards: u32) -> Model {
    let note = |number| Note { number, text: format!("note {number}"), level: 0 };
    Model { cards: (0..cards).map(card).collect(), notes: (1..=3).map(note).collect() }
}

/// What a test wants of a running sub-agent.
enum Wish {
    Trap,
    Stop,
}

/// A sub-agent on a thread of its own; tells of its events.
fn serve(
    port: u16,
    model: Model,
) -> (mpsc::Sender<Wish>, mpsc::Receiver<Event>, std::thread::JoinHandle<Model>) {
    let (wish, wishes) = mpsc::channel();
    let (tell, events) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let (started, mut stream, mut kept) = (Instant::now(), None::<TcpStream>, Vec::new());
        let retry = (Duration::from_millis(50), Duration::from_millis(200));
        let config = Config {
            id: oid!(1, 3, 6, 1, 4, 1, 32473).to_buf(),
            descr: "a test".into(),
            retry,
            ..Config::default()
        };
        let mut agent = Subagent::new(started.elapsed(), config, model).unwrap();
        let mut buffer = [0; 4096];
        loop {
            match wishes.try_recv() {
                Ok(Wish::Trap) => {
                    let card =
                        Card { address: Some([10, 1, 2, 1].into()), ..Card::new(2, 1, CardState::Failed) };
                    agent.notify(started.elapsed(), &CardStateChange { card }).unwrap();
                }
                Ok(Wish::Stop) | Err(mpsc::TryRecvError::Disconnected) => return agent.mib().clone(),
                Err(mpsc::TryRecvError::Empty) => {}
            }
            let mut connect = None;
            while let Some(output) = agent.poll_output() {
                match output {
                    Output::Connect => connect = Some(TcpStream::connect(("127.0.0.1", port))),
                    Output::Send(bytes) => drop(stream.as_mut().map(|stream| stream.write_all(bytes))),
                    Output::Close => stream = None,
                    Output::Event(event) => drop(tell.send(event)),
                }
            }
            let now = started.elapsed();
            match connect {
                Some(Ok(own)) => {
                    own.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
                    stream = Some(own);
                    kept.clear();
                    agent.handle(now, Input::Connected).unwrap();
                }
                Some(Err(_)) => drop(agent.handle(now, Input::Disconnected).unwrap()),
                None => {}
            }
            match stream.as_mut().map(|stream| stream.read(&mut buffer)) {
                Some(Ok(0)) => {
                    stream = None;
                    agent.handle(started.elapsed(), Input::Disconnected).unwrap();
                }
                Some(Ok(count)) => {
                    kept.extend_from_slice(&buffer[..count]);
                    let taken = agent.handle(started.elapsed(), Input::Data(&kept)).unwrap();
                    kept.drain(..taken);
                }
                Some(Err(error)) if error.kind() == ErrorKind::WouldBlock => {}
                Some(Err(error)) => panic!("{error}"),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
            if agent.deadline().is_some_and(|deadline| deadline <= started.elapsed()) {
                agent.handle(started.elapsed(), Input::Tick).unwrap();
            }
        }
    });
    (wish, events, thread)
}

/// Waits until both nodes are registered.
fn registered(events: &mpsc::Receiver<Event>) {
    let mut nodes = Vec::new();
    while nodes.len() < 2 {
        match events.recv_timeout(Duration::from_secs(10)).expect("an event") {
            Event::Registered { node } => nodes.push(node),
            Event::Refused { node, status } => panic!("node {node}: {status:?}"),
            _ => {}
        }
    }
}

fn master(port: u16, name: &str, more: &str) -> Snmpd {
    Snmpd::start(name, &format!("master agentx\nagentXSocket tcp:127.0.0.1:{port}\n{more}"), &[])
}

#[test]
fn snmpd_serves_our_tables() {
    if !needs("snmpd") || !needs("snmpbulkwalk") {
        return;
    }
    let port = free_tcp();
    let daemon = master(port, "serves", "");
    let (_wish, events, _thread) = serve(port, model(24));
    registered(&events);
    let ask = |tool: &str, rest: &[&str]| {
        run(tool, &[&["-v2c", "-c", "private", "-On", "-t", "5", &daemon.snmp], rest].concat())
    };
    let (good, walked) = ask("snmpbulkwalk", &["1.3.6.1.4.1.32473"]);
    assert!(good, "{walked}");
    let states = walked.lines().filter(|line| line.starts_with(".1.3.6.1.4.1.32473.1.2.1.1.3.")).count();
    assert_eq!(states, 24, "{walked}");
    let (good, next) = ask("snmpwalk", &["1.3.6.1.4.1.32473"]);
    assert!(good && next == walked, "{next}");
    // The master's own part goes on behind ours.
    let (good, all) = ask("snmpbulkwalk", &["1.3.6.1.4.1"]);
    assert!(good && all.contains(".1.3.6.1.4.1.32473.88.1.3.3"), "{all}");
    let (good, one) = ask("snmpget", &["1.3.6.1.4.1.32473.88.1.2.2", "1.3.6.1.4.1.32473.88.1.2.9"]);
    assert!(good && one.contains("STRING: \"note 2\"") && one.contains("No Such Instance"), "{one}");
}

#[test]
fn snmpset_through_snmpd_writes_all_or_nothing() {
    if !needs("snmpd") || !needs("snmpset") {
        return;
    }
    let port = free_tcp();
    let daemon = master(port, "set", "");
    let (wish, events, thread) = serve(port, model(1));
    registered(&events);
    let set = |rest: &[&str]| {
        run("snmpset", &[&["-v2c", "-c", "private", "-On", "-t", "5", &daemon.snmp], rest].concat())
    };
    let text = |number: u32| format!("1.3.6.1.4.1.32473.88.1.2.{number}");
    let (good, out) = set(&[&text(1), "s", "written", "1.3.6.1.4.1.32473.88.1.3.2", "i", "7"]);
    assert!(good, "{out}");
    let (good, out) = set(&[&text(2), "s", "half", &text(3), "s", "much longer than twenty octets"]);
    assert!(!good && out.contains("wrongLength"), "{out}");
    let (good, out) = set(&[&text(2), "i", "1"]);
    assert!(!good && out.contains("wrongType"), "{out}");
    wish.send(Wish::Stop).unwrap();
    let notes = thread.join().unwrap().notes;
    let texts: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(texts, ["written", "note 2", "note 3"]);
    assert_eq!(notes.iter().map(|note| note.level).collect::<Vec<_>>(), [0, 7, 0]);
}

#[test]
fn a_notification_reaches_the_masters_managers() {
    if !needs("snmpd") {
        return;
    }
    let (port, sink) = (free_tcp(), UdpSocket::bind("127.0.0.1:0").unwrap());
    sink.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let to = sink.local_addr().unwrap();
    let daemon = master(port, "trap", &format!("trap2sink {to} public"));
    let (wish, events, _thread) = serve(port, model(1));
    registered(&events);
    wish.send(Wish::Trap).unwrap();
    let mut buffer = [0; 2048];
    loop {
        // snmpd announces its own start first.
        let (length, _) = sink.recv_from(&mut buffer).expect("a trap");
        let message = Message::parse(&buffer[..length]).unwrap();
        let trap = Trap::read(&message).unwrap();
        if trap.name.as_oid() != oid!(1, 3, 6, 1, 4, 1, 32473, 1, 0, 1) {
            continue;
        }
        assert!(trap.objects().any(|object| object.value == Value::Integer(5)));
        break;
    }
    drop(daemon);
}

#[test]
fn a_sub_agent_comes_back_to_a_master_that_was_restarted() {
    if !needs("snmpd") {
        return;
    }
    let port = free_tcp();
    let daemon = master(port, "first", "");
    let (_wish, events, _thread) = serve(port, model(2));
    registered(&events);
    drop(daemon);
    let lost = events.recv_timeout(Duration::from_secs(10)).expect("an event");
    assert!(matches!(lost, Event::Lost(_)), "{lost:?}");
    let daemon = master(port, "second", "");
    registered(&events);
    let (good, out) = run(
        "snmpget",
        &["-v2c", "-c", "public", "-On", "-t", "5", &daemon.snmp, "1.3.6.1.4.1.32473.88.1.2.1"],
    );
    assert!(good && out.contains("note 1"), "{out}");
}
