//! Balancers in front of the module, and what the PROXY protocol tells of their customers (patent row P19).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::common;
use crate::site::{Beside, Card, Site};

const CONFIG: &str = r#"
[listen]
http = ["127.0.0.1:BASE"]
pop3 = ["127.0.0.1:BASE+1"]

[balancer]
trusted = ["127.0.0.1/32"]
proxy_protocol = ["http", "pop3"]

[[card]]
position = "1.1"
address = "127.0.0.1"

[[service]]
name = "shop"
sid = ["www.sell.com"]
port = BASE+20
cards = ["1.1"]
health = { every = "100ms" }
"#;

const GET: &str =
    "GET / HTTP/1.1\r\nHost: www.sell.com\r\nX-Forwarded-For: 10.9.9.9\r\nConnection: close\r\n\r\n";

/// Says something from an address of one's own and reads to the end.
fn say(from: &str, to: SocketAddr, parts: &[&[u8]]) -> String {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(from.parse().unwrap(), 0).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.set_nodelay(true).unwrap();
    for part in parts {
        stream.write_all(part).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_balancer_s_header_is_demanded_and_a_stranger_s_never_believed() {
    let site = Site::start(CONFIG);
    let card = Card::serve(site.at(20), "hello");
    let http = site.http();
    let v1 = b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 80\r\n";
    let told = |parts: &[&[u8]]| say("127.0.0.1", http, parts);
    common::eventually("the card serves", || told(&[v1, GET.as_bytes()]).contains(" 200 ").then_some(()));
    assert!(card.last().contains("X-Forwarded-For: 203.0.113.7\r\n"), "{}", card.last());

    // In pieces of one byte, and with the request in the same piece.
    let all = [&v1[..], GET.as_bytes()].concat();
    let bytes: Vec<&[u8]> = all.chunks(1).take(60).chain([&all[60..]]).collect();
    assert!(told(&bytes).contains("hello") && told(&[&all]).contains("hello"));
    assert!(card.last().contains("for=203.0.113.7;"), "{}", card.last());

    // Version 2 of IPv6, and a balancer's own check, whose X-Forwarded-For is believed as it is a balancer.
    let mut v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24".to_vec();
    v2.extend_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    v2.extend_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 1, 1, 0, 80]);
    assert!(told(&[&v2, GET.as_bytes()]).contains("hello"));
    assert!(card.last().contains("X-Forwarded-For: 2001:db8::7\r\n"), "{}", card.last());
    assert!(told(&[b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", GET.as_bytes()]).contains("hello"));
    assert!(card.last().contains("X-Forwarded-For: 10.9.9.9, 127.0.0.1\r\n"), "{}", card.last());

    // A balancer without its header gets nothing at all, nor does one with half of one.
    for bad in [GET.as_bytes(), b"PROXY TCP4 203.0.113.7 198.51.100.1 04711 80\r\n", b"PROXY TCP4\r\n"] {
        assert_eq!(told(&[bad]), "");
    }
    // Who is no balancer is served without, and refused with.
    assert!(say("127.0.0.5", http, &[GET.as_bytes()]).contains("hello"));
    assert!(card.last().contains("X-Forwarded-For: 127.0.0.5\r\n"), "{}", card.last());
    assert!(say("127.0.0.5", http, &[&all]).starts_with("HTTP/1.1 400 "));
    // The server speaks first: after the header.
    let pop3 = say("127.0.0.1", site.at(1), &[v1, b"QUIT\r\n"]);
    assert!(pop3.starts_with("+OK"), "{pop3:?}");
}

#[test]
fn curl_and_haproxy_introduce_their_customers() {
    if !common::has(&["curl", "haproxy"]) {
        return;
    }
    let site = Site::start(CONFIG);
    let card = Card::serve(site.at(20), "hello");
    let curl = |more: &[&str], to: SocketAddr| {
        let url = format!("http://{to}/");
        common::run("curl", &[&["-sS", "-m", "10", "-H", "Host: www.sell.com"], more, &[&url]].concat())
    };
    common::eventually("curl by version 1", || {
        (curl(&["--haproxy-protocol"], site.http()).out == "hello").then_some(())
    });

    let file = site.dir.path().join("haproxy.cfg");
    let text = format!(
        "defaults\n mode tcp\n timeout client 10s\n timeout server 10s\n timeout connect 2s\n\
         listen one\n bind 127.0.0.1:{}\n server module {} send-proxy\n\
         listen two\n bind 127.0.0.1:{}\n server module {} send-proxy-v2\n",
        site.base + 30,
        site.http(),
        site.base + 31,
        site.http()
    );
    std::fs::write(&file, text).unwrap();
    let _haproxy = Beside::start(common::tool("haproxy").args(["-db", "-f", file.to_str().unwrap()]));
    for (offset, customer) in [(30, "127.0.0.77"), (31, "127.0.0.78")] {
        common::eventually("haproxy is there", || TcpStream::connect(site.at(offset)).ok());
        assert_eq!(curl(&["--interface", customer], site.at(offset)).ok(), "hello");
        assert!(card.last().contains(&format!("X-Forwarded-For: {customer}\r\n")), "{}", card.last());
    }
}
