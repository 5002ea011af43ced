//! Scripts of inputs for the machines, with the laws asserted after each: server and TFTP server hear anything, client
//! and boot machine hear a server whose octets are sometimes changed.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use arbitrary::Arbitrary;
use bootcfg::boot::{self, Boot};
use bootcfg::dhcp::server::{self, Card, Config, Unknown};
use bootcfg::dhcp::{Server, client};
use bootcfg::tftp::{self, server::Tid, server::TransferId};
use bootcfg::{HwAddr, Plan, Position};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Step {
    /// Time moves on by milliseconds.
    Wait(u16),
    /// Any octets come to the DHCP server.
    Dhcp {
        relayed: bool,
        octets: Vec<u8>,
    },
    /// A message made of options comes to the DHCP server.
    Ask {
        kind: u8,
        mac: u8,
        giaddr: bool,
        ciaddr: u8,
        options: Vec<(u8, Vec<u8>)>,
    },
    /// The card's last message reaches the server, one octet changed on the way back.
    Card {
        change: Option<(u16, u8)>,
    },
    /// Any octets come to the TFTP server.
    Tftp {
        transfer: Option<u8>,
        peer: u8,
        octets: Vec<u8>,
    },
    /// An acknowledgement comes to it.
    Ack {
        transfer: u8,
        peer: u8,
        block: u16,
    },
    /// The driver answers.
    Opened {
        transfer: u8,
        size: Option<u32>,
    },
    Read {
        transfer: u8,
        len: u16,
    },
    Written {
        transfer: u8,
        failed: bool,
    },
    /// A block comes to a file that is being written.
    Data {
        transfer: u8,
        peer: u8,
        block: u16,
        len: u16,
    },
    /// Any octets come to a download of the card.
    Download {
        download: u8,
        octets: Vec<u8>,
    },
}

fuzz_target!(|steps: Vec<Step>| {
    let plan = Plan::new(Ipv4Addr::new(10, 1, 0, 0), 16, 4, 4).unwrap();
    let mut config = Config::new(Ipv4Addr::new(10, 1, 0, 1), plan);
    config.cards = vec![Card::by_mac(Position::new(2, 1).unwrap(), mac(1))];
    config.unknown = Unknown::Quarantine(Ipv4Addr::new(10, 1, 200, 1)..=Ipv4Addr::new(10, 1, 200, 3));
    let rate = Some(server::Rate { burst: 40, every: Duration::from_millis(10) });
    config.limits = server::Limits { leases: 24, outputs: 32, offers_a_relay: 2, rate };
    let (far, pool) = (Ipv4Addr::new(10, 2, 0, 0), Ipv4Addr::new(10, 2, 0, 5)..=Ipv4Addr::new(10, 2, 0, 7));
    config.subnets =
        vec![server::Subnet { shares: Some(plan.network()), ..server::Subnet::new(far, 24, pool) }];
    config.leasequery = vec![Ipv4Addr::new(10, 1, 2, 254)];
    let mut dhcp = Server::new(config).unwrap();
    let limits = tftp::server::Limits {
        transfers: 4,
        transfers_a_peer: 2,
        window_octets: 4096,
        octets_a_peer: 6000,
        octets: 9000,
        written_octets: 3000,
        outputs: 32,
    };
    let mut files = tftp::Server::new(tftp::server::Config { limits, writes: true, ..Default::default() });
    let mut card = client::Config::new(mac(1), 7);
    card.start_delay = Duration::ZERO..=Duration::ZERO;
    let mut card = Boot::new(boot::Config::new(card), Duration::ZERO);
    let mut now = Duration::ZERO;
    for step in steps {
        match step {
            Step::Wait(ms) => {
                now += Duration::from_millis(ms.into());
                dhcp.handle(now, server::Input::Tick).unwrap();
                files.handle(now, tftp::server::Input::Tick).unwrap();
                card.handle(now, boot::Input::Tick).unwrap();
            }
            Step::Dhcp { relayed, octets } => hear(&mut dhcp, now, relayed, &octets),
            Step::Ask { kind, mac: last, giaddr, ciaddr, options } => {
                let mut header = bootcfg::wire::dhcp::Header::request(1, mac(last % 4));
                header.giaddr = if giaddr { Ipv4Addr::new(10, 1, 2, 254) } else { Ipv4Addr::UNSPECIFIED };
                header.ciaddr =
                    if ciaddr == 0 { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::new(10, 1, 200, ciaddr % 5) };
                let mut buffer = [0; 1472];
                let info = giaddr.then_some(&b"\x01\x033.2"[..]);
                let mut builder =
                    bootcfg::wire::dhcp::Builder::new(&mut buffer, 1472, &header, info).unwrap();
                builder.kind(bootcfg::wire::dhcp::MessageType(kind % 12));
                for (code, value) in options.iter().filter(|(code, _)| ![0, 52, 53, 255].contains(code)) {
                    builder.option(bootcfg::wire::dhcp::OptionCode(*code), value);
                }
                let (len, _) = builder.finish();
                hear(&mut dhcp, now, giaddr, &buffer[..len]);
            }
            Step::Card { change } => talk(&mut card, &mut dhcp, now, change),
            Step::Tftp { transfer, peer, octets } => {
                let at = transfer.map_or(Tid::Listen, |id| Tid::Transfer(TransferId(u64::from(id % 8))));
                let input = tftp::server::Input::Datagram { at, from: address(peer), bytes: &octets };
                files.handle(now, input).unwrap();
            }
            Step::Ack { transfer, peer, block } => {
                let bytes = [0, 4, (block >> 8) as u8, block as u8];
                let at = Tid::Transfer(TransferId(u64::from(transfer % 8)));
                let input = tftp::server::Input::Datagram { at, from: address(peer), bytes: &bytes };
                files.handle(now, input).unwrap();
            }
            Step::Opened { transfer, size } => {
                let (id, size) = (TransferId(u64::from(transfer % 8)), size.map(u64::from));
                files.handle(now, tftp::server::Input::Opened { id, size }).unwrap();
            }
            Step::Read { transfer, len } => {
                let (id, bytes) = (TransferId(u64::from(transfer % 8)), vec![10; usize::from(len)]);
                files.handle(now, tftp::server::Input::ReadDone { id, bytes: &bytes }).unwrap();
            }
            Step::Written { transfer, failed } => {
                let id = TransferId(u64::from(transfer % 8));
                let refusal = tftp::Refusal::TooLong;
                let failure = tftp::server::Input::WriteFailed { id, refusal };
                let input = if failed { failure } else { tftp::server::Input::Written { id } };
                files.handle(now, input).unwrap();
            }
            Step::Data { transfer, peer, block, len } => {
                let mut bytes = vec![0, 3, (block >> 8) as u8, block as u8];
                bytes.resize(4 + usize::from(len % 600), 13);
                let at = Tid::Transfer(TransferId(u64::from(transfer % 8)));
                let input = tftp::server::Input::Datagram { at, from: address(peer), bytes: &bytes };
                files.handle(now, input).unwrap();
            }
            Step::Download { download, octets } => {
                let (download, from) =
                    (boot::Download(u64::from(download % 8)), SocketAddr::from(([10, 1, 0, 1], 5000)));
                card.handle(now, boot::Input::Tftp { download, from, bytes: &octets }).unwrap();
            }
        }
        settle(&mut dhcp, &mut files, &mut card, now);
    }
});

fn mac(last: u8) -> HwAddr {
    HwAddr::ethernet([2, 0, 0, 0, 0, last])
}

fn address(peer: u8) -> SocketAddr {
    SocketAddr::from(([10, 1, 2, peer % 3], 2000 + u16::from(peer % 4)))
}

fn hear(dhcp: &mut Server, now: Duration, relayed: bool, bytes: &[u8]) {
    let from = SocketAddrV4::new(Ipv4Addr::new(10, 1, 2, if relayed { 254 } else { 1 }), 67);
    dhcp.handle(now, server::Input::Datagram { from, bytes }).unwrap();
}

/// What the card says reaches the server, and the answers the card.
fn talk(card: &mut Boot, dhcp: &mut Server, now: Duration, change: Option<(u16, u8)>) {
    card.handle(now, boot::Input::Tick).unwrap();
    let mut said = Vec::new();
    while let Some(output) = card.poll_output() {
        if let boot::Output::SendDhcp { bytes, .. } = output {
            said.push(bytes.to_vec());
        }
    }
    for bytes in said {
        hear(dhcp, now, false, &bytes);
        let mut replies = Vec::new();
        while let Some(output) = dhcp.poll_output() {
            if let server::Output::Send { bytes, .. } = output {
                replies.push(bytes.to_vec());
            }
        }
        for mut reply in replies {
            if let Some((at, mask)) = change {
                let at = usize::from(at) % reply.len();
                reply[at] ^= mask;
            }
            card.handle(now, boot::Input::Dhcp(&reply)).unwrap();
        }
    }
}

/// Ticks and drains all three; then only timers are left, and each of them lies ahead.
fn settle(dhcp: &mut Server, files: &mut tftp::Server, card: &mut Boot, now: Duration) {
    dhcp.handle(now, server::Input::Tick).unwrap();
    files.handle(now, tftp::server::Input::Tick).unwrap();
    card.handle(now, boot::Input::Tick).unwrap();
    let mut outputs = 0;
    while let Some(output) = dhcp.poll_output() {
        outputs += 1;
        if let server::Output::Send { bytes, .. } = output {
            assert!(bytes.len() <= 1472);
            bootcfg::wire::dhcp::Message::parse(bytes).expect("a reply is a message");
        }
    }
    while files.poll_output().is_some() {
        outputs += 1;
    }
    while card.poll_output().is_some() {
        outputs += 1;
    }
    assert!(outputs < 200, "outputs are bounded");
    assert!(dhcp.stats().leases <= 24 && files.transfers() <= 4);
    for deadline in [dhcp.deadline(), files.deadline(), card.deadline()].into_iter().flatten() {
        assert!(deadline > now, "a drained machine is due later");
    }
}
