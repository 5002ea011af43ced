//! The table of requests through the driver, between a raw customer and a card that records every byte.
#![allow(clippy::unwrap_used)]

#[path = "../../sid-proxy/tests/cases/mod.rs"]
mod cases;

use cases::{Expected, judge, requests};
use server_module::door::{Bond, Lane, Shared};
use server_module::drive::http::serve;
use sid_proxy::http::Config;
use sid_proxy::pool::{Balance, Pool, Pools};
use sid_proxy::{CardId, RouteTable, ServiceId, Sid};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Records, and answers once a head is there, however long the body.
async fn recorder(record: Arc<Mutex<Vec<u8>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let record = Arc::clone(&record);
            tokio::spawn(async move {
                let mut room = [0; 20_000];
                let mut answered = false;
                while let Ok(read @ 1..) = stream.read(&mut room).await {
                    let whole = {
                        let mut record = record.lock().unwrap();
                        record.extend_from_slice(&room[..read]);
                        complete(&record)
                    };
                    if whole && !answered {
                        answered = true;
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                        let _ = stream.write_all(answer).await;
                    }
                }
            });
        }
    });
    address
}

/// The head is there, and the body that it promises.
fn complete(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    if head.contains("Transfer-Encoding: chunked") {
        return body.starts_with("0\r\n") && body.ends_with("\r\n\r\n")
            || body.contains("\r\n0\r\n") && body.ends_with("\r\n\r\n");
    }
    let length = head
        .split("\r\nContent-Length: ")
        .nth(1)
        .map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
    body.len() >= length
}

#[tokio::test]
async fn each_request_has_the_same_fate_between_sockets() {
    let record = Arc::new(Mutex::new(Vec::new()));
    let card = recorder(Arc::clone(&record)).await;
    let mut builder = RouteTable::builder(1);
    builder.add(Sid::Http("www.sell.com"), ServiceId(1)).unwrap();
    builder.add(Sid::Http("*.sell.com"), ServiceId(1)).unwrap();
    builder.add(Sid::Http("[2001:db8::1]"), ServiceId(1)).unwrap();
    builder.add(Sid::Http("closed.example"), ServiceId(2)).unwrap();
    let mut pool = Pool::new(Balance::RoundRobin);
    pool.add(CardId(1), card);
    let mut pools = Pools::new();
    pools.insert(ServiceId(1), pool);
    let shared = Shared::new(Config::default(), builder.build().unwrap(), pools, |_, _| {});
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let door = listener.local_addr().unwrap();
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(serve(listener, Arc::default(), Bond::Free, Lane::new(shared), stopped));

    let cases = requests();
    let mut failures = Vec::new();
    for case in &cases {
        record.lock().unwrap().clear();
        let mut stream = TcpStream::connect(door).await.unwrap();
        stream.write_all(&case.request).await.unwrap();
        let mut answer = Vec::new();
        // An answer is there once its head is.
        while !String::from_utf8_lossy(&answer).contains("\r\n\r\n") {
            let read = tokio::time::timeout(Duration::from_secs(5), stream.read_buf(&mut answer)).await;
            if read.unwrap_or_else(|_| panic!("{}: no answer", case.name)).unwrap_or(0) == 0 {
                break;
            }
        }
        let status = String::from_utf8_lossy(&answer).get(9..12).and_then(|status| status.parse().ok());
        if case.expected == Expected::Card && status != Some(200) {
            failures.push(format!("{}: answered with {status:?}", case.name));
        }
        let sent = record.lock().unwrap().clone();
        judge(case, &status.into_iter().collect::<Vec<u16>>(), &sent, &mut failures);
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
