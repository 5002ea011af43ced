//! TLS, FTP and POP3 through the cabinet's doors: one table, the login or the name chooses.

use crate::common::{self, Demo, run};

const USER: &str = "amy@sell.com:demo";

/// What curl prints; it must succeed.
fn curl(arguments: &[&str]) -> String {
    run("curl", &[&["-sS", "-k", "-m", "20"], arguments].concat()).ok()
}

#[test]
fn https_is_ended_under_the_module_s_certificate_and_served_as_http() {
    if !common::has(&["curl", "openssl"]) {
        return;
    }
    let demo = Demo::start(2);
    let port = demo.socket("https").port();
    let resolve = format!("www.sell.com:{port}:127.0.0.1");
    let page = curl(&[
        "--resolve",
        &resolve,
        &format!("https://www.sell.com:{port}/"),
        &format!("https://www.sell.com:{port}/x"),
    ]);
    assert!(page.contains("card 1.1") && page.contains("card 1.2"), "{page}");
    // What is no hello gets an alert, not an answer.
    let alert = common::output(std::process::Command::new("curl").args([
        "-sS",
        "-m",
        "5",
        &format!("http://127.0.0.1:{port}/"),
    ]));
    assert!(!alert.unwrap().status.success());
}

#[test]
fn ftp_by_login_with_every_kind_of_data_connection() {
    if !common::has(&["curl"]) {
        return;
    }
    let demo = Demo::start(2);
    let ftp = format!("ftp://{}", demo.at("ftp"));
    let file = format!("{ftp}/hello.txt");
    for how in [&[][..], &["--disable-epsv"], &["-P", "-"], &["-P", "-", "--disable-eprt"], &["--ssl-reqd"]] {
        let text = curl(&[how, &["-u", USER, &file]].concat());
        assert!(text.starts_with("Hello from card 1."), "{how:?}: {text}");
        let list = curl(&[how, &["-u", USER, &format!("{ftp}/")]].concat());
        assert!(list.contains("hello.txt"), "{how:?}: {list}");
    }
    // Up and down again on one connection, through TLS.
    let content: Vec<u8> = (0..1_000_000u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let (up, down) = (demo.dir.path().join("up"), demo.dir.path().join("down"));
    std::fs::write(&up, &content).unwrap();
    let (up, down) = (up.to_str().unwrap(), down.to_str().unwrap());
    let there = format!("{ftp}/stored");
    run(
        "curl",
        &[
            "-sSk",
            "--ssl-reqd",
            "-m",
            "20",
            "-u",
            USER,
            "-T",
            up,
            &there,
            "--next",
            "-sSk",
            "--ssl-reqd",
            "-u",
            USER,
            "-o",
            down,
            &there,
        ],
    )
    .ok();
    let got = std::fs::read(down).unwrap();
    assert!(got == content, "{} bytes came back of {}", got.len(), content.len());
}

#[test]
fn pop3_by_login_in_the_clear_and_after_stls() {
    if !common::has(&["curl", "openssl"]) {
        return;
    }
    let demo = Demo::start(2);
    let message = format!("pop3://{}/1", demo.at("pop3"));
    for how in [&[][..], &["--ssl-reqd"], &["--login-options", "AUTH=LOGIN"]] {
        let text = curl(&[how, &["-u", USER, &message]].concat());
        assert!(text.contains("Subject: Hello from card 1."), "{how:?}: {text}");
    }
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["s_client", "-starttls", "pop3", "-connect", demo.at("pop3"), "-brief"]);
    let said = common::finish(openssl);
    assert!(said.err.contains("Protocol version: TLSv1.3"), "{said:?}");
}

#[test]
fn sessions_are_counted_to_the_byte() {
    if !common::has(&["curl"]) {
        return;
    }
    let demo = Demo::start(2);
    let metrics = || run("curl", &["-sS", "-m", "10", demo.at("metrics")]).ok();
    let sum = |page: &str, name: &str| -> f64 {
        let ours = page.lines().filter(|line| line.starts_with(name) && line.contains("shop-1"));
        ours.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    let content = vec![b'x'; 123_456];
    let file = demo.dir.path().join("file");
    std::fs::write(&file, &content).unwrap();
    let there = format!("ftp://{}/stored", demo.at("ftp"));
    curl(&["-u", USER, "-T", file.to_str().unwrap(), &there]);
    let page = common::eventually("the session is counted", || {
        Some(metrics()).filter(|page| sum(page, "server_module_requests_total") > 0.0)
    });
    assert_eq!(sum(&page, "server_module_requests_total"), 1.0);
    assert!(page.lines().any(|line| line.contains("code=\"none\"} 1")), "{page}");
    // The file, and the commands that passed to the card beside it.
    let bytes = sum(&page, "server_module_request_bytes_total");
    assert!((123_456.0..123_456.0 + 200.0).contains(&bytes), "{bytes}");
    // Nobody is there any more: stopped means stopped at once.
    demo.ctl(&["service", "stop", "shop-1"]).ok();
    let shown = std::time::Instant::now();
    common::eventually("shop-1 stopped", || {
        demo.ctl(&["service", "shop-1"]).ok().contains("stopped").then_some(())
    });
    assert!(shown.elapsed() < std::time::Duration::from_secs(5), "after {:?}", shown.elapsed());
}

#[test]
fn wrong_and_unknown_logins_are_refused_alike_and_show_no_inside_address() {
    if !common::has(&["curl"]) {
        return;
    }
    let demo = Demo::start(2);
    for scheme in ["ftp", "pop3"] {
        let url = format!("{scheme}://{}/1", demo.at(scheme));
        let said = run("curl", &["-sSv", "-m", "20", "-u", "amy@sell.com:wrong", &url]);
        assert_eq!(said.status, 67, "{said:?}");
        assert!(!said.err.contains("127.1."), "{said:?}");
    }
}
