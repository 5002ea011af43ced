//! From an inventory and a notice to what each card does now, and why (patent rows U8 and U9).

use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU64;

use sha2::{Digest as _, Sha256};

use super::card::{Card, Position, Progress};
use super::notice::{Notice, Void};
use super::scope::Scope;
use super::window::{Moment, UnixTime};
use crate::wire::Severity;

/// What holds for the whole cabinet when decisions are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation<'a> {
    /// The time.
    pub now: UnixTime,
    /// The minute of the cabinet's own day.
    pub minute: u16,
    /// The cabinet's name: the same card position in two cabinets may belong to two waves.
    pub module: &'a str,
    /// How many cards may install or commit at a time.
    pub in_flight: usize,
    /// What services ask for.
    pub services: &'a [Rule],
}

/// What a service asks for while its cards are updated. A service without a rule keeps one card serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The service, as [`Card::service`] has it.
    pub service: u32,
    /// How many of its cards go on serving; a critical update only respects one.
    pub serving: usize,
    /// Whether versions must not be mixed for longer than it takes: no card commits before all have staged.
    pub together: bool,
}

/// What a card does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'n> {
    /// Which card.
    pub card: Position,
    /// What it does.
    pub verdict: Verdict<'n>,
}

/// What a card does now, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'n> {
    /// It fetches and stages the package, and goes on serving.
    Stage,
    /// It changes over to what it has staged.
    Commit,
    /// Nothing yet.
    Wait(Hold),
    /// Nothing, for good.
    Leave(Reason<'n>),
}

/// What a card waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It is at it.
    Installing,
    /// The window has not begun.
    NotBefore(UnixTime),
    /// These hours are over or have not begun; they begin in so many minutes.
    Hours(u16),
    /// Its wave has not opened.
    Wave {
        /// Which, from 0.
        number: u8,
        /// When it opens.
        opens_at: UnixTime,
    },
    /// It is to be switched on anew.
    PowerUp,
    /// Its service would have too few cards.
    Service {
        /// How many go on serving.
        serving: usize,
    },
    /// Other cards of its service have not staged yet.
    Together,
    /// As many cards as may be are at it.
    InFlight,
}

/// Why a card is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason<'n> {
    /// The update is not for it, because of this part of the scope.
    Scope(&'n Scope),
    /// It has that version.
    Current,
    /// It tried as often as it may.
    GaveUp {
        /// How often.
        attempts: u8,
    },
    /// The window is over.
    TooLate(UnixTime),
}

/// Why no card does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// The notice does not hold any more.
    #[error(transparent)]
    Void(#[from] Void),
    /// Too many cards have failed.
    #[error("stopped: {failed} of {tried} cards failed, and {tolerated} % are tolerated")]
    Failures {
        /// How many failed.
        failed: usize,
        /// How many tried.
        tried: usize,
        /// The tolerated share, in percent.
        tolerated: u8,
    },
}

/// Decides for every card, in the order of `cards`. A pure function: the same inventory gives the same decisions,
/// and a driver that carries them out and asks again comes to an end.
///
/// # Errors
/// [`Stopped`]: why no card does anything.
pub fn decide<'n>(
    notice: &'n Notice,
    situation: &Situation<'_>,
    cards: &[Card<'_>],
) -> Result<Vec<Decision<'n>>, Stopped> {
    notice.fresh(situation.now)?;
    failures(notice, cards)?;
    let mut round = Round { notice, situation, cards, busy: 0, leaving: Vec::new() };
    round.busy = cards.iter().filter(|card| card.progress == Progress::Installing).count();
    Ok(cards.iter().map(|card| Decision { card: card.position, verdict: round.judge(card) }).collect())
}

/// The wave of a card, from 0: a share of a digest of the package, the cabinet and the position, so that every
/// campaign has other first cards and nobody can choose.
pub fn wave(notice: &Notice, module: &str, card: Position) -> u8 {
    let digest = Sha256::new()
        .chain_update(notice.package.0)
        .chain_update(module.as_bytes())
        .chain_update([0, card.chassis, card.slot])
        .finalize();
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    u8::try_from(number % NonZeroU64::from(notice.waves.count)).unwrap_or(0)
}

fn failures(notice: &Notice, cards: &[Card<'_>]) -> Result<(), Stopped> {
    let covered = || cards.iter().filter(|card| notice.scope.covers(card));
    let failed = covered().filter(|card| matches!(card.progress, Progress::Failed { .. })).count();
    let done = covered().filter(|card| card.progress == Progress::Done).count();
    let tried = failed.saturating_add(done);
    let tolerated = notice.waves.tolerated;
    if failed.saturating_mul(100) > tried.saturating_mul(usize::from(tolerated)) {
        return Err(Stopped::Failures { failed, tried, tolerated });
    }
    Ok(())
}

/// One pass over the cards: what has been allowed so far counts against the next.
struct Round<'n, 'c> {
    notice: &'n Notice,
    situation: &'c Situation<'c>,
    cards: &'c [Card<'c>],
    /// How many cards are at it.
    busy: usize,
    /// The services of the cards that stop serving for a moment.
    leaving: Vec<u32>,
}

impl<'n> Round<'n, '_> {
    fn judge(&mut self, card: &Card<'_>) -> Verdict<'n> {
        if let Some(reason) = self.reason(card) {
            return Verdict::Leave(reason);
        }
        if let Some(hold) = self.hold(card) {
            return Verdict::Wait(hold);
        }
        if card.progress != Progress::Staged {
            self.busy = self.busy.saturating_add(1);
            return Verdict::Stage;
        }
        if let Some(hold) = card.service.and_then(|service| self.service(card, service)) {
            return Verdict::Wait(hold);
        }
        self.busy = self.busy.saturating_add(1);
        self.leaving.extend(card.service.filter(|_| card.serving));
        Verdict::Commit
    }

    /// Why a card is left alone for good.
    fn reason(&self, card: &Card<'_>) -> Option<Reason<'n>> {
        if let Some(part) = self.notice.scope.obstacle(card) {
            return Some(Reason::Scope(part));
        }
        let current = card.version(&self.notice.software) == Some(&self.notice.version);
        match card.progress {
            Progress::Done => Some(Reason::Current),
            Progress::Untouched if current => Some(Reason::Current),
            Progress::Failed { attempts } if attempts >= self.notice.waves.attempts.get() => {
                Some(Reason::GaveUp { attempts })
            }
            Progress::Installing => None,
            _ if self.situation.now > self.notice.window.not_after => {
                Some(Reason::TooLate(self.notice.window.not_after))
            }
            _ => None,
        }
    }

    /// What a card waits for that has nothing to do with its service.
    fn hold(&self, card: &Card<'_>) -> Option<Hold> {
        let (window, now) = (&self.notice.window, self.situation.now);
        if card.progress == Progress::Installing {
            return Some(Hold::Installing);
        }
        if now < window.not_before {
            return Some(Hold::NotBefore(window.not_before));
        }
        let hours = window.daily.filter(|_| self.notice.severity < Severity::CRITICAL);
        let minutes = hours.map_or(0, |daily| daily.wait(self.situation.minute));
        if minutes > 0 {
            return Some(Hold::Hours(minutes));
        }
        let number = wave(self.notice, self.situation.module, card.position);
        let until = self.notice.waves.interval.saturating_mul(u32::from(number));
        let opens_at = window.not_before.after(until);
        if now < opens_at {
            return Some(Hold::Wave { number, opens_at });
        }
        if window.moment == Moment::PowerUp && !card.powering_up {
            return Some(Hold::PowerUp);
        }
        (self.busy >= self.situation.in_flight).then_some(Hold::InFlight)
    }

    /// What a card that has staged waits for on behalf of its service.
    fn service(&self, card: &Card<'_>, service: u32) -> Option<Hold> {
        let rule = self.situation.services.iter().find(|rule| rule.service == service);
        let members = || self.cards.iter().filter(|other| other.service == Some(service));
        let behind = |other: &Card<'_>| {
            let ready = matches!(other.progress, Progress::Staged | Progress::Done);
            !ready && other.version(&self.notice.software) != Some(&self.notice.version)
        };
        let covered = |other: &&Card<'_>| self.notice.scope.covers(other);
        if rule.is_some_and(|rule| rule.together) && members().filter(covered).any(behind) {
            return Some(Hold::Together);
        }
        if !card.serving {
            return None;
        }
        let critical = self.notice.severity >= Severity::CRITICAL;
        let asked = rule.filter(|_| !critical).map_or(1, |rule| rule.serving);
        // A service of one card cannot be kept up by others: it is down for as long as its card changes over.
        let needed = asked.min(members().count().saturating_sub(1));
        let leaving = self.leaving.iter().filter(|other| **other == service).count();
        let serving = members().filter(|other| other.serving).count().saturating_sub(leaving);
        (serving <= needed).then_some(Hold::Service { serving: needed })
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage => f.write_str("stages the package"),
            Self::Commit => f.write_str("changes over"),
            Self::Wait(hold) => write!(f, "waits: {hold}"),
            Self::Leave(reason) => write!(f, "left alone: {reason}"),
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installing => f.write_str("it is installing"),
            Self::NotBefore(at) => write!(f, "the window begins at {at}"),
            Self::Hours(minutes) => write!(f, "the hours for updates begin in {minutes} min"),
            Self::Wave { number, opens_at } => {
                write!(f, "its wave, number {}, opens at {opens_at}", number.saturating_add(1))
            }
            Self::PowerUp => f.write_str("it takes the update when it is next switched on"),
            Self::Service { serving } => write!(f, "its service keeps {serving} cards serving"),
            Self::Together => f.write_str("its service changes over when all its cards have staged"),
            Self::InFlight => f.write_str("as many cards as may be are installing"),
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(part) => write!(f, "not covered by `{part}`"),
            Self::Current => f.write_str("it has that version"),
            Self::GaveUp { attempts } => write!(f, "it failed {attempts} times and keeps what it had"),
            Self::TooLate(at) => write!(f, "the window ended at {at}"),
        }
    }
}
