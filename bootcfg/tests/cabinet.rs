//! A whole cabinet boots in one process, in virtual time, over a network that loses, repeats, delays and reorders.
//!
//! The clock jumps from one due thing to the next, exactly to the deadlines: a lost wake-up would stop it for ever.

#![allow(unreachable_pub, missing_docs)]

mod common;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use bootcfg::boot::{self, Boot, Download};
use bootcfg::card::{Description, File, Manifest, Place, Service, locate, render};
use bootcfg::dhcp::relay::{self, PortId, Relay};
use bootcfg::dhcp::{Destination, server};
use bootcfg::tftp::server::{Tid, TransferId};
use bootcfg::{HwAddr, Position, tftp};
use common::*;

/// Chance from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.next() % 1000 < percent * 10
    }
}

/// How bad the network is.
#[derive(Clone, Copy)]
pub struct Weather {
    pub loss: u64,
    pub duplicates: u64,
    /// Datagrams take between 50 us and this, and so overtake one another.
    pub delay: Duration,
}

/// Where a datagram is going.
#[derive(Clone, Debug)]
enum To {
    /// Up through the relay of a chassis, from this card.
    Relay(usize),
    /// The DHCP server, from this address.
    Dhcp(SocketAddrV4),
    /// Down through the relay of this address.
    FromServer(Ipv4Addr),
    Card(usize),
    /// The TFTP server's port, from a card's.
    Tftp(Tid, SocketAddr),
    /// A card's download, from the TFTP server's port.
    Download(usize, Download, SocketAddr),
}

pub struct World {
    now: Duration,
    chance: Chance,
    weather: Weather,
    flying: BinaryHeap<Reverse<(Duration, u64)>>,
    datagrams: BTreeMap<u64, (To, Vec<u8>)>,
    count: u64,
    dhcp: server::Server,
    relays: BTreeMap<u8, Relay>,
    files: tftp::Server,
    contents: BTreeMap<TransferId, Vec<u8>>,
    cards: Vec<(Position, Boot)>,
    naks: usize,
    refused: usize,
}

const TFTP: Ipv4Addr = SERVER;

impl World {
    pub fn new(seed: u64, weather: Weather, cards: usize) -> Self {
        let mut config = server::Config::new(SERVER, plan());
        config.routers = vec![SERVER];
        let positions: Vec<Position> = plan().positions().take(cards).collect();
        let mut relays = BTreeMap::new();
        for chassis in 1..=20 {
            let address = Ipv4Addr::new(10, 1, chassis, 254);
            let mut config = relay::Config::new(address, SocketAddrV4::new(SERVER, 67));
            config.circuits = (1..=14)
                .map(|slot| (PortId(slot), format!("{chassis}.{slot}").into_bytes().into()))
                .collect();
            relays.insert(chassis, Relay::new(config));
        }
        let boots = positions.iter().enumerate().map(|(index, position)| {
            let [high, low] = u16::try_from(index).unwrap().to_be_bytes();
            let mut dhcp = bootcfg::dhcp::client::Config::new(
                HwAddr::ethernet([2, 0, 0, 0, high, low]),
                seed ^ index as u64,
            );
            dhcp.start_delay = ZERO..=ZERO;
            dhcp.probe_timeout = ZERO;
            (*position, Boot::new(boot::Config::new(dhcp), ZERO))
        });
        Self {
            now: ZERO,
            chance: Chance(seed),
            weather,
            flying: BinaryHeap::new(),
            datagrams: BTreeMap::new(),
            count: 0,
            dhcp: server::Server::new(config).unwrap(),
            relays,
            files: tftp::Server::new(tftp::server::Config::default()),
            contents: BTreeMap::new(),
            cards: boots.collect(),
            naks: 0,
            refused: 0,
        }
    }

    fn send(&mut self, to: &To, bytes: &[u8]) {
        let copies = if self.chance.percent(self.weather.duplicates) { 2 } else { 1 };
        for _ in 0..copies {
            if self.chance.percent(self.weather.loss) {
                continue;
            }
            let spread = u64::try_from(self.weather.delay.as_nanos()).unwrap().max(1);
            let at = self.now + Duration::from_micros(50) + Duration::from_nanos(self.chance.next() % spread);
            self.count += 1;
            self.flying.push(Reverse((at, self.count)));
            self.datagrams.insert(self.count, (to.clone(), bytes.to_vec()));
        }
    }

    fn deliver(&mut self, to: &To, bytes: &[u8]) {
        match *to {
            To::Relay(card) => {
                let position = self.cards[card].0;
                let relay = self.relays.get_mut(&position.chassis()).unwrap();
                let port = PortId(position.slot().into());
                relay.handle(self.now, relay::Input::FromClient { port, bytes }).unwrap();
                self.drain_relay(position.chassis());
            }
            To::FromServer(giaddr) => {
                let chassis = giaddr.octets()[2];
                self.relays
                    .get_mut(&chassis)
                    .unwrap()
                    .handle(self.now, relay::Input::FromServer { bytes })
                    .unwrap();
                self.drain_relay(chassis);
            }
            To::Dhcp(from) => {
                self.dhcp.handle(self.now, server::Input::Datagram { from, bytes }).unwrap();
                self.drain_dhcp();
            }
            To::Card(card) => {
                self.cards[card].1.handle(self.now, boot::Input::Dhcp(bytes)).unwrap();
                self.drain_card(card);
            }
            To::Tftp(at, from) => {
                self.files.handle(self.now, tftp::server::Input::Datagram { at, from, bytes }).unwrap();
                self.drain_files();
            }
            To::Download(card, download, from) => {
                self.cards[card].1.handle(self.now, boot::Input::Tftp { download, from, bytes }).unwrap();
                self.drain_card(card);
            }
        }
    }

    fn drain_relay(&mut self, chassis: u8) {
        let giaddr = Ipv4Addr::new(10, 1, chassis, 254);
        let mut out = Vec::new();
        while let Some(output) = self.relays.get_mut(&chassis).unwrap().poll_output() {
            match output {
                relay::Output::ToServer { bytes, .. } => {
                    out.push((To::Dhcp(SocketAddrV4::new(giaddr, 67)), bytes.to_vec()));
                }
                relay::Output::ToClient { port, bytes, .. } => {
                    let slot = u8::try_from(port.0).unwrap();
                    let card = usize::from(chassis - 1) * 14 + usize::from(slot - 1);
                    out.push((To::Card(card), bytes.to_vec()));
                }
                relay::Output::Event(event) => panic!("{event:?}"),
            }
        }
        for (to, bytes) in out {
            self.send(&to, &bytes);
        }
    }

    fn drain_dhcp(&mut self) {
        for (to, bytes, _) in drain(&mut self.dhcp).replies {
            let kind = bootcfg::wire::dhcp::Message::parse(&bytes).unwrap().kind();
            self.naks += usize::from(kind == Some(bootcfg::wire::dhcp::MessageType::NAK));
            match to {
                Destination::Relay(to) => self.send(&To::FromServer(*to.ip()), &bytes),
                other => panic!("{other:?}: every card hangs on a relay"),
            }
        }
    }

    fn drain_files(&mut self) {
        while let Some(output) = self.files.poll_output() {
            use tftp::server::{Event, Input, Output};
            match output {
                Output::Open { id, peer, name } => {
                    let IpAddr::V4(address) = peer.ip() else { unreachable!() };
                    let input = match locate(name, plan().position(address)) {
                        Place::Own(position, path) => {
                            let content = content(position, path);
                            let size = Some(content.len() as u64);
                            self.contents.insert(id, content);
                            Input::Opened { id, size }
                        }
                        _ => Input::OpenFailed { id, refusal: tftp::Refusal::NotFound },
                    };
                    self.files.handle(self.now, input).unwrap();
                }
                Output::Read { id, offset, len } => {
                    let content = &self.contents[&id];
                    let start = usize::try_from(offset).unwrap().min(content.len());
                    let bytes = &content[start..content.len().min(start + len)];
                    self.files.handle(self.now, Input::ReadDone { id, bytes }).unwrap();
                }
                Output::Send { from, to, bytes, segment } => {
                    let IpAddr::V4(address) = to.ip() else { unreachable!() };
                    let position = plan().position(address).unwrap();
                    let card = usize::from(position.chassis() - 1) * 14 + usize::from(position.slot() - 1);
                    let download = Download(u64::from(to.port()) - 1000);
                    let port = match from {
                        Tid::Listen => 69,
                        // Ports of transfers are handed out in turn, as a system does.
                        Tid::Transfer(id) => 10_000 + u16::try_from(id.0 % 50_000).unwrap(),
                    };
                    let from = SocketAddr::from((TFTP, port));
                    let packets: Vec<Vec<u8>> = bytes.chunks(segment).map(<[u8]>::to_vec).collect();
                    for packet in packets {
                        self.send(&To::Download(card, download, from), &packet);
                    }
                }
                Output::Create { .. } | Output::Write { .. } => panic!("cards only read"),
                Output::Close { id } => _ = self.contents.remove(&id),
                Output::Event(Event::Refused { .. }) => self.refused += 1,
                Output::Event(_) => {}
            }
        }
    }

    fn drain_card(&mut self, card: usize) {
        let mut out = Vec::new();
        let (position, boot) = &mut self.cards[card];
        let address = plan().address(*position).unwrap();
        while let Some(output) = boot.poll_output() {
            match output {
                boot::Output::SendDhcp { to: Destination::Broadcast(_), bytes, .. } => {
                    out.push((To::Relay(card), bytes.to_vec()));
                }
                boot::Output::SendDhcp { bytes, .. } => {
                    out.push((To::Dhcp(SocketAddrV4::new(address, 68)), bytes.to_vec()));
                }
                boot::Output::SendTftp { download, to, bytes } => {
                    let at = match to.port() {
                        69 => Tid::Listen,
                        port => Tid::Transfer(TransferId(u64::from(port) - 10_000)),
                    };
                    let from = SocketAddr::from((address, 1000 + u16::try_from(download.0).unwrap()));
                    out.push((To::Tftp(at, from), bytes.to_vec()));
                }
                _ => {}
            }
        }
        for (to, bytes) in out {
            self.send(&to, &bytes);
        }
    }

    /// Runs until every card is ready; the virtual time it took.
    pub fn run(&mut self, limit: Duration) -> Duration {
        for card in 0..self.cards.len() {
            self.cards[card].1.handle(ZERO, boot::Input::Tick).unwrap();
            self.drain_card(card);
        }
        let mut waiting = self.cards.len();
        while waiting > 0 {
            let arrival = self.flying.peek().map(|Reverse((at, _))| *at);
            // Timers of cards are looked through only where no datagram comes first.
            let due = [self.dhcp.deadline(), self.files.deadline()].into_iter().flatten();
            let due = due.chain(self.cards.iter().filter_map(|(_, boot)| boot.deadline())).min();
            let next = arrival
                .into_iter()
                .chain(due)
                .min()
                .expect("nothing is due and nobody is ready: a lost wake-up");
            assert!(next < limit, "{waiting} cards are not ready after {next:?}");
            self.now = self.now.max(next);
            // Everything that arrives before the next timer is handled without looking at timers again.
            while let Some(Reverse((at, id))) =
                self.flying.peek().copied().filter(|Reverse((at, _))| due.is_none_or(|due| *at <= due))
            {
                self.flying.pop();
                self.now = self.now.max(at);
                let (to, bytes) = self.datagrams.remove(&id).unwrap();
                self.deliver(&to, &bytes);
                if self.flying.len().is_multiple_of(64) {
                    break;
                }
            }
            let now = self.now;
            if self.dhcp.deadline().is_some_and(|due| due <= now) {
                self.dhcp.handle(now, server::Input::Tick).unwrap();
                self.drain_dhcp();
            }
            if self.files.deadline().is_some_and(|due| due <= now) {
                self.files.handle(now, tftp::server::Input::Tick).unwrap();
                self.drain_files();
            }
            for card in 0..self.cards.len() {
                if self.cards[card].1.deadline().is_some_and(|due| due <= now) {
                    self.cards[card].1.handle(now, boot::Input::Tick).unwrap();
                    self.drain_card(card);
                }
            }
            waiting = self.cards.iter().filter(|(_, boot)| !boot.is_ready()).count();
        }
        self.now
    }
}

/// What a card finds in its tree: the eight files and their manifest.
fn content(position: Position, path: &str) -> Vec<u8> {
    let sids = ["www.sell.com"];
    let services = [Service { name: "shop-1", sids: &sids, port: Some(8000), ..Service::default() }];
    let card = Description {
        position,
        address: plan().address(position).unwrap(),
        prefix: 16,
        router: Some(SERVER),
        dns: &[SERVER],
        domain: None,
        module_name: "cabinet",
        module_address: SERVER,
        snmp_read: "read",
        snmp_write: "write",
        traps: None,
        services: &services,
    };
    if path == "manifest" {
        let mut manifest = Manifest::default();
        for file in File::ALL {
            manifest.add_file(file.name(), render(file, &card).as_bytes()).unwrap();
        }
        return manifest.to_string().into_bytes();
    }
    render(File::by_name(path).unwrap(), &card).into_bytes()
}

pub const FAIR: Weather = Weather { loss: 0, duplicates: 0, delay: Duration::from_micros(200) };

fn boots(seed: u64, weather: Weather, cards: usize, limit: Duration) -> Duration {
    let mut world = World::new(seed, weather, cards);
    let took = world.run(limit);
    for (position, boot) in &world.cards {
        assert_eq!(Some(boot.lease().unwrap().address), plan().address(*position));
        let files: Vec<_> = boot.files().collect();
        assert_eq!(files.len(), 8);
        for (name, text) in files {
            assert_eq!(text, content(*position, name), "{position} {name}");
        }
    }
    assert_eq!((world.naks, world.refused), (0, 0));
    took
}

#[test]
fn two_hundred_and_eighty_cards_power_on_at_once_and_boot_in_fair_weather() {
    assert!(boots(1, FAIR, 280, secs(1)) < Duration::from_millis(50));
}

#[test]
fn two_hundred_and_eighty_cards_boot_with_one_datagram_in_a_hundred_lost() {
    assert!(boots(2, Weather { loss: 1, ..FAIR }, 280, secs(120)) < secs(60));
}

#[test]
fn cards_boot_in_foul_weather_whatever_the_seed() {
    let foul = Weather { loss: 15, duplicates: 10, delay: Duration::from_millis(40) };
    for seed in 0..6 {
        boots(seed, foul, 14, secs(1800));
    }
}

#[test]
fn the_same_seed_makes_the_same_boot() {
    let foul = Weather { loss: 5, duplicates: 5, delay: Duration::from_millis(5) };
    assert_eq!(boots(9, foul, 28, secs(1800)), boots(9, foul, 28, secs(1800)));
}
