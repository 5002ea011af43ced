//! What the tests share: a small cabinet, an agent on a socket, and other people's programs.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

pub mod snmpd;
pub mod talk;

use std::{
    net::{SocketAddr, UdpSocket},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use snmp_mib::agent::{Agent, Community, Config, Input, Output, System};
use snmp_mib::mib::{Group, Mib, Table, TimeTicks};
use snmp_mib::mibs::cabinet::{Card, CardState, SERVER_MODULE};
use snmp_mib::mibs::interfaces::{IfType, Interface, Interfaces};

/// A cabinet as the binary would describe it.
#[derive(Clone, Debug, PartialEq, Mib)]
pub struct Cabinet {
    pub interfaces: Group<Interfaces>,
    pub links: Table<Interface>,
    pub cards: Table<Card>,
}

/// An agent of a cabinet with that many cards.
pub fn cabinet(cards: u32) -> Agent<Cabinet> {
    let config = Config {
        system: System {
            descr: "a cabinet under test".into(),
            object_id: SERVER_MODULE.to_buf(),
            name: "cabinet".into(),
            ..System::default()
        },
        communities: vec![Community::read("public"), Community::write("private")],
        ..Config::default()
    };
    let links: Table<Interface> = [Interface::new(1, "lo", IfType::SoftwareLoopback)].into_iter().collect();
    let mib =
        Cabinet { interfaces: Interfaces::of(&links).into(), links, cards: (0..cards).map(card).collect() };
    Agent::new(Duration::ZERO, config, mib).expect("no two nodes at one place")
}

/// The card of that number, 14 in a chassis; every third one does not tell its temperature.
pub fn card(number: u32) -> Card {
    let (chassis, slot) = (number / 14 + 1, number % 14 + 1);
    Card {
        address: Some([10, 1, chassis as u8, slot as u8].into()),
        up_time: Some(TimeTicks(number * 100)),
        temperature: (!number.is_multiple_of(3)).then_some(300 + number as i32),
        ..Card::new(chassis, slot, CardState::Available)
    }
}

/// An agent that answers on a socket of its own until it is dropped.
pub struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start<M: Mib + Send + 'static>(mut agent: Agent<M>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let address = socket.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let started = Instant::now();
            let mut buffer = [0; 65_535];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                let _ = agent.handle(started.elapsed(), Input::Datagram { from, data: &buffer[..length] });
                while let Some(output) = agent.poll_output() {
                    if let Output::Send { to, data } = output {
                        socket.send_to(data, to).unwrap();
                    }
                }
            }
        });
        Self { address, stop, thread: Some(thread) }
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Tells whether a program is there. Without it the test is skipped, or fails where everything must run.
pub fn needs(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&paths).chain(["/usr/sbin".into()]).any(|dir| dir.join(program).is_file());
    if !found {
        skip(program);
    }
    found
}

/// Says what is missing.
pub fn skip(what: &str) {
    assert!(std::env::var("SERVER_MODULE_TESTS").as_deref() != Ok("all"), "needs {what}");
    eprintln!("skipped: needs {what}");
}

/// Runs a program and returns whether it was content and all that it printed.
pub fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program).args(arguments).env("MIBS", "").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
