//! One end of a conversation: its socket, what was read and not used, what is to be written.

use crate::h2::Pipe;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use sid_proxy::http::Side;
use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, client};

/// Bytes that wait to be written before the other side is read no further.
pub const HIGH_WATER: usize = 256 * 1024;
/// How long the last bytes to a peer may take.
const GOODBYE: Duration = Duration::from_secs(5);
/// Bytes read at once.
const READ: usize = 16 * 1024;
/// Bytes of a large body read at once.
const LARGE: usize = 64 * 1024;
/// Bytes that are rather copied behind others than written apart from them.
const COPIED: usize = 2 * 1024;

/// Which certificate a customer sees who asks for this name.
pub type Choose = dyn Fn(Option<&str>) -> Arc<ServerConfig> + Send + Sync;

/// A connection in the clear or inside TLS.
pub enum Socket {
    /// In the clear.
    Tcp(TcpStream),
    /// A customer's inside TLS, of which the first bytes may have been read before it was known to be.
    Tls(Box<TlsStream<Ahead>>),
    /// A card's inside TLS.
    Card(Box<client::TlsStream<TcpStream>>),
    /// One inside the process: a stream of HTTP/2.
    Pipe(Box<Pipe>),
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
    input: Vec<u8>,
    used: usize,
    pub(crate) ended: bool,
    pub(crate) broken: bool,
    /// How many of its bytes are to be moved to the other end.
    pub(crate) forward: u64,
    output: Vec<u8>,
    written: usize,
    pub(crate) finish: bool,
    unflushed: bool,
}

impl End {
    /// An end of which these bytes were read already.
    pub(crate) fn new(stream: Socket, input: Vec<u8>) -> Self {
        Self { stream: Some(stream), input, ..Self::default() }
    }

    /// Writes what it can; true if nothing is left to write that was.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        let before = self.is_written();
        let Some(stream) = &mut self.stream else { return false };
        while self.written < self.output.len() {
            match Pin::new(&mut *stream).poll_write(cx, &self.output[self.written..]) {
                Poll::Ready(Ok(len)) => {
                    self.written += len;
                    self.unflushed = true;
                }
                // What it sent before may still be read; its end comes with that.
                Poll::Ready(Err(_)) => self.written = self.output.len(),
                Poll::Pending => break,
            }
        }
        // TLS keeps records back until told.
        if self.unflushed && Pin::new(&mut *stream).poll_flush(cx).is_ready() {
            self.unflushed = false;
        }
        if self.written == self.output.len() {
            self.written = 0;
            spare::give(&mut self.output);
            if self.finish && Pin::new(&mut *stream).poll_shutdown(cx).is_ready() {
                self.finish = false;
            }
        }
        !before && self.is_written()
    }

    /// Reads what it can; true if anything came, the end included.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        if self.ended || self.broken || self.input.len() >= 2 * READ {
            return false;
        }
        if self.input.capacity() == 0 {
            self.input = spare::take();
        }
        self.input.reserve(if self.forward > READ as u64 { LARGE } else { READ });
        match pin!(stream.read_buf(&mut self.input)).poll(cx) {
            Poll::Ready(Ok(read)) => self.ended = read == 0,
            Poll::Ready(Err(_)) => self.broken = true,
            Poll::Pending => {
                // An idle connection holds no buffer.
                if self.input.is_empty() {
                    spare::give(&mut self.input);
                }
                return false;
            }
        }
        true
    }

    /// What the session is to be told of this end, after what is to be forwarded was moved to the other one.
    pub(crate) fn news(&mut self, other: &mut Self) -> News<'_> {
        let silent = self.unread().is_empty();
        if self.forward > 0 && !silent {
            return News::Passed(self.pass(other));
        }
        if std::mem::take(&mut self.broken) {
            self.ended = true;
            return News::Broken;
        }
        if silent && !self.ended {
            return News::None;
        }
        News::Data { bytes: self.unread(), end: self.ended }
    }

    /// The connection, if nothing was left over on it.
    pub(crate) fn into_unused(mut self) -> Option<Socket> {
        let clean = self.unread().is_empty() && !self.ended && !self.broken && self.is_written();
        spare::give(&mut self.input);
        self.stream.filter(|_| clean)
    }

    /// Takes the connection, what was read and not used, and what is still to be written.
    pub(crate) fn into_parts(mut self) -> (Option<Socket>, Vec<u8>, Vec<u8>) {
        self.input.drain(..self.used);
        self.output.drain(..self.written);
        (self.stream, self.input, self.output)
    }

    /// Bytes that were read and not used.
    fn unread(&self) -> &[u8] {
        self.input.get(self.used..).unwrap_or_default()
    }

    /// Moves what was read to the other end, as far as it is to be forwarded; how much that was.
    fn pass(&mut self, other: &mut Self) -> u64 {
        let whole = self.unread().len();
        let len = whole.min(usize::try_from(self.forward).unwrap_or(usize::MAX));
        if len == whole && other.output.is_empty() && len > COPIED {
            // The buffer itself changes hands.
            spare::give(&mut other.output);
            other.output = std::mem::take(&mut self.input);
            other.written = std::mem::take(&mut self.used);
        } else {
            other.write(&self.input[self.used..self.used + len]);
            self.take(len);
        }
        if self.forward != u64::MAX {
            self.forward -= len as u64;
        }
        len as u64
    }

    /// Queues bytes to be written.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if self.output.capacity() == 0 {
            self.output = spare::take();
        }
        self.output.extend_from_slice(bytes);
    }

    /// True while more may be queued, so that the other end may be read.
    pub(crate) fn has_room(&self) -> bool {
        self.output.len() < HIGH_WATER
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

    /// Forgets bytes that were used.
    pub(crate) fn take(&mut self, len: usize) {
        self.used += len;
        if self.used == self.input.len() {
            self.input.clear();
            self.used = 0;
        } else if self.used > READ {
            self.input.drain(..self.used);
            self.used = 0;
        }
    }
}

/// Buffers of this thread that nobody uses: a request takes one and gives it back, and none is allocated for it.
mod spare {
    use super::LARGE;
    use std::cell::RefCell;

    /// How many are kept.
    const KEPT: usize = 64;

    thread_local! {
        static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn take() -> Vec<u8> {
        SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()
    }

    pub(super) fn give(buffer: &mut Vec<u8>) {
        let mut buffer = std::mem::take(buffer);
        buffer.clear();
        if (1..=2 * LARGE).contains(&buffer.capacity()) {
            SPARE.with_borrow_mut(|spare| {
                if spare.len() < KEPT {
                    spare.push(buffer);
                }
            });
        }
    }
}

/// What a session is to be told of one end.
pub(crate) enum News<'a> {
    /// Nothing.
    None,
    /// So many bytes were forwarded.
    Passed(u64),
    /// It was reset.
    Broken,
    /// These bytes wait, and whether more may come.
    Data {
        /// The bytes.
        bytes: &'a [u8],
        /// True if no more come.
        end: bool,
    },
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
            Self::Card(stream) => stream.get_ref().0.set_zero_linger(),
            Self::Pipe(pipe) => {
                pipe.reset();
                Ok(())
            }
        };
    }

    /// Its own address.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr(),
            Self::Tls(stream) => stream.get_ref().0.stream.local_addr(),
            Self::Card(stream) => stream.get_ref().0.local_addr(),
            Self::Pipe(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// The name that the customer began TLS with.
    pub(crate) fn server_name(&self) -> Option<&str> {
        match self {
            Self::Tls(stream) => stream.get_ref().1.server_name(),
            _ => None,
        }
    }

    /// The protocol that was agreed on inside TLS.
    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        match self {
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol(),
            _ => None,
        }
    }

    /// True if nothing came, not even the end, since it was read last.
    pub(crate) fn is_silent(&mut self) -> bool {
        let mut room = [0];
        let mut cx = Context::from_waker(Waker::noop());
        Pin::new(self).poll_read(&mut cx, &mut ReadBuf::new(&mut room)).is_pending()
    }
}

impl From<Pipe> for Socket {
    fn from(pipe: Pipe) -> Self {
        Self::Pipe(Box::new(pipe))
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
write_through!(
    Socket,
    Socket::Tcp(stream) => stream,
    Socket::Tls(stream) => stream,
    Socket::Card(stream) => stream,
    Socket::Pipe(pipe) => pipe
);

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, room),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, room),
            Self::Card(stream) => Pin::new(stream).poll_read(cx, room),
            Self::Pipe(pipe) => Pin::new(pipe).poll_read(cx, room),
        }
    }
}
