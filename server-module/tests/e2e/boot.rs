//! Cards: their files are theirs alone.

use crate::common::{self, Demo};

fn tftp(demo: &Demo, from: &str, name: &str) -> common::Said {
    let url = format!("tftp://{}/{name}", demo.at("tftp"));
    common::run("curl", &["-s", "-S", "--max-time", "10", "--interface", from, &url])
}

#[test]
fn a_card_reads_its_own_files_and_nobody_else_s() {
    if !common::has(&["curl"]) {
        return;
    }
    let demo = Demo::start(3);
    let own = tftp(&demo, "127.1.1.1", "iboot/1.1/hosts").ok();
    assert!(own.contains("127.1.1.1"), "{own}");
    assert_eq!(
        tftp(&demo, "127.1.1.1", "/iboot/1.1/Hosts").ok(),
        own,
        "without regard to case, with one slash"
    );
    let others = tftp(&demo, "127.1.1.2", "iboot/1.1/hosts");
    assert_ne!(others.status, 0, "{others:?}");
    assert!(!others.out.contains("127.1.1.1"), "{others:?}");
    let alarm = "card 1.2 asked for the boot files of card 1.1";
    common::eventually("the refusal in the log", || demo.log().contains(alarm).then_some(()));
    for name in ["iboot/1.1/../1.2/hosts", "//iboot/1.1/hosts", "iboot/1.1/nothing", "iboot\\1.1\\hosts"] {
        let url = format!("tftp://{}/{name}", demo.at("tftp"));
        let said = common::run(
            "curl",
            &["-s", "--path-as-is", "--max-time", "10", "--interface", "127.1.1.1", &url],
        );
        assert_ne!(said.status, 0, "{name}: {said:?}");
    }
}
