//! What a simulated card serves: small, true HTTP answers that say which card gave them.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::cabinet::Position;

use super::{files, mail};

/// The most connections a card holds at once.
const CONNECTIONS: usize = 1024;

/// The largest body that `/echo` takes and `/bytes/N` gives.
const LARGEST_BODY: usize = 4 << 20;

/// How long running requests may take once the site is told to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// A card's web site: `/` says who answered, `/health` says ok, `/echo` gives a body back, `/bytes/N` gives N bytes.
#[derive(Debug)]
pub(crate) struct Site {
    page: Arc<Page>,
    address: SocketAddr,
    /// Where files and mail are served, if they are.
    files: Option<SocketAddr>,
    mail: Option<SocketAddr>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Page {
    position: Position,
    card: HeaderValue,
    service: String,
    served: AtomicU64,
}

impl Site {
    /// The site of a card, not started.
    pub(crate) fn new(position: Position, service: &str, address: SocketAddr) -> Self {
        let card = HeaderValue::try_from(position.to_string()).expect("a position is digits and a dot");
        let page = Page { position, card, service: service.to_owned(), served: AtomicU64::new(0) };
        Self { page: Arc::new(page), address, files: None, mail: None, running: None }
    }

    /// Serves files by FTP and mail by POP3 too.
    pub(crate) fn with_files_and_mail(self, files: SocketAddr, mail: SocketAddr) -> Self {
        Self { files: Some(files), mail: Some(mail), ..self }
    }

    /// Listens and serves. Does nothing where it already does.
    ///
    /// # Errors
    /// The address is taken.
    pub(crate) fn listen(&mut self) -> io::Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let http = listener(self.address)?;
        let files = self.files.map(listener).transpose()?;
        let mail = self.mail.map(listener).transpose()?;
        let (stop, stopped) = oneshot::channel();
        let page = Arc::clone(&self.page);
        let (position, service) = (page.position, page.service.clone());
        let task = tokio::spawn(async move {
            let mut others = JoinSet::new();
            if let Some(files) = files {
                others.spawn(files::serve(files, position, service.clone()));
            }
            if let Some(mail) = mail {
                others.spawn(mail::serve(mail, position, service));
            }
            serve(http, page, stopped).await;
        });
        self.running = Some(Running { stop: Some(stop), task });
        Ok(())
    }

    /// Stops listening at once and returns when running requests have finished, after half a minute at most.
    pub(crate) async fn close(&mut self) {
        if let Some(mut running) = self.running.take() {
            drop(running.stop.take());
            let _ = (&mut running.task).await;
        }
    }

    /// Whether it listens.
    pub(crate) const fn is_open(&self) -> bool {
        self.running.is_some()
    }
}

impl Drop for Running {
    /// A card that loses its power drops everything at once.
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(256)
}

async fn serve(listener: TcpListener, page: Arc<Page>, mut stopped: oneshot::Receiver<()>) {
    let (connections, graceful) = (Arc::new(Semaphore::new(CONNECTIONS)), GracefulShutdown::new());
    let mut open = JoinSet::new();
    loop {
        let stream = tokio::select! {
            _ = &mut stopped => break,
            Some(_) = open.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of descriptors: closing connections give some back.
                Err(_) => { tokio::time::sleep(Duration::from_millis(50)).await; continue }
            },
        };
        let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else { continue };
        let _ = stream.set_nodelay(true);
        let page = Arc::clone(&page);
        let answer = service_fn(move |request| answer(Arc::clone(&page), request));
        let http =
            http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer);
        let watched = graceful.watch(http);
        open.spawn(async move {
            let _ = watched.await;
            drop(permit);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await;
}

async fn answer(page: Arc<Page>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let served = page.served.fetch_add(1, Ordering::Relaxed) + 1;
    let path = request.uri().path().to_owned();
    let (status, body) = match (request.method(), path.as_str()) {
        (_, "/health") => (StatusCode::OK, Bytes::from_static(b"ok\n")),
        (&Method::POST | &Method::PUT, "/echo") => echo(request.into_body()).await,
        (&Method::GET | &Method::HEAD, _) => match path.strip_prefix("/bytes/").map(str::parse::<usize>) {
            Some(Ok(count)) if count <= LARGEST_BODY => (StatusCode::OK, Bytes::from(vec![b'x'; count])),
            Some(_) => (StatusCode::NOT_FOUND, Bytes::from_static(b"/bytes/N, N at most 4194304\n")),
            None => (StatusCode::OK, page.text(&request, served)),
        },
        _ => (StatusCode::METHOD_NOT_ALLOWED, Bytes::from_static(b"GET, HEAD, or POST to /echo\n")),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert("x-demo-card", page.card.clone());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}

async fn echo(body: Incoming) -> (StatusCode, Bytes) {
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(whole) => (StatusCode::OK, whole.to_bytes()),
        Err(_) => (StatusCode::PAYLOAD_TOO_LARGE, Bytes::from_static(b"at most 4 MiB\n")),
    }
}

impl Page {
    fn text(&self, request: &Request<Incoming>, served: u64) -> Bytes {
        let header =
            |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
        let (position, service, path) = (self.position, &self.service, request.uri().path());
        let (host, client) = (header(HOST.as_str()), header("x-forwarded-for"));
        Bytes::from(format!(
            "Hello from card {position}, serving {service}.\n\
             You asked for {host}{path} from {client}; this is answer {served} of this card.\n"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    async fn ask(address: SocketAddr, request: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    fn free_address() -> SocketAddr {
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn it_says_which_card_answers_and_stops_when_told() {
        let address = free_address();
        let mut site = Site::new(Position::new(2, 7), "shop-1", address);
        site.listen().unwrap();
        site.listen().unwrap();
        let page =
            ask(address, "GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("x-demo-card: 2.7"), "{page}");
        assert!(page.contains("card 2.7, serving shop-1") && page.contains("a.example/x"), "{page}");
        let echo = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        assert!(ask(address, echo).await.unwrap().ends_with("\r\n\r\nhello"));
        let large = "GET /bytes/4194305 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        assert!(ask(address, large).await.unwrap().starts_with("HTTP/1.1 404"));
        site.close().await;
        assert!(ask(address, echo).await.is_err(), "nobody listens");
        site.listen().unwrap();
        assert!(ask(address, echo).await.is_ok());
    }

    #[tokio::test]
    async fn a_running_request_finishes_when_the_site_stops() {
        let address = free_address();
        let mut site = Site::new(Position::new(1, 1), "shop-1", address);
        site.listen().unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let stopping = tokio::spawn(async move { site.close().await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!stopping.is_finished());
        stream.write_all(b"again").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("helloagain"), "{answer}");
        stopping.await.unwrap();
    }
}
