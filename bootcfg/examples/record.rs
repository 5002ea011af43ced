//! Serves DHCP and TFTP to real clients and prints what is said, in the grammar of `bootcfg::transcript`.
//!
//! In a network namespace of one's own, as root:
//!
//! ```sh
//! cargo run -p bootcfg --example record -- dhcp 0.0.0.0:67 > dhcp.txt
//! cargo run -p bootcfg --example record -- tftp 10.1.0.1:69 FILE > tftp.txt
//! ```
//!
//! The cabinet is 10.1.0.0/16, whoever speaks is its next card, and every file name is FILE's content. It ends when
//! nothing was heard for 20 s. The transcripts of the tests were made with it.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use bootcfg::dhcp::server::{BootFile, Config, Event, Input, Output, Unknown};
use bootcfg::transcript::{Entry, Way};
use bootcfg::{Plan, dhcp, tftp};

const QUIET: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["dhcp", listen] => serve_dhcp(&UdpSocket::bind(listen)?),
        ["tftp", listen, file] => serve_tftp(&UdpSocket::bind(listen)?, &std::fs::read(file)?),
        _ => Err("usage: record dhcp ADDRESS:PORT | record tftp ADDRESS:PORT FILE".into()),
    }
}

fn print(at: Duration, way: Way, peer: SocketAddr, bytes: &[u8]) {
    println!("{}", Entry { at, way, peer, bytes: bytes.to_vec() });
}

/// The next datagram, or none before `wait` is over.
fn hear(socket: &UdpSocket, wait: Duration, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    socket.set_read_timeout(Some(wait.max(Duration::from_millis(1)))).ok()?;
    socket.recv_from(buffer).ok()
}

fn serve_dhcp(socket: &UdpSocket) -> Result<(), Box<dyn Error>> {
    socket.set_broadcast(true)?;
    let plan = Plan::new(Ipv4Addr::new(10, 1, 0, 0), 16, 20, 14)?;
    let own = Ipv4Addr::new(10, 1, 0, 1);
    let mut config = Config::new(own, plan);
    config.routers = vec![own];
    config.dns = vec![Ipv4Addr::new(10, 1, 0, 53)];
    config.domain = Some("cabinet.example".into());
    config.boot = vec![
        BootFile { ipxe: Some(true), ..BootFile::any("boot.ipxe") },
        BootFile { ipxe: Some(false), ..BootFile::any("undionly.kpxe") },
    ];
    config.unknown = Unknown::Enrol;
    config.lease = Duration::from_secs(60);
    let mut server = dhcp::Server::new(config)?;
    let (began, mut buffer) = (Instant::now(), [0; 2048]);
    while let Some((len, SocketAddr::V4(from))) = hear(socket, QUIET, &mut buffer) {
        let (now, bytes) = (began.elapsed(), &buffer[..len]);
        print(now, Way::Heard, from.into(), bytes);
        server.handle(now, Input::Datagram { from, bytes })?;
        while let Some(output) = server.poll_output() {
            match output {
                Output::Send { to, bytes, .. } => {
                    let told = std::net::SocketAddrV4::from(to);
                    print(now, Way::Said, told.into(), bytes);
                    // Without raw frames a client that has no address is reached by broadcast.
                    let to = match to {
                        dhcp::Destination::Link { to, .. } => (Ipv4Addr::BROADCAST, to.port()).into(),
                        _ => SocketAddr::V4(told),
                    };
                    socket.send_to(bytes, to)?;
                }
                Output::Event(Event::Decided(decision)) => println!("# {decision}"),
                Output::Event(event) => println!("# {event:?}"),
                Output::Persist { .. } => {}
            }
        }
    }
    Ok(())
}

fn serve_tftp(socket: &UdpSocket, content: &[u8]) -> Result<(), Box<dyn Error>> {
    use tftp::server::{Config, Input, Output, Tid};
    let mut server = tftp::Server::new(Config { single_port: true, writes: true, ..Config::default() });
    let (began, mut buffer) = (Instant::now(), vec![0; 65_536]);
    let mut heard_at = Duration::ZERO;
    while began.elapsed() < heard_at + QUIET {
        let wait = server.deadline().map_or(QUIET, |due| due.saturating_sub(began.elapsed()));
        match hear(socket, wait.min(QUIET), &mut buffer) {
            Some((len, from)) => {
                let (now, bytes) = (began.elapsed(), &buffer[..len]);
                heard_at = now;
                print(now, Way::Heard, from, bytes);
                server.handle(now, Input::Datagram { at: Tid::Listen, from, bytes })?;
            }
            None => server.handle(began.elapsed(), Input::Tick)?,
        }
        while let Some(output) = server.poll_output() {
            let now = began.elapsed();
            let input = match output {
                Output::Open { id, .. } => Input::Opened { id, size: u64::try_from(content.len()).ok() },
                Output::Create { id, .. } => Input::Opened { id, size: None },
                Output::Write { id, .. } => Input::Written { id },
                Output::Read { id, offset, len } => {
                    let start = usize::try_from(offset)?.min(content.len());
                    let end = start.saturating_add(len).min(content.len());
                    Input::ReadDone { id, bytes: &content[start..end] }
                }
                Output::Send { to, bytes, segment, .. } => {
                    for datagram in bytes.chunks(segment.max(1)) {
                        print(now, Way::Said, to, datagram);
                        socket.send_to(datagram, to)?;
                    }
                    continue;
                }
                Output::Event(event) => {
                    println!("# {event:?}");
                    continue;
                }
                Output::Close { .. } => continue,
            };
            server.handle(now, input)?;
        }
    }
    Ok(())
}
