//! nginx and HAProxy on the same table and the same cases: where each of them forwards what the module refuses, or
//! refuses what the module forwards. `proxy_peers.txt` keeps the list, which is compared where the versions are the
//! same.
#![allow(clippy::unwrap_used, dead_code)]

#[path = "../../sid-proxy/tests/cases/mod.rs"]
mod cases;
mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cases::{Expected, requests};

const KEPT: &str = include_str!("proxy_peers.txt");
const VERSIONS: [&str; 2] = ["nginx/1.22.1", "2.6.12-1+deb12u4"];

/// A program of the test's own, killed when dropped.
struct Beside(Child);

impl Drop for Beside {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start(program: &str, arguments: &[&str]) -> Beside {
    let mut command = common::tool(program);
    let command = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Beside(command.spawn().unwrap())
}

/// A card that counts the heads it gets and answers each at once.
fn card() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, heads) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&heads);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let count = Arc::clone(&count);
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let mut room = [0; 20_000];
                while let Ok(read @ 1..) = stream.read(&mut room) {
                    bytes.extend_from_slice(&room[..read]);
                    if bytes.windows(4).any(|four| four == b"\r\n\r\n") {
                        count.fetch_add(1, Ordering::SeqCst);
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                        return stream.write_all(answer).unwrap_or_default();
                    }
                }
            });
        }
    });
    (address, heads)
}

/// Sends bytes and waits for a head of an answer, or the end.
fn send(to: SocketAddr, request: &[u8]) {
    let Ok(mut stream) = TcpStream::connect(to) else { return };
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let _ = stream.write_all(request);
    let (mut room, mut bytes) = ([0; 4096], Vec::new());
    while let Ok(read @ 1..) = stream.read(&mut room) {
        bytes.extend_from_slice(&room[..read]);
        if bytes.windows(4).any(|four| four == b"\r\n\r\n") {
            return;
        }
    }
}

#[test]
fn every_disagreement_with_nginx_and_haproxy_is_listed() {
    if !common::has(&["nginx", "haproxy"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (card, heads) = card();
    let base = common::base_port();
    let doors = [base, base + 1].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let place = dir.path().display();
    let nginx = format!(
        "daemon off; master_process off; pid {place}/pid; events {{}}\nhttp {{ access_log off; client_body_temp_path {place}/b; \
         proxy_temp_path {place}/p; fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;\n\
         large_client_header_buffers 4 16k; proxy_request_buffering off;\n\
         server {{ listen {}; server_name www.sell.com *.sell.com \"[2001:db8::1]\"; location / {{ proxy_http_version 1.1; \
         proxy_set_header Connection \"\"; proxy_set_header Host $host; proxy_pass http://{card}; }} }}\n\
         server {{ listen {} default_server; server_name closed.example; return 404; }} }}",
        doors[0], doors[0]
    );
    std::fs::write(dir.path().join("nginx.conf"), nginx).unwrap();
    let haproxy = format!(
        "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 2s\n\
         frontend f\n bind {}\n use_backend card if {{ req.hdr(host),host_only,lower -m str www.sell.com [2001:db8::1] }}\n \
         use_backend card if {{ req.hdr(host),host_only,lower -m end .sell.com }}\n default_backend none\n\
         backend none\n http-request return status 404\nbackend card\n server card {card}\n",
        doors[1]
    );
    std::fs::write(dir.path().join("haproxy.cfg"), haproxy).unwrap();
    let folder = dir.path().to_str().unwrap();
    let _nginx = start("nginx", &["-p", folder, "-e", "stderr", "-c", "nginx.conf"]);
    let _haproxy = start("haproxy", &["-db", "-f", &format!("{folder}/haproxy.cfg")]);
    for door in doors {
        common::eventually("a proxy is there", || TcpStream::connect(door).ok());
    }

    let cases = requests();
    let mut list = String::new();
    // A head that passed before its body showed to be bad is a matter of when, not of whether.
    for case in cases.iter().filter(|case| case.expected != Expected::BadChunk) {
        let ours = case.expected == Expected::Card;
        let kept = KEPT
            .lines()
            .find(|line| line.strip_prefix(&case.name).is_some_and(|rest| rest.starts_with(": ")));
        let judge = || {
            let theirs = doors.map(|door| {
                let before = heads.load(Ordering::SeqCst);
                send(door, &case.request);
                // What a proxy still does belongs to this case.
                std::thread::sleep(Duration::from_millis(5));
                heads.load(Ordering::SeqCst) > before
            });
            let word = |forwards: bool| if forwards { "forwards" } else { "refuses" };
            let [nginx, haproxy] = theirs.map(word);
            (theirs != [ours; 2])
                .then(|| format!("{}: module {}, nginx {nginx}, haproxy {haproxy}", case.name, word(ours)))
        };
        // On a busy machine an answer may come late, and a case have the one before it counted.
        let mut said = judge();
        for _ in 0..3 {
            if said.as_deref() == kept {
                break;
            }
            std::thread::sleep(Duration::from_millis(300));
            said = judge();
        }
        list.extend(said.map(|line| line + "\n"));
    }
    println!("{} of {} cases:\n{list}", list.lines().count(), cases.len());
    let versions =
        [common::run("nginx", &["-v"]), common::run("haproxy", &["-v"])].map(|said| said.out + &said.err);
    if versions.iter().zip(VERSIONS).all(|(said, version)| said.contains(version)) {
        assert_eq!(list, KEPT, "tests/proxy_peers.txt keeps the list");
    }
}
