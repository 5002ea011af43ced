//! The HTTP driver between raw sockets.
#![allow(clippy::unwrap_used)]

use server_module::door::{Bond, Lane, Shared};
use server_module::drive::http::serve;
use sid_proxy::http::Config;
use sid_proxy::pool::{Balance, Pool, Pools, State};
use sid_proxy::{CardId, RouteTable, ServiceId, Sid};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A card that answers each request with its number and the length of the body that it got.
async fn card(number: u32) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                loop {
                    let head = loop {
                        if let Some(at) = find(&bytes, b"\r\n\r\n") {
                            break bytes.drain(..at + 4).collect::<Vec<u8>>();
                        }
                        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                            return;
                        }
                    };
                    let text = String::from_utf8(head).unwrap();
                    let length = text
                        .split("Content-Length: ")
                        .nth(1)
                        .map_or(0, |rest| rest.split('\r').next().unwrap().parse::<usize>().unwrap());
                    while bytes.len() < length {
                        stream.read_buf(&mut bytes).await.unwrap();
                    }
                    bytes.drain(..length);
                    if text.contains(" /slow ") {
                        tokio::time::sleep(Duration::from_millis(300)).await;
                    }
                    let body = format!("card {number} got {length}");
                    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    address
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

struct House {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    served: tokio::task::JoinHandle<()>,
    statuses: Arc<Mutex<Vec<u16>>>,
}

async fn house() -> House {
    let mut builder = RouteTable::builder(1);
    builder.add(Sid::Http("www.sell.com"), ServiceId(1)).unwrap();
    let mut pool = Pool::new(Balance::RoundRobin);
    pool.add(CardId(1), card(1).await);
    pool.add(CardId(2), card(2).await);
    let mut pools = Pools::new();
    pools.insert(ServiceId(1), pool);
    let statuses = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&statuses);
    let shared = Shared::new(Config::default(), builder.build().unwrap(), pools, move |_, usage| {
        heard.lock().unwrap().push(usage.status);
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let served =
        tokio::spawn(serve(listener, Arc::default(), Bond::Free, Lane::new(Arc::clone(&shared)), stopped));
    House { address, shared, stop, served, statuses }
}

/// Sends and reads until an answer's text is there.
async fn ask(stream: &mut TcpStream, request: &[u8], until: &str) -> String {
    stream.write_all(request).await.unwrap();
    let mut bytes = Vec::new();
    while find(&bytes, until.as_bytes()).is_none() {
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read_buf(&mut bytes)).await;
        if read.expect("an answer in time").unwrap() == 0 {
            break;
        }
    }
    String::from_utf8(bytes).unwrap()
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: www.sell.com\r\n\r\n";

#[tokio::test]
async fn requests_alternate_and_a_stopped_card_gets_none() {
    let house = house().await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    for number in [1, 2, 1, 2] {
        assert!(ask(&mut stream, GET, "got 0").await.ends_with(&format!("card {number} got 0")));
    }
    house.shared.set_card(CardId(1), State::Draining);
    for _ in 0..3 {
        assert!(ask(&mut stream, GET, "got 0").await.contains("card 2"));
    }
    let body = [
        b"POST / HTTP/1.1\r\nHost: www.sell.com\r\nContent-Length: 300000\r\n\r\n".to_vec(),
        vec![b'x'; 300_000],
    ];
    assert!(ask(&mut stream, &body.concat(), "got").await.ends_with("card 2 got 300000"));
    let bad = ask(&mut stream, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "\r\n\r\n").await;
    assert!(bad.starts_with("HTTP/1.1 400 "));
    assert_eq!(*house.statuses.lock().unwrap(), [200, 200, 200, 200, 200, 200, 200, 200, 400]);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let house = house().await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let text =
        ask(&mut stream, &[GET, GET, GET, b"GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n"].concat(), "no service")
            .await;
    let order: Vec<_> = text.match_indices("card ").map(|(at, _)| &text[at..at + 6]).collect();
    assert_eq!(order, ["card 1", "card 2", "card 1"]);
    assert!(text.find("404").unwrap() > text.rfind("card").unwrap());
}

#[tokio::test]
async fn stopping_finishes_what_runs() {
    let house = house().await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: www.sell.com\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    house.stop.send(true).unwrap();
    let text = ask(&mut stream, b"", "got 0").await;
    assert!(text.contains("200 OK") && text.contains("Connection: close"), "{text}");
    tokio::time::timeout(Duration::from_secs(5), house.served)
        .await
        .expect("all conversations ended")
        .unwrap();
    assert!(TcpStream::connect(house.address).await.is_err());
}
