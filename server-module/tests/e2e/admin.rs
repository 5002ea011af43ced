//! The administration address and the shell.

use crate::common::{self, BINARY, Demo};

#[test]
fn the_page_needs_the_login_and_lists_the_cards() {
    if !common::has(&["curl"]) {
        return;
    }
    let demo = Demo::start(3);
    let login = format!("{}:{}", demo.at("admin_user"), demo.at("admin_password"));
    let page = common::run("curl", &["-s", "-k", "-u", &login, demo.at("admin")]).ok();
    for card in ["1.1", "1.2", "1.3"] {
        assert!(page.contains(card), "no card {card} in\n{page}");
    }
    let status = |user: &str| {
        let arguments = ["-s", "-k", "-o", "/dev/null", "-w", "%{http_code}", "-u", user, demo.at("admin")];
        common::run("curl", &arguments).ok()
    };
    assert_eq!(status(&login), "200");
    assert_eq!(status(&format!("{}:wrong", demo.at("admin_user"))), "401");
}

#[test]
fn the_shell_shows_cards_and_services_as_tables_and_as_json() {
    let demo = Demo::start(3);
    let cards = demo.ctl(&["cards"]).ok();
    for line in [["1.1", "127.1.1.1"], ["1.2", "127.1.1.2"], ["1.3", "127.1.1.3"]] {
        assert!(cards.lines().any(|l| line.iter().all(|word| l.contains(word))), "no {line:?} in\n{cards}");
    }
    let json: serde_json::Value = serde_json::from_str(&demo.ctl(&["cards", "--json"]).ok()).unwrap();
    assert_eq!(json.to_string().matches("\"running\"").count(), 3, "{json}");
    assert!(demo.ctl(&["status"]).ok().contains('3'));
    assert!(demo.ctl(&["service", "shop-1"]).ok().contains("www.sell.com"));
    assert_eq!(demo.ctl(&["card", "9.9"]).status, 1);
    assert_eq!(demo.ctl(&["card", "nonsense"]).status, 2);
    let nobody = common::run(BINARY, &["ctl", "--socket", "/nonexistent/ctl.sock", "status"]);
    assert_eq!(nobody.status, 3, "{nobody:?}");
}
