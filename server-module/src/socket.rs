//! One end of a conversation: its socket, what was read and not used, what is to be written.

use rustls::ServerConfig;
use rustls::server::Acceptor;
use sid_proxy::http::Side;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// Bytes that wait to be written before the other side is read no further.
pub const HIGH_WATER: usize = 256 * 1024;
/// How long the last bytes to a peer may take.
const GOODBYE: Duration = Duration::from_secs(5);
/// Bytes read at once.
const READ: usize = 16 * 1024;

/// Which certificate a customer sees who asks for this name.
pub type Choose = dyn Fn(Option<&str>) -> Arc<ServerConfig> + Send + Sync;

/// A connection in the clear or inside TLS.
pub enum Socket {
    /// In the clear.
    Tcp(TcpStream),
    /// Inside TLS, of which the first bytes may have been read before it was known to be.
    Tls(Box<TlsStream<Ahead>>),
}

/// A connection of which the first bytes were read already.
pub struct Ahead {
    read: io::Cursor<Vec<u8>>,
    stream: TcpStream,
}

/// One end: its socket, what was read and not used, what is to be written.
#[derive(Default)]
pub struct End {
    pub(crate) stream: Option<Socket>,
    pub(crate) input: Vec<u8>,
    pub(crate) used: usize,
    pub(crate) ended: bool,
    pub(crate) broken: bool,
    /// How many of its bytes are to be moved to the other end.
    pub(crate) forward: u64,
    pub(crate) output: Vec<u8>,
    pub(crate) written: usize,
    pub(crate) finish: bool,
    pub(crate) unflushed: bool,
}

impl End {
    /// Writes and reads what it can; true if anything came of it.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, may_read: bool) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let mut any = false;
        while self.written < self.output.len() {
            match Pin::new(&mut *stream).poll_write(cx, &self.output[self.written..]) {
                Poll::Ready(Ok(len)) => {
                    self.written += len;
                    any = true;
                }
                // What it sent before may still be read; its end comes with that.
                Poll::Ready(Err(_)) => self.written = self.output.len(),
                Poll::Pending => break,
            }
        }
        self.unflushed |= any;
        // TLS keeps records back until told.
        if self.unflushed && Pin::new(&mut *stream).poll_flush(cx).is_ready() {
            self.unflushed = false;
        }
        if self.written == self.output.len() {
            self.output.clear();
            self.written = 0;
            if self.finish && Pin::new(&mut *stream).poll_shutdown(cx).is_ready() {
                self.finish = false;
            }
        }
        if may_read && !self.ended && !self.broken && self.input.len() < 2 * READ {
            let len = self.input.len();
            self.input.resize(len + READ, 0);
            let mut room = ReadBuf::new(&mut self.input[len..]);
            let poll = Pin::new(stream).poll_read(cx, &mut room);
            let read = room.filled().len();
            self.input.truncate(len + read);
            match poll {
                Poll::Ready(Ok(())) => {
                    self.ended = read == 0;
                    any = true;
                }
                Poll::Ready(Err(_)) => {
                    self.broken = true;
                    any = true;
                }
                Poll::Pending => {}
            }
        }
        any
    }

    /// True if the peer's socket has everything that was to be written.
    pub(crate) fn is_written(&self) -> bool {
        self.output.is_empty() && !self.unflushed
    }

    /// Ends the connection: in order, or so that the peer sees that something is missing.
    pub(crate) async fn close(self, abort: bool) {
        let Some(mut stream) = self.stream else { return };
        if abort {
            stream.reset();
        } else {
            // A peer that is gone needs no goodbye.
            let _ = timeout(GOODBYE, stream.shutdown()).await;
        }
    }

    /// Forgets what was used.
    pub(crate) fn tidy(&mut self) {
        if self.used == self.input.len() {
            self.input.clear();
            self.used = 0;
        } else if self.used > READ {
            self.input.drain(..self.used);
            self.used = 0;
        }
    }
}

/// The end of a side.
pub(crate) fn end_of<'a>(client: &'a mut End, card: &'a mut End, side: Side) -> &'a mut End {
    match side {
        Side::Client => client,
        Side::Card => card,
    }
}

impl Socket {
    /// Ends TLS with this server on a connection of which these bytes were read already.
    pub async fn secure(read: Vec<u8>, stream: TcpStream, choose: &Choose) -> io::Result<Self> {
        let ahead = Ahead { read: io::Cursor::new(read), stream };
        let start = LazyConfigAcceptor::new(Acceptor::default(), ahead).await?;
        let server = choose(start.client_hello().server_name());
        Ok(Self::Tls(Box::new(start.into_stream(server).await?)))
    }

    /// Sees to it that the peer finds the connection reset.
    pub fn reset(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.set_zero_linger(),
            Self::Tls(stream) => stream.get_ref().0.stream.set_zero_linger(),
        };
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl AsyncRead for Ahead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let left = this.read.get_ref().get(this.read.position() as usize..).unwrap_or_default();
        if left.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, room);
        }
        let len = left.len().min(room.remaining());
        room.put_slice(&left[..len]);
        this.read.set_position(this.read.position() + len as u64);
        Poll::Ready(Ok(()))
    }
}

macro_rules! write_through {
    ($kind:ty, $($shape:pat => $inner:expr),+) => {
        impl AsyncWrite for $kind {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                match self.get_mut() { $($shape => Pin::new($inner).poll_write(cx, bytes)),+ }
            }
            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($shape => Pin::new($inner).poll_flush(cx)),+ }
            }
            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($shape => Pin::new($inner).poll_shutdown(cx)),+ }
            }
        }
    };
}
write_through!(Ahead, this => &mut this.stream);
write_through!(Socket, Socket::Tcp(stream) => stream, Socket::Tls(stream) => stream);

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, room),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, room),
        }
    }
}
