//! Colours, where a terminal wants them.

use crate::cabinet::{Standing, State};
use anstyle::{AnsiColor, Color, Style};
use std::fmt::Display;
use std::io::IsTerminal;

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

/// The few styles that mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// A heading, a name.
    Strong,
    /// What is there if wanted.
    Quiet,
    /// All is well.
    Good,
    /// On its way, or a hint.
    Notice,
    /// Wants an eye.
    Warning,
    /// Wrong.
    Bad,
}

impl Paint {
    /// For stdout: on a terminal, unless NO_COLOR is set.
    pub fn stdout() -> Self {
        Self { on: std::io::stdout().is_terminal() && wanted() }
    }

    /// For stderr: on a terminal, unless NO_COLOR is set.
    pub fn stderr() -> Self {
        Self { on: std::io::stderr().is_terminal() && wanted() }
    }

    /// Never, or always.
    pub const fn fixed(on: bool) -> Self {
        Self { on }
    }

    /// The text in a tone.
    pub fn tone(self, tone: Tone, text: impl Display) -> String {
        let style = tone.style();
        if self.on && tone != Tone::Plain {
            format!("{}{text}{}", style.render(), style.render_reset())
        } else {
            text.to_string()
        }
    }
}

impl Tone {
    fn style(self) -> Style {
        let colour = |colour| Style::new().fg_color(Some(Color::Ansi(colour)));
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Quiet => Style::new().dimmed(),
            Self::Good => colour(AnsiColor::Green),
            Self::Notice => colour(AnsiColor::Cyan),
            Self::Warning => colour(AnsiColor::Yellow),
            Self::Bad => colour(AnsiColor::Red).bold(),
        }
    }
}

impl From<State> for Tone {
    fn from(state: State) -> Self {
        match state {
            State::Off => Self::Quiet,
            State::Available => Self::Notice,
            State::Assigned => Self::Warning,
            State::Running => Self::Good,
            State::Failed => Self::Bad,
        }
    }
}

impl From<Standing> for Tone {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Serving => Self::Good,
            Standing::Draining => Self::Warning,
            Standing::Down => Self::Bad,
        }
    }
}

fn wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
