//! HTTP/2 from customers (RFC 9113), spoken by the `h2` crate and carried on as HTTP/1.1.
//!
//! ```text
//! connection --streams--> request head as HTTP/1.1 --pipe--> drive::http (Session, table, pools, cards)
//!            <-----------        answer as HTTP/2 <--pipe--
//! ```
//!
//! Each stream is a customer's connection of its own to the HTTP/1 engine, with one request on it. So whatever comes by
//! HTTP/2 is checked, routed, rewritten, limited and counted by the same code as what comes by HTTP/1.1, and nothing
//! reaches a card that the engine did not write.
//!
//! # Bounds
//! A connection runs at most [`STREAMS`] streams at a time, holds 64 KiB of each stream's body and 1 MiB of all of them,
//! and takes heads of 16 KiB. Streams that are cancelled before anyone looked at them end the connection after
//! [`UNSEEN`], and a customer who cancels [`CANCELLED`] streams more than it lets finish is sent away with
//! `ENHANCE_YOUR_CALM`: opening and cancelling streams in a hurry (CVE-2023-44487) costs the cards that many requests.

mod answer;
mod pipe;
mod request;
mod stream;

pub use pipe::Pipe;

use crate::door::socket::Socket;
use crate::door::{Bond, Lane};
use bytes::Bytes;
use h2::Reason;
use h2::server::Builder;
use sid_proxy::http::{Config, Peer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The name by which TLS agrees on HTTP/2.
pub const ALPN: &[u8] = b"h2";
/// Streams at a time.
pub const STREAMS: u32 = 100;
/// Streams cancelled before they were looked at, at a time.
pub const UNSEEN: usize = 20;
/// Streams cancelled more than finished.
pub const CANCELLED: u32 = 100;
/// How long the first frames may take, and the last.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves one connection of a customer until it ends, or `stop` turns true and what runs has finished.
pub(crate) async fn serve(
    socket: Socket,
    config: Arc<Config>,
    peer: Peer,
    bond: Bond,
    lane: Arc<Lane>,
    mut stop: watch::Receiver<bool>,
) {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(UNSEEN)
        .initial_window_size(64 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_send_buffer_size(64 * 1024)
        .max_header_list_size(u32::try_from(config.limits.head_bytes).unwrap_or(u32::MAX));
    let Ok(Ok(mut connection)) = timeout(PATIENCE, builder.handshake::<_, Bytes>(socket)).await else {
        return;
    };
    let mut streams = JoinSet::new();
    let mut balance = 0u32;
    let (mut ending, stopping) = (false, stop.clone());
    loop {
        let idle = if ending { PATIENCE } else { config.timeouts.idle };
        tokio::select! {
            accepted = connection.accept() => {
                let Some(Ok((request, respond))) = accepted else { break };
                let (config, lane) = (Arc::clone(&config), Arc::clone(&lane));
                let customer = (peer, bond.clone());
                streams.spawn(stream::serve(request, respond, customer, config, lane, stopping.clone()));
            }
            Some(finished) = streams.join_next(), if !streams.is_empty() => {
                balance = match finished {
                    Ok(true) => balance.saturating_sub(1),
                    _ => balance + 1,
                };
                if balance > CANCELLED {
                    tracing::info!(client = %peer.client, "an HTTP/2 customer only cancels");
                    connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    balance = 0;
                }
            }
            () = async { drop(stop.wait_for(|stop| *stop).await) }, if !ending => {
                ending = true;
                connection.graceful_shutdown();
            }
            () = sleep(idle), if streams.is_empty() => {
                if ending {
                    break;
                }
                ending = true;
                connection.graceful_shutdown();
            }
        }
    }
    drop(connection);
    // Their customer is gone; they see it and end.
    while streams.join_next().await.is_some() {}
}
