//! What a customer costs who says nothing.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::common;
use crate::site::{Card, Site};

const CUSTOMERS: usize = 10_000;

const CONFIG: &str = r#"
[listen]
http = ["127.0.0.1:BASE"]

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

fn resident(site: &Site) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

fn ask(stream: &mut TcpStream) {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: www.sell.com\r\n\r\n").unwrap();
    let (mut room, mut text) = ([0; 1024], Vec::new());
    while !text.ends_with(b"hello") {
        let read = stream.read(&mut room).unwrap();
        assert!(read > 0, "an answer");
        text.extend_from_slice(&room[..read]);
    }
}

#[test]
fn ten_thousand_idle_connections_hold_at_most_8_kib_each() {
    let granted = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: granted.maximum, ..granted });
    if granted.maximum.is_some_and(|most| most < 12_000) {
        assert!(!common::has(&["12,000 open files"]));
        return;
    }
    let site = Site::start(CONFIG);
    let _card = Card::serve(site.at(20), "hello");
    site.serves("www.sell.com");
    let before = resident(&site);
    let mut customers: Vec<TcpStream> = Vec::new();
    for _ in 0..CUSTOMERS {
        let mut stream = TcpStream::connect(site.http()).unwrap();
        ask(&mut stream);
        customers.push(stream);
    }
    let each = resident(&site).saturating_sub(before) / CUSTOMERS;
    println!("{each} bytes each");
    assert!(each <= 8 * 1024, "{each} bytes each");
    // They are all still served.
    customers.iter_mut().step_by(997).for_each(ask);
}
