//! `server-module run` from a configuration file, on a wire with broadcasts, under signals.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::{self, BINARY, Demo};

/// Two hosts and a cable between them; gone when dropped.
struct Lab {
    server: String,
    client: String,
}

impl Lab {
    fn new() -> Lab {
        let tag = std::process::id();
        let lab = Lab { server: format!("sms{tag}"), client: format!("smc{tag}") };
        let (server, client) = (lab.server.as_str(), lab.client.as_str());
        lab.ip(&["netns", "add", server]);
        lab.ip(&["netns", "add", client]);
        lab.ip(&[
            "link", "add", "s0", "netns", server, "type", "veth", "peer", "name", "c0", "netns", client,
        ]);
        lab.ip(&["-n", server, "addr", "add", "10.1.0.1/16", "dev", "s0"]);
        lab.ip(&["-n", server, "link", "set", "s0", "up"]);
        lab.ip(&["-n", server, "link", "set", "lo", "up"]);
        lab.ip(&["-n", client, "link", "set", "c0", "address", "52:54:00:00:02:01"]);
        lab.ip(&["-n", client, "link", "set", "c0", "up"]);
        lab
    }

    fn ip(&self, arguments: &[&str]) -> String {
        common::run("ip", arguments).ok()
    }

    fn inside(&self, host: &str, program: &str) -> Command {
        let mut command = common::tool("ip");
        command.args(["netns", "exec", host, program]);
        command
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for host in [&self.server, &self.client] {
            common::run("ip", &["netns", "del", host]);
        }
    }
}

/// A running `server-module run`, ended with SIGTERM and expected to end well.
struct Run(Child);

impl Run {
    fn start(mut command: Command, log: &Path) -> Run {
        let log = std::fs::File::create(log).unwrap();
        Run(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        common::signal(&self.0, "TERM");
        let status = common::wait(&mut self.0, Duration::from_secs(10));
        if status.is_none() {
            self.0.kill().ok();
            self.0.wait().ok();
        }
        if !std::thread::panicking() {
            assert_eq!(status, Some(0), "SIGTERM ends it cleanly");
        }
    }
}

#[test]
fn udhcpc_gets_the_address_of_its_position() {
    if !common::has(&["root", "ip", "udhcpc", "curl"]) {
        return;
    }
    let (lab, dir) = (Lab::new(), tempfile::tempdir().unwrap());
    let config = dir.path().join("module.toml");
    let text = format!(
        r#"
[module]
name = "lab"
chassis = 20
slots = 14
state = "{state}"

[network]
internal = "10.1.0.0/16"
address = "10.1.0.1"

[listen]
dhcp = "s0"
tftp = ["10.1.0.1:69"]

[[card]]
position = "2.1"
mac = "52:54:00:00:02:01"

[[service]]
name = "shop-1"
sid = ["www.sell.com"]
cards = ["2.1"]
"#,
        state = dir.path().join("state").display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = lab.inside(&lab.server, BINARY);
    command.args(["run", "--config"]).arg(&config);
    let log = dir.path().join("log");
    let module = Run::start(command, &log);

    let script = dir.path().join("script");
    std::fs::write(&script, "#!/bin/sh\necho \"$1 $ip $subnet $serverid\"\n").unwrap();
    common::run("chmod", &["755", script.to_str().unwrap()]).ok();
    let mut udhcpc = lab.inside(&lab.client, "udhcpc");
    udhcpc.args(["-i", "c0", "-n", "-q", "-f", "-t", "10", "-T", "1", "-s"]).arg(&script);
    let said = common::finish(udhcpc);
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(said.out.contains("bound 10.1.2.1 255.255.0.0 10.1.0.1"), "{said:?}\nthe module said:\n{log}");

    // With its address the card reads its files.
    lab.ip(&["-n", &lab.client, "addr", "add", "10.1.2.1/16", "dev", "c0"]);
    let mut curl = lab.inside(&lab.client, "curl");
    curl.args(["-s", "-S", "--max-time", "10", "tftp://10.1.0.1/iboot/2.1/hosts"]);
    let hosts = common::finish(curl).ok();
    assert!(hosts.contains("10.1.2.1"), "{hosts}");
    drop(module);
}

/// Any machine is a card: a web server that knows nothing of cabinets.
pub fn plain_card(name: &'static str, at: &str) -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind(at).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = [0; 4096];
            if stream.read(&mut request).is_ok_and(|count| count > 0) {
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", name.len());
                stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(name.as_bytes())).ok();
            }
        }
    });
    address
}

#[test]
fn a_reload_is_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let base = common::base_port();
    let http: std::net::SocketAddr = format!("127.0.0.1:{base}").parse().unwrap();
    let config = dir.path().join("module.toml");
    let (old, new) = (plain_card("old", "127.0.0.1:0"), plain_card("new", "127.0.0.1:0"));
    let text = |card: std::net::SocketAddr, more: &str| {
        format!(
            r#"
[module]
name = "plain"
chassis = 1
slots = 14
state = "{state}"
[network]
internal = "10.1.0.0/16"
address = "127.0.0.1"
[listen]
http = ["{http}"]
[[card]]
position = "1.1"
address = "127.0.0.1"
[[service]]
name = "shop-1"
sid = ["www.sell.com"]
port = {port}
cards = ["1.1"]
{more}
"#,
            state = dir.path().join("state").display(),
            port = card.port(),
        )
    };
    std::fs::write(&config, text(old, "")).unwrap();
    let mut command = Command::new(BINARY);
    command.args(["run", "--config"]).arg(&config);
    let log = dir.path().join("log");
    let module = Run::start(command, &log);
    let body =
        |host: &str| common::get(http, host, "/").ok().filter(|answer| answer.status == 200).map(|a| a.body);
    common::eventually("the old card serves", || body("www.sell.com").filter(|body| body == "old"));

    std::fs::write(&config, text(new, "cards = [\"9.9\"]\nnonsense = true")).unwrap();
    common::signal(&module.0, "HUP");
    common::eventually("the refusal in the log", || {
        std::fs::read_to_string(&log).unwrap().contains("module.toml").then_some(())
    });
    assert_eq!(body("www.sell.com").as_deref(), Some("old"), "a bad file changes nothing");

    let more = format!(
        "[[service]]\nname = \"shop-2\"\nsid = [\"two.example\"]\nport = {}\ncards = [\"1.1\"]",
        old.port()
    );
    std::fs::write(&config, text(new, &more)).unwrap();
    common::signal(&module.0, "HUP");
    common::eventually("the new card serves", || body("www.sell.com").filter(|body| body == "new"));
    common::eventually("the new service serves", || body("two.example").filter(|body| body == "old"));
}

#[test]
fn what_was_commanded_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("module.toml");
    let state = dir.path().join("state");
    let text = format!(
        "[module]\nname = \"plain\"\nstate = \"{}\"\n[[card]]\nposition = \"1.1\"\n[[card]]\nposition = \"1.2\"\n",
        state.display()
    );
    std::fs::write(&config, text).unwrap();
    let start = || {
        let mut command = Command::new(BINARY);
        command.args(["run", "--config"]).arg(&config);
        let module = Run::start(command, &dir.path().join("log"));
        common::eventually("the socket", || ctl(&state, &["status"]));
        module
    };
    let stopped = |card: &str| {
        let cards: serde_json::Value =
            serde_json::from_str(&ctl(&state, &["card", card, "--json"]).unwrap()).unwrap();
        cards["stopped"].as_bool().unwrap()
    };
    let module = start();
    assert_eq!((stopped("1.1"), stopped("1.2")), (false, false));
    ctl(&state, &["card", "1.1", "stop"]).unwrap();
    ctl(&state, &["card", "1.2", "stop"]).unwrap();
    ctl(&state, &["card", "1.2", "start"]).unwrap();
    // What was answered is on disk: no word of farewell is needed.
    common::signal(&module.0, "KILL");
    let mut module = std::mem::ManuallyDrop::new(module);
    module.0.wait().unwrap();
    let _module = start();
    assert_eq!((stopped("1.1"), stopped("1.2")), (true, false));
}

/// What `ctl` answers, if it does.
fn ctl(state: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(BINARY);
    command.arg("ctl").arg("--socket").arg(state.join("ctl.sock")).args(arguments);
    let said = common::finish(command);
    (said.status == 0).then_some(said.out)
}

#[test]
fn the_demo_s_own_configuration_passes_the_check() {
    let demo = Demo::start(8);
    let config = demo.at("config");
    let table = common::run(BINARY, &["check", "--config", config]).ok();
    assert!(table.contains("www.sell.com"), "{table}");
    let route =
        common::run(BINARY, &["route", "--config", config, "--host", "www.sell.com", "--path", "/"]).ok();
    assert!(route.contains("shop-1"), "{route}");
}
