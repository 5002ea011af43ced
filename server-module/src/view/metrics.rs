//! The cabinet in Prometheus' text format, version 0.0.4.

use crate::cabinet::{Alarm, Cabinet, State, Used};
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::time::Duration;

/// Everything that is counted, at `now`.
pub fn metrics(cabinet: &Cabinet, now: Duration) -> String {
    let (inventory, stats) = (cabinet.inventory(), cabinet.stats());
    let mut page = Page::default();
    page.family("server_module_info", "gauge", "The program, by its version.");
    page.sample(
        "server_module_info",
        &[("version", &env!("CARGO_PKG_VERSION")), ("name", &inventory.name)],
        1,
    );
    page.family("server_module_up_seconds", "gauge", "How long the module has been running.");
    page.sample("server_module_up_seconds", &[], now.as_secs_f64());

    page.family("server_module_cards", "gauge", "Cards in each state.");
    for (state, number) in inventory.counts() {
        page.sample("server_module_cards", &[("state", &state)], number);
    }
    page.family("server_module_card_running", "gauge", "1 while a card serves, else 0.");
    for card in inventory.cards.values() {
        let running = u8::from(card.state == State::Running);
        page.sample("server_module_card_running", &[("card", &card.position)], running);
    }
    page.family("server_module_card_temperature_celsius", "gauge", "A card's temperature by its own report.");
    for card in inventory.cards.values() {
        if let Some(tenths) = card.temperature() {
            let degrees = f64::from(tenths) / 10.0;
            page.sample("server_module_card_temperature_celsius", &[("card", &card.position)], degrees);
        }
    }
    page.family("server_module_service_members", "gauge", "Cards of a service.");
    for active in &inventory.services {
        page.sample(
            "server_module_service_members",
            &[("service", &active.service.name)],
            active.members.len(),
        );
    }
    page.family("server_module_service_serving", "gauge", "Cards of a service that serve.");
    for active in &inventory.services {
        page.sample("server_module_service_serving", &[("service", &active.service.name)], active.serving());
    }

    for (name, help, count) in [
        ("server_module_transitions_total", "Changes of a card's state; as many traps.", stats.transitions),
        ("server_module_commands_total", "Commands carried out.", stats.commands),
        ("server_module_refusals_total", "Commands refused.", stats.refusals),
        ("server_module_probes_total", "Questions to service ports.", stats.probes),
        ("server_module_probe_failures_total", "Questions that failed.", stats.probe_failures),
        ("server_module_events_lost_total", "Traps and events dropped because nobody took them.", stats.lost),
    ] {
        page.family(name, "counter", help);
        page.sample(name, &[], count);
    }
    let mut alarms: BTreeMap<&str, u64> = BTreeMap::new();
    for (alarm, told) in cabinet.alarms() {
        *alarms.entry(kind(alarm)).or_default() += told.count;
    }
    page.family("server_module_alarms_total", "counter", "What wants an operator's eye, by its kind.");
    for (kind, count) in alarms {
        page.sample("server_module_alarms_total", &[("kind", &kind)], count);
    }
    used(&mut page, cabinet);
    page.0
}

/// A counter's name, its help, and its value of what was used.
type Family = (&'static str, &'static str, fn(&Used) -> f64);

fn used(page: &mut Page, cabinet: &Cabinet) {
    let shares: Vec<_> = cabinet.usage().collect();
    let number: [Family; 5] = [
        (
            "server_module_request_bytes_total",
            "Bytes of requests' bodies, and of customers' sessions.",
            |used| used.bytes_in as f64,
        ),
        ("server_module_response_bytes_total", "Bytes of answers' bodies, and of cards' sessions.", |used| {
            used.bytes_out as f64
        }),
        ("server_module_broken_answers_total", "Answers that did not go out whole.", |used| {
            used.broken as f64
        }),
        ("server_module_local_requests_total", "Requests of customers local to this POP.", |used| {
            used.local as f64
        }),
        ("server_module_wait_seconds_total", "From request to first byte, summed.", |used| {
            used.waited.as_secs_f64()
        }),
    ];
    page.family(
        "server_module_requests_total",
        "counter",
        "Requests and sessions that are over, by their answer's class: none for those without HTTP answer.",
    );
    for (service, card, used) in &shares {
        let card = card.map_or_else(String::new, |card| card.to_string());
        let classes =
            used.status.iter().enumerate().map(|(class, count)| (format!("{}xx", class + 1), *count));
        for (code, count) in classes.chain([("none".to_owned(), used.unanswered())]) {
            let labels: [(&str, &dyn Display); 3] = [("service", service), ("card", &card), ("code", &code)];
            page.sample("server_module_requests_total", &labels, count);
        }
    }
    for (name, help, value) in number {
        page.family(name, "counter", help);
        for (service, card, used) in &shares {
            let card = card.map_or_else(String::new, |card| card.to_string());
            page.sample(name, &[("service", service), ("card", &card)], value(used));
        }
    }
}

const fn kind(alarm: &Alarm) -> &'static str {
    match alarm {
        Alarm::UnknownMac { .. } => "unknown-mac",
        Alarm::ForeignRead { .. } => "foreign-read",
        Alarm::StrangeRead { .. } => "strange-read",
        Alarm::FileNotMade { .. } => "file-not-made",
        Alarm::FailedLogin { .. } => "failed-login",
        Alarm::BadCommunity { .. } => "bad-community",
    }
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &dyn Display)], value: impl Display) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            self.0.push(if index == 0 { '{' } else { ',' });
            let text = text.to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{label}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }
}
