//! `ctl card stop 1.1`: seen everywhere, and no customer notices.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::{self, Demo};

#[test]
fn stopping_and_starting_a_card_shows_and_loses_no_request() {
    let demo = Demo::start(4);
    let end = Arc::new(AtomicBool::new(false));
    let customers: Vec<_> =
        (0..4).map(|n| customer(demo.socket("http"), n % 2 == 0, Arc::clone(&end))).collect();
    std::thread::sleep(Duration::from_millis(300));

    demo.ctl(&["card", "stop", "1.1"]).ok();
    for _ in 0..6 {
        assert_eq!(demo.card_for("www.sell.com"), "1.2", "no new request goes to a stopped card");
    }
    common::eventually("1.1 off in the table", || {
        demo.ctl(&["cards"]).ok().lines().find(|l| is_off(l)).map(drop)
    });
    demo.ctl(&["card", "1.1", "stop"]).ok();

    demo.ctl(&["card", "1.1", "start"]).ok();
    common::eventually("1.1 serving again", || (demo.card_for("www.sell.com") == "1.1").then_some(()));
    demo.ctl(&["card", "start", "1.1"]).ok();
    std::thread::sleep(Duration::from_millis(300));

    end.store(true, Ordering::Relaxed);
    let served: u32 = customers.into_iter().map(|customer| customer.join().expect("no request lost")).sum();
    assert!(served > 100, "only {served} requests");
}

fn is_off(line: &str) -> bool {
    line.contains("1.1 ") && line.to_lowercase().contains("off")
}

/// Sends requests one after the other, on one connection or on a new one each, and panics at the first lost one.
fn customer(proxy: SocketAddr, keep_alive: bool, end: Arc<AtomicBool>) -> std::thread::JoinHandle<u32> {
    std::thread::spawn(move || {
        let limit = Instant::now() + Duration::from_secs(20);
        let (mut served, mut kept) = (0, None);
        while !end.load(Ordering::Relaxed) && Instant::now() < limit {
            if keep_alive {
                let stream = kept.get_or_insert_with(|| connect(proxy));
                if !one_request(stream) {
                    kept = None;
                }
            } else {
                let answer = common::get(proxy, "www.sell.com", "/").expect("an answer");
                assert_eq!(answer.status, 200, "after {served}: {answer:?}");
            }
            served += 1;
            std::thread::sleep(Duration::from_millis(5));
        }
        served
    })
}

fn connect(proxy: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(proxy).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// One request on a kept connection; whether the proxy keeps it open after.
fn one_request(stream: &mut TcpStream) -> bool {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: www.sell.com\r\n\r\n").unwrap();
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).expect("an answer");
        assert!(count > 0, "closed in an answer: {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).expect("a length");
        if body.len() >= length.trim().parse::<usize>().unwrap() {
            assert!(head.starts_with("http/1.1 200"), "{head}");
            return !head.contains("connection: close");
        }
    }
}

/// `snmptrapd` on the demo's trap address, printing to a file; ended when dropped.
struct Trapd(Child, tempfile::TempDir);

impl Trapd {
    fn start(address: &str) -> Trapd {
        let dir = tempfile::tempdir().unwrap();
        let conf = dir.path().join("conf");
        std::fs::write(&conf, "authCommunity log public\n").unwrap();
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let child = common::tool("snmptrapd")
            .args(["-f", "-n", "-On", "-Lo", "-C", "-c"])
            .arg(&conf)
            .arg(format!("udp:{address}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let trapd = Trapd(child, dir);
        common::eventually("snmptrapd listening", || trapd.log().contains("NET-SNMP").then_some(()));
        trapd
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.1.path().join("log")).unwrap()
    }
}

impl Drop for Trapd {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn snmptrapd_receives_one_trap_when_a_card_is_stopped() {
    if !common::has(&["snmptrapd"]) {
        return;
    }
    let demo = Demo::start(2);
    let trapd = Trapd::start(demo.at("traps"));
    demo.ctl(&["card", "stop", "1.1"]).ok();
    let state = ".1.3.6.1.4.1.32473.1.2.1.1.3.1.1 = INTEGER: 1";
    common::eventually("the trap", || trapd.log().contains(state).then_some(()));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(trapd.log().matches(state).count(), 1, "one change is one trap\n{}", trapd.log());
    demo.ctl(&["card", "start", "1.1"]).ok();
    let state = ".1.3.6.1.4.1.32473.1.2.1.1.3.1.1 = INTEGER: 4";
    common::eventually("the trap of its return", || trapd.log().contains(state).then_some(()));
}
