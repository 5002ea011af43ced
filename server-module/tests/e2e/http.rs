//! Customers: by name through the proxy.

use crate::common::{self, Demo};

#[test]
fn two_requests_alternate_between_the_two_cards() {
    let demo = Demo::start(24);
    let served: Vec<String> = (0..6).map(|_| demo.card_for("www.sell.com")).collect();
    assert!(served[0] == "1.1" || served[0] == "1.2", "{served:?}");
    for pair in served.windows(2) {
        assert_ne!(pair[0], pair[1], "{served:?}");
    }
}

#[test]
fn an_unknown_host_is_404_and_two_different_hosts_are_400() {
    let demo = Demo::start(2);
    assert_eq!(demo.get("nobody.example", "/").status, 404);
    let http = demo.socket("http");
    let two = "GET / HTTP/1.1\r\nHost: www.sell.com\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(common::raw(http, two).unwrap().status, 400);
    let none = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert_eq!(common::raw(http, none).unwrap().status, 400);
}

#[test]
fn no_inside_address_shows_in_an_answer_s_head() {
    let demo = Demo::start(2);
    for (host, path) in [("www.sell.com", "/"), ("www.sell.com", "/health"), ("nobody.example", "/")] {
        let answer = demo.get(host, path);
        assert!(!answer.head.contains("127.1."), "{answer:?}");
    }
}

#[test]
fn curl_by_host_header() {
    if !common::has(&["curl"]) {
        return;
    }
    let demo = Demo::start(2);
    let url = format!("http://{}/", demo.at("http"));
    let status = |host: &[&str]| {
        let mut arguments = vec!["-s", "-o", "/dev/null", "-w", "%{http_code}"];
        arguments.extend(host);
        arguments.push(&url);
        common::run("curl", &arguments).ok()
    };
    assert_eq!(status(&["-H", "Host: www.sell.com"]), "200");
    assert_eq!(status(&["-H", "Host: nobody.example"]), "404");
    let body = common::run("curl", &["-s", "-H", "Host: www.sell.com", &url]).ok();
    assert!(body.contains("card 1.1") || body.contains("card 1.2"), "{body}");
}

#[test]
fn an_upload_arrives_whole_in_either_framing() {
    if !common::has(&["curl"]) {
        return;
    }
    let demo = Demo::start(2);
    let url = format!("http://{}/echo", demo.at("http"));
    let file = demo.dir.path().join("upload");
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
    std::fs::write(&file, &content).unwrap();
    let data = format!("@{}", file.display());
    for framing in ["Content-Type: application/octet-stream", "Transfer-Encoding: chunked"] {
        let back = demo.dir.path().join("back");
        let back_name = back.to_str().unwrap();
        let arguments =
            ["-s", "-H", "Host: www.sell.com", "-H", framing, "--data-binary", &data, "-o", back_name, &url];
        common::run("curl", &arguments).ok();
        assert!(std::fs::read(&back).unwrap() == content, "{framing}");
    }
}
