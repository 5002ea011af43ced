//! One stream: its request into a pipe, the answer out of it.

use super::answer::{self, Body, Broken, Part};
use super::pipe::{Pipe, pipe};
use super::request;
use crate::door::{Bond, Customer, Lane};
use crate::drive::http::converse;
use bytes::{Buf, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request};
use sid_proxy::http::{Config, Peer};
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::sync::watch;

/// How a stream ended before its time.
enum End {
    /// The customer cancelled it, or is gone.
    Cancelled,
    /// The answer cannot be completed.
    Unfinished,
}

impl From<h2::Error> for End {
    fn from(_: h2::Error) -> Self {
        Self::Cancelled
    }
}

impl From<Broken> for End {
    fn from(_: Broken) -> Self {
        Self::Unfinished
    }
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Unfinished
    }
}

/// Serves one stream; false if its customer cancelled it.
pub(super) async fn serve(
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    (peer, bond): (Peer, Bond),
    config: Arc<Config>,
    lane: Arc<Lane>,
    stop: watch::Receiver<bool>,
) -> bool {
    let (ours, theirs) = pipe();
    let customer = Customer::new(theirs, Vec::new(), peer, bond);
    let (finished, ()) = tokio::join!(carry(request, respond, ours), converse(customer, config, lane, stop));
    finished
}

async fn carry(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, ours: Pipe) -> bool {
    let reset = ours.handle();
    let (parts, body) = request.into_parts();
    let (head, how) = request::write(&parts, body.is_end_stream());
    let (read, write) = split(ours);
    let end = {
        let mut up = pin!(upload(head, how, body, write));
        let mut down = pin!(download(read, &mut respond, parts.method == Method::HEAD));
        // An answer that is whole ends the stream, however much of the request is still to come (RFC 9113 §8.1).
        let end = tokio::select! {
            end = &mut down => end,
            Err(end) = &mut up => Err(end),
        };
        if let Err(End::Cancelled) = end {
            // The engine learns it from the pipe before that goes, and lets the card go.
            reset.store(true, Ordering::Release);
        }
        end
    };
    match end {
        Ok(()) => true,
        Err(End::Unfinished) => {
            respond.send_reset(Reason::INTERNAL_ERROR);
            true
        }
        Err(End::Cancelled) => false,
    }
}

/// Writes the request into the pipe. It never ends well before the answer does: who still waits for the answer keeps the
/// pipe open.
async fn upload(
    head: Vec<u8>,
    how: request::Body,
    mut body: RecvStream,
    mut pipe: WriteHalf<Pipe>,
) -> Result<(), End> {
    if pipe.write_all(&head).await.is_err() {
        return std::future::pending().await;
    }
    while let Some(data) = body.data().await {
        let data = data?;
        let len = data.len();
        // The engine has refused the request when it takes no more of it; the answer says why.
        if write(&mut pipe, how, data).await.is_err() {
            return std::future::pending().await;
        }
        body.flow_control().release_capacity(len)?;
    }
    let trailers = body.trailers().await?;
    if how == request::Body::Chunks {
        let _ = pipe.write_all(&request::end(trailers.as_ref())).await;
    }
    std::future::pending().await
}

async fn write(pipe: &mut WriteHalf<Pipe>, how: request::Body, mut data: Bytes) -> io::Result<()> {
    if how == request::Body::Plain || data.is_empty() {
        return pipe.write_all_buf(&mut data).await;
    }
    let line = format!("{:x}\r\n", data.len());
    pipe.write_all_buf(&mut Buf::chain(line.as_bytes(), data).chain(&b"\r\n"[..])).await
}

/// Reads the answer out of the pipe.
async fn download(
    mut pipe: ReadHalf<Pipe>,
    respond: &mut SendResponse<Bytes>,
    headless: bool,
) -> Result<(), End> {
    let mut bytes = BytesMut::with_capacity(4096);
    let (mut send, mut body) = loop {
        if let Some((len, response, body)) = answer::head(&bytes, headless)? {
            bytes.advance(len);
            if response.status().is_informational() {
                respond.send_informational(response)?;
                continue;
            }
            break (respond.send_response(response, body.is_done())?, body);
        }
        let read = pin!(pipe.read_buf(&mut bytes));
        if unless(|cx| respond.poll_reset(cx), read).await?? == 0 {
            return Err(End::Unfinished);
        }
    };
    while !body.is_done() {
        match body.next(&bytes)? {
            Part::Skip(len) => bytes.advance(len),
            Part::Content(len) => content(&mut send, bytes.split_to(len).freeze(), body.is_done()).await?,
            Part::End(trailers) => {
                match trailers {
                    Some(trailers) => send.send_trailers(trailers)?,
                    None => send.send_data(Bytes::new(), true)?,
                }
                return Ok(());
            }
            Part::More => {
                bytes.reserve(16 * 1024);
                let read = pin!(pipe.read_buf(&mut bytes));
                if unless(|cx| send.poll_reset(cx), read).await?? == 0 {
                    if body != Body::Rest {
                        return Err(End::Unfinished);
                    }
                    send.send_data(Bytes::new(), true)?;
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Sends content as the customer's windows allow.
async fn content(send: &mut SendStream<Bytes>, mut data: Bytes, last: bool) -> Result<(), End> {
    while !data.is_empty() {
        send.reserve_capacity(data.len());
        let room = poll_fn(|cx| send.poll_capacity(cx)).await.ok_or(End::Cancelled)??;
        let part = data.split_to(room.min(data.len()));
        if !part.is_empty() {
            send.send_data(part, last && data.is_empty())?;
        }
    }
    Ok(())
}

/// What `future` gives, unless the customer cancels the stream first.
async fn unless<T>(
    mut reset: impl FnMut(&mut std::task::Context<'_>) -> Poll<Result<Reason, h2::Error>>,
    mut future: std::pin::Pin<&mut impl Future<Output = T>>,
) -> Result<T, End> {
    poll_fn(|cx| {
        if let Poll::Ready(value) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(value));
        }
        reset(cx).map(|_| Err(End::Cancelled))
    })
    .await
}
