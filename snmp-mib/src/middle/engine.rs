//! The middle agent and its three verbs.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use super::rule::{Action, Happening, Rule};
use crate::notify::Trap;
use crate::wire::{Oid, OidBuf, Value};

/// What a middle agent is told when it starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The rules; the first one that matches counts.
    pub rules: Vec<Rule>,
    /// Mixed into keys, so that a stranger cannot make two things look the same; random.
    pub seed: u64,
    /// How much it takes and keeps.
    pub limits: Limits,
}

/// How much a middle agent takes and keeps.
///
/// Memory: about 100 octets for each of `sources`, 150 for each of `keys`, and 400 for each of `outputs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long each thing of one source counts: a second divided by how many it may send a second.
    pub interval: Duration,
    /// How many of one source may come at once.
    pub burst: u32,
    /// The most sources that have a bucket of their own; further ones share one.
    pub sources: usize,
    /// The most things that are remembered as seen; further ones are dropped and counted.
    pub keys: usize,
    /// The most outputs that wait to be taken; further ones are dropped and counted.
    pub outputs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { interval: Duration::from_millis(10), burst: 200, sources: 4_096, keys: 65_536, outputs: 4_096 }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a, 't> {
    /// A notification came.
    Trap {
        /// Its sender.
        from: IpAddr,
        /// What it tells.
        trap: &'a Trap<'t>,
    },
    /// A value was polled.
    Value {
        /// Whose it is.
        from: IpAddr,
        /// The instance.
        name: Oid<'a>,
        /// The value.
        value: Value<'a>,
    },
    /// The deadline has come.
    Tick,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Something is to be done.
    Act {
        /// The position of the rule.
        rule: usize,
        /// What is to be done.
        action: Action,
        /// Because of whom.
        from: IpAddr,
        /// The notification, or the polled instance.
        name: OidBuf,
        /// How many times it happened to come to this.
        count: u32,
    },
    /// A window has ended in which the same went on.
    Summary {
        /// The position of the rule.
        rule: usize,
        /// Of whom the first was.
        from: IpAddr,
        /// The notification, or the polled instance, of the first.
        name: OidBuf,
        /// How many were not passed on.
        suppressed: u64,
    },
}

/// Why something goes no further. It is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Dropped {
    /// Its source sends too much.
    #[error("its source sends too much")]
    Limited,
    /// No rule is about it.
    #[error("no rule is about it")]
    Unmatched,
    /// It has not happened often enough.
    #[error("it has not happened often enough")]
    BelowRate,
    /// The same was passed on, and is summed up later.
    #[error("the same was passed on")]
    Suppressed,
    /// As many different things as the limits allow are remembered.
    #[error("too many different things")]
    Crowded,
}

/// What a middle agent counts. `received` is the sum of the six that follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Everything that came.
    pub received: u64,
    /// Dropped because their source sends too much.
    pub limited: u64,
    /// Dropped because no rule is about them.
    pub unmatched: u64,
    /// Counted towards a rate.
    pub below_rate: u64,
    /// Told in summaries.
    pub suppressed: u64,
    /// Dropped because too many different things were remembered.
    pub crowded: u64,
    /// Acted upon.
    pub acted: u64,
    /// Escalations.
    pub escalated: u64,
    /// Summaries.
    pub summaries: u64,
    /// Outputs dropped because as many as the limits allow were waiting.
    pub outputs_dropped: u64,
}

/// Something that was seen.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    rule: usize,
    from: IpAddr,
    name: OidBuf,
    /// Towards a rate.
    count: u32,
    /// When the window, or the span of the rate, ends.
    until: Duration,
    /// Whether it was passed on, and so a window is open.
    passed: bool,
    suppressed: u64,
    /// Windows in a row in which it went on.
    rounds: u32,
}

/// Judges what comes from many agents.
#[derive(Clone, Debug, PartialEq)]
pub struct Middle {
    config: Config,
    now: Duration,
    /// By source, the time at which its bucket is full again.
    buckets: BTreeMap<IpAddr, Duration>,
    /// The bucket of those who have none of their own.
    others: Duration,
    seen: BTreeMap<u128, Seen>,
    ends: BTreeSet<(Duration, u128)>,
    outputs: VecDeque<Output>,
    stats: Stats,
}

impl Middle {
    /// A middle agent.
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            now: Duration::ZERO,
            buckets: BTreeMap::new(),
            others: Duration::ZERO,
            seen: BTreeMap::new(),
            ends: BTreeSet::new(),
            outputs: VecDeque::new(),
            stats: Stats {
                received: 0,
                limited: 0,
                unmatched: 0,
                below_rate: 0,
                suppressed: 0,
                crowded: 0,
                acted: 0,
                escalated: 0,
                summaries: 0,
                outputs_dropped: 0,
            },
        }
    }

    /// Tells the middle agent what happened at `now`.
    ///
    /// # Errors
    /// [`Dropped`]: why it goes no further.
    pub fn handle(&mut self, now: Duration, input: Input<'_, '_>) -> Result<(), Dropped> {
        self.now = self.now.max(now);
        let (from, what) = match input {
            Input::Trap { from, trap } => (from, Happening::Trap(trap)),
            Input::Value { from, name, value } => (from, Happening::Value(name, value)),
            Input::Tick => {
                self.close();
                return Ok(());
            }
        };
        // What has ended has ended, though nobody said so in time.
        self.close();
        let outcome = self.judge(from, &what);
        let stats = &mut self.stats;
        stats.received = stats.received.saturating_add(1);
        let counter = match outcome {
            Ok(()) => &mut stats.acted,
            Err(Dropped::Limited) => &mut stats.limited,
            Err(Dropped::Unmatched) => &mut stats.unmatched,
            Err(Dropped::BelowRate) => &mut stats.below_rate,
            Err(Dropped::Suppressed) => &mut stats.suppressed,
            Err(Dropped::Crowded) => &mut stats.crowded,
        };
        *counter = counter.saturating_add(1);
        outcome
    }

    /// The next thing to do, or `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is next due; zero while outputs are pending.
    pub fn deadline(&self) -> Option<Duration> {
        if !self.outputs.is_empty() {
            return Some(Duration::ZERO);
        }
        self.ends.first().map(|(at, _)| *at)
    }

    /// What was counted.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// The rules.
    pub fn rules(&self) -> &[Rule] {
        &self.config.rules
    }

    fn judge(&mut self, from: IpAddr, what: &Happening<'_, '_>) -> Result<(), Dropped> {
        if !self.admit(from) {
            return Err(Dropped::Limited);
        }
        let found = self.config.rules.iter().enumerate().find(|(_, rule)| rule.matches(what));
        let (position, rule) = found.ok_or(Dropped::Unmatched)?;
        let (window, rate, action) = (rule.window, rule.rate, rule.action);
        if window.is_zero() && rate.is_none() {
            self.act(position, action, from, what.name(), 1);
            return Ok(());
        }
        let key = self.key(position, rule, from, what);
        let full = self.seen.len() >= self.config.limits.keys;
        let (now, needed) = (self.now, rate.map_or(1, |rate| rate.count));
        let Some(seen) = self.seen.get_mut(&key) else {
            if full {
                return Err(Dropped::Crowded);
            }
            let until = now.saturating_add(rate.filter(|_| needed > 1).map_or(window, |rate| rate.within));
            let passed = needed <= 1;
            let name = what.name().to_buf();
            let seen = Seen { rule: position, from, name, count: 1, until, passed, suppressed: 0, rounds: 0 };
            self.seen.insert(key, seen);
            self.ends.insert((until, key));
            if !passed {
                return Err(Dropped::BelowRate);
            }
            self.act(position, action, from, what.name(), 1);
            return Ok(());
        };
        if seen.passed {
            seen.suppressed = seen.suppressed.saturating_add(1);
            return Err(Dropped::Suppressed);
        }
        seen.count = seen.count.saturating_add(1);
        if seen.count < needed {
            return Err(Dropped::BelowRate);
        }
        let (count, before) = (seen.count, seen.until);
        seen.passed = true;
        seen.until = now.saturating_add(window);
        self.ends.remove(&(before, key));
        self.ends.insert((now.saturating_add(window), key));
        self.act(position, action, from, what.name(), count);
        Ok(())
    }

    /// Takes a place in the bucket of a source, if there is one.
    fn admit(&mut self, from: IpAddr) -> bool {
        let Limits { interval, burst, sources, .. } = self.config.limits;
        let (now, full) = (self.now, self.buckets.len() >= sources);
        let room = interval.saturating_mul(burst);
        if full && !self.buckets.contains_key(&from) {
            // A bucket that is full again is no different from none. A few are looked at, so that forged addresses
            // do not cost a search each.
            let near = self.buckets.range(from..).chain(self.buckets.iter()).take(8);
            let idle = near.into_iter().find(|(_, at)| **at <= now).map(|(source, _)| *source);
            idle.map(|source| self.buckets.remove(&source));
        }
        let own = self.buckets.len() < sources || self.buckets.contains_key(&from);
        let bucket = if own { self.buckets.entry(from).or_default() } else { &mut self.others };
        let next = (*bucket).max(now).saturating_add(interval);
        let admitted = next.saturating_sub(now) <= room;
        if admitted {
            *bucket = next;
        }
        admitted
    }

    /// What two things must share to be the same: a keyed hash of so many bits that no two others do.
    fn key(&self, position: usize, rule: &Rule, from: IpAddr, what: &Happening<'_, '_>) -> u128 {
        let mut hash = Mix::new(self.config.seed);
        hash.part(&position.to_be_bytes());
        let octets = match from.to_canonical() {
            IpAddr::V4(from) => from.to_ipv6_mapped().octets(),
            IpAddr::V6(from) => from.octets(),
        };
        rule.identify(&octets, what, &mut |part| hash.part(part));
        hash.end()
    }

    fn act(&mut self, rule: usize, action: Action, from: IpAddr, name: Oid<'_>, count: u32) {
        if action != Action::Ignore {
            self.queue(Output::Act { rule, action, from, name: name.to_buf(), count });
        }
    }

    fn queue(&mut self, output: Output) {
        if self.outputs.len() >= self.config.limits.outputs {
            self.stats.outputs_dropped = self.stats.outputs_dropped.saturating_add(1);
        } else {
            self.outputs.push_back(output);
        }
    }

    /// Ends the windows whose time has come, the earliest first.
    fn close(&mut self) {
        while let Some((at, key)) = self.ends.first().copied().filter(|(at, _)| *at <= self.now) {
            self.ends.remove(&(at, key));
            let Some(mut seen) = self.seen.remove(&key) else {
                continue;
            };
            // A window in which nothing came ends it; so does a span in which the rate was not reached.
            if seen.suppressed == 0 {
                continue;
            }
            let Some(rule) = self.config.rules.get(seen.rule) else {
                continue;
            };
            let (window, escalation) = (rule.window.max(Duration::from_millis(1)), rule.escalate);
            let ignored = rule.action == Action::Ignore;
            seen.rounds = seen.rounds.saturating_add(1);
            if !ignored {
                self.stats.summaries = self.stats.summaries.saturating_add(1);
                let Seen { rule, from, ref name, suppressed, .. } = seen;
                self.queue(Output::Summary { rule, from, name: name.clone(), suppressed });
            }
            if let Some(escalation) = escalation.filter(|escalation| escalation.after == seen.rounds) {
                self.stats.escalated = self.stats.escalated.saturating_add(1);
                let count = u32::try_from(seen.suppressed).unwrap_or(u32::MAX);
                self.act(seen.rule, escalation.action, seen.from, seen.name.as_oid(), count);
            }
            // It went on, so the next window begins where this one ended.
            seen.suppressed = 0;
            seen.until = at.saturating_add(window);
            self.ends.insert((seen.until, key));
            self.seen.insert(key, seen);
        }
    }
}

/// Two lanes of a keyed multiply-and-fold hash.
struct Mix(u64, u64);

impl Mix {
    const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15, seed.rotate_left(32) ^ 0xd1b5_4a32_d192_ed03)
    }

    fn word(&mut self, word: u64) {
        self.0 = fold(self.0 ^ word, 0xa076_1d64_78bd_642f);
        self.1 = fold(self.1 ^ word, 0xe703_7ed1_a0b4_28db);
    }

    /// A part, with its length, so that two lists of parts never run together.
    fn part(&mut self, part: &[u8]) {
        let (words, rest) = part.as_chunks::<8>();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        let last = rest.iter().fold(0, |word, octet| (word << 8) | u64::from(*octet));
        self.word(last);
        self.word(u64::try_from(part.len()).unwrap_or(u64::MAX));
    }

    fn end(&self) -> u128 {
        (u128::from(self.0) << 64) | u128::from(self.1)
    }
}

#[allow(clippy::as_conversions, reason = "both halves of a product are wanted")]
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}
