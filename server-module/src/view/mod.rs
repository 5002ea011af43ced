//! What people see: tables, colours, JSON.

use crate::cli::Exit;
use std::io::IsTerminal;

/// Says on stderr why a command failed and what to do next; in colour on a terminal.
pub fn complain(exit: &Exit) {
    if exit.message.is_empty() {
        return;
    }
    let (red, cyan, off) =
        if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) {
            ("\x1b[1;31m", "\x1b[36m", "\x1b[0m")
        } else {
            ("", "", "")
        };
    eprintln!("{red}error:{off} {}", exit.message);
    if let Some(next) = &exit.next {
        eprintln!("{cyan}next:{off} {next}");
    }
}
