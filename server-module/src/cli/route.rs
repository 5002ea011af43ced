//! `server-module route`: which rule, which service, which card, and why the others lost.

use super::{Done, Exit, check};
use crate::cabinet::{Acl, Mode, Position, Service};
use crate::config::{Config, Routes};
use crate::view::{self, Cell, Paint, Table, Tone};
use serde::Serialize;
use sid_proxy::table::{Explanation, Outcome};
use sid_proxy::wire::host::{Authority, Room};
use sid_proxy::{Key, Matched, Miss};
use std::net::IpAddr;
use std::path::PathBuf;

/// Arguments of `route`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    server-module route --config module.toml --host www.sell.com\n  \
    server-module route --config module.toml --host mall.example --path /sell/cart --client 192.0.2.7\n  \
    server-module route --config module.toml --sni secure.sell.com\n  \
    server-module route --config module.toml --ftp-user bob@sell.com --json\n\n\
    The answer is what the file says, with every card taken to be up; server-module ctl service NAME shows who \
    serves now.\nExit status: 0 a card serves it, 1 no service or not allowed, 2 usage or configuration, 3 no file.")]
#[command(group = clap::ArgGroup::new("what").required(true).args(["host", "path", "sni", "ftp_user", "pop3_user"]).multiple(true))]
pub struct Args {
    /// The configuration file
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
    /// The Host of an HTTP request, a port allowed
    #[arg(long, value_name = "HOST", conflicts_with_all = ["sni", "ftp_user", "pop3_user"])]
    host: Option<String>,
    /// The path of an HTTP request
    #[arg(long, value_name = "PATH", conflicts_with_all = ["sni", "ftp_user", "pop3_user"])]
    path: Option<String>,
    /// The name in a TLS ClientHello
    #[arg(long, value_name = "NAME", conflicts_with_all = ["ftp_user", "pop3_user"])]
    sni: Option<String>,
    /// The login of an FTP session
    #[arg(long, value_name = "USER", conflicts_with = "pop3_user")]
    ftp_user: Option<String>,
    /// The login of a POP3 session
    #[arg(long, value_name = "USER")]
    pop3_user: Option<String>,
    /// The customer's address, for access lists
    #[arg(long, value_name = "IP")]
    client: Option<IpAddr>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Answer {
    /// What was asked, in one line.
    asked: String,
    /// The rule that decided.
    rule: Option<Rule>,
    /// Its service.
    service: Option<String>,
    /// The card that is picked first.
    card: Option<Position>,
    /// Whether the customer may; `None` when no address was given.
    allowed: Option<bool>,
    /// Why there is no service, or why the customer may not.
    refused: Option<String>,
    /// Every rule that was tried, in order.
    tried: Vec<Tried>,
    /// Every card of the service, and why it is or is not picked.
    cards: Vec<Candidate>,
}

#[derive(Debug, Serialize)]
struct Rule {
    /// As in the file.
    text: String,
    /// The key, as in `service[1].sid[2]`.
    key: String,
    /// How it matched.
    matched: String,
}

#[derive(Debug, Serialize)]
struct Tried {
    matched: String,
    name: String,
    prefix: String,
    outcome: &'static str,
}

#[derive(Debug, Serialize)]
struct Candidate {
    card: Position,
    address: IpAddr,
    picked: bool,
    why: String,
}

/// Carries the command out.
pub(super) fn run(args: &Args) -> Done {
    let config = check::load(&args.config)?;
    let routes = Routes::build(&config.services, 0)
        .map_err(|flaws| Exit::usage(flaws.first().map_or_else(String::new, ToString::to_string)))?;
    let answer = ask(args, &config, &routes)?;
    let refused = answer.card.is_none();
    if args.json {
        view::json(&answer);
    } else {
        view::say(text(&answer, Paint::stdout()));
    }
    if refused { Err(Exit::no("")) } else { Ok(()) }
}

fn ask(args: &Args, config: &Config, routes: &Routes) -> Result<Answer, Exit> {
    let mut room: Room = [0; 256];
    let host = |text: &str, room| {
        Authority::parse(text.as_bytes(), room)
            .map_err(|error| Exit::usage(format_args!("found \"{text}\": {error}")).next("write a host name"))
    };
    let (asked, explanation) = if let Some(name) = &args.sni {
        let host = host(name, &mut room)?.host;
        (format!("TLS for {name}"), routes.table.explain(&Key::Sni(Some(host))))
    } else if let Some(login) = &args.ftp_user {
        (format!("FTP login {login}"), routes.table.explain(&Key::Ftp(login.as_bytes())))
    } else if let Some(login) = &args.pop3_user {
        (format!("POP3 login {login}"), routes.table.explain(&Key::Pop3(login.as_bytes())))
    } else {
        let path = args.path.as_deref().unwrap_or("/");
        if !path.starts_with('/') {
            return Err(Exit::usage(format_args!(
                "found \"{path}\", expected a path that begins with \"/\""
            )));
        }
        let parsed = args.host.as_deref().map(|text| host(text, &mut room)).transpose()?;
        let port = parsed.as_ref().and_then(|authority| authority.port).unwrap_or(80);
        let key = Key::Http { host: parsed.map(|authority| authority.host), path: path.as_bytes(), port };
        (format!("http://{}{path}", args.host.as_deref().unwrap_or("(no host)")), routes.table.explain(&key))
    };
    Ok(judge(asked, &explanation, args.client, config, routes))
}

fn judge(
    asked: String,
    explanation: &Explanation,
    client: Option<IpAddr>,
    config: &Config,
    routes: &Routes,
) -> Answer {
    let tried = explanation.steps.iter().map(|(matched, name, prefix, outcome)| Tried {
        matched: how(*matched),
        // A port's entry is sought under its two bytes, which are no text.
        name: if *matched == Matched::Port { String::new() } else { name.clone() },
        prefix: prefix.clone(),
        outcome: match outcome {
            Outcome::Absent => "no such rule",
            Outcome::NoPrefix => "its URL extensions do not fit",
            Outcome::Chosen(_) => "chosen",
        },
    });
    let tried = tried.collect();
    let none = |refused: &str, tried| Answer {
        asked: asked.clone(),
        rule: None,
        service: None,
        card: None,
        allowed: None,
        refused: Some(refused.into()),
        tried,
        cards: Vec::new(),
    };
    let decision = match explanation.decision {
        Ok(decision) => decision,
        Err(Miss::NoRoute) => return none("no service has this name, and none is the default", tried),
        Err(Miss::Ambiguous) => return none("servers read this path in two ways, for two services", tried),
    };
    let Some((at, service)) =
        routes.written(decision.route).and_then(|at| Some((at, config.services.get(at.service)?)))
    else {
        return none("the rule is not in the file", tried);
    };
    let written = match at.field {
        "login" => service.login.get(at.index).cloned(),
        "sni" => service.sni.get(at.index).map(ToString::to_string),
        _ => service.sid.get(at.index).map(ToString::to_string),
    };
    let allowed = client.map(|client| allows(&service.acl, client));
    let cards = candidates(at.service, service, config);
    let picked = cards.iter().find(|candidate| candidate.picked).map(|candidate| candidate.card);
    Answer {
        asked,
        rule: Some(Rule {
            text: written.unwrap_or_default(),
            key: format!("service[{}].{}[{}]", at.service + 1, at.field, at.index + 1),
            matched: how(decision.matched),
        }),
        service: Some(service.name.to_string()),
        card: picked.filter(|_| allowed != Some(false)),
        allowed,
        refused: match (allowed, picked) {
            (Some(false), _) => Some("the service's access list does not allow this customer".into()),
            (_, None) => Some("the service has no card".into()),
            _ => None,
        },
        tried,
        cards,
    }
}

/// The first match decides; none without a rule means all, none with rules means deny.
fn allows(acl: &[Acl], client: IpAddr) -> bool {
    let verdict = acl.iter().find_map(|rule| match rule {
        Acl::Allow(networks) => networks.iter().any(|net| net.contains(client)).then_some(true),
        Acl::Deny(networks) => networks.iter().any(|net| net.contains(client)).then_some(false),
    });
    verdict.unwrap_or(acl.is_empty())
}

fn candidates(index: usize, service: &Service, config: &Config) -> Vec<Candidate> {
    let definition = config.definition();
    let members = definition
        .members()
        .ok()
        .and_then(|mut members| (index < members.len()).then(|| members.swap_remove(index)));
    let address = |position: Position| {
        let listed = definition.cards.iter().find(|place| place.position == position);
        listed.map_or_else(|| config.address_of(position), |place| place.address)
    };
    let candidate = |(place, card): (usize, Position)| {
        let why = match (service.mode, place) {
            (Mode::Reliability, 0) => "active: the first live card".to_owned(),
            (Mode::Reliability, _) => "backup: serves when those before it do not".to_owned(),
            (Mode::Performance, 0) => "first of those that share the requests".to_owned(),
            (Mode::Performance, place) => format!("number {} of those that share the requests", place + 1),
        };
        Candidate { card, address: address(card), picked: place == 0, why }
    };
    members.unwrap_or_default().into_iter().enumerate().map(candidate).collect()
}

fn how(matched: Matched) -> String {
    match matched {
        Matched::Exact => "exact".into(),
        Matched::Wildcard { labels } => format!("wildcard, {labels} labels fixed"),
        Matched::Domain => "domain of a login".into(),
        Matched::Port => "port".into(),
        Matched::Default => "default".into(),
    }
}

fn text(answer: &Answer, paint: Paint) -> String {
    let mut text = format!("{}\n", paint.tone(Tone::Strong, &answer.asked));
    if let Some(rule) = &answer.rule {
        text.push_str(&format!("rule     {} ({}, {})\n", rule.text, rule.matched, rule.key));
    }
    if let Some(service) = &answer.service {
        text.push_str(&format!("service  {service}\n"));
    }
    match (answer.card, &answer.refused) {
        (Some(card), _) => text.push_str(&format!("card     {}\n", paint.tone(Tone::Good, card))),
        (None, Some(why)) => text.push_str(&format!("{}  {why}\n", paint.tone(Tone::Bad, "refused"))),
        (None, None) => {}
    }
    if !answer.cards.is_empty() {
        let mut table = Table::new(["CARD", "ADDRESS", "WHY"]);
        for candidate in &answer.cards {
            let tone = if candidate.picked { Tone::Good } else { Tone::Plain };
            table.row([
                Cell::new(candidate.card).tone(tone),
                Cell::new(candidate.address),
                Cell::new(&candidate.why),
            ]);
        }
        text.push('\n');
        text.push_str(&table.render(paint));
    }
    if !answer.tried.is_empty() {
        let mut table = Table::new(["TRIED", "NAME", "EXTENSION", "OUTCOME"]);
        for step in &answer.tried {
            let tone = if step.outcome == "chosen" { Tone::Good } else { Tone::Quiet };
            table.row([
                Cell::new(&step.matched),
                Cell::maybe((!step.name.is_empty()).then_some(&step.name)),
                Cell::maybe((!step.prefix.is_empty()).then_some(&step.prefix)),
                Cell::new(step.outcome).tone(tone),
            ]);
        }
        text.push('\n');
        text.push_str(&table.render(paint));
    }
    text
}
