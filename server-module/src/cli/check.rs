//! `server-module check`: validates a configuration and prints what it comes to.

use super::{Done, Exit};
use crate::config::{Config, LoadError, Routes};
use crate::files::Plugins;
use crate::view::{self, Cell, Paint, Table, Tone};
use sid_proxy::RouteId;
use sid_proxy::table::Doors;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    server-module check --config module.toml\n  \
    server-module check --config module.toml --json | jq .config.service\n\n\
    Exit status: 0 it is right, 2 it is wrong, 3 it cannot be read.")]
pub struct Args {
    /// The configuration file
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Carries the command out.
pub(super) fn run(args: &Args) -> Done {
    match Config::load(&args.config) {
        Ok(config) => {
            // Templates are tried on every card, so that what is wrong with one is known before a card asks.
            Plugins::of(&config).map_err(Exit::usage)?;
            crate::module::boot::server(&config).map_err(Exit::usage)?;
            show(args, &config);
            Ok(())
        }
        Err(LoadError::Wrong(problems)) if args.json => {
            view::json(&serde_json::json!({ "ok": false, "problems": problems.0 }));
            Err(Exit::usage(""))
        }
        Err(error) => Err(load_failure(error)),
    }
}

fn show(args: &Args, config: &Config) {
    if args.json {
        view::json(&serde_json::json!({
            "ok": true,
            "config": config,
            "cards": effective(config),
            "idle_rules": idle_rules(config),
        }));
    } else {
        view::say(table(&args.config, config, Paint::stdout()));
    }
}

/// Reads a configuration for a command.
///
/// # Errors
/// Exit status 2 with every problem, or 3 when the file cannot be read.
pub fn load(file: &Path) -> Result<Config, Exit> {
    Config::load(file).map_err(load_failure)
}

fn load_failure(error: LoadError) -> Exit {
    match error {
        LoadError::Read { ref file, .. } => {
            let next = format!("server-module init --out {} writes one to start from", file.display());
            Exit::cannot(&error).next(next)
        }
        LoadError::Wrong(problems) => {
            let number = problems.0.len();
            let heading = if number == 1 { "1 problem".into() } else { format!("{number} problems") };
            Exit::usage(format_args!("{heading} in the configuration\n{problems}"))
        }
    }
}

/// A rule that does nothing.
#[derive(Debug, serde::Serialize)]
struct Idle {
    /// As it is written.
    rule: String,
    service: String,
    why: String,
    /// The rule that stands before it, or makes it needless.
    by: Option<String>,
    by_service: Option<String>,
}

/// The rules that no request reaches, or without which nothing would change.
fn idle_rules(config: &Config) -> Vec<Idle> {
    let definition = config.definition();
    let Ok(routes) = Routes::build(&definition.services, 0) else { return Vec::new() };
    let ports = |addresses: &[std::net::SocketAddr]| {
        addresses.iter().map(std::net::SocketAddr::port).collect::<Vec<_>>()
    };
    let (http, https) = (ports(&config.listen.http), ports(&config.listen.https));
    let findings = routes.table.check(&Doors { http: &http, https: &https, plain: &[] });
    if findings.is_empty() {
        return Vec::new();
    }
    let names: HashMap<RouteId, String> =
        routes.table.routes().map(|route| (route.id, route.to_string())).collect();
    let rule = |id: RouteId| {
        let service = definition.services.get(routes.written(id)?.service)?;
        Some((names.get(&id)?.clone(), service.name.to_string()))
    };
    let mut idle = Vec::new();
    for finding in findings {
        let Some((text, service)) = rule(finding.rule) else { continue };
        let by = finding.by.and_then(rule);
        let (by, by_service) = by.map_or((None, None), |(by, service)| (Some(by), Some(service)));
        idle.push(Idle { rule: text, service, why: finding.why.to_string(), by, by_service });
    }
    // A login is offered to FTP and to POP3, and is told once.
    idle.dedup_by(|a, b| a.rule == b.rule && a.service == b.service);
    idle
}

/// The cards as they are in force: those of the file and those that only a service names.
fn effective(config: &Config) -> Vec<serde_json::Value> {
    let definition = config.definition();
    let members = definition.members().unwrap_or_default();
    let mut cards = definition.cards.clone();
    cards.sort_by_key(|card| card.position);
    cards
        .iter()
        .map(|card| {
            let services = definition.services.iter().zip(&members);
            let services = services.filter(|(_, members)| members.contains(&card.position));
            serde_json::json!({
                "card": card.position,
                "address": card.address,
                "mac": card.mac,
                "circuit_id": card.circuit_id,
                "services": services.map(|(service, _)| &service.name).collect::<Vec<_>>(),
            })
        })
        .collect()
}

fn table(file: &Path, config: &Config, paint: Paint) -> String {
    let definition = config.definition();
    let members = definition.members().unwrap_or_default();
    let mut text = format!(
        "{} {}: {} cards, {} services\n\n",
        paint.tone(Tone::Good, "ok"),
        file.display(),
        definition.cards.len(),
        definition.services.len()
    );

    let mut listen = Table::new(["INTERFACE", "ADDRESS", "FOR"]);
    for (name, addresses, what) in interfaces(config) {
        let cell = if addresses.is_empty() {
            Cell::new("off").tone(Tone::Quiet)
        } else {
            Cell::new(addresses.join(", "))
        };
        listen.row([Cell::new(name).tone(Tone::Strong), cell, Cell::new(what).tone(Tone::Quiet)]);
    }
    text.push_str(&listen.render(paint));

    let mut services = Table::new(["SERVICE", "NAMES", "CARDS", "PORT", "MODE", "BALANCE"]);
    for (service, members) in definition.services.iter().zip(&members) {
        let mut names: Vec<_> = service.sid.iter().map(ToString::to_string).collect();
        names.extend(service.sni.iter().map(|name| format!("sni:{name}")));
        names.extend(service.login.iter().map(|login| format!("login:{login}")));
        let word = |value: Result<serde_json::Value, _>| match value {
            Ok(serde_json::Value::String(word)) => word,
            Ok(_) | Err::<_, serde_json::Error>(_) => String::new(),
        };
        services.row([
            Cell::new(&service.name).tone(Tone::Strong),
            Cell::new(super::shorten(&names, 3)),
            Cell::new(super::shorten(&members.iter().map(ToString::to_string).collect::<Vec<_>>(), 6)),
            Cell::new(service.port),
            Cell::new(word(serde_json::to_value(service.mode))),
            Cell::new(word(serde_json::to_value(service.balance))),
        ]);
    }
    if !definition.services.is_empty() {
        text.push('\n');
        text.push_str(&services.render(paint));
    }

    let mut cards = Table::new(["CARD", "ADDRESS", "MAC", "CIRCUIT-ID", "SERVICES"]);
    let mut places: Vec<_> = definition.cards.iter().collect();
    places.sort_by_key(|place| place.position);
    for place in places {
        let bound = definition.services.iter().zip(&members);
        let bound: Vec<_> = bound
            .filter(|(_, members)| members.contains(&place.position))
            .map(|(service, _)| service.name.to_string())
            .collect();
        cards.row([
            Cell::new(place.position).tone(Tone::Strong),
            Cell::new(place.address),
            Cell::maybe(place.mac),
            Cell::maybe(place.circuit_id.as_ref()),
            Cell::maybe((!bound.is_empty()).then(|| bound.join(", "))),
        ]);
    }
    if !definition.cards.is_empty() {
        text.push('\n');
        text.push_str(&cards.render(paint));
    }

    let idle = idle_rules(config);
    let mut rules = Table::new(["RULE THAT DOES NOTHING", "SERVICE", "WHY", "BY"]);
    for Idle { rule, service, why, by, by_service } in &idle {
        let by = by.iter().zip(by_service).map(|(by, service)| format!("{by} ({service})")).next();
        rules.row([Cell::new(rule).tone(Tone::Strong), Cell::new(service), Cell::new(why), Cell::maybe(by)]);
    }
    if !idle.is_empty() {
        text.push('\n');
        text.push_str(&rules.render(paint));
    }
    text
}

/// Every interface, its addresses, and who uses it.
fn interfaces(config: &Config) -> Vec<(&'static str, Vec<String>, &'static str)> {
    let texts =
        |addresses: &[std::net::SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
    let listen = &config.listen;
    vec![
        ("http", texts(&listen.http), "customers"),
        ("https", texts(&listen.https), "customers"),
        ("ftp", texts(&listen.ftp), "customers"),
        ("pop3", texts(&listen.pop3), "customers"),
        ("snmp", texts(&listen.snmp), "managers"),
        ("dhcp", listen.dhcp.iter().map(ToString::to_string).collect(), "cards"),
        ("tftp", texts(&listen.tftp), "cards"),
        ("traps", texts(&listen.traps), "cards"),
        ("admin", texts(&listen.admin), "operators"),
        ("metrics", texts(&listen.metrics), "monitoring"),
    ]
}
