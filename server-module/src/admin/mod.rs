//! The admin pages: a login, the cabinet as a picture, its cards and services, over TLS.
//!
//! Pages are made on the server and need no script; people log in with a form and a cookie, scripts with HTTP Basic,
//! and get JSON for `Accept: application/json`. Whatever changes something is a [`Command`] like any other.

mod accounts;
mod guard;
mod render;
mod session;
mod tls;

use crate::cabinet::{
    Alarm, Cabinet, Card, Command, Input, Name, Position, Refusal, Role, State as CardState,
};
use crate::module::handle::{Handle, Unanswered};
use crate::view::{CardRow, EventRow, ServiceRow, Status, Why};
use axum::extract::{Form, Path, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use guard::Person;
use render::Pages;
use serde_json::json;
use session::{COOKIE, Sessions};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

pub use accounts::{Accounts, Denied, random_word};
pub use tls::Identity;

/// How many events the first page shows.
const EVENTS_SHOWN: usize = 12;

/// What the pages are made from.
#[derive(Clone)]
pub struct Admin {
    handle: Handle,
    accounts: Accounts,
    sessions: Sessions,
    pages: Arc<Pages>,
}

impl Admin {
    /// Pages over this cabinet for these accounts.
    pub fn new(handle: Handle, accounts: Accounts) -> Self {
        Self { handle, accounts, sessions: Sessions::default(), pages: Arc::new(Pages::new()) }
    }

    /// The pages as a service, without its TLS.
    pub fn router(self) -> Router {
        Router::new()
            .route("/", get(overview))
            .route("/cards/{card}", get(card).post(order_card))
            .route("/services/{name}", get(service).post(order_service))
            .route("/login", get(login_page).post(login))
            .route("/logout", post(logout))
            .route("/style.css", get(style))
            .fallback(nothing)
            .layer(axum::extract::DefaultBodyLimit::max(16 * 1024))
            .layer(axum::middleware::from_fn(guard::harden))
            .with_state(self)
    }

    /// Serves the pages over TLS until the task is dropped.
    ///
    /// # Errors
    /// The listener cannot be used.
    pub async fn serve(self, listener: TcpListener, identity: &Identity) -> std::io::Result<()> {
        listener.set_nonblocking(true)?;
        let tls = axum_server::tls_rustls::RustlsConfig::from_config(with_alpn(identity));
        let service = self.router().into_make_service_with_connect_info::<SocketAddr>();
        axum_server::from_tcp_rustls(listener, tls)?
            .first_request_timeout(Duration::from_secs(10))
            .serve(service)
            .await
    }
}

fn with_alpn(identity: &Identity) -> Arc<rustls::ServerConfig> {
    let mut config = rustls::ServerConfig::clone(&identity.server);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

async fn overview(State(admin): State<Admin>, person: Person, headers: HeaderMap) -> Response {
    let (inventory, now) = (admin.handle.snapshot(), admin.handle.clock().now());
    let mut status = Status::of(&inventory, now);
    let shown = |card: &&Card| person.sees_card(&inventory, card.position);
    let cards: Vec<_> = inventory.cards.values().filter(shown).map(|card| CardRow::of(card, now)).collect();
    let services = inventory.services.iter().filter(|active| person.sees_service(active));
    let services: Vec<_> = services.map(|active| ServiceRow::of(active, now)).collect();
    if person.role == Role::User {
        status.restrict(&cards, &services);
    }
    if wants_json(&headers) {
        return Json(json!({ "status": status, "cards": cards, "services": services })).into_response();
    }
    let trouble = inventory.cards.values().filter(shown);
    let trouble = trouble.filter(|card| matches!(card.state, CardState::Failed | CardState::Assigned));
    let trouble: Vec<_> = trouble.map(|card| Why::of(card, &inventory, now)).collect();
    let events = if person.role == Role::User { Vec::new() } else { admin.events(EVENTS_SHOWN).await };
    let chassis = render::chassis(&status, &cards);
    let values = json!({
        "status": status, "cards": cards, "services": services, "chassis": chassis, "trouble": trouble,
        "events": events,
    });
    admin.pages.show("overview.html", &person, values)
}

async fn card(
    State(admin): State<Admin>,
    person: Person,
    Path(card): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (inventory, now) = (admin.handle.snapshot(), admin.handle.clock().now());
    let found = card.parse::<Position>().ok().and_then(|position| inventory.card(position));
    let found = found.filter(|card| person.sees_card(&inventory, card.position));
    let Some(found) = found else { return admin.missing(&person, &format!("There is no card {card}.")) };
    let row = CardRow::of(found, now);
    if wants_json(&headers) {
        return Json(row).into_response();
    }
    let services: Vec<_> =
        inventory.services_of(found.position).map(|active| ServiceRow::of(active, now)).collect();
    admin.pages.show(
        "card.html",
        &person,
        json!({ "card": row, "services": services, "status": Status::of(&inventory, now) }),
    )
}

async fn service(
    State(admin): State<Admin>,
    person: Person,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (inventory, now) = (admin.handle.snapshot(), admin.handle.clock().now());
    let Some(found) = inventory.service(&name).filter(|active| person.sees_service(active)) else {
        return admin.missing(&person, &format!("There is no service {name}."));
    };
    let row = ServiceRow::of(found, now);
    if wants_json(&headers) {
        return Json(row).into_response();
    }
    admin.pages.show(
        "service.html",
        &person,
        json!({ "service": row, "status": Status::of(&inventory, now) }),
    )
}

#[derive(serde::Deserialize)]
struct Order {
    verb: String,
    #[serde(default)]
    csrf: String,
}

async fn order_card(
    State(admin): State<Admin>,
    person: Person,
    Path(card): Path<String>,
    headers: HeaderMap,
    Form(order): Form<Order>,
) -> Response {
    let Ok(position) = card.parse::<Position>() else {
        return admin.missing(&person, &format!("There is no card {card}."));
    };
    let command = match order.verb.as_str() {
        "stop" => Command::StopCard(position),
        "start" => Command::StartCard(position),
        verb => {
            return admin.problem(&person, StatusCode::BAD_REQUEST, &format!("There is no order {verb:?}."));
        }
    };
    admin.carry_out(&person, &order, command, &headers, &format!("/cards/{position}")).await
}

async fn order_service(
    State(admin): State<Admin>,
    person: Person,
    Path(name): Path<String>,
    headers: HeaderMap,
    Form(order): Form<Order>,
) -> Response {
    let Ok(service) = name.parse::<Name>() else {
        return admin.missing(&person, &format!("There is no service {name}."));
    };
    let back = format!("/services/{service}");
    let command = match order.verb.as_str() {
        "stop" => Command::StopService(service),
        "start" => Command::StartService(service),
        verb => {
            return admin.problem(&person, StatusCode::BAD_REQUEST, &format!("There is no order {verb:?}."));
        }
    };
    admin.carry_out(&person, &order, command, &headers, &back).await
}

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
}

async fn login_page(State(admin): State<Admin>) -> Response {
    admin.pages.login(&admin.handle.snapshot().name.to_string(), None)
}

async fn login(
    State(admin): State<Admin>,
    axum::extract::ConnectInfo(peer): axum::extract::ConnectInfo<SocketAddr>,
    Form(login): Form<Login>,
) -> Response {
    let checked = admin.accounts.check(&login.name, &login.password, peer.ip()).await;
    let begun = checked.map(|role| admin.sessions.begin(&login.name, role));
    match begun {
        Ok(Ok(token)) => {
            let cookie = format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict");
            ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
        }
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("no session could be made: {error}\n"))
            .into_response(),
        Err(denied) => {
            admin.handle.try_report(Input::Alarm(Alarm::FailedLogin { from: peer.ip() }));
            let status = match denied {
                Denied::Wrong => StatusCode::FORBIDDEN,
                Denied::TooOften => StatusCode::TOO_MANY_REQUESTS,
            };
            let name = admin.handle.snapshot().name.to_string();
            (status, admin.pages.login(&name, Some(&denied.to_string()))).into_response()
        }
    }
}

async fn logout(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    if let Some(token) = guard::session_token(&headers) {
        admin.sessions.end(token);
    }
    let cookie = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    ([(SET_COOKIE, cookie)], Redirect::to("/login")).into_response()
}

async fn style() -> Response {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "max-age=3600")];
    (headers, include_str!("pages/style.css")).into_response()
}

async fn nothing(State(admin): State<Admin>, person: Person) -> Response {
    admin.missing(&person, "There is no such page.")
}

impl Admin {
    /// Gives a command for a person, and goes back to the page it came from.
    async fn carry_out(
        &self,
        person: &Person,
        order: &Order,
        command: Command,
        headers: &HeaderMap,
        back: &str,
    ) -> Response {
        if person.csrf.as_ref().is_some_and(|csrf| *csrf != order.csrf) {
            return self.problem(person, StatusCode::FORBIDDEN, "This form is too old. Open the page again.");
        }
        match self.handle.command(person.who(), command).await {
            Ok(reply) if wants_json(headers) => Json(reply).into_response(),
            Ok(_) => Redirect::to(back).into_response(),
            Err(Unanswered::Gone(gone)) => {
                self.problem(person, StatusCode::SERVICE_UNAVAILABLE, &gone.to_string())
            }
            Err(Unanswered::Refused(refusal)) => {
                let status = match refusal {
                    Refusal::NoSuchCard(_) | Refusal::NoSuchService(_) => StatusCode::NOT_FOUND,
                    Refusal::NotAllowed { .. } => StatusCode::FORBIDDEN,
                    _ => StatusCode::CONFLICT,
                };
                self.problem(person, status, &refusal.to_string())
            }
        }
    }

    /// The latest events, the newest first.
    async fn events(&self, number: usize) -> Vec<EventRow> {
        let clock = self.handle.clock();
        let look = move |cabinet: &Cabinet| {
            cabinet.log().rev().take(number).map(|event| EventRow::of(event, clock)).collect()
        };
        self.handle.look(look).await.unwrap_or_default()
    }

    fn missing(&self, person: &Person, what: &str) -> Response {
        self.problem(person, StatusCode::NOT_FOUND, what)
    }

    fn problem(&self, person: &Person, status: StatusCode, what: &str) -> Response {
        (status, self.pages.show("problem.html", person, json!({ "what": what }))).into_response()
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|a| a.contains("application/json"))
}

/// A page as an answer.
fn html(text: String) -> Response {
    Html(text).into_response()
}
