//! net-snmp's `snmpd` as a sub-agent of our master, and its tools as the managers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::mpsc,
    time::{Duration, Instant},
};

use snmp_mib::agent::{self, Agent, Community, Config};
use snmp_mib::agentx::master::{self, ConnectionId, Event};
use snmp_mib::agentx::{Input, Joint, Output};
use support::{needs, run, snmpd::Snmpd};

/// Our agent with its master on sockets of its own, until the test ends.
fn serve() -> (String, u16, mpsc::Receiver<Event>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let (tell, events) = mpsc::channel();
    std::thread::spawn(move || {
        let started = Instant::now();
        let communities = vec![Community::read("public"), Community::write("private")];
        let agent = Agent::new(Duration::ZERO, Config { communities, ..Config::default() }, ()).unwrap();
        let mut joint = Joint::new(Duration::ZERO, agent, master::Config::default());
        let mut streams: BTreeMap<ConnectionId, (TcpStream, Vec<u8>)> = BTreeMap::new();
        let (mut next, mut buffer) = (0, vec![0; 65_536]);
        loop {
            if let Ok((stream, _)) = listener.accept() {
                stream.set_nonblocking(true).unwrap();
                stream.set_nodelay(true).unwrap();
                let id = ConnectionId(next);
                next += 1;
                streams.insert(id, (stream, Vec::new()));
                joint.handle(started.elapsed(), Input::Subagents(master::Input::Connected(id))).unwrap();
            }
            for (id, (stream, kept)) in &mut streams {
                match stream.read(&mut buffer) {
                    Ok(count @ 1..) => {
                        kept.extend_from_slice(&buffer[..count]);
                        let input = master::Input::Data { from: *id, bytes: kept };
                        let taken = joint.handle(started.elapsed(), Input::Subagents(input)).unwrap();
                        kept.drain(..taken);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    // The end, or a reset from one that was killed.
                    Ok(_) | Err(_) => {
                        let _ = joint
                            .handle(started.elapsed(), Input::Subagents(master::Input::Disconnected(*id)));
                    }
                }
            }
            if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let data = &buffer[..length];
                let _ = joint.handle(started.elapsed(), Input::Agent(agent::Input::Datagram { from, data }));
            }
            let _ = joint.handle(started.elapsed(), Input::Tick);
            if joint.deadline() != Some(Duration::ZERO) {
                std::thread::sleep(Duration::from_micros(200));
            }
            while let Some(output) = joint.poll_output() {
                match output {
                    Output::Send { to, bytes } => {
                        drop(streams.get_mut(&to).map(|(stream, _)| stream.write_all(bytes)));
                    }
                    Output::Close(id) => drop(streams.remove(&id)),
                    Output::Agent(agent::Output::Send { to, data }) => drop(socket.send_to(data, to)),
                    Output::Event(event) => {
                        if tell.send(event).is_err() {
                            return;
                        }
                    }
                    Output::Agent(_) | Output::Notify { .. } => {}
                }
            }
        }
    });
    (address, port, events)
}

#[test]
fn snmpd_as_our_sub_agent_is_walked_read_and_written() {
    if !needs("snmpd") || !needs("snmpbulkwalk") {
        return;
    }
    let (address, port, events) = serve();
    let socket = format!("tcp:127.0.0.1:{port}");
    let config =
        "sysServices 72\nrwuser nobody\noverride -rw 1.3.6.1.4.1.32473.7.1.0 octet_str \"as it was\"";
    let mut daemon = Snmpd::spawn("sub", config, &["-X", "-I", "ifTable,override", "-x", &socket], address);
    let deadline = Instant::now() + Duration::from_secs(30);
    // It registers its tables one by one; when it has been quiet for a while, it is done.
    let mut registered = 0;
    while let Ok(event) = events.recv_timeout(if registered > 0 {
        Duration::from_millis(1_500)
    } else {
        Duration::from_secs(10)
    }) {
        registered += usize::from(event == Event::Regions);
        assert!(Instant::now() < deadline);
    }
    assert!(registered > 0, "snmpd has registered nothing");
    let address = daemon.snmp.clone();
    // snmpd asks for one second to answer, which is little on a machine that runs other tests.
    let ask = |tool: &str, rest: &[&str]| {
        let arguments = [&["-v2c", "-c", "private", "-On", "-t", "5", &address], rest].concat();
        let slow = |(_, out): &(bool, String)| out.contains("genError");
        let first = run(tool, &arguments);
        if slow(&first) { run(tool, &arguments) } else { first }
    };
    let (good, interfaces) = ask("snmpbulkwalk", &["1.3.6.1.2.1.2"]);
    assert!(good && interfaces.contains(".1.3.6.1.2.1.2.2.1.2.1 = STRING: \"lo\""), "{interfaces}");
    // Interfaces count what passes meanwhile, so names are compared.
    let (good, again) = ask("snmpwalk", &["1.3.6.1.2.1.2"]);
    let names = |text: &str| {
        text.lines().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert!(good, "{again}");
    assert_eq!(names(&again), names(&interfaces));
    let (good, all) = ask("snmpbulkwalk", &["-Cr50", "1.3.6.1.2.1"]);
    assert!(good && all.lines().count() > interfaces.lines().count(), "{all}");
    let note = "1.3.6.1.4.1.32473.7.1.0";
    let (_, before) = ask("snmpget", &[note]);
    if before.contains("as it was") {
        let (good, out) = ask("snmpset", &[note, "s", "written"]);
        assert!(good, "{out}");
        let (_, after) = ask("snmpget", &[note]);
        assert!(after.contains("written"), "{after}");
    }
    let (good, out) = ask("snmpset", &["1.3.6.1.2.1.2.1.0", "i", "5"]);
    assert!(!good && out.contains("notWritable"), "{out}");
    daemon.kill();
    while events.recv_timeout(Duration::from_secs(5)).expect("an event") != Event::Regions {}
    let (_, out) = ask("snmpget", &["1.3.6.1.2.1.2.1.0", "1.3.6.1.2.1.1.3.0"]);
    assert!(out.contains("No Such Object") && out.contains("Timeticks"), "{out}");
}
