//! Loads a card's files by TFTP without DHCP: for a card that has its address already.

use std::io;
use std::net::{IpAddr, SocketAddr};

use bootcfg::card::{Manifest, ROOT, digest};
use bootcfg::tftp::client::{Client, Config, Event, Input, Output};
use bootcfg::wire::tftp::FileName;
use tokio::net::UdpSocket;
use tokio::time::Instant;

use crate::cabinet::Position;
use crate::drive::alarm;

/// The largest packet that is taken.
const LARGEST: usize = 65_536;

/// The files of the manifest of `card`, each with the digest that the manifest says.
pub(super) async fn files(
    card: Position,
    own: IpAddr,
    server: SocketAddr,
) -> io::Result<Vec<(String, Vec<u8>)>> {
    let tree = format!("{ROOT}/{card}");
    let manifest = file(&format!("{tree}/manifest"), own, server).await?;
    let manifest = String::from_utf8_lossy(&manifest);
    let manifest = Manifest::parse(&manifest).map_err(|error| invalid(error.to_string()))?;
    let mut files = Vec::new();
    for (name, _, sha256) in manifest.files() {
        let content = file(&format!("{tree}/{name}"), own, server).await?;
        if digest(&content) != *sha256 {
            return Err(invalid(format!("{name} is not what the manifest says: load it again")));
        }
        files.push((name.to_owned(), content));
    }
    Ok(files)
}

/// One file.
async fn file(name: &str, own: IpAddr, server: SocketAddr) -> io::Result<Vec<u8>> {
    let path = FileName::parse(name.as_bytes()).map_err(|error| invalid(error.to_string()))?;
    let socket = UdpSocket::bind((own, 0)).await?;
    let began = Instant::now();
    let client = Client::get(Config::default(), &path, server, began.elapsed());
    let mut client = client.ok_or_else(|| invalid(format!("{name:?} is too long a name")))?;
    let (mut content, mut packet) = (Vec::new(), vec![0; LARGEST]);
    loop {
        let mut over = false;
        while let Some(output) = client.poll_output() {
            match output {
                Output::Send { to, bytes } => drop(socket.send_to(bytes, to).await?),
                Output::Write { bytes, .. } => content.extend_from_slice(bytes),
                Output::Event(Event::Done { .. }) => over = true,
                Output::Event(Event::Failed(failure)) => {
                    return Err(io::Error::other(format!("{name}: {failure}")));
                }
                Output::Event(_) => {}
            }
        }
        if over {
            return Ok(content);
        }
        let input = tokio::select! {
            received = socket.recv_from(&mut packet) => {
                let (length, from) = received?;
                Input::Datagram { from, bytes: &packet[..length] }
            }
            () = alarm(client.deadline().map(|at| began + at)) => Input::Tick,
        };
        client.handle(began.elapsed(), input).map_err(|error| io::Error::other(error.to_string()))?;
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
