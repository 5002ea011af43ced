//! `server-module ctl top`: the cabinet as a picture that follows it.

use crate::view::{CardRow, Paint, ServiceRow, Status, Tone, ago};

/// How many lines of trouble are shown: the whole picture fits a terminal of 80 by 24 with a dozen chassis.
const TROUBLE: usize = 8;

/// The picture.
pub(super) fn picture(status: &Status, cards: &[CardRow], services: &[ServiceRow], paint: Paint) -> String {
    let counts = &status.cards;
    let mut text = format!(
        "{}  up {}  {}  {}  {}  {}  {}  services {}/{}\n\n",
        paint.tone(Tone::Strong, &status.name),
        ago(status.up),
        number(paint, Tone::Good, counts.running, "running"),
        number(paint, Tone::Warning, counts.assigned, "assigned"),
        number(paint, Tone::Notice, counts.available, "available"),
        number(paint, Tone::Bad, counts.failed, "failed"),
        number(paint, Tone::Plain, counts.off, "off"),
        status.served,
        status.services,
    );
    let chassis: std::collections::BTreeSet<u8> = cards.iter().map(|card| card.chassis).collect();
    text.push_str("    ");
    (1..=status.slots).for_each(|slot| text.push_str(&format!("{slot:>3} ")));
    text.push('\n');
    for number in chassis {
        text.push_str(&format!("{number:>3} "));
        for slot in 1..=status.slots {
            let card = cards.iter().find(|card| card.chassis == number && card.slot == slot);
            text.push_str(&card.map_or_else(|| paint.tone(Tone::Quiet, "  · "), |card| cell(card, paint)));
        }
        text.push('\n');
    }
    text.push_str(
        &paint.tone(Tone::Quiet, "    R running  A assigned  . available  D draining  F failed  - off\n"),
    );
    let trouble = cards.iter().filter(|card| matches!(card.state.as_str(), "failed" | "assigned"));
    let mut trouble: Vec<_> = trouble
        .map(|card| {
            (
                tone(card),
                format!("{:<6} {:<9} {:>7}  {}", card.card, card.state_word(), ago(card.since), card.cause),
            )
        })
        .collect();
    trouble.extend(services.iter().filter(|service| service.state != "up").map(|service| {
        let serving = format!("{} of {} cards serve", service.serving, service.members.len());
        (
            if service.state == "down" { Tone::Bad } else { Tone::Warning },
            format!("{} is {}: {serving}", service.service, service.state),
        )
    }));
    if !trouble.is_empty() {
        text.push('\n');
    }
    for (tone, line) in trouble.iter().take(TROUBLE) {
        text.push_str(&format!("{}\n", paint.tone(*tone, line)));
    }
    if trouble.len() > TROUBLE {
        text.push_str(&format!("and {} more: server-module ctl cards\n", trouble.len() - TROUBLE));
    }
    text
}

fn number(paint: Paint, tone: Tone, number: usize, word: &str) -> String {
    paint.tone(if number == 0 { Tone::Quiet } else { tone }, format_args!("{number} {word}"))
}

/// A slot: a letter, so that no colour is needed to read it.
fn cell(card: &CardRow, paint: Paint) -> String {
    let letter = match card.state_word() {
        "running" => "R",
        "assigned" => "A",
        "available" => ".",
        "draining" => "D",
        "failed" => "F",
        _ => "-",
    };
    format!(" {}", paint.tone(tone(card), format_args!("[{letter}]")))
}

pub(super) fn tone(row: &CardRow) -> Tone {
    match row.state_word() {
        "running" => Tone::Good,
        "failed" => Tone::Bad,
        "assigned" | "draining" => Tone::Warning,
        "available" => Tone::Notice,
        _ => Tone::Quiet,
    }
}
