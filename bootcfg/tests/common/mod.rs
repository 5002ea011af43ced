//! What the tests share: messages as clients and relays write them, and servers drained into vectors.
#![allow(dead_code, unreachable_pub)]

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use bootcfg::dhcp::server::{Card, CommitId, Config, Decision, Event, Input, Lease, Output, Server};
use bootcfg::dhcp::{Destination, client};
use bootcfg::wire::dhcp::{Builder, Header, Message, MessageType, OptionCode};
use bootcfg::{HwAddr, Plan, Position, tftp};

pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
pub const RELAY: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 254);
pub const ZERO: Duration = Duration::ZERO;

pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub const fn mac(last: u8) -> HwAddr {
    HwAddr::ethernet([0x52, 0x54, 0, 0, 0, last])
}

pub fn at(text: &str) -> Position {
    text.parse().unwrap()
}

/// Twenty chassis of fourteen slots in 10.1.0.0/16.
pub fn plan() -> Plan {
    Plan::new(Ipv4Addr::new(10, 1, 0, 0), 16, 20, 14).unwrap()
}

/// A server of that plan which knows cards 2.1 to 2.9 by `mac(1)` to `mac(9)`.
pub fn config() -> Config {
    let mut config = Config::new(SERVER, plan());
    config.routers = vec![SERVER];
    config.dns = vec![Ipv4Addr::new(10, 1, 0, 53)];
    config.domain = Some("cabinet.example".into());
    for slot in 1..10 {
        config.cards.push(Card::by_mac(Position::new(2, slot).unwrap(), mac(slot)));
    }
    config
}

pub fn server() -> Server {
    Server::new(config()).unwrap()
}

/// A client's message under construction.
#[derive(Clone)]
pub struct Ask {
    pub header: Header,
    pub options: Vec<(OptionCode, Vec<u8>)>,
    pub relay_info: Option<Vec<u8>>,
}

impl Ask {
    pub fn bootp(hw: HwAddr) -> Self {
        Self { header: Header::request(0x1234_5678, hw), options: Vec::new(), relay_info: None }
    }

    pub fn new(kind: MessageType, hw: HwAddr) -> Self {
        Self::bootp(hw).option(OptionCode::MESSAGE_TYPE, [kind.0])
    }

    pub fn discover(hw: HwAddr) -> Self {
        Self::new(MessageType::DISCOVER, hw)
    }

    pub fn request(hw: HwAddr) -> Self {
        Self::new(MessageType::REQUEST, hw)
    }

    pub fn option(mut self, code: OptionCode, value: impl AsRef<[u8]>) -> Self {
        self.options.push((code, value.as_ref().to_vec()));
        self
    }

    pub fn server(self, server: Ipv4Addr) -> Self {
        self.option(OptionCode::SERVER_ID, server.octets())
    }

    pub fn wants(self, address: Ipv4Addr) -> Self {
        self.option(OptionCode::REQUESTED_ADDRESS, address.octets())
    }

    pub fn ciaddr(mut self, address: Ipv4Addr) -> Self {
        self.header.ciaddr = address;
        self
    }

    pub fn broadcast(mut self) -> Self {
        self.header.flags = 0x8000;
        self
    }

    pub fn xid(mut self, xid: u32) -> Self {
        self.header.xid = xid;
        self
    }

    /// As a relay at `giaddr` forwards it, with this circuit-id.
    pub fn relayed(mut self, giaddr: Ipv4Addr, circuit: &str) -> Self {
        self.header.giaddr = giaddr;
        let mut info = vec![1, u8::try_from(circuit.len()).unwrap()];
        info.extend_from_slice(circuit.as_bytes());
        self.relay_info = Some(info);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut buffer = vec![0; 1472];
        let mut builder = Builder::new(&mut buffer, 1472, &self.header, self.relay_info.as_deref()).unwrap();
        for (code, value) in &self.options {
            assert!(builder.option(*code, value), "{code} does not fit");
        }
        let (len, _) = builder.finish();
        if self.options.is_empty() {
            // BOOTP has no magic cookie and no options.
            buffer[236..300].fill(0);
        }
        buffer.truncate(len);
        buffer
    }
}

/// Everything a server wants after one datagram.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Answer {
    pub replies: Vec<(Destination, Vec<u8>, Option<CommitId>)>,
    pub leases: Vec<(CommitId, Lease)>,
    pub events: Vec<Event>,
}

impl Answer {
    pub fn decision(&self) -> Decision {
        let decided = self.events.iter().find_map(|event| match event {
            Event::Decided(decision) => Some(*decision),
            _ => None,
        });
        decided.expect("every datagram is decided about")
    }

    pub fn reply(&self) -> Message<'_> {
        assert_eq!(self.replies.len(), 1, "{:?}", self.events);
        Message::parse(&self.replies[0].1).expect("a reply is a message")
    }

    pub fn to(&self) -> Destination {
        assert_eq!(self.replies.len(), 1, "{:?}", self.events);
        self.replies[0].0
    }

    pub fn kind(&self) -> Option<MessageType> {
        self.replies.first().and_then(|(_, bytes, _)| Message::parse(bytes).unwrap().kind())
    }
}

pub fn drain(server: &mut Server) -> Answer {
    let mut answer = Answer::default();
    while let Some(output) = server.poll_output() {
        match output {
            Output::Persist { commit, lease, .. } => answer.leases.push((commit, lease)),
            Output::Send { to, bytes, after } => answer.replies.push((to, bytes.to_vec(), after)),
            Output::Event(event) => answer.events.push(event),
        }
    }
    answer
}

pub fn tell(server: &mut Server, now: Duration, ask: &Ask) -> Answer {
    let from = if ask.header.giaddr.is_unspecified() {
        SocketAddrV4::new(ask.header.ciaddr, 68)
    } else {
        SocketAddrV4::new(ask.header.giaddr, 67)
    };
    server.handle(now, Input::Datagram { from, bytes: &ask.bytes() }).unwrap();
    drain(server)
}

/// DISCOVER and REQUEST of one client; the address it gets.
pub fn bind(server: &mut Server, now: Duration, base: &Ask) -> Ipv4Addr {
    let mut discover = base.clone();
    discover.options.insert(0, (OptionCode::MESSAGE_TYPE, vec![MessageType::DISCOVER.0]));
    let offer = tell(server, now, &discover);
    let address = offer.reply().yiaddr();
    let mut request = base.clone().server(SERVER).wants(address);
    request.options.insert(0, (OptionCode::MESSAGE_TYPE, vec![MessageType::REQUEST.0]));
    let ack = tell(server, now, &request);
    assert_eq!(ack.kind(), Some(MessageType::ACK), "{:?}", ack.events);
    address
}

/// A client of `hw` without start delay and conflict probe.
pub fn client_config(hw: HwAddr) -> client::Config {
    let mut config = client::Config::new(hw, 7);
    config.start_delay = ZERO..=ZERO;
    config.probe_timeout = ZERO;
    config
}

#[derive(Debug, Clone, PartialEq)]
pub enum Did {
    Send(Destination, Ipv4Addr, Vec<u8>),
    Probe(Ipv4Addr),
    Event(client::Event),
}

pub fn drain_client(client: &mut bootcfg::dhcp::Client) -> Vec<Did> {
    let mut did = Vec::new();
    while let Some(output) = client.poll_output() {
        did.push(match output {
            client::Output::Send { to, from, bytes } => Did::Send(to, from, bytes.to_vec()),
            client::Output::Probe { address } => Did::Probe(address),
            client::Output::Event(event) => Did::Event(event),
        });
    }
    did
}

/// What a TFTP server wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Want {
    Open(tftp::server::TransferId, SocketAddr, String),
    Read(tftp::server::TransferId, u64, usize),
    Send(tftp::server::Tid, SocketAddr, Vec<u8>, usize),
    Close(tftp::server::TransferId),
    Event(tftp::server::Event),
}

pub fn drain_tftp(server: &mut tftp::Server) -> Vec<Want> {
    let mut wants = Vec::new();
    while let Some(output) = server.poll_output() {
        use tftp::server::Output;
        wants.push(match output {
            Output::Open { id, peer, name } => Want::Open(id, peer, name.to_string()),
            Output::Read { id, offset, len } => Want::Read(id, offset, len),
            Output::Send { from, to, bytes, segment } => Want::Send(from, to, bytes.to_vec(), segment),
            Output::Close { id } => Want::Close(id),
            Output::Event(event) => Want::Event(event),
            written @ (Output::Create { .. } | Output::Write { .. }) => {
                panic!("nobody writes here: {written:?}")
            }
        });
    }
    wants
}

/// Drains a TFTP server and answers its reads from `content`; the datagrams and events.
pub fn serve_tftp(server: &mut tftp::Server, now: Duration, content: &[u8]) -> Vec<Want> {
    use tftp::server::Input;
    let mut rest = Vec::new();
    loop {
        let wants = drain_tftp(server);
        if wants.is_empty() {
            return rest;
        }
        for want in wants {
            match want {
                Want::Open(id, _, _) => {
                    let size = Some(content.len() as u64);
                    server.handle(now, Input::Opened { id, size }).unwrap();
                }
                Want::Read(id, offset, len) => {
                    let start = usize::try_from(offset).unwrap().min(content.len());
                    let end = content.len().min(start + len);
                    server.handle(now, Input::ReadDone { id, bytes: &content[start..end] }).unwrap();
                }
                other => rest.push(other),
            }
        }
    }
}

pub fn peer(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 1, 2, 1], port))
}

/// A read request with options.
pub fn rrq(name: &str, mode: &str, options: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = vec![0, 1];
    for text in [name, mode].into_iter().chain(options.iter().flat_map(|(name, value)| [*name, *value])) {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

pub fn ack(block: u16) -> Vec<u8> {
    let [high, low] = block.to_be_bytes();
    vec![0, 4, high, low]
}
