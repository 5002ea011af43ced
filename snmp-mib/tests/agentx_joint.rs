//! An agent and its sub-agents as one: RFC 2741 §7.2 from a manager's request to the answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use snmp_mib::agent::{self, Agent, Community, Config, Writes};
use snmp_mib::agentx::master::{self, ConnectionId};
use snmp_mib::agentx::subagent::Subagent;
use snmp_mib::agentx::{Input, Joint, Output, subagent};
use snmp_mib::mib::{Counter64, Mib, MibTable, Table};
use snmp_mib::wire::{ErrorStatus, Value, VarBind};
use support::talk::{Answer, Ask, MANAGER, answer, oid};

/// Written through master and sub-agents alike; `text` of 13 octets cannot be committed.
#[derive(Clone, Debug, PartialEq, MibTable)]
#[mib(name = "exNoteTable", oid = "1.3.6.1.4.1.32473.88", index(number))]
struct Note {
    #[mib(1)]
    number: u32,
    #[mib(2, read_write, range(0, 20))]
    text: String,
    #[mib(3)]
    big: Counter64,
    #[mib(4, read_write)]
    level: i32,
}

#[derive(Clone, Debug, PartialEq, Mib)]
struct Notes {
    notes: Table<Note>,
}

/// The table below another root, so that several stand side by side.
fn notes(at: &str, rows: u32) -> Notes {
    let mut notes = Table::at(oid(at).as_oid());
    notes.extend((1..=rows).map(|number| Note {
        number,
        text: format!("{at} {number}"),
        big: Counter64(1),
        level: 0,
    }));
    Notes { notes }
}

const LEFT: &str = "1.3.6.1.4.1.32473.80";
const OWN: &str = "1.3.6.1.4.1.32473.81";
const RIGHT: &str = "1.3.6.1.4.1.32473.82";

/// A master with sub-agents on wires that lose nothing, and a count of what went over them.
struct World {
    now: Duration,
    joint: Joint<Notes>,
    subs: Vec<Subagent<Notes>>,
    /// Whose wire is dead.
    silent: Option<usize>,
    packets: usize,
    confirmations: Vec<agent::WriteId>,
    answers: Vec<Answer>,
}

fn world(writes: Writes, rows: u32) -> World {
    let config = Config {
        communities: vec![Community::read("public"), Community::write("private")],
        writes,
        ..Config::default()
    };
    let now = Duration::from_secs(1);
    let agent = Agent::new(now, config, notes(OWN, rows)).unwrap();
    let mut world = World {
        now,
        joint: Joint::new(now, agent, master::Config::default()),
        subs: Vec::new(),
        silent: None,
        packets: 0,
        confirmations: Vec::new(),
        answers: Vec::new(),
    };
    for (number, root) in [LEFT, RIGHT].into_iter().enumerate() {
        let capabilities = vec![(oid("1.3.6.1.4.1.32473.99"), format!("sub-agent {number}"))];
        let config = subagent::Config { capabilities, ..subagent::Config::default() };
        world.subs.push(Subagent::new(now, config, notes(root, rows)).unwrap());
        let id = ConnectionId(number as u64);
        world.joint.handle(now, Input::Subagents(master::Input::Connected(id))).unwrap();
        world.subs[number].handle(now, subagent::Input::Connected).unwrap();
    }
    world.pump();
    assert_eq!(world.joint.subagents().stretches(b"").len(), 2);
    world
}

impl World {
    /// Carries bytes until nobody has anything to say.
    fn pump(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.joint.poll_output() {
                quiet = false;
                match output {
                    Output::Send { to: ConnectionId(to), bytes } => {
                        let number = to as usize;
                        self.packets += 1;
                        if self.silent != Some(number) {
                            self.subs[number].handle(self.now, subagent::Input::Data(bytes)).unwrap();
                        }
                    }
                    Output::Agent(agent::Output::Send { data, .. }) => self.answers.push(answer(data)),
                    Output::Agent(agent::Output::Write { id, .. }) => self.confirmations.push(id),
                    Output::Agent(_) | Output::Event(_) | Output::Notify { .. } => {}
                    Output::Close(ConnectionId(number)) => {
                        self.subs[number as usize].handle(self.now, subagent::Input::Disconnected).unwrap();
                    }
                }
            }
            for number in 0..self.subs.len() {
                while let Some(output) = self.subs[number].poll_output() {
                    quiet = false;
                    if let subagent::Output::Send(bytes) = output {
                        let from = ConnectionId(number as u64);
                        let input = master::Input::Data { from, bytes };
                        assert_eq!(
                            self.joint.handle(self.now, Input::Subagents(input)).unwrap(),
                            bytes.len()
                        );
                    }
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn send(&mut self, ask: &Ask) {
        let (from, data) = (MANAGER.parse().unwrap(), ask.bytes());
        let input = agent::Input::Datagram { from, data: &data };
        self.joint.handle(self.now, Input::Agent(input)).unwrap();
        self.packets = 0;
        self.pump();
    }

    fn of(&mut self, ask: &Ask) -> Answer {
        self.send(ask);
        self.answers.pop().expect("an answer")
    }

    fn tick(&mut self, after: Duration) {
        self.now += after;
        self.joint.handle(self.now, Input::Tick).unwrap();
        self.pump();
    }

    /// Every name below the tables, by requests of that kind.
    fn walk(&mut self, ask: impl Fn(&str) -> Ask) -> Vec<String> {
        let (mut at, mut seen) = (LEFT.to_owned(), Vec::new());
        loop {
            let answer = self.of(&ask(&at));
            if answer.status == ErrorStatus::NO_SUCH_NAME {
                return seen;
            }
            for VarBind { name, value } in answer.good().bindings.iter() {
                let name = name.to_string();
                if value == Value::EndOfMibView || !name.starts_with("1.3.6.1.4.1.32473.8") {
                    return seen;
                }
                at.clone_from(&name);
                seen.push(name);
            }
        }
    }

    fn texts(&self) -> Vec<String> {
        let own = [&self.subs[0].mib().notes, &self.joint.agent().mib().notes, &self.subs[1].mib().notes];
        own.iter().flat_map(|notes| notes.iter().map(|note| note.text.clone())).collect()
    }
}

fn cell(root: &str, column: u32, row: u32) -> String {
    format!("{root}.1.{column}.{row}")
}

#[test]
fn section_7_2_3_a_walk_crosses_sub_agents_and_own_tables() {
    let mut world = world(Writes::AtOnce, 7);
    let all: Vec<String> = [LEFT, OWN, RIGHT]
        .iter()
        .flat_map(|root| [2, 3, 4].map(|column| (1..=7).map(move |row| cell(root, column, row))))
        .flatten()
        .collect();
    assert_eq!(world.walk(|at| Ask::next(&[at])), all);
    for repetitions in [1, 5, 20, 100] {
        assert_eq!(world.walk(|at| Ask::bulk(0, repetitions, &[at])), all);
    }
    // SNMPv1 does not see the Counter64, here or there.
    let short: Vec<String> = all.iter().filter(|name| !name.contains(".1.3.")).cloned().collect();
    assert_eq!(world.walk(|at| Ask::next(&[at]).v1()), short);
}

#[test]
fn section_7_2_3_3_a_getbulk_is_one_getbulk_to_the_sub_agent() {
    let mut world = world(Writes::AtOnce, 50);
    let answer = world.of(&Ask::bulk(0, 20, &[LEFT]));
    assert_eq!(answer.good().names().len(), 20);
    assert_eq!(world.packets, 1);
    // Three columns side by side are three searches of one GetBulk, and come by turns.
    let columns: Vec<String> = [2, 3, 4].iter().map(|column| format!("{LEFT}.1.{column}")).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let answer = world.of(&Ask::bulk(0, 10, &columns));
    assert_eq!(world.packets, 1);
    let expected = (1..=10).flat_map(|row| [2, 3, 4].map(|column| cell(LEFT, column, row)));
    assert_eq!(answer.good().names(), expected.collect::<Vec<_>>());
}

#[test]
fn section_7_2_3_1_a_get_asks_each_sub_agent_once() {
    let mut world = world(Writes::AtOnce, 3);
    let names = [
        cell(LEFT, 2, 1),
        cell(RIGHT, 2, 2),
        cell(OWN, 2, 3),
        cell(LEFT, 4, 9),
        cell(LEFT, 9, 1),
        "1.3.6.1.2.1.1.5.0".into(),
    ];
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let answer = world.of(&Ask::get(&names));
    assert_eq!(world.packets, 2);
    let text = format!("{RIGHT} 2");
    assert_eq!(answer.good().value(1), Value::Octets(text.as_bytes()));
    let own = format!("{OWN} 3");
    assert_eq!(answer.value(2), Value::Octets(own.as_bytes()));
    assert_eq!((answer.value(3), answer.value(4)), (Value::NoSuchInstance, Value::NoSuchObject));
    let missing = world.of(&Ask::get(&[&cell(LEFT, 2, 1), &cell(LEFT, 2, 9)]).v1());
    missing.failed(ErrorStatus::NO_SUCH_NAME, 2);
}

#[test]
fn section_7_2_4_a_set_over_two_sub_agents_and_an_own_table_is_done_as_one() {
    for writes in [Writes::AtOnce, Writes::Confirmed { timeout: Duration::from_secs(3) }] {
        let mut world = world(writes, 2);
        let (left, own, right) = (cell(LEFT, 2, 1), cell(OWN, 2, 1), cell(RIGHT, 2, 1));
        let ask = Ask::set(&[
            (&right, Value::Octets(b"r")),
            (&own, Value::Octets(b"o")),
            (&left, Value::Octets(b"l")),
        ]);
        world.send(&ask);
        if let Some(id) = world.confirmations.pop() {
            assert_eq!(world.texts()[0], format!("{LEFT} 1"), "not before the owner agrees");
            world.joint.handle(world.now, Input::Agent(agent::Input::WriteDone { id })).unwrap();
            world.pump();
        }
        world.answers.pop().expect("an answer").good();
        let texts = world.texts();
        assert_eq!([&texts[0], &texts[2], &texts[4]], ["l", "o", "r"]);
    }
}

#[test]
fn section_7_2_4_1_one_refusal_leaves_everything_as_it_was() {
    let mut world = world(Writes::AtOnce, 2);
    let before = world.texts();
    let (left, own, right) = (cell(LEFT, 2, 1), cell(OWN, 2, 1), cell(RIGHT, 2, 1));
    let long = Value::Octets(b"much longer than twenty octets");
    let good = Value::Octets(b"good");
    // The refusal of a sub-agent is told with the position in the manager's request.
    world.of(&Ask::set(&[(&left, good), (&own, good), (&right, long)])).failed(ErrorStatus::WRONG_LENGTH, 3);
    world.of(&Ask::set(&[(&left, good), (&own, long), (&right, good)])).failed(ErrorStatus::WRONG_LENGTH, 2);
    world.of(&Ask::set(&[(&left, good), (&cell(RIGHT, 2, 9), good)])).failed(ErrorStatus::NO_CREATION, 2);
    assert_eq!(world.texts(), before);
    // Nothing is left behind: the next SET goes through.
    world.of(&Ask::set(&[(&left, good), (&right, good)])).good();
}

#[test]
fn section_7_2_4_a_sub_agent_that_dies_before_the_commit_undoes_the_others() {
    let mut world = world(Writes::Confirmed { timeout: Duration::from_secs(30) }, 2);
    let before = world.texts();
    let (left, own, right) = (cell(LEFT, 2, 1), cell(OWN, 2, 1), cell(RIGHT, 2, 1));
    let good = Value::Octets(b"good");
    world.send(&Ask::set(&[(&left, good), (&own, good), (&right, good)]));
    let id = world.confirmations.pop().expect("a question to the owner");
    world.silent = Some(1);
    world.joint.handle(world.now, Input::Agent(agent::Input::WriteDone { id })).unwrap();
    world.pump();
    assert!(world.answers.is_empty());
    world.tick(Duration::from_secs(1));
    world.answers.pop().expect("an answer").failed(ErrorStatus::COMMIT_FAILED, 3);
    assert_eq!(world.texts(), before);
}

#[test]
fn section_7_2_a_silent_sub_agent_hurts_its_own_subtree_only() {
    let mut world = world(Writes::AtOnce, 2);
    world.silent = Some(0);
    world.send(&Ask::get(&[&cell(RIGHT, 2, 1), &cell(LEFT, 2, 1)]));
    assert!(world.answers.is_empty());
    // Others are answered meanwhile, through the other sub-agent too.
    world.of(&Ask::get(&[&cell(RIGHT, 2, 1), &cell(OWN, 2, 1)])).good();
    world.tick(Duration::from_secs(1));
    world.answers.pop().expect("an answer").failed(ErrorStatus::GEN_ERR, 2);
    world.send(&Ask::next(&[LEFT]));
    world.tick(Duration::from_secs(1));
    world.answers.pop().expect("an answer").failed(ErrorStatus::GEN_ERR, 1);
    // With the third silence its session is over, and what it served is no longer there: the search goes on.
    world.send(&Ask::next(&[LEFT]));
    world.tick(Duration::from_secs(1));
    assert_eq!(world.answers.pop().expect("an answer").good().names(), [cell(OWN, 2, 1)]);
    assert_eq!(world.walk(|at| Ask::bulk(0, 10, &[at])).len(), 12);
    let gone = world.of(&Ask::get(&[&cell(LEFT, 2, 1)]));
    assert_eq!(gone.good().value(0), Value::NoSuchObject);
}

#[test]
fn section_7_1_6_capabilities_of_sub_agents_stand_in_sys_or_table() {
    let mut world = world(Writes::AtOnce, 1);
    let row = world.of(&Ask::get(&["1.3.6.1.2.1.1.9.1.3.1001", "1.3.6.1.2.1.1.9.1.3.1002"]));
    assert_eq!(row.good().value(1), Value::Octets(b"sub-agent 1"));
    world.joint.handle(world.now, Input::Subagents(master::Input::Disconnected(ConnectionId(1)))).unwrap();
    let row = world.of(&Ask::get(&["1.3.6.1.2.1.1.9.1.3.1001", "1.3.6.1.2.1.1.9.1.3.1002"]));
    assert_eq!((row.good().value(0), row.value(1)), (Value::Octets(b"sub-agent 0"), Value::NoSuchInstance));
}

#[test]
fn a_view_hides_what_sub_agents_serve_too() {
    use snmp_mib::vacm::{Access, Family, Member, Model};
    let mut config = Config { communities: vec![Community::views("narrow", "narrow")], ..Config::default() };
    config.access.members.push(Member::new(Model::V2C, "narrow", "narrow"));
    config.access.access.push(Access::new("narrow", snmp_mib::usm::Level::Open).reading("narrow"));
    config.access.families.push(Family::included("narrow", oid("1.3.6.1.4.1.32473").as_oid()));
    config.access.families.push(Family::excluded("narrow", oid(&format!("{LEFT}.1.3")).as_oid()));
    let mut world = world(Writes::AtOnce, 3);
    let agent = Agent::new(world.now, config, notes(OWN, 3)).unwrap();
    world.joint = Joint::new(world.now, agent, master::Config::default());
    for number in 0..2 {
        let config = subagent::Config::default();
        world.subs[number] = Subagent::new(world.now, config, notes([LEFT, RIGHT][number], 3)).unwrap();
        let id = ConnectionId(number as u64);
        world.joint.handle(world.now, Input::Subagents(master::Input::Connected(id))).unwrap();
        world.subs[number].handle(world.now, subagent::Input::Connected).unwrap();
    }
    world.pump();
    for repetitions in [1, 4, 50] {
        let seen = world.walk(|at| Ask::bulk(0, repetitions, &[at]).by("narrow"));
        assert_eq!(seen.len(), 24, "{seen:?}");
        assert!(!seen.iter().any(|name| name.starts_with(&format!("{LEFT}.1.3."))));
    }
    let hidden = world.of(&Ask::get(&[&cell(LEFT, 3, 1)]).by("narrow"));
    assert_eq!(hidden.good().value(0), Value::NoSuchObject);
}
