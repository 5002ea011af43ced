//! A card boots through the drivers alone, on loopback and without privileges: relay, DHCP server, TFTP server.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bootcfg::boot::{Config, Event};
use bootcfg::card::{self, Manifest, Place};
use bootcfg::dhcp::relay::PortId;
use bootcfg::dhcp::{Ports, Relay, client, relay, server};
use bootcfg::tftp::{self, Refusal};
use bootcfg::wire::tftp::FileName;
use bootcfg::{HwAddr, Plan, Position};
use server_module::card::boot::{self, Command, Link};
use server_module::drive::dhcp;
use server_module::drive::tftp::{Content, Source};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};

struct Files(Plan);

impl Content for Files {
    fn open(&self, peer: IpAddr, name: &FileName) -> Result<Source, Refusal> {
        let IpAddr::V4(peer) = peer else { return Err(Refusal::Access) };
        match card::locate(name, self.0.position(peer)) {
            Place::Own(position, path) if path.eq_ignore_ascii_case("manifest") => {
                let mut manifest = Manifest::default();
                manifest.add_file("Hosts", hosts(position).as_bytes()).unwrap();
                Ok(Source::Bytes(manifest.to_string().into()))
            }
            Place::Own(position, path) if path.eq_ignore_ascii_case("hosts") => {
                Ok(Source::Bytes(hosts(position).into()))
            }
            Place::Other(other) => Err(Refusal::OtherCard(other)),
            _ => Err(Refusal::NotFound),
        }
    }
}

fn hosts(position: Position) -> String {
    format!("# hosts of {position}\n").repeat(400)
}

struct Cabinet {
    wires: Vec<SocketAddr>,
    tftp_port: u16,
    ports: Ports,
    refusals: Arc<Mutex<Vec<Refusal>>>,
}

/// Chassis `chassis` of a cabinet at 127.3.0.0/16, with `slots` wires.
async fn cabinet(chassis: u8, slots: u8) -> Cabinet {
    let plan = Plan::new(Ipv4Addr::new(127, 3, 0, 0), 16, 20, 14).unwrap();
    let listener = dhcp::bind("127.0.0.1:0").unwrap();
    let SocketAddr::V4(server_at) = listener.local_addr().unwrap() else { unreachable!() };
    let spare = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ports = Ports { server: server_at.port(), client: spare };
    let config = server::Config { ports, ..server::Config::new(Ipv4Addr::LOCALHOST, plan) };
    let server = dhcp::server(config).unwrap();
    let (configs, receiver) = watch::channel(None);
    tokio::spawn(async move {
        let _configs = configs;
        dhcp::serve(listener, server, receiver, |_| {}).await
    });

    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let tftp_port = socket.local_addr().unwrap().port();
    let refusals = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&refusals);
    let events = move |event| {
        if let tftp::server::Event::Refused { refusal, .. } = event {
            seen.lock().unwrap().push(refusal);
        }
    };
    let tftp = tftp::server::Config::default();
    tokio::spawn(server_module::drive::tftp::serve(socket, tftp, Arc::new(Files(plan)), events));

    let giaddr = Ipv4Addr::new(127, 3, chassis, 254);
    let uplink = UdpSocket::bind((giaddr, 0)).await.unwrap();
    let server_at = SocketAddrV4::new(Ipv4Addr::LOCALHOST, ports.server);
    let mut circuits = BTreeMap::new();
    let (mut sockets, mut wires) = (Vec::new(), Vec::new());
    for slot in 1..=slots {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        wires.push(socket.local_addr().unwrap());
        sockets.push(socket);
        circuits.insert(PortId(u32::from(slot) - 1), format!("{chassis}.{slot}").into_bytes().into());
    }
    let relay = relay::Config { circuits, own_source_port: true, ..relay::Config::new(giaddr, server_at) };
    tokio::spawn(dhcp::relay(Relay::new(relay), uplink, sockets, |event| panic!("{event:?}")));
    Cabinet { wires, tftp_port, ports, refusals }
}

fn config(cabinet: &Cabinet, mac: u8) -> Config {
    let mut dhcp = client::Config::new(HwAddr::ethernet([2, 0, 0, 0, 0, mac]), mac.into());
    dhcp.start_delay = Duration::ZERO..=Duration::ZERO;
    dhcp.probe_timeout = Duration::ZERO;
    dhcp.ports = cabinet.ports;
    Config { tftp_port: cabinet.tftp_port, ..Config::new(dhcp) }
}

#[tokio::test]
async fn fourteen_cards_of_a_chassis_boot_at_once() {
    let cabinet = cabinet(7, 14).await;
    let (done, mut ready) = mpsc::unbounded_channel();
    for (index, wire) in cabinet.wires.iter().enumerate() {
        let link = Link::Relayed { local: Ipv4Addr::LOCALHOST.into(), relay: *wire };
        let config = config(&cabinet, u8::try_from(index).unwrap());
        let (commands, receiver) = mpsc::channel(1);
        let done = done.clone();
        tokio::spawn(async move {
            let _commands = commands;
            boot::run(link, config, receiver, |boot, event| match event {
                Event::Ready => {
                    let files: Vec<_> =
                        boot.files().map(|(name, text)| (name.to_owned(), text.to_vec())).collect();
                    done.send((index, boot.lease().unwrap().address, files)).unwrap();
                }
                Event::Failed { name, failure } => panic!("{name}: {failure}"),
                _ => {}
            })
            .await
        });
    }
    for _ in 0..14 {
        let booted =
            tokio::time::timeout(Duration::from_secs(5), ready.recv()).await.expect("a card did not boot");
        let (index, address, files) = booted.unwrap();
        let slot = u8::try_from(index).unwrap() + 1;
        assert_eq!(address, Ipv4Addr::new(127, 3, 7, slot));
        let position = Position::new(7, slot).unwrap();
        assert_eq!(files, [("Hosts".to_owned(), hosts(position).into_bytes())]);
    }
    assert_eq!(*cabinet.refusals.lock().unwrap(), []);
}

#[tokio::test]
async fn a_released_card_gives_its_address_back_and_ends() {
    let cabinet = cabinet(8, 1).await;
    let link = Link::Relayed { local: Ipv4Addr::LOCALHOST.into(), relay: cabinet.wires[0] };
    let (commands, receiver) = mpsc::channel(1);
    let mut seen = Vec::new();
    let run = boot::run(link, config(&cabinet, 9), receiver, |_, event| {
        if event == Event::Ready {
            commands.try_send(Command::Release).unwrap();
        }
        seen.push(event);
    });
    tokio::time::timeout(Duration::from_secs(5), run).await.expect("it did not end").unwrap();
    let lost = Event::Dhcp(client::Event::Lost {
        address: Ipv4Addr::new(127, 3, 8, 1),
        reason: client::Lost::Released,
    });
    assert_eq!(seen.last(), Some(&lost));
}
