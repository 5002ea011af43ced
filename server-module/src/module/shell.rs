//! What the local socket is asked and answers. Root and the server's own user are operators, nobody else is anything.

use crate::cabinet::{Alarm, Cabinet, Command, Event, Name, Position, Refusal, Reply, Role, Told, Via, Who};
use crate::module::handle::{Gone, Handle, Unanswered};
use crate::view::{AlarmRow, CardRow, EventRow, ServiceRow, Status, Why};
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::sync::Arc;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask", deny_unknown_fields)]
pub enum Request {
    /// The cabinet in a few numbers.
    Status,
    /// All cards.
    Cards,
    /// One card.
    Card {
        /// Which.
        card: Position,
    },
    /// A command to one card.
    Order {
        /// Which.
        card: Position,
        /// What.
        verb: Verb,
    },
    /// All services.
    Services,
    /// One service.
    Service {
        /// Which.
        name: String,
    },
    /// A command to one service.
    OrderService {
        /// Which.
        name: Name,
        /// What.
        verb: Verb,
    },
    /// Why a card is as it is.
    Why {
        /// Which.
        card: Position,
    },
    /// The latest events.
    Log {
        /// How many at most.
        lines: usize,
        /// Only those with greater numbers.
        after: Option<u64>,
    },
    /// The alarms since the module started.
    Alarms,
    /// Read the configuration again.
    Reload,
}

/// What can be ordered of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Serve again.
    Start,
    /// Finish what runs, then serve nothing.
    Stop,
    /// Count as failed at once.
    Fail,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// What was asked for.
    Ok(serde_json::Value),
    /// Why not.
    Error(Failure),
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The exit status that the command line gives: 1 the answer is no, 2 usage or configuration, 3 cannot be done.
    pub status: u8,
    /// What happened.
    pub message: String,
    /// What to do next.
    pub next: Option<String>,
}

/// Reads the configuration again and puts it in force, or tells what is wrong with it.
pub type Reread =
    Arc<dyn Fn(Who) -> Pin<Box<dyn Future<Output = Result<Reply, String>> + Send>> + Send + Sync>;

/// Answers requests from the cabinet.
#[derive(Clone)]
pub struct Shell {
    /// The cabinet.
    pub handle: Handle,
    /// Reads the configuration again.
    pub reread: Reread,
}

impl Shell {
    /// Answers a line that user `uid` sent to a server of user `owner`.
    pub async fn answer(&self, line: &str, uid: u32, owner: u32) -> Answer {
        if uid != 0 && uid != owner {
            return refuse(3, "the control socket is for root and the server's own user only")
                .advise(format!("run it as uid {owner}, or with sudo"))
                .into();
        }
        match serde_json::from_str(line) {
            Ok(request) => carry_out(request, uid, &self.handle, &self.reread).await,
            Err(error) => refuse(2, format!("cannot read the request: {error}"))
                .advise("use the same version of server-module on both sides")
                .into(),
        }
    }
}

async fn carry_out(request: Request, uid: u32, handle: &Handle, reread: &Reread) -> Answer {
    let inventory = handle.snapshot();
    let now = handle.clock().now();
    let who =
        || Who::new(if uid == 0 { "root".into() } else { format!("uid {uid}") }, Role::Operator, Via::Ctl);
    match request {
        Request::Status => ok(&Status::of(&inventory, now)),
        Request::Cards => ok(&CardRow::all(&inventory, now)),
        Request::Services => ok(&ServiceRow::all(&inventory, now)),
        Request::Card { card } => match inventory.card(card) {
            Some(card) => ok(&CardRow::of(card, now)),
            None => Failure::from(Refusal::NoSuchCard(card)).into(),
        },
        Request::Service { name } => match inventory.service(&name) {
            Some(active) => ok(&ServiceRow::of(active, now)),
            None => refuse(1, format!("there is no service {name}"))
                .advise("server-module ctl service lists them")
                .into(),
        },
        Request::Order { card, verb } => {
            let command = match verb {
                Verb::Start => Command::StartCard(card),
                Verb::Stop => Command::StopCard(card),
                Verb::Fail => Command::FailCard(card),
            };
            reply(handle.command(who(), command).await)
        }
        Request::OrderService { name, verb } => {
            let command = match verb {
                Verb::Start => Command::StartService(name),
                Verb::Stop => Command::StopService(name),
                Verb::Fail => return refuse(2, "a service cannot be failed, only its cards").into(),
            };
            reply(handle.command(who(), command).await)
        }
        Request::Why { card } => match inventory.card(card) {
            Some(found) => ok(&Why::of(found, &inventory, now)),
            None => Failure::from(Refusal::NoSuchCard(card)).into(),
        },
        Request::Log { lines, after } => {
            let after = after.unwrap_or(0);
            let look = move |cabinet: &Cabinet| {
                let events = cabinet.log().rev().take_while(|event| event.number > after).take(lines);
                let mut events: Vec<_> = events.cloned().collect();
                events.reverse();
                events
            };
            let rows = |events: Vec<Event>| -> Vec<_> {
                events.iter().map(|event| EventRow::of(event, handle.clock())).collect()
            };
            seen(handle.look(look).await.map(rows))
        }
        Request::Alarms => {
            let look =
                |cabinet: &Cabinet| cabinet.alarms().map(|(a, told)| (a.clone(), told)).collect::<Vec<_>>();
            let rows = |alarms: Vec<(Alarm, Told)>| -> Vec<_> {
                alarms.iter().map(|(alarm, told)| AlarmRow::of(alarm, *told, handle.clock())).collect()
            };
            seen(handle.look(look).await.map(rows))
        }
        Request::Reload => match reread(who()).await {
            Ok(reply) => ok(&reply),
            Err(problems) => {
                refuse(2, problems).advise("mend the file; the old configuration is still in force").into()
            }
        },
    }
}

fn reply(result: Result<Reply, Unanswered>) -> Answer {
    match result {
        Ok(reply) => ok(&reply),
        Err(Unanswered::Refused(refusal)) => Failure::from(refusal).into(),
        Err(Unanswered::Gone(gone)) => refuse(3, gone.to_string()).into(),
    }
}

fn seen(rows: Result<Vec<impl Serialize>, Gone>) -> Answer {
    match rows {
        Ok(rows) => ok(&rows),
        Err(gone) => refuse(3, gone.to_string()).into(),
    }
}

fn ok(value: &impl Serialize) -> Answer {
    match serde_json::to_value(value) {
        Ok(value) => Answer::Ok(value),
        Err(error) => refuse(3, error.to_string()).into(),
    }
}

fn refuse(status: u8, message: impl Into<String>) -> Failure {
    Failure { status, message: message.into(), next: None }
}

impl Failure {
    fn advise(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        Self::Error(failure)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::NoSuchCard(_) => refuse(1, message).advise("server-module ctl cards lists them"),
            Refusal::NoSuchService(_) => refuse(1, message).advise("server-module ctl service lists them"),
            Refusal::Definition(_) => refuse(2, message).advise("server-module check tells where it stands"),
            _ => refuse(1, message),
        }
    }
}
