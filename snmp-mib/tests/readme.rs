//! The README's agent is the example, and the example answers net-snmp.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::{
    net::UdpSocket,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use support::{needs, run};

const README: &str = include_str!("../README.md");
const EXAMPLE: &str = include_str!("../examples/agent.rs");

#[test]
fn the_readmes_agent_is_the_example_in_40_lines() {
    let block = README.split("```rust,no_run\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(block, Some(EXAMPLE));
    assert!(EXAMPLE.lines().filter(|line| !line.is_empty()).count() <= 40);
}

/// Ends the example with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_example_answers_snmpwalk() {
    if !needs("snmpwalk") {
        return;
    }
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    // `cargo test` builds the examples beside the tests; `cargo test --test readme` does not.
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(|deps| deps.parent()).unwrap().join("examples/agent");
    if !program.is_file() {
        let build = ["build", "-q", "--offline", "--example", "agent", "--manifest-path"];
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert!(Command::new(env!("CARGO")).args(build).arg(manifest).status().unwrap().success());
    }
    let child = Command::new(program).arg(&address).stdout(Stdio::null()).spawn().expect("the example");
    let _running = Running(child);
    let (started, arguments) = (Instant::now(), ["-v2c", "-c", "public", "-On", "-t", "1", &address, ".1"]);
    loop {
        let (good, out) = run("snmpwalk", &arguments);
        if good {
            assert!(out.contains(".1.3.6.1.2.1.1.5.0 = STRING: \"example\""), "{out}");
            assert!(out.contains(".1.3.6.1.4.1.32473.7.1.1.2.1 = STRING: \"inlet\""), "{out}");
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{out}");
    }
}
