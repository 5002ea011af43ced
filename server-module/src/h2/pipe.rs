//! A connection inside the process, which can be reset like any other.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

/// Bytes that wait in one direction.
const ROOM: usize = 64 * 1024;

/// One end of it.
pub struct Pipe {
    stream: DuplexStream,
    reset: Arc<AtomicBool>,
}

/// Both ends.
pub(super) fn pipe() -> (Pipe, Pipe) {
    let (one, two) = duplex(ROOM);
    let reset = Arc::new(AtomicBool::new(false));
    (Pipe { stream: one, reset: Arc::clone(&reset) }, Pipe { stream: two, reset })
}

impl Pipe {
    /// Sees to it that the other end finds the connection reset.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::Release);
    }

    /// What resets it from elsewhere.
    pub(super) fn handle(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.reset)
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = room.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(cx, room);
        let ended = matches!(poll, Poll::Ready(Ok(()))) && room.filled().len() == before;
        if ended && room.remaining() > 0 && self.reset.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        poll
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
