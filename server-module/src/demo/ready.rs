//! What the demo prints when every card serves: one line for programs, a page for people.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::plan::{Plan, Ports};

/// Everything a client needs. Keys may be added, never renamed; what is not built or not switched on is `null`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ready {
    ready: bool,
    cards: usize,
    ready_after_ms: u64,
    http: Option<String>,
    https: Option<String>,
    ftp: Option<String>,
    pop3: Option<String>,
    snmp: Option<String>,
    dhcp: Option<String>,
    tftp: Option<String>,
    admin: Option<String>,
    admin_user: String,
    admin_password: String,
    metrics: Option<String>,
    traps: String,
    ctl: String,
    config: String,
    services: Vec<Service>,
}

#[derive(Clone, Debug, Serialize)]
struct Service {
    name: String,
    sid: Vec<String>,
    cards: Vec<String>,
}

impl Ready {
    /// The line of a plan that runs with its state in `directory`.
    pub(crate) fn new(
        plan: &Plan,
        directory: &Path,
        user: &str,
        password: &str,
        after: std::time::Duration,
    ) -> Self {
        let at = |port| Plan::cabinet(port).to_string();
        let Ports { http, https, ftp, pop3, snmp, dhcp, tftp, admin, metrics, traps, .. } = plan.ports;
        let services = plan.services.iter().map(|service| Service {
            name: service.name.clone(),
            sid: service.sid.clone(),
            cards: service.cards.iter().map(ToString::to_string).collect(),
        });
        Self {
            ready: true,
            cards: plan.positions.len(),
            ready_after_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
            http: Some(at(http)),
            https: Some(at(https)),
            ftp: Some(at(ftp)),
            pop3: Some(at(pop3)),
            snmp: Some(at(snmp)),
            dhcp: Some(at(dhcp)),
            tftp: Some(at(tftp)),
            admin: Some(format!("https://{}/", at(admin))),
            admin_user: user.to_owned(),
            admin_password: password.to_owned(),
            metrics: Some(format!("http://{}/metrics", at(metrics))),
            traps: at(traps),
            ctl: directory.join("state/ctl.sock").display().to_string(),
            config: directory.join("module.toml").display().to_string(),
            services: services.collect(),
        }
    }
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.ready_after_ms as f64 / 1000.0;
        writeln!(f, "{} cards booted and serve after {seconds:.1} s.\n", self.cards)?;
        let interfaces = [
            ("http", &self.http),
            ("https", &self.https),
            ("ftp", &self.ftp),
            ("pop3", &self.pop3),
            ("snmp", &self.snmp),
            ("dhcp", &self.dhcp),
            ("tftp", &self.tftp),
            ("admin", &self.admin),
            ("metrics", &self.metrics),
        ];
        for (name, address) in interfaces {
            if let Some(address) = address {
                writeln!(f, "  {name:<8} {address}")?;
            }
        }
        writeln!(f, "  {:<8} user {}, password {}", "login", self.admin_user, self.admin_password)?;
        writeln!(f, "  {:<8} {} (listen there to see them)", "traps", self.traps)?;
        writeln!(f, "  {:<8} {}", "config", self.config)?;
        writeln!(f, "\nTry, in another terminal:\n")?;
        for (command, why) in self.commands() {
            writeln!(f, "  # {why}\n  {command}\n")?;
        }
        write!(f, "Ctrl-C ends it and leaves nothing behind.")
    }
}

impl Ready {
    /// Commands to try, each with what it shows.
    fn commands(&self) -> Vec<(String, &'static str)> {
        let own = std::env::current_exe().map_or("server-module".into(), |path| path.display().to_string());
        let mut commands = Vec::new();
        if let Some(http) = &self.http {
            commands.push((
                format!("curl -H 'Host: www.sell.com' http://{http}/"),
                "twice: two cards take turns",
            ));
            if self.cards > 2 {
                commands.push((
                    format!("curl -H 'Host: mall.example' http://{http}/books/list"),
                    "one name, two shops: the path chooses the card",
                ));
            }
        }
        if let Some(https) = &self.https {
            let port = https.rsplit(':').next().unwrap_or_default();
            let resolve = format!("--resolve www.sell.com:{port}:127.0.0.1");
            commands.push((
                format!("curl -k {resolve} https://www.sell.com:{port}/"),
                "the same inside TLS, ended here",
            ));
        }
        if let Some(ftp) = &self.ftp {
            commands.push((
                format!("curl -u amy@sell.com:demo ftp://{ftp}/hello.txt"),
                "a file by FTP: the login chooses the service",
            ));
        }
        if let Some(pop3) = &self.pop3 {
            commands.push((format!("curl -u amy@sell.com:demo pop3://{pop3}/1"), "and a message by POP3"));
        }
        commands.push((format!("export SERVER_MODULE_SOCKET={}", self.ctl), "for the shell below"));
        commands.push((format!("{own} ctl cards"), "every card and its state"));
        commands.push((
            format!("{own} ctl card stop 1.1"),
            "www.sell.com goes on with one card; start undoes it",
        ));
        if let Some(snmp) = &self.snmp {
            commands.push((
                format!("snmpbulkwalk -v2c -c public {snmp} 1.3.6.1.4.1.32473"),
                "the cabinet as one network element",
            ));
        }
        if let Some(tftp) = &self.tftp {
            commands.push((
                format!("curl --interface 127.1.1.1 tftp://{tftp}/iboot/1.1/hosts"),
                "a card's own file; from 127.1.1.2 it is refused",
            ));
        }
        if let Some(admin) = &self.admin {
            let login = format!("{}:{}", self.admin_user, self.admin_password);
            commands.push((format!("curl -k -u {login} {admin}"), "the admin page, or open it in a browser"));
        }
        commands
    }
}
