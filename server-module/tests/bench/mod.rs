//! A bench for the core: virtual time that sleeps exactly to the deadline, ports that answer or do not.
#![allow(dead_code, unreachable_pub)]

use server_module::cabinet::*;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

pub fn card(text: &str) -> Position {
    text.parse().unwrap()
}

pub fn operator() -> Who {
    Who::new("ops", Role::Operator, Via::Ctl)
}

/// A cabinet full of cards, with these services.
pub fn definition(chassis: u8, slots: u8, services: &[(&str, &[&str])]) -> Definition {
    let positions = (1..=chassis).flat_map(|c| (1..=slots).map(move |s| Position::new(c, s)));
    let place = |position: Position| Place {
        position,
        address: position.address_in([10, 1, 0, 0].into()).into(),
        mac: None,
        circuit_id: None,
    };
    let service = |(name, cards): &(&str, &[&str])| {
        let mut service = Service::named(name.parse().unwrap());
        service.cards = cards.iter().map(|text| card(text)).collect();
        Arc::new(service)
    };
    Definition {
        name: "bench".parse().unwrap(),
        chassis,
        slots,
        cards: positions.map(place).collect(),
        services: services.iter().map(service).collect(),
    }
}

/// A service for every two cards of a whole cabinet.
pub fn services(chassis: u8, slots: u8) -> Vec<(&'static str, Vec<&'static str>)> {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let pairs = (1..=chassis).flat_map(|c| (1..=slots).step_by(2).map(move |s| (c, s)));
    pairs
        .map(|(c, s)| {
            (leak(format!("shop-{c}-{s}")), vec![leak(format!("{c}.{s}")), leak(format!("{c}.{}", s + 1))])
        })
        .collect()
}

pub struct Bench {
    pub cabinet: Cabinet,
    pub now: Duration,
    up: BTreeSet<Position>,
    /// Probes are lost.
    pub mute: bool,
    pub probes: u64,
    /// The most probes in one drain, once the first ones are through.
    pub widest: usize,
    pub routes: u64,
    pub actions: Vec<(Position, Action)>,
    pub kept: Vec<Kept>,
    traps: Vec<String>,
    /// What the members may be given, as the outputs told it.
    told: HashMap<(String, Position), Standing>,
}

impl Bench {
    pub fn new(definition: &Definition) -> Self {
        let cabinet = Cabinet::new(Duration::ZERO, definition, [], Limits::default()).unwrap();
        let mut bench = Self {
            cabinet,
            now: Duration::ZERO,
            up: BTreeSet::new(),
            mute: false,
            probes: 0,
            widest: 0,
            routes: 0,
            actions: Vec::new(),
            kept: Vec::new(),
            traps: Vec::new(),
            told: HashMap::new(),
        };
        bench.drain();
        bench.clear();
        bench
    }

    /// Whether a card's port answers from now on.
    pub fn port(&mut self, position: &str, up: bool) {
        if up {
            self.up.insert(card(position))
        } else {
            self.up.remove(&card(position))
        };
    }

    pub fn at(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    pub fn input(&mut self, input: Input) {
        self.cabinet.handle(self.now, input).unwrap();
        self.drain();
    }

    pub fn command(&mut self, who: &Who, command: Command) -> Result<Reply, Refusal> {
        let reply = self.cabinet.command(self.now, who, command);
        self.drain();
        reply
    }

    /// Sleeps from deadline to deadline.
    pub fn run_until(&mut self, end: Duration) {
        loop {
            let deadline = self.cabinet.deadline();
            assert_ne!(deadline, Some(Duration::ZERO), "everything has been drained");
            match deadline {
                Some(at) if at <= end => {
                    self.now = self.now.max(at);
                    self.input(Input::Tick);
                    let next = self.cabinet.deadline();
                    assert!(next.is_none_or(|next| next > self.now), "a tick at the deadline moves it");
                }
                _ => break,
            }
        }
        self.now = end;
    }

    pub fn drain(&mut self) {
        loop {
            let mut answers = Vec::new();
            while let Some(output) = self.cabinet.poll_output() {
                match output {
                    Output::Probe(probe) => {
                        let position = self.cabinet.inventory().card_at(probe.to.ip()).unwrap().position;
                        answers.push((probe.id, self.up.contains(&position)));
                    }
                    Output::Trap(t) => self.traps.push(format!("{} {} {}", t.card, t.from, t.to)),
                    Output::Member { service, card, standing } => {
                        self.told.insert((service.to_string(), card), standing);
                    }
                    Output::Routes => {
                        self.routes += 1;
                        for active in &self.cabinet.inventory().services {
                            for member in &active.members {
                                self.told
                                    .insert((active.service.name.to_string(), member.card), member.standing);
                            }
                        }
                    }
                    Output::Action { card, action } => self.actions.push((card, action)),
                    Output::Persist(kept) => self.kept.push(kept),
                    Output::CardFiles { .. } | Output::Event(_) => {}
                }
            }
            self.probes += answers.len() as u64;
            if self.now > Duration::from_secs(100) {
                self.widest = self.widest.max(answers.len());
            }
            if answers.is_empty() || self.mute {
                return;
            }
            for (id, up) in answers {
                self.cabinet.handle(self.now, Input::Probed { id, up }).unwrap();
            }
        }
    }

    pub fn clear(&mut self) {
        self.traps.clear();
        self.actions.clear();
        self.routes = 0;
    }

    pub fn traps(&self) -> &[String] {
        &self.traps
    }

    pub fn state(&self, position: &str) -> State {
        self.cabinet.inventory().card(card(position)).unwrap().state
    }

    /// What the member may be given, as the inventory says and as the outputs told.
    pub fn standing(&self, service: &str, position: &str) -> Standing {
        let active = self.cabinet.inventory().service(service).unwrap();
        let standing = active.members.iter().find(|m| m.card == card(position)).unwrap().standing;
        assert_eq!(
            self.told.get(&(service.to_owned(), card(position))),
            Some(&standing),
            "the drives know it too"
        );
        standing
    }
}
