//! From rows to pages.

use super::guard::Person;
use crate::view::{CardRow, Status, ago};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;
use serde_json::{Value, json};

/// The pages' texts, read once.
pub(super) struct Pages(Environment<'static>);

/// A chassis as the picture shows it.
#[derive(Debug, Serialize)]
pub(super) struct Chassis<'a> {
    number: u8,
    /// Every slot: its number, and its card when there is one.
    slots: Vec<(u8, Option<&'a CardRow>)>,
    /// Whether any slot has a card.
    used: bool,
}

/// The cabinet's chassis from the first to the last.
pub(super) fn chassis<'a>(status: &Status, cards: &'a [CardRow]) -> Vec<Chassis<'a>> {
    let find = |chassis, slot| cards.iter().find(|card| card.chassis == chassis && card.slot == slot);
    (1..=status.chassis)
        .map(|number| {
            let slots: Vec<_> = (1..=status.slots).map(|slot| (slot, find(number, slot))).collect();
            let used = slots.iter().any(|(_, card)| card.is_some());
            Chassis { number, slots, used }
        })
        .collect()
}

impl Pages {
    pub(super) fn new() -> Self {
        let mut pages = Environment::new();
        pages.set_auto_escape_callback(|_| AutoEscape::Html);
        pages.add_filter("ago", ago);
        let texts = [
            ("layout.html", include_str!("pages/layout.html")),
            ("overview.html", include_str!("pages/overview.html")),
            ("card.html", include_str!("pages/card.html")),
            ("service.html", include_str!("pages/service.html")),
            ("problem.html", include_str!("pages/problem.html")),
            ("login.html", include_str!("pages/login.html")),
        ];
        for (name, text) in texts {
            // The texts are part of the program; a test renders each of them.
            pages.add_template(name, text).unwrap_or_else(|error| unreachable!("{name}: {error}"));
        }
        Self(pages)
    }

    /// A page for a person who has logged in.
    pub(super) fn show(&self, name: &str, person: &Person, mut values: Value) -> Response {
        values["person"] = json!({ "name": person.name, "role": person.role, "csrf": person.csrf });
        self.page(name, &values)
    }

    /// The login page, with what was wrong the last time.
    pub(super) fn login(&self, module: &str, wrong: Option<&str>) -> Response {
        self.page("login.html", &json!({ "module": module, "wrong": wrong }))
    }

    fn page(&self, name: &str, values: &Value) -> Response {
        match self.0.get_template(name).and_then(|page| page.render(Serde(values))) {
            Ok(text) => super::html(text),
            Err(error) => {
                tracing::error!(%error, page = name, "a page cannot be made");
                (StatusCode::INTERNAL_SERVER_ERROR, "this page cannot be made\n").into_response()
            }
        }
    }
}
