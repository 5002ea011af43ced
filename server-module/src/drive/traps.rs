//! The door for cards' notifications: a socket around [`snmp_mib::notify::Receiver`].

use snmp_mib::notify::receive::{Input, Output};
use snmp_mib::notify::{Receiver, Trap};
use std::io;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::net::UdpSocket;

/// Takes notifications until the socket fails; `take` hears of each.
pub async fn receive(
    socket: UdpSocket,
    mut receiver: Receiver,
    began: Instant,
    mut take: impl FnMut(SocketAddr, &Trap<'_>) + Send,
) -> io::Result<()> {
    let mut buffer = vec![0; 65_535];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(arrived) => arrived,
            // Linux reports an earlier acknowledgement's ICMP error here; the socket is as good as before.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
            Err(error) => return Err(error),
        };
        let data = buffer.get(..length).unwrap_or_default();
        if let Err(error) = receiver.handle(began.elapsed(), Input::Datagram { from, data }) {
            tracing::debug!(%from, %error, "a notification was not taken");
        }
        while let Some(output) = receiver.poll_output() {
            match output {
                Output::Send { to, data } => {
                    if let Err(error) = socket.try_send_to(data, to) {
                        tracing::debug!(%to, %error, "an acknowledgement was not sent");
                    }
                }
                Output::Trap { from, trap } => take(from, &trap),
            }
        }
    }
}
