//! The way from the module to its cards: inside TLS, introduced by the PROXY protocol, bound to one card.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::common;
use crate::site::{Beside, Card, Site};

const CONFIG: &str = r#"
[listen]
http = ["127.0.0.1:BASE"]
pop3 = ["127.0.0.1:BASE+1"]

[[card]]
position = "1.1"
address = "127.0.0.1"

[[card]]
position = "1.2"
address = "127.0.0.2"
public = "127.0.0.1:BASE+2"

[[service]]
name = "shop"
sid = ["www.sell.com"]
port = BASE+20
cards = ["1.1", "1.2"]
health = { every = "100ms" }
"#;

#[test]
fn patent_p18_a_card_s_own_binding_leads_to_it_alone() {
    let site = Site::start(CONFIG);
    let _one = Card::serve(site.at(20), "one");
    let _two = Card::serve(SocketAddr::from(([127, 0, 0, 2], site.base + 20)), "two");
    site.serves("www.sell.com");
    common::eventually("the second card serves", || {
        let answer = common::get(site.at(2), "whatever.example", "/").ok()?;
        (answer.status == 200).then_some(())
    });
    for _ in 0..4 {
        assert_eq!(common::get(site.at(2), "www.sell.com", "/x").unwrap().body, "two");
    }
    // A name is still needed, and the card is not there for others when it is stopped.
    assert_eq!(common::raw(site.at(2), "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap().status, 400);
    site.ctl(&["card", "stop", "1.2"]).ok();
    common::eventually("stopped for all", || {
        (common::get(site.at(2), "www.sell.com", "/").ok()?.status == 503).then_some(())
    });
    assert_eq!(common::get(site.http(), "www.sell.com", "/").unwrap().body, "one");
}

#[test]
fn a_card_is_told_whose_connection_it_is() {
    for (version, begin) in
        [("v1", &b"PROXY TCP4 127.0.0.1 127.0.0.1 "[..]), ("v2", b"\r\n\r\n\0\r\nQUIT\n\x21\x11")]
    {
        let text = CONFIG.replace("health =", &format!("proxy_protocol = \"{version}\"\nhealth ="));
        let site = Site::start(&text.replace("\"1.1\", \"1.2\"", "\"1.1\""));
        let listener = TcpListener::bind(site.at(20)).unwrap();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let tell = tell.clone();
                std::thread::spawn(move || {
                    let mut bytes = Vec::new();
                    let mut room = [0; 4096];
                    while let Ok(read @ 1..) = stream.read(&mut room) {
                        bytes.extend_from_slice(&room[..read]);
                        if bytes.ends_with(b"\r\n\r\n") {
                            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
                            tell.send(std::mem::take(&mut bytes)).unwrap();
                        }
                    }
                });
            }
        });
        site.serves("www.sell.com");
        site.serves("www.sell.com");
        // Each connection is one customer's: none is used again.
        for bytes in told.try_iter().collect::<Vec<_>>() {
            assert!(bytes.starts_with(begin), "{version}: {bytes:?}");
            assert_eq!(bytes.windows(4).filter(|four| four == b"GET ").count(), 1);
        }
    }
}

fn openssl(dir: &Path, line: &str) {
    let mut command = common::tool("openssl");
    command.args(line.split(' ')).current_dir(dir);
    common::finish(command).ok();
}

#[test]
fn cards_inside_tls_are_believed_by_their_authority_or_pin_and_no_others() {
    if !common::has(&["openssl"]) {
        return;
    }
    let keys = tempfile::tempdir().unwrap();
    let dir = keys.path();
    std::fs::write(dir.join("ext"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    openssl(
        dir,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=cards -days 2",
    );
    openssl(
        dir,
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout card.key -out card.csr -subj /CN=card",
    );
    openssl(
        dir,
        "x509 -req -in card.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out card.pem -days 2 -extfile ext",
    );
    let mut print = common::tool("openssl");
    print.args(["x509", "-in", "card.pem", "-noout", "-fingerprint", "-sha256"]).current_dir(dir);
    let pin = common::finish(print).ok().trim().rsplit('=').next().unwrap().to_owned();
    let other = pin.replace(|c: char| c.is_ascii_hexdigit(), "0");
    let place = dir.display();
    for (tls, believed) in [
        (format!("{{ ca = \"{place}/ca.pem\" }}"), true),
        (format!("{{ pin = [\"{other}\", \"{pin}\"] }}"), true),
        (format!("{{ ca = \"{place}/ca.pem\", name = \"other.example\" }}"), false),
        (format!("{{ pin = [\"{other}\"] }}"), false),
    ] {
        let more = format!("upstream = \"https\"\nupstream_tls = {tls}\nhealth =");
        let site = Site::start(&CONFIG.replace("health =", &more).replace("\"1.1\", \"1.2\"", "\"1.1\""));
        let mut card = common::tool("openssl");
        card.args(["s_server", "-quiet", "-www", "-key", "card.key", "-cert", "card.pem", "-accept"]);
        let _card = serve(card.arg(format!("{}", site.base + 20)).current_dir(dir));
        if believed {
            site.serves("www.sell.com");
            assert!(common::get(site.http(), "www.sell.com", "/").unwrap().body.contains("TLSv1.3"), "{tls}");
        } else {
            common::eventually("it is there", || TcpStream::connect(site.at(20)).ok());
            // Its health probes fail as its customers' requests would.
            for _ in 0..10 {
                std::thread::sleep(Duration::from_millis(50));
                assert_eq!(common::get(site.http(), "www.sell.com", "/").unwrap().status, 503, "{tls}");
            }
        }
    }
}

fn serve(command: &mut Command) -> Beside {
    Beside::start(command.stdin(Stdio::null()))
}
