//! The ten laws of the house, asserted for every machine of the crate.
//!
//! Each machine is driven by scripts of inputs made from a seed: datagrams that make sense, datagrams that do not,
//! ticks early, due and late.

mod common;

use std::net::Ipv4Addr;
use std::time::Duration;

use bootcfg::boot::{self, Boot};
use bootcfg::dhcp::server::{self, Config, Unknown};
use bootcfg::dhcp::{Client, Relay, Server, client, relay};
use bootcfg::tftp;
use bootcfg::wire::dhcp::{MessageType, OptionCode};
use bootcfg::wire::tftp::FileName;
use common::*;
use proptest::prelude::*;

/// One step of a script: how far time moves, and what happens.
#[derive(Clone, Debug)]
struct Step {
    ms: i64,
    pick: u8,
    a: u8,
    b: u16,
    drain: bool,
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    let step = (-500_i64..20_000, any::<u8>(), 0_u8..6, any::<u16>(), any::<bool>());
    proptest::collection::vec(step.prop_map(|(ms, pick, a, b, drain)| Step { ms, pick, a, b, drain }), 1..60)
}

/// A machine as the laws see it.
trait Machine: Clone + PartialEq + std::fmt::Debug {
    /// Tells it something that follows from `step`; whether it took it.
    fn tell(&mut self, now: Duration, step: &Step) -> bool;
    fn tick(&mut self, now: Duration) -> bool;
    /// Drains one output; its description.
    fn next(&mut self) -> Option<String>;
    fn deadline(&self) -> Option<Duration>;
    /// Outputs that may wait at most.
    fn bound(&self) -> usize;
}

fn drain_all(machine: &mut impl Machine) -> Vec<String> {
    let mut outputs = Vec::new();
    while let Some(output) = machine.next() {
        outputs.push(output);
        assert!(outputs.len() <= machine.bound(), "laws 2 and 8: outputs are bounded");
    }
    outputs
}

fn obeys<M: Machine>(start: M, steps: &[Step]) {
    let (mut machine, mut twin) = (start.clone(), start);
    let mut now = Duration::from_secs(1000);
    for step in steps {
        // Time that runs back is as if it stood still (law 6).
        let told = if step.ms < 0 {
            now.saturating_sub(Duration::from_millis(step.ms.unsigned_abs()))
        } else {
            now += Duration::from_millis(step.ms.unsigned_abs());
            now
        };
        let before = machine.clone();
        let taken = machine.tell(told, step);
        assert_eq!(twin.tell(told, step), taken, "law 9: equal inputs, equal answers");
        if !taken {
            assert_eq!(machine, before, "law 7: what is not taken changes nothing");
        }
        if step.drain {
            let mut waiting = machine.clone();
            if let Some(output) = waiting.next() {
                assert_eq!(machine.deadline(), Some(Duration::ZERO), "law 3: what waits is due");
                assert!(!output.is_empty());
            }
            let pending = drain_all(&mut machine);
            assert_eq!(drain_all(&mut twin), pending, "law 9");
            let settled = machine.deadline();
            assert_ne!(settled, Some(Duration::ZERO), "laws 1 and 3: drained, so that only timers are left");
            // Law 5: a tick before the deadline does nothing.
            if settled.is_none_or(|deadline| deadline > now) {
                assert!(machine.tick(now));
                assert_eq!(machine.next(), None, "law 5: an early tick does nothing");
                assert_eq!(machine.deadline(), settled, "law 5");
                assert!(twin.tick(now));
            }
            // Law 4: a tick at the deadline makes it grow or go.
            if let Some(deadline) = machine.deadline() {
                let mut awake = machine.clone();
                assert!(awake.tick(deadline.max(now)));
                drain_all(&mut awake);
                assert!(awake.deadline().is_none_or(|next| next > deadline), "law 4: no busy loop");
            }
        }
    }
    // Law 3 for what is left: sleeping exactly to each deadline comes to rest or moves on for ever, never in place.
    let mut last = None;
    for _ in 0..200 {
        drain_all(&mut machine);
        let Some(deadline) = machine.deadline() else { return };
        assert!(last.is_none_or(|last| deadline > last), "law 4: {deadline:?} after {last:?}");
        last = Some(deadline);
        assert!(machine.tick(deadline));
    }
}

impl Machine for Server {
    fn tell(&mut self, now: Duration, step: &Step) -> bool {
        let hw = mac(step.a + 1);
        let address = Ipv4Addr::new(10, 1, [2, 200][usize::from(step.pick & 1)], (step.b % 6) as u8 + 1);
        let kind = MessageType(step.pick % 10);
        let mut ask = match step.pick % 13 {
            0 => Ask::bootp(hw),
            _ => Ask::new(kind, hw),
        };
        if step.b & 64 != 0 {
            ask = ask.server(SERVER);
        }
        if step.b & 128 != 0 {
            ask = ask.wants(address);
        }
        if step.b & 256 != 0 {
            ask = ask.ciaddr(address);
        }
        if step.b & 512 != 0 {
            ask = ask.relayed(RELAY, ["2.1", "3.4", "x"][usize::from(step.b % 3)]);
        }
        if step.b & 1024 != 0 {
            ask = ask.option(OptionCode::CLIENT_ID, [1, step.a]);
        }
        let mut bytes = ask.bytes();
        if step.b & 0xf800 == 0 {
            bytes.truncate(usize::from(step.b));
        }
        self.handle(now, server::Input::Datagram { from: "10.1.2.254:67".parse().unwrap(), bytes: &bytes })
            .is_ok()
    }

    fn tick(&mut self, now: Duration) -> bool {
        self.handle(now, server::Input::Tick).is_ok()
    }

    fn next(&mut self) -> Option<String> {
        self.poll_output().map(|output| format!("{output:?}"))
    }

    fn deadline(&self) -> Option<Duration> {
        self.deadline()
    }

    fn bound(&self) -> usize {
        20
    }
}

impl Machine for Client {
    fn tell(&mut self, now: Duration, step: &Step) -> bool {
        match step.pick % 6 {
            0 => self.handle(now, client::Input::LinkUp).is_ok(),
            1 => {
                let address = Ipv4Addr::new(10, 1, 2, 1);
                self.handle(now, client::Input::Probed { address, in_use: step.b & 1 != 0 }).is_ok()
            }
            2 if step.b.is_multiple_of(7) => self.handle(now, client::Input::Release).is_ok(),
            2 if step.b.is_multiple_of(5) => {
                let address = Ipv4Addr::new(10, 1, 2, 9);
                self.handle(now, client::Input::Inform { address }).is_ok()
            }
            2 => self.handle(now, client::Input::Tick).is_ok(),
            _ => {
                // What a server says to the client's last message, sometimes garbled.
                let mut copy = self.clone();
                _ = copy.handle(now, client::Input::Tick);
                let Some(Did::Send(_, _, bytes)) =
                    drain_client(&mut copy).into_iter().find(|did| matches!(did, Did::Send(..)))
                else {
                    return self.handle(now, client::Input::Datagram(&step.b.to_be_bytes())).is_ok();
                };
                let mut server = common::server();
                let input = server::Input::Datagram { from: "10.1.2.1:68".parse().unwrap(), bytes: &bytes };
                server.handle(now, input).unwrap();
                let Some((_, mut reply, _)) = drain(&mut server).replies.pop() else { return true };
                if step.b & 7 == 0 {
                    let at = usize::from(step.b) % reply.len();
                    reply[at] ^= 1 << (step.a % 8);
                }
                *self = copy;
                self.handle(now, client::Input::Datagram(&reply)).is_ok()
            }
        }
    }

    fn tick(&mut self, now: Duration) -> bool {
        self.handle(now, client::Input::Tick).is_ok()
    }

    fn next(&mut self) -> Option<String> {
        self.poll_output().map(|output| format!("{output:?}"))
    }

    fn deadline(&self) -> Option<Duration> {
        self.deadline()
    }

    fn bound(&self) -> usize {
        12
    }
}

impl Machine for Relay {
    fn tell(&mut self, now: Duration, step: &Step) -> bool {
        let ask = Ask::discover(mac(step.a));
        if step.pick & 1 == 0 {
            let port = relay::PortId(u32::from(step.a));
            return self.handle(now, relay::Input::FromClient { port, bytes: &ask.bytes() }).is_ok();
        }
        let mut server = common::server();
        let ask = ask.relayed(RELAY, ["2.1", "2.2", "9.9"][usize::from(step.b % 3)]);
        let reply = tell(&mut server, ZERO, &ask).replies.pop().map_or(vec![1, 2, 3], |(_, bytes, _)| bytes);
        self.handle(now, relay::Input::FromServer { bytes: &reply }).is_ok()
    }

    fn tick(&mut self, now: Duration) -> bool {
        self.handle(now, relay::Input::Tick).is_ok()
    }

    fn next(&mut self) -> Option<String> {
        self.poll_output().map(|output| format!("{output:?}"))
    }

    fn deadline(&self) -> Option<Duration> {
        self.deadline()
    }

    fn bound(&self) -> usize {
        16
    }
}

impl Machine for tftp::Server {
    fn tell(&mut self, now: Duration, step: &Step) -> bool {
        use tftp::server::{Input, Tid, TransferId};
        let id = TransferId(u64::from(step.a) + 1);
        let from = peer(2000 + u16::from(step.a));
        let input = match step.pick % 8 {
            0 | 1 => {
                let options = [("blksize", "16"), ("windowsize", "4"), ("tsize", "0"), ("timeout", "2")];
                let mut bytes = rrq(
                    "file",
                    ["octet", "netascii"][usize::from(step.b % 2)],
                    &options[..usize::from(step.a % 5)],
                );
                // Half of the requests write.
                bytes[1] = if step.b & 2 == 0 { 1 } else { 2 };
                return self.handle(now, Input::Datagram { at: Tid::Listen, from, bytes: &bytes }).is_ok();
            }
            2 => Input::Opened { id, size: Some(100) },
            3 => Input::OpenFailed { id, refusal: tftp::Refusal::NotFound },
            4 => {
                return self
                    .handle(now, Input::ReadDone { id, bytes: &vec![10; usize::from(step.b % 90)] })
                    .is_ok();
            }
            5 if step.b & 8 == 0 => Input::Written { id },
            5 if step.b & 16 == 0 => Input::WriteFailed { id, refusal: tftp::Refusal::TooLong },
            5 => Input::ReadFailed { id },
            _ => {
                let mut data = vec![0, 3, 0, (step.b % 6) as u8];
                data.resize(4 + usize::from(step.b >> 4) % 18, 13);
                let bytes = [ack(step.b % 8), vec![0, 5, 0, 8, 0], data, step.b.to_be_bytes().to_vec()];
                let bytes = &bytes[usize::from(step.pick >> 3) % 4];
                let at = if step.b & 256 == 0 { Tid::Transfer(id) } else { Tid::Listen };
                return self.handle(now, Input::Datagram { at, from, bytes }).is_ok();
            }
        };
        self.handle(now, input).is_ok()
    }

    fn tick(&mut self, now: Duration) -> bool {
        self.handle(now, tftp::server::Input::Tick).is_ok()
    }

    fn next(&mut self) -> Option<String> {
        self.poll_output().map(|output| format!("{output:?}"))
    }

    fn deadline(&self) -> Option<Duration> {
        self.deadline()
    }

    fn bound(&self) -> usize {
        16
    }
}

impl Machine for tftp::Upload {
    fn tell(&mut self, now: Duration, step: &Step) -> bool {
        use tftp::upload::Input;
        let from = peer(if step.b.is_multiple_of(11) { 666 } else { 3000 });
        let bytes = match step.pick % 6 {
            0 => b"\0\x06blksize\x0016\0windowsize\x003\0".to_vec(),
            1 if step.b.is_multiple_of(5) => vec![0, 5, 0, step.a, b'x', 0],
            1 if step.b.is_multiple_of(9) => return self.handle(now, Input::Abort).is_ok(),
            2 => return self.handle(now, Input::ReadDone(&vec![10; usize::from(step.b % 60)])).is_ok(),
            3 => step.b.to_be_bytes().to_vec(),
            _ => ack(step.b % 7),
        };
        self.handle(now, Input::Datagram { from, bytes: &bytes }).is_ok()
    }

    fn tick(&mut self, now: Duration) -> bool {
        self.handle(now, tftp::upload::Input::Tick).is_ok()
    }

    fn next(&mut self) -> Option<String> {
        self.poll_output().map(|output| format!("{output:?}"))
    }

    fn deadline(&self) -> Option<Duration> {
        self.deadline()
    }

    fn bound(&self) -> usize {
        12
    }
}

impl Machine for tftp::Client {
    fn tell(&mut self, now: Duration, step: &Step) -> bool {
        let bytes = match step.pick % 6 {
            0 => b"\0\x06blksize\x0016\0".to_vec(),
            1 if step.b.is_multiple_of(5) => vec![0, 5, 0, step.a, b'x', 0],
            2 if step.b.is_multiple_of(9) => return self.handle(now, tftp::client::Input::Abort).is_ok(),
            3 => step.b.to_be_bytes().to_vec(),
            _ => {
                let mut bytes = vec![0, 3, 0, step.a];
                bytes.resize(4 + usize::from(step.b % 18), 13);
                bytes
            }
        };
        let from = std::net::SocketAddr::from(([10, 1, 0, 1], 5000 + step.b % 2));
        self.handle(now, tftp::client::Input::Datagram { from, bytes: &bytes }).is_ok()
    }

    fn tick(&mut self, now: Duration) -> bool {
        self.handle(now, tftp::client::Input::Tick).is_ok()
    }

    fn next(&mut self) -> Option<String> {
        self.poll_output().map(|output| format!("{output:?}"))
    }

    fn deadline(&self) -> Option<Duration> {
        self.deadline()
    }

    fn bound(&self) -> usize {
        12
    }
}

impl Machine for Boot {
    fn tell(&mut self, now: Duration, step: &Step) -> bool {
        // The DHCP half is driven by a server; the downloads hear random packets.
        if !step.pick.is_multiple_of(3) {
            let bytes = [vec![0, 3, 0, 1, b'x'], vec![0, 5, 0, 1, 0], b"\0\x06tsize\x005\0".to_vec()];
            let download = boot::Download(u64::from(step.a));
            let from = std::net::SocketAddr::from(([10, 1, 0, 1], 5000));
            let bytes = &bytes[usize::from(step.b % 3)];
            return self.handle(now, boot::Input::Tftp { download, from, bytes }).is_ok();
        }
        let mut copy = self.clone();
        let mut server = common::server();
        let mut reply = None;
        while let Some(output) = copy.poll_output() {
            if let boot::Output::SendDhcp { bytes, .. } = output {
                let from = "10.1.2.1:68".parse().unwrap();
                server.handle(now, server::Input::Datagram { from, bytes }).unwrap();
                reply = drain(&mut server).replies.pop().map(|(_, bytes, _)| bytes);
            }
        }
        match reply {
            Some(reply) => self.handle(now, boot::Input::Dhcp(&reply)).is_ok(),
            None => self.handle(now, boot::Input::Tick).is_ok(),
        }
    }

    fn tick(&mut self, now: Duration) -> bool {
        self.handle(now, boot::Input::Tick).is_ok()
    }

    fn next(&mut self) -> Option<String> {
        self.poll_output().map(|output| format!("{output:?}"))
    }

    fn deadline(&self) -> Option<Duration> {
        self.deadline()
    }

    fn bound(&self) -> usize {
        80
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_dhcp_server_obeys(steps in script()) {
        let pool = Ipv4Addr::new(10, 1, 200, 1)..=Ipv4Addr::new(10, 1, 200, 4);
        let limits = server::Limits { leases: 8, outputs: 16, offers_a_relay: 3, rate: None };
        let config = Config { unknown: Unknown::Quarantine(pool), limits, lease: secs(30), ..config() };
        obeys(Server::new(config.clone()).unwrap(), &steps);
        // With several networks, rates and questions.
        let far = Ipv4Addr::new(192, 168, 7, 0);
        let pool = Ipv4Addr::new(192, 168, 7, 1)..=Ipv4Addr::new(192, 168, 7, 3);
        let subnet = server::Subnet { shares: Some(plan().network()), ..server::Subnet::new(far, 24, pool) };
        let limits = server::Limits { rate: Some(server::Rate { burst: 2, every: secs(1) }), ..limits };
        let config = Config { subnets: vec![subnet], limits, leasequery: vec![RELAY], ..config };
        obeys(Server::new(config).unwrap(), &steps);
    }

    #[test]
    fn the_dhcp_client_obeys(steps in script()) {
        obeys(Client::new(client::Config::new(mac(1), 3), secs(1000)), &steps);
    }

    #[test]
    fn the_relay_obeys(steps in script()) {
        let mut config = relay::Config::new(RELAY, "10.1.0.1:67".parse().unwrap());
        config.circuits = (0..4).map(|port| (relay::PortId(port), format!("2.{port}").into_bytes().into())).collect();
        config.max_outputs = 8;
        obeys(Relay::new(config), &steps);
    }

    #[test]
    fn the_tftp_server_obeys(steps in script()) {
        let limits = tftp::server::Limits {
            transfers: 4,
            transfers_a_peer: 3,
            window_octets: 4096,
            octets_a_peer: 1000,
            octets: 2000,
            written_octets: 100,
            outputs: 12,
        };
        obeys(tftp::Server::new(tftp::server::Config { limits, writes: true, ..Default::default() }), &steps);
    }

    #[test]
    fn the_tftp_upload_obeys(steps in script()) {
        let name = FileName::parse(b"file").unwrap();
        let config = tftp::client::Config { blksize: Some(16), windowsize: Some(3), ..Default::default() };
        let server = "10.1.2.1:69".parse().unwrap();
        obeys(tftp::Upload::put(config, &name, Some(100), server, secs(1000)).unwrap(), &steps);
    }

    #[test]
    fn the_tftp_client_obeys(steps in script()) {
        let name = FileName::parse(b"file").unwrap();
        let config = tftp::client::Config { blksize: Some(16), max_size: 60, ..Default::default() };
        let server = "10.1.0.1:69".parse().unwrap();
        obeys(tftp::Client::get(config, &name, server, secs(1000)).unwrap(), &steps);
    }

    #[test]
    fn the_boot_machine_obeys(steps in script()) {
        obeys(Boot::new(boot::Config::new(client_config(mac(1))), secs(1000)), &steps);
    }
}
