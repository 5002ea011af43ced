//! HTTP/2 from real clients: the same table and the same rules as HTTP/1.1.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;

use crate::common;
use crate::site::{Card, Site};

const CONFIG: &str = r#"
[listen]
http = ["127.0.0.1:BASE"]
https = ["127.0.0.1:BASE+1"]

[[card]]
position = "1.1"
address = "127.0.0.1"

[[service]]
name = "shop"
sid = ["www.sell.com", "*.sell.com", "mall.example/old"]
port = BASE+20
cards = ["1.1"]
health = { every = "100ms" }

[[service]]
name = "mall"
sid = ["mall.example"]
port = BASE+21
cards = ["1.1"]
health = { every = "100ms" }
"#;

/// A site with a card for each service, and what curl says to a host of it: the body, then version and status.
fn site() -> (Site, Card, Card) {
    let site = Site::start(CONFIG);
    let (shop, mall) = (Card::serve(site.at(20), "shop"), Card::serve(site.at(21), "mall"));
    site.serves("www.sell.com");
    site.serves("mall.example");
    (site, shop, mall)
}

fn curl(site: &Site, host: &str, more: &[&str]) -> String {
    let port = site.base + 1;
    let resolve = format!("{host}:{port}:127.0.0.1");
    let url = format!("https://{host}:{port}/");
    let arguments =
        ["-sS", "-k", "-m", "20", "--http2", "--resolve", &resolve, "-w", " %{http_version} %{http_code}"];
    common::run("curl", &[&arguments, more, &[&url]].concat()).ok()
}

#[test]
fn curl_speaks_http2_by_the_same_table_and_rules() {
    if !common::has(&["curl"]) {
        return;
    }
    let (site, shop, _mall) = site();
    assert_eq!(curl(&site, "www.sell.com", &[]), "shop 2 200");
    assert_eq!(curl(&site, "www.sell.com", &["--http1.1"]), "shop 1.1 200");
    assert_eq!(curl(&site, "mall.example", &["-H", "X-Forwarded-For: 10.1.2.3"]), "mall 2 200");
    assert!(curl(&site, "nowhere.example", &[]).ends_with(" 2 404"));
    assert_eq!(curl(&site, "www.sell.com", &["--head"]).lines().next(), Some("HTTP/2 200 "));
    // What the engine makes of a request is what the card sees.
    curl(
        &site,
        "www.sell.com",
        &["-H", "Cookie: a=1", "-H", "X-Forwarded-For: 10.1.2.3", "-H", "TE: trailers"],
    );
    let head = shop.last();
    assert!(
        head.contains("Host: www.sell.com:") && head.contains("X-Forwarded-For: 127.0.0.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("proto=https")
            && head.contains("\r\nVia: 2 lab\r\n")
            && head.contains("cookie: a=1\r\n"),
        "{head}"
    );
    assert!(!head.contains("10.1.2.3") && !head.contains("close"), "{head}");
    // A body with its length, and one without, which comes in chunks.
    let file = site.dir.path().join("file");
    std::fs::write(&file, vec![b'x'; 300_000]).unwrap();
    let data = format!("@{}", file.display());
    assert_eq!(curl(&site, "www.sell.com", &["--data-binary", &data]), "shop 2 200");
    assert!(shop.last().contains("Content-Length: 300000\r\n"));
    // A path with two readings is refused here too.
    let two = format!("https://mall.example:{}/x%2F..%2Fold/y", site.base + 1);
    let said = curl(&site, "mall.example", &[&two, "-o", "/dev/null"]);
    assert!(said.contains(" 2 400"), "{said}");
}

#[test]
fn a_connection_made_for_one_service_serves_no_other() {
    if !common::has(&["curl"]) {
        return;
    }
    let (site, ..) = site();
    for version in ["--http2", "--http1.1"] {
        let ask = |sni: &str, host: &str| curl(&site, sni, &[version, "-H", &format!("Host: {host}")]);
        assert!(ask("www.sell.com", "mall.example").ends_with(" 421"), "{version}");
        assert!(ask("mall.example", "www.sell.com").ends_with(" 421"), "{version}");
        assert!(ask("www.sell.com", "eu.sell.com").ends_with(" 200"), "{version}");
        // The module's own name stands for all that it serves.
        assert!(ask("localhost", "mall.example").ends_with(" 200"), "{version}");
    }
}

#[test]
fn h2load_loses_nothing() {
    if !common::has(&["h2load"]) {
        return;
    }
    let (site, ..) = site();
    let url = format!("https://127.0.0.1:{}/", site.base + 1);
    let arguments = ["-n2000", "-c4", "-m32", "-t1", "--header=host: www.sell.com", &url];
    // h2load sends `:authority` of the URL; a Host field that says something else is refused.
    assert!(common::run("h2load", &arguments).ok().contains("2000 4xx"));
    let url = format!("https://www.sell.com:{}/", site.base + 1);
    let connect = format!("--connect-to=127.0.0.1:{}", site.base + 1);
    let said = common::run("h2load", &["-n4000", "-c4", "-m32", "-t1", &connect, &url]).ok();
    assert!(said.contains("4000 succeeded, 0 failed, 0 errored, 0 timeout"), "{said}");
    assert!(said.contains("4000 2xx"), "{said}");
}

/// A connection to the site for www.sell.com.
async fn connect(site: &Site) -> (SendRequest<Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(site.dir.path().join("state/tls.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(site.at(1)).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("localhost").unwrap();
    let (send, connection) =
        h2::client::handshake(connector.connect(name, stream).await.unwrap()).await.unwrap();
    (send, tokio::spawn(connection))
}

fn get() -> http::Request<()> {
    http::Request::get("https://www.sell.com/").body(()).unwrap()
}

#[test]
fn cve_2023_44487_who_only_cancels_is_sent_away_and_holds_no_card() {
    let (site, shop, _mall) = site();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut send, connection) = connect(&site).await;
        let mut asked = 0;
        // A connection that is gone refuses further streams.
        while let Ok(mut ready) = send.ready().await {
            let Ok((_answer, mut body)) = ready.send_request(get(), false) else { break };
            body.send_reset(h2::Reason::CANCEL);
            asked += 1;
            assert!(asked < 5000, "nobody minds");
            send = ready;
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        let end = tokio::time::timeout(Duration::from_secs(5), connection).await.unwrap().unwrap();
        // The kernel may have dropped the last frame for all that came behind it.
        let end = end.unwrap_err();
        assert!(end.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM) || end.is_io(), "{end}");
        // Others are served as before.
        let (mut send, _connection) = connect(&site).await;
        let (answer, _) = send.send_request(get(), true).unwrap();
        assert_eq!(answer.await.unwrap().status(), 200);
    });
    assert!(shop.heads.lock().unwrap().len() < 5000);
    common::eventually("no card is held", || {
        let said = site.ctl(&["service", "stop", "shop"]);
        (said.status == 0 && site.ctl(&["service", "shop"]).ok().contains("stopped")).then_some(())
    });
}
