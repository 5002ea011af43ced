//! Many datagrams by one system call.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// The most segments that Linux takes at once.
const SEGMENTS: usize = 64;
/// The most octets of one call: what fits into one datagram.
const OCTETS: usize = 65_000;

/// Sends `bytes` as datagrams of `segment` octets, the last one possibly shorter.
///
/// Where the system segments (UDP_SEGMENT) a window costs one call; where it does not, or the path is too narrow for
/// it, the datagrams go one by one. What cannot be sent is lost, as on a wire: the peer or a timer asks again.
pub(super) async fn send(socket: &UdpSocket, to: SocketAddr, bytes: &[u8], segment: usize) {
    let segment = segment.max(1);
    let most = (OCTETS / segment).clamp(1, SEGMENTS);
    for batch in bytes.chunks(segment.saturating_mul(most)) {
        if batch.len() > segment && at_once(socket, to, batch, segment).await.is_ok() {
            continue;
        }
        for datagram in batch.chunks(segment) {
            _ = socket.send_to(datagram, to).await;
        }
    }
}

async fn at_once(socket: &UdpSocket, to: SocketAddr, batch: &[u8], segment: usize) -> io::Result<()> {
    let segment = u16::try_from(segment).map_err(|_| io::ErrorKind::InvalidInput)?;
    let to = SockaddrStorage::from(to);
    let send = || {
        let octets = [IoSlice::new(batch)];
        let segmented = [ControlMessage::UdpGsoSegments(&segment)];
        sendmsg(socket.as_raw_fd(), &octets, &segmented, MsgFlags::MSG_DONTWAIT, Some(&to))?;
        Ok(())
    };
    socket.async_io(Interest::WRITABLE, send).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_window_arrives_as_the_datagrams_that_it_is_made_of() {
        let from = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let bytes: Vec<u8> = (0..1432 * 60 + 100).map(|n| (n / 1432) as u8).collect();
        send(&from, to.local_addr().unwrap(), &bytes, 1432).await;
        let mut packet = [0; 2000];
        for expected in bytes.chunks(1432) {
            let (len, _) = to.recv_from(&mut packet).await.unwrap();
            assert_eq!(&packet[..len], expected);
        }
    }
}
