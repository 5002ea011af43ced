//! The configuration: what is taken, what is refused, and what a refusal says.
#![allow(clippy::unwrap_used, missing_docs)]

use server_module::cabinet::{Acl, Balance, Cidr, Mac, Position, Prefix, Sid, Span, Var};
use server_module::config::{Config, DhcpListen, LoadError, Problem, Range, Store};
use std::path::Path;
use std::time::Duration;

/// The example of the design, whole.
const WHOLE: &str = include_str!("whole.toml");

fn problems(text: &str) -> Vec<Problem> {
    Config::parse(text, Some(Path::new("module.toml"))).expect_err("it must be refused").0
}

fn only(text: &str) -> Problem {
    let problems = problems(text);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.into_iter().next().unwrap()
}

#[test]
fn every_key_of_the_design_is_taken() {
    let directory = std::env::temp_dir().join(format!("whole-{}", std::process::id()));
    std::fs::create_dir_all(directory.join("boot")).unwrap();
    for name in ["tls.pem", "tls.key"] {
        std::fs::write(directory.join(name), "").unwrap();
    }
    std::fs::write(directory.join("hosts.txt"), "# more\nwww.more.example\n\n  more.example/x # one\n")
        .unwrap();
    std::fs::create_dir_all(directory.join("templates")).unwrap();
    std::fs::copy("/bin/sh", directory.join("limits.sh")).unwrap();
    std::fs::write(directory.join("module.toml"), WHOLE).unwrap();
    let config = Config::load(&directory.join("module.toml")).unwrap_or_else(|error| panic!("{error}"));
    std::fs::remove_dir_all(&directory).unwrap();

    assert_eq!(config.module.store, Store::Embedded);
    assert_eq!(config.module.state, directory.join("state"), "paths are relative to the file");
    assert_eq!(config.network.local_clients[0].to_string(), "192.0.2.0/24");
    assert_eq!(config.listen.dhcp, Some(DhcpListen::Interface("eth1".into())));
    assert_eq!(config.dhcp.lease, Span(Duration::from_secs(3600)));
    assert_eq!(config.dhcp.pool.unwrap().to_string(), "10.1.200.1-10.1.209.254");
    assert_eq!(config.snmp.enterprise.to_string(), "1.3.6.1.4.1.32473");
    let card = &config.cards[0];
    assert_eq!((card.position, card.mac), (Position::new(2, 1), Some(Mac([0x52, 0x54, 0, 0, 2, 1]))));
    let service = &config.services[0];
    assert_eq!((service.prefix, service.balance), (Prefix::Keep, Balance::LeastConnections));
    assert_eq!(service.sid.len(), 5, "the file's names are added");
    assert_eq!(service.acl, [Acl::Allow(vec!["0.0.0.0/0".parse().unwrap()])]);
    assert_eq!((service.users[0].id, service.quota.unwrap().0), (2001, 20 << 30));
    assert_eq!(service.vars["workers"], Var::Number(4));
    let generator = &config.files.generators[0];
    assert_eq!((&generator.program, generator.timeout), (&directory.join("limits.sh"), Span::seconds(2)));
    let definition = config.definition();
    assert_eq!(definition.cards[0].address.to_string(), "127.0.0.1");
    assert_eq!(definition.cards[1].address.to_string(), "10.1.2.2", "a position that only a service names");
}

#[test]
fn nothing_at_all_is_a_configuration() {
    let config = Config::parse("", None).unwrap();
    assert_eq!((config.module.chassis, config.module.slots), (20, 14));
    assert!(
        config.listen.http.is_empty() && config.listen.dhcp.is_none(),
        "a missing key turns the interface off"
    );
}

#[test]
fn what_init_writes_is_accepted() {
    Config::parse(server_module::cli::init::TEMPLATE, None).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn an_unknown_key_is_an_error_with_its_line() {
    let problem = only("[module]\nname = \"a\"\nchasis = 3\n");
    assert_eq!(problem.line, Some(3));
    assert!(problem.message.contains("unknown field `chasis`") && problem.message.contains("`chassis`"));
    assert!(problem.next.is_some());
    for table in ["network", "listen", "dhcp", "tftp", "admin", "tls", "snmp"] {
        assert!(only(&format!("[{table}]\nnonsense = 1\n")).message.contains("nonsense"), "{table}");
    }
    assert_eq!(only("[[card]]\nposition = \"1.1\"\nmca = \"x\"\n").line, Some(3));
    assert_eq!(only("[[service]]\nname = \"a\"\nsids = []\n").line, Some(3));
}

#[test]
fn a_value_of_the_wrong_kind_says_what_was_found_and_what_is_expected() {
    let cases = [
        ("[[card]]\nposition = \"2-1\"", "found \"2-1\", expected a position CHASSIS.SLOT"),
        ("[[card]]\nposition = \"0.1\"", "found \"0.1\", expected a position"),
        (
            "[[card]]\nposition = \"1.01\"\nmac = \"52:54:00\"",
            "found \"52:54:00\", expected a hardware address",
        ),
        ("[network]\ninternal = \"10.1.0.1/16\"", "found \"10.1.0.1/16\", expected a network"),
        ("[dhcp]\nlease = \"1 hour\"", "found \"1 hour\", expected a time with its unit"),
        ("[dhcp]\npool = \"10.1.2.3\"", "found \"10.1.2.3\", expected a first and a last address"),
        ("[listen]\nhttp = [\"*:80\"]", "invalid socket address"),
        ("[snmp]\nenterprise = \"1.3.x\"", "found \"1.3.x\", expected an object identifier"),
        ("[[service]]\nname = \"a\"\nsid = [\"http://x\"]", "found \"http://x\", expected a host name"),
        ("[[service]]\nname = \"a b\"", "found \"a b\", expected a name"),
        (
            "[[service]]\nname = \"a\"\nbalance = \"fair\"",
            "unknown variant `fair`, expected one of `round-robin`",
        ),
        ("[module]\nname = 5", "invalid type: integer `5`, expected a name"),
    ];
    for (text, expected) in cases {
        let problem = only(text);
        assert!(problem.message.contains(expected), "{text}: {}", problem.message);
        assert!(problem.line.is_some(), "{text}");
    }
}

#[test]
fn a_conflict_names_both_entries_with_their_lines() {
    let problem = only(
        "[[card]]\nposition = \"1.1\"\nmac = \"52:54:00:00:01:01\"\n\n[[card]]\nposition = \"1.2\"\nmac = \"52-54-00-00-01-01\"\n",
    );
    assert_eq!((problem.line, problem.key.as_str()), (Some(7), "card[2].mac"));
    let conflict = problem.conflict.as_ref().unwrap();
    assert_eq!((conflict.line, conflict.key.as_str()), (Some(3), "card[1].mac"));
    let text = problem.to_string();
    assert!(text.starts_with("module.toml:7: card[2].mac: "), "{text}");
    assert!(text.contains("conflicts with module.toml:3: card[1].mac") && text.contains("next: "), "{text}");

    let service =
        |name: &str, sid: &str| format!("[[service]]\nname = \"{name}\"\nsid = [{sid}]\ncards = [\"1.1\"]\n");
    let problem = only(&(service("a", "\"x.example\"") + &service("b", "\"y.example\", \"X.example\"")));
    assert_eq!((problem.line, problem.conflict.unwrap().line), (Some(7), Some(3)));

    let problem =
        only("[listen]\nhttp = [\"127.0.0.1:80\"]\nadmin = [\"127.0.0.1:80\"]\nsnmp = [\"127.0.0.1:80\"]\n");
    assert_eq!(
        (problem.key.as_str(), problem.conflict.unwrap().key.as_str()),
        ("listen.admin[1]", "listen.http[1]")
    );
}

#[test]
fn all_contradictions_are_told_at_once_in_the_order_of_the_file() {
    let text = "[module]\nslots = 2\n[dhcp]\nunknown = \"quarantine\"\n[[card]]\nposition = \"1.3\"\n\
                [[service]]\nname = \"a\"\nsid = [\"a.example\"]\n[[service]]\nname = \"a\"\nsid = [\"b.example\"]\n\
                cards = [\"9.1\", \"30.1\"]\nhealth = { http = \"x\", fall = 0 }\n";
    let lines: Vec<_> = problems(text).iter().map(|problem| problem.line.unwrap()).collect();
    assert_eq!(lines, [4, 6, 7, 11, 13, 14, 14]);
    assert!(problems(text).iter().all(|problem| !problem.message.is_empty()));
}

#[test]
fn a_position_outside_the_cabinet_is_refused_where_it_stands() {
    let problem = only("[[service]]\nname = \"a\"\nsid = [\"a.example\"]\ncards = [\"1.1\",\n  \"30.1\"]\n");
    assert_eq!((problem.line, problem.key.as_str()), (Some(5), "service[1].cards[2]"));
}

#[test]
fn the_modules_own_address_is_no_cards() {
    let problem = only("[network]\naddress = \"10.1.1.1\"\n[[card]]\nposition = \"1.1\"\n");
    assert_eq!((problem.line, problem.conflict.unwrap().line), (Some(4), Some(2)));
}

#[test]
fn a_pool_keeps_clear_of_the_cards() {
    let problem = only("[dhcp]\npool = \"10.1.1.1-10.1.1.200\"\n[[card]]\nposition = \"1.7\"\n");
    assert!(problem.message.contains("10.1.1.7"), "{}", problem.message);
}

#[test]
fn a_line_of_a_sid_file_is_named_by_file_and_line() {
    let directory = std::env::temp_dir().join(format!("sids-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("hosts.txt"), "good.example\nhttps://bad.example\n").unwrap();
    let text = "[[service]]\nname = \"a\"\ncards = [\"1.1\"]\nsid_file = \"hosts.txt\"\n";
    std::fs::write(directory.join("module.toml"), text).unwrap();
    let error = Config::load(&directory.join("module.toml")).unwrap_err();
    std::fs::remove_dir_all(&directory).unwrap();
    let LoadError::Wrong(problems) = error else { panic!("{error}") };
    assert_eq!(
        (problems.0[0].file.clone(), problems.0[0].line),
        (Some(directory.join("hosts.txt")), Some(2))
    );
}

#[test]
fn secrets_do_not_show() {
    let text = "[snmp]\ncommunities = [{ name = \"sesame\", access = \"write\", from = [\"127.0.0.0/8\"] }]\n\
                traps = [{ to = \"127.0.0.1:162\", community = \"sesame\" }]\n";
    let config = Config::parse(text, None).unwrap();
    assert!(!format!("{config:?}").contains("sesame"));
    assert!(!serde_json::to_string(&config).unwrap().contains("sesame"));
}

#[test]
fn units_write_what_they_read() {
    for text in ["1.1", "20.14", "255.255"] {
        assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
    }
    for text in ["10.1.0.0/16", "0.0.0.0/0", "::/0", "2001:db8::/32", "127.0.0.1/32"] {
        assert_eq!(text.parse::<Cidr>().unwrap().to_string(), text);
    }
    for text in ["500ms", "2s", "5m", "36h", "7d", "0ms"] {
        assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
    }
    for text in ["10.0.0.1/8", "10.0.0.0/33", "x", "", "1.2.3.4/-1"] {
        assert!(text.parse::<Cidr>().is_err(), "{text}");
    }
    for text in ["", "1", "1.", ".1", "1.0", "256.1", "1.1.1", "+1.1", "1.1 "] {
        assert!(text.parse::<Position>().is_err(), "{text:?}");
    }
    for text in [
        "",
        "52:54:00:00:02",
        "52:54:00:00:02:01:03",
        "5:54:00:00:02:01",
        "gg:54:00:00:02:01",
        "+5:54:00:00:02:01",
    ] {
        assert!(text.parse::<Mac>().is_err(), "{text:?}");
    }
    for text in ["", "5", "s", "-1s", "1.5s", "99999999999999999999s", "1é"] {
        assert!(text.parse::<Span>().is_err(), "{text:?}");
    }
    for text in ["", "a b", "host:80", "http://host", "x?y", "a@b", "/path"] {
        assert!(text.parse::<Sid>().is_err(), "{text:?}");
    }
    for text in ["10.0.0.2-10.0.0.1", "10.0.0.1", ""] {
        assert!(text.parse::<Range>().is_err(), "{text:?}");
    }
}

#[test]
fn networks_contain_their_own_family_only() {
    let net: Cidr = "10.1.0.0/16".parse().unwrap();
    assert!(net.contains("10.1.255.255".parse().unwrap()) && !net.contains("10.2.0.0".parse().unwrap()));
    assert!(net.contains("::ffff:10.1.2.3".parse().unwrap()), "an IPv4 customer on an IPv6 socket");
    assert!(!"::/0".parse::<Cidr>().unwrap().contains("10.1.2.3".parse().unwrap()));
    assert!("0.0.0.0/0".parse::<Cidr>().unwrap().contains("203.0.113.9".parse().unwrap()));
}
