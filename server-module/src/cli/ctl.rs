//! `server-module ctl`: the shell of a running module, over its local socket.

use super::top::{self, tone};
use super::{Done, Exit};
use crate::cabinet::{ParseError, Position};
use crate::config::DEFAULT_STATE;
use crate::module::shell::{Answer, Failure, Request, Verb};
use crate::view::{
    self, AlarmRow, CardRow, Cell, EventRow, Paint, ServiceRow, Status, Table, Tone, Why, ago,
};
use serde::de::DeserializeOwned;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a card may take to drain before `ctl card stop` stops to watch: the drain's own limit and a little.
const PATIENCE: Duration = Duration::from_secs(35);

/// Arguments of `ctl`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    server-module ctl status\n  \
    server-module ctl cards\n  \
    server-module ctl card 1.1\n  \
    server-module ctl card stop 1.1\n  \
    server-module ctl card 1.1 start\n  \
    server-module ctl service shop-1 --json\n  \
    server-module ctl why 1.1\n  \
    server-module ctl log --follow\n  \
    server-module ctl top\n  \
    server-module ctl reload\n\n\
    The module's socket is --socket, else SERVER_MODULE_SOCKET, else /var/lib/server-module/ctl.sock.\n\
    Exit status: 0 done, 1 the answer is no, 2 usage or configuration, 3 no server or no permission.")]
pub struct Args {
    /// The module's local socket
    #[arg(long, global = true, value_name = "PATH", env = "SERVER_MODULE_SOCKET")]
    socket: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// What to ask
    #[command(subcommand)]
    ask: Ask,
}

#[derive(Debug, clap::Subcommand)]
enum Ask {
    /// The cabinet in a few numbers
    Status,
    /// All cards
    Cards,
    /// One card, or stop or start it
    #[command(after_help = "Examples:\n  server-module ctl card 1.1\n  server-module ctl card stop 1.1\n  \
                            server-module ctl card 1.1 start\n\n\
                            A stop takes no new requests at once, lets running ones finish (30 seconds at most), then \
                            the card is off. Both are idempotent.")]
    Card(CardArgs),
    /// All services, one, or stop or start one
    #[command(after_help = "Examples:\n  server-module ctl service\n  server-module ctl service shop-1\n  \
                            server-module ctl service stop shop-1\n\n\
                            A stopped service takes no new requests on any of its cards; the cards stay as they are.")]
    Service {
        /// Its name and, before or after it, what to do: stop or start
        #[arg(num_args = 0..=2, value_name = "NAME|stop|start")]
        words: Vec<String>,
    },
    /// Why a card is not booted, not serving or not updated, since when, and what to do
    Why {
        /// The card's position
        card: Position,
    },
    /// The latest events: changes of state, commands, alarms
    Log {
        /// How many
        #[arg(long, short = 'n', default_value_t = 20)]
        lines: usize,
        /// Go on with new ones as they come
        #[arg(long, short)]
        follow: bool,
    },
    /// What wants an operator's eye
    Alarms,
    /// The cabinet as a picture that follows it; Ctrl-C ends it
    Top {
        /// Seconds between two pictures
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        interval: u64,
    },
    /// Read the configuration file again, whole or not at all
    Reload,
}

#[derive(Debug, clap::Args)]
struct CardArgs {
    /// The card's position and, before or after it, what to do: stop, start or fail
    #[arg(required = true, num_args = 1..=2, value_name = "C.S|stop|start|fail")]
    words: Vec<String>,
    /// Do not wait until the card has drained
    #[arg(long)]
    no_wait: bool,
}

/// Carries the command out.
pub(super) fn run(args: Args) -> Done {
    let mut client = Client::connect(args.socket)?;
    let (paint, json) = (Paint::stdout(), args.json);
    match args.ask {
        Ask::Status => {
            show(json, &client.ask::<Status>(&Request::Status)?, |status| status_text(status, paint));
        }
        Ask::Cards => {
            show(json, &client.ask::<Vec<CardRow>>(&Request::Cards)?, |cards| cards_text(cards, paint));
        }
        Ask::Card(words) => return card(&mut client, &words, json, paint),
        Ask::Service { words } => return service(&mut client, &words, json, paint),
        Ask::Why { card } => {
            show(json, &client.ask::<Why>(&Request::Why { card })?, |why| format!("{}\n", why.line()));
        }
        Ask::Log { lines, follow } => return log(&mut client, lines, follow, json, paint),
        Ask::Alarms => {
            show(json, &client.ask::<Vec<AlarmRow>>(&Request::Alarms)?, |alarms| alarms_text(alarms, paint));
        }
        Ask::Top { interval } => return top(&mut client, Duration::from_secs(interval), paint),
        Ask::Reload => show(json, &client.ask::<serde_json::Value>(&Request::Reload)?, |reply| {
            let number =
                |key: &str| reply.pointer(&format!("/reloaded/{key}")).map_or(0, |n| n.as_u64().unwrap_or(0));
            let ok = paint.tone(Tone::Good, "ok");
            format!(
                "{ok} the configuration is in force: {} cards, {} services\n",
                number("cards"),
                number("services")
            )
        }),
    }
    Ok(())
}

fn card(client: &mut Client, args: &CardArgs, json: bool, paint: Paint) -> Done {
    let (card, verb) = words(&args.words)?;
    let Some(verb) = verb else {
        show(json, &client.ask::<CardRow>(&Request::Card { card })?, |row| card_text(row, paint));
        return Ok(());
    };
    let reply: serde_json::Value = client.ask(&Request::Order { card, verb })?;
    let begun = Instant::now();
    let mut row: CardRow = client.ask(&Request::Card { card })?;
    while row.draining && !args.no_wait && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
        row = client.ask(&Request::Card { card })?;
    }
    let changed =
        reply == "draining" || reply.pointer("/card/changed").is_some_and(|changed| changed == true);
    show(json, &row, |row| {
        let state = paint.tone(tone(row), row.state_word());
        let already = if changed { "" } else { " (it was already so)" };
        format!("card {card} is {state}{already}: {}\n", row.cause)
    });
    Ok(())
}

fn service(client: &mut Client, words: &[String], json: bool, paint: Paint) -> Done {
    let (name, verb) = match words {
        [] => {
            show(json, &client.ask::<Vec<ServiceRow>>(&Request::Services)?, |s| services_text(s, paint));
            return Ok(());
        }
        [name] => (name, None),
        [first, second] => match (verb(first), verb(second)) {
            // A service may be called "stop": its name then comes second.
            (Some(verb), _) => (second, Some(verb)),
            (None, Some(verb)) => (first, Some(verb)),
            (None, None) => return Err(service_usage(format!("found \"{second}\", expected stop or start"))),
        },
        _ => return Err(service_usage("expected a service's name".into())),
    };
    if let Some(verb) = verb {
        let name = name.parse().map_err(|error: ParseError| service_usage(error.to_string()))?;
        client.ask::<serde_json::Value>(&Request::OrderService { name, verb })?;
    }
    show(json, &client.ask::<ServiceRow>(&Request::Service { name: name.clone() })?, |s| {
        service_text(s, paint)
    });
    Ok(())
}

fn log(client: &mut Client, lines: usize, follow: bool, json: bool, paint: Paint) -> Done {
    let mut after = None;
    loop {
        // A drain of the log is at most as long as the log itself.
        let lines = if after.is_none() { lines } else { usize::MAX };
        let events: Vec<EventRow> = client.ask(&Request::Log { lines, after })?;
        after = Some(events.last().map_or(after.unwrap_or(0), |event| event.number));
        if json && !follow {
            view::json(&events);
        }
        for event in &events {
            match (json, follow) {
                (true, true) => {
                    let line =
                        serde_json::to_string(event).map_err(|error| Exit::cannot(error.to_string()))?;
                    view::say(format_args!("{line}\n"));
                }
                (true, false) => {}
                (false, _) => {
                    let tone = if event.wrong { Tone::Bad } else { Tone::Plain };
                    let at = paint.tone(Tone::Quiet, &event.at);
                    view::say(format_args!("{at}  {}\n", paint.tone(tone, &event.text)));
                }
            }
        }
        if !follow {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Draws the picture anew over itself; where no terminal is, once. The last one stays when it is ended.
fn top(client: &mut Client, interval: Duration, paint: Paint) -> Done {
    let terminal = std::io::stdout().is_terminal();
    loop {
        let status: Status = client.ask(&Request::Status)?;
        let cards: Vec<CardRow> = client.ask(&Request::Cards)?;
        let services: Vec<ServiceRow> = client.ask(&Request::Services)?;
        let picture = top::picture(&status, &cards, &services, paint);
        if !terminal {
            view::say(picture);
            return Ok(());
        }
        // Home, each line cleared to its end, then everything below: no flicker and no second screen to leave.
        view::say(format_args!("\x1b[H{}\x1b[J", picture.replace('\n', "\x1b[K\n")));
        std::thread::sleep(interval);
    }
}

fn verb(word: &str) -> Option<Verb> {
    match word {
        "start" => Some(Verb::Start),
        "stop" => Some(Verb::Stop),
        "fail" => Some(Verb::Fail),
        _ => None,
    }
}

fn service_usage(message: String) -> Exit {
    Exit::usage(message).next("server-module ctl service shop-1, or ctl service stop shop-1")
}

/// A position and a verb, in either order.
fn words(words: &[String]) -> Result<(Position, Option<Verb>), Exit> {
    let usage =
        |message: String| Exit::usage(message).next("server-module ctl card 1.1, or ctl card stop 1.1");
    match words {
        [card] => match verb(card) {
            Some(_) => Err(usage(format!("found \"{card}\" alone, expected a card's position too"))),
            None => {
                card.parse().map(|card| (card, None)).map_err(|error: ParseError| usage(error.to_string()))
            }
        },
        [first, second] => {
            let (card, word) = if verb(first).is_some() { (second, first) } else { (first, second) };
            let card = card.parse().map_err(|error: ParseError| usage(error.to_string()))?;
            let verb =
                verb(word).ok_or_else(|| usage(format!("found \"{word}\", expected stop, start or fail")))?;
            Ok((card, Some(verb)))
        }
        _ => Err(usage("expected a card's position".into())),
    }
}

fn show<T: serde::Serialize>(json: bool, value: &T, text: impl FnOnce(&T) -> String) {
    if json {
        view::json(value);
    } else {
        view::say(text(value));
    }
}

fn status_text(status: &Status, paint: Paint) -> String {
    let cards = &status.cards;
    let mut text = format!(
        "{} has been running for {} (version {}, {} chassis of {} slots)\n",
        paint.tone(Tone::Strong, &status.name),
        ago(status.up),
        status.version,
        status.chassis,
        status.slots,
    );
    let number = |number: usize, word: &str, tone: Tone| {
        paint.tone(if number == 0 { Tone::Quiet } else { tone }, format_args!("{number} {word}"))
    };
    let counts = [
        number(cards.running, "running", Tone::Good),
        number(cards.assigned, "assigned", Tone::Warning),
        number(cards.available, "available", Tone::Notice),
        number(cards.failed, "failed", Tone::Bad),
        number(cards.off, "off", Tone::Plain),
    ];
    text.push_str(&format!("cards     {}: {}\n", cards.total, counts.join(", ")));
    let tone = if status.served == status.services { Tone::Good } else { Tone::Bad };
    let served = paint.tone(tone, format_args!("{} served", status.served));
    text.push_str(&format!("services  {}: {served}\n", status.services));
    text
}

fn cards_text(cards: &[CardRow], paint: Paint) -> String {
    let mut table = Table::new(["CARD", "STATE", "SINCE", "ADDRESS", "TEMP", "UPTIME", "SERVICES"]);
    for row in cards {
        table.row([
            Cell::new(&row.card).tone(Tone::Strong),
            Cell::new(row.state_word()).tone(tone(row)),
            Cell::new(ago(row.since)),
            Cell::new(&row.address),
            Cell::maybe(row.temperature.map(|degrees| format!("{degrees:.1} C"))),
            Cell::maybe(row.uptime.map(ago)),
            Cell::maybe((!row.services.is_empty()).then(|| row.services.join(", "))),
        ]);
    }
    table.render(paint)
}

fn card_text(row: &CardRow, paint: Paint) -> String {
    let mut table = Table::new(["CARD", ""]);
    let mut line = |name: &str, cell: Cell| table.row([Cell::new(name).tone(Tone::Quiet), cell]);
    line("position", Cell::new(&row.card).tone(Tone::Strong));
    line("state", Cell::new(row.state_word()).tone(tone(row)));
    line("since", Cell::new(format_args!("{} ago", ago(row.since))));
    line("because", Cell::new(&row.cause));
    line("address", Cell::new(&row.address));
    line("mac", Cell::maybe(row.mac.as_ref()));
    line("services", Cell::maybe((!row.services.is_empty()).then(|| row.services.join(", "))));
    line("uptime", Cell::maybe(row.uptime.map(ago)));
    line("temperature", Cell::maybe(row.temperature.map(|degrees| format!("{degrees:.1} C"))));
    line("software", Cell::maybe(row.software.as_ref()));
    line("hardware", Cell::maybe(row.hardware.as_ref()));
    table.render(paint).split_once('\n').map_or_else(String::new, |(_, rows)| rows.to_owned())
}

fn services_text(services: &[ServiceRow], paint: Paint) -> String {
    let mut table = Table::new(["SERVICE", "STATE", "SERVING", "NAMES", "CARDS", "MODE", "BALANCE"]);
    for row in services {
        let names: Vec<_> = row.sid.iter().chain(&row.sni).chain(&row.login).cloned().collect();
        let cards: Vec<_> = row.members.iter().map(|member| member.card.clone()).collect();
        table.row([
            Cell::new(&row.service).tone(Tone::Strong),
            Cell::new(&row.state).tone(service_tone(&row.state)),
            Cell::new(format_args!("{}/{}", row.serving, row.members.len())),
            Cell::new(super::shorten(&names, 3)),
            Cell::new(super::shorten(&cards, 6)),
            Cell::new(&row.mode),
            Cell::new(&row.balance),
        ]);
    }
    table.render(paint)
}

fn service_text(row: &ServiceRow, paint: Paint) -> String {
    let names: Vec<_> = row.sid.iter().chain(&row.sni).chain(&row.login).cloned().collect();
    let more = row.sids.saturating_sub(row.sid.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let mut text = format!(
        "{} is {}: {} of {} cards serve port {} ({}, {})\nnames  {}{more}\n\n",
        paint.tone(Tone::Strong, &row.service),
        paint.tone(service_tone(&row.state), &row.state),
        row.serving,
        row.members.len(),
        row.port,
        row.mode,
        row.balance,
        names.join(", "),
    );
    let mut table = Table::new(["CARD", "STANDING", "SINCE", "ROLE", "ADDRESS"]);
    for member in &row.members {
        let tone = match member.standing.as_str() {
            "serving" => Tone::Good,
            "draining" => Tone::Warning,
            _ => Tone::Bad,
        };
        table.row([
            Cell::new(&member.card).tone(Tone::Strong),
            Cell::new(&member.standing).tone(tone),
            Cell::new(ago(member.since)),
            Cell::new(&member.role),
            Cell::new(&member.address),
        ]);
    }
    text.push_str(&table.render(paint));
    text
}

fn alarms_text(alarms: &[AlarmRow], paint: Paint) -> String {
    if alarms.is_empty() {
        return format!("{} no alarms since the module started\n", paint.tone(Tone::Good, "ok"));
    }
    let mut table = Table::new(["TIMES", "FIRST", "LAST", "ALARM"]);
    for alarm in alarms {
        table.row([
            Cell::new(alarm.count).tone(Tone::Strong),
            Cell::new(&alarm.first).tone(Tone::Quiet),
            Cell::new(&alarm.last).tone(Tone::Quiet),
            Cell::new(&alarm.text).tone(Tone::Bad),
        ]);
    }
    table.render(paint)
}

fn service_tone(state: &str) -> Tone {
    match state {
        "up" => Tone::Good,
        "degraded" => Tone::Warning,
        "stopped" => Tone::Quiet,
        _ => Tone::Bad,
    }
}

/// A conversation with the module.
struct Client {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

impl Client {
    fn connect(path: Option<PathBuf>) -> Result<Self, Exit> {
        let path = path.unwrap_or_else(|| Path::new(DEFAULT_STATE).join("ctl.sock"));
        let stream = UnixStream::connect(&path).map_err(|error| {
            let shown = path.display();
            let next = match error.kind() {
                std::io::ErrorKind::PermissionDenied => {
                    "run it as root or as the user that the module runs as"
                }
                _ => {
                    "start one with server-module demo or run, or name its socket with --socket or \
                      SERVER_MODULE_SOCKET"
                }
            };
            Exit::cannot(format_args!("no module answers at {shown}: {error}")).next(next)
        })?;
        let limit = Some(Duration::from_secs(30));
        let _ = stream.set_read_timeout(limit).and(stream.set_write_timeout(limit));
        Ok(Self { stream: BufReader::new(stream), path })
    }

    fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, Exit> {
        let mut line = serde_json::to_string(request).map_err(|error| Exit::cannot(error.to_string()))?;
        line.push('\n');
        let mut text = String::new();
        let exchanged = self.stream.get_mut().write_all(line.as_bytes());
        exchanged
            .and_then(|()| self.stream.read_line(&mut text))
            .map_err(|error| self.lost(&error.to_string()))?;
        if text.is_empty() {
            return Err(self.lost("it closed the conversation"));
        }
        match serde_json::from_str(&text) {
            Ok(Answer::Ok(value)) => {
                serde_json::from_value(value).map_err(|error| self.lost(&error.to_string()))
            }
            Ok(Answer::Error(Failure { status, message, next })) => {
                let exit = match status {
                    1 => Exit::no(message),
                    2 => Exit::usage(message),
                    _ => Exit::cannot(message),
                };
                Err(Exit { next, ..exit })
            }
            Err(error) => Err(self.lost(&error.to_string())),
        }
    }

    fn lost(&self, why: &str) -> Exit {
        Exit::cannot(format_args!("the module at {} did not answer: {why}", self.path.display()))
            .next("look at its log, and use the same version of server-module on both sides")
    }
}
