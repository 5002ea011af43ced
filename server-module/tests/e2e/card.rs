//! The card program on a machine of its own, and what the cabinet knows by it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::{self, BINARY, Demo, Said};
use crate::run::plain_card;

/// A process of this test, ended when dropped.
struct Process(Child);

impl Process {
    fn start(command: &mut Command, log: &Path) -> Process {
        let log = std::fs::File::create(log).unwrap();
        Process(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        common::signal(&self.0, "TERM");
        if common::wait(&mut self.0, Duration::from_secs(5)).is_none() {
            self.0.kill().ok();
            self.0.wait().ok();
        }
    }
}

#[test]
fn a_placed_card_loads_its_files_introduces_itself_and_obeys() {
    let (base, dir) = (common::base_port(), tempfile::tempdir().unwrap());
    let customers = plain_card("a plain server", "127.1.3.7:0");
    let config = dir.path().join("module.toml");
    let text = format!(
        r#"
[module]
name = "plain"
chassis = 20
slots = 14
state = "{state}"
[network]
internal = "127.1.0.0/16"
address = "127.0.0.1"
[listen]
http = ["127.0.0.1:{base}"]
tftp = ["127.0.0.1:{tftp}"]
traps = ["127.0.0.1:{traps}"]
[snmp]
card_port = {agent}
[[service]]
name = "shop-1"
sid = ["www.sell.com"]
port = {port}
cards = ["3.7"]
"#,
        state = dir.path().join("state").display(),
        tftp = base + 6,
        traps = base + 10,
        agent = base + 21,
        port = customers.port(),
    );
    std::fs::write(&config, text).unwrap();
    let module =
        Process::start(Command::new(BINARY).args(["run", "--config"]).arg(&config), &dir.path().join("log"));
    let ctl = |arguments: &[&str]| -> Said {
        let mut command = Command::new(BINARY);
        command.arg("ctl").args(arguments).env("SERVER_MODULE_SOCKET", dir.path().join("state/ctl.sock"));
        common::finish(command)
    };
    let card_json = || serde_json::from_str::<serde_json::Value>(&ctl(&["card", "3.7", "--json"]).out).ok();
    common::eventually("the card serves without any program", || {
        card_json().filter(|card| card["state"] == "running").map(drop)
    });

    let root = dir.path().join("card");
    let flag = dir.path().join("serving");
    let service =
        format!("trap 'rm {0}; exit' TERM; touch {0}; while :; do sleep 0.05; done", flag.display());
    let mut command = Command::new(BINARY);
    command
        .args(["card", "--admin", "127.0.0.1", "--position", "3.7", "--address", "127.1.3.7", "--root"])
        .arg(&root);
    command.args(["--tftp-port", &(base + 6).to_string(), "--agent-port", &(base + 21).to_string()]);
    command.args(["--", "sh", "-c", &service]);
    let card = Process::start(&mut command, &dir.path().join("card.log"));
    common::eventually("its program is known", || {
        card_json().filter(|card| card["uptime"].is_number()).map(drop)
    });
    assert!(std::fs::read_to_string(root.join("Hosts")).unwrap().contains("127.1.3.7"));
    let secret = std::fs::metadata(root.join("Snmpconf")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&secret.permissions()) & 0o777, 0o600);
    common::eventually("its service runs", || flag.exists().then_some(()));

    ctl(&["card", "stop", "3.7"]).ok();
    common::eventually("its service is stopped", || (!flag.exists()).then_some(()));
    ctl(&["card", "start", "3.7"]).ok();
    common::eventually("its service runs again", || flag.exists().then_some(()));

    drop(card);
    common::eventually("its service ended with it", || (!flag.exists()).then_some(()));
    drop(module);
}

#[test]
fn the_agent_of_a_card_answers_its_cabinet_alone() {
    if !common::has(&["snmpget"]) {
        return;
    }
    let demo = Demo::start(2);
    let agent = format!("127.1.1.1:{}", demo.base + 21);
    for community in ["public", "private"] {
        let said =
            common::run("snmpget", &["-v2c", "-t1", "-r0", "-c", community, &agent, "1.3.6.1.2.1.1.5.0"]);
        assert_ne!(said.status, 0, "{said:?}");
    }
}

#[test]
fn a_failed_card_is_replaced_by_the_others_and_comes_back() {
    let demo = Demo::start(6);
    // www.sell.com has two cards, news.example an active one and a backup.
    demo.ctl(&["card", "1.1", "fail"]).ok();
    demo.ctl(&["card", "1.5", "fail"]).ok();
    for _ in 0..4 {
        assert_eq!(demo.card_for("www.sell.com"), "1.2");
        assert_eq!(demo.card_for("news.example"), "1.6");
    }
    assert!(demo.ctl(&["cards"]).ok().contains("failed"));
    demo.ctl(&["card", "1.1", "start"]).ok();
    demo.ctl(&["card", "1.5", "start"]).ok();
    common::eventually("1.1 serves again", || (demo.card_for("www.sell.com") == "1.1").then_some(()));
    common::eventually("1.5 serves again", || (demo.card_for("news.example") == "1.5").then_some(()));
}
