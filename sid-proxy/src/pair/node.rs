//! One of the two.

use super::{Advert, Config, Error, Event, Input, Lost, Output, Stats};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::time::Duration;

/// One of the two proxies, and one group of addresses. See the [module](super). It keeps no more than a few outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    config: Arc<Config>,
    state: State,
    /// The highest token that was seen, of either node.
    highest: u64,
    /// The number of the other's last advert.
    heard: Option<u64>,
    /// How many adverts the other sends in what time.
    pace: Duration,
    counter: u64,
    /// What the owner is to be told until it has heard it.
    farewell: Option<Farewell>,
    queue: VecDeque<Effect>,
    /// The datagram that the last output lends.
    lent: [u8; Advert::LEN],
    stats: Stats,
    now: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// No owner is heard after `alone_at`; a lower one is preempted at `preempt_at`.
    Backup {
        alone_at: Duration,
        preempt_at: Option<Duration>,
    },
    /// A token was asked for.
    Claiming {
        until: Duration,
        preempting: bool,
    },
    Owner {
        token: u64,
        told_at: Duration,
        announce_at: Duration,
        announcements: u8,
    },
    Faulty,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Effect {
    Send([u8; Advert::LEN]),
    Claim,
    Acquire(u64),
    Release,
    Announce,
    Event(Event),
}

/// The word that a node owns the addresses no more.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Farewell {
    /// Under which token it did, 0 if it does not know.
    token: u64,
    /// The number of the advert that said so first.
    said: Option<u64>,
}

impl Node {
    /// Begins at `now`, standing by until it is clear whether there is an owner.
    #[must_use]
    pub fn new(config: Arc<Config>, now: Duration) -> Self {
        let mut node = Self {
            state: State::Faulty,
            highest: 0,
            heard: None,
            pace: pace(&config),
            counter: u64::from(config.boot) << 32,
            // It may have owned the addresses before it was started anew, without a word at the end.
            farewell: Some(Farewell { token: 0, said: None }),
            queue: VecDeque::new(),
            lent: [0; Advert::LEN],
            stats: Stats::default(),
            now,
            config,
        };
        node.stand_by(now);
        node
    }

    /// Changes priority, preemption and times. Who owns the addresses stays the owner, and an owner goes on telling so.
    /// The group, its addresses, the names of the nodes and the secret stay as they were: with others it is another
    /// node.
    pub fn reconfigure(&mut self, now: Duration, config: &Config) -> Result<(), Error> {
        if now < self.now {
            return Err(Error::TimeRanBack);
        }
        let Config { group, node, peer, boot, secret, ref addresses, .. } = *self.config;
        let addresses = addresses.clone();
        self.config = Arc::new(Config { group, node, peer, boot, secret, addresses, ..config.clone() });
        self.pace = self.pace.max(pace(&self.config));
        if let State::Backup { preempt_at, .. } = &mut self.state {
            // A delay that began goes on only if there still is one.
            *preempt_at = preempt_at.filter(|_| self.config.preempt_after.is_some());
        }
        self.now = now;
        self.tick(now);
        Ok(())
    }

    /// Tells what happened at `now`.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        if now < self.now {
            return Err(Error::TimeRanBack);
        }
        self.judge(&input)?;
        // Whoever slept too long lets go before it believes anything else, even a late answer.
        if self.overslept(now) {
            self.lose(now, Lost::Overslept);
        }
        match input {
            Input::Datagram(bytes) => self.datagram(now, bytes),
            Input::Granted { token } => self.granted(now, token),
            Input::Denied => self.stand_by(now),
            Input::Revoked => {
                if matches!(self.state, State::Owner { .. }) {
                    self.lose(now, Lost::Revoked);
                }
            }
            Input::Fault => {
                if matches!(self.state, State::Owner { .. }) {
                    self.lose(now, Lost::Fault);
                }
                self.withdraw();
                self.state = State::Faulty;
            }
            Input::Healthy => {
                if self.state == State::Faulty {
                    self.stand_by(now);
                }
            }
            Input::Tick => {}
        }
        self.now = now;
        self.tick(now);
        Ok(())
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        let addresses = self.config.addresses.as_slice();
        Some(match self.queue.pop_front()? {
            Effect::Send(bytes) => {
                self.lent = bytes;
                Output::Send { bytes: &self.lent }
            }
            Effect::Claim => Output::Claim { above: self.highest },
            Effect::Acquire(token) => Output::Acquire { addresses, token },
            Effect::Release => Output::Release { addresses },
            Effect::Announce => Output::Announce { addresses },
            Effect::Event(event) => Output::Event(event),
        })
    }

    /// When [`Input::Tick`] is due; zero while outputs wait.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if !self.queue.is_empty() {
            return Some(Duration::ZERO);
        }
        match self.state {
            State::Backup { alone_at, preempt_at } => {
                Some(preempt_at.map_or(alone_at, |at| at.min(alone_at)))
            }
            State::Claiming { until, .. } => Some(until),
            State::Owner { told_at, announce_at, .. } => {
                Some(told_at.saturating_add(pace(&self.config)).min(announce_at))
            }
            State::Faulty => None,
        }
    }

    /// The token under which this node owns the addresses, if it does.
    #[must_use]
    pub fn token(&self) -> Option<u64> {
        match self.state {
            State::Owner { token, .. } => Some(token),
            _ => None,
        }
    }

    /// What was counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn tick(&mut self, now: Duration) {
        match &mut self.state {
            State::Backup { alone_at, preempt_at } => {
                let alone = now >= *alone_at;
                if alone || preempt_at.is_some_and(|at| now >= at) {
                    let until = now.saturating_add(self.config.claim_timeout);
                    self.state = State::Claiming { until, preempting: !alone };
                    self.queue.push_back(Effect::Claim);
                }
            }
            State::Claiming { until, .. } if now >= *until => {
                self.withdraw();
                self.stand_by(now);
            }
            State::Owner { told_at, announce_at, announcements, .. } => {
                if now >= *announce_at {
                    *announcements = announcements.saturating_sub(1);
                    let next =
                        if *announcements > 0 { pace(&self.config) } else { self.config.announce_every };
                    *announce_at = now.saturating_add(next.max(pace(&self.config)));
                    self.queue.push_back(Effect::Announce);
                }
                if now >= told_at.saturating_add(pace(&self.config)) {
                    self.tell(now);
                }
            }
            _ => {}
        }
    }

    /// Refuses answers that are not awaited and tokens that don't grow.
    fn judge(&self, input: &Input<'_>) -> Result<(), Error> {
        match (input, self.state) {
            (Input::Granted { token }, State::Claiming { .. }) if *token <= self.highest => {
                Err(Error::StaleToken)
            }
            (Input::Granted { .. } | Input::Denied, State::Claiming { .. }) => Ok(()),
            (Input::Granted { .. } | Input::Denied, _) => Err(Error::NotAsked),
            _ => Ok(()),
        }
    }

    fn granted(&mut self, now: Duration, token: u64) {
        self.highest = token;
        self.farewell = None;
        let announcements = self.config.announcements.max(1);
        self.state = State::Owner { token, told_at: now, announce_at: now, announcements };
        self.queue.push_back(Effect::Acquire(token));
        self.queue.push_back(Effect::Event(Event::Owner { token }));
        self.tell(now);
    }

    fn datagram(&mut self, now: Duration, bytes: &[u8]) {
        let Ok(advert) = Advert::parse(bytes, &self.config.secret) else {
            self.stats.forged = self.stats.forged.saturating_add(1);
            return;
        };
        if advert.group != self.config.group || advert.node != self.config.peer {
            self.stats.foreign = self.stats.foreign.saturating_add(1);
            return;
        }
        if self.heard.is_some_and(|heard| advert.counter <= heard) {
            self.stats.stale = self.stats.stale.saturating_add(1);
            return;
        }
        self.stats.heard = self.stats.heard.saturating_add(1);
        self.heard = Some(advert.counter);
        self.pace = advert.interval().max(pace(&self.config));
        if advert.owner {
            self.owner_heard(now, &advert);
        } else {
            self.farewell_heard(now, &advert);
        }
        self.highest = self.highest.max(advert.token);
    }

    /// The other says that it owns the addresses.
    fn owner_heard(&mut self, now: Duration, advert: &Advert) {
        match self.state {
            State::Owner { token, .. } => {
                let theirs = (advert.token, self.config.peer) > (token, self.config.node);
                if theirs {
                    self.highest = advert.token;
                    self.lose(now, Lost::Overtaken);
                } else {
                    self.queue.push_back(Effect::Event(Event::TwoOwners { token: advert.token }));
                    self.announce_anew(now);
                    self.tell(now);
                }
            }
            // An owner of what was overtaken already is to know.
            State::Backup { .. } | State::Claiming { .. } if advert.token < self.highest => {
                self.send(false, self.highest);
            }
            State::Claiming { preempting: true, .. } => {}
            State::Backup { .. } | State::Claiming { .. } => {
                let before = match self.state {
                    State::Backup { preempt_at, .. } => preempt_at,
                    _ => None,
                };
                self.withdraw();
                let may = advert.priority < self.config.priority;
                let after = self.config.preempt_after.filter(|_| may);
                let preempt_at = after.map(|after| before.unwrap_or(now.saturating_add(after)));
                self.state = State::Backup { alone_at: now.saturating_add(self.silence()), preempt_at };
                self.bid_farewell(advert.heard);
            }
            State::Faulty => {}
        }
    }

    /// The other says that it owns nothing, or that somebody has a higher token.
    fn farewell_heard(&mut self, now: Duration, advert: &Advert) {
        match &mut self.state {
            State::Owner { token, .. } if advert.token > *token => {
                self.highest = advert.token;
                self.lose(now, Lost::Overtaken);
                self.hurry(now);
            }
            // It may have announced the addresses after we did.
            State::Owner { .. } => self.announce_anew(now),
            State::Backup { .. } if advert.token >= self.highest => self.hurry(now),
            _ => {}
        }
    }

    /// The other has let go: no need to wait for its silence.
    fn hurry(&mut self, now: Duration) {
        let soon = now.saturating_add(self.skew());
        if let State::Backup { alone_at, .. } = &mut self.state {
            *alone_at = soon.min(*alone_at);
        }
    }

    /// Stops to own the addresses, and says so.
    fn lose(&mut self, now: Duration, why: Lost) {
        let State::Owner { token, .. } = self.state else { return };
        // What was to be done as the owner is not to be done after it.
        let acquired = !self.queue.iter().any(|effect| matches!(effect, Effect::Acquire(_)));
        self.queue.retain(|effect| matches!(effect, Effect::Release | Effect::Event(_)));
        if acquired {
            self.queue.push_back(Effect::Release);
        }
        self.queue.push_back(Effect::Event(Event::NoOwner { why }));
        self.stand_by(now);
        self.farewell = Some(Farewell { token, said: None });
        self.bid_farewell(0);
    }

    /// Says that it owns nothing any more, unless the other has heard it.
    fn bid_farewell(&mut self, heard: u64) {
        let Some(farewell) = self.farewell else { return };
        if farewell.said.is_some_and(|said| heard >= said) {
            self.farewell = None;
            return;
        }
        self.send(false, farewell.token);
        self.farewell = Some(Farewell { said: farewell.said.or(Some(self.counter)), ..farewell });
    }

    fn stand_by(&mut self, now: Duration) {
        self.state = State::Backup { alone_at: now.saturating_add(self.silence()), preempt_at: None };
    }

    /// Takes back a claim that was not drained.
    fn withdraw(&mut self) {
        self.queue.retain(|effect| *effect != Effect::Claim);
    }

    fn announce_anew(&mut self, now: Duration) {
        let times = self.config.announcements.max(1);
        if let State::Owner { announce_at, announcements, .. } = &mut self.state {
            *announce_at = now;
            *announcements = times;
        }
    }

    /// Tells the other that this node is the owner.
    fn tell(&mut self, now: Duration) {
        let State::Owner { token, told_at, .. } = &mut self.state else { return };
        *told_at = now;
        let token = *token;
        self.send(true, token);
    }

    fn send(&mut self, owner: bool, token: u64) {
        self.counter = self.counter.saturating_add(1);
        let Config { priority, group, node, ref secret, .. } = *self.config;
        let interval_ms = u32::try_from(pace(&self.config).as_millis()).unwrap_or(u32::MAX);
        let (counter, heard) = (self.counter, self.heard.unwrap_or(0));
        let advert = Advert { owner, priority, group, node, token, counter, heard, interval_ms };
        // Only the last word counts.
        self.queue.retain(|effect| !matches!(effect, Effect::Send(_)));
        self.queue.push_back(Effect::Send(advert.emit(secret)));
    }

    /// True for an owner that has told nothing for so long that the other may own the addresses by now.
    fn overslept(&self, now: Duration) -> bool {
        let State::Owner { told_at, .. } = self.state else { return false };
        let missing = u32::from(self.config.missing.max(2));
        now >= told_at.saturating_add(pace(&self.config).saturating_mul(missing))
    }

    /// How long no advert may come from an owner.
    fn silence(&self) -> Duration {
        let missing = u32::from(self.config.missing.max(2));
        self.pace.saturating_mul(missing).saturating_add(self.skew())
    }

    /// The lower the priority, the later, by an interval at most: so two that wait don't claim at once.
    fn skew(&self) -> Duration {
        let part = u32::from(u8::MAX.saturating_sub(self.config.priority)).saturating_add(1);
        self.pace.saturating_mul(part).checked_div(256).unwrap_or_default()
    }
}

fn pace(config: &Config) -> Duration {
    config.interval.clamp(Duration::from_millis(10), Duration::from_secs(60))
}
