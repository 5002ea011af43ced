//! TLS passed through by its name, however the hello was cut on its way.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::common;
use crate::site::{Beside, Card, Site};

const CONFIG: &str = r#"
[listen]
http = ["127.0.0.1:BASE"]
https = ["127.0.0.1:BASE+1"]

[[card]]
position = "1.1"
address = "127.0.0.1"

[[service]]
name = "secure"
sni = ["secure.sell.com"]
port = BASE+20
cards = ["1.1"]
health = { every = "100ms" }

[[service]]
name = "shop"
sid = ["www.sell.com"]
port = BASE+21
cards = ["1.1"]
health = { every = "100ms" }
"#;

/// Cuts what is written first.
struct Cut {
    stream: TcpStream,
    how: Option<How>,
}

#[derive(Clone, Copy)]
enum How {
    /// Into two segments.
    Segments(usize),
    /// Into two records.
    Records(usize),
    /// Into segments of so many bytes.
    Pieces(usize),
}

impl Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let pause = || std::thread::sleep(Duration::from_micros(300));
        match self.how.take() {
            None => return self.stream.write(bytes),
            Some(How::Segments(at)) => {
                let (one, two) = bytes.split_at(at.min(bytes.len()));
                self.stream.write_all(one)?;
                pause();
                self.stream.write_all(two)?;
            }
            Some(How::Records(at)) => {
                let (header, message) = bytes.split_at(5);
                let (one, two) = message.split_at(at.min(message.len() - 1));
                for part in [one, two] {
                    let length = u16::try_from(part.len()).unwrap().to_be_bytes();
                    self.stream.write_all(&[&header[..3], &length, part].concat())?;
                }
            }
            Some(How::Pieces(size)) => {
                for piece in bytes.chunks(size) {
                    self.stream.write_all(piece)?;
                    pause();
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Read for Cut {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.stream.read(room)
    }
}

/// The certificate that one sees, and whether the page behind it came.
fn visit(site: &Site, config: &Arc<ClientConfig>, how: Option<How>) -> io::Result<bool> {
    let name = ServerName::try_from("secure.sell.com").unwrap();
    let stream = TcpStream::connect(site.at(1))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut tls = rustls::StreamOwned::new(connection, Cut { stream, how });
    tls.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut page = [0; 64];
    let read = tls.read(&mut page)?;
    Ok(page[..read].starts_with(b"HTTP/1.0 200"))
}

#[test]
fn every_fragmentation_of_a_hello_reaches_the_named_card_unopened() {
    if !common::has(&["openssl"]) {
        return;
    }
    let site = Site::start(CONFIG);
    let dir = site.dir.path();
    let mut make = common::tool("openssl");
    make.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert -days 2 -subj /CN=card -addext subjectAltName=DNS:secure.sell.com -addext basicConstraints=CA:FALSE".split(' '));
    common::finish({
        make.current_dir(dir);
        make
    })
    .ok();
    let mut server = common::tool("openssl");
    server.args(["s_server", "-quiet", "-www", "-key", "key", "-cert", "cert", "-accept"]);
    let _card = Beside::start(server.arg((site.base + 20).to_string()).current_dir(dir));
    let _shop = Card::serve(site.at(21), "shop");
    site.serves("www.sell.com");

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(dir.join("cert")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = Arc::new(builder.unwrap().with_root_certificates(roots).with_no_client_auth());
    common::eventually("the card serves", || visit(&site, &config, None).ok().filter(|whole| *whole));
    // A hello of rustls has about 230 bytes; cutting behind its end cuts nothing.
    for at in 1..=260 {
        for how in [How::Segments(at), How::Records(at)] {
            let seen = visit(&site, &config, Some(how));
            assert!(matches!(seen, Ok(true)), "cut at {at}: {seen:?}");
        }
    }
    for size in [1, 2, 7] {
        assert!(matches!(visit(&site, &config, Some(How::Pieces(size))), Ok(true)), "pieces of {size}");
    }
    // openssl sees the card's own certificate by that name and the module's by any other.
    let subject = |name: &str| {
        let mut client: Command = common::tool("openssl");
        let to = site.at(1).to_string();
        client.args(["s_client", "-connect", &to, "-servername", name]);
        let said = common::finish(client).out;
        said.lines().find(|line| line.starts_with("subject=")).unwrap_or_default().to_owned()
    };
    assert_eq!(subject("secure.sell.com"), "subject=CN = card");
    assert!(!subject("www.sell.com").contains("card"));
}
