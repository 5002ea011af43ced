//! SNMPv3 between this crate's engines and net-snmp's: our manager asks snmpd, our traps and informs reach snmptrapd,
//! and net-snmp's traps and informs reach our receiver, at every level.
#![cfg(feature = "usm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{
    fs,
    net::{SocketAddr, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use snmp_mib::manager::{self, Client, Failure, Peer};
use snmp_mib::mibs::cabinet::{Card, CardState, CardStateChange};
use snmp_mib::notify::{Receiver, Sender, Target, receive, send};
use snmp_mib::oid;
use snmp_mib::usm::{Auth, Config, Credentials, Extension, Privacy, Reason, RustCrypto};
use snmp_mib::wire::{OidBuf, Value, VarBindList};
use support::{needs, run};

const AUTH: &str = "open sesame";
const PRIVACY: &str = "forty thieves";

/// A user as net-snmp calls its protocols.
struct Account {
    name: &'static str,
    auth: Option<(Auth, &'static str)>,
    privacy: Option<(Privacy, &'static str)>,
}

const ACCOUNTS: [Account; 5] = [
    Account { name: "open", auth: None, privacy: None },
    Account { name: "sha", auth: Some((Auth::Sha1, "SHA")), privacy: None },
    Account {
        name: "sha256",
        auth: Some((Auth::Sha256, "SHA-256")),
        privacy: Some((Privacy::Aes128, "AES")),
    },
    Account {
        name: "sha512",
        auth: Some((Auth::Sha512, "SHA-512")),
        privacy: Some((Privacy::Aes256(Extension::Blumenthal), "AES-256")),
    },
    Account {
        name: "cisco",
        auth: Some((Auth::Sha224, "SHA-224")),
        privacy: Some((Privacy::Aes256(Extension::Reeder), "AES-256-C")),
    },
];

impl Account {
    fn credentials(&self) -> Credentials {
        let name = self.name.as_bytes();
        match (self.auth, self.privacy) {
            (Some((auth, _)), Some((privacy, _))) => Credentials::encrypted(
                &RustCrypto,
                name,
                (auth, AUTH.as_bytes()),
                (privacy, PRIVACY.as_bytes()),
            )
            .unwrap(),
            (Some((auth, _)), None) => {
                Credentials::authenticated(&RustCrypto, name, (auth, AUTH.as_bytes())).unwrap()
            }
            _ => Credentials::open(name),
        }
    }

    fn level(&self) -> &'static str {
        match (self.auth, self.privacy) {
            (Some(_), Some(_)) => "priv",
            (Some(_), None) => "auth",
            _ => "noauth",
        }
    }

    /// As in `createUser` of snmpd.conf.
    fn create(&self, engine: &str) -> String {
        let mut line = format!("createUser {engine} {}", self.name);
        if let Some((_, auth)) = self.auth {
            line += &format!(" {auth} \"{AUTH}\"");
        }
        if let Some((_, privacy)) = self.privacy {
            line += &format!(" {privacy} \"{PRIVACY}\"");
        }
        line
    }

    /// As net-snmp's tools are told.
    fn options(&self) -> Vec<String> {
        let mut options = vec!["-v3".to_owned(), "-u".into(), self.name.into()];
        let level = ["noauth", "auth", "priv"].iter().position(|level| *level == self.level()).unwrap();
        options.extend(["-l".into(), ["noAuthNoPriv", "authNoPriv", "authPriv"][level].into()]);
        if let Some((_, auth)) = self.auth {
            options.extend(["-a".into(), auth.into(), "-A".into(), AUTH.into()]);
        }
        if let Some((_, privacy)) = self.privacy {
            options.extend(["-x".into(), privacy.into(), "-X".into(), PRIVACY.into()]);
        }
        options
    }
}

fn credentials() -> Vec<Credentials> {
    ACCOUNTS.iter().map(Account::credentials).collect()
}

/// A program with a directory of its own, ended when it is dropped.
struct Daemon {
    child: Child,
    dir: PathBuf,
}

impl Daemon {
    fn start(name: &str, program: &str, conf: &str, arguments: &[&str]) -> Self {
        let dir = std::env::temp_dir().join(format!("snmp-mib-{name}-{}", std::process::id()));
        fs::create_dir_all(dir.join("state")).unwrap();
        let file = dir.join("conf");
        fs::write(&file, conf).unwrap();
        let log = fs::File::create(dir.join("log")).unwrap();
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
        let child = Command::new(program)
            .args(["-f", "-C", "-c", file.to_str().unwrap()])
            .args(arguments)
            .env("PATH", path)
            .env("MIBS", "")
            .env("SNMP_PERSISTENT_DIR", dir.join("state"))
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        Self { child, dir }
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.join("log")).unwrap()).into_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn free_port() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    socket
}

/// Lets a client ask until its requests are over, and returns how each ended.
fn ask(client: &mut Client, began: Instant) -> (VarBindList, Vec<Result<(), Failure>>) {
    let socket = socket();
    let (mut bindings, mut ends, mut buffer) = (VarBindList::new(), Vec::new(), [0; 65_535]);
    while client.deadline().is_some() && began.elapsed() < Duration::from_secs(30) {
        while let Some(output) = client.poll_output() {
            match output {
                manager::Output::Send { to, data } => drop(socket.send_to(data, to)),
                manager::Output::Answer { varbinds, .. } => bindings.extend(varbinds.iter()),
                manager::Output::Done { outcome, .. } => ends.push(outcome),
            }
        }
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ =
                client.handle(began.elapsed(), manager::Input::Datagram { from, data: &buffer[..length] });
        } else {
            let _ = client.handle(began.elapsed(), manager::Input::Tick);
        }
    }
    (bindings, ends)
}

#[test]
fn our_manager_asks_snmpd_at_every_level() {
    if !needs("snmpd") {
        return;
    }
    let address = free_port();
    let mut conf = String::from("sysContact nobody\nsysName peer\n");
    for account in &ACCOUNTS {
        conf += &format!("{}\nrwuser {} {}\n", account.create(""), account.name, account.level());
    }
    let _snmpd = Daemon::start("snmpd", "snmpd", &conf, &["-Lo", "-r", &format!("udp:{address}")]);
    let began = Instant::now();
    let mut client = Client::new(manager::Config::default(), 4711);
    client.secure(credentials(), 1);
    for account in &ACCOUNTS {
        let peer = Peer::v3(address, account.name);
        client.get(began.elapsed(), &peer, &[oid!(1, 3, 6, 1, 2, 1, 1, 5, 0)]).unwrap();
        let (bindings, ends) = ask(&mut client, began);
        assert_eq!(ends, [Ok(())], "{}", account.name);
        assert_eq!(bindings.iter().next().unwrap().value, Value::Octets(b"peer"), "{}", account.name);
        client.walk(began.elapsed(), &peer, oid!(1, 3, 6, 1, 2, 1, 1)).unwrap();
        let (bindings, ends) = ask(&mut client, began);
        assert_eq!(ends, [Ok(())], "{}", account.name);
        assert!(bindings.iter().count() > 20, "{}", account.name);
    }
    // Who is refused is told why, and at once.
    let stranger = Credentials::authenticated(&RustCrypto, b"sha", (Auth::Sha1, b"wrong password")).unwrap();
    let mut client = Client::new(manager::Config::default(), 1);
    client.secure([stranger, Credentials::open(b"nobody")], 1);
    client.get(began.elapsed(), &Peer::v3(address, "nobody"), &[oid!(1, 3, 6, 1, 2, 1, 1, 5, 0)]).unwrap();
    assert_eq!(ask(&mut client, began).1, [Err(Failure::Security(Reason::UnknownUser))]);
    client.get(began.elapsed(), &Peer::v3(address, "sha"), &[oid!(1, 3, 6, 1, 2, 1, 1, 5, 0)]).unwrap();
    assert_eq!(ask(&mut client, began).1, [Err(Failure::Security(Reason::WrongDigest))]);
    assert_eq!(
        client.get(began.elapsed(), &Peer::v3(address, "unheard of"), &[]),
        Err(manager::Error::UnknownUser)
    );
}

#[test]
fn our_manager_finds_the_time_of_an_agent_that_started_anew() {
    let began = Duration::ZERO;
    let mut client = Client::new(manager::Config::default(), 1);
    client.secure(credentials(), 1);
    let (address, name) = ("192.0.2.9:161".parse().unwrap(), oid!(1, 3, 6, 1, 2, 1, 1, 5, 0));
    let mut asked = Vec::new();
    for boots in [3, 4] {
        let mut agent = support::cabinet(1);
        let config = Config { engine: (*b"\x80\0\x7e\xd9\x04cave").into(), boots, salt: 9, max_size: 65_507 };
        let users: Vec<_> =
            credentials().into_iter().map(|user| (user, snmp_mib::agent::Rights::Read)).collect();
        agent.secure(began, config, &users);
        client.get(began, &Peer::v3(address, "sha256"), &[name]).unwrap();
        let (mut messages, mut done) = (0, None);
        while done.is_none() {
            match client.poll_output().expect("something goes on") {
                manager::Output::Done { outcome, .. } => done = Some(outcome),
                manager::Output::Answer { .. } => {}
                manager::Output::Send { data, .. } => {
                    messages += 1;
                    let from = support::talk::MANAGER.parse().unwrap();
                    let _ = agent.handle(began, snmp_mib::agent::Input::Datagram { from, data });
                    if let Some(snmp_mib::agent::Output::Send { data, .. }) = agent.poll_output() {
                        let data = data.to_vec();
                        client
                            .handle(began, manager::Input::Datagram { from: address, data: &data })
                            .unwrap();
                    }
                }
            }
        }
        assert_eq!(done, Some(Ok(())));
        asked.push(messages);
    }
    // Identity, clock, request; then the request, which is refused and teaches, and the request again.
    assert_eq!(asked, [3, 2]);
}

/// Hands a change of a card to snmptrapd by these targets, until all is sent and acknowledged or given up.
fn notify(targets: Vec<Target>, began: Instant) -> Sender {
    let config = send::Config { targets, ..send::Config::default() };
    let mut sender = Sender::new(Duration::ZERO, config, 77);
    let engine =
        Config { engine: (*b"\x80\0\x7e\xd9\x04sender").into(), boots: 5, salt: 1, max_size: 65_507 };
    sender.secure(Duration::ZERO, engine, &credentials());
    sender.notify(began.elapsed(), &CardStateChange { card: Card::new(2, 1, CardState::Failed) });
    let (socket, mut buffer) = (socket(), [0; 65_535]);
    while sender.deadline().is_some() && began.elapsed() < Duration::from_secs(30) {
        while let Some(output) = sender.poll_output() {
            if let send::Output::Send { to, data } = output {
                let _ = socket.send_to(data, to);
            }
        }
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                let _ =
                    sender.handle(began.elapsed(), send::Input::Datagram { from, data: &buffer[..length] });
            }
            Err(_) => drop(sender.handle(began.elapsed(), send::Input::Tick)),
        }
    }
    sender
}

#[test]
fn our_traps_and_informs_reach_snmptrapd_at_every_level() {
    if !needs("snmptrapd") {
        return;
    }
    let address = free_port();
    let mut conf = String::from("format2 GOT %P %v\\n\n");
    for account in &ACCOUNTS {
        // For traps under the sender's engine, for informs under snmptrapd's own.
        let own = account.create("-e 0x80007ed90473656e646572");
        conf +=
            &format!("{own}\n{}\nauthUser log {} {}\n", account.create(""), account.name, account.level());
    }
    let arguments = ["-Lo", "-n", "-On", &format!("udp:{address}")];
    let trapd = Daemon::start("snmptrapd", "snmptrapd", &conf, &arguments);
    std::thread::sleep(Duration::from_millis(700));
    let began = Instant::now();
    let targets = ACCOUNTS.iter().flat_map(|account| {
        let target = Target::v3(address, account.name);
        [target.clone(), target.informed()]
    });
    let sender = notify(targets.collect(), began);
    assert_eq!(sender.stats().acknowledged, 5, "{:?}\n{}", sender.stats(), trapd.log());
    std::thread::sleep(Duration::from_millis(300));
    let log = trapd.log();
    assert_eq!(log.matches("32473.1.0.1").count(), 10, "{log}");
}

#[test]
fn net_snmp_traps_and_informs_reach_our_receiver_at_every_level() {
    if !needs("snmptrap") {
        return;
    }
    let (socket, began) = (socket(), Instant::now());
    let address = socket.local_addr().unwrap().to_string();
    let mut receiver = Receiver::new(receive::Config::default());
    let engine = Config { engine: (*b"\x80\0\x7e\xd9\x04taker").into(), boots: 2, salt: 1, max_size: 65_507 };
    receiver.secure(Duration::ZERO, engine, &credentials());
    let tools = std::thread::spawn(move || {
        let told = ["", "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.7", "i", "7"];
        let mut outcomes = Vec::new();
        for account in &ACCOUNTS {
            for kind in ["", "-Ci"] {
                let mut all = account.options();
                // A trap's sender is the authoritative engine and must say who it is.
                if kind.is_empty() {
                    all.extend(["-e".into(), "0x80007ed9040102030405".into()]);
                } else {
                    all.push(kind.into());
                }
                all.push(address.clone());
                let all: Vec<&str> = all.iter().map(String::as_str).chain(told).collect();
                outcomes.push((account.name, kind, run("snmptrap", &all)));
            }
        }
        // A wrong password, and a level below that of the user.
        let wrong = ["-v3", "-u", "sha", "-l", "authNoPriv", "-a", "SHA", "-A", "wrong password"];
        let below = ["-v3", "-u", "sha256", "-l", "noAuthNoPriv"];
        for options in [&wrong[..], &below] {
            let engine = ["-e", "0x80007ed9040102030405", &address];
            run("snmptrap", &[options, &engine, &told].concat());
        }
        outcomes
    });
    let (mut taken, mut buffer) = (Vec::new(), [0; 65_535]);
    while !tools.is_finished() || receiver.deadline().is_some() {
        assert!(began.elapsed() < Duration::from_secs(40));
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ =
                receiver.handle(began.elapsed(), receive::Input::Datagram { from, data: &buffer[..length] });
        }
        while let Some(output) = receiver.poll_output() {
            match output {
                receive::Output::Send { to, data } => drop(socket.send_to(data, to)),
                receive::Output::Trap { trap, .. } => taken.push(trap.name.to_string()),
            }
        }
    }
    for (name, kind, (good, out)) in tools.join().unwrap() {
        assert!(good, "{name} {kind}: {out}");
    }
    assert_eq!(taken, vec!["1.3.6.1.6.3.1.1.5.3"; 10], "{:?}", receiver.stats());
    assert!(receiver.stats().strangers >= 2);
}

#[test]
fn rfc3413_section_6_filters_with_masks_and_views_keep_notifications_back() {
    use snmp_mib::usm::Level;
    use snmp_mib::vacm::{self, Access, Family, Member, Model};
    let address: SocketAddr = "192.0.2.1:162".parse().unwrap();
    let trap = oid!(1, 3, 6, 1, 4, 1, 32473, 1, 0);
    let whole = oid!(1, 3, 6);
    // Of smCardTable: any column, slot 1 of chassis 2.
    let card =
        |arcs: &[u32]| OidBuf::from_arcs(&[1, 3, 6, 1, 4, 1, 32473, 1, 2, 1, 1, 0]).unwrap().join(arcs);
    let mask = [0xff, 0xef, 0xff];
    let one = Family::excluded("", card(&[2, 1]).as_oid()).masked(&mask);
    let other = Family::excluded("", card(&[2, 2]).as_oid()).masked(&mask);
    let filters = vec![
        ("all".into(), vec![Family::included("", whole)]),
        ("traps".into(), vec![Family::included("", trap)]),
        ("others".into(), vec![Family::included("", trap), other]),
        ("not-2.1".into(), vec![Family::included("", whole), one]),
    ];
    let community = |name: &str| Target { security_name: name.into(), ..Target::v2c(address, name) };
    let targets = vec![
        community("us"),
        community("us").filtered("all"),
        community("us").filtered("traps"),
        community("us").filtered("others"),
        community("us").filtered("not-2.1"),
        community("us").filtered("missing"),
        community("stranger"),
    ];
    let access = vacm::Config {
        members: vec![Member::new(Model::V2C, "us", "us")],
        access: vec![Access::new("us", Level::Open).notified("all")],
        families: vec![Family::included("all", whole)],
        ..vacm::Config::default()
    };
    let config = send::Config { targets, filters, access: Some(access), ..send::Config::default() };
    let mut sender = Sender::new(Duration::ZERO, config.clone(), 1);
    sender.notify(Duration::ZERO, &CardStateChange { card: Card::new(2, 1, CardState::Failed) });
    assert_eq!((sender.stats().sent, sender.stats().withheld), (4, 3));
    // The tables tell what was configured.
    let tables = snmp_mib::notify::tables::Targets::of(&config, |_| Level::Open);
    assert_eq!((tables.addresses.len(), tables.params.len(), tables.profiles.len()), (7, 7, 5));
    assert_eq!(tables.filters.len(), 6);
}
