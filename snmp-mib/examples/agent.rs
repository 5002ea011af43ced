//! A table of sensors, served to whoever may read it.

use snmp_mib::agent::{Agent, Community, Config, Input, Output, System};
use snmp_mib::mib::{Mib, MibTable, Table};
use std::{net::UdpSocket, time::Instant};

/// The sensors of this machine.
#[derive(Clone, MibTable)]
#[mib(name = "exSensorTable", oid = "1.3.6.1.4.1.32473.7.1", index(number))]
struct Sensor {
    #[mib(1, range(1, 65535))]
    number: u32,
    #[mib(2, read_write)]
    label: String,
    #[mib(3, units = "tenths of a degree Celsius")]
    temperature: Option<i32>,
}

#[derive(Mib)]
struct Machine {
    sensors: Table<Sensor>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let system = System { name: "example".into(), ..System::default() };
    let communities = vec![Community::read("public").from(["127.0.0.0/8".parse()?])];
    let config = Config { system, communities, ..Config::default() };
    let inlet = Sensor { number: 1, label: "inlet".into(), temperature: Some(215) };
    let machine = Machine { sensors: [inlet].into_iter().collect() };
    let mut agent = Agent::new(started.elapsed(), config, machine)?;
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:1161".into());
    let socket = UdpSocket::bind(address)?;
    let mut buffer = [0; 65_535];
    loop {
        let (length, from) = socket.recv_from(&mut buffer)?;
        let _ = agent.handle(started.elapsed(), Input::Datagram { from, data: &buffer[..length] });
        while let Some(output) = agent.poll_output() {
            if let Output::Send { to, data } = output {
                socket.send_to(data, to)?;
            }
        }
    }
}
