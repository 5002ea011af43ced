//! net-snmp's `snmpd`, started by a test on ports of its own and ended with it.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test file uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    net::{TcpListener, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::run;

/// A running `snmpd`.
pub struct Snmpd {
    child: Child,
    directory: PathBuf,
    /// Where it answers SNMP, as `127.0.0.1:PORT`.
    pub snmp: String,
}

/// A port that nobody uses now.
pub fn free_tcp() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn free_udp() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Snmpd {
    /// Starts it with `config` beside two communities, and waits until it answers.
    pub fn start(name: &str, config: &str, arguments: &[&str]) -> Self {
        let snmp = format!("127.0.0.1:{}", free_udp());
        let daemon = Self::spawn(name, config, &[arguments, &["--", &format!("udp:{snmp}")]].concat(), snmp);
        let started = Instant::now();
        while !run(
            "snmpget",
            &["-v2c", "-c", "public", "-t", "0.3", "-r", "0", &daemon.snmp, "1.3.6.1.2.1.1.3.0"],
        )
        .0
        {
            assert!(started.elapsed() < Duration::from_secs(10), "snmpd does not answer");
        }
        daemon
    }

    /// Starts it, as a sub-agent for instance, and waits for nothing.
    pub fn spawn(name: &str, config: &str, arguments: &[&str], snmp: String) -> Self {
        let directory = std::env::temp_dir().join(format!("snmp-mib-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let file = directory.join("snmpd.conf");
        fs::write(&file, format!("rocommunity public\nrwcommunity private\n{config}\n")).unwrap();
        let mut command = Command::new(if PathBuf::from("/usr/sbin/snmpd").is_file() {
            "/usr/sbin/snmpd"
        } else {
            "snmpd"
        });
        command.args(["-f", "-Lf", "/dev/null", "-C", "-c"]).arg(&file).args(arguments);
        command
            .env("SNMP_PERSISTENT_DIR", &directory)
            .env("MIBS", "")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self { child: command.spawn().unwrap(), directory, snmp }
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Snmpd {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
