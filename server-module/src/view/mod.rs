//! What people see: tables, colours, JSON.

mod events;
mod metrics;
mod model;
mod paint;
mod table;
mod why;

use crate::cli::Exit;

pub use events::{AlarmRow, EventRow, rfc3339};
pub use metrics::metrics;
pub use model::{CardRow, Counts, MemberRow, ServiceRow, Status, ago};
pub use paint::{Paint, Tone};
pub use table::{Cell, Table};
pub use why::Why;

/// Says on stderr why a command failed and what to do next; in colour on a terminal.
pub fn complain(exit: &Exit) {
    if exit.message.is_empty() {
        return;
    }
    let paint = Paint::stderr();
    eprintln!("{} {}", paint.tone(Tone::Bad, "error:"), exit.message);
    if let Some(next) = &exit.next {
        eprintln!("{} {next}", paint.tone(Tone::Notice, "next:"));
    }
}

/// Prints on stdout; a reader that has gone away (`| head`) is no error.
pub fn say(text: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = std::io::stdout().lock().write_fmt(format_args!("{text}"));
}

/// Prints a value as JSON with a newline at its end.
pub fn json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => say(format_args!("{text}\n")),
        Err(error) => eprintln!("cannot be written as JSON: {error}"),
    }
}
