//! The commands that need no running module, as a shell sees them.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const SERVICES: &str = r#"
[[service]]
name = "shop"
sid = ["www.sell.com", "*.sell.com", "mall.example/sell", "mall.example/sell/new"]
cards = ["1.1", "1.2"]
acl = [{ deny = ["203.0.113.0/24"] }, { allow = ["0.0.0.0/0"] }]

[[service]]
name = "safe"
sni = ["secure.sell.com"]
login = ["bob@sell.com", "@mall.example"]
mode = "reliability"
count = 2

[[card]]
position = "2.1"

[[card]]
position = "3.1"
address = "127.0.0.9"
"#;

fn run(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_server-module")).args(words).output().unwrap()
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("commands-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.0.join(name), text).unwrap();
        self.path(name)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn route(file: &str, words: &[&str]) -> (Option<i32>, serde_json::Value) {
    let output = run(&[&["route", "--config", file, "--json"], words].concat());
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[test]
fn init_writes_what_check_accepts_and_overwrites_nothing() {
    let folder = Folder::new("init");
    let file = folder.path("module.toml");
    assert!(run(&["init", "--out", &file]).status.success());
    let checked = run(&["check", "--config", &file]);
    assert!(checked.status.success(), "{}", said(&checked.stderr));
    assert!(said(&checked.stdout).contains("1.1   10.1.1.1  52:54:00:00:01:01"), "{}", said(&checked.stdout));
    std::fs::write(&file, "mine").unwrap();
    let again = run(&["init", "--out", &file]);
    assert_eq!(again.status.code(), Some(3));
    assert!(said(&again.stderr).contains("next: "));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn check_ends_with_0_2_or_3() {
    let folder = Folder::new("check");
    let good = folder.file("good.toml", SERVICES);
    let bad = folder.file("bad.toml", "[module]\nslots = 0\n");
    assert_eq!(run(&["check", "--config", &good]).status.code(), Some(0));
    let refused = run(&["check", "--config", &bad]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused.stderr).contains("bad.toml:2: module.slots: found 0"), "{}", said(&refused.stderr));
    assert!(refused.stdout.is_empty());
    let refused = run(&["check", "--config", &bad, "--json"]);
    assert_eq!(refused.status.code(), Some(2));
    let json: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!((json["ok"].as_bool(), json["problems"][0]["line"].as_u64()), (Some(false), Some(2)));
    let absent = folder.path("absent.toml");
    let refused = run(&["check", "--config", &absent]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(said(&refused.stderr).contains("server-module init --out"), "{}", said(&refused.stderr));
}

#[test]
fn check_shows_where_placement_puts_a_service() {
    let folder = Folder::new("effective");
    let file = folder.file("module.toml", SERVICES);
    let output = run(&["check", "--config", &file, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let cards = json["cards"].as_array().unwrap();
    let shown: Vec<_> =
        cards.iter().map(|c| (c["card"].as_str().unwrap(), c["address"].as_str().unwrap())).collect();
    assert_eq!(shown, [("1.1", "10.1.1.1"), ("1.2", "10.1.1.2"), ("2.1", "10.1.2.1"), ("3.1", "127.0.0.9")]);
    assert_eq!(cards[3]["services"][0], "safe");
}

#[test]
fn check_names_the_rules_that_do_nothing() {
    let folder = Folder::new("idle");
    let text = "[[service]]\nname = \"a\"\ncards = [\"1.1\"]\nsid = [\"www.sell.com\", \"*.sell.com\"]\n\
                [[service]]\nname = \"b\"\ncards = [\"1.2\"]\nsid = [\"b.sell.com\"]\n";
    let file = folder.file("module.toml", text);
    let shown = said(&run(&["check", "--config", &file]).stdout);
    assert!(shown.contains("www.sell.com") && shown.contains("*.sell.com (a)"), "{shown}");
    let output = run(&["check", "--config", &file, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let idle = json["idle_rules"].as_array().unwrap();
    assert_eq!(idle.len(), 1, "{idle:?}");
    assert_eq!(
        (idle[0]["rule"].as_str(), idle[0]["by"].as_str()),
        (Some("www.sell.com"), Some("*.sell.com"))
    );
}

#[test]
fn names_that_only_the_table_sees_alike_are_a_conflict_with_both_lines() {
    let folder = Folder::new("alike");
    let text = "[[service]]\nname = \"a\"\ncards = [\"1.1\"]\nsid = [\"WWW.Sell.com\"]\n[[service]]\nname = \"b\"\n\
                cards = [\"1.2\"]\nsid = [\"x.example\",\n  \"www.sell.com.\"]\n";
    let file = folder.file("module.toml", text);
    let refused = said(&run(&["check", "--config", &file]).stderr);
    assert!(refused.contains("module.toml:9: service[2].sid[2]"), "{refused}");
    assert!(refused.contains("module.toml:4: service[1].sid[1]"), "{refused}");
}

#[test]
fn route_tells_rule_service_and_card() {
    let folder = Folder::new("route");
    let file = folder.file("module.toml", SERVICES);
    let cases: [(&[&str], &str, &str, &str); 8] = [
        (&["--host", "www.sell.com"], "service[1].sid[1]", "shop", "1.1"),
        (&["--host", "WWW.SELL.COM.:8080"], "service[1].sid[1]", "shop", "1.1"),
        (&["--host", "a.b.sell.com"], "service[1].sid[2]", "shop", "1.1"),
        (&["--host", "mall.example", "--path", "/sell/cart?x=1"], "service[1].sid[3]", "shop", "1.1"),
        (&["--host", "mall.example", "--path", "/sell/new/x"], "service[1].sid[4]", "shop", "1.1"),
        (&["--sni", "secure.sell.com"], "service[2].sni[1]", "safe", "2.1"),
        (&["--ftp-user", "bob@sell.com"], "service[2].login[1]", "safe", "2.1"),
        (&["--pop3-user", "eve@mall.example"], "service[2].login[2]", "safe", "2.1"),
    ];
    for (words, rule, service, card) in cases {
        let (status, answer) = route(&file, words);
        assert_eq!(status, Some(0), "{words:?}: {answer}");
        assert_eq!(
            (&answer["rule"]["key"], &answer["service"], &answer["card"]),
            (&rule.into(), &service.into(), &card.into())
        );
        assert!(answer["tried"].as_array().unwrap().iter().any(|step| step["outcome"] == "chosen"));
    }
    let (_, answer) = route(&file, &["--sni", "secure.sell.com"]);
    assert!(answer["cards"][1]["why"].as_str().unwrap().starts_with("backup"), "{answer}");
    assert_eq!(answer["cards"][1]["address"], "127.0.0.9");
}

#[test]
fn route_says_no_with_the_reason() {
    let folder = Folder::new("no");
    let file = folder.file("module.toml", SERVICES);
    for words in [
        &["--host", "sell.com"][..],
        &["--host", "mall.example", "--path", "/sellout"],
        &["--sni", "www.sell.com"],
        &["--ftp-user", "alice@sell.com"],
    ] {
        let (status, answer) = route(&file, words);
        assert_eq!(status, Some(1), "{words:?}");
        assert!(answer["refused"].is_string() && answer["service"].is_null(), "{answer}");
    }
    let (status, answer) = route(&file, &["--host", "www.sell.com", "--client", "203.0.113.7"]);
    assert_eq!((status, &answer["allowed"]), (Some(1), &false.into()), "the first match decides");
    let (status, _) = route(&file, &["--host", "www.sell.com", "--client", "2001:db8::1"]);
    assert_eq!(status, Some(1), "deny where no rule matches");
    for words in
        [&["--host", "a b"][..], &["--host", "x", "--path", "y"], &["--host", "x", "--sni", "y"], &[]]
    {
        assert_eq!(route(&file, words).0, Some(2), "{words:?}");
    }
}

#[test]
fn a_hashed_password_makes_an_entry_that_check_accepts() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_server-module"))
        .args(["user", "ops", "--role", "technician"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let entry = said(&output.stdout);
    assert!(entry.contains("role = \"technician\"") && !entry.contains("correct"), "{entry}");
    let folder = Folder::new("user");
    let file = folder.file("module.toml", &format!("[admin]\nusers = [{}]\n", entry.trim()));
    assert!(run(&["check", "--config", &file]).status.success());
}

#[test]
fn every_command_has_help_with_examples_and_the_shells_complete_them() {
    for command in ["check", "init", "route", "ctl", "user", "completions"] {
        let help = said(&run(&[command, "--help"]).stdout);
        assert!(
            help.contains("Examples:") && help.contains(&format!("server-module {command}")),
            "{command}: {help}"
        );
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = said(&run(&["completions", shell]).stdout);
        assert!(script.contains("server-module") && script.contains("check"), "{shell}");
    }
    assert_eq!(run(&["nonsense"]).status.code(), Some(2));
}
