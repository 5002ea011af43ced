//! Real servers as cards and real programs as customers, the module between them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{self, run};
use crate::site::{Beside, Site};

const CONFIG: &str = r#"
[listen]
http = ["127.0.0.1:BASE"]
https = ["127.0.0.1:BASE+1"]
ftp = ["127.0.0.1:BASE+2"]
pop3 = ["127.0.0.1:BASE+3"]

[[card]]
position = "1.1"
address = "127.0.0.1"

[[card]]
position = "1.2"
address = "127.0.0.2"

[[service]]
name = "shop"
sid = ["www.sell.com"]
login = ["*"]
port = BASE+20
ftp_port = BASE+21
pop3_port = BASE+22
cards = ["1.1", "1.2"]
health = { every = "100ms", fall = 1, rise = 1 }
"#;

/// nginx on the cards, each an address and a process of its own.
fn nginx(site: &Site, card: u8) -> Beside {
    let dir = site.dir.path().join(format!("nginx-{card}"));
    fs::create_dir(&dir).unwrap();
    let text = format!(
        "daemon off; master_process off; pid {dir}/pid; error_log {dir}/log;\nevents {{ worker_connections 512; }}\n\
         http {{ access_log off; keepalive_requests 1000000; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;\n\
         fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\n\
         server {{ listen 127.0.0.{card}:{}; default_type text/html; location / {{ return 200 '<p>card {card}</p>'; }} }} }}\n",
        site.base + 20,
        dir = dir.display()
    );
    fs::write(dir.join("conf"), text).unwrap();
    Beside::start(common::tool("nginx").args(["-p", dir.to_str().unwrap(), "-e", "stderr", "-c", "conf"]))
}

/// A site with nginx on both cards, both serving.
fn site() -> (Site, Beside, Beside) {
    let site = Site::start(CONFIG);
    let (one, two) = (nginx(&site, 1), nginx(&site, 2));
    for card in ["card 1", "card 2"] {
        common::eventually(card, || {
            common::get(site.http(), "www.sell.com", "/").ok()?.body.contains(card).then_some(())
        });
    }
    (site, one, two)
}

/// Runs wrk for some seconds while something happens, and expects that no request was lost.
fn under_load(site: &Site, seconds: u32, happens: impl FnOnce()) {
    let mut wrk = common::tool("wrk");
    wrk.args(["-t1", "-c16", "--timeout", "10s", &format!("-d{seconds}s"), "-H", "Host: www.sell.com"]);
    let wrk = wrk.arg(format!("http://{}/", site.http())).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = wrk.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    happens();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let total = said.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse::<u64>().ok());
    assert!(total.is_some_and(|total| total > 500), "{said}");
    assert!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "{said}");
}

#[test]
fn reloads_under_wrk_lose_no_request() {
    if !common::has(&["nginx", "wrk"]) {
        return;
    }
    let (site, _one, _two) = site();
    under_load(&site, 3, || {
        for number in 0..10 {
            let more = format!("sid = [\"www.sell.com\", \"n{number}.sell.com\"]");
            site.reload(&CONFIG.replace("sid = [\"www.sell.com\"]", &more));
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    assert_eq!(common::get(site.http(), "n9.sell.com", "/").unwrap().status, 200);
    assert_eq!(common::get(site.http(), "n8.sell.com", "/").unwrap().status, 404);
}

#[test]
fn a_card_killed_and_one_drained_under_wrk_lose_no_request() {
    if !common::has(&["nginx", "wrk"]) {
        return;
    }
    let (site, one, _two) = site();
    let mut killed = None;
    under_load(&site, 4, || {
        drop(one);
        std::thread::sleep(Duration::from_millis(700));
        fs::rename(site.dir.path().join("nginx-1"), site.dir.path().join("old")).unwrap();
        killed = Some(nginx(&site, 1));
        common::eventually("the first card again", || {
            common::get(site.http(), "www.sell.com", "/").ok()?.body.contains("card 1").then_some(())
        });
        site.ctl(&["card", "stop", "1.2"]).ok();
        common::eventually("the second card is off", || {
            site.ctl(&["cards"])
                .ok()
                .lines()
                .find(|line| line.contains("1.2") && line.contains("off"))
                .map(drop)
        });
    });
}

#[test]
fn lftp_and_vsftpd_active_and_passive() {
    if !common::has(&["root", "lftp", "vsftpd"]) {
        return;
    }
    let site = Site::start(CONFIG);
    let dir = site.dir.path();
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    let (root, empty) = (dir.join("ftp"), dir.join("empty"));
    fs::create_dir(&root).unwrap();
    fs::create_dir(&empty).unwrap();
    fs::create_dir(root.join("in")).unwrap();
    fs::set_permissions(root.join("in"), fs::Permissions::from_mode(0o777)).unwrap();
    let content: Vec<u8> = (0..700_000u32).map(|n| u8::try_from(n % 241).unwrap()).collect();
    fs::write(root.join("file"), &content).unwrap();
    let conf = format!(
        "listen=YES\nlisten_port={}\nlisten_address=127.0.0.1\nbackground=NO\nanonymous_enable=YES\nanon_root={}\n\
         no_anon_password=NO\nwrite_enable=YES\nanon_upload_enable=YES\nanon_umask=022\nsecure_chroot_dir={}\n\
         seccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\nconnect_from_port_20=NO\n",
        site.base + 21,
        root.display(),
        empty.display()
    );
    let file = dir.join("vsftpd.conf");
    fs::write(&file, conf).unwrap();
    let _nginx = nginx(&site, 1);
    let _vsftpd = Beside::start(common::tool("vsftpd").arg(&file));
    site.serves("www.sell.com");
    common::eventually("vsftpd is there", || std::net::TcpStream::connect(site.at(21)).ok());
    for (number, passive) in ["on", "off"].into_iter().enumerate() {
        let got = dir.join(format!("got-{number}"));
        let script = format!(
            "set ftp:ssl-allow no; set net:timeout 10; set net:max-retries 1; set ftp:passive-mode {passive}; \
             set ftp:port-range 20000-65000; open -u ftp,a@b ftp://127.0.0.1:{}; cls -1; get file -o {}; \
             cd in; put {} -o up-{number}; quit",
            site.base + 2,
            got.display(),
            root.join("file").display()
        );
        let said = run("lftp", &["-c", &script]);
        assert!(said.status == 0 && said.out.contains("file"), "passive {passive}: {said:?}");
        assert!(fs::read(&got).unwrap() == content, "passive {passive}: not what vsftpd has");
        assert!(fs::read(root.join(format!("in/up-{number}"))).unwrap() == content, "passive {passive}: up");
    }
}

#[test]
fn curl_pop3_and_dovecot() {
    if !common::has(&["root", "curl", "dovecot"]) {
        return;
    }
    let site = Site::start(CONFIG);
    let dir = site.dir.path();
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    let mail = dir.join("mail/amy@sell.com/new");
    fs::create_dir_all(&mail).unwrap();
    fs::write(mail.join("1.a.b"), "Subject: through the cabinet\n\nHello.\n").unwrap();
    let own = ["-R", "mail:mail", dir.join("mail").to_str().unwrap()].map(str::to_owned);
    run("chown", &own).ok();
    let conf = format!(
        "protocols = pop3\nbase_dir = {dir}/run\nstate_dir = {dir}/state-d\nlog_path = {dir}/dovecot.log\nssl = no\n\
         listen = 127.0.0.1\ndisable_plaintext_auth = no\nfirst_valid_uid = 1\nmail_location = maildir:{dir}/mail/%u\n\
         auth_username_chars =\nservice pop3-login {{\n inet_listener pop3 {{\n  port = {port}\n }}\n inet_listener pop3s {{\n  port = 0\n }}\n}}\n\
         passdb {{\n driver = static\n args = password=secret\n}}\n\
         userdb {{\n driver = static\n args = uid=mail gid=mail home={dir}/mail/%u\n}}\n",
        dir = dir.display(),
        port = site.base + 22
    );
    let file = dir.join("dovecot.conf");
    fs::write(&file, conf).unwrap();
    let _nginx = nginx(&site, 1);
    let mut command = common::tool("dovecot");
    let dovecot = Ended(Beside::start(command.args(["-F", "-c"]).arg(&file)));
    site.serves("www.sell.com");
    common::eventually("dovecot is there", || std::net::TcpStream::connect(site.at(22)).ok());
    let url = format!("pop3://127.0.0.1:{}/", site.base + 3);
    let curl = |user: &str, more: &str, how: &[&str]| {
        let url = format!("{url}{more}");
        run("curl", &[&["-sS", "-k", "-m", "20", "-u", user], how, &[&url]].concat())
    };
    for how in [&[][..], &["--ssl-reqd"], &["--login-options", "AUTH=PLAIN"]] {
        let said = curl("amy@sell.com:secret", "1", how);
        assert!(said.out.contains("Subject: through the cabinet"), "{how:?}: {said:?}");
    }
    assert!(curl("amy@sell.com:secret", "", &[]).ok().starts_with("1 "));
    assert_eq!(curl("amy@sell.com:wrong", "1", &[]).status, 67);
    drop(dovecot);
}

/// A program that ends its own children when it is told to end.
struct Ended(Beside);

impl Drop for Ended {
    fn drop(&mut self) {
        common::signal(&self.0.0, "TERM");
        common::wait(&mut self.0.0, Duration::from_secs(5));
    }
}

#[test]
fn a_browser_reads_a_page() {
    // Too large to be fetched for one test: it runs where there is one.
    if common::output(Command::new("chromium").arg("--version")).is_none() {
        println!("skipped: needs chromium");
        return;
    }
    if !common::has(&["nginx"]) {
        return;
    }
    let (site, _one, _two) = site();
    let profile = site.dir.path().join("profile");
    let map = format!("MAP www.sell.com:443 127.0.0.1:{}", site.base + 1);
    let mut chromium = common::tool("chromium");
    chromium.args("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --ignore-certificate-errors --dump-dom".split(' '));
    chromium
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--host-resolver-rules={map}"));
    chromium.arg("https://www.sell.com/");
    let page = common::finish(chromium).out;
    assert!(page.contains("<p>card "), "{page}");
}
